"""What is read of long bodies holds up no other client, whatever they are made of."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.support.fake_upstream import Connection, FakeUpstream, Recorded
from tests.support.gateway import Gateway, group
from tests.support.gateway_tokens import make_tokens
from tests.support.reliability_figures import note
from tests.support.waiting import wait_for

CHAT = "/v1beta/openai/chat/completions"
TERMS: dict[str, dict[str, Any]] = {
    "limited": {"models": ["good*"], "tokens_per_day": 1_000_000_000},
    "free": {},
}
SIZE = 12 << 20
LONGEST_SECONDS = 1.0
START = b'{"model":"good","x":'


def filled(piece: bytes) -> bytes:
    return piece * (SIZE // len(piece))


def many_names() -> bytes:
    return (
        b"{" + b"".join(b'"model":"good%d",' % number for number in range(SIZE // 16)) + b'"x":1}'
    )


# What it begins with, what it is filled with, its end, and the status of the answer.
BODIES = {
    "one string": (START + b'"', b"x", b'"}', 200),
    "a string without an end": (START + b'"', b"x", b"", 403),
    "backslashes": (START + b'"', b"\\\\", b'"}', 200),
    "escaped letters": (START + b'"', b"\\u006d", b'"}', 200),
    "words of models": (START + b'"', b"models", b'"}', 200),
    "escaped names": (START + b'"', b'\\"model\\":\\"', b'"}', 200),
    "white space": (START, b" ", b"1}", 200),
    "white space after a name": (b'{"model"', b" ", b':"bad"}', 403),
    "names with white space": (START + b"[", b'{"model"' + b" " * 900 + b':"good"},', b"1]}", 200),
    "brackets": (START, b"[", b"", 403),
    "nested objects": (b"", b'{"a":', b"", 403),
    "nested models": (b"", b'{"model":', b"", 403),
    "inline data": (START + b"[", b'{"data":"' + b"A" * 40 + b'"},', b"1]}", 200),
    "small values": (START + b"[", b'"",true,1,', b"1]}", 200),
    "NULs": (START, b"\0", b"", 403),
    "no UTF-8": (START + b'"', b"\xff", b'"}', 403),
    "parts of a form": (
        b"",
        b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\n',
        b"",
        403,
    ),
}


class Served:
    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self._tokens = make_tokens(gateway, TERMS)
        wait_for(lambda: self.ask("free", b"{}").status_code == 200)

    def ask(self, name: str, body: bytes, client: httpx.Client | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._tokens[name]}"}
        address = self.gateway.url + CHAT
        if client is not None:
            return client.post(address, headers=headers, content=body)
        return httpx.post(address, headers=headers, content=body, timeout=100, trust_env=False)

    def slowest_beside(self, body: bytes, count: int = 2) -> tuple[float, set[int]]:
        """How long the longest of another client's requests took, and how these were answered."""
        slowest = 0.0
        with ThreadPoolExecutor(count) as pool, httpx.Client(trust_env=False) as client:
            asked: list[Future[httpx.Response]] = [
                pool.submit(self.ask, "limited", body) for _ in range(count)
            ]
            while not all(future.done() for future in asked):
                began_at = time.monotonic()
                assert self.ask("free", b"{}", client).status_code == 200
                slowest = max(slowest, time.monotonic() - began_at)
            return slowest, {future.result().status_code for future in asked}


async def say_yes(request: Recorded, connection: Connection) -> None:
    await connection.answer(200, b'{"choices": []}')


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def served(request: pytest.FixtureRequest, shared_upstream: FakeUpstream) -> Iterator[Served]:
    shared_upstream.on(CHAT, say_yes)
    groups = [group(["KEY-A"], shared_upstream.url, auth="google")]
    with Gateway({"groups": groups}, server=request.param) as gateway:
        yield Served(gateway)


@pytest.mark.parametrize("name", BODIES)
def test_a_long_body_holds_up_no_other_client(served: Served, name: str):
    start, piece, end, status = BODIES[name]
    slowest, statuses = served.slowest_beside(start + filled(piece) + end)
    assert statuses == {status}
    assert slowest < LONGEST_SECONDS


def test_endless_names_hold_up_no_other_client(served: Served):
    slowest, statuses = served.slowest_beside(many_names())
    assert statuses == {403}
    assert slowest < LONGEST_SECONDS


def test_twenty_long_bodies_at_once_hold_up_no_other_client(served: Served):
    slowest, statuses = served.slowest_beside(START + b'"' + b"models" * 400_000 + b'"}', 20)
    note(f"20 long bodies at once: another client waited {slowest * 1000:.0f} ms at most")
    assert statuses == {200}
    assert slowest < LONGEST_SECONDS
