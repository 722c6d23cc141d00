"""A usage that a client did not ask for is asked for, and taken out again."""

import json
import time
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from proxyapp.provider.long_json import finished, is_streaming, reading
from proxyapp.provider.stream_usage import (
    MOST_EVENT_BYTES,
    UsageEvents,
    asking_for_usage,
    may_stream,
)

HEAD = {"id": "c1", "object": "chat.completion.chunk", "model": "m"}
NUMBERS = {"prompt_tokens": 7, "completion_tokens": 8, "total_tokens": 15}


def event(ends: bytes = b"\n\n", **data: Any) -> bytes:
    return b"data: " + json.dumps({**HEAD, **data}).encode() + ends


def word(text: str, **more: Any) -> bytes:
    return event(choices=[{"index": 0, "delta": {"content": text}}], **more)


USAGE = event(choices=[], usage=NUMBERS)
DONE = b"data: [DONE]\n\n"
PING, ERROR = b": ping\n\n", b"event: error\ndata: {}\n\n"
LONG = word("x" * (3 * MOST_EVENT_BYTES))


def passed(*chunks: bytes) -> bytes:
    """What a client gets, with each chunk and then the end."""
    events = UsageEvents()
    pieces = [piece for chunk in chunks for piece in events.pieces([chunk], is_complete=False)]
    return b"".join([*pieces, *events.pieces([], is_complete=True)])


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        ([word("a"), word("b"), USAGE, DONE], [word("a"), word("b"), DONE]),
        ([word("a", usage=None), USAGE], [word("a", usage=None)]),
        ([word("a", usage=NUMBERS), DONE], None),
        ([event(choices=[], prompt_filter_results=[]), DONE], None),
        ([word('"usage":{"choices":[]}'), DONE], None),
        ([event(choices=[], usage=None), DONE], None),
        ([event(choices=[], usage=NUMBERS, error={"message": "No."}), DONE], None),
        ([PING, USAGE, ERROR], [PING, ERROR]),
        ([LONG, USAGE, LONG, DONE], [LONG, LONG, DONE]),
        ([b"data: {broken\n\n", b'data: [{"usage":{}}]\n\n', b'data: "usage":{\n\n'], None),
        ([USAGE.rstrip()], []),
        ([b"no event at all"], None),
        ([b'data: {"choices":[],\ndata: "usage":{"prompt_tokens":1}}\n\n', DONE], [DONE]),
    ],
)
def test_only_the_event_that_was_added_goes_wherever_a_stream_is_cut(
    stream: list[bytes], expected: list[bytes] | None
):
    whole = b"".join(stream)
    wanted = whole if expected is None else b"".join(expected)

    assert passed(whole) == passed(*stream) == wanted
    for cut in range(0, len(whole), 1 + len(whole) // 500):
        assert passed(whole[:cut], whole[cut:]) == wanted, cut
    source = Random(7)
    for _ in range(50):
        cuts = sorted(source.randrange(len(whole) + 1) for _ in range(source.randrange(20)))
        edges = [0, *cuts, len(whole)]
        pieces = [whole[start:end] for start, end in pairwise(edges)]
        assert passed(*pieces) == wanted, cuts


@pytest.mark.parametrize("ends", [b"\n\n", b"\r\n\r\n", b"\r\r", b"\n\r\n"])
def test_events_may_end_in_any_way(ends: bytes):
    before, usage = event(ends, choices=[{}]), event(ends, choices=[], usage=NUMBERS)
    whole = before + usage + before

    assert passed(whole) == before * 2
    for cut in range(len(whole)):
        assert passed(whole[:cut], whole[cut:]) == before * 2, cut


def test_each_whole_event_passes_at_once_and_as_it_is():
    events, chunk = UsageEvents(), word("a")

    assert events.pieces([chunk], is_complete=False) == [chunk]
    assert events.pieces([chunk[:-1]], is_complete=False) == []
    assert events.pieces([chunk[-1:]], is_complete=False) == [chunk]
    assert events.rest() == b""


def test_what_was_held_of_a_stream_that_is_read_no_further_is_not_lost():
    events = UsageEvents()

    assert events.pieces([word("a") + b"data: {"], is_complete=False) == [word("a")]
    assert events.rest() == b"data: {"


def test_an_event_that_comes_byte_by_byte_costs_little():
    events, before = UsageEvents(), time.thread_time()

    for byte in LONG:
        events.pieces([bytes((byte,))], is_complete=False)

    assert time.thread_time() - before < 5


# Requests.


@pytest.mark.parametrize("spaces", [b"", b" ", b"\r\n\t "])
def test_a_body_gets_one_member_more_and_stays_as_it_is_otherwise(spaces: bytes):
    body = '{"model": "m",  "stream": true, "messages": [{"content": "{\\u00e9}é}"}]'.encode()

    asking = asking_for_usage(body + spaces + b"}" + spaces)

    assert asking.startswith(body)
    assert asking.endswith(b"}" + spaces)
    assert json.loads(asking) == {
        **json.loads(body + b"}"),
        "stream_options": {"include_usage": True},
    }


def says_streaming(body: bytes) -> bool:
    return is_streaming(finished(reading(body)))


@pytest.mark.parametrize(
    "body",
    [
        b'{"stream": true}',
        b'{"stream":true,"tools":[{"stream":false,"stream_options":{}}]}',
        b'\n{"model": "m", "str\\u0065am": true, "messages": []} \n',
        b'{"messages": [{"content": "%b"}], "stream": true}' % (b"x y " * 60_000),
    ],
)
def test_a_request_of_a_stream_is_known(body: bytes):
    assert says_streaming(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"stream": false}',
        b'{"stream": 1}',
        b'{"stream": "true"}',
        b'{"stream": null}',
        b'{"Stream": true}',
        b'{"stream": true, "stream": true}',
        b'{"stream": true, "stream": false}',
        b'{"stream": true, "Stream": false}',
        b'{"stream": true, "stream_options": null}',
        b'{"stream": true, "stream_options": {"include_usage": false}}',
        b'{"stream": true, "stream\\u005foptions": {}}',
        b'{"body": {"stream": true}}',
        b'[{"stream": true}]',
        b'{"stream": true',
        b'{"stream": true}}',
        b'{"stream": true,}',
        b'{"stream": true} {"stream": true}',
        b'\xef\xbb\xbf{"stream": true}',
        b'{"stream": true, "x": "\xff"}',
        '{"stream": true}'.encode("utf-16"),
        b'{"stream": true, "x": "\n"}',
    ],
)
def test_with_any_doubt_it_is_none(body: bytes):
    assert not says_streaming(body)


def test_only_chats_and_completions_know_the_option():
    assert may_stream(b"/v1beta/openai/chat/completions")
    assert may_stream(b"/v1/completions")
    assert not may_stream(b"/v1/responses")
    assert not may_stream(b"/v1beta/models/m:streamGenerateContent")
