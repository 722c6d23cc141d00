"""Where a key goes is decided by the path alone, from its start on."""

import pytest

from proxyapp.provider.credentials import is_of_openai_api, is_openai_prefix, refuses_two


@pytest.mark.parametrize(
    ("prefix", "path"),
    [
        (b"", b"/v1beta/openai/chat/completions"),
        (b"", b"/v1/openai/models"),
        (b"", b"/v1alpha1/openai/x"),
        (b"", b"/openai/chat/completions"),
        (b"/proxy", b"/v1beta/openai/x"),
        (b"/v1beta/openai", b"/chat/completions"),
        (b"/openai/v1", b"/chat/completions"),
    ],
)
def test_below_openai_a_key_is_a_bearer_token(prefix: bytes, path: bytes):
    assert is_of_openai_api(path) or is_openai_prefix(prefix)


@pytest.mark.parametrize(
    "path",
    [
        b"/v1beta/models/m:generateContent?x=/openai/",
        b"/v1beta/models/x/openai/y:generateContent",
        b"/v1beta/models/openai/m",
        b"//openai/chat",
        b"/v1beta//openai/x",
        b"/%6fpenai/x",
        b"/v1beta/%6Fpenai/chat",
        b"/v1beta%2fopenai/x",
        b"/v1beta/openai%2fx",
        b"/x/v1beta/openai/x",
        b"/v1?/openai/x",
        b"/v1#/openai/x",
        b"/v1;/openai/x",
        b"/OpenAI/x",
        b"/openai",
        b"*",
        b"",
    ],
)
def test_anywhere_else_it_is_none(path: bytes):
    assert not is_of_openai_api(path)
    assert not is_openai_prefix(b"")
    assert not is_openai_prefix(b"/my-openai/v1")


@pytest.mark.parametrize(
    ("message", "is_so"),
    [
        ("Multiple authentication credentials received. Please pass only one.", True),
        ("Multiple authentication credentials received.", True),
        ("Multiple authentication credentials received\n", True),
        ("models/Multiple authentication credentials received is not found", False),
        ("Multiple authentication credentials received. Please pass only one. Or not.", False),
        ("", False),
    ],
)
def test_only_the_whole_sentence_says_that_two_are_refused(message: str, is_so: bool):
    assert refuses_two(message) is is_so
