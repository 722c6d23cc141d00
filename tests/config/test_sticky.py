"""`sticky` of a group in the file: off in each of its ways, and nothing that is misspelt."""

import pytest

from proxyapp.config.contents import ConfigError
from proxyapp.config.file import parse
from tests.support.pool_data import secret


def sticky(value: str) -> str:
    text = f"groups: [{{name: a, api_keys: [{secret('k')}], sticky: {value}}}]"
    return parse(text).groups[0].sticky


@pytest.mark.parametrize("value", ["off", "false", "null", "''", "no"])
def test_off_is_what_it_is_without(value: str):
    assert sticky(value) == ""


@pytest.mark.parametrize("value", ["session", "prefix"])
def test_it_is_taken(value: str):
    assert sticky(value) == value


@pytest.mark.parametrize("value", ["Prefix", "true", "on", "1", "[prefix]", "user"])
def test_what_is_none_of_its_words_is_an_error_with_its_place(value: str):
    with pytest.raises(ConfigError, match=r"groups\[0\]\.sticky: "):
        sticky(value)
