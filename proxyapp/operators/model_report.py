"""What keys did for each model: the sums of all hours and days that are kept.

They are added up when they are asked for: for all keys that is the whole table of usage.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from django.db.models import F, QuerySet, Sum

from proxyapp.models import ApiKey, DailyUsage, HourlyUsage
from proxyapp.operators.key_report import KeyRow
from proxyapp.provider.features import plain_scope
from proxyapp.provider.model_name import normal_name

TABLES = (HourlyUsage, DailyUsage)
WILD = frozenset("*?[")
# Of the columns of usage; in the order of ModelCounts.
SUMS = {
    "sum_requests": Sum("requests"),
    "sum_rate_limited": Sum("rate_limited"),
    "sum_errors": Sum(F("client_errors") + F("upstream_errors")),
    "sum_prompt": Sum("prompt_tokens"),
    "sum_output": Sum("output_tokens"),
    "sum_cached": Sum("cached_tokens"),
    "sum_thought": Sum("thought_tokens"),
    "sum_tool_use": Sum("tool_use_tokens"),
}


@dataclass(frozen=True, slots=True)
class ModelCounts:
    """Named as those of a whole key (KeyRow)."""

    requests: int = 0
    rate_limited: int = 0
    errors: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    thought_tokens: int = 0
    tool_use_tokens: int = 0


OfModels = Mapping[str, ModelCounts]
NOTHING: OfModels = {}


class ModelPattern:
    """A model's name, or several's with `*`, `?` and `[…]`."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._pattern = normal_name(text.strip())

    def fits(self, model: str) -> bool:
        return fnmatchcase(model, self._pattern)

    def known(self) -> Collection[str]:
        """The names that fit among those that were counted."""
        if not WILD.intersection(self._pattern):
            return [self._pattern]
        return {name for table in TABLES for name in _names(table) if self.fits(name)}


def counts_of_models(
    keys: QuerySet[ApiKey] | None, pattern: ModelPattern | None = None
) -> Mapping[int, OfModels]:
    """By key; of each the most used model first. `keys` None: all. One query, without a pattern."""
    names = None if pattern is None else pattern.known()
    # Hours and days are read at once, while rows may be moving over.
    hours, days = (_sums(table, keys, names) for table in TABLES)
    found: defaultdict[int, dict[str, ModelCounts]] = defaultdict(dict)
    for key_id, model, *counts in hours.union(days, all=True):
        of_key, counted = found[key_id], ModelCounts(*map(int, counts))
        of_key[model] = added([of_key[model], counted]) if model in of_key else counted
    return {key_id: _most_used_first(of_key) for key_id, of_key in found.items()}


def added(counts: Iterable[ModelCounts]) -> ModelCounts:
    columns = zip(*(asdict(each).values() for each in counts), strict=True)
    return ModelCounts(*map(sum, columns))


def of_pattern(row: KeyRow, of_models: OfModels, pattern: ModelPattern) -> KeyRow:
    """What of the key concerns these models: its counts are theirs, and only what holds it for them
    is shown.
    """
    cooldowns = [
        cooldown
        for cooldown in row.cooldowns
        if cooldown.model is None or pattern.fits(plain_scope(cooldown.model))
    ]
    return replace(row, cooldowns=cooldowns, **asdict(added(of_models.values())))


def models_json(of_models: OfModels) -> Sequence[Mapping[str, Any]]:
    """The contract of `models` in `manage.py keys list --json`."""
    return [{"model": model, **asdict(counts)} for model, counts in of_models.items()]


def _most_used_first(of_key: OfModels) -> OfModels:
    return dict(sorted(of_key.items(), key=lambda item: (-item[1].requests, item[0])))


def _sums(
    table: type[HourlyUsage | DailyUsage],
    keys: QuerySet[ApiKey] | None,
    names: Collection[str] | None,
) -> QuerySet[Any, Any]:
    rows = table._default_manager.order_by()
    if keys is not None:
        rows = rows.filter(key__in=keys.order_by().values("pk"))
    if names is not None:
        rows = rows.filter(model__in=names)
    return rows.values("key_id", "model").annotate(**SUMS).values_list("key_id", "model", *SUMS)


def _names(table: type[HourlyUsage | DailyUsage]) -> Iterator[str]:
    """A step along the index for each, however many rows there are."""
    names = table._default_manager.order_by("model").values_list("model", flat=True)
    name = names.first()
    while name is not None:
        yield name
        name = names.filter(model__gt=name).first()
