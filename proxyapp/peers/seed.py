"""The gateway that this one follows, of both its versions: YAML, or keys in the environment."""

from collections.abc import Iterator, Mapping

from proxyapp.peers.env_file import listed
from proxyapp.peers.fields import Fields
from proxyapp.peers.model_names import put_fields
from proxyapp.peers.moved import MovedGroup, MovedIn
from proxyapp.peers.reasons import (
    ADMIN,
    ALL_TRIED,
    AS_WRITTEN,
    LISTENING,
    NOT_COUNTED,
    PROVIDER_SAYS,
)
from proxyapp.peers.source import Environment, Source
from proxyapp.peers.targets import target_fields
from proxyapp.vocabulary.marks import gettext_noop

PEER = "seed"
NUMBERED = "GEMINI_API_KEY_"
UNREAD = gettext_noop(
    "was not read there: numbers end at a gap, and go before one key, and that before a list"
)
REASONS = {
    "redis_url": gettext_noop("no Redis is needed: the database keeps keys and cooldowns"),
    "redis_key_prefix": gettext_noop("no Redis is needed"),
    "max_failures_threshold": NOT_COUNTED,
    "rate_limit": gettext_noop(
        "limits are the clients' (`tokens create --requests-per-minute`) or a group's"
    ),
    "circuit_breaker": gettext_noop("a target that is down takes no key out"),
    "internal_retries": ALL_TRIED,
    "temporary_block_minutes": PROVIDER_SAYS,
    "top_p": AS_WRITTEN,
}


def recognises(source: Source) -> bool:
    settings = source.settings
    if "ALLOWED_TOKENS" in settings or "API_KEYS" in settings:
        return False
    if any(name.startswith("GEMINI_API_KEY") for name in settings):
        return True
    return source.lists("groups", "api_keys")


def may_be_ours(source: Source) -> bool:
    """This gateway's own config file has the same groups; its other fields it has not."""
    server = source.fields.get("server")
    is_operated = isinstance(server, dict) and "admin_token" in server
    others = REASONS.keys() & source.fields.keys()
    return not (source.settings or is_operated or others)


def read(source: Source, moved: MovedIn, __: Environment) -> None:
    if settings := source.settings:
        _of_environment(settings, moved)
        return
    fields = Fields(source.tree, "", moved)
    for group in fields.each("groups"):
        _group(group, moved)
    server = fields.fields("server")
    server.leave_rest({"admin_token": ADMIN}, LISTENING)
    fields.leave_rest(REASONS)


def _group(fields: Fields, moved: MovedIn) -> None:
    made = moved.group(fields.text("name"), **target_fields(fields.text("target_url")))
    if proxy := fields.text("proxy_url"):
        made.fields["proxy_url"] = proxy
    for place, key in fields.items("api_keys"):
        moved.key(made, key, place)
    put_fields(made, moved, fields.texts("model_aliases"))
    fields.leave_rest(REASONS)


def _of_environment(settings: Mapping[str, str], moved: MovedIn) -> None:
    """Keys with numbers go before one, and one before a list, as there."""
    made = moved.group("default", **target_fields())
    read = _numbered(settings) or _single(settings)
    for name, value in read:
        _keys(made, name, value, moved)
    names = {name for name, __ in read}
    for name, value in settings.items():
        if name.startswith("GEMINI_API_KEY"):
            if value and name not in names:
                moved.leave(name, UNREAD)
        else:
            reason = ADMIN if name.endswith("ADMIN_TOKEN") else LISTENING
            moved.leave(name, REASONS.get(name.lower(), reason))


def _numbered(settings: Mapping[str, str]) -> list[tuple[str, str]]:
    def upward() -> Iterator[tuple[str, str]]:
        number = 1
        while value := settings.get(f"{NUMBERED}{number}"):
            yield f"{NUMBERED}{number}", value
            number += 1

    return list(upward())


def _single(settings: Mapping[str, str]) -> list[tuple[str, str]]:
    names = ("GEMINI_API_KEY", "GEMINI_API_KEYS")
    return [(name, settings[name]) for name in names if settings.get(name)][:1]


def _keys(made: MovedGroup, name: str, value: str, moved: MovedIn) -> None:
    for key in listed(value):
        moved.key(made, key, name)
