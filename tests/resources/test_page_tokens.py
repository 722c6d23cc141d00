"""A page token is good for what it was given for, and for nothing else."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyapp.resources.page_tokens import PagePlace, place_of, written

WHOSE = ["7", "all", "files", ""]
PLACE = PagePlace("project red at example.com", "AMEw9yO5jnsGnZJLHSKDFHJJu=+/")


@given(project=st.text(max_size=100), token=st.text(max_size=300))
def test_a_token_tells_its_place_to_whom_it_was_given(project: str, token: str):
    place = PagePlace(project, token)

    assert place_of(written(place, WHOSE, "secret"), WHOSE, ["secret"]) == place


@pytest.mark.parametrize(
    "whose",
    [
        ["8", *WHOSE[1:]],
        ["7", "g", "files", ""],
        ["7", "all", "batches", ""],
        [*WHOSE, "x"],
        ["7", "all", "files"],
        ["7all", "", "files", ""],
    ],
)
def test_a_token_of_another_client_or_list_is_none(whose: list[str]):
    assert place_of(written(PLACE, WHOSE, "secret"), whose, ["secret"]) is None


def test_a_token_outlives_a_new_secret_while_the_old_one_is_kept():
    token = written(PLACE, WHOSE, "old")

    assert place_of(token, WHOSE, ["new", "old"]) == PLACE
    assert place_of(token, WHOSE, ["new"]) is None


def test_no_changed_token_is_taken():
    token = written(PLACE, WHOSE, "secret")
    raw = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    for place in range(len(raw)):
        changed = bytes(raw[:place]) + bytes([raw[place] ^ 1]) + bytes(raw[place + 1 :])
        forged = base64.urlsafe_b64encode(changed).decode().rstrip("=")
        assert place_of(forged, WHOSE, ["secret"]) is None


@pytest.mark.parametrize(
    "token", ["x", "é", "a\nb", "=", "A" * 22, "../..", "%2F", "AMEw9yO5jns", "A" * 4097]
)
def test_what_is_no_token_is_none(token: str):
    assert place_of(token, WHOSE, ["secret"]) is None
