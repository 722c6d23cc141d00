"""Charts as inline SVG: a small one for a cell of a list, and one with a bar a day.

They are drawn on the server and need no script. Colours are the page's: `currentColor`, or a class
of a bar.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

# Of the sparkline, in units of its drawing: it is as high as a line of text.
BAR, GAP, HEIGHT = 3, 1, 20
# Of the chart with a bar a day.
CHART_HEIGHT = 100
STEP = 20
WIDTH_OF_BAR = 14


class ChartBar(NamedTuple):
    """`part` of the `whole` went well; `title` says what the bar is."""

    part: int
    whole: int
    title: str


def sparkline(values: Sequence[int], label: str) -> SafeString:
    """Bars, as high as the highest allows; the least that is more than nothing can be seen."""
    highest = max(values, default=0) or 1
    bars = (
        _bar(index * (BAR + GAP), value, highest) for index, value in enumerate(values) if value
    )
    return format_html(
        '<svg class="sparkline" viewBox="0 0 {} {}" width="{}" height="{}" role="img"'
        ' aria-label="{}"><title>{}</title><path class="sparkline-base" d="M0 {}H{}"/><path'
        ' d="{}"/></svg>',
        *(_width(values), HEIGHT, _width(values), HEIGHT, label, label),
        *(HEIGHT - 0.5, _width(values), mark_safe("".join(bars))),  # noqa: S308 (numbers)
    )


def bar_chart(bars: Sequence[ChartBar], label: str) -> SafeString:
    """What went well below, the rest of the whole on top."""
    highest = max((bar.whole for bar in bars), default=0) or 1
    width = len(bars) * STEP
    drawn = format_html_join("", "<g><title>{}</title>{}</g>", _columns(bars, highest))
    return format_html(
        '<svg class="bar-chart" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img"'
        ' aria-label="{}"><path class="bar-chart-base" d="M0 {}H{}"/>{}</svg>',
        *(width, CHART_HEIGHT + 1, label, CHART_HEIGHT + 0.5, width, drawn),
    )


def _columns(bars: Sequence[ChartBar], highest: int) -> Iterable[tuple[str, SafeString]]:
    for index, bar in enumerate(bars):
        left = index * STEP + (STEP - WIDTH_OF_BAR) / 2
        whole, part = (CHART_HEIGHT * count / highest for count in (bar.whole, bar.part))
        rectangles = [
            ("bar-chart-hover", index * STEP, 0.0, STEP, CHART_HEIGHT),
            ("bar-chart-rest", left, CHART_HEIGHT - whole, WIDTH_OF_BAR, whole - part),
            ("bar-chart-part", left, CHART_HEIGHT - part, WIDTH_OF_BAR, part),
        ]
        yield bar.title, _rectangles(rectangles)


def _rectangles(rectangles: Iterable[tuple[str, float, float, float, float]]) -> SafeString:
    shape = '<rect class="{}" x="{:g}" y="{:.2f}" width="{:g}" height="{:.2f}"/>'
    drawn = (shape.format(*rectangle) for rectangle in rectangles if rectangle[-1] > 0)
    return mark_safe("".join(drawn))  # noqa: S308 (numbers)


def _bar(left: int, value: int, highest: int) -> str:
    height = max(round(value * (HEIGHT - 1) / highest), 1)
    return f"M{left} {HEIGHT - 1}v-{height}h{BAR}v{height}z"


def _width(values: Sequence[int]) -> int:
    return max(len(values) * (BAR + GAP) - GAP, 1)
