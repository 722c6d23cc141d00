"""One request from its arrival to the answer that is to be relayed, whatever server brought it."""

import time
from collections.abc import Coroutine, Mapping
from typing import Any
from urllib.parse import quote

from django.db import Error as DatabaseError

from proxyapp.access import admission
from proxyapp.access.cors import let_allowed_read, let_read_relayed
from proxyapp.access.token_book import ANYONE, Client, TokenBook
from proxyapp.forwarding import answering
from proxyapp.forwarding.attempt import Attempt
from proxyapp.forwarding.bound_request import bind
from proxyapp.forwarding.client_place import Answer, in_place
from proxyapp.forwarding.download_redirects import lead_back
from proxyapp.forwarding.error_form import give_openais_form
from proxyapp.forwarding.following import follow, note_client, note_model, show_keys
from proxyapp.forwarding.long_bodies import is_long, read_ahead
from proxyapp.forwarding.own_answer import OwnAnswer
from proxyapp.forwarding.plain_naming import refuse_ambiguous
from proxyapp.forwarding.plan import plan
from proxyapp.forwarding.request_body import RequestBody
from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.forwarding.requests_in_one import refuse_requests_in_one
from proxyapp.forwarding.union_lists import asks_for_list, union_list
from proxyapp.forwarding.union_models import is_united
from proxyapp.forwarding.upload_urls import lead_here
from proxyapp.requests.under_way import UNDER_WAY
from proxyapp.runtime import Runtime, running_now
from proxyapp.runtime import running as start_runtime
from proxyapp.upstream import hops
from proxyapp.vocabulary.errors import NoKeyAvailable, NotAllowed


async def admitted(scope: Mapping[str, Any]) -> Client:
    """Who asks, before the body is read. Raises GatewayError.

    A loop is told first: the gateway's own key is no client token.
    """
    hops.refuse_loop(scope["headers"])
    runtime = running_now() or await running_runtime()
    found = admission.found_client(scope, runtime.book)
    if isinstance(found, Client):
        if found is not ANYONE:
            note_client(scope, found)
        return found
    return await admission.refuse(scope, found, runtime.slowdown)


def forwarded(
    scope: Mapping[str, Any], body: RequestBody, client: Client
) -> Coroutine[Any, Any, Attempt | OwnAnswer]:
    """The answer to relay. Raises GatewayError."""
    answering = _forwarded(scope, body, client)
    return answering if client.max_concurrent is None else in_its_place(client, answering)


async def in_its_place(client: Client, answering: Coroutine[Any, Any, Answer]) -> Answer:
    """As one of the requests that the client may have under way. Raises LimitReached."""
    return await in_place(running_now() or await running_runtime(), client, answering)


async def _forwarded(
    scope: Mapping[str, Any], body: RequestBody, client: Client
) -> Attempt | OwnAnswer:
    path, query = raw_target(scope)
    runtime = running_now() or await running_runtime()
    if is_long(body):
        await read_ahead(body, client, path, scope["headers"])
    try:
        planned = plan(
            runtime.snapshot,
            method=scope["method"],
            path=path,
            query=query,
            headers=scope["headers"],
            body=body,
            client=client,
        )
    except NotAllowed as error:
        note_model(scope, error.asked)
        runtime.counting.count_not_allowed(client, error.asked, time.time())
        raise
    follow(scope.get(UNDER_WAY), planned)
    await refuse_ambiguous(runtime.snapshot, planned)
    if planned.names:
        await bind(runtime, planned)
    if planned.facts.is_of_many:
        await refuse_requests_in_one(runtime.snapshot, planned)
    if client.is_metered:
        await admission.charge(client, runtime.limits, runtime.counting)
    attempt: Attempt | OwnAnswer
    if planned.facts.is_model_list and is_united(runtime.snapshot, planned):
        models = answering.united(runtime, planned)
        attempt = await answering.counted(runtime.counting, planned, models)
    elif planned.facts.is_list and asks_for_list(planned):
        listing = union_list(runtime, planned)
        attempt = await answering.counted(runtime.counting, planned, listing)
    else:
        attempt = await answering.forward(runtime, planned)
    if (attempt.status >= 300 or planned.facts.is_upload) and isinstance(attempt, Attempt):
        await _finish(scope, path, planned, attempt)
    show_keys(scope, attempt.headers)
    let_page_read(scope, client, runtime.book, attempt)
    return attempt


async def _finish(
    scope: Mapping[str, Any], path: bytes, request: RequestPlan, attempt: Attempt
) -> None:
    """What is not relayed as it came."""
    if attempt.status >= 400:
        await give_openais_form(request, attempt)
    elif request.facts.is_upload:
        await lead_here(scope, path, request, attempt)
    elif request.facts.resource is not None:
        lead_back(scope, path, attempt)


def let_page_read(
    scope: Mapping[str, Any], client: Client, book: TokenBook, attempt: Attempt | OwnAnswer
) -> None:
    if client is not ANYONE:
        let_read_relayed(scope["headers"], attempt.headers)
    elif book.is_empty:
        let_allowed_read(scope["headers"], attempt.headers)


async def running_runtime() -> Runtime:
    """Raises GatewayError."""
    try:
        return await start_runtime()
    except DatabaseError:
        raise NoKeyAvailable("The gateway's database is away.", retry_after=5) from None


def raw_target(scope: Mapping[str, Any]) -> tuple[bytes, bytes | None]:
    """The path and the query as the client wrote them; None: not even an empty query.

    ASGI has no word for an empty query, so the server's own extension tells. (Django's test client
    has no raw path, and a query of text.)
    """
    path = scope.get("raw_path") or quote(scope["path"]).encode()
    query = scope["query_string"]
    query = query if isinstance(query, bytes) else query.encode()
    sent = scope.get("extensions", {}).get("gateway.target", {}).get("raw", b"")
    return path, query if query or sent.endswith(b"?") else None
