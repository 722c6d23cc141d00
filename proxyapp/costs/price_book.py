"""Which price a model has on a day: none is not nought, it is not known."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from proxyapp.costs.price import KnownPrices, Price
from proxyapp.vocabulary.model_patterns import expression_of

EPOCH = date(1970, 1, 1).toordinal()
# A version of a model is priced as the model: gemini-2.5-pro-001.
VERSION = re.compile(r"-\d{3}|-latest")


@dataclass(frozen=True, slots=True)
class PriceStep:
    """`since`: from that day on, UTC; None: from the beginning."""

    price: Price
    since: date | None = None


@dataclass(frozen=True, slots=True)
class PriceEntry:
    """`model`: a name, `*` for any part. `steps`: the later ones behind. `source`: in words."""

    model: str
    steps: Sequence[PriceStep]
    source: str

    def on(self, day: date) -> Price | None:
        fitting = [step.price for step in self.steps if step.since is None or step.since <= day]
        return fitting[-1] if fitting else None


class PriceBook:
    """`entries`: of several that name a model the first counts, and a name before a pattern.
    `behind`: of models that none of them names.
    """

    def __init__(self, entries: Sequence[PriceEntry], behind: "PriceBook | None" = None) -> None:
        self.entries = entries
        self._behind = behind
        names = {entry.model: entry for entry in reversed(entries) if "*" not in entry.model}
        self._names = names
        self._patterns = [
            (re.compile(expression_of(entry.model), re.DOTALL), entry)
            for entry in entries
            if "*" in entry.model
        ]
        self.known = KnownPrices(self._on)

    def of(self, model: str, now: float) -> Price | None:
        """None: it has no price. `now`: in seconds since the epoch."""
        return self.known.of(model, now)

    def _on(self, model: str, day: int) -> Price | None:
        entry = self.entry_of(model)
        return None if entry is None else entry.on(date.fromordinal(EPOCH + day))

    def entry_of(self, model: str) -> PriceEntry | None:
        """Also where its publisher stands in front of the model."""
        names = (model, model.rpartition("/")[2])
        for find in (self._named, self._fitting):
            for name in names:
                if found := find(name):
                    return found
        return None if self._behind is None else self._behind.entry_of(model)

    def _named(self, name: str) -> PriceEntry | None:
        if found := self._names.get(name):
            return found
        stem = name[: -len(suffix[0])] if (suffix := VERSION.search(name, len(name) - 7)) else ""
        return self._names.get(stem)

    def _fitting(self, name: str) -> PriceEntry | None:
        return next((entry for each, entry in self._patterns if each.fullmatch(name)), None)
