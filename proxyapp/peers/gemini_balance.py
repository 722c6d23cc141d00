"""gemini-balance: its `.env`, or its database, which wins over the file."""

from collections.abc import Mapping

from proxyapp.peers.databases import rows_of, tables_of
from proxyapp.peers.env_file import listed
from proxyapp.peers.moved import MovedIn
from proxyapp.peers.reasons import (
    ALL_TRIED,
    AS_ANSWERED,
    AS_WRITTEN,
    MODELS_HAD,
    NOT_COUNTED,
    OF_GATEWAY,
    OF_PROGRAM,
    OWN_DATABASE,
    VERTEX,
)
from proxyapp.peers.source import Environment, Source
from proxyapp.peers.targets import target_fields
from proxyapp.vocabulary.checks import check_key
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.marks import gettext_noop

PEER = "gemini-balance"
NAMES = frozenset(("API_KEYS", "ALLOWED_TOKENS"))
TAKEN = NAMES | {"AUTH_TOKEN", "BASE_URL", "PROXIES", "PAID_KEY"}
REASONS = {
    "VERTEX_API_KEYS": VERTEX,
    "VERTEX_EXPRESS_BASE_URL": VERTEX,
    "MAX_FAILURES": NOT_COUNTED,
    "MAX_RETRIES": ALL_TRIED,
    "CHECK_INTERVAL_HOURS": gettext_noop("a dead key is asked about when it is refused"),
    "TIME_OUT": OF_GATEWAY,
    "TIMEZONE": gettext_noop("is a setting of this gateway: TIME_ZONE"),
    "FILTERED_MODELS": MODELS_HAD,
    "SAFETY_SETTINGS": AS_WRITTEN,
    "PROXIES_USE_CONSISTENCY_HASH_BY_API_KEY": gettext_noop(
        "each key has one exit of the pool for good"
    ),
    "DATABASE_TYPE": OWN_DATABASE,
}
STARTS = {
    "MYSQL_": gettext_noop(
        "this gateway has a database of its own; name MySQL's `t_settings` as SQLite or .env"
    ),
    "SQLITE_": OWN_DATABASE,
    "FAKE_STREAM_": AS_ANSWERED,
    "STREAM_": AS_ANSWERED,
    "FILES_": gettext_noop("files are kept with the key that made them, by themselves"),
}


def recognises(source: Source) -> bool:
    if source.is_database:
        return "t_settings" in tables_of(source)
    return bool(NAMES & source.settings.keys())


def read(source: Source, moved: MovedIn, __: Environment) -> None:
    settings = _of_database(source) if source.is_database else source.settings
    made = moved.group("gemini", **target_fields(settings.get("BASE_URL", "")))
    if proxies := listed(settings.get("PROXIES", "")):
        made.fields["proxy_pool"] = list(dict.fromkeys(proxies))
    paid = settings.get("PAID_KEY", "").strip()
    keys = listed(settings.get("API_KEYS", ""))
    for index, key in enumerate(keys):
        moved.key(made, key, f"API_KEYS[{index}]")
    if paid and paid not in keys and not check_key(paid):
        moved.key(moved.group("gemini-paid", **made.fields), paid, "PAID_KEY")
        moved.notes.append(_("PAID_KEY is in a group of its own: gemini-paid"))
    _tokens(settings, moved)
    for name, value in settings.items():
        if name not in TAKEN and value.strip() not in ("", "[]", "{}", "None", "null"):
            moved.leave(name, _reason(name))


def _tokens(settings: Mapping[str, str], moved: MovedIn) -> None:
    allowed = listed(settings.get("ALLOWED_TOKENS", ""))
    for index, token in enumerate(allowed):
        moved.token(token, f"ALLOWED_TOKENS[{index}]", f"gemini-balance {index + 1}")
    administrator = settings.get("AUTH_TOKEN", "").strip()
    if administrator and administrator not in allowed:
        moved.token(administrator, "AUTH_TOKEN", "gemini-balance AUTH_TOKEN")


def _of_database(source: Source) -> dict[str, str]:
    rows = rows_of(source, "t_settings", ("key", "value"))
    return {str(row.get("key")): str(row.get("value") or "") for row in rows}


def _reason(name: str) -> str:
    of_start = next((why for start, why in STARTS.items() if name.startswith(start)), "")
    return REASONS.get(name) or of_start or OF_PROGRAM
