"""No bytes of an upstream raise, take long, or condemn a key without evidence.

None takes a key out for ever.
"""

import gzip
import json
import time
import zlib
from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from proxyapp.config.file import Config, ConfigError, parse
from proxyapp.provider.codings import decoded
from proxyapp.provider.excerpts import excerpt
from proxyapp.provider.kinds import Kind
from proxyapp.provider.llm_tokens import LlmTokenCounter
from proxyapp.provider.stream_error import ErrorTail
from proxyapp.provider.verdict import effective_status
from tests.fuzz.timebox import for_seconds
from tests.support.refusals import MANIFEST, NOW, judged, recorded

STATUSES = st.sampled_from([200, 400, 401, 403, 404, 408, 429, 500, 503, 529, 999])
RECORDED = st.sampled_from([row["name"] for row in MANIFEST]).map(recorded)
WORDS = st.sampled_from(
    b'{|}|[|]|"|:|,|"error"|"code"|"status"|"message"|"details"|"reason"|429|0|-1|1e999|null|'
    b'"RESOURCE_EXHAUSTED"|"20s"|"PerDay"|"quotaId"|\\|\\u0000|\\ud800|\xff|limit: 0|retry in |1d |'
    b'data: |\n|[DONE]|<style>|<p>|"usage"|"usageMetadata"|"promptTokenCount"|'
    b'"violations"|"@type"'.split(b"|")
)
PIECED = st.lists(WORDS, max_size=40).map(b"".join)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Recorded ones with damage, made-up ones, compressed or not, cut or not."""
    body = draw(RECORDED | PIECED | st.binary(max_size=200))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(body)))
        body = (
            body[:at] + draw(WORDS | st.binary(max_size=8)) + body[at + draw(st.integers(0, 20)) :]
        )
    packing = draw(st.sampled_from(["", "", "gzip", "zlib"]))
    if packing:
        body = gzip.compress(body) if packing == "gzip" else zlib.compress(body)
    return body[: draw(st.integers(0, len(body)))] if draw(st.booleans()) else body


ENCODINGS = st.sampled_from([b"", b"gzip", b"deflate", b"br", b"gzip, gzip"])


@for_seconds(6)
@given(body=bodies(), status=STATUSES, encoding=ENCODINGS, retry_after=st.binary(max_size=12))
def test_no_answer_raises_or_takes_a_key_out_for_long(body, status, encoding, retry_after):
    since = time.thread_time()
    headers = [(b"content-encoding", encoding), (b"retry-after", retry_after)]
    verdict = judged(decoded(body, encoding), status, headers=headers)

    assert (
        verdict is None
        or verdict.until is None
        or NOW < verdict.until <= NOW + timedelta(days=1, hours=1)
    )
    shown = [
        effective_status(status, body),
        excerpt(body, "secret", "*"),
        verdict and verdict.message,
    ]
    json.dumps(shown).encode()
    assert time.thread_time() - since < 1


@for_seconds(5)
@given(
    body=st.text(max_size=200) | PIECED.map(lambda body: body.decode("latin-1")), status=STATUSES
)
def test_no_text_without_evidence_condemns_a_key(body, status):
    """The words that would be evidence are not among those it is made of."""
    verdict = judged(body.encode("utf-8", "replace"), status)

    assert verdict is None or verdict.kind not in (Kind.DEAD_KEY, Kind.BILLING)


@for_seconds(6)
@given(body=PIECED, cuts=st.lists(st.integers(min_value=0), max_size=5), encoding=ENCODINGS)
def test_tokens_and_errors_are_the_same_however_an_answer_is_cut(body, cuts, encoding):
    places = sorted({cut % (len(body) + 1) for cut in cuts} | {0, len(body)})
    whole, cut, tail = LlmTokenCounter(encoding), LlmTokenCounter(encoding), ErrorTail()
    whole.feed(body)
    for start, end in pairwise(places):
        cut.feed(body[start:end])
        tail.feed(body[start:end])

    assert cut.llm_tokens() == whole.llm_tokens()
    assert cut.error() == whole.error()
    assert tail.error() in (b"", whole.error()) or encoding


YAML_WORDS = (
    "groups: name: api_keys: target_url: proxy_url: auth: server: port: a [ ] { } , - : https://a "
    "socks5:// &a *a both !!python/object:os.system <<: ' \" # --- ... 8080 1e999 0x1 ~ null yes ! "
    "% @ \ufeff | \x00"
)
YAML = st.lists(
    st.sampled_from([*YAML_WORDS.split(" "), "\n", "\n  - ", "\n    ", " ", "\t"])
    | st.text(max_size=5),
    max_size=30,
).map("".join)


@for_seconds(5)
@given(text=YAML)
def test_a_config_is_read_or_all_that_is_wrong_with_it_is_said(text):
    since = time.thread_time()
    problems = problems_of(text)

    assert all(problem and "\n" not in problem for problem in problems)
    assert time.thread_time() - since < 1


def problems_of(text: str) -> list[str]:
    try:
        assert isinstance(parse(text), Config)
    except ConfigError as error:
        return error.problems or [""]
    return []
