"""Long bodies are read beside the event loop, one part at a time in turn."""

import asyncio
import base64
import random
import re
import threading
import time
from collections.abc import Generator

import pytest

from proxyapp.access.token_book import ANYONE, Client
from proxyapp.forwarding import long_bodies
from proxyapp.forwarding.long_bodies import PART_PIECES, in_turns, read_ahead
from proxyapp.forwarding.request_body import SHORT_BYTES, RequestBody
from proxyapp.provider.long_json import reading
from proxyapp.provider.model_name import is_in_body, model_of, normal_name

MEGABYTE = 1 << 20
MEGABYTES = 20
LOOP_MILLISECONDS = 0.3
LONGEST_MILLISECONDS = 12.0
CHAT = b"/v1beta/openai/chat/completions"


def picture() -> RequestBody:
    data = base64.b64encode(random.Random(1).randbytes(MEGABYTES * MEGABYTE * 3 // 4))
    body = b'{"model": "good", "x": [{"inlineData": {"data": "%b"}}]}' % data
    return RequestBody(body, length=len(body))


async def test_reading_costs_the_event_loop_next_to_nothing():
    body = picture()
    costs = []
    for _ in range(3):
        before = time.thread_time()
        said = await in_turns(reading(body.whole()))
        costs.append((time.thread_time() - before) * 1000 / MEGABYTES)
        assert said.is_plain
        assert [*said.names] == ["good"]
    assert min(costs) < LOOP_MILLISECONDS


def sent(body: bytes) -> RequestBody:
    return RequestBody(body, length=len(body))


START = b'{"model":"good","x":['
ANY_GOOD = Client(id=1, models=re.compile("good"))
HOSTILE = {
    "small values": START + b'"",1,' * 200_000 + b"1]}",
    "small objects": START + b'{"a":1},' * 120_000 + b"1]}",
    "names": b"{" + b'"model":"good",' * 60_000 + b'"a":1}',
    "escapes": b'{"mod\\u0065l":"good","x":"' + b"\\u006d" * 160_000 + b'"}',
    "brackets": START + b"[" * 900_000,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("client", [ANYONE, ANY_GOOD])
async def test_what_takes_long_to_read_takes_the_event_loop_a_few_milliseconds(
    name: str, client: Client
):
    costs = []
    for _ in range(3):
        body = sent(HOSTILE[name])
        before = time.thread_time()
        await read_ahead(body, client, CHAT)
        costs.append((time.thread_time() - before) * 1000)
        assert (body.model, body.said is not None) == (
            model_of(CHAT, HOSTILE[name]),
            body.model != "good" or client is ANY_GOOD or name == "escapes",
        )
    assert min(costs) < LONGEST_MILLISECONDS


@pytest.mark.parametrize("size", [SHORT_BYTES, 200_000, 700_000])
async def test_a_body_of_data_is_read_at_once(size: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(long_bodies, "AT_ONCE_SECONDS", 1.0)
    monkeypatch.setattr(long_bodies, "in_turns", None)
    body = sent(b'{"model":"good","x":"' + b"QUJD" * (size // 4) + b'"}')
    await read_ahead(body, ANY_GOOD, CHAT)
    assert body.said is not None
    assert (body.said.is_plain, [*body.said.names], body.model) == (True, ["good"], "good")


@pytest.mark.parametrize(
    "body",
    [
        b'{"x":{"model":"in"},"model":"top","y":"%b"}',
        b'{"model":"top","model":"top","y":"%b"}',
        b'{"model":"a","Model":"b","y":"%b"}',
        b'{"x":{"model":"only in"},"y":"%b"}',
        b'{"mod\\u0065l":"top","y":"%b"}',
        b'{"x":{"model":"in"},"model":5,"y":"%b"}',
        b'{"x":{"model":"first"},"model":"m","y":"%b"',
        b'{"x":{"model":"first"},"model":"m","y":"\n%b"}',
        b'[{"model":"first"},"%b"]',
        b'{"y":"%b"}',
    ],
)
@pytest.mark.parametrize("client", [ANYONE, ANY_GOOD])
@pytest.mark.parametrize("path", [CHAT, b"/g/a" + CHAT, b"/g/a/upload/v1", b"/v1/models/m:x"])
async def test_the_model_of_a_long_body_is_that_which_a_parser_finds(
    body: bytes, client: Client, path: bytes
):
    whole = body % (b"A" * SHORT_BYTES)
    read = sent(whole)
    await read_ahead(read, client, path)
    plain = path.removeprefix(b"/g/a")
    is_asked = is_in_body(plain)
    assert (read.model is not None) is is_asked
    assert not is_asked or normal_name(read.model or "") == model_of(plain, whole)


def noted(name: str, steps: int, notes: list[tuple[str, str]]) -> Generator[None, None, str]:
    for _ in range(steps):
        notes.append((name, threading.current_thread().name))
        yield
    return name


async def test_readings_take_turns_of_a_part_each_and_none_on_the_event_loop():
    notes: list[tuple[str, str]] = []

    long, short = await asyncio.gather(
        in_turns(noted("long", 3 * PART_PIECES, notes)), in_turns(noted("short", 5, notes))
    )

    assert (long, short) == ("long", "short")
    names = [name for name, _ in notes]
    assert names == ["long"] * PART_PIECES + ["short"] * 5 + ["long"] * 2 * PART_PIECES
    assert threading.current_thread().name not in {thread for _, thread in notes}


async def test_what_a_reading_raises_is_raised():
    def broken() -> Generator[None, None, None]:
        yield
        raise ValueError("the disk is gone")

    with pytest.raises(ValueError, match="gone"):
        await in_turns(broken())


async def test_a_reading_whose_client_leaves_ends_with_its_part():
    notes: list[tuple[str, str]] = []
    task = asyncio.ensure_future(in_turns(noted("left", 1000 * PART_PIECES, notes)))
    while not notes:
        await asyncio.sleep(0)

    task.cancel()
    assert await in_turns(noted("next", 1, notes)) == "next"

    await asyncio.to_thread(time.sleep, 0)
    assert len(notes) < 100 * PART_PIECES


async def test_a_long_form_is_read_beside_the_event_loop():
    """The worst that there is: letters that nearly are its boundary."""
    mark = b"--" + b"b" * 69 + b"c"
    field = b'\r\nContent-Disposition: form-data; name="%b"\r\n\r\n'
    parts = (mark, field % b"file", b"b" * MEGABYTES * MEGABYTE, b"\r\n", mark, field % b"model")
    data = b"".join((*parts, b"good\r\n", mark, b"--\r\n"))
    headers = [(b"content-type", b"multipart/form-data; boundary=" + mark[2:])]
    costs = []
    for _ in range(3):
        body, before = sent(data), time.thread_time()
        await read_ahead(body, ANY_GOOD, b"/v1/audio/transcriptions", headers)
        costs.append((time.thread_time() - before) * 1000)
        assert (body.model, body.said) == ("good", None)
        assert body.form is not None
        assert body.form.is_plain
    assert min(costs) < LOOP_MILLISECONDS * MEGABYTES


async def test_what_only_says_that_it_is_a_form_is_read_as_json_beside_the_event_loop():
    data = b'{"model": "good", "x": "' + b"x" * MEGABYTES * MEGABYTE + b'"}'
    body = sent(data)

    await read_ahead(body, ANY_GOOD, CHAT, [(b"content-type", b"multipart/form-data; boundary=b")])

    assert body.form is not None
    assert not body.form.is_plain
    assert body.said is not None
    assert [*body.said.names] == ["good"]


@pytest.mark.parametrize("front", [b"", b"/", b"/v1beta", b"/g/default"])
async def test_a_file_names_no_model_wherever_it_is_uploaded(front: bytes):
    body = sent(b'{"model": "of a file", "x": "%b"}' % (b"y" * SHORT_BYTES))

    await read_ahead(body, ANYONE, front + b"/upload/v1beta/files")

    assert body.model is None
