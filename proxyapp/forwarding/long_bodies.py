"""What is read of bodies of more than 1 MB: piece by piece, and others' requests go on between two.

A regular expression holds Python's lock for as long as it runs, in a thread, too. Here all such
readings of a process take turns, a piece each: together they cost the others one piece a turn of
the loop, however many they are, and the one whose client leaves ends at once.
"""

import asyncio
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
    """Takes the steps one by one, each when all others that wait have had theirs."""
    turn = _turns.setdefault(asyncio.get_running_loop(), asyncio.Lock())
    while True:
        async with turn:
            try:
                next(steps)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            await asyncio.sleep(0)
