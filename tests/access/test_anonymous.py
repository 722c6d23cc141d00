"""Without a token: this machine's own programs and pages, and nobody else."""

import pytest

from proxyapp.access.anonymous import check_anonymous
from proxyapp.vocabulary.addresses import is_loopback
from proxyapp.vocabulary.errors import GatewayError

LOCAL = ("127.0.0.1", 8080)


def refusal(server, *headers: tuple[bytes, bytes], allowed=("*",), origins=()):
    """None: let in."""
    try:
        check_anonymous({"server": server, "headers": list(headers)}, allowed, origins)
    except GatewayError as error:
        return error
    return None


def refused(server, *headers: tuple[bytes, bytes], allowed=("*",), origins=()) -> int | None:
    error = refusal(server, *headers, allowed=allowed, origins=origins)
    return None if error is None else error.status


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_this_machine_is_let_in(address):
    assert refused((address, 8080)) is None


@pytest.mark.parametrize(
    "server", [None, ("/run/gateway.sock", None), ("192.0.2.1", 80), ("::", 1), ("0.0.0.0", 1)]
)
def test_every_other_way_in_is_closed(server):
    assert refused(server) == 401


@pytest.mark.parametrize(
    "host", [b"localhost:8080", b"127.0.0.1", b"[::1]:8080", b"gateway.localhost"]
)
@pytest.mark.parametrize("site", [b"same-origin", b"same-site", b"none"])
def test_pages_of_this_machine_are_let_in(host, site):
    origin = (b"origin", b"http://localhost:3000")
    assert refused(LOCAL, (b"host", host), origin, (b"sec-fetch-site", site)) is None


@pytest.mark.parametrize(
    "headers",
    [
        [(b"host", b"127.0.0.1:8080"), (b"sec-fetch-site", b"cross-site")],
        [(b"host", b"127.0.0.1:8080"), (b"origin", b"https://evil.example")],
        [(b"host", b"127.0.0.1:8080"), (b"origin", b"null")],
        [
            (b"host", b"evil.example:8080"),
            (b"origin", b"http://evil.example:8080"),
            (b"sec-fetch-site", b"same-origin"),
        ],
        [(b"host", b"evil.example"), (b"sec-fetch-site", b"same-origin")],
        [(b"host", b"evil.example:8080"), (b"accept-language", b"en-US,en;q=0.9")],
        [(b"host", b"evil.example:8080"), (b"referer", b"http://evil.example:8080/")],
        [(b"host", b"[bad"), (b"sec-fetch-site", b"none")],
        [(b"sec-fetch-site", b"none")],
    ],
)
def test_pages_of_other_sites_are_not(headers):
    assert refused(LOCAL, *headers) == 403


def test_a_name_of_the_settings_is_the_gateways_own():
    headers = [
        (b"host", b"gate.example"),
        (b"origin", b"https://gate.example"),
        (b"sec-fetch-site", b"same-origin"),
    ]
    assert refused(LOCAL, *headers, allowed=("gate.example",)) is None
    assert refused(LOCAL, *headers, allowed=("*",)) == 403


def test_another_site_of_this_machine_is_let_in_by_its_origin_only():
    headers = [(b"host", b"127.0.0.1:8080"), (b"sec-fetch-site", b"cross-site")]
    assert refused(LOCAL, *headers, (b"origin", b"http://localhost:3000")) is None
    assert refused(LOCAL, *headers) == 403


@pytest.mark.parametrize(
    ("origin", "named"),
    [(b"tauri://localhost", "'tauri://localhost' to ALLOWED_ORIGINS"), (b"", "to ALLOWED_ORIGINS")],
)
def test_the_refusal_names_the_setting(origin, named):
    error = refusal(LOCAL, (b"host", b"localhost:8080"), (b"origin", origin))

    assert error.status == 403
    assert named in error.message


def test_the_refusal_of_a_foreign_name_names_its_setting():
    error = refusal(LOCAL, (b"host", b"evil.example"), (b"origin", b"tauri://localhost"))

    assert "ALLOWED_HOSTS" in error.message


def test_an_allowed_origin_does_not_let_in_another_name():
    headers = [(b"host", b"evil.example:8080"), (b"origin", b"app://x")]
    assert refused(LOCAL, *headers, origins=("app://",)) == 403
    assert refused(LOCAL, (b"host", b"localhost"), headers[1], origins=("app://",)) is None


def test_a_program_may_use_any_name():
    assert refused(LOCAL, (b"host", b"gate.example")) is None


def test_what_is_no_address_is_not_loopback():
    assert not is_loopback("localhost")
