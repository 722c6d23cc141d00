"""The lines of what has many rows, as `prometheus_client` would write them: it takes ten times as
long, and whoever asks for metrics asks often.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate

from prometheus_client.utils import floatToGoString

LabelValues = Sequence[str]
MOST_REMEMBERED = 4_096
number_text: Callable[[float], str] = floatToGoString
_ESCAPED = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


@lru_cache(MOST_REMEMBERED)
def _escaped(value: str) -> str:
    return value.translate(_ESCAPED)


class LabelTexts:
    """Writes labels in the order of their names."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._order = sorted(range(len(names)), key=names.__getitem__)
        self._template = ",".join([f'{name}="%s"' for name in sorted(names)])

    def of(self, values: LabelValues) -> str:
        return self._template % tuple([_escaped(values[place]) for place in self._order])


def sample_lines(
    name: str, labels: tuple[str, ...], rows: Iterable[tuple[LabelValues, float]]
) -> list[str]:
    texts = LabelTexts(labels)
    return [f"{name}{{{texts.of(values)}}} {number_text(number)}\n" for values, number in rows]


def histogram_lines(
    name: str,
    labels: tuple[str, ...],
    bounds: tuple[float, ...],
    rows: Mapping[tuple[str, ...], list[float]],
) -> list[str]:
    """`rows`: as `Buckets.numbers`; one of other bounds, of another version, is left out."""
    texts, lines = LabelTexts(labels), list[str]()
    heads = [f'{name}_bucket{{le="{bound}"' for bound in (*bounds, "+Inf")]
    for values, (*counts, total) in rows.items():
        if len(counts) != len(heads):
            continue
        own = texts.of(values)
        end = f",{own}}} " if own else "} "
        sums = [number_text(count) for count in accumulate(counts)]
        lines += [f"{head}{end}{so_far}\n" for head, so_far in zip(heads, sums, strict=True)]
        place = f"{{{own}}}" if own else ""
        lines.append(f"{name}_count{place} {sums[-1]}\n{name}_sum{place} {number_text(total)}\n")
    return lines
