"""Which kind of refusal it is: by meaning, from the provider's codes first and from its words where
it sends none.

A message can repeat what a client sent. So the words that condemn a key count at the start of a
message only, those that take a project out only where the status speaks of money or quota, and what
stands in quotes never counts.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from proxyapp.provider.refusal import Refusal
from proxyapp.provider.violations import QuotaWindow


class Kind(StrEnum):
    DAILY = "daily"
    MINUTE = "minute"
    DAY = "day"
    NO_QUOTA = "no_quota"
    UNKNOWN_LIMIT = "unknown_limit"
    BILLING = "billing"
    DEAD_KEY = "dead_key"
    MODEL_FOR_KEY = "model_for_key"
    WRONG_KEY = "wrong_key"
    PROXY_FAULT = "proxy_fault"
    EGRESS = "egress"
    SERVER = "server"
    REQUEST = "request"


@dataclass(frozen=True, slots=True)
class RefusalCase:
    """`model`: empty when unknown.

    `start`: the message in lower case, `text`: the same without what it quotes.
    """

    status: int
    refusal: Refusal
    path: bytes
    model: str
    is_key_in_place: bool
    start: str
    text: str

    def has_word(self, *words: str) -> bool:
        return not self.refusal.words.isdisjoint(words)

    def has_reason(self, pattern: re.Pattern[str]) -> bool:
        return any(pattern.fullmatch(reason) for reason in self.refusal.reasons)


def kind_of(
    status: int, refusal: Refusal, path: bytes, model: str, *, is_key_in_place: bool
) -> Kind:
    """REQUEST is what nothing explains: the client's own."""
    start = refusal.message.lower().replace("\u2019", "'").strip()
    case = RefusalCase(status, refusal, path, model, is_key_in_place, start, QUOTED.sub("", start))
    for rule in RULES:
        kind = rule(case)
        if kind is not None:
            return kind
    return Kind.REQUEST


QUOTED = re.compile(r'"[^"]*"')

SERVER_STATUSES = (408, 499)
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
# Under 400 a message is most often about what the client sent.
MONEY_AT_START = re.compile(
    r"your credit balance is too low|your pre-?pa(?:y|id)|this api method requires billing"
)

DEAD_REASON = re.compile(
    r"API_KEY_(?!MISSING|REQUIRED|NOT_PROVIDED)\w+|CONSUMER_(?:INVALID|SUSPENDED|DISABLED|DELETED)|RESOURCE_PROJECT_INVALID"
    r"|PROJECT_(?:DELETED|SUSPENDED|DISABLED|DENIED|INVALID|CLOSED)\w*|SERVICE_DISABLED|GCP_SUSPENDED"
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
# Bounded, and from the start on: the sentence that explains the refusal, not what a client put
# behind it.
NOT_FOR_KEY = re.compile(
    r"(?:(?:this|the) )?model \S{1,200} is no longer available to new (?:users|projects|customers)"
    r"|[^\n]{0,160}?(?:\b(?:only|not) (?:accessible|available|supported|offered) (?:to|for|on"
    r"|in|with) (?:the )?"
    r"(?:billed|paid|paying|free)\b|(?:does not|do not|n't) have access to (?:the )?model\b"
    r"|\brequires? an? (?:paid|upgraded)\b|request (?:preview )?access at"
    r"|\b(?:not|n't) (?:on|in) (?:the|an?) allow-?list)"
)


def _page(case: RefusalCase) -> Kind | None:
    """Google's own pages, which come before any key is looked at."""
    if not case.refusal.is_html:
        return None
    is_shut_out = case.status == 403 and FORBIDDEN_PAGE.search(case.text)
    return Kind.EGRESS if is_shut_out or UNUSUAL_TRAFFIC.search(case.text) else None


def _limit(case: RefusalCase) -> Kind | None:
    if case.status != 429:
        return None
    windows, violations = case.refusal.windows, case.refusal.violations
    is_quota = not windows.isdisjoint((QuotaWindow.DAY, QuotaWindow.MINUTE)) or any(
        v.quota_id or v.metric for v in violations
    )
    if not is_quota and _is_about_money(case):
        return Kind.BILLING
    if any(violation.is_zero for violation in violations) or NO_FREE_TIER.search(case.text):
        return Kind.NO_QUOTA
    if QuotaWindow.DAY in windows:
        return Kind.DAY
    if QuotaWindow.OTHER not in windows and QuotaWindow.MINUTE in windows:
        return Kind.MINUTE
    return Kind.SERVER if _is_overloaded(case) else Kind.UNKNOWN_LIMIT


def _is_overloaded(case: RefusalCase) -> bool:
    if case.refusal.violations or case.refusal.windows:
        return False
    if case.has_reason(OVERLOADED_REASON):
        return True
    is_busy = OVERLOADED.search(case.text) or case.has_word(*SERVER_WORDS)
    return bool(is_busy) and not OF_QUOTA.search(case.text)


def _is_about_money(case: RefusalCase) -> bool:
    return (
        case.has_reason(MONEY_REASON)
        or case.has_word(*MONEY_WORDS)
        or bool(MONEY.search(case.text))
    )


def _server(case: RefusalCase) -> Kind | None:
    is_server = case.status >= 500 or case.status in SERVER_STATUSES or case.has_word(*SERVER_WORDS)
    return Kind.SERVER if is_server else None


def _credentials(case: RefusalCase) -> Kind | None:
    if case.status == 407:
        return Kind.PROXY_FAULT
    if case.status not in (400, 401, 403):
        return None
    if case.has_reason(DEAD_REASON):
        return Kind.DEAD_KEY
    if case.has_reason(TOKEN_TYPE) or (
        not case.refusal.reasons and case.start.startswith(TOKEN_TYPE_AT_START)
    ):
        return Kind.DEAD_KEY if case.is_key_in_place else Kind.PROXY_FAULT
    if case.has_reason(CREDENTIALS_REASON) or CREDENTIALS.search(case.text):
        return Kind.PROXY_FAULT
    if case.has_word(*DEAD_WORDS) or (case.status == 401 and case.has_word("authentication_error")):
        return Kind.DEAD_KEY
    return Kind.DEAD_KEY if _says_that_the_key_is_dead(case) else None


def _says_that_the_key_is_dead(case: RefusalCase) -> bool:
    """A model may be named by a client so that a message which begins with it reads like a
    verdict.
    """
    if case.refusal.reasons or (case.model and case.start.startswith(case.model.lower())):
        return False
    return DEAD_AT_START.match(case.start) is not None


def _money(case: RefusalCase) -> Kind | None:
    if case.status == 402 or case.has_reason(MONEY_REASON):
        return Kind.BILLING
    if case.status == 403:  # which may name a file as its client calls it
        return Kind.BILLING if _is_about_money(case) and not RESOURCE.search(case.text) else None
    return Kind.BILLING if case.status == 400 and MONEY_AT_START.match(case.start) else None


def _region(case: RefusalCase) -> Kind | None:
    if case.status not in (400, 403, 451):
        return None
    return Kind.EGRESS if case.has_word(*REGION_WORDS) or REGION.search(case.text) else None


def _permission(case: RefusalCase) -> Kind | None:
    """Without a model there is nothing to take out for the key but all of it."""
    if case.status in (400, 403, 404) and NOT_FOR_KEY.match(case.start) and case.model:
        return Kind.MODEL_FOR_KEY
    if case.status not in (403, 404):
        return None
    is_resource = RESOURCE_PATH.search(case.path) is not None
    if is_resource or (RESOURCE.search(case.text) and not case.start.startswith("model")):
        return Kind.WRONG_KEY
    has_no_permission = case.status == 403 and NO_PERMISSION.search(case.text)
    return Kind.MODEL_FOR_KEY if has_no_permission and case.model else None


def _unexplained(case: RefusalCase) -> Kind | None:
    """By RFC 9110, 15.5.2, a 401 is about the credentials, and those are the gateway's."""
    return Kind.PROXY_FAULT if case.status == 401 else None


RULES: tuple[Callable[[RefusalCase], Kind | None], ...] = (
    _page, _limit, _server, _credentials, _money, _region, _permission, _unexplained,
)  # fmt: skip
