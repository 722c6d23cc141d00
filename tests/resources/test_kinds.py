"""The table of what belongs to a key says all of each kind."""

import pytest

from proxyapp.resources.kinds import HOUR_SECONDS, KINDS, LONGEST_SECONDS, Area
from proxyapp.resources.names import kind_of, named_in_path
from proxyapp.vocabulary.client_paths import OF_BOTH, OF_GOOGLE
from proxyapp.vocabulary.durations import DAY_SECONDS

LIVES = {
    "files": 48 * HOUR_SECONDS,
    "generatedFiles": 48 * HOUR_SECONDS,
    "interactions": 55 * DAY_SECONDS,
    "auth_tokens": DAY_SECONDS,
}


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_lives_as_long_as_the_api_says_or_ninety_days(name: str):
    assert KINDS[name].seconds == LIVES.get(name, LONGEST_SECONDS)


def test_all_that_google_has_a_collection_of_is_in_the_table():
    """Models are everybody's, and `dynamic` names one of Google's."""
    collections = {name.decode() for name in OF_GOOGLE | OF_BOTH}

    assert collections - {"models", "dynamic"} <= KINDS.keys()


@pytest.mark.parametrize("name", [name for name in KINDS if "*" not in name])
def test_the_kind_of_a_name_is_that_which_it_begins_with(name: str):
    path = f"/v1beta/{name}/one".encode()
    named = named_in_path(path)

    assert named == f"{name}/one"
    assert kind_of(named) is KINDS[name]


def test_no_field_means_two_kinds_in_one_area():
    for area in Area:
        names = [
            field.name for kind in KINDS.values() for field in kind.fields if area in field.areas
        ]
        assert len(names) == len(set(names)), area
