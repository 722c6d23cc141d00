"""new-api and one-api: channels, of their database or as their API lists them, and clients'
tokens.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from proxyapp.config.contents import ConfigError
from proxyapp.peers.databases import parsed, rows_of, tables_of
from proxyapp.peers.fields import Fields
from proxyapp.peers.model_names import put_models
from proxyapp.peers.moved import MovedGroup, MovedIn
from proxyapp.peers.new_api_tokens import groups_of_channel, read_tokens
from proxyapp.peers.reasons import AS_WRITTEN
from proxyapp.peers.source import Environment, Source
from proxyapp.peers.targets import target_fields
from proxyapp.vocabulary.choices import MAX_PRIORITY
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.marks import gettext_noop

PEER = "new-api"
TYPES = {1: "openai", 14: "anthropic", 20: "openrouter", 24: "gemini", 43: "deepseek", 8: "custom"}
OFF = 2
# What a base URL of type 8 may end in.
ASKED = "/chat/completions"
CHANNEL_COLUMNS = (
    *("id", "type", "key", "status", "name", "weight", "priority", "base_url", "models"),
    *("group", "model_mapping", "setting", "param_override", "header_override", "channel_info"),
)
NO_KEY = gettext_noop("is without its key, which its list leaves out: import from the SQLite file")
REASONS = {
    "param_override": AS_WRITTEN,
    "header_override": AS_WRITTEN,
}


def recognises(source: Source) -> bool:
    if source.is_database:
        return "channels" in tables_of(source)
    try:
        return any("type" in row and "models" in row for row in _listed(source))
    except ConfigError:
        return False


def read(source: Source, moved: MovedIn, __: Environment) -> None:
    if not source.is_database:
        rows: Sequence[Mapping[Any, Any]] = _listed(source)
    else:
        rows = rows_of(source, "channels", CHANNEL_COLUMNS, "id")
    highest = max((int(row.get("priority") or 0) for row in rows if _is_number(row)), default=0)
    channels: list[tuple[MovedGroup | None, frozenset[str]]] = []
    for row in rows:
        known = {name: row.get(name) for name in CHANNEL_COLUMNS}
        made = _channel(Fields(known, f"channel {row.get('id')}", moved), highest)
        channels.append((made, groups_of_channel(row)))
    read_tokens(source, moved, channels)


def _listed(source: Source) -> list[Mapping[Any, Any]]:
    """As `GET /api/channel/` answers, or the list alone."""
    if source.is_database or source.text.strip()[:1] not in ("{", "["):
        return []
    found = source.tree
    for name in ("data", "items"):
        found = found.get(name, found) if isinstance(found, dict) else found
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def _is_number(row: Mapping[Any, Any]) -> bool:
    return isinstance(row.get("priority"), int)


def _channel(fields: Fields, highest: int) -> MovedGroup | None:
    """There the higher priority goes first, here the lower."""
    moved, number = fields.moved, fields.number("type") or 0
    fields.take("id"), fields.take("group")
    base, provider = fields.text("base_url"), TYPES.get(number, "")
    if not provider or (provider == "custom" and not base):
        text = _("is of type %(number)s, for which there is no target here")
        moved.leave(fields.place, text % {"number": number})
        return None
    made = moved.group(fields.text("name"), **_target(base, provider))
    if (fields.number("status") or 1) >= OFF:
        made.fields["enabled"] = False
    if weight := fields.weight():
        made.fields["weight"] = weight
    behind = highest - (fields.number("priority") or 0)
    made.fields["priority"] = max(0, min(behind, MAX_PRIORITY))
    _settings(fields, made)
    _keys(fields, made)
    fields.leave_rest(REASONS)
    return made


def _target(base: str, provider: str) -> dict[str, Any]:
    """Of APIs like OpenAI's a base URL is without its version there."""
    base = base.rstrip("/").removesuffix(ASKED)
    is_openai = provider not in ("gemini", "anthropic")
    url = f"{base}/v1" if base and is_openai and not base.endswith("/v1") else base
    return target_fields(url, provider)


def _settings(fields: Fields, made: MovedGroup) -> None:
    names = {name: name for part in fields.text("models").split(",") if (name := part.strip())}
    mapping = parsed(fields.take("model_mapping"))
    if isinstance(mapping, dict):
        names |= {str(name): str(model) for name, model in mapping.items()}
    put_models(made, names, fields.moved)
    setting = Fields(parsed(fields.take("setting")) or {}, fields.at("setting"), fields.moved)
    if proxy := setting.text("proxy"):
        made.fields["proxy_url"] = proxy
    setting.leave_rest()


def _keys(fields: Fields, made: MovedGroup) -> None:
    info = fields.take("channel_info")
    info = parsed(info) if isinstance(info, str) else info
    states = info.get("multi_key_status_list") if isinstance(info, dict) else None
    off = (
        {str(at) for at, state in states.items() if state != 1} if isinstance(states, dict) else ()
    )
    text = fields.text("key")
    if not text:
        fields.moved.leave(fields.at("key"), NO_KEY)
    listed = parsed(text) if text.startswith("[") else None
    keys = listed if isinstance(listed, list) else text.splitlines()
    for index, key in enumerate(keys):
        if key:
            place = fields.at(f"key[{index}]")
            fields.moved.key(made, key, place, is_off=str(index) in off)
