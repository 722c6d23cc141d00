"""What the database says of today, for the strategy that asks for it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from proxyapp.models import ApiKey
from proxyapp.pool.day_requests import LOOK_SECONDS, DayRequests, requests_today
from proxyapp.pool.day_use import DayUse
from proxyapp.provider.reset_times import PACIFIC
from tests.support.chosen_keys import pool_with, projects
from tests.support.pool_data import add_group, add_key, use

PRO, FLASH = "gemini-2.5-pro", "gemini-2.5-flash"


@pytest.mark.django_db
def test_the_requests_of_a_project_are_counted_by_model_since_midnight_pacific() -> None:
    group = add_group()
    first, second = (add_key(group, name, project="red") for name in ("a", "b"))
    alone = add_key(group, "c")
    midnight = datetime.now(PACIFIC).replace(hour=0, minute=0, second=0, microsecond=0)
    hour = midnight.astimezone(UTC)
    use(first, hour, PRO, requests=5, rate_limited=2)
    use(second, hour, PRO, requests=4)
    use(alone, hour, PRO, requests=1)
    use(alone, hour, FLASH, requests=7)
    use(alone, hour - timedelta(hours=1), FLASH, requests=100)

    assert requests_today() == {PRO: {"red": 7, alone.pk: 1}, FLASH: {alone.pk: 7}}


@pytest.mark.django_db
def test_of_a_key_that_is_gone_what_it_used_harms_nobody() -> None:
    key = add_key(add_group(), "a")
    use(key, datetime.now(UTC), PRO, requests=5)
    pk = key.pk
    ApiKey.objects.all().delete()

    assert requests_today() in ({PRO: {pk: 5}}, {})


class Threads:
    """In place of a database: what it was asked for, and when."""

    def __init__(self) -> None:
        self.reads = 0

    async def read(self, work: Callable[[], Any], seconds: float) -> Any:
        self.reads += 1
        return {"m": {"red": self.reads}}


@pytest.mark.parametrize(("strategy", "reads"), [("least_used", 1), ("fill_first", 0)])
async def test_it_is_read_where_it_is_needed_and_not_often(strategy: str, reads: int) -> None:
    threads, pool = Threads(), pool_with(projects("red", "blue", strategy=strategy))
    looking = DayRequests(threads, DayUse())  # type: ignore[arg-type]

    for _ in range(3):
        await looking.look(pool)

    assert threads.reads == reads


async def test_it_is_read_again_when_its_time_is_over() -> None:
    threads, pool = Threads(), pool_with(projects("red", strategy="least_used"))
    clock = iter((1.0, 1.0, LOOK_SECONDS, LOOK_SECONDS + 1.5, LOOK_SECONDS + 1.5))
    looking = DayRequests(threads, DayUse(), lambda: next(clock))  # type: ignore[arg-type]

    for _ in range(3):
        await looking.look(pool)

    assert threads.reads == 2
