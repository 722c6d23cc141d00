"""A line of `.env` counts when docker compose and systemd read the same in it; else it is refused.

The expected values are those of compose v2 and of systemd 252.
"""

import pytest

from gateway.dotenv import Assignment, Complaint, read


def value_of(line: str) -> str | None:
    """None: refused."""
    (found,) = read(line)
    return found.value if isinstance(found, Assignment) else None


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=", ""),
        ("A=   ", ""),
        ("A=x", "x"),
        ("  A=x  ", "x"),
        ("A= x", "x"),
        ("A=two words", "two words"),
        ("A=x#y", "x#y"),
        ("A=x=y", "x=y"),
        ("A=it's", "it's"),
        ('A=["a","b"]', '["a","b"]'),
        ('A="two words"', "two words"),
        ('A=""', ""),
        ("A='$x # \\y \"'", '$x # \\y "'),
        ('A="x # y"', "x # y"),
        ("A=postgresql://u:p%40@h:5432/n?sslmode=require", None),
        ("A=Schlüssel", "Schlüssel"),
    ],
)
def test_what_both_read_alike_is_taken(line: str, value: str | None) -> None:
    assert value_of(line) == (line[2:] if value is None else value)


@pytest.mark.parametrize(
    ("line", "remedy"),
    [
        ("SECRET_KEY=   # generate with MARKER", "on a line of its own"),
        ("A=MARKER # a remark", "on a line of its own"),
        ("A=MARKER\t# a remark", "on a line of its own"),
        ("A=#MARKER", "in single quotes"),
        ('A="MARKER" # a remark', "on a line of its own"),
        ("A='MAR'KER", "closing quote"),
        ("A='MAR\\'KER'", "closing quote"),
        ("A='MARKER\\'", "end the value with another character"),
        ('A="MARKER', "close it"),
        ("A='MARKER", "close it"),
        ("A=MARKER$x", "in single quotes"),
        ("A=${MARKER}", "in single quotes"),
        ('A="MARKER$x"', "in single quotes"),
        ("A=MAR\\KER", "in single quotes"),
        ('A="MAR\\nKER"', "in single quotes"),
        ("A=MARKER\\", "in single quotes"),
        ("export A=MARKER", "leave it out"),
        ("A =MARKER", "space before"),
        ("A: MARKER", "NAME=value"),
        ("MARKER", "NAME=value"),
        ("MARKER.x=1", "NAME=value"),
        ("1A=MARKER", "NAME=value"),
        ("=MARKER", "NAME=value"),
        ("; MARKER", "begin it with #"),
        ("# MARKER \\", "leave the backslash out"),
        ("\ufeffA=MARKER", "without it"),
        ("A=MAR\x00KER", "control character"),
        ("A=MARKER\u00a0", "invisible space"),
    ],
)
def test_what_they_read_differently_is_refused_with_the_remedy(line: str, remedy: str) -> None:
    (found,) = read(line)

    assert isinstance(found, Complaint)
    assert remedy in found.text
    assert "MARKER" not in found.text


def test_lines_are_counted_and_comments_passed_over() -> None:
    found = list(read("# a\r\n\r\n \t# b\rA=1\nB=$x\n"))

    assert [(entry.line, type(entry)) for entry in found] == [(4, Assignment), (5, Complaint)]
