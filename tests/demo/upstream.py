"""The upstream of the demo: credentials, quotas and faults as Google has them.

It answers at the pace of models.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from tests.demo.answers import Tokens, generated
from tests.demo.cast import (
    BREAKING_KEY,
    BY_SECRET,
    DEAD_KEY,
    FLASH,
    KEYS,
    LITE,
    OVERLOADED_KEY,
    PRO,
    Key,
    limits_of,
)
from tests.support import fake_gemini
from tests.support.fake_gemini import Answer
from tests.support.fake_http import head_of
from tests.support.fake_quotas import Quotas
from tests.support.fake_upstream import Connection, FakeUpstream, Recorded

REFUSAL_SECONDS = (0.03, 0.12)
ANSWER_SECONDS = {LITE: (0.1, 0.5), FLASH: (0.2, 0.9), PRO: (0.5, 1.5)}
PIECE_SECONDS = (0.03, 0.15)
OVERLOADED_SHARE = 0.12
BREAKING_SHARE = 0.15
KNOWN = frozenset(key.secret for key in KEYS if key.name != DEAD_KEY)


@contextmanager
def running_upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream() as upstream:
        upstream.on("/", Google(upstream).answer)
        yield upstream


class Google:
    """Answers for `upstream`, whose record of requests is dropped: a demo may run for days."""

    def __init__(self, upstream: FakeUpstream) -> None:
        self._upstream = upstream
        self._chance = Random(1)
        projects = {key.secret: key.project for key in KEYS}
        self._quotas = {
            project: Quotas(limits_of(project), projects) for project in set(projects.values())
        }

    async def answer(self, request: Recorded, connection: Connection) -> None:
        self._upstream.requests.clear()
        refusal = self._refusal(request)
        model = fake_gemini.model_of(request) or LITE
        await self._pause(
            REFUSAL_SECONDS if refusal else ANSWER_SECONDS.get(model, REFUSAL_SECONDS)
        )
        answer = refusal or self._good_answer(request)
        if isinstance(answer.body, bytes):
            is_head = request.method == "HEAD"
            await connection.answer(
                answer.status, answer.body, answer.headers, without_body=is_head
            )
        else:
            await self._stream(answer, connection)

    def _refusal(self, request: Recorded) -> Answer | None:
        refusal = fake_gemini.refuse_credentials(request, KNOWN)
        if refusal:
            return refusal
        key = BY_SECRET[request.key or ""]
        if key.name == OVERLOADED_KEY and self._chance.random() < OVERLOADED_SHARE:
            return fake_gemini.refusal(request, 503, "503_high_demand")
        return self._quota_refusal(request, key)

    def _quota_refusal(self, request: Recorded, key: Key) -> Answer | None:
        model = fake_gemini.charged_model(request)
        refused = self._quotas[key.project].ask(key.secret, model, time.time()) if model else None
        return fake_gemini.quota_refusal(request, refused) if refused else None

    def _good_answer(self, request: Recorded) -> Answer:
        answer = generated(request, self._tokens()) or fake_gemini.answer(request)
        if (
            BY_SECRET[request.key or ""].name != BREAKING_KEY
            or self._chance.random() >= BREAKING_SHARE
        ):
            return answer
        return fake_gemini.break_stream(
            request, answer, fake_gemini.recorded_error("503_model_overloaded"), "tail"
        )

    def _tokens(self) -> Tokens:
        """Most are short, a few are very long."""
        return Tokens(
            int(self._chance.lognormvariate(6.5, 0.8)), int(self._chance.lognormvariate(5.4, 0.6))
        )

    async def _stream(self, answer: Answer, connection: Connection) -> None:
        assert not isinstance(answer.body, bytes)
        await connection.send(
            head_of(answer.status, [*answer.headers, ("Transfer-Encoding", "chunked")])
        )
        for part in answer.body:
            await connection.send_chunk(part)
            await self._pause(PIECE_SECONDS)
        await connection.finish_chunks()

    async def _pause(self, seconds: tuple[float, float]) -> None:
        await asyncio.sleep(self._chance.uniform(*seconds))
