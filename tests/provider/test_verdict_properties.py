"""What holds for every refusal, of those that were recorded and of any other."""

import gzip
import json
import re
import time
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxyapp.provider.excerpts import excerpt
from proxyapp.provider.kind_spec import Retry
from proxyapp.provider.kinds import Kind
from proxyapp.provider.request_use import RequestUse
from proxyapp.provider.verdict import Verdict, effective_status
from tests.support.refusals import (
    EXCEEDED,
    KEY,
    MANIFEST,
    NOW,
    expected,
    google,
    info,
    judged,
    kind,
    kind_of,
    recorded,
    violations,
)

ROWS = st.sampled_from(MANIFEST)
LIMITED = [row for row in MANIFEST if row["meaning_class"] in ("minute", "day")]
STATUSES = st.sampled_from(
    [200, 400, 401, 402, 403, 404, 407, 408, 429, 451, 499, 500, 503, 529, 599, 999]
)
KNOWN = (
    "error code message status details type reason metadata violations quotaId quotaValue "
    "quotaDimensions model @type retryDelay links errors detail event_type 429 0 20s PerDay "
    "PerMinute API_KEY_INVALID RESOURCE_EXHAUSTED"
)
WORDS = st.sampled_from(KNOWN.split()) | st.text(max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=30,
)
# What a body may turn into when its end is missing, besides what takes nothing out and blames no
# key.
HARMLESS = {None, Kind.REQUEST, Kind.SERVER, Kind.PROXY_FAULT}
WEAKER = {
    Kind.MINUTE: {Kind.UNKNOWN_LIMIT},
    Kind.DAY: {Kind.MINUTE, Kind.UNKNOWN_LIMIT},
    Kind.NO_QUOTA: {Kind.DAY, Kind.MINUTE, Kind.UNKNOWN_LIMIT},
    Kind.BILLING: {Kind.UNKNOWN_LIMIT},
    Kind.SPEND: {Kind.UNKNOWN_LIMIT},
}


def shuffled(draw, value):
    """With the members of every object in another order.

    The elements of every list as well, but for a stream's.
    """
    if isinstance(value, dict):
        return {name: shuffled(draw, value[name]) for name in draw(st.permutations(list(value)))}
    if isinstance(value, list):
        return [shuffled(draw, item) for item in draw(st.permutations(value))]
    return value


@given(data=st.data(), row=ROWS)
@settings(max_examples=150)
def test_the_order_of_details_quotas_and_members_changes_nothing(data, row):
    value = shuffled(data.draw, json.loads(recorded(row["name"])))

    assert kind_of(row, json.dumps(value).encode()) == expected(row)


@given(
    row=ROWS,
    indent=st.sampled_from([None, 0, 3, "\t"]),
    is_array=st.booleans(),
    is_compressed=st.booleans(),
)
@settings(max_examples=100)
def test_spaces_arrays_and_compression_change_nothing(row, indent, is_array, is_compressed):
    value = json.loads(recorded(row["name"]))
    body = json.dumps(
        [value] if is_array and isinstance(value, dict) else value, indent=indent
    ).encode()

    assert kind_of(row, gzip.compress(body) if is_compressed else body) == expected(row)


@given(row=st.sampled_from(LIMITED), limit=st.integers(1, 10**12), delay=st.integers(0, 10**6))
@settings(max_examples=100)
def test_other_limits_and_delays_do_not_change_the_window(row, limit, delay):
    text = recorded(row["name"]).decode()
    text = re.sub(r'("quotaValue": "|limit: )\d+', rf"\g<1>{limit}", text)
    text = re.sub(
        r'("retryDelay": ")\d+s',
        rf"\g<1>{delay}s",
        re.sub(r"retry in [\dhm.]+s", f"retry in {delay}s", text),
    )

    assert kind_of(row, text.encode()) == row["meaning_class"]


@pytest.mark.parametrize("row", [pytest.param(row, id=row["name"]) for row in LIMITED])
def test_a_limit_of_zero_is_no_quota_whatever_the_window(row):
    text = re.sub(r'("quotaValue": "|limit: )\d+', r"\g<1>0", recorded(row["name"]).decode())

    assert kind_of(row, text.encode()) is Kind.NO_QUOTA


@pytest.mark.parametrize("row", [pytest.param(row, id=row["name"]) for row in MANIFEST])
def test_a_body_that_is_cut_anywhere_never_takes_out_more_than_the_whole(row):
    body = recorded(row["name"])
    full = Kind[expected(row).upper()]

    kinds = {kind_of(row, body[:end]) for end in range(len(body))}

    assert kinds <= {full} | WEAKER.get(full, set()) | HARMLESS


@given(
    row=ROWS,
    booked=st.sampled_from(["gemini-2.5-flash", "", "/models:ambiguous"]),
    use=st.builds(
        RequestUse,
        st.sampled_from([(), ("search",)]),
        st.sampled_from([0, 100, 30_000, 10**6]),
        st.sampled_from([0, 10**4]),
    ),
    policy=st.sampled_from(["daily", "quota_aware"]),
)
@settings(max_examples=300)
def test_a_429_that_takes_out_at_a_close_look_does_so_at_first_sight(row, booked, use, policy):
    """So one look is enough."""
    body = recorded(row["name"])
    first = judged(body, 429, policy=policy)
    closely = judged(body, 429, policy=policy, model=booked, use=use)

    assert first is not None
    assert closely is not None
    assert first.takes_out or not closely.takes_out


@given(row=ROWS, data=st.data())
@settings(max_examples=100)
def test_a_compressed_body_that_is_cut_never_takes_out_more_than_the_whole(row, data):
    body = gzip.compress(recorded(row["name"]))
    full = Kind[expected(row).upper()]

    cut = kind_of(row, body[: data.draw(st.integers(0, len(body)))])

    # Under 429 a body of which nothing is left is a limit that nobody explains.
    assert cut in {full, Kind.UNKNOWN_LIMIT} | WEAKER.get(full, set()) | HARMLESS


@given(row=ROWS, data=st.data(), garbage=st.binary(max_size=30))
@settings(max_examples=150)
def test_garbage_in_a_body_never_raises(row, data, garbage):
    body = recorded(row["name"])
    at = data.draw(st.integers(0, len(body)))

    assert judged(
        body[:at] + garbage + body[at + len(garbage) :],
        row["http_status"] if row["http_status"] > 200 else 429,
    )


def check(body, status, headers=()):
    verdict = judged(body, status, headers=headers)
    shown = effective_status(status, body), excerpt(body, "secret", "*")

    assert verdict is None if status < 400 and verdict is None else isinstance(verdict, Verdict)
    assert (
        verdict is None
        or verdict.until is None
        or NOW < verdict.until <= NOW + timedelta(days=1, hours=1)
    )
    assert shown[0] == status or 400 <= shown[0] < 600
    json.dumps(
        [verdict and (verdict.message, verdict.quota_id, verdict.limit, verdict.model), shown]
    ).encode("utf-8")


@given(body=st.binary(max_size=300), status=STATUSES, header=st.binary(max_size=40))
def test_no_bytes_make_a_verdict_raise(body, status, header):
    check(body, status, [(b"retry-after", header), (b"content-encoding", b"deflate")])


@given(value=VALUES, status=STATUSES)
@settings(max_examples=300)
def test_no_json_makes_a_verdict_raise(value, status):
    check(json.dumps(value).encode(), status)


@given(
    error=st.dictionaries(WORDS, VALUES, max_size=6),
    details=st.lists(VALUES, max_size=4),
    status=STATUSES,
)
@settings(max_examples=300)
def test_no_error_object_makes_a_verdict_raise(error, details, status):
    check(json.dumps({"error": {"details": details, **error}}).encode(), status)


@given(
    text=st.text(max_size=200).map(lambda text: f'{text}" API key not valid. "{text}'),
    status=st.sampled_from([400, 403]),
)
def test_no_text_that_google_quotes_condemns_a_key(text, status):
    assert kind(
        google(f"Invalid value at 'contents' ({json.dumps(text)})", status, "INVALID_ARGUMENT"),
        status,
    ) not in (
        Kind.DEAD_KEY,
        Kind.BILLING,
    )


@given(text=st.text(max_size=400), status=STATUSES)
def test_no_key_gets_into_a_message_or_an_excerpt(text, status):
    body = json.dumps(google(f"{text} {KEY} {text}"), ensure_ascii=False).encode("utf-8", "replace")

    verdict = judged(body, status)

    assert KEY[4:-4] not in (verdict.message if verdict else "") + excerpt(body, "", "*")


HOSTILE = {
    "brackets": b"[" * 65536,
    "objects": b'{"error":' * 8192,
    "details": b'{"error":{"message":"x","details":[' + b"[" * 65536,
    "small values": b'{"error":{"message":"x","details":[' + b"1," * 32768,
    "digits": b"9" * 65536,
    "a number": b'{"error":{"code":' + b"9" * 65536 + b"}}",
    "a fraction": b'{"error":{"code":1.' + b"9" * 65536 + b"}}",
    "spaces": b'{"error":' + b" " * 65536,
    "quotes": b'{"error":{"message":' + b'"' * 65536,
    "backslashes": b'{"error":{"message":"' + b"\\" * 65535,
    "tags": b"<" * 65536,
    "open styles": b"<style>" * 9000,
    "blank lines": b"data:" + b"\n" * 65536,
    "inflated brackets": gzip.compress(b"[" * (1 << 20)),
    "inflated objects": gzip.compress(b"[" + b"{}," * (1 << 18)),
} | {
    f"a message of {word!r}": json.dumps(google(word * (65536 // len(word)))).encode()
    for word in (
        "9", " ", "limit: 1, ", "per ", "1/", "retry in 1d 1d ", "file ", "not ", "model: x",
        "AIza",
    )
}  # fmt: skip


@pytest.mark.parametrize("status", [403, 404, 429])
@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_body_costs_no_time(body, status):
    costs = []
    for _ in range(3):  # one of them without a garbage collection
        started = time.thread_time()
        verdict = judged(body, status)
        costs.append(time.thread_time() - started)

    assert min(costs) < 0.25
    assert verdict.kind in (Kind.REQUEST, Kind.UNKNOWN_LIMIT, Kind.NO_QUOTA, Kind.WRONG_KEY)


@pytest.mark.parametrize(
    "name", ["RequestsPerDay", "requests_per_day", "TokensPerModelPerDay-FreeTier"]
)
@given(
    others=st.lists(
        st.sampled_from(["RequestsPerMinute", "TokensPerMinute", "RequestsPerSecond"]), max_size=5
    )
)
def test_one_day_quota_among_any_others_makes_it_a_day(name, others):
    body = google(EXCEEDED, 429, "X", violations(*((other, "5") for other in [*others, name])))

    assert kind(body) is Kind.DAY


@given(
    reason=st.sampled_from(["API_KEY_INVALID", "CONSUMER_SUSPENDED"]),
    status=st.sampled_from([404, 429, 500, 503]),
)
def test_no_reason_condemns_a_key_under_a_status_that_is_not_about_it(reason, status):
    verdict = judged(google("API key not valid.", 400, "X", info(reason)), status)

    assert verdict.kind is not Kind.DEAD_KEY
    assert verdict.retry is not Retry.NEXT_KEY or status == 429
