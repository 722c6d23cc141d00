"""Lists of what belongs to keys: the union over the projects of a ring, page by page.

A page holds those of one project after the other, in the order of the ring, until it is full. One
project that fails is said in a header, and does not hold up the others.
"""

import asyncio
import json
import time
from typing import Any

from django.conf import settings

from proxyapp.access.token_store import secret_keys
from proxyapp.forwarding.attempt import Attempt
from proxyapp.forwarding.first_answer import JSON_TYPE
from proxyapp.forwarding.listed_projects import listed_projects
from proxyapp.forwarding.no_key import no_key
from proxyapp.forwarding.project_pages import AskedList, ProjectLists, ProjectPage
from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.forwarding.search import Search, SearchParts
from proxyapp.resources.list_pages import form_of, list_query, page_with
from proxyapp.resources.names import name_of, resource_path
from proxyapp.resources.page_tokens import PagePlace, place_of, written
from proxyapp.resources.tenants import is_visible, sees_all, sees_all_of
from proxyapp.vocabulary.errors import BadRequest

HEADER = b"x-gateway-projects"
# Most projects have little: the more were asked in vain, the more are asked at once.
MOST_AT_ONCE = 8
# Beside one for each project: where a client's own are few among many.
MOST_FURTHER_PAGES = 50
ELSEWHERE = "The page token was not given for this list and client: list again from its start."


def asks_for_list(request: RequestPlan) -> bool:
    """Google takes a GET also in a header."""
    overriding = (value for name, value in request.headers if name == b"x-http-method-override")
    return request.method.upper() == "GET" or any(
        value.strip().upper() == b"GET" for value in overriding
    )


async def union_list(parts: SearchParts, request: RequestPlan) -> Attempt:
    """The answer to relay. Raises GatewayError."""
    kind = resource_path(request.path).kind
    projects = listed_projects(parts.snapshot, request)
    groups = parts.snapshot.groups_of(request.ring)
    is_alone = len(projects) == 1 and sees_all_of(request.client, groups)
    if kind is None or not projects or is_alone:
        return await Search(parts, request).run()
    form = form_of(kind)
    query = list_query(request.query, form)
    if query is None:
        raise BadRequest(f"{form.size} is not a whole number.")
    return await UnionList(AskedList(parts, request, projects, kind, form, query)).answer()


class UnionList:
    """One page of one client's list."""

    def __init__(self, asked: AskedList) -> None:
        self._list = asked
        self._lists = ProjectLists(asked)
        self._items: list[dict[str, Any]] = []
        self._pages: list[ProjectPage] = []
        self._next: PagePlace | None = None

    async def answer(self) -> Attempt:
        start, token = await self._start()
        await self._fill(start, token)
        good = [page for page in self._pages if not page.failure]
        if not good:
            return await self._failed()
        last = good[-1].attempt
        if last is None:
            raise RuntimeError("a page without an answer")
        following = self._following()
        body = json.dumps(page_with(self._items, following, self._list.form), indent=2)
        last.replace_body(body.encode(), JSON_TYPE)
        last.headers.append(self._header())
        return last

    async def _start(self) -> tuple[int, str]:
        """The project, and the upstream's token. Raises BadRequest."""
        token = self._list.query.token
        if not token:
            return 0, ""
        if self._list.form.is_openais:
            return await self._project_with(token), token
        place = place_of(token, self._whose(), secret_keys())
        if place is None:
            raise BadRequest(ELSEWHERE)
        for index, project in enumerate(self._list.projects):
            if project.place == place.project:
                return index, place.token
        raise BadRequest(
            f"The list stopped at a {place.project.partition(' ')[0]} that is no longer there:"
            " list again from its start."
        )

    async def _project_with(self, item_id: str) -> int:
        """Of an item after which the list goes on. Raises BadRequest."""
        name = name_of(item_id, self._list.kind, is_id=True)
        rows = await self._list.parts.resources.find(name) if name is not None else ()
        for index, project in enumerate(self._list.projects):
            for key in project.keys:
                for row in rows:
                    is_its = row.key_id == key.id or (row.project and row.project == key.project)
                    if is_its and is_visible(row, self._list.request.client, key.group):
                        return index
        for index, project in enumerate(self._list.projects):
            if all(sees_all(self._list.request.client, key.group) for key in project.keys):
                page = await self._lists.page(project, 1, item_id)
                if not page.failure:
                    return index
        raise BadRequest("after: nothing in this list has that ID.")

    async def _fill(self, start: int, token: str) -> None:
        index, at_once = start, 1
        while index < len(self._list.projects) and self._next is None:
            chosen = self._list.projects[index : index + (1 if token else at_once)]
            size = self._wanted()
            pages = await asyncio.gather(
                *(self._lists.page(project, size, token) for project in chosen)
            )
            for page in pages:
                await self._take(page, token)
                token = ""
                if self._next is not None:
                    return
                index += 1
                if self._is_full() and index < len(self._list.projects):
                    self._next = PagePlace(self._list.projects[index].place)
                    return
            at_once = min(2 * at_once, MOST_AT_ONCE)

    async def _take(self, page: ProjectPage, token: str) -> None:
        """And what the project has on further pages."""
        while True:
            wanted = self._wanted()
            if wanted and self._items and len(page.items) > wanted:
                self._next = PagePlace(page.project.place, token)
                return
            self._pages.append(page)
            self._items += page.items
            if page.failure or not page.following:
                return
            token = page.following
            if self._is_full() or len(self._pages) >= len(self._list.projects) + MOST_FURTHER_PAGES:
                self._next = PagePlace(page.project.place, token)
                return
            page = await self._lists.page(page.project, self._wanted(), token)

    def _wanted(self) -> int:
        """How many more; 0: as many as the upstream gives by itself."""
        return max(1, self._list.query.size - len(self._items)) if self._list.query.size else 0

    def _is_full(self) -> bool:
        """Without a size: when a project has more than it told at once."""
        if not self._list.query.size:
            return bool(self._items) and bool(self._pages[-1].following)
        return len(self._items) >= self._list.query.size

    def _following(self) -> str:
        if self._next is None:
            return ""
        return written(self._next, self._whose(), settings.SECRET_KEY)

    def _whose(self) -> list[str]:
        """What a page token is good for."""
        request, others = self._list.request, sorted(map(repr, self._list.query.others))
        return [str(request.client.id), request.ring, self._list.kind.name, request.model, *others]

    async def _failed(self) -> Attempt:
        """The last that an upstream said, or when a key is back."""
        for page in reversed(self._pages):
            if page.attempt is not None:
                page.attempt.headers.append(self._header())
                return page.attempt
        for page in reversed(self._pages):
            if page.error is not None:
                raise page.error
        parts = self._list.parts
        raise await no_key(parts.snapshot, parts.last_words, self._list.request, time.time())

    def _header(self) -> tuple[bytes, bytes]:
        """What was asked, in its order, and which of it failed."""
        asked: dict[str, str] = {}
        for page in self._pages:
            failed = f"; failed={page.failure}" if page.failure else ""
            asked[page.project.shown] = asked.get(page.project.shown) or failed
        return HEADER, ", ".join(f"{shown}{failed}" for shown, failed in asked.items()).encode()
