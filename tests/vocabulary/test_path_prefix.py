"""The path that a gateway is deployed below: what may be one, and how it is cut off."""

import pytest

from gateway import setting_checks
from proxyapp.vocabulary.path_prefix import PathPrefix, check_path_prefix


@pytest.mark.parametrize("text", ["/gemini", "/a/b-c/d.e", "/~user", "/v2"])
def test_a_plain_path_is_one(text: str) -> None:
    assert check_path_prefix(text) is None
    assert setting_checks.path_prefix(text) == ""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("gemini", "must begin with a slash"),
        ("https://example.com/gemini", "must begin with a slash"),
        ("/gemini/", "must not end with a slash"),
        ("/", "must not end with a slash"),
        ("/a//b", "must be a plain path"),
        ("//a", "must be a plain path"),
        ("/a/../b", "must be a plain path"),
        ("/.", "must be a plain path"),
        ("/a?b", "must be a plain path"),
        ("/a#b", "must be a plain path"),
        ("/%67emini", "must be a plain path"),
        ("/ä", "must be a plain path"),
        ("/a b", "must be a plain path"),
        ("/a\n", "must be a plain path"),
        ("/" + "a" * 300, "must be a plain path"),
        ("/admin", "must not be '/admin'"),
        ("/x/admin", "must not be '/x/admin'"),
        ("/v1beta", "must not be '/v1beta'"),
        ("/static/x", "must not be '/static/x'"),
    ],
)
def test_what_is_none_is_told_why(text: str, problem: str) -> None:
    assert str(check_path_prefix(text)).startswith(problem)


@pytest.mark.parametrize(
    ("raw", "cut"),
    [
        (b"/gemini/v1/%6D%2F", b"/v1/%6D%2F"),
        (b"/gemini", b"/"),
        (b"/gemini/", b"/"),
        (b"/gemini/gemini/x", b"/gemini/x"),
        (b"/geminix/v1", b"/geminix/v1"),
        (b"/v1/models", b"/v1/models"),
        (b"/GEMINI/v1", b"/GEMINI/v1"),
    ],
)
def test_it_is_cut_once_and_nothing_else_is(raw: bytes, cut: bytes) -> None:
    scope = {"raw_path": raw, "path": raw.decode()}

    assert PathPrefix("/gemini").cut(scope)["raw_path"] == cut
    assert scope["raw_path"] == raw
