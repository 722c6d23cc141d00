"""What an import did, in words: nothing that an operator changed is overwritten without a line here."""

from collections import Counter
from dataclasses import dataclass, field

from proxyapp.masking import masked_url

MAX_CREATED_SHOWN = 50


@dataclass
class Tally:
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0

    @property
    def changed(self) -> bool:
        return bool(self.created or self.updated or self.removed)

    def __str__(self) -> str:
        return f"{self.created} created, {self.updated} updated, {self.unchanged} unchanged, {self.removed} removed"


@dataclass
class Report:
    """Keys are named by their masked form only."""

    groups: Tally = field(default_factory=Tally)
    keys: Tally = field(default_factory=Tally)
    warnings: list[str] = field(default_factory=list)
    details: list[str] = field(default_factory=list)
    created_keys: list[tuple[str, str]] = field(default_factory=list)
    is_reordered: bool = False

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
            return [f"created key {masked} in group '{group}'" for group, masked in self.created_keys]
        counts = Counter(group for group, _ in self.created_keys)
        return [f"created {count} keys in group '{group}'" for group, count in counts.items()]

    def group_created(self, name: str) -> None:
        self.groups.created += 1
        self.details.append(f"created group '{name}'")

    def group_kept(self, name: str, changes: list[str]) -> None:
        self._kept(self.groups, f"group '{name}'", changes)

    def group_removed(self, name: str) -> None:
        self.groups.removed += 1
        self.details.append(f"removed group '{name}'")

    def key_created(self, masked: str, group: str) -> None:
        self.keys.created += 1
        self.created_keys.append((group, masked))

    def key_kept(self, label: str, group: str, changes: list[str]) -> None:
        self._kept(self.keys, f"key {label} in group '{group}'", changes)

    def key_removed(self, label: str, group: str) -> None:
        self.keys.removed += 1
        self.details.append(f"removed key {label} from group '{group}'")

    def reordered(self, what: str) -> None:
        self.is_reordered = True
        self.details.append(f"order of {what} follows the file")

    def _kept(self, tally: Tally, what: str, changes: list[str]) -> None:
        if changes:
            tally.updated += 1
            self.details.append(f"updated {what}: {'; '.join(changes)}")
        else:
            tally.unchanged += 1


def shown_url(url: str | None) -> str:
    """For a line of text: without user and password. The database may hold what is no URL."""
    try:
        return masked_url(url) if url else "none"
    except ValueError:
        return "(not a URL)"
