"""Database to config file: the groups and keys, as `import_config` takes them back without a
change.

Besides the name and keys only `target_url` is always written; the other fields when they are not
the default. The same database gives the same bytes. What is not in the file's format (status,
cooldowns, usage) is not exported.
"""

import os
import tempfile
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import yaml
from django.db.models import QuerySet

from proxyapp.config.price_entries import price_entries
from proxyapp.config.variables import escaped
from proxyapp.models import AlertChannel, ApiKey, Group, ModelPrice, Project
from proxyapp.models.sealed import UNREADABLE
from proxyapp.vocabulary.alert_fields import ALERT_FIELDS
from proxyapp.vocabulary.exits import exit_lines, shown_exit
from proxyapp.vocabulary.group_fields import GROUP_FIELDS
from proxyapp.vocabulary.key_fields import KEY_FIELDS
from proxyapp.vocabulary.masking import ACCOUNT_MASK
from proxyapp.vocabulary.project_fields import PROJECT_FIELDS
from proxyapp.vocabulary.setting_field import SettingField
from proxyapp.vocabulary.urls import shown_url

HEADER = """\
# Groups and keys of the Gemini Key Gateway, for `manage.py import_config`.
# It holds API keys: keep it out of version control.
"""
MASKED_HEADER = """\
# Groups and keys of the Gemini Key Gateway, masked: this file cannot be imported.
"""
PLACEHOLDER = "YOUR_GEMINI_API_KEY_1"
UNREADABLE_PROXY = "UNREADABLE"

Entry = dict[str, object]


class Export(NamedTuple):
    """`unreadable`: the keys that were left out and the proxies that stand as UNREADABLE, for no
    secret opens them.
    """

    text: str
    unreadable: list[str]


def export_groups(
    *, mask: bool, groups: QuerySet[Group] | None = None, is_ascii: bool = False
) -> Export:
    """All groups, what is set of projects, channels of alerts and own prices; or these groups.
    `is_ascii`: other characters are written as escapes of YAML.

    Masked, nothing is unreadable: the masked form of a key is stored beside it.
    """
    keys = ApiKey.objects.defer("secret") if mask else ApiKey.objects.all()
    projects: Iterable[Project] = ()
    channels: Iterable[AlertChannel] = ()
    prices: Iterable[ModelPrice] = ()
    if groups is None:
        groups, projects = Group.objects.all(), Project.objects.all()
        channels, prices = AlertChannel.objects.all(), ModelPrice.objects.all()
    else:
        keys = keys.filter(group__in=groups.order_by().values("pk"))
    return export_of(
        groups,
        keys,
        mask=mask,
        is_ascii=is_ascii,
        projects=projects,
        channels=channels,
        prices=prices,
    )


def export_of(
    groups: Iterable[Group],
    keys: Iterable[ApiKey],
    *,
    mask: bool,
    is_ascii: bool = False,
    projects: Iterable[Project] = (),
    channels: Iterable[AlertChannel] = (),
    prices: Iterable[ModelPrice] = (),
) -> Export:
    """These groups with these keys of theirs, in the order of rotation.

    Masked, the keys' secrets are not looked at.
    """
    unreadable: list[str] = []
    members: dict[int, list[ApiKey]] = {}
    for key in sorted(keys, key=lambda key: (key.position, key.pk)):
        members.setdefault(key.group_id, []).append(key)
    entries = [
        _group_entry(group, members.get(group.pk, []), unreadable, mask=mask) for group in groups
    ]
    settings = {each.name: _settings(each, PROJECT_FIELDS[1:]) for each in projects}
    alerts = list(_alert_entries(channels, unreadable, mask=mask))
    others = {"projects": settings, "alerts": alerts, "prices": price_entries(prices)}
    text = yaml.dump(
        {"groups": entries, **{name: part for name, part in others.items() if part}},
        Dumper=_Dumper,
        allow_unicode=not is_ascii,
        sort_keys=False,
        width=float("inf"),
    )
    return Export((MASKED_HEADER if mask else HEADER) + text, [] if mask else unreadable)


def _alert_entries(
    channels: Iterable[AlertChannel], unreadable: list[str], *, mask: bool
) -> Iterator[Entry]:
    for channel in channels:
        if mask:
            yield _settings(channel, ALERT_FIELDS) | {"url": channel.shown_url}
        elif channel.url == UNREADABLE:
            unreadable.append(f"alert channel '{channel.name}'")
        else:
            yield _settings(channel, ALERT_FIELDS)


def write_private(path: Path, content: str | bytes) -> None:
    """Puts a file that only its owner may read in place, at once; from its first byte it is nothing
    else.

    Raises OSError.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        raise OSError(f"{path} is not a regular file")
    descriptor, draft = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:50]}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, target)
    finally:
        Path(draft).unlink(missing_ok=True)


def _group_entry(group: Group, keys: list[ApiKey], unreadable: list[str], *, mask: bool) -> Entry:
    entry = _settings(group, GROUP_FIELDS)
    if group.proxy_url is not None:
        entry["proxy_url"] = _proxy(group, group.proxy_url, unreadable, mask=mask)
    if group.proxy_pool is not None:
        entry["proxy_pool"] = _pool(group, group.proxy_pool, unreadable, mask=mask)
    entries = (
        [_key_entry(key, key.masked, _exit(key, group, unreadable, mask=True)) for key in keys]
        if mask
        else _key_entries(group, keys, unreadable)
    )
    entry["api_keys"] = entries or [PLACEHOLDER]
    return entry


def _proxy(group: Group, url: str, unreadable: list[str], *, mask: bool) -> str:
    """Never left out: a group that came back without its proxy would connect directly."""
    if url == UNREADABLE:
        unreadable.append(f"the proxy of group '{group.name}'")
        return UNREADABLE_PROXY
    return shown_url(url) if mask else url


def _pool(group: Group, pool: str, unreadable: list[str], *, mask: bool) -> list[str]:
    if pool == UNREADABLE:
        unreadable.append(f"the exits of group '{group.name}'")
        return [UNREADABLE_PROXY]
    return [shown_exit(url) if mask else url for url in exit_lines(pool)]


def _key_entries(group: Group, keys: list[ApiKey], unreadable: list[str]) -> list[object]:
    entries = []
    for key in keys:
        if key.secret:
            proxy = _exit(key, group, unreadable, mask=False)
            entries.append(_key_entry(key, key.secret, proxy))
        else:
            unreadable.append(f"key {key} of group '{group.name}'")
    return entries


def _exit(key: ApiKey, group: Group, unreadable: list[str], *, mask: bool) -> str | None:
    """A key's own. As of a group's proxy, it is never left out."""
    url = key.proxy_url
    if url == UNREADABLE:
        unreadable.append(f"the proxy of key {key} of group '{group.name}'")
        return UNREADABLE_PROXY
    return shown_exit(url) if mask and url else url


def _key_entry(key: ApiKey, text: str, proxy: str | None) -> object:
    settings = _settings(key, KEY_FIELDS) | ({"proxy_url": proxy} if proxy else {})
    if key.masked.startswith(ACCOUNT_MASK):
        return {"service_account": text, **settings}
    return {"key": text, **settings} if settings else text


def _settings(
    row: Group | ApiKey | Project | AlertChannel, declared: Iterable[SettingField]
) -> Entry:
    entry: Entry = {}
    for field in declared:
        value = getattr(row, field.name)
        if field.is_always_exported or value != field.default:
            entry[field.name_in_file] = _in_order(field.in_file(value))
    return entry


def _in_order(value: object) -> object:
    """Mappings by their names, which databases keep in orders of their own."""
    if not isinstance(value, dict):
        return value
    return {name: _in_order(value[name]) for name in sorted(value)}


class _Dumper(yaml.SafeDumper):
    """The library's own in Python, whatever is installed: the C one writes some characters
    differently.
    """

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Lists are indented under their field."""
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: object) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Of all fields only certificates have lines: they stay readable. `${` is no variable here."""
    return dumper.represent_scalar(
        "tag:yaml.org,2002:str", escaped(text), style="|" if "\n" in text else None
    )


def _represent_amount(dumper: yaml.SafeDumper, amount: Decimal) -> yaml.ScalarNode:
    kind = "int" if amount == amount.to_integral_value() else "float"
    text = f"{amount.to_integral_value() if kind == 'int' else amount.normalize():f}"
    return dumper.represent_scalar(f"tag:yaml.org,2002:{kind}", text)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(Decimal, _represent_amount)
