"""Answers a request: by a search for a key, by several, or by a list of the gateway's own.

It is counted as what the client sees.
"""

import time
from collections.abc import Coroutine
from functools import partial
from typing import Any, TypeVar

from proxyapp.access.token_book import ANYONE
from proxyapp.forwarding.attempt import Attempt
from proxyapp.forwarding.charged_asking import Ask
from proxyapp.forwarding.long_bodies import is_long, measure
from proxyapp.forwarding.own_answer import OwnAnswer
from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.forwarding.routed_search import RoutedSearch
from proxyapp.forwarding.search import Search, SearchParts
from proxyapp.forwarding.send import ask
from proxyapp.forwarding.union_models import united_models
from proxyapp.ledger.counting import Counting
from proxyapp.vocabulary.errors import GatewayError

Answer = TypeVar("Answer", Attempt, OwnAnswer)


async def forward(parts: SearchParts, request: RequestPlan, asking: Ask = ask) -> Attempt:
    """The answer to relay. `asking`: how one key is asked.

    Raises GatewayError when no upstream gave one.
    """
    if parts.queue.quota.counts_llm_tokens and is_long(request.body):
        await measure(request.body)
    if request.route is None:
        answering = Search(parts, request, asking).run()
    else:
        alone = partial(_search_alone, parts, asking=asking)
        answering = RoutedSearch(parts, request, request.route, alone).run()
    return await counted(parts.counting, request, answering)


async def counted(
    counting: Counting, request: RequestPlan, answering: Coroutine[Any, Any, Answer]
) -> Answer:
    """The answer, counted as what the client sees."""
    began_at = time.monotonic()
    try:
        answer = await answering
    except GatewayError as error:
        counting.tally.count_failure(error, time.time())
        _count_for_client(counting, request, error.status)
        raise
    count_told(counting, request, answer.status, time.monotonic() - began_at)
    return answer


def count_told(counting: Counting, request: RequestPlan, status: int, seconds: float = 0.0) -> None:
    """What the client is told, after so long."""
    counting.tally.count_answer(status, seconds, time.time())
    _count_for_client(counting, request, status)


def united(parts: SearchParts, request: RequestPlan) -> Coroutine[Any, Any, OwnAnswer]:
    """The list of models where no target's own would do."""
    return united_models(parts, request, partial(_search_alone, parts))


def _search_alone(
    parts: SearchParts, request: RequestPlan, *, asking: Ask = ask
) -> Coroutine[Any, Any, Attempt]:
    return Search(parts, request, asking).run()


def _count_for_client(counting: Counting, request: RequestPlan, status: int) -> None:
    if request.client is not ANYONE:
        counting.count_answer(request.client, request.model, status, time.time())
    counting.touched()
