"""What is made of short bytes is made once; strangers' inventions take no memory."""

from collections.abc import Callable

from proxyapp.vocabulary.remembered import LONGEST_BYTES, MOST, remembered


def counting() -> tuple[list[bytes], Callable[[bytes], int]]:
    asked: list[bytes] = []

    def make(data: bytes) -> int:
        asked.append(data)
        return len(data)

    return asked, remembered(make)


def test_what_comes_again_is_made_once():
    asked, made = counting()

    assert [made(b"/v1"), made(b"/v1"), made(b"/v2")] == [3, 3, 3]
    assert asked == [b"/v1", b"/v2"]


def test_what_is_long_is_made_each_time():
    asked, made = counting()
    short, long = b"x" * LONGEST_BYTES, b"x" * (LONGEST_BYTES + 1)

    assert [made(short), made(short), made(long), made(long)] == [256, 256, 257, 257]
    assert asked == [short, long, long]


def test_those_that_were_asked_for_last_are_kept():
    asked, made = counting()

    for number in (*range(MOST + 1), MOST, 0):
        made(b"/%d" % number)

    assert len(asked) == MOST + 2
    assert asked[-1] == b"/0"
