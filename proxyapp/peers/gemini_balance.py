"""gemini-balance: its `.env`, or its database, which wins over the file."""

import re
from collections.abc import Mapping

from proxyapp.peers.databases import rows_of, tables_of
from proxyapp.peers.env_file import listed
from proxyapp.peers.moved import MovedGroup, MovedIn
from proxyapp.peers.reasons import (
    ALL_TRIED,
    AS_ANSWERED,
    AS_WRITTEN,
    MODELS_HAD,
    NOT_COUNTED,
    OF_GATEWAY,
    OF_PROGRAM,
    OWN_DATABASE,
)
from proxyapp.peers.source import Environment, Source
from proxyapp.peers.targets import target_fields
from proxyapp.vocabulary.checks import check_key
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.marks import gettext_noop

PEER = "gemini-balance"
NAMES = frozenset(("API_KEYS", "ALLOWED_TOKENS"))
TAKEN = NAMES | {"AUTH_TOKEN", "BASE_URL", "PROXIES", "PAID_KEY", "VERTEX_API_KEYS"}
# Vertex AI with API keys; what follows the host the gateway adds.
EXPRESS = "https://aiplatform.googleapis.com"
EXPRESS_PATH = re.compile(r"/v\d\w*(?:/publishers/google)?/?$")
REASONS = {
    "VERTEX_EXPRESS_BASE_URL": gettext_noop("is for VERTEX_API_KEYS, of which there are none"),
    "MAX_FAILURES": NOT_COUNTED,
    "MAX_RETRIES": ALL_TRIED,
    "CHECK_INTERVAL_HOURS": gettext_noop("a dead key is asked about when it is refused"),
    "TIME_OUT": OF_GATEWAY,
    "TIMEZONE": gettext_noop("is a setting of this gateway: TZ"),
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
        # For images and the like only: in the rotation each request would cost money.
        group = moved.group("gemini-paid", **{**made.fields, "enabled": False})
        moved.key(group, paid, "PAID_KEY")
        moved.notes.append(_("PAID_KEY is in a group of its own, which is off: gemini-paid"))
    taken = TAKEN | _express(settings, made, moved)
    _tokens(settings, moved)
    for name, value in settings.items():
        if name not in taken and value.strip() not in ("", "[]", "{}", "None", "null"):
            moved.leave(name, _reason(name))


def _express(settings: Mapping[str, str], gemini: MovedGroup, moved: MovedIn) -> frozenset[str]:
    """The settings that it took. Only a path of their own led to these keys, which cost money:
    the group is off until somebody means it to be on.
    """
    keys = listed(settings.get("VERTEX_API_KEYS", ""))
    if not keys:
        return frozenset()
    target = EXPRESS_PATH.sub("", settings.get("VERTEX_EXPRESS_BASE_URL", "").strip()) or EXPRESS
    express = {**gemini.fields, **target_fields(target), "enabled": False}
    made = moved.group("express", **express)
    for index, key in enumerate(keys):
        moved.key(made, key, f"VERTEX_API_KEYS[{index}]")
    moved.notes.append(_("VERTEX_API_KEYS are in a group of their own, which is off: express"))
    return frozenset({"VERTEX_EXPRESS_BASE_URL"})


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
