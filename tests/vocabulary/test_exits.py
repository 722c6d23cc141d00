"""Which exit a key has, and how exits are named."""

from collections import Counter

import pytest

from proxyapp.vocabulary.exits import (
    chosen_exit,
    exit_check,
    exit_lines,
    pool_of,
    repeated,
    shown_pool,
)

EXITS = [f"socks5://user:word@exit-{number}.example:1080" for number in range(10)]
KEYS = [f"AIzaSy-test-key-{number}" for number in range(2000)]


def choices(exits: list[str]) -> dict[str, str]:
    return {key: chosen_exit(exits, key) for key in KEYS}


def test_keys_are_spread_over_the_exits():
    counts = Counter(choices(EXITS).values())

    assert set(counts) == set(EXITS)
    assert min(counts.values()) > 140
    assert max(counts.values()) < 260


def test_the_order_of_the_exits_means_nothing():
    assert choices(EXITS) == choices(EXITS[::-1])


def test_an_exit_that_is_removed_moves_its_own_keys_only():
    before, after = choices(EXITS), choices(EXITS[1:])

    assert {key for key in KEYS if before[key] != after[key]} == {
        key for key in KEYS if before[key] == EXITS[0]
    }


def test_a_new_exit_takes_its_share_and_moves_no_other_key():
    before, after = choices(EXITS[1:]), choices(EXITS)
    moved = [key for key in KEYS if before[key] != after[key]]

    assert {after[key] for key in moved} == {EXITS[0]}
    assert len(moved) < len(KEYS) * 0.15


def test_a_new_password_moves_no_key():
    renewed = [url.replace("word", "another") for url in EXITS]

    assert [url.replace("another", "word") for url in choices(renewed).values()] == [
        *choices(EXITS).values()
    ]


@pytest.mark.parametrize(
    ("exits", "found"),
    [
        (["http://a:1", "http://b:1", "direct"], []),
        (["http://u:p@a:1", "http://u:q@A:1"], [(1, 0)]),
        (["http://u:p@a:1", "http://v:p@a:1"], []),
        (["direct", "http://a:1", "direct"], [(2, 0)]),
    ],
)
def test_an_exit_is_the_same_again_whatever_its_password(exits, found):
    assert list(repeated(exits)) == found


def test_a_pool_is_shown_without_users_and_passwords():
    assert shown_pool(pool_of(["direct", EXITS[0]])) == "direct, socks5://***@exit-0.example:1080"
    assert shown_pool(None) == "none"


def test_a_pool_is_kept_as_lines():
    assert exit_lines(pool_of(EXITS)) == EXITS
    assert (pool_of([]), exit_lines(None)) == (None, [])


def test_direct_has_to_be_named_and_all_else_is_a_proxy():
    check = exit_check(False)

    assert check("direct") is None
    assert check(EXITS[0]) is None
    assert "scheme 'ftp' is not supported" in str(check("ftp://h"))
    assert check("") == "must not be empty"
