"""A thread's connection: not asked for its health before each work, and replaced when it ended."""

import asyncio
import contextlib
import os
import re
import tempfile
from collections.abc import AsyncIterator

import psycopg
import pytest
from django.db import InternalError, OperationalError, connection

from proxyapp.database.outage import NoAnswer
from proxyapp.database.thread import DatabaseThread
from tests.support import postgres
from tests.support.chosen_database import needs_postgresql
from tests.support.waiting import wait_for

pytestmark = [
    needs_postgresql("needs PostgreSQL: SQLite's file has no sessions"),
    pytest.mark.asyncio,
    pytest.mark.django_db(transaction=True),
]
SECONDS = 10.0


@contextlib.asynccontextmanager
async def thread_of_ours() -> AsyncIterator[DatabaseThread]:
    thread = DatabaseThread("tested")
    yield thread
    await asyncio.to_thread(thread.close)


def session() -> tuple[int, str]:
    """Which one it is, and the limit that each has to have."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid(), current_setting('statement_timeout')")
        found: tuple[int, str] = cursor.fetchone()
        return found


def sent_for(statement: str) -> list[str]:
    """All statements that go to the server when a thread's work asks this one."""
    link = connection.connection.pgconn
    with tempfile.TemporaryFile() as trace:
        link.trace(trace.fileno())
        with connection.cursor() as cursor:
            cursor.execute(statement)
        link.untrace()
        trace.seek(0)
        return re.findall(r'(?:Query|Parse)\t.*"(.*)"', trace.read().decode())


def end(backend: int) -> None:
    with psycopg.connect(os.environ[postgres.ADMIN_URL], autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s)", [backend])
        wait_for(
            lambda: (
                not admin.execute(
                    "SELECT 1 FROM pg_stat_activity WHERE pid = %s", [backend]
                ).fetchone()
            )
        )


async def test_a_session_is_kept_and_is_not_asked_before_each_work() -> None:
    async with thread_of_ours() as thread:
        before = await thread.run(session, SECONDS)

        asked = await thread.run(lambda: sent_for("SELECT 2"), SECONDS)

        assert await thread.run(session, SECONDS) == before
    assert asked == ["SELECT 2"]


async def test_one_that_the_server_has_ended_is_followed_by_another_of_the_same_limits() -> None:
    async with thread_of_ours() as thread:
        before = await thread.run(session, SECONDS)
        await asyncio.to_thread(end, before[0])

        after = await thread.run(session, SECONDS)

        assert after[0] != before[0]
        assert after[1] == before[1] == "1min"
        assert thread.is_connected


async def test_a_read_whose_connection_ends_is_done_again_and_a_write_is_not() -> None:
    begun: list[int] = []

    def ended_once() -> int:
        begun.append(session()[0])
        if len(begun) == 1:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return begun[-1]

    async with thread_of_ours() as thread:
        first = (await thread.run(session, SECONDS))[0]
        assert await thread.read(ended_once, SECONDS) != first
        assert len(begun) == 2

        begun.clear()
        with pytest.raises(OperationalError):
            await thread.run(ended_once, SECONDS)
        assert len(begun) == 1


async def test_a_read_that_gets_no_answer_is_not_asked_again() -> None:
    begun: list[int] = []

    def hanging() -> None:
        begun.append(1)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(2)")

    async with thread_of_ours() as thread:
        await thread.run(session, SECONDS)
        with pytest.raises(NoAnswer):
            await thread.read(hanging, 0.2)

        await thread.run(session, SECONDS)
        assert begun == [1]


def replaced() -> int:
    """As Django does when a transaction cannot even be taken back."""
    connection.close()
    return session()[0]


def hanging() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(60)")


async def test_one_that_was_replaced_in_the_middle_of_work_has_limits_and_is_cut_too() -> None:
    async with thread_of_ours() as thread:
        await thread.run(session, SECONDS)

        backend = await thread.run(replaced, SECONDS)
        assert await thread.run(session, SECONDS) == (backend, "1min")

        await thread.run(replaced, SECONDS)
        with pytest.raises(NoAnswer):
            await thread.run(hanging, 0.2)
        await asyncio.to_thread(end, (await thread.run(replaced, SECONDS)))


def create() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE written AS SELECT 1")


def demote() -> None:
    """The session, as a server that has become a replica does with all of them."""
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")


async def test_a_server_that_takes_no_writes_any_more_is_left() -> None:
    async with thread_of_ours() as thread:
        before = await thread.run(session, SECONDS)
        await thread.run(demote, SECONDS)

        with pytest.raises(InternalError):
            await thread.run(create, SECONDS)

        await thread.run(create, SECONDS)
        assert await thread.run(session, SECONDS) != before
