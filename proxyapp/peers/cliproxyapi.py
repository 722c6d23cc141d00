"""CLIProxyAPI: the keys of its `config.yaml`, one entry each, and its clients' `api-keys`."""

from typing import Any

from proxyapp.peers.fields import Fields
from proxyapp.peers.model_names import put_models
from proxyapp.peers.moved import MovedGroup, MovedIn
from proxyapp.peers.reasons import (
    ADMIN,
    AS_WRITTEN,
    LISTENING,
    MODELS_HAD,
    NO_ADDRESS,
    OWN_ROTATION,
    PROVIDER_SAYS,
    VERTEX,
)
from proxyapp.peers.source import Environment, Source
from proxyapp.peers.targets import target_fields
from proxyapp.vocabulary.choices import MAX_PRIORITY
from proxyapp.vocabulary.marks import gettext_noop

PEER = "cliproxyapi"
OLD_KEYS = "generative-language-api-key"
COMPATIBLE = "openai-compatibility"
# Of each list of keys: the name of its groups, and the provider.
LISTS = {
    "gemini-api-key": ("gemini", "gemini"),
    "interactions-api-key": ("gemini-interactions", "gemini"),
    "claude-api-key": ("claude", "anthropic"),
    "codex-api-key": ("codex", "openai"),
}
OWN = frozenset({OLD_KEYS, COMPATIBLE, *LISTS})
REASONS = {
    "vertex-api-key": VERTEX,
    "prefix": gettext_noop(
        "clients ask for models without a prefix: `/g/GROUP/…` goes to one group"
    ),
    "headers": AS_WRITTEN,
    "excluded-models": MODELS_HAD,
    "host": LISTENING,
    "port": LISTENING,
    "auth-dir": gettext_noop("logins of programs are not taken over"),
    "routing": OWN_ROTATION,
    "remote-management": ADMIN,
    "quota-exceeded": PROVIDER_SAYS,
}
DIRECT = "direct"
NO_EXIT = (DIRECT, "none")
Made = dict[object, MovedGroup]


def recognises(source: Source) -> bool:
    fields = source.fields
    if OWN & fields.keys():
        return True
    clients = fields.get("api-keys")
    return isinstance(clients, list) and "auth-dir" in fields


def read(source: Source, moved: MovedIn, __: Environment) -> None:
    fields = Fields(source.tree, "", moved)
    exit_of_all = fields.text("proxy-url")
    for name, (group, provider) in LISTS.items():
        made: Made = {}
        for entry in fields.each(name):
            _entry(entry, group, provider, made)
    for entry in fields.each(COMPATIBLE):
        _compatible(entry, moved)
    _old(fields, moved)
    _turn_priorities(moved)
    if exit_of_all and exit_of_all.lower() not in NO_EXIT:
        for moved_group in moved.groups:
            moved_group.fields["proxy_url"] = exit_of_all
    for index, (place, token) in enumerate(fields.items("api-keys"), start=1):
        moved.token(token, place, f"cliproxyapi {index}")
    fields.leave_rest(REASONS)


def _entry(entry: Fields, name: str, provider: str, made: Made) -> None:
    """Entries of one target and the same models are one group."""
    base, names = entry.text("base-url"), _names(entry)
    at = (base, tuple(names.items()))
    if at not in made:
        made[at] = entry.moved.group(name, **target_fields(base, provider))
        put_models(made[at], names, entry.moved)
    _key(made[at], entry, entry.number("priority"))
    entry.leave_rest(REASONS)


def _turn_priorities(moved: MovedIn) -> None:
    """There the higher goes first and 0 is what a key has, here the lower."""
    given = [key.fields.get("priority", 0) for key in moved.keys]
    if any(given):
        for key, priority in zip(moved.keys, given, strict=True):
            key.fields["priority"] = min(max(given) - priority, MAX_PRIORITY)


def _compatible(entry: Fields, moved: MovedIn) -> None:
    base = entry.text("base-url")
    if not base:
        moved.leave(entry.place, NO_ADDRESS)
        return
    made = moved.group(entry.text("name"), **target_fields(base, "openai"))
    if entry.flag("disabled"):
        made.fields["enabled"] = False
    put_models(made, _names(entry), moved)
    priority = entry.number("priority")
    for key in entry.each("api-key-entries"):
        _key(made, key, priority)
        key.leave_rest(REASONS)
    for place, secret in entry.items("api-keys"):
        moved.key(made, secret, place)
    entry.leave_rest(REASONS)


def _key(made: MovedGroup, entry: Fields, priority: int | None) -> None:
    exit_of_key = entry.text("proxy-url")
    terms: dict[str, Any] = {
        "weight": entry.weight(),
        "proxy_url": DIRECT if exit_of_key.lower() in NO_EXIT else exit_of_key,
        "priority": priority,
    }
    entry.moved.key(made, entry.take("api-key"), entry.at("api-key"), **terms)


def _names(entry: Fields) -> dict[str, str]:
    """By what clients ask for; behind a prefix too, where it is known what for."""
    names: dict[str, str] = {}
    for model in entry.each("models"):
        name, alias = model.text("name"), model.text("alias")
        if name:
            names[alias or name] = name
    if names and (prefix := entry.text("prefix")):
        names |= {f"{prefix}/{asked}": name for asked, name in names.items()}
    return names


def _old(fields: Fields, moved: MovedIn) -> None:
    if keys := fields.items(OLD_KEYS):
        made = moved.group("gemini", **target_fields())
        for place, key in keys:
            moved.key(made, key, place)
