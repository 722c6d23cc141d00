"""What is read of bodies of more than 1 MB: on a thread, in parts.

Who reads holds Python's lock all the same. So it gives that away after each piece: the others wait
for one piece at most, however many such bodies there are. The readings of a process take turns, and
the one whose client leaves ends with its part.
"""

import asyncio
import time
from collections.abc import Generator
from typing import TypeVar
from weakref import WeakKeyDictionary

from proxyapp.access.token_book import Client
from proxyapp.forwarding.request_body import RequestBody
from proxyapp.provider.llm_token_estimate import estimating
from proxyapp.provider.long_json import naming, reading
from proxyapp.provider.model_name import PARSED_BYTES
from proxyapp.provider.request_size import MOST_BYTES, sizing

# A longer body that has to be searched through is taken to be ambiguous.
SEARCHED_BYTES = 16 << 20
# A turn: a hop to the thread costs the event loop as much as reading a tenth of it.
PART_PIECES = 32
# Without a pause the thread mostly has the lock back before the event loop has woken up.
PAUSE_SECONDS = 1e-6
Result = TypeVar("Result")
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


def is_long(body: RequestBody) -> bool:
    return body.length is not None and body.length > PARSED_BYTES


async def read_for_client(body: RequestBody, client: Client) -> None:
    """What the limits of a client ask of a long body."""
    if client.models is not None:
        body.said = await in_turns(reading(body.pieces()))
    if client.tokens_per_day is not None:
        body.prompt_llm_tokens = await in_turns(estimating(body.pieces(), body.length or 0))


async def read_for_refusal(body: RequestBody) -> None:
    """What of a long body can be the reason of a refusal, and for whom that counts."""
    length = body.length or 0
    if body.said is None and length <= SEARCHED_BYTES:
        body.said = await in_turns(naming(body.pieces()))
    if body.least_llm_tokens is None and length <= MOST_BYTES:
        body.least_llm_tokens = await in_turns(sizing(body.pieces()))


async def in_turns(steps: Generator[None, None, Result]) -> Result:
    """Takes the steps, each part of them when all others that wait have had one of theirs."""
    turn = _turns.setdefault(asyncio.get_running_loop(), asyncio.Lock())
    while True:
        async with turn:
            ends = await asyncio.to_thread(_part, steps)
        if ends:
            return ends[0]


def _part(steps: Generator[None, None, Result]) -> list[Result]:
    """What the steps come to; nothing: there are more."""
    for _ in range(PART_PIECES):
        try:
            next(steps)
        except StopIteration as end:
            return [end.value]
        time.sleep(PAUSE_SECONDS)
    return []
