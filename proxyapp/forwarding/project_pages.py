"""One project's page of a list: asked for with a key of the project, read, and left with what the
client may see.
"""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from proxyapp.access.token_book import ANYONE
from proxyapp.forwarding.attempt import Attempt
from proxyapp.forwarding.bond import Bond
from proxyapp.forwarding.listed_projects import ListedProject
from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.forwarding.search import Search, SearchParts
from proxyapp.pool.bound_keys import usable_of
from proxyapp.pool.wish import KeyWish
from proxyapp.provider.codings import READ_CODINGS, Inflater
from proxyapp.resources.kinds import ResourceKind
from proxyapp.resources.known import KnownResource
from proxyapp.resources.list_pages import (
    ListForm,
    ListQuery,
    following_of,
    items_of,
    name_of_item,
)
from proxyapp.resources.names import kind_of
from proxyapp.resources.tenants import is_visible, sees_all
from proxyapp.vocabulary.errors import GatewayError, StreamBroken, UpstreamFailed

# A thousand batches with their answers may come to this.
MOST_PAGE_BYTES = 32 << 20
# Longer ones are parsed on a thread: a millisecond or two.
AT_ONCE_BYTES = 128 * 1024
# They make an answer of one's own impossible: what is asked for is the whole list, as JSON.
_NOT_OF_LISTS = frozenset(
    (
        *(b"if-none-match", b"if-modified-since", b"range", b"x-goog-fieldmask"),
        *(b"accept", b"x-http-method-override"),
    )
)


@dataclass(slots=True)
class ProjectPage:
    """`failure`: why there is none. `attempt`: the upstream's answer, done with."""

    project: ListedProject
    items: list[dict[str, Any]] = field(default_factory=list)
    following: str = ""
    failure: str = ""
    attempt: Attempt | None = None
    error: GatewayError | None = None


@dataclass(frozen=True, slots=True)
class AskedList:
    """What one client asks of which projects. The first of them tells what is everybody's."""

    parts: SearchParts
    request: RequestPlan
    projects: Sequence[ListedProject]
    kind: ResourceKind
    form: ListForm
    query: ListQuery


class ProjectLists:
    """Asks for pages of one client's list."""

    def __init__(self, asked: AskedList) -> None:
        self._list = asked

    async def page(self, project: ListedProject, size: int, token: str) -> ProjectPage:
        page = ProjectPage(project)
        if not self._has_usable(project):
            page.failure = "cooling" if any(key.is_active for key in project.keys) else "disabled"
            return page
        asked = self._asking(project, self._list.query.raw(self._list.form, size, token))
        try:
            page.attempt = await Search(self._list.parts, asked).run()
        except GatewayError as error:
            page.error, page.failure = error, str(error.status)
            return page
        await self._read(page, page.attempt)
        return page

    def _has_usable(self, project: ListedProject) -> bool:
        """One that has none is not waited for."""
        request = self._list.request
        wish = KeyWish(request.ring, request.quota_scope, 0.0, only=project.key_ids)
        return next(usable_of(self._list.parts.snapshot, wish, time.time()), None) is not None

    def _asking(self, project: ListedProject, query: bytes | None) -> RequestPlan:
        request = self._list.request
        headers = [header for header in request.headers if header[0] not in _NOT_OF_LISTS]
        asked = RequestPlan(
            request.ring,
            "GET",
            request.facts,
            query,
            headers,
            request.body,
            request.model,
            request.client,
            request.written,
        )
        asked.barred_groups = request.barred_groups
        asked.bond = Bond((), project.key_ids)
        asked.under_way = request.under_way
        return asked

    async def _read(self, page: ProjectPage, attempt: Attempt) -> None:
        is_good = attempt.status == 200
        try:
            body = await (_whole(attempt) if is_good else attempt.read_whole())
            await attempt.keep()
        except BaseException:  # the client left: nobody else ends it
            await attempt.aclose()
            raise
        if not is_good:
            page.failure = str(attempt.status)
            return
        told = await _parsed(body)
        if told is None:  # it may tell what the client is not to see
            page.attempt, page.failure = None, "unreadable"
            page.error = UpstreamFailed("The upstream answered with no list in JSON.")
            return
        page.following = following_of(told, self._list.form)
        page.items = await self._seen(items_of(told, self._list.form), attempt)

    async def _seen(self, items: list[dict[str, Any]], attempt: Attempt) -> list[dict[str, Any]]:
        """What the client made itself, unless it shares all; what nobody knew is remembered."""
        key, client = attempt.key, self._list.request.client
        is_first, shows_all = key.id in self._list.projects[0].key_ids, sees_all(client, key.group)
        has_public = self._list.kind.has_public
        names = [name_of_item(item, self._list.kind) for item in items]
        book = self._list.parts.resources
        found = await book.find_all({name for name in names if name is not None})
        if client is ANYONE and not self._list.parts.threads.is_away:
            now = time.time()
            await book.remember(
                [
                    KnownResource.made_with(key, name, ANYONE.id, now + kind_of(name).seconds)
                    for name, rows in found.items()
                    if not rows and not kind_of(name).has_public
                ]
            )
        return [
            item
            for item, name in zip(items, names, strict=True)
            if (is_first if name is None and has_public else shows_all)
            or any(
                is_visible(row, client, key.group)
                for row in found.get(name or "", ())
                if row.is_of(key)
            )
        ]


async def _whole(attempt: Attempt) -> bytes:
    """Decoded; empty: it is longer than that, or broke off, or cannot be read."""
    if attempt.coding and attempt.coding not in READ_CODINGS:
        return b""
    read: list[bytes] = []
    length = 0
    try:
        while chunks := await attempt.read():
            read += chunks
            length += sum(map(len, chunks))
            if length > MOST_PAGE_BYTES:
                return b""
    except StreamBroken:
        return b""
    attempt.hold(read)
    whole = b"".join(read)
    if attempt.coding in (b"", b"identity"):
        return whole
    inflater = Inflater(attempt.coding, MOST_PAGE_BYTES)
    text = b"".join(inflater.feed(whole))
    return text if inflater.has_ended and not inflater.is_broken else b""


async def _parsed(body: bytes) -> dict[str, Any] | None:
    try:
        if len(body) <= AT_ONCE_BYTES:
            told = json.loads(body)
        else:
            told = await asyncio.to_thread(json.loads, body)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None
