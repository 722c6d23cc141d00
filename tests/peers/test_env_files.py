"""Settings of an environment, as other programs write them into a file."""

import pytest

from proxyapp.peers.env_file import listed, settings_of


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('A=["one",\n  "two"\n]\nB=1', {"A": '["one",\n"two"\n]', "B": "1"}),
        ("export A='one\ntwo' # three\nB=1 # two", {"A": "one\ntwo", "B": "1"}),
        ('A=[]\nB=""\nC="', {"A": "[]", "B": "", "C": ""}),
        ("A=[\nB=2\n", {"A": "[\nB=2"}),
        ("# A=1\nA=1\nA=2\nno setting", {"A": "2"}),
    ],
)
def test_values_go_on_to_their_end(text: str, found: dict[str, str]):
    assert settings_of(text) == found


def test_a_list_that_nobody_ended_is_read_in_one_go():
    assert len(settings_of("A=[\n" * 400_000)["A"]) == 400_000 * 4 - 3


@pytest.mark.parametrize("text", ['["a", "b"]', "a, b", "a\nb", "[a, b", '["a" "b"]'])
def test_lists_are_read_however_they_are_written(text: str):
    assert listed(text) == ["a", "b"]
