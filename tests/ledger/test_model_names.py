"""Endless names of models count together."""

import pytest

from proxyapp.ledger.model_names import MOST_OF_CLIENT, MOST_OF_KEY, OTHERS, ModelNames
from proxyapp.ledger.usage import HOUR_SECONDS

NOW = 1_800_000_000.0


def test_of_endless_names_a_bound_counts_by_name_for_each_key():
    names = ModelNames()

    counted = {names.of_key(1, f"m{n}", NOW) for n in range(10_000)}

    assert len(counted) == MOST_OF_KEY + 1
    assert OTHERS in counted
    assert names.of_key(1, "m0", NOW) == "m0"
    assert names.of_key(2, "m9999", NOW) == "m9999"


@pytest.mark.parametrize("hours", [1, -1, 24])
def test_another_hour_begins_without_names(hours):
    names = ModelNames()
    for number in range(MOST_OF_KEY + 1):
        names.of_key(1, f"m{number}", NOW)

    assert names.of_key(1, "new", NOW) == OTHERS
    assert names.of_key(1, "new", NOW + hours * HOUR_SECONDS) == "new"


def test_one_client_alone_does_not_take_the_names_of_a_key():
    names = ModelNames()

    assert len({names.of_client(1, f"m{n}", NOW) for n in range(1000)}) == MOST_OF_CLIENT + 1
    assert MOST_OF_CLIENT < MOST_OF_KEY


def test_no_name_is_none_of_them():
    names = ModelNames()
    for number in range(MOST_OF_KEY):
        names.of_key(1, f"m{number}", NOW)

    assert names.of_key(1, "", NOW) == ""
