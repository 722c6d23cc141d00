"""Addresses without a scheme, or with another one."""

import pytest

from proxyapp.vocabulary.checks import check_proxy_url, check_target_url


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("127.0.0.1:7890", "127.0.0.1:7890"),
        ("localhost:1080", "localhost:1080"),
        ("[::1]:1080", "[::1]:1080"),
        ("//127.0.0.1:7890", "127.0.0.1:7890"),
        ("squid:3128", "squid:3128"),
        ("proxy.example.com", "proxy.example.com"),
        ("me:pw-MARKER@10.0.0.1:8080", "user:***@10.0.0.1:8080"),
        ("token-MARKER@proxy.example.com:80", "user:***@proxy.example.com:80"),
        ("me:p@w/MARKER@[2001:db8::1]:1080", "user:***@[2001:db8::1]:1080"),
        ("10.0.0.1:8080:me:pw-MARKER", "user:***@10.0.0.1:8080"),
        ("AIzaSyMARKERMARKERMARKERMARKERMARKER123", "host:port"),
        ("AQ.Ab8RNMARKERMARKERMARKERMARKERMARKER", "host:port"),
        ("::1:1080", "host:port"),
    ],
)
def test_a_proxy_without_a_scheme_is_written_out_both_ways(given: str, shown: str):
    said = check_proxy_url(given)
    assert said == f"has no scheme; write it as http://{shown} or socks5://{shown}"


@pytest.mark.parametrize("scheme", ["socks", "socks4", "socks4a", "SOCKS4"])
def test_another_socks_is_answered_with_what_is_supported(scheme: str):
    said = check_proxy_url(f"{scheme}://127.0.0.1:1080") or ""
    assert said.startswith(
        f"scheme '{scheme.lower()}' is not supported; use http, https, socks5 or"
    )
    assert "socks5:// where the proxy speaks SOCKS 5" in said


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("generativelanguage.googleapis.com", "generativelanguage.googleapis.com"),
        ("api.example.com:8443/gemini", "api.example.com:8443/gemini"),
        ("AIzaSyMARKERMARKERMARKERMARKERMARKER123", "host:port"),
        ("api.example.com?key=MARKER", "host:port"),
    ],
)
def test_a_target_without_a_scheme_is_written_out_as_https(given: str, shown: str):
    assert check_target_url(given) == f"has no scheme; write it as https://{shown}"
