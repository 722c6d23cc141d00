"""Whose a resource is: the same in every process, at once, also while the database is away."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from channels.db import database_sync_to_async

from proxyapp.models import Resource
from proxyapp.resources import book as book_module
from proxyapp.resources.known import KnownResource, ResourceChange
from proxyapp.resources.rows import Found, read_resources, write_resources
from tests.support.resources import BookProcess, known

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[BookProcess]:
    process = BookProcess(tmp_path)
    yield process
    await process.aclose()


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[BookProcess]:
    process = BookProcess(tmp_path)
    yield process
    await process.aclose()


def keys_of(found: Sequence[KnownResource] | None) -> list[int]:
    assert found is not None
    return [each.key_id for each in found]


@database_sync_to_async
def rows() -> list[tuple[str, int, int]]:
    """Those that have not expired."""
    found = Resource.objects.order_by("name", "key_id").filter(expires_at__year__gt=2000)
    return list(found.values_list("name", "key_id", "client_id"))


@database_sync_to_async
def change_behind_the_back(**fields: object) -> None:
    Resource.objects.update(**fields)


async def test_what_was_made_is_in_the_database_and_known_when_remember_returns(here, there):
    made = known("files/a", 7, key_name="seven", project="p", group_id=3, client_id=9)

    await here.book.remember([made])

    assert await rows() == [("files/a", 7, 9)]
    assert [*await here.book.find("files/a")] == [*await there.book.find("files/a")] == [made]


async def test_an_unknown_name_is_known_the_moment_that_another_process_makes_it(here, there):
    assert await here.book.find("files/a") == ()

    await there.book.remember([known()])

    assert here.book.find_now("files/a") is None
    assert keys_of(await here.book.find("files/a")) == [1]


async def test_what_was_found_is_answered_from_memory(here, there):
    await there.book.remember([known()])
    await here.book.find("files/a")
    await change_behind_the_back(key_id=2)

    found = here.book.find_now("files/a")

    assert found is not None
    assert keys_of(found) == [1]
    assert keys_of(await here.book.refind("files/a")) == [2]


async def test_what_is_in_memory_is_believed_for_a_moment_only(here, there, monkeypatch):
    await here.book.remember([known(client_id=5)])
    await here.book.find("files/a")
    there.book.forget("files/a", 1)
    await there.book.remember([known(key_id=2, client_id=6)])
    monkeypatch.setattr(book_module, "FRESH_SECONDS", 0.0)

    assert here.book.find_now("files/a") is None
    assert [each.client_id for each in await here.book.find("files/a")] == [6]


async def test_a_name_of_two_projects_has_two_rows_the_newest_first(here, there):
    await here.book.remember([known(key_id=1)])
    await here.book.remember([known(key_id=2)])

    assert keys_of(await here.book.find("files/a")) == [2, 1]
    assert keys_of(await there.book.find("files/a")) == [2, 1]


async def test_what_its_key_makes_again_belongs_to_whom_it_was_made_for_last(here, there):
    await here.book.remember([known(client_id=5), known("files/b", client_id=5)])
    await there.book.remember([known(client_id=6)])

    assert await rows() == [("files/a", 1, 6), ("files/b", 1, 5)]


async def test_a_late_record_of_a_spool_gives_nothing_back_to_its_former_owner(here, there):
    here.lose_the_database()
    await here.book.remember([known(client_id=5)])
    await there.book.remember([known(client_id=6)])

    await here.find_it_again()

    assert await rows() == [("files/a", 1, 6)]
    assert [each.client_id for each in await here.book.refind("files/a")] == [6]


async def test_what_was_forgotten_is_gone_at_once_and_stays_so(here, there):
    await here.book.remember([known(key_id=1), known(key_id=2)])
    await here.book.find("files/a")

    here.book.forget("files/a", 1)

    assert keys_of(here.book.find_now("files/a")) == [2]
    await here.book.close()
    assert await rows() == [("files/a", 2, 0)]
    assert keys_of(await there.book.find("files/a")) == [2]


async def test_what_has_expired_is_unknown_in_memory_and_in_the_database(here, there):
    await here.book.remember(
        [known(expires_at=time.time() + 0.3), known("files/old", expires_at=1)]
    )
    assert keys_of(await here.book.find("files/a")) == [1]
    await asyncio.sleep(0.35)

    assert here.book.find_now("files/a") is None
    for process in (here, there):
        assert await process.book.find("files/a") == ()
        assert await process.book.find("files/old") == ()


# The database is away.


async def test_without_the_database_what_was_known_is_answered_from_memory(here, monkeypatch):
    monkeypatch.setattr(book_module, "FRESH_SECONDS", 0.0)
    await here.book.remember([known()])
    await here.book.find("files/a")

    here.lose_the_database()

    assert keys_of(here.book.find_now("files/a")) == [1]
    assert keys_of(await here.book.find("files/a")) == [1]
    assert await here.book.find("files/unknown") == ()


async def test_what_is_made_without_the_database_is_on_disk_and_comes_into_it(
    here, there, tmp_path: Path
):
    here.lose_the_database()
    await here.book.remember([known("files/b", 2)])
    here.book.forget("files/b", 3)
    await here.book.close()

    assert sum(file.read_bytes().count(b"\n") for file in tmp_path.glob("*.jsonl")) == 2
    assert keys_of(await here.book.find("files/b")) == [2]
    assert await rows() == []
    await here.find_it_again()
    assert await rows() == [("files/b", 2, 0)]
    assert keys_of(await there.book.find("files/b")) == [2]


async def test_what_a_process_that_died_had_spooled_is_taken_over(here, there):
    here.lose_the_database()
    await here.book.remember([known("files/b", 2)])
    here.writing.close()
    for spool in here.writing._spools:
        for segment in spool._segments:
            segment.close()

    await there.find_it_again()

    assert keys_of(await there.book.find("files/b")) == [2]


async def test_more_than_fits_into_memory_is_known_while_it_waits_in_the_spool(here, monkeypatch):
    here.book._memory._most = 10
    here.lose_the_database()

    await here.book.remember([known(f"files/{number}", number) for number in range(50)])

    assert keys_of(await here.book.find("files/0")) == [0]
    await here.find_it_again()
    assert keys_of(await here.book.find("files/0")) == [0]


async def test_without_the_database_a_process_knows_what_others_of_the_machine_made(here, there):
    here.lose_the_database()
    there.lose_the_database()
    made = known("files/b", 2, client_id=9, key_hash="h")
    await here.book.remember([made, known("files/c", 3)])

    assert [*await there.book.find("files/b")] == [made]
    await here.book.remember([replace(made, client_id=8)])
    here.book.forget("files/c", 3)
    await here.book.close()
    assert [row.client_id for row in await there.book.find("files/b")] == [8]
    assert await there.book.find("files/c") == ()
    await there.book.remember([replace(made, client_id=7)])
    assert [row.client_id for row in await there.book.refind("files/b")] == [7]


async def test_when_the_database_is_back_it_knows_better_and_a_later_outage_begins_anew(
    here, there
):
    for process in (here, there):
        process.lose_the_database()
    await here.book.remember([known("files/b", 2), known("files/c", 3)])
    assert keys_of(await there.book.find("files/b")) == [2]
    assert keys_of(await there.book.find("files/c")) == [3]
    await here.find_it_again()
    there.threads.outage = None
    await change_behind_the_back(client_id=6)
    assert [row.client_id for row in await there.book.refind("files/b")] == [6]
    there.lose_the_database()
    assert [row.client_id for row in await there.book.refind("files/b")] == [6]


async def test_what_another_process_alone_could_not_write_is_known_here(here, there):
    """It is the first to find out that the database takes nothing, which this one still reads."""
    here.lose_the_database()
    await here.book.remember([known("files/b", 2)])

    assert keys_of(await there.book.find("files/b")) == [2]
    assert await there.book.find("files/c") == ()
    await here.find_it_again()
    await change_behind_the_back(key_id=5)
    assert keys_of(await there.book.find("files/b")) == [5]


async def test_what_is_written_while_it_is_looked_for_is_known(here, there, monkeypatch):
    here.lose_the_database()
    await here.book.remember([known("files/b", 2)])
    loop = asyncio.get_running_loop()

    def read(names: Sequence[str], now: float) -> Found:
        found = read_resources(names, now)
        asyncio.run_coroutine_threadsafe(here.find_it_again(), loop).result(10)
        return found

    monkeypatch.setattr(book_module, "read_resources", read)
    monkeypatch.setattr(book_module, "FIND_WAIT_SECONDS", 10)

    assert keys_of(await there.book.find("files/b")) == [2]


async def test_a_row_stands_before_what_another_process_could_not_write(
    here, there, tmp_path: Path
):
    """Which may be older, and of another client."""
    here.lose_the_database()
    await here.book.remember([known(client_id=5)])
    await there.book.remember([known(client_id=6)])
    third = BookProcess(tmp_path)

    assert [each.client_id for each in await third.book.find("files/a")] == [6]
    await third.aclose()


async def test_who_asks_at_once_waits_for_one_look_into_the_spools(here, there, monkeypatch):
    there.lose_the_database()
    here.lose_the_database()
    await here.book.remember([known("files/b", 2)])
    looks, others = 0, there.writing.resources._others
    look: Callable[..., list[ResourceChange] | None] = others.changes

    def counted(*, is_first: bool) -> list[ResourceChange] | None:
        nonlocal looks
        looks += 1
        return look(is_first=is_first)

    monkeypatch.setattr(others, "changes", counted)
    found = await asyncio.gather(*(there.book.find("files/b") for _ in range(50)))

    assert [keys_of(each) for each in found] == [[2]] * 50
    assert looks <= 2


async def test_a_disk_that_hangs_costs_a_request_half_a_second(here, monkeypatch):
    here.lose_the_database()
    released = threading.Event()
    monkeypatch.setattr(
        here.writing.resources._others, "changes", lambda *, is_first: released.wait(10) and []
    )
    began_at = time.monotonic()

    assert await here.book.find("files/b") == ()
    assert 0.4 < time.monotonic() - began_at < 3
    released.set()


async def test_a_line_that_is_being_written_is_read_when_it_is_whole(here, there, tmp_path: Path):
    here.lose_the_database()
    there.lose_the_database()
    await here.book.remember([known("files/b", 2)])
    (path,) = tmp_path.glob("*-resources-*.jsonl")
    line = path.read_bytes()
    beside = tmp_path / "1-abc-resources-1.jsonl"
    beside.write_bytes(b"no line\n" + line.replace(b"files/b", b"files/c")[:-9])

    assert await there.book.find("files/c") == ()
    beside.write_bytes(b"no line\n" + line.replace(b"files/b", b"files/c"))
    assert keys_of(await there.book.find("files/c")) == [2]


async def test_a_database_that_hangs_costs_a_request_half_a_second_and_then_nothing(here):
    await here.book.remember([known()])
    await here.book.find("files/a")
    here.book._memory.put("files/a", (known(),), float("-inf"))
    stuck = asyncio.ensure_future(here.threads.urgent(lambda: time.sleep(1.5)))
    await asyncio.sleep(0)

    began_at = time.monotonic()
    assert keys_of(await here.book.find("files/a")) == [1]
    first = time.monotonic() - began_at
    assert keys_of(await here.book.find("files/a")) == [1]

    assert 0.4 < first < 1.2
    assert time.monotonic() - began_at - first < 0.2
    await stuck
    await here.book.close()
    assert keys_of(await here.book.find("files/a")) == [1]


# Many at once.


async def test_many_names_of_one_request_are_one_read(here, there, monkeypatch):
    await there.book.remember([known(f"files/{number}", number) for number in range(40)])
    await here.book.find("files/7")
    asked: list[Sequence[str]] = []

    def read(names: Sequence[str], now: float) -> Found:
        asked.append(names)
        return read_resources(names, now)

    monkeypatch.setattr(book_module, "read_resources", read)
    names = [*(f"files/{number}" for number in range(40)), "files/unknown", "files/\n"]

    found = await here.book.find_all(names)

    assert [keys_of(found[name]) for name in names] == [*([n] for n in range(40)), [], []]
    assert [len(each) for each in asked] == [40]


async def test_names_that_are_asked_for_together_share_reads(here, there, monkeypatch):
    await there.book.remember([known(f"files/{number}", number) for number in range(40)])
    asked: list[Sequence[str]] = []

    def read(names: Sequence[str], now: float) -> Found:
        asked.append(names)
        return read_resources(names, now)

    monkeypatch.setattr(book_module, "read_resources", read)

    found = await asyncio.gather(*(here.book.find(f"files/{number}") for number in range(40)))

    assert [keys_of(each) for each in found] == [[number] for number in range(40)]
    assert len(asked) <= 2


async def test_what_is_made_together_shares_writes_and_each_waits_for_its_own(here, monkeypatch):
    written: list[int] = []

    def write(changes: Sequence[ResourceChange]) -> int:
        written.append(len(changes))
        return write_resources(changes)

    monkeypatch.setattr(book_module, "write_resources", write)

    await asyncio.gather(*(here.book.remember([known(f"files/{n}", n)]) for n in range(60)))

    assert len(await rows()) == 60
    assert sum(written) == 60
    assert len(written) <= 3


async def test_who_leaves_while_it_is_written_takes_nothing_back(here):
    leaving = asyncio.ensure_future(here.book.remember([known()]))
    await asyncio.sleep(0)
    leaving.cancel()
    await here.book.close()

    assert await rows() == [("files/a", 1, 0)]


async def test_a_read_that_began_before_a_write_ended_does_not_hide_it(here):
    """The read's own view of the database may be older than the row."""
    for number in range(30):
        name = f"files/{number}"
        reading = asyncio.ensure_future(here.book.refind(name))
        await asyncio.sleep(0)
        await here.book.remember([known(name, number)])
        await reading

        assert keys_of(await here.book.find(name)) == [number]


@pytest.mark.parametrize(
    "name", ["", "files/" + "x" * 600, "files/a\nb", "files/a\0", "files/\ud800"]
)
async def test_names_that_no_api_gives_out_are_neither_kept_nor_asked_for(here, name: str):
    await here.book.remember([known(name), known()])
    here.book.forget(name, 1)

    assert await here.book.find(name) == ()
    assert await rows() == [("files/a", 1, 0)]


async def test_a_time_beyond_all_dates_is_kept_for_as_long_as_there_are_dates(here, there):
    await here.book.remember([known(expires_at=1e18)])

    assert keys_of(await there.book.find("files/a")) == [1]
