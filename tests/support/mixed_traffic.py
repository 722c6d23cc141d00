"""Clients of every kind at once, at a pace that lasts: what a day brings, in half an hour."""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

GENERATE = "/v1beta/models/{model}:generateContent"
STREAM = "/v1beta/models/{model}:streamGenerateContent?alt=sse"
CHAT = "/v1beta/openai/chat/completions"
MODELS = ("gemini-2.5-flash", "gemini-2.5-pro", "gemini-2.0-flash")
PROMPT = {"contents": [{"parts": [{"text": "hello"}]}]}
CLIENTS = 8
PAUSE_SECONDS = 0.3  # on average, between two requests of a client
ANSWER_BYTES = 2_000_000
UPLOAD_BYTES = 1_000_000


@dataclass
class Traffic:
    """`seen`: how often which kind of request came to what.

    `failures`: what should have gone well, and when.
    """

    url: str
    prefix: str = ""
    seen: Counter[tuple[str, str]] = field(default_factory=Counter)
    failures: list[tuple[float, str, str]] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(7))

    async def run(self, seconds: float) -> None:
        due = time.monotonic() + seconds
        limits = httpx.Limits(max_keepalive_connections=CLIENTS)
        async with (
            httpx.AsyncClient(
                base_url=self.url, timeout=60, trust_env=False, limits=limits
            ) as http,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(CLIENTS):
                group.create_task(self._client(http, due))

    async def _client(self, http: httpx.AsyncClient, due: float) -> None:
        kinds: list[tuple[int, str, Callable[[httpx.AsyncClient], Awaitable[str]]]] = [
            (50, "unary", self._unary),
            (15, "stream", self._stream),
            (10, "chat", self._chat),
            (5, "large answer", self._large_answer),
            (5, "upload", self._upload),
            (6, "leaves", self._leaves),
            (3, "slow reader", self._reads_slowly),
            (3, "garbage", self._garbage),
            (3, "not found", self._not_found),
        ]
        weights = [weight for weight, _, _ in kinds]
        while time.monotonic() < due:
            _, name, act = self.chance.choices(kinds, weights)[0]
            began_at = time.monotonic()
            try:
                outcome = await act(http)
            except (httpx.HTTPError, OSError) as error:
                outcome = type(error).__name__
            self.seen[name, outcome] += 1
            if outcome != "as meant":
                self.failures.append((began_at, name, outcome))
            await asyncio.sleep(self.chance.expovariate(1 / PAUSE_SECONDS))

    def _model(self) -> str:
        return self.chance.choice(MODELS)

    async def _unary(self, http: httpx.AsyncClient) -> str:
        answer = await http.post(self.prefix + GENERATE.format(model=self._model()), json=PROMPT)
        return _meant(answer.status_code, 200)

    async def _stream(self, http: httpx.AsyncClient) -> str:
        async with http.stream(
            "POST", self.prefix + STREAM.format(model=self._model()), json=PROMPT
        ) as answer:
            events = [line async for line in answer.aiter_lines() if line.startswith("data:")]
            return (
                _meant(answer.status_code, 200)
                if len(events) > 1
                else f"{answer.status_code}, cut short"
            )

    async def _chat(self, http: httpx.AsyncClient) -> str:
        message = {"model": self._model(), "messages": [{"role": "user", "content": "hello"}]}
        answer = await http.post(
            self.prefix + CHAT, json=message, headers={"authorization": "Bearer sk-client"}
        )
        return _meant(answer.status_code, 200)

    async def _large_answer(self, http: httpx.AsyncClient) -> str:
        answer = await http.get(f"{self.prefix}/bytes/{ANSWER_BYTES}")
        is_whole = answer.status_code != 200 or len(answer.content) == ANSWER_BYTES
        return _meant(answer.status_code, 200) if is_whole else "cut short"

    async def _upload(self, http: httpx.AsyncClient) -> str:
        answer = await http.post(f"{self.prefix}/echo", content=b"x" * UPLOAD_BYTES)
        return _meant(answer.status_code, 200)

    async def _leaves(self, http: httpx.AsyncClient) -> str:
        async with http.stream("GET", f"{self.prefix}/chunked/{ANSWER_BYTES}") as answer:
            async for _ in answer.aiter_raw(1000):
                break
            return _meant(answer.status_code, 200)

    async def _reads_slowly(self, http: httpx.AsyncClient) -> str:
        async with http.stream("GET", f"{self.prefix}/chunked/{ANSWER_BYTES}") as answer:
            got = 0
            async for chunk in answer.aiter_raw(200_000):
                got += len(chunk)
                await asyncio.sleep(0.2)
            is_whole = answer.status_code != 200 or got == ANSWER_BYTES
            return _meant(answer.status_code, 200) if is_whole else "cut short"

    async def _not_found(self, http: httpx.AsyncClient) -> str:
        answer = await http.get(f"{self.prefix}/status/404")
        return _meant(answer.status_code, 404)

    async def _garbage(self, http: httpx.AsyncClient) -> str:
        """Whatever comes back, or nothing: it has to be over soon."""
        place = urlsplit(self.url)
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        try:
            with contextlib.suppress(ConnectionError):
                writer.write(self.chance.randbytes(300) + b"\r\n\r\n")
                await writer.drain()
                async with asyncio.timeout(10):
                    await reader.read()
        finally:
            writer.close()
        return "as meant"


def _meant(status: int, wanted: int) -> str:
    return "as meant" if status == wanted else str(status)
