"""Makes groups and keys in the database what a config file says of them, in few queries however
many there are.

Keys are found by their hash and keep their row, wherever they were: usage and cooldowns hang on it.
Their secrets are neither read nor written again.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from django.db.models import Model
from django.utils import timezone

from proxyapp.config.changed_fields import changed_fields
from proxyapp.config.file import GroupConfig, KeyConfig
from proxyapp.config.report import FieldChange, GroupOfKeyChange, MissingChange, Report
from proxyapp.models import ApiKey, Group
from proxyapp.models.batches import Row, row_batches
from proxyapp.models.key_removal import remember_removed
from proxyapp.models.sealed import keyed_hashes
from proxyapp.pool.change_log import Touched, projects_held_by, touched_groups, touched_rows
from proxyapp.vocabulary.choices import KeyStatus
from proxyapp.vocabulary.group_fields import CREDENTIAL_FIELDS, GROUP_FIELDS
from proxyapp.vocabulary.key_fields import KEY_FIELDS
from proxyapp.vocabulary.key_states import MISSING_FROM_FILE
from proxyapp.vocabulary.quoting import quoted

STATUS_FIELDS = ("status", "status_reason")

Progress = Callable[[int, int], None]
Order = Callable[[list[str], list[str]], list[str]]
Placed = TypeVar("Placed", Group, ApiKey)


class Database:
    """The groups (by name in lower case) and keys that there are.

    Holds for one transaction, under the pool's lock.
    """

    def __init__(self, report: Report) -> None:
        self.report = report
        self.groups: dict[str, Group] = {}
        for group in Group.objects.all():
            name = group.name.lower()
            self.groups[name if name not in self.groups else f"{name}\0{group.pk}"] = group
        self.members: defaultdict[int, dict[int, ApiKey]] = defaultdict(dict)
        self.keys_by_hash: dict[str, ApiKey] = {}
        for key in ApiKey.objects.defer("secret").order_by("position", "id"):
            self.members[key.group_id][key.pk] = key
            self.keys_by_hash[key.key_hash] = key
        self.group_names = {group.pk: group.name for group in self.groups.values()}
        self.changed_keys: dict[int, ApiKey] = {}
        self.moved_keys: dict[int, ApiKey] = {}
        self.returned_keys: list[ApiKey] = []
        self.touched: Touched | None = Touched()

    def apply(
        self, configs: Sequence[GroupConfig], order: Order, progress: Progress | None
    ) -> dict[str, list[ApiKey]]:
        """The keys of each applied group.

        `order` gets the names that there were and the new ones.
        """
        self._apply_groups(configs, order)
        placed = {config.name.lower(): self._place_keys(config) for config in configs}
        self._write_keys([key for keys in placed.values() for key in keys], progress)
        return placed

    def _touch(self, touched: Touched | None) -> None:
        """None: nobody can tell what."""
        known = self.touched
        self.touched = None if known is None or touched is None else known | touched

    def remove_keys(self, keys: Sequence[ApiKey]) -> None:
        self._touch(touched_rows(keys))
        for key in keys:
            self.report.key_removed(key, self.group_names[key.group_id])
            del self.members[key.group_id][key.pk]
        for batch in row_batches(sorted(keys, key=lambda key: key.pk)):
            rows = ApiKey.objects.filter(pk__in=[key.pk for key in batch])
            self._touch(Touched(projects=projects_held_by(rows, timezone.now())))
            remember_removed(rows)
            rows.delete()

    def disable_missing(self, keys: Sequence[ApiKey]) -> None:
        for key in keys:
            now = f"{quoted(KeyStatus.DISABLED)} ({MISSING_FROM_FILE})"
            change = MissingChange("status", quoted(key.status), now)
            key.status, key.status_reason = KeyStatus.DISABLED, MISSING_FROM_FILE
            self.report.key_missing(key, self.group_names[key.group_id], change)
        update_rows(keys, STATUS_FIELDS)
        self._touch(touched_rows(keys))

    def remove_groups(self, names: Sequence[str]) -> None:
        groups = [self.groups.pop(name) for name in names]
        for group in groups:
            self.report.removed(group)
        for batch in row_batches(groups):
            ids = [group.pk for group in batch]
            keys = ApiKey.objects.filter(group__in=ids)
            projects = projects_held_by(keys, timezone.now())
            self._touch(touched_groups(ids) | Touched(projects=projects, has_tokens=True))
            remember_removed(keys)
            Group.objects.filter(pk__in=ids).delete()

    def _apply_groups(self, configs: Sequence[GroupConfig], order: Order) -> None:
        before = dict(self.groups)
        changed = [group for config in configs if (group := self._apply_group(config))]
        after = [self.groups[name] for name in order(list(before), [*self.groups][len(before) :])]
        if is_reordered([*before.values()], after):
            self.report.groups_reordered()
        moved = renumber([*before.values()], after)
        update_rows(changed, [*(field.name for field in GROUP_FIELDS), "single_credential_since"])
        update_rows([group for group in moved if group.pk], ["position"])
        new = [group for group in after if not group.pk]
        for group in new:
            group.save()
            self.group_names[group.pk] = group.name
        self._touch(touched_rows((), [*changed, *moved, *new]))

    def _apply_group(self, config: GroupConfig) -> Group | None:
        """The group when it exists and has to be written."""
        name = config.name.lower()
        wanted = {field.name: getattr(config, field.name) for field in GROUP_FIELDS}
        if name not in self.groups:
            self.groups[name] = Group(**wanted)
            self.report.created(self.groups[name])
            return None
        group = self.groups[name]
        changes = changed_fields(group, wanted, GROUP_FIELDS)
        self.report.kept(group, changes)
        if any(change.field in CREDENTIAL_FIELDS for change in changes):
            group.single_credential_since = None
        _set(group, wanted)
        return group if changes else None

    def _place_keys(self, config: GroupConfig) -> list[ApiKey]:
        """Puts the keys first in their group, in the order of the file; what else is in the group
        follows.
        """
        group = self.groups[config.name.lower()]
        before = list(self.members[group.pk].values())
        keys = [self._apply_key(key, group) for key in config.api_keys]
        placed = {id(key) for key in keys}
        after = keys + [key for key in before if id(key) not in placed]
        if is_reordered(before, after):
            self.report.keys_reordered(group.name)
        self.moved_keys |= {key.pk: key for key in renumber(before, after) if key.pk}
        return keys

    def _apply_key(self, config: KeyConfig, group: Group) -> ApiKey:
        key = self.known(config.secret)
        wanted = {field.name: getattr(config, field.name) for field in KEY_FIELDS}
        if key is None:
            key = ApiKey(group=group, **wanted)
            key.set_secret(config.secret)
            self.report.key_created(key, group.name)
            return key
        changes = changed_fields(key, wanted, KEY_FIELDS)
        if key.group_id != group.pk:
            before = self.group_names[key.group_id]
            changes.append(GroupOfKeyChange("group", quoted(before), quoted(group.name)))
        if key.status_reason == MISSING_FROM_FILE and key.status == KeyStatus.DISABLED:
            key.status, key.status_reason = KeyStatus.ACTIVE, ""
            changes.append(
                FieldChange("status", quoted(KeyStatus.DISABLED), quoted(KeyStatus.ACTIVE))
            )
            self.returned_keys.append(key)
        self.report.key_kept(key, group.name, changes)
        if changes:
            self.changed_keys[key.pk] = key
        _set(key, wanted)
        self._move(key, group)
        return key

    def known(self, secret: str) -> ApiKey | None:
        return next(
            (
                self.keys_by_hash[found]
                for found in keyed_hashes(secret)
                if found in self.keys_by_hash
            ),
            None,
        )

    def _move(self, key: ApiKey, group: Group) -> None:
        if key.group_id != group.pk:
            self.members[group.pk][key.pk] = self.members[key.group_id].pop(key.pk)
            key.group_id = group.pk

    def _write_keys(self, keys: Sequence[ApiKey], progress: Progress | None) -> None:
        new = [key for key in keys if not key.pk]
        done = len(keys) - len(new)
        for batch in row_batches(new):
            ApiKey.objects.bulk_create(batch)
            done += len(batch)
            if progress:
                progress(done, len(keys))
        changed = [*self.changed_keys.values(), *self.returned_keys, *self.moved_keys.values()]
        self._touch(touched_rows([*new, *changed]))
        update_rows(
            list(self.changed_keys.values()), ["group", *(field.name for field in KEY_FIELDS)]
        )
        update_rows(self.returned_keys, STATUS_FIELDS)
        update_rows(list(self.moved_keys.values()), ["position"])


def renumber(before: Sequence[Placed], after: Sequence[Placed]) -> list[Placed]:
    """Sets the positions when the sequence is not the one that there was.

    The rows whose position changed.
    """
    if [row.pk for row in before] == [row.pk for row in after]:
        return []
    moved = [row for position, row in enumerate(after) if row.position != position]
    for position, row in enumerate(after):
        row.position = position
    return moved


def is_reordered(before: Sequence[Model], after: Sequence[Model]) -> bool:
    """Whether the rows that are in both stand in another order."""
    both = {row.pk for row in before} & {row.pk for row in after}
    return [row.pk for row in before if row.pk in both] != [
        row.pk for row in after if row.pk in both
    ]


def update_rows(rows: Sequence[Row], fields: Sequence[str]) -> None:
    """Writes these fields and `updated_at` only: a secret that is not among them stays, even an
    unreadable one.
    """
    now = timezone.now()
    for batch in row_batches(rows):
        manager = type(batch[0])._default_manager
        manager.bulk_update(batch, fields)
        manager.filter(pk__in=[row.pk for row in batch]).update(updated_at=now)


def _set(row: Model, values: Mapping[str, object]) -> None:
    for name, value in values.items():
        setattr(row, name, value)
