"""gpt-load 1.x: its export of keys as text, or its SQLite database."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from proxyapp.peers.databases import parsed, rows_of, tables_of
from proxyapp.peers.fields import Fields
from proxyapp.peers.gpt_load_secrets import VARIABLE, Opener, is_encrypted
from proxyapp.peers.model_names import put_fields
from proxyapp.peers.moved import MovedGroup, MovedIn
from proxyapp.peers.reasons import AS_WRITTEN, ASKS_FOR_MODELS, NO_ADDRESS, OF_PROGRAM
from proxyapp.peers.source import Environment, Row, Source
from proxyapp.peers.targets import target_fields
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.marks import gettext_noop
from proxyapp.vocabulary.quoting import quoted

PEER = "gpt-load"
NAME_OF_EXPORT = re.compile(r"keys-(.+)-(all|active|invalid)(?: ?\(\d+\))?\.txt", re.IGNORECASE)
ENCRYPTED = gettext_noop(
    "is encrypted: set that program's ENCRYPTION_KEY for `manage.py import_from`, or export the"
    " keys there as text (menu of the group, Export keys), and import that"
)
NOT_OPENED = gettext_noop(
    "is not opened by this ENCRYPTION_KEY: export the keys there as text (menu of the group, Export"
    " keys), and import that"
)
AGGREGATE = gettext_noop("is made of other groups: its clients' tokens are for the keys of these")
ONE_TARGET = gettext_noop("a group has one target: the first was taken")
NO_GROUP = gettext_noop("is of no group that is there")
# Whether only what the rules name is asked for.
STRICT = "model_redirect_strict"
CHANNELS = {"gemini": "gemini", "anthropic": "anthropic"}
GROUP_COLUMNS = (
    *("id", "name", "group_type", "upstreams", "channel_type", "proxy_keys", "config"),
    *("model_redirect_rules", "param_overrides", "header_rules", "test_model"),
    *("validation_endpoint", "sort", "model_redirect_strict", "display_name", "description"),
)
KEY_COLUMNS = ("id", "group_id", "key_value", "status", "notes", "weight")
REASONS = {
    "param_overrides": AS_WRITTEN,
    "header_rules": AS_WRITTEN,
    "test_model": ASKS_FOR_MODELS,
    "validation_endpoint": ASKS_FOR_MODELS,
}


def recognises(source: Source) -> bool:
    if source.is_database:
        return {"groups", "api_keys"} <= tables_of(source)
    return NAME_OF_EXPORT.fullmatch(source.name) is not None


def read(source: Source, moved: MovedIn, environment: Environment) -> None:
    if source.is_database:
        password = (environment or {}).get(VARIABLE, "").strip()
        _of_database(source, moved, Opener(password) if password else None)
    else:
        _of_export(source, moved)


def _of_export(source: Source, moved: MovedIn) -> None:
    found = NAME_OF_EXPORT.fullmatch(source.name)
    name, status = (found[1], found[2].lower()) if found else ("gemini", "all")
    made = moved.group(name, **target_fields())
    for number, line in enumerate(source.text.splitlines(), start=1):
        if line.strip():
            moved.key(made, line, f"line {number}", is_off=status == "invalid")
    text = _("group %(group)s goes to Google: a text of keys does not say where they belong")
    moved.notes.append(text % {"group": quoted(made.name)})


def _of_database(source: Source, moved: MovedIn, opener: Opener | None) -> None:
    by_group: dict[object, list[Row]] = {}
    for row in rows_of(source, "api_keys", KEY_COLUMNS, "id"):
        by_group.setdefault(row.get("group_id"), []).append(row)
    made: dict[object, MovedGroup] = {}
    aggregates: list[Row] = []
    for row in rows_of(source, "groups", GROUP_COLUMNS, "sort"):
        if row.get("group_type") == "aggregate":
            aggregates.append(row)
            continue
        keys = (_opened(key, opener, moved) for key in by_group.pop(row.get("id"), []))
        if group := _group(row, filter(None, keys), moved):
            made[row.get("id")] = group
    for key in (key for keys in by_group.values() for key in keys):
        moved.leave(_place(key), NO_GROUP)
    if aggregates:
        _aggregates(source, aggregates, made, moved)
    for row in rows_of(source, "system_settings", ("setting_key", "setting_value")):
        if row.get("setting_key") == "proxy_keys":
            for index, token in enumerate(_separate(row.get("setting_value"))):
                moved.token(token, f"system_settings.proxy_keys[{index}]", f"gpt-load {index + 1}")


def _aggregates(
    source: Source, rows: Iterable[Row], made: Mapping[object, MovedGroup], moved: MovedIn
) -> None:
    """Groups here are not made of others: the tokens are for several."""
    inner: defaultdict[object, list[MovedGroup]] = defaultdict(list)
    for link in rows_of(source, "group_sub_groups", ("group_id", "sub_group_id")):
        if group := made.get(link.get("sub_group_id")):
            inner[link.get("group_id")].append(group)
    for row in rows:
        fields = Fields(row, f"groups.{row.get('name')}", moved)
        moved.leave(fields.place, AGGREGATE)
        _tokens(fields, inner[row.get("id")])


def _tokens(fields: Fields, groups: Iterable[MovedGroup]) -> None:
    names = [group.name for group in groups]
    for index, token in enumerate(_separate(fields.take("proxy_keys"))):
        name = f"gpt-load {fields.values.get('name')} {index + 1}"
        fields.moved.token(token, fields.at(f"proxy_keys[{index}]"), name, groups=names)


def _group(row: Row, keys: Iterable[Row], moved: MovedIn) -> MovedGroup | None:
    """None: it is not known where the keys may go."""
    fields = Fields(row, f"groups.{row.get('name')}", moved)
    fields.take("id"), fields.take("sort"), fields.take("group_type")
    urls = _urls(fields)
    if urls == []:
        moved.leave(fields.place, NO_ADDRESS)
        return None
    made = moved.group(str(row.get("name") or ""), **_target(urls, fields))
    _settings(fields, made, moved)
    for key in keys:
        _key(made, key, moved)
    _tokens(fields, [made])
    fields.take("name")
    fields.leave_rest(REASONS)
    return made


def _urls(fields: Fields) -> list[str] | None:
    """Those that are asked go first: a weight of 0 there is off. None: the row says nothing."""
    text = fields.take("upstreams")
    given = parsed(text)
    each = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    each.sort(key=lambda one: one.get("weight") in (0, "0"))
    urls = [url for one in each if (url := str(one.get("url") or "").strip())]
    if len(urls) > 1:
        fields.moved.leave(fields.at("upstreams[1…]"), ONE_TARGET)
    return urls if urls or text else None


def _target(urls: Sequence[str] | None, fields: Fields) -> dict[str, object]:
    url, channel = (urls or [""])[0].rstrip("/"), CHANNELS.get(fields.text("channel_type"), "")
    if channel:
        return target_fields(url, channel)
    return target_fields(url if not url or url.endswith("/v1") else f"{url}/v1", "openai")


def _settings(fields: Fields, made: MovedGroup, moved: MovedIn) -> None:
    config = Fields(parsed(fields.take("config")) or {}, fields.at("config"), moved)
    if proxy := config.text("proxy_url"):
        made.fields["proxy_url"] = proxy
    config.leave_rest(otherwise=OF_PROGRAM)
    rules, is_strict = parsed(fields.take("model_redirect_rules")), fields.flag(STRICT)
    if isinstance(rules, dict) and rules:
        aliases = {str(name): str(model) for name, model in rules.items()}
        models = list(dict.fromkeys(aliases.values())) if is_strict else []
        put_fields(made, moved, models, aliases)
    for name in ("param_overrides", "header_rules"):
        if not parsed(fields.values.get(name)):
            fields.take(name)


def _opened(row: Row, opener: Opener | None, moved: MovedIn) -> Row | None:
    """None: its key stays closed."""
    secret = row.get("key_value")
    if not is_encrypted(secret):
        return row
    opened = opener.opened(secret) if opener else None
    if opened is None:
        moved.encrypted += 1
        moved.leave(_place(row), NOT_OPENED if opener else ENCRYPTED)
        return None
    return {**row, "key_value": opened}


def _place(row: Row) -> str:
    return f"api_keys.{row.get('id')}"


def _key(made: MovedGroup, row: Row, moved: MovedIn) -> None:
    moved.key(
        made,
        row.get("key_value"),
        _place(row),
        is_off=row.get("status") == "invalid",
        name="".join(filter(str.isprintable, str(row.get("notes") or "")))[:100],
    )


def _separate(value: object) -> list[str]:
    """Of tokens between commas; those of all groups are in the settings."""
    return [part.strip() for part in str(value or "").split(",") if part.strip()]
