"""Counting what clients with a token do: by token, model and day.

It is added to the database with the other usage.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from itertools import islice
from operator import attrgetter
from typing import NamedTuple

from proxyapp.database.many_values import Rows
from proxyapp.ledger.many_rows import known_ids
from proxyapp.models import ClientToken
from proxyapp.vocabulary.durations import DAY_SECONDS


class ClientPlace(NamedTuple):
    """`day`: days since the epoch."""

    token_id: int
    day: int
    model: str


@dataclass(slots=True)
class ClientCounts:
    requests: int = 0
    succeeded: int = 0
    refused: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    thought_tokens: int = 0
    tool_use_tokens: int = 0
    not_allowed: int = 0
    cost_micros: int = 0
    unpriced_tokens: int = 0

    def add(self, other: "ClientCounts") -> None:
        for name in CLIENT_COLUMNS:
            setattr(self, name, getattr(self, name) + getattr(other, name))


CLIENT_COLUMNS = tuple(column.name for column in fields(ClientCounts))
client_values: Callable[[ClientCounts], tuple[int, ...]] = attrgetter(*CLIENT_COLUMNS)
CLIENT_PLACE = ("token_id", "day", "model")


@dataclass(slots=True)
class ClientTally:
    """Models count by name where an upstream knew them, and few of those that were not allowed: a
    client could name endless ones.
    """

    counts: dict[ClientPlace, ClientCounts] = field(default_factory=dict)
    last_used: dict[int, float] = field(default_factory=dict)

    def count_answer(self, token_id: int, model: str, status: int, now: float) -> None:
        """A request is answered, however many keys that took."""
        counts = self._of(token_id, "" if status >= 400 else model, now)
        counts.requests += 1
        counts.succeeded += status < 400
        self.last_used[token_id] = now

    def count_refused(self, token_id: int, now: float) -> None:
        self._of(token_id, "", now).refused += 1
        self.last_used[token_id] = now

    def count_not_allowed(self, token_id: int, asked: str, now: float) -> None:
        """`asked`: the model or the group that it was refused for."""
        self._of(token_id, asked, now).not_allowed += 1
        self.last_used[token_id] = now

    def count_llm_tokens(
        self,
        token_id: int,
        model: str,
        prompt: int,
        output: int,
        now: float,
        *,
        cached: int = 0,
        thoughts: int = 0,
        tool_use: int = 0,
        cost: int | None = 0,
    ) -> None:
        """`cost`: in millionths; None: there is no price."""
        counts = self._of(token_id, model, now)
        counts.prompt_tokens += prompt
        counts.output_tokens += output
        counts.cached_tokens += cached
        counts.thought_tokens += thoughts
        counts.tool_use_tokens += tool_use
        if cost is None:
            counts.unpriced_tokens += prompt + output
        else:
            counts.cost_micros += cost

    def _of(self, token_id: int, model: str, now: float) -> ClientCounts:
        place = ClientPlace(token_id, int(now) // DAY_SECONDS, model)
        counts = self.counts.get(place)
        if counts is None:
            counts = self.counts[place] = ClientCounts()
        return counts

    def llm_tokens_of_day(self, now: float) -> dict[int, int]:
        """Prompt and output tokens by client token."""
        found: dict[int, int] = {}
        for place, counts in self.counts.items():
            if place.day == int(now) // DAY_SECONDS:
                llm_tokens = counts.prompt_tokens + counts.output_tokens
                found[place.token_id] = found.get(place.token_id, 0) + llm_tokens
        return found

    def cost_since(self, day: int) -> dict[int, int]:
        """In millionths, by client token, from that day on (days since the epoch)."""
        found: dict[int, int] = {}
        for place, counts in self.counts.items():
            if place.day >= day and counts.cost_micros:
                found[place.token_id] = found.get(place.token_id, 0) + counts.cost_micros
        return found

    def piece(self, start: int, stop: int) -> "ClientTally":
        return ClientTally(
            dict(islice(self.counts.items(), start, stop)),
            dict(islice(self.last_used.items(), start, stop)),
        )

    def merge(self, other: "ClientTally") -> None:
        for place, counts in other.counts.items():
            self.counts.setdefault(place, ClientCounts()).add(counts)
        for token_id, used in other.last_used.items():
            self.last_used[token_id] = max(used, self.last_used.get(token_id, 0.0))


def known_rows(tally: ClientTally) -> Rows:
    """For the table of usage, without tokens that are gone.

    In the order in which every process locks rows.
    """
    known = known_ids(ClientToken, list({place.token_id for place in tally.counts}))
    return [
        (place.token_id, _date(place.day), place.model, *client_values(counts))
        for place, counts in sorted(tally.counts.items())
        if place.token_id in known
    ]


def _date(day: int) -> str:
    return str(datetime.fromtimestamp(day * DAY_SECONDS, UTC).date())
