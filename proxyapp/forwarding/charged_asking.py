"""Asks with a turn that was taken from limits: what it took ends with the asking, or its answer."""

from collections.abc import Callable, Coroutine
from typing import Any

from proxyapp.forwarding.attempt import Attempt
from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.forwarding.send import SendingParts
from proxyapp.pool.turn_charge import TurnCharge
from proxyapp.pool.wish import Turn

Ask = Callable[[SendingParts, RequestPlan, Turn], Coroutine[Any, Any, Attempt]]


def asking_with(
    ask: Ask, parts: SendingParts, request: RequestPlan, turn: Turn
) -> Coroutine[Any, Any, Attempt]:
    asking = ask(parts, request, turn)
    return asking if turn.charge is None else _settled(asking, turn.charge)


async def _settled(asking: Coroutine[Any, Any, Attempt], charge: TurnCharge) -> Attempt:
    is_over = True
    try:
        attempt = await asking
        is_over = False
    finally:
        charge.settle(is_over=is_over)
    return attempt
