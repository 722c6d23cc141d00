"""Which pages need no client token, and how their origins are told from those that look alike."""

import pytest

from proxyapp.access.page_origins import may_ask


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost",
        "http://localhost:3000",
        "https://localhost:8443",
        "HTTP://LOCALHOST:3000",
        "http://app.localhost:5173",
        "http://127.0.0.1:3000",
        "http://127.8.8.8",
        "https://[::1]:3000",
        "http://[::1]",
    ],
)
def test_pages_of_this_machine_may_ask(origin):
    assert may_ask(origin, (), ())


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "null",
        "localhost",
        "http://localhost.evil.com",
        "http://127.0.0.1.evil",
        "http://evil.com.",
        "http://localhost@evil.com",
        "http://evil.com@localhost",
        "http://user:localhost@evil.com:80",
        "http://localhost:evil.com",
        "http://localhost:",
        "http://localhost:3000/",
        "http://localhost/evil",
        "http://localhost?",
        "http://localhost#",
        "http://localhost\\.evil.com",
        "http://localhost evil.com",
        "http://notlocalhost",
        "http://localhost.",
        "http://0.0.0.0:3000",
        "http://128.0.0.1",
        "http://[::2]",
        "http://[::1].evil.com",
        "http://[::1",
        "http://::1",
        "http://localhost:123456",
        "http:///localhost",
        "http:localhost",
        " http://localhost",
        "http://localhost\n",
        "file://localhost",
        "ftp://localhost",
        "tauri://localhost",
        "app://localhost",
        "https://evil.example, http://localhost",
    ],
)
def test_no_other_page_may(origin):
    assert not may_ask(origin, ("*",), ())
    assert not may_ask(origin, ("*",), ("https://app.example", "chrome-extension://abc"))


@pytest.mark.parametrize(
    ("allowed", "origin"),
    [
        ("https://app.example", "https://app.example"),
        ("https://APP.example:443", "https://app.example"),
        ("http://192.168.1.9:3000", "http://192.168.1.9:3000"),
        ("null", "null"),
        ("tauri://localhost", "tauri://localhost"),
        ("app://", "app://obsidian.md"),
        ("app://*", "app://-"),
        ("vscode-webview://*", "vscode-webview://1a2b3c"),
        ("chrome-extension://abcdef", "chrome-extension://abcdef"),
    ],
)
def test_what_an_operator_names_may(allowed, origin):
    assert may_ask(origin, (), (allowed,))


@pytest.mark.parametrize(
    ("allowed", "origin"),
    [
        ("https://app.example", "http://app.example"),
        ("https://app.example", "https://app.example:8443"),
        ("https://app.example", "https://app.example.evil.com"),
        ("https://app.example", "https://evil.com/https://app.example"),
        ("app://", "app"),
        ("app://", "myapp://x"),
        ("app://*", "apps://x"),
        ("chrome-extension://abc", "chrome-extension://abcd"),
        ("null", "nullable"),
    ],
)
def test_and_nothing_that_only_looks_like_it(allowed, origin):
    assert not may_ask(origin, (), (allowed,))


def test_a_name_of_the_gateways_own_may_in_the_web_only():
    assert may_ask("https://gate.example:8443", ("gate.example",), ())
    assert not may_ask("app://gate.example", ("gate.example",), ())
    assert not may_ask("https://gate.example.evil", ("gate.example",), ())
