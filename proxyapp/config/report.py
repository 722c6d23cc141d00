"""What an import did: nothing that an operator changed is overwritten without an entry here.

Entries are data. The words of commands, the audit log and the admin's page are made of them, and
nothing is read back out of the words.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from proxyapp.models import AlertChannel, ApiKey, Group, ModelPrice, Project
from proxyapp.models.audit import Change
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.marks import gettext_noop
from proxyapp.vocabulary.quoting import quoted, quoted_if_unclear

MAX_CREATED_SHOWN = 50
_KIND_OF: dict[type, str] = {
    Group: gettext_noop("group %(name)s"),
    Project: gettext_noop("project %(name)s"),
    AlertChannel: gettext_noop("alert channel %(name)s"),
    ModelPrice: gettext_noop("price %(name)s"),
}
Named = Group | Project | AlertChannel | ModelPrice
DONE = {"add": "created", "change": "updated", "delete": "removed"}


@dataclass(frozen=True, slots=True)
class FieldChange:
    """`old` and `new` are fit to be shown: quoted, or without what is secret in them."""

    field: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.field} {self.old} → {self.new}"


class GroupOfKeyChange(FieldChange):
    """A key that moved. The group that it is in now stands beside it in any line."""

    def __str__(self) -> str:
        return _("moved from group %(group)s") % {"group": self.old}


class MissingChange(FieldChange):
    """A key that the file no longer has."""


@dataclass(frozen=True, slots=True)
class RowChange:
    """`label` and `group` are the names that there were before. `group`: of a key, else empty."""

    action: Literal["add", "change", "delete"]
    row: ApiKey | Named
    label: str
    group: str = ""
    fields: Sequence[FieldChange] = ()

    @property
    def subject(self) -> str:
        """`group 'a'`, `project 'b'`, or `key AIza…6789 in group 'a'`."""
        if not self.group:
            return _(_KIND_OF[type(self.row)]) % {"name": quoted(self.label)}
        text = (
            _("key %(key)s from group %(group)s")
            if self.action == "delete"
            else _("key %(key)s in group %(group)s")
        )
        return text % {"key": quoted_if_unclear(self.label), "group": quoted(self.group)}

    @property
    def place(self) -> str:
        """Where the key is, or was."""
        if not self.group:
            return ""
        text = _("from group %(group)s") if self.action == "delete" else _("in group %(group)s")
        return text % {"group": quoted(self.group)}

    @property
    def detail(self) -> str:
        return "; ".join(map(str, self.fields)) or self.place

    def __str__(self) -> str:
        text = f"{DONE[self.action]} {self.subject}"
        return f"{text}: {self.detail}" if self.fields else text


@dataclass(frozen=True, slots=True)
class OrderChange:
    """`group`: whose keys stand in another order; empty: the groups themselves."""

    group: str = ""

    def __str__(self) -> str:
        if not self.group:
            return _("order of groups follows the file")
        return _("order of keys in group %(group)s follows the file") % {
            "group": quoted(self.group)
        }


@dataclass
class ChangeCount:
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0

    @property
    def changed(self) -> bool:
        return bool(self.created or self.updated or self.removed)

    def __str__(self) -> str:
        return _(
            "%(created)s created, %(updated)s updated, %(unchanged)s unchanged, %(removed)s removed"
        ) % dataclasses.asdict(self)


@dataclass
class Report:
    """`entries`: in the order in which they were done. Keys are named by their masked form only.

    `doubts`: keys that were taken and are more likely something else.
    """

    groups: ChangeCount = field(default_factory=ChangeCount)
    keys: ChangeCount = field(default_factory=ChangeCount)
    projects: ChangeCount = field(default_factory=ChangeCount)
    channels: ChangeCount = field(default_factory=ChangeCount)
    prices: ChangeCount = field(default_factory=ChangeCount)
    warnings: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    entries: list[RowChange | OrderChange] = field(default_factory=list)

    @property
    def rows(self) -> list[RowChange]:
        return [entry for entry in self.entries if isinstance(entry, RowChange)]

    @property
    def orders(self) -> list[OrderChange]:
        return [entry for entry in self.entries if isinstance(entry, OrderChange)]

    @property
    def changed(self) -> bool:
        counts = (self.groups, self.keys, self.projects, self.channels, self.prices)
        return any(count.changed for count in counts) or bool(self.orders)

    @property
    def changes(self) -> list[Change]:
        """For the audit log."""
        return [(change.action, change.row, change.detail) for change in self.rows]

    @property
    def details(self) -> list[str]:
        """A line for each entry but new and missing keys, of which there may be many."""
        return [
            str(entry)
            for entry in self.entries
            if not _is_new_key(entry) and not _is_missing_key(entry)
        ]

    def lines(self) -> list[str]:
        """The counts, then each change, then the warnings."""
        return [
            f"groups: {self.groups}",
            f"keys: {self.keys}",
            *self._others(),
            *self.details,
            *self._new_keys(),
            *(f"warning: {warning}" for warning in [*self.warnings, *self.doubts]),
        ]

    def news(self) -> list[str]:
        """Of an import that changed nothing the warnings only."""
        return self.lines() if self.changed else [f"warning: {each}" for each in self.warnings]

    def summary(self) -> str:
        """The counts, and what stands in another order now."""
        counts = [f"groups: {self.groups}", f"keys: {self.keys}", *self._others()]
        return "\n".join([*counts, *map(str, self.orders)])

    def created(self, row: Named) -> None:
        self._count_of(row).created += 1
        self.entries.append(RowChange("add", row, row.name))

    def kept(self, row: Named, fields: Sequence[FieldChange]) -> None:
        self._kept(self._count_of(row), RowChange("change", row, row.name, fields=fields))

    def removed(self, row: Named) -> None:
        self._count_of(row).removed += 1
        self.entries.append(RowChange("delete", row, row.name))

    def key_created(self, key: ApiKey, group: str) -> None:
        """By its masked form alone: the file has just given the name."""
        self.keys.created += 1
        self.entries.append(RowChange("add", key, key.masked, group))

    def key_kept(self, key: ApiKey, group: str, fields: Sequence[FieldChange]) -> None:
        self._kept(self.keys, RowChange("change", key, str(key), group, fields))

    def key_missing(self, key: ApiKey, group: str, change: MissingChange) -> None:
        """Its line is a warning that names them all, with the way to remove them."""
        self._kept(self.keys, RowChange("change", key, str(key), group, [change]))

    def key_removed(self, key: ApiKey, group: str) -> None:
        self.keys.removed += 1
        self.entries.append(RowChange("delete", key, str(key), group))

    def groups_reordered(self) -> None:
        self.entries.append(OrderChange())

    def keys_reordered(self, group: str) -> None:
        self.entries.append(OrderChange(group))

    def _count_of(self, row: Named) -> ChangeCount:
        counts: dict[type, ChangeCount] = {
            Group: self.groups,
            Project: self.projects,
            AlertChannel: self.channels,
            ModelPrice: self.prices,
        }
        return counts[type(row)]

    def _kept(self, count: ChangeCount, change: RowChange) -> None:
        if change.fields:
            count.updated += 1
            self.entries.append(change)
        else:
            count.unchanged += 1

    def _others(self) -> list[str]:
        """Where there are any."""
        counts = {
            "projects": self.projects,
            "alert channels": self.channels,
            "prices": self.prices,
        }
        return [f"{name}: {count}" for name, count in counts.items() if count != ChangeCount()]

    def _new_keys(self) -> Iterator[str]:
        new = [change for change in self.rows if _is_new_key(change)]
        if len(new) <= MAX_CREATED_SHOWN:
            yield from map(str, new)
            return
        for group, count in Counter(change.group for change in new).items():
            yield f"created {count} keys in group {quoted(group)}"


def _is_new_key(entry: RowChange | OrderChange) -> bool:
    return isinstance(entry, RowChange) and entry.action == "add" and isinstance(entry.row, ApiKey)


def _is_missing_key(entry: RowChange | OrderChange) -> bool:
    return isinstance(entry, RowChange) and any(
        isinstance(change, MissingChange) for change in entry.fields
    )
