"""After SECRET_KEY changed: what older secrets encrypted or hashed is written again under the
current one.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from django.db import transaction
from django.db.models import Case, Value, When

from proxyapp.access.token_store import bound_to_older_secrets
from proxyapp.config.each_key_once import each_key_once
from proxyapp.config.file import ConfigError, load
from proxyapp.config.last_import import LastImport
from proxyapp.config.report import Report
from proxyapp.models import AlertChannel, ApiKey, Group, ImportedGroup, Resource, SecondFactor
from proxyapp.models.batches import BATCH, row_batches
from proxyapp.models.sealed import UNREADABLE, keyed_hash
from proxyapp.pool.cursor import lock_pool, raise_pool_version


class Reencrypted(NamedTuple):
    """`unproven`: config files that cannot be read now, so that their next start applies them
    whole. `bound_tokens`: how many client tokens need an older secret for good, because only their
    hash is known.
    """

    keys: int
    proxies: int
    unproven: list[str]
    bound_tokens: int
    second_factors: int = 0
    alert_channels: int = 0


class CannotReencrypt(Exception):
    """Nothing was changed. `problems` name keys by their masked form."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


def reencrypt() -> Reencrypted:
    """One transaction. Raises CannotReencrypt when no secret opens some key or proxy."""
    with transaction.atomic():
        lock_pool()
        groups = list(Group.objects.all())
        keys = list(ApiKey.objects.exclude(secret=None).order_by("group_id", "position", "id"))
        factors = list(SecondFactor.objects.select_related("user").order_by("id"))
        channels = list(AlertChannel.objects.order_by("id"))
        _refuse_if(
            _problems(keys, groups) + _unreadable_factors(factors) + _unreadable_channels(channels)
        )
        hashes = _rewrite_keys(keys)
        proxied = [group for group in groups if group.proxy_url or group.proxy_pool]
        Group.objects.bulk_update(proxied, ["proxy_url", "proxy_pool"], batch_size=100)
        SecondFactor.objects.bulk_update(factors, ["secret"], batch_size=100)
        AlertChannel.objects.bulk_update(channels, ["url"], batch_size=100)
        _rewrite_resources(hashes)
        unproven = _rewrite_imported(hashes)
        bound_tokens = bound_to_older_secrets()
        raise_pool_version()
    return Reencrypted(len(keys), len(proxied), unproven, bound_tokens, len(factors), len(channels))


def _problems(keys: Sequence[ApiKey], groups: Sequence[Group]) -> list[str]:
    names = {group.pk: group.name for group in groups}
    labels = [(key, f"key {key} of group '{names[key.group_id]}'") for key in keys]
    copies = Counter(key.secret for key in keys if key.secret != UNREADABLE)
    unreadable = [label for key, label in labels if key.secret == UNREADABLE]
    unreadable += [
        f"the proxy of group '{group.name}'" for group in groups if group.proxy_url == UNREADABLE
    ]
    unreadable += [f"the proxy of {label}" for key, label in labels if key.proxy_url == UNREADABLE]
    unreadable += [
        f"the exits of group '{group.name}'" for group in groups if group.proxy_pool == UNREADABLE
    ]
    return [f"{label}: no secret opens it" for label in unreadable] + [
        f"{label}: the same key is stored twice; delete one"
        for key, label in labels
        if copies[key.secret] > 1
    ]


def _unreadable_factors(factors: Sequence[SecondFactor]) -> list[str]:
    unreadable = [factor.user.get_username() for factor in factors if factor.secret == UNREADABLE]
    return [f"the second factor of user '{name}': no secret opens it" for name in unreadable]


def _unreadable_channels(channels: Sequence[AlertChannel]) -> list[str]:
    unreadable = [channel.name for channel in channels if channel.url == UNREADABLE]
    return [f"the URL of alert channel '{name}': no secret opens it" for name in unreadable]


def _refuse_if(problems: list[str]) -> None:
    if problems:
        raise CannotReencrypt(problems)


def _rewrite_keys(keys: Sequence[ApiKey]) -> dict[str, str]:
    """The new hash of each old one. Writing a secret encrypts it under the current SECRET_KEY."""
    hashes = {}
    for key in keys:
        if key.secret:
            hashes[key.key_hash] = keyed_hash(key.secret)
            key.key_hash = hashes[key.key_hash]
    for batch in row_batches(keys):
        ApiKey.objects.bulk_update(batch, ["secret", "key_hash", "proxy_url"])
    return hashes


def _rewrite_resources(hashes: Mapping[str, str]) -> None:
    """A statement for many keys: each looks at all rows."""
    changed = [(old, new) for old, new in hashes.items() if old != new]
    for start in range(0, len(changed), BATCH):
        batch = dict(changed[start : start + BATCH])
        cases = [When(key_hash=old, then=Value(new)) for old, new in batch.items()]
        Resource.objects.filter(key_hash__in=batch).update(key_hash=Case(*cases))


def _rewrite_imported(hashes: Mapping[str, str]) -> list[str]:
    """What config files said is kept as hashes only, so it takes the files to carry it over.

    Those that are missing.
    """
    rows = list(ImportedGroup.objects.order_by("id"))
    for row in rows:
        row.key_hashes = [hashes.get(key_hash, key_hash) for key_hash in row.key_hashes]
        row.save(update_fields=["key_hashes"])
    return [
        source for source in dict.fromkeys(row.source for row in rows) if not _renewed(Path(source))
    ]


def _renewed(path: Path) -> bool:
    try:
        config = load(path)
    except ConfigError:
        return False
    LastImport(path).renew(each_key_once(config.groups, Report()), config)
    return True
