"""Where alerts may go: Apprise's URLs, as text. Their schemes are those that reach a network.

What would show something on the gateway's own machine, run a program there or read a file of it is
none: whoever enters a URL in the admin need not be at home on that machine.
"""

from difflib import get_close_matches
from urllib.parse import parse_qsl

from proxyapp.vocabulary.in_words import gettext as _

LONGEST = 2000
_NAMES = """
    46elks acs amqp amqps apprise apprises aprs atalk awswhatsapp azure bale bark barks
    betterstack bluesky brevo bsky bulksms bulkvs burstsms chanify clickatell clicksend cliq cm
    d7sms dapnet deltachat deltachats dingtalk discord dot eight00com elks emby embys enigma2
    enigma2s evolution evolutions exotel fcm feishu firehydrant flock flowtriq flowtriqs fluxer
    fluxers form forms freemobile gchat github goalert goalerts gorush gorushs gotify gotifys
    groundmail groupme guilded gupshup hassio hassios httpsms humhub humhubs ifttt ilert
    incidentio infobip instagram irc ircs jellyfin jellyfins jira join json jsons kakao kakaotalk
    kaleyra kavenegar klr kodi kodis kook kudosity kumulos lametric lametrics lark lauther lfg
    line mailersend mailgun mailto mailtos mastodon mastodons matrix matrixs misskey misskeys
    mmost mmosts mobilemessage mobilemsg msg91 msgbird ncloud nclouds nctalk nctalks nexmo nostr
    notica noticas notifiarr notifico notificos notifyapp notifyre ntfy ntfys o365 octopush onebot
    onebots onesignal opsgenie opsimate opsimates pagerduty pagertree parsep parseps pbul pinglet
    pinglets pingram pjet pjets plivo postmark pover prowl psafer psafers push pushdeer pushdeers
    pushed pushme pushplus pushward pushy qq reddit resend revolt ringc rocket rockets rsyslog
    ryver schan sendgrid sendpulse serwersms ses session sessions seven sfr signal signalgrid
    signals signl4 simplepush sinch slack smsc smseagle smseagles smsmanager smsmgr smstunnel
    smtp2go sns sogs sparkpost spike splunk spugpush spush squadcast stackfield strmlabs synology
    synologys telesign telnyx tgram threema toot toots trigv trigvs tweet twilio twist twitter
    viber victorops voipms vonage webex wechat wecom wecombot whapi whatsapp workflow workflows
    wpush wxpusher wxteams x xbmc xbmcs xmatters xml xmls youlmk zalo zcliq zohocliq zoom zulip
"""
SCHEMES = frozenset(_NAMES.split())
# They name files.
FILES = frozenset({"template", "keyfile", "subfile", "pubkey", "prvkey", "pgpkey", "key_file"})


def check_alert_url(url: str) -> str | None:
    """What is wrong with it, without a word of it but its scheme."""
    scheme, divider, rest = url.partition("://")
    if not divider or not rest.strip("/"):
        return _("must be a URL of Apprise, such as slack://… or mailto://… (see its wiki)")
    if len(url) > LONGEST:
        return _("must be at most %(most)s characters long") % {"most": f"{LONGEST:,}"}
    if any(letter.isspace() or not letter.isprintable() for letter in url):
        return _("must have no spaces; write %(instead)s for one") % {"instead": "%20"}
    if scheme.lower() not in SCHEMES:
        return _wrong_scheme(scheme)
    named = sorted({name.lower().lstrip("+-: ") for name in _parameters(url)} & FILES)
    if not named:
        return None
    return _("must not name a file of the gateway's machine (%(name)s=)") % {"name": named[0]}


def shown_alert_url(url: str) -> str:
    """`slack://…`: tokens stand in any other part."""
    scheme, divider, _ = url.partition("://")
    known = divider and scheme.lower() in SCHEMES
    return f"{scheme.lower()}://…" if known else "(not a URL)"


def _parameters(url: str) -> list[str]:
    return [name for name, _ in parse_qsl(url.partition("?")[2], keep_blank_values=True)]


def _wrong_scheme(scheme: str) -> str:
    near = get_close_matches(scheme.lower()[:40], SCHEMES, n=1)
    if scheme.lower() in ("http", "https"):
        return _(
            "must begin with a scheme that reaches a network; a webhook is json:// or jsons:// here"
        )
    if not near:
        return _("must begin with a scheme that reaches a network")
    text = _("must begin with a scheme that reaches a network; did you mean %(near)s://?")
    return text % {"near": near[0]}
