"""Settings of an environment, as other programs write them into a file."""

import pytest

from proxyapp.peers.env_file import listed, settings_of
from proxyapp.peers.targets import target_fields


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('A=["one",\n  "two"\n]\nB=1', {"A": '["one",\n"two"\n]', "B": "1"}),
        ("export A='one\ntwo' # three\nB=1 # two", {"A": "one\ntwo", "B": "1"}),
        ('A=[]\nB=""\nC="', {"A": "[]", "B": "", "C": ""}),
        (r'A="[\"one\"]" # "two"', {"A": '["one"]'}),
        ('A="[\\"one\\",\n\\"two\\"]"\nB=1', {"A": '["one",\n"two"]', "B": "1"}),
        (r"A='[\"one\"]'", {"A": r"[\"one\"]"}),
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


@pytest.mark.parametrize("text", ["a" + " " * 400_000 + "b", "a" + " " * 400_000 + "#b"])
def test_a_long_gap_in_a_value_costs_nothing(text: str):
    assert settings_of(f"A={text}")["A"] in (text, "a")


def test_a_long_number_in_an_address_costs_nothing():
    url = f"https://a.example/v{'1' * 400_000}x"

    assert target_fields(url)["target_url"] == url
    assert target_fields("https://a.example/v1beta2/openai/")["target_url"] == "https://a.example"
