"""What a request that names resources is bound to, by what the process and the database know."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from proxyapp.access.token_book import ANYONE, Client
from proxyapp.forwarding.bound_request import bind, learn
from proxyapp.forwarding.plan import plan
from proxyapp.forwarding.request_body import RequestBody
from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.forwarding.union_lists import asks_for_list
from proxyapp.resources.known import KnownResource
from proxyapp.resources.references import MOST_REFERENCES
from proxyapp.vocabulary.errors import BadRequest, NoKeyAvailable, UnknownResource
from tests.support.snapshots import snapshot

TENANT, OTHER = Client(id=7), Client(id=8)
NEVER = float("inf")
GENERATE = b"/v1beta/models/gemini-2.5-pro:generateContent"


def made(key_id: int, client: Client = ANYONE, name: str = "files/a") -> KnownResource:
    return KnownResource(name, key_id, "a key", "", 1, client.id, NEVER)


class Book:
    """`memory` and `database`: what each knows."""

    def __init__(
        self, memory: Sequence[KnownResource] = (), database: Sequence[KnownResource] = ()
    ) -> None:
        self.memory = memory
        self.database = database
        self.reads = 0

    async def find_all(self, names: Sequence[str]) -> dict[str, list[KnownResource]]:
        found = {name: [row for row in self.memory if row.name == name] for name in names}
        return found if all(found.values()) else await self.refind_all(names)

    async def refind_all(self, names: Sequence[str]) -> dict[str, list[KnownResource]]:
        self.reads += 1
        return {name: [row for row in self.database if row.name == name] for name in names}

    async def find(self, name: str) -> Sequence[KnownResource]:
        return (await self.find_all([name]))[name]

    async def remember(self, made: Sequence[KnownResource]) -> None:
        self.memory = [*self.memory, *made]


POOL = snapshot("aaa")


def parts(book: Book, *, is_away: bool = False) -> Any:
    return SimpleNamespace(snapshot=POOL, resources=book, threads=SimpleNamespace(is_away=is_away))


def request(
    path: bytes = b"/v1beta/files/a",
    body: bytes = b"",
    *,
    client: Client = ANYONE,
    query: bytes | None = None,
) -> RequestPlan:
    return plan(
        POOL,
        method="POST" if body else "GET",
        path=path,
        query=query,
        headers=[],
        body=RequestBody(body, length=len(body)),
        client=client,
    )


async def bound(planned: RequestPlan, book: Book, **more: Any) -> tuple[int, ...] | None:
    await bind(parts(book, **more), planned)
    return planned.bond.key_ids if planned.bond is not None else None


@pytest.mark.parametrize(
    ("path", "body", "query", "names"),
    [
        (b"/v1beta/files/a", b"", None, ("files/a",)),
        (GENERATE, b'{"cachedContent": "cachedContents/c"}', None, ("cachedContents/c",)),
        (GENERATE, b'{"contents": [{"parts": [{"text": "cachedContent"}]}]}', None, ()),
        (GENERATE, b"{}", b"cachedContent=cachedContents/c", ("cachedContents/c",)),
        (
            b"/v1beta/fileSearchStores/s:importFile",
            b'{"fileName": "files/a", "file_name": "files/a"}',
            None,
            ("fileSearchStores/s", "files/a"),
        ),
        (b"/v1beta/models", b"", b"pageSize=5", ()),
    ],
)
def test_a_request_names_each_resource_once(
    path: bytes, body: bytes, query: bytes | None, names: tuple[str, ...]
) -> None:
    assert request(path, body, query=query).names == names


async def test_what_is_in_memory_takes_no_read() -> None:
    book = Book(memory=[made(2)])

    assert await bound(request(), book) == (2,)
    assert book.reads == 0


async def test_what_another_process_made_is_read() -> None:
    book = Book(database=[made(2)])

    assert await bound(request(), book) == (2,)
    assert book.reads == 1


async def test_a_client_is_told_of_no_lack_by_memory_alone() -> None:
    """A moment ago another one may have been the only one with a file of the name."""
    book = Book(memory=[made(1, OTHER)], database=[made(2, TENANT), made(1, OTHER)])

    assert await bound(request(client=TENANT), book) == (2,)


async def test_with_the_database_away_a_client_may_come_again() -> None:
    with pytest.raises(NoKeyAvailable) as raised:
        await bound(request(client=TENANT), Book(), is_away=True)

    assert (raised.value.status, raised.value.retry_after) == (503, 5)
    with pytest.raises(UnknownResource):
        await bound(request(client=TENANT), Book())


async def test_more_names_than_anybody_needs_are_a_mistake() -> None:
    many = ", ".join(f'{{"fileUri": "files/f{number}"}}' for number in range(10_000))
    planned = request(GENERATE, f"[{many}]".encode())

    with pytest.raises(BadRequest) as raised:
        await bound(planned, Book())
    assert str(MOST_REFERENCES) in raised.value.message


async def test_what_a_request_names_stays_whose_it_is_when_the_answer_repeats_it() -> None:
    """Of an interaction that is not kept the answer tells the environment alone."""
    used, answer = made(1, OTHER, "environments/e"), b'{"environment_id": "e", "model": "m"}'
    book = Book(memory=[used])
    planned = request(b"/v1beta/interactions", b'{"environment": "e"}', client=TENANT)
    attempt: Any = SimpleNamespace(
        key=POOL.keys[1],
        coding=b"",
        is_complete=True,
        held=lambda: [answer],
        hold=lambda read: None,
        header=lambda name: b"application/json",
    )

    assert planned.names == ("environments/e",)
    await learn(parts(book), planned, attempt)
    assert book.memory == [used]


@pytest.mark.parametrize("method", ["GET", "get", "Get"])
def test_a_list_is_one_however_its_method_is_written(method: str) -> None:
    planned = request(b"/v1beta/files")
    planned.method = method

    assert asks_for_list(planned)
