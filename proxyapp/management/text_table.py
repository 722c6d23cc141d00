"""Tables for a shell: aligned columns, a line a row, the same in a terminal, a pipe and a file."""

from collections.abc import Collection, Sequence

from rich.cells import cell_len

GAP = "  "


def plain_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Collection[int] = ()
) -> str:
    """`right`: the indices of the columns that are aligned to the right."""
    lines = [columns, *rows]
    widths = [max(cell_len(line[index]) for line in lines) for index in range(len(columns))]
    return "\n".join(_line(line, widths, right) for line in lines)


def _line(cells: Sequence[str], widths: Sequence[int], right: Collection[int]) -> str:
    padded = [
        _padded(cell, width, is_right=index in right)
        for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return GAP.join(padded).rstrip()


def _padded(cell: str, width: int, *, is_right: bool) -> str:
    padding = " " * (width - cell_len(cell))
    return padding + cell if is_right else cell + padding
