"""What is wrong with the text of a setting, and what to write instead; "" when nothing is."""

import os
import re
import ssl
from datetime import time
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from gateway.places import COMMAND
from proxyapp.vocabulary.choices import LANGUAGES, Strategy, choice_values
from proxyapp.vocabulary.path_prefix import check_path_prefix
from proxyapp.vocabulary.token_strength import LONGEST_FOREIGN, is_weak

HOST = re.compile(r"\*|\.?[^\s/:*;,\[\]]+|\[[0-9A-Fa-f:.]+\]")
ORIGIN = re.compile(r"https?://[^\s/]+")
PAGE_ORIGIN = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^\s/?#@\\]*)")
WEB_HOST = re.compile(r"(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")
SHORTEST_SECRET = 32
FEWEST_CHARACTERS = 5
SHORTEST_PASSWORD = 8
SHORTEST_TOKEN = 16
CURRENCY = re.compile(r"[A-Z]{3}")
RATE = re.compile(r"\d{1,7}(?:\.\d{1,6})?", re.ASCII)
MOST_RATE = 1_000_000
TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
HOW_TO_CHANGE_IT = (
    'Make one: python3 -c "import secrets; print(secrets.token_urlsafe(64))". If API keys were'
    " encrypted under the present one, move that to SECRET_KEY_FALLBACKS and run"
    f" `{COMMAND} reencrypt`"
)
HOW_TO_MAKE_ONE = "python3 -c \"import secrets; print('gk-' + secrets.token_urlsafe(32))\""
NO_BEARER = "has characters that no bearer token may have"
# What documentation, generators and other programs' examples put where a secret belongs.
_PLACEHOLDER_SIGN = re.compile(
    r"django-insecure-|change[-_ ]?(?:me|this|it)\b|generate[ds]? (?:with|by|using)|your[-_ ]|"
    r"replace[-_ ](?:me|this|with)|insert[-_ ]|<[^<>]+>|\$\{|\{\{|\bTODO\b|\.\.\.|…",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"(?:my|your|the|super|random|new|secret|key|password|passw0rd|pass|admin|default|django|example"
    r"|placeholder|changeme|change|test|dummy|none|null|string|value|please|here|for|in|production"
    r"|prod|gateway|gemini|app|token|letmein|qwerty|x|\d)+"
)
LOG_FORMATS = ("console", "json")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
REQUEST_LOGS = ("all", "errors", "off")


def log_level(text: str) -> str:
    return "" if text.upper() in LOG_LEVELS else "is not DEBUG, INFO, WARNING or ERROR"


def request_log(text: str) -> str:
    return "" if text in REQUEST_LOGS else "is not all, errors or off"


def language(text: str) -> str:
    return "" if text in LANGUAGES else f"is not {' or '.join(LANGUAGES)}"


def currency(text: str) -> str:
    return "" if CURRENCY.fullmatch(text) else "is not a currency's three letters such as EUR"


def rate(text: str) -> str:
    is_one = RATE.fullmatch(text) and 0 < float(text) <= MOST_RATE
    return "" if is_one else "is not a rate such as 0.92, with six places behind the point at most"


def log_format(text: str) -> str:
    return "" if text in LOG_FORMATS else f"is not one of {', '.join(LOG_FORMATS)}"


def collector(text: str) -> str:
    is_one = urlsplit(text).scheme in ("http", "https") and urlsplit(text).hostname
    return "" if is_one else "is not a URL such as http://127.0.0.1:4318"


def strategy(text: str) -> str:
    known = choice_values(Strategy)
    return "" if text in known else f"is not one of {', '.join(known)}"


def time_of_day(text: str) -> str:
    try:
        is_one = time.fromisoformat(text).tzinfo is None
    except ValueError:
        is_one = False
    return "" if is_one else "is not a time such as 10:00"


def time_zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ValueError, OSError, KeyError):
        return "is not a time zone such as Europe/Moscow"
    return ""


def own_time_zone(text: str) -> str:
    """Of TZ, which may also begin with a colon or name a file."""
    plain = text.removeprefix(":")
    if plain.startswith("/"):
        return "" if Path(plain).is_file() else "is no file with a time zone"
    return time_zone(plain)


def certificate_file(text: str) -> str:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(text)
    except OSError:  # ssl.SSLError is one
        return "is not a readable PEM file of certificates"
    return ""


def directory(text: str) -> str:
    """A path that means the same in a shell, in a URL and here."""
    if found := re.search(r"[#?%$*\x00-\x1f]", text):
        return f"must be a path without {found[0]!r}"
    if text.startswith("~"):
        return "must be a whole path: ~ means a home directory to a shell only"
    if "://" in text:
        return "must be a path such as /var/lib/gateway, not a URL"
    if text != text.strip():
        return "must be a path without a space before or after it"
    try:
        if Path(text).is_file():
            return "is a file, and must be a directory"
        above = next((str(path) for path in Path(text).parents if path.is_file()), "")
        return f"cannot be below {above}, which is a file" if above else ""
    except OSError:
        return "must be a path such as /var/lib/gateway"


def home(text: str) -> str:
    """One with a slip in it would be a new gateway, without a key and with another secret."""
    if complaint := directory(text):
        return complaint
    return "" if os.path.isdir(text) else "is no directory; `init` makes one (docs/START.md)"


def secret(text: str) -> str:
    if _is_placeholder(text):
        return f"is a placeholder that everybody knows. {HOW_TO_CHANGE_IT}"
    if len(text) < SHORTEST_SECRET or len(set(text)) < FEWEST_CHARACTERS:
        return (
            f"has fewer than {SHORTEST_SECRET} characters, or too few different ones, and can be"
            f" guessed. {HOW_TO_CHANGE_IT}"
        )
    return ""


def password(text: str) -> str:
    if _is_placeholder(text):
        return "is a placeholder that everybody knows: choose another, or leave it empty"
    if len(text) < SHORTEST_PASSWORD:
        return f"must have {SHORTEST_PASSWORD} characters at least"
    return ""


def shown_token(text: str) -> str:
    """What a program sends in a header, and a stranger may try to guess."""
    if not text:
        return ""
    if _is_placeholder(text) or len(text) < SHORTEST_TOKEN:
        return f"can be guessed: it needs {SHORTEST_TOKEN} characters at least"
    return "" if TOKEN.fullmatch(text) else NO_BEARER


def client_token(text: str) -> str:
    if not text:
        return ""
    if _is_placeholder(text) or is_weak(text):
        return f"can be guessed. Make one: {HOW_TO_MAKE_ONE}"
    if len(text) > LONGEST_FOREIGN:
        return f"has more than {LONGEST_FOREIGN} characters"
    return "" if TOKEN.fullmatch(text) else NO_BEARER


def _is_placeholder(text: str) -> bool:
    plain = re.sub(r"[\W_]+", "", text).lower()
    return _PLACEHOLDER_SIGN.search(text) is not None or _PLACEHOLDER.fullmatch(plain) is not None


def network(text: str) -> str:
    try:
        ip_network(text)
    except ValueError:
        return "is not an address or a network such as 10.0.0.0/8"
    return ""


def host(text: str) -> str:
    if HOST.fullmatch(text):
        return ""
    return "is not a name such as gateway.example.com (no scheme, no port; IPv6 as [::1])"


def origin(text: str) -> str:
    return "" if ORIGIN.fullmatch(text) else "is not an origin such as https://gateway.example.com"


def path_prefix(text: str) -> str:
    return check_path_prefix(text) or ""


def page_origin(text: str) -> str:
    """Of a browser's page. Of web pages each site is named: a whole scheme would be everybody."""
    if text == "*":
        return "lets any site that a browser shows use the keys: name the origins"
    if text.lower() == "null":
        return ""
    found = PAGE_ORIGIN.fullmatch(text)
    if found is None:
        return (
            "is not an origin such as https://app.example.com, tauri://localhost or null (no path,"
            " no user)"
        )
    scheme, host = found[1].lower(), found[2]
    if scheme == "file":
        return "is no origin that a browser sends: pages of files have the origin null"
    if scheme in ("http", "https") and not WEB_HOST.fullmatch(host):
        return "must name one site, such as https://app.example.com"
    return "" if host == "*" or "*" not in host else "takes a * only alone, as in app://*"
