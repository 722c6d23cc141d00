"""What open pages show at a moment, and what of it is news since the moment before. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from proxyapp.operators.attention import database_away_item
from proxyapp.operators.key_report import KeyRow
from proxyapp.vocabulary.times import iso_utc

Snapshot = Mapping[str, Any]
NO_NEWS = frozenset({"type", "at"})


class WatchedKey(NamedTuple):
    """`lines`: its state in words, by the full minute: a countdown is news once a minute."""

    row: KeyRow
    lines: tuple[str, ...]
    message: Mapping[str, Any]

    def says_more_than(self, other: "WatchedKey | None") -> bool:
        return other is None or self[:2] != other[:2]


@dataclass(frozen=True)
class Frame:
    """`update`: the message with what is news since the frame before; None: nothing is.

    `asked`: the ids that `keys` was read for, of which some may be gone. `due_at`: when time alone
    changes it, in seconds since the epoch.
    """

    number: int
    dashboard: Snapshot | None
    update: str | None
    asked: frozenset[int]
    keys: Mapping[int, WatchedKey]
    due_at: float

    @classmethod
    def after(
        cls,
        before: "Frame | None",
        dashboard: Snapshot | None,
        asked: frozenset[int],
        keys: Mapping[int, WatchedKey],
        *,
        due_at: float,
    ) -> "Frame":
        number = before.number + 1 if before else 1
        update = (
            changed(before.dashboard, dashboard)
            if before and before.dashboard and dashboard
            else None
        )
        return cls(
            number, dashboard, encoded_message(update) if update else None, asked, keys, due_at
        )

    def without_database(self, now: datetime) -> "Frame":
        """The same as far as is known, with the reason why it is not known better."""
        if self.dashboard is None or database_away_item() in self.dashboard["attention"]:
            return self
        items = [database_away_item(), *self.dashboard["attention"]]
        dashboard = {**self.dashboard, "at": iso_utc(now), "attention": items}
        return Frame.after(self, dashboard, self.asked, self.keys, due_at=0.0)

    @cached_property
    def full(self) -> str:
        """The whole dashboard as a message: 200 KB and 3 ms with 10,000 keys."""
        return encoded_message(self.dashboard or {})


def changed(before: Snapshot, now: Snapshot) -> dict[str, Any] | None:
    """The message with the fields that differ; of the same keys only those that differ.

    None: nothing does.
    """
    fields = {
        name: value
        for name, value in now.items()
        if name not in NO_NEWS and value != before.get(name)
    }
    if not fields:
        return None
    if "keys" in fields and [key[0] for key in before["keys"]] == [key[0] for key in now["keys"]]:
        pairs = zip(before["keys"], fields.pop("keys"), strict=True)
        fields["keys_changed"] = [key for old, key in pairs if key != old]
    return {"type": now["type"], "at": now["at"], **fields}


def keys_message(keys: list[Mapping[str, Any]]) -> str:
    return encoded_message({"type": "keys", "keys": keys})


def encoded_message(message: Mapping[str, Any]) -> str:
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False)
