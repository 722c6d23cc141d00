"""What an import did, in words: nothing that an operator changed is overwritten without a line
here.
"""

from collections import Counter
from dataclasses import dataclass, field

from proxyapp.models import ApiKey, Group
from proxyapp.models.audit import Change

MAX_CREATED_SHOWN = 50


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
        return (
            f"{self.created} created, {self.updated} updated, {self.unchanged} unchanged,"
            f" {self.removed} removed"
        )


@dataclass
class Report:
    """Keys are named by their masked form only.

    `changes` are for the audit log, in the words of the details.
    """

    groups: ChangeCount = field(default_factory=ChangeCount)
    keys: ChangeCount = field(default_factory=ChangeCount)
    warnings: list[str] = field(default_factory=list)
    details: list[str] = field(default_factory=list)
    created_keys: list[tuple[str, str]] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    @property
    def is_reordered(self) -> bool:
        return bool(self.orders)

    @property
    def changed(self) -> bool:
        return self.groups.changed or self.keys.changed or self.is_reordered

    def lines(self) -> list[str]:
        """The counts, then each change, then the warnings."""
        return [
            f"groups: {self.groups}",
            f"keys: {self.keys}",
            *self.details,
            *self._created(),
            *(f"warning: {warning}" for warning in self.warnings),
        ]

    def _created(self) -> list[str]:
        if len(self.created_keys) <= MAX_CREATED_SHOWN:
            return [
                f"created key {masked} in group '{group}'" for group, masked in self.created_keys
            ]
        counts = Counter(group for group, _ in self.created_keys)
        return [f"created {count} keys in group '{group}'" for group, count in counts.items()]

    def group_created(self, group: Group) -> None:
        self.groups.created += 1
        self.details.append(f"created group '{group.name}'")
        self.changes.append(("add", group, ""))

    def group_kept(self, group: Group, changes: list[str]) -> None:
        self._kept(self.groups, group, f"group '{group.name}'", changes)

    def group_removed(self, group: Group) -> None:
        self.groups.removed += 1
        self.details.append(f"removed group '{group.name}'")
        self.changes.append(("delete", group, ""))

    def key_created(self, key: ApiKey, group: str) -> None:
        self.keys.created += 1
        self.created_keys.append((group, key.masked))
        self.changes.append(("add", key, f"in group '{group}'"))

    def key_kept(self, key: ApiKey, group: str, changes: list[str]) -> None:
        self._kept(self.keys, key, f"key {key} in group '{group}'", changes)

    def key_removed(self, key: ApiKey, group: str) -> None:
        self.keys.removed += 1
        self.details.append(f"removed key {key} from group '{group}'")
        self.changes.append(("delete", key, f"from group '{group}'"))

    def reordered(self, what: str) -> None:
        self.orders.append(f"order of {what} follows the file")
        self.details.append(self.orders[-1])

    def summary(self) -> str:
        """The counts, and what stands in another order now."""
        return "\n".join([f"groups: {self.groups}", f"keys: {self.keys}", *self.orders])

    def _kept(self, tally: ChangeCount, row: Group | ApiKey, what: str, changes: list[str]) -> None:
        if changes:
            tally.updated += 1
            self.changes.append(("change", row, "; ".join(changes)))
            self.details.append(f"updated {what}: {'; '.join(changes)}")
        else:
            tally.unchanged += 1
