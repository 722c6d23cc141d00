"""Follows a client's request from its arrival to its end, for whoever hears of it."""

from collections.abc import Mapping
from typing import Any

from proxyapp.access.token_book import Client
from proxyapp.forwarding.path_facts import facts_of
from proxyapp.forwarding.plan import LONGEST_PATH_BYTES
from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.provider.endpoints import OTHER, endpoint_of
from proxyapp.requests.answer_headers import add_answer_headers
from proxyapp.requests.record import RequestRecord
from proxyapp.requests.under_way import UNDER_WAY, RequestUnderWay
from proxyapp.runtime import Runtime, running_now
from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.client_paths import group_and_path
from proxyapp.vocabulary.kept_settings import kept
from proxyapp.vocabulary.remembered import remembered


def begin(scope: dict[str, Any]) -> RequestUnderWay:
    runtime = running_now()
    told = None if runtime is None else runtime.told
    under_way = scope[UNDER_WAY] = RequestUnderWay(
        scope.get("method", "GET"), scope["headers"], told, is_shown=kept.ANSWER_HEADERS
    )
    return under_way


def note_client(scope: Mapping[str, Any], client: Client) -> None:
    under_way = scope.get(UNDER_WAY)
    if under_way is not None and under_way.record is not None:
        under_way.record.client_id = client.id


def note_model(scope: Mapping[str, Any], model: str) -> None:
    under_way = scope.get(UNDER_WAY)
    if under_way is not None and under_way.record is not None:
        under_way.record.model = model


def follow(under_way: RequestUnderWay | None, request: RequestPlan) -> None:
    """Its attempts are the request's."""
    request.under_way = under_way
    if under_way is not None and under_way.record is not None:
        under_way.record.model = request.model


def show_keys(scope: Mapping[str, Any], answer: list[Header]) -> None:
    """If ANSWER_HEADERS says so."""
    under_way = scope.get(UNDER_WAY)
    if kept.ANSWER_HEADERS and under_way is not None and under_way.record is not None:
        add_answer_headers(under_way.record, answer)


def end(under_way: RequestUnderWay, scope: Mapping[str, Any], path: bytes, arrived: int) -> None:
    """`path`: as the client wrote it. `arrived`: so many bytes of its body."""
    record, runtime = under_way.record, running_now()
    if record is not None and runtime is not None and runtime.told.is_heard:
        record.bytes_in = arrived
        _describe(record, runtime, scope, path)
    under_way.end(None if runtime is None else runtime.told)


def _describe(
    record: RequestRecord, runtime: Runtime, scope: Mapping[str, Any], path: bytes
) -> None:
    record.address = runtime.trusted.client_text(scope)
    if len(path) > LONGEST_PATH_BYTES:
        record.endpoint = OTHER
        return
    group, record.endpoint, model = _told(path)
    record.group = record.group or group
    record.model = record.model or model


@remembered
def _told(path: bytes) -> tuple[str, str, str]:
    """The group that a path names, which endpoint it is, and its model; each may be empty."""
    group, path = group_and_path(path)
    return group or "", endpoint_of(path), facts_of(path).model or ""
