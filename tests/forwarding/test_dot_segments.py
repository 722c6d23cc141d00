"""Paths with dots are forwarded as they are, or refused where nobody knows their end."""

import time

import pytest

from proxyapp.forwarding.dot_segments import leads_astray

OUT = (
    b"/..",
    b"/../x",
    b"/x/../../y",
    b"/x//../../y",
    b"/x/./../../y",
    b"/;/..",
    b"/;x/../y",
    b"/x/;a=b/../../y",
    b"/.;/../y",
    b"/%3b/..",
    b"/%2e%2e/x",
    b"/.%2E/x",
    b"/..%2fx",
    b"/x/..%2f../y",
    b"/x%2fy/../../z",
    b"/x%2f..%2f..%2fy",
    b"/x%5c..%5c..%5cy",
    b"/x\\..\\..\\y",
    b"/..;/x",
    b"/..;a=b/x",
    b"/%252e%252e/x",
    b"/%25252e%25252e%25252fx",
    b"/..%00/x",
    b"/..%20/x",
    b"/..%3fx",
    b"/%" + b"25" * 2000 + b"2e%2e/x/../y",
)
ANOTHER_MODEL = (
    b"/v1beta/models/a:generateContent/../b:generateContent",
    b"/v1beta/models/./a:generateContent",
    b"/v1beta/models/a/x/%2e%2e/b",
    b"/v1beta/tunedModels/a/../b",
    b"/v1beta/model%73/a/../b",
    b"/v1beta/models%2fa/../b",
    b"/v1beta/models\\a/../b",
)
HARMLESS = (
    b"/",
    b"/x/../y",
    b"/echo/./a/../b",
    b"/x/y/../../z",
    b"/./x",
    b"/...",
    b"/a..b/c.",
    b"/..a",
    b"/.well-known/x",
    b"/v1beta/models/gemini-2.5-flash:generateContent",
    b"/v1beta/models/..gemini...:generateContent",
    b"*",
)


@pytest.mark.parametrize("path", OUT)
def test_a_path_that_could_leave_its_prefix_is_refused(path: bytes):
    assert leads_astray(path)


@pytest.mark.parametrize("path", ANOTHER_MODEL)
def test_a_path_that_could_mean_another_model_is_refused(path: bytes):
    assert leads_astray(path)


@pytest.mark.parametrize("path", HARMLESS)
def test_a_path_that_stays_below_its_prefix_is_not(path: bytes):
    assert not leads_astray(path)


@pytest.mark.parametrize("unit", [b"/..", b"%25", b"/x", b"%2e", b"/.%2f", b"\\"])
def test_a_long_path_costs_no_more_than_its_length(unit: bytes):
    since = time.process_time()
    leads_astray(b"/x/.." + unit * (60_000 // len(unit)))

    assert time.process_time() - since < 0.5
