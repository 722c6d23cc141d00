"""Ids by the ten thousand, in one parameter and in one field."""

import random

import pytest

from proxyapp.models import ApiKey
from proxyapp.models.many_ids import MOST, among, shortened, written_out
from tests.support.pool_data import add_group, add_key


@pytest.mark.parametrize("seed", range(5))
def test_ids_come_back_as_they_were(seed: int):
    source = random.Random(seed)
    ids = sorted({source.randrange(1, 60) for _ in range(source.randrange(40))} | {10**18})

    assert written_out(shortened(ids)) == ids


def test_neighbours_are_written_as_one():
    assert shortened([9, 1, 2, 3, 5]) == "1-3 5 9"
    assert shortened([]) == ""


@pytest.mark.parametrize("text", ["", "x", "1-", "-1", "1 2 y", "3-²", f"1-{MOST + 1}", "9" * 5000])
def test_any_other_text_is_no_ids(text: str):
    assert written_out(text) == []


def test_more_ids_than_a_statement_takes_parameters_are_found(db: None):
    key = add_key(add_group(), "one")

    found = ApiKey.objects.filter(pk__in=among(range(1, 300_000)))

    assert list(found) == [key]
    assert not ApiKey.objects.filter(pk__in=among([]))
