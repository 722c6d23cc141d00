"""The requests a second at 32 connections as bars.

The SVG is written by hand, so that nothing has to be installed for it.
"""

from collections.abc import Iterator, Mapping
from html import escape

WIDTH = 760
LABEL_WIDTH = 300
FIGURE_WIDTH = 70
ROW_HEIGHT = 30
BAR_HEIGHT = 18
TOP = 56
INK = "#24292f"
GATEWAY = "#1a7f64"
PEER = "#8c959f"


def svg(rates: Mapping[str, float], *, limit: float | None) -> str:
    """`limit` is nginx: its bar would leave the others no room, so it is only told."""
    height = TOP + ROW_HEIGHT * len(rates) + 16
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
        ' font-family="sans-serif">'
    ]
    parts.append(f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>')
    parts.append(_text(12, 22, "Requests a second at 32 connections, 0.6 KB answers", size=15))
    if limit is not None:
        parts.append(
            _text(
                12, 42, f"Not drawn: nginx as a proxy on one core, the limit, {limit:,.0f}", size=12
            )
        )
    return "\n".join([*parts, *_bars(rates), "</svg>", ""])


def _bars(rates: Mapping[str, float]) -> Iterator[str]:
    scale = (WIDTH - LABEL_WIDTH - FIGURE_WIDTH) / max(rates.values(), default=1.0)
    for row, (name, rate) in enumerate(sorted(rates.items(), key=lambda item: -item[1])):
        top = TOP + ROW_HEIGHT * row
        colour = GATEWAY if name.startswith("gateway") else PEER
        width = max(1.0, rate * scale)
        baseline = top + BAR_HEIGHT - 4
        yield _text(LABEL_WIDTH - 8, baseline, name, anchor="end")
        yield (
            f'<rect x="{LABEL_WIDTH}" y="{top}" width="{width:.1f}" height="{BAR_HEIGHT}"'
            f' fill="{colour}"/>'
        )
        yield _text(LABEL_WIDTH + width + 6, baseline, f"{rate:,.0f}")


def _text(x: float, y: float, text: str, *, size: int = 13, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y}" font-size="{size}" fill="{INK}"'
        f' text-anchor="{anchor}">{escape(text)}</text>'
    )
