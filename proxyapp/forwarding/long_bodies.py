"""What is read of long bodies: in steps, a millisecond of them at once and the rest on a thread.

Who reads holds Python's lock all the same. So it gives that away after each step: the others wait
for one step at most, however many such bodies there are. The readings of a process take turns, and
the one whose client leaves ends with its part.
"""

import asyncio
import time
from collections.abc import Generator, Sequence
from typing import TypeVar
from weakref import WeakKeyDictionary

from proxyapp.access.token_book import Client
from proxyapp.forwarding.path_facts import facts_of
from proxyapp.forwarding.request_body import SHORT_BYTES, RequestBody
from proxyapp.provider.form_model import boundary_of, reading_form
from proxyapp.provider.input_estimate import estimating_input
from proxyapp.provider.llm_token_estimate import estimating
from proxyapp.provider.long_json import LongJson, reading
from proxyapp.provider.model_name import (
    PARSED_BYTES,
    first_named,
    is_in_body,
    model_at_top,
    plainly_in_body,
)
from proxyapp.provider.request_size import MOST_BYTES, sizing
from proxyapp.resources.references import finding_references
from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.client_paths import group_and_path

# A longer body that has to be searched through is taken to be ambiguous.
SEARCHED_BYTES = 16 << 20
# Less than a hop to the thread and back takes until its answer; base64 of a megabyte is read in it.
AT_ONCE_SECONDS = 0.001
# A turn: a hop to the thread costs the event loop as much as reading a tenth of it.
PART_PIECES = 64
# Without a pause the thread mostly has the lock back before the event loop has woken up.
PAUSE_SECONDS = 1e-6
Result = TypeVar("Result")
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


def is_long(body: RequestBody) -> bool:
    return body.length is not None and body.length > SHORT_BYTES


async def read_ahead(
    body: RequestBody, client: Client, path: bytes, headers: Sequence[Header] = ()
) -> None:
    """What the limits of a client ask of a long body, the resources that it names, and the model
    where only a parser tells.
    """
    length = body.length or 0
    inner = group_and_path(path)[1]
    facts = facts_of(inner)
    meant = facts.means.openai or facts.means.native or inner
    body.references = await soon(finding_references(body.whole(), meant))
    boundary = boundary_of(headers)
    if boundary is not None and client.models is None and facts.is_of_no_model:
        body.model = ""  # a file, most often: no model of it would count
    elif boundary is not None:
        body.form = await _taken(reading_form(body.whole(), boundary), length)
    if body.form is not None and body.form.is_plain:
        body.model = body.form.model
    elif client.models is not None:
        body.said = await read_whole(body)
    if client.is_charged and length > PARSED_BYTES:
        body.prompt_llm_tokens = await in_turns(estimating(body.pieces(), length))
    if body.model is None and length <= PARSED_BYTES and is_in_body(facts.means.native or inner):
        searched = body.searchable()
        body.model = plainly_in_body(searched)
        if body.model is None:
            body.said = said = body.said or await read_whole(body)
            models = [value for name, value in said.at_top if name == "model"]
            body.model = model_at_top(models) if said.is_object else first_named(searched)


async def read_for_refusal(body: RequestBody, path: bytes) -> None:
    """What of a long body can be the reason of a refusal, and for whom that counts."""
    length = body.length or 0
    if body.said is None and length <= SEARCHED_BYTES and is_in_body(path):
        body.said = await read_whole(body)
    if body.least_llm_tokens is None and length <= MOST_BYTES:
        body.least_llm_tokens = await in_turns(sizing(body.pieces()))


async def measure(body: RequestBody) -> None:
    """What its input is estimated to be."""
    if body.input_llm_tokens is None:
        steps = estimating_input(body.whole())
        body.input_llm_tokens = await _taken(steps, body.length or 0)


async def read_whole(body: RequestBody) -> LongJson:
    return await _taken(reading(body.sliced()), body.length or 0)


async def _taken(steps: Generator[None, None, Result], length: int) -> Result:
    return await (soon(steps) if length <= PARSED_BYTES else in_turns(steps))


async def soon(steps: Generator[None, None, Result]) -> Result:
    """What they come to; at once, where that takes no longer than AT_ONCE_SECONDS."""
    ends = _at_once(steps)
    return ends[0] if ends else await in_turns(steps)


def _at_once(steps: Generator[None, None, Result]) -> list[Result]:
    """What the steps come to; nothing: there are more."""
    until = time.perf_counter() + AT_ONCE_SECONDS
    try:
        while time.perf_counter() < until:
            next(steps)
    except StopIteration as end:
        return [end.value]
    return []


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
