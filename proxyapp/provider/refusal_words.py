"""The words and codes by which refusals are known, by theme."""

import re

QUOTED = re.compile(r'"[^"]*"')

SERVER_WORDS = (
    "unavailable", "internal", "deadline_exceeded", "cancelled", "overloaded", "overloaded_error",
    "server_error", "service_unavailable", "internal_error", "internal_server_error",
)  # fmt: skip
OVERLOADED_REASON = re.compile(r"\w*(?:OVERLOADED|CAPACITY|RESOURCE_AVAILABILITY)\w*")
OVERLOADED = re.compile(
    r"overloaded|high demand|heavy load|too busy|(?:no|at|over|insufficient) capacity|enough "
    r"resources"
    r"|temporarily unavailable"
)
OF_QUOTA = re.compile(r"\bquotas?\b|rate[ _-]?limit|limit:? \d|(?:requests|tokens) per ")

NO_FREE_TIER = re.compile(
    r"(?:n't|not) (?:have|available|supported|offered|included|accessible)[^.\n]{0,20}? "
    r"free(?: quota)? tier"
    r"|no free(?: quota)? tier"
)

MONEY_REASON = re.compile(r"BILLING_\w+")
MONEY_WORDS = (
    "insufficient_quota", "insufficient_credits", "billing_error", "billing_not_active",
    "billing_hard_limit_reached", "payment_required",
)  # fmt: skip
MONEY = re.compile(
    r"pre-?pa(?:y|id)(?:ment)?\b[^.\n]{0,40}?\b(?:deplet|exhaust|used up|run out|ran out"
    r"|insufficient)"
    r"|credits? (?:are|is|has been|have been) (?:depleted|exhausted|used up)|credit balance "
    r"is too low|out of credits"
    r"|(?:insufficient|not enough) (?:credits?|funds|balance)|spend(?:ing)? (?:cap|limit)"
    r"|payment required"
    r"|billing (?:account )?(?:to be enabled|(?:is |has been )?(?:disabled|closed|suspended"
    r"|inactive)"
    r"|(?:is |has )?not (?:been )?(?:enabled|active))"
)
# What is spent in some minutes. What was spent in a month, or paid before, is gone.
SPEND = re.compile(
    r"spend(?:ing)?[ _-]?based[ _-]?(?:rate|limit|quota|thrott)"
    r"|spend(?:ing)?[ _-]?(?:rate|velocity)|rate of (?:your )?spend|spending too (?:fast|quickly)"
    r"|spend(?:ing)?[ _]?per[ _-]?(?:\d+|ten)?[ _-]?min"
    r"|spend(?:ing|s)?\b(?![^\n]{0,200}\bmonth)[^\n]{0,80}"
    r"\b(?:within|in|over|last|past|rolling|every|per) [^.\n]{0,20}?(?:\d+|ten)[ -]min"
)
# The rest of the money would pay for this request if it asked for less.
SMALLER_PASSES = re.compile(
    r"can only afford|(?:fewer|less|lower|reduce|smaller|decrease)[^.\n]{0,30}tokens"
    r"|requested (?:up to )?\d[\d,]* (?:output )?tokens|(?:smaller|shorter) (?:request|prompt)"
)
SPENT_AT_START = re.compile(
    r"spend(?:ing)? (?:cap|limit) (?:breached|exceeded|reached) for project"
)
# Under 400 a message is most often about what the client sent.
MONEY_AT_START = re.compile(
    r"your credit balance is too low|your pre-?pa(?:y|id)|this api method requires billing"
    r"|you have reached your specified [\w ]{0,40}usage limits"
)

DEAD_REASON = re.compile(
    r"API_KEY_(?!MISSING|REQUIRED|NOT_PROVIDED)\w+|CONSUMER_(?:INVALID|SUSPENDED|DISABLED|DELETED)|RESOURCE_PROJECT_INVALID"
    r"|ACCOUNT_STATE_INVALID|PROJECT_(?:DELETED|SUSPENDED|DISABLED|DENIED|INVALID|CLOSED)\w*|SERVICE_DISABLED|GCP_SUSPENDED"
)
# A site's, an app's, a method's: it speaks of what was asked, and another request may pass.
RESTRICTED_REASON = re.compile(r"API_KEY_(?!IP_ADDRESS)\w+_BLOCKED")
RESTRICTED = re.compile(
    r"requests (?:from|to) .{0,500}?\b(?:is|are) blocked"
    r"|(?:the )?(?:provided )?api key has an? (?!ip address)[\w ]{1,40} restriction"
)
DEAD_WORDS = ("invalid_api_key", "account_deactivated")
DEAD_AT_START = re.compile(
    r"(?:(?:your|the|this|the provided) )?api[ _-]?key (?:is |was |has )?(?:been )?(?:not "
    r"valid|invalid|expired"
    r"|not found|(?:reported as )?leaked|revoked|deleted|disabled|suspended)\b"
    r"|(?:incorrect|invalid) (?:x-)?api[ -]key\b"
    r"|(?:the )?(?:provided )?api key has an? [\w ]{1,40} restriction"
    r"|(?:(?:your|the|this) )?(?:project|account|organization)(?: \S{1,100})? (?:is|was|has been) "
    r"(?:denied access|deleted|suspended|disabled|deactivated|shut down)\b"
    r"|(?:permission denied: )?consumer \S{1,300} (?:is|was|has been) (?:invalid|suspended"
    r"|disabled|deleted)"
    r"|(?:this|the) (?:service|api) (?:is|has been) disabled in this (?:account|project)\b"
    r"|permission denied on resource project "
    r"|[\w ]{1,80} api has not been used in (?:project )?\S{1,100} before or it is disabled"
    r"|requests from (?:referr?er|this android|this ios) .{0,300}(?:is|are) blocked"
    r"|requests to this api \S{1,200} (?:method \S{1,200} )?are blocked"
    r"|access to \S{1,200} is restricted from your billing country"
    r"|access denied due to invalid subscription key|user not found\b"
)

TOKEN_TYPE = re.compile(r"ACCESS_TOKEN_TYPE_UNSUPPORTED")
TOKEN_TYPE_AT_START = "request had invalid authentication credentials"  # noqa: S105 (no secret)
CREDENTIALS_REASON = re.compile(
    r"CREDENTIALS_MISSING|OVERLOADED_CREDENTIALS|ACCESS_TOKEN_\w+|API_KEY_(?:MISSING|REQUIRED|NOT_PROVIDED)"
)
CREDENTIALS = re.compile(
    r"\b(?:missing|invalid|malformed|no)(?: or invalid)? authorization header|multiple "
    r"authentication credentials"
    r"|unregistered callers|without established identity|api keys are not supported"
    r"|insufficient authentication scopes|missing (?:a |the )?(?:required )?(?:authentication"
    r"|api[ _-]?key|credential)"
    r"|(?:n't|not) provide an api[ _-]?key|\bno api[ _-]?key|api[ _-]?key (?:header )?is "
    r"(?:required|missing)"
)

REGION_WORDS = ("unsupported_country_region_territory",)
REGION = re.compile(
    r"user location is not supported|(?:not |un)(?:available|supported) in your (?:country"
    r"|region|location)"
    r"|country, region, or territory not supported"
    r"|access denied due to virtual network/firewall rules|\Arequest not allowed\b"
)
UNUSUAL_TRAFFIC = re.compile(r"unusual traffic")
FORBIDDEN_PAGE = re.compile(r"does not have permission to get url")
BILLED_KEY_PASSES = re.compile(r"without a billing account|enable billing")

RESOURCE_PATH = re.compile(
    rb"/(?:files|cachedContents|batches|operations|fileSearchStores|interactions|corpora)/[^/?]"
    rb"|/tunedModels/[^/:?]+(?:[/?]|$)"
)
NOUN = (
    r"\b(?:file|cached ?content|tuned ?model|batch|operation|file ?search ?store"
    r"|interaction|corpus|document)s?\b"
)
RESOURCE = re.compile(
    rf"or it may not exist|\(or permission denied\)|(?:permission|access|find)[^.\n]{{0,60}}?{NOUN}"
    rf"|{NOUN}[^.\n]{{0,150}}?(?:not found|not exist|permission|no longer exists?|expired)"
)
NO_PERMISSION = re.compile(
    r"(?:caller|api key|account) does not have (?:the )?(?:required )?permission"
)
# The permission of the key's project for the model, or for the endpoint that serves it.
MODEL_RESOURCE = re.compile(
    r"(?:permission denied: )?permission ['`][\w.]{1,100}['`] (?:is |was )?denied (?:on|for) "
    r"resource ['`]?[^'`\s]{0,300}/(?:models|endpoints)/[^'`\s/]{1,200}['`]?(?:[\s.(]|$)"
)
NO_KEYS_THERE = re.compile(r"api keys are not (?:supported|accepted|allowed) (?:by|for|on|with) ")
# Bounded, and from the start on: the sentence that explains the refusal, not what a client put
# behind it.
NOT_FOR_KEY = re.compile(
    r"(?:publisher )?model \S{1,300} (?:was|is) not found or your project does not have access"
    r"|project \S{1,100} is not allowed to use "
    r"|(?:(?:this|the) )?model \S{1,200} is no longer available to new (?:users|projects|customers)"
    r"|[^\n]{0,160}?(?:\b(?:only|not) (?:accessible|available|supported|offered) (?:to|for|on"
    r"|in|with) (?:the )?"
    r"(?:billed|paid|paying|free)\b"
    r"|(?:does not|do not|n't) have access to (?:(?:the|this|publisher) )?model\b"
    r"|\b(?:your|this|the) project (?:is not|isn't) allowed to use\b"
    r"|\byour project (?:does not|doesn't) have access to\b"
    r"|\brequires? an? (?:paid|upgraded)\b|request (?:preview )?access at"
    r"|\b(?:not|n't) (?:on|in) (?:the|an?) allow-?list)"
)
