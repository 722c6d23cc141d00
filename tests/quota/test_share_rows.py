"""Shares of limits in the database."""

import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from proxyapp.models import HourlyUsage, QuotaHolder, QuotaShare
from proxyapp.quota import holder_names, share_rows
from proxyapp.quota.share_grants import Ask, ShareGrant
from proxyapp.quota.share_rows import Told
from proxyapp.vocabulary.limits import Meter
from tests.support.pool_data import add_group, add_key

pytestmark = pytest.mark.django_db(transaction=True)
PRO = "gemini-2.5-pro"
MINUTE, DAY, TOKENS = Meter.REQUESTS_PER_MINUTE, Meter.REQUESTS_PER_DAY, Meter.TOKENS_PER_DAY


def ask(meter: Meter = MINUTE, number: int = 10, used: int = 0, owner: str = "project:a") -> Ask:
    return Ask(owner, PRO, meter, number, used, needed=1)


def grant_of(name: str, holder_id: int | None, asked: Ask) -> tuple[int, ShareGrant]:
    leased = share_rows.lease(name, holder_id, [asked])
    return leased.holder_id, leased.grants[0]


def test_who_is_alone_gets_everything_and_keeps_its_row() -> None:
    first = share_rows.lease("one", None, [ask(), ask(DAY, 250)])
    assert [grant.capacity for grant in first.grants] == [10, 250]
    assert first.holders == 1
    again = share_rows.lease("one", first.holder_id, [ask(used=4)])
    assert again.holder_id == first.holder_id
    assert QuotaHolder.objects.count() == 1
    assert QuotaShare.objects.get(meter=MINUTE).used == 4


def test_what_another_process_holds_is_not_given_twice() -> None:
    one, _ = grant_of("one", None, ask())
    two, nothing = grant_of("two", None, ask())
    assert (nothing.capacity, nothing.is_final) == (0, False)
    assert share_rows.wanted_by_others(one) == {("project:a", PRO, MINUTE)}
    assert share_rows.wanted_by_others(two) == set()
    share_rows.tell(one, [Told(("project:a", PRO, MINUTE), 6, 2)])
    _, some = grant_of("two", two, ask())
    assert some.capacity == 3
    assert share_rows.wanted_by_others(one) == set()


def test_a_process_that_is_gone_leaves_what_it_held() -> None:
    one, _ = grant_of("one", None, ask())
    two, _ = grant_of("two", None, ask())
    QuotaHolder.objects.filter(pk=one).update(seen_at=datetime.now(UTC) - timedelta(seconds=91))
    _, all_of_it = grant_of("two", two, ask())
    assert all_of_it.capacity == 10
    assert not QuotaHolder.objects.filter(pk=one).exists()


def test_what_a_killed_process_of_this_machine_held_is_free_at_once() -> None:
    """But what it used of a minute, as far as it told."""
    killed = subprocess.Popen(["true"])
    killed.wait()
    asks = [ask(used=0), ask(Meter.MAX_CONCURRENT, 1)]
    one = share_rows.lease(f"here {killed.pid}", None, asks).holder_id
    share_rows.tell(one, [Told(("project:a", PRO, MINUTE), 10, 4)])
    elsewhere = share_rows.lease("there 1", None, asks).grants
    assert [grant.capacity for grant in elsewhere] == [0, 0]
    here = share_rows.lease(f"here {os.getpid()}", None, asks).grants
    assert [grant.capacity for grant in here] == [2, 1]
    assert here[0].elsewhere == 4


def test_a_machine_of_the_same_host_name_is_not_taken_for_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its processes are no more to be seen here than one that was killed."""
    asks = [ask(Meter.MAX_CONCURRENT, 1)]
    (tmp_path / "boot_id").write_text("a1d6c0de-0000-4000-8000-000000000000\n")
    here = holder_names.own_name()
    with monkeypatch.context() as patch:
        patch.setattr(holder_names, "RUNNING_KERNEL", tmp_path / "boot_id")
        share_rows.lease(holder_names.own_name(), None, asks)
    assert share_rows.lease(here, None, asks).grants[0].capacity == 0


def test_a_process_that_runs_keeps_what_it_holds() -> None:
    asks = [ask(Meter.MAX_CONCURRENT, 1)]
    share_rows.lease(f"here {os.getppid()}", None, asks)
    assert share_rows.lease(f"here {os.getpid()}", None, asks).grants[0].capacity == 0


def test_who_was_away_itself_takes_nothing_from_those_that_seem_gone() -> None:
    """After an outage of the database nobody was seen for long."""
    one, _ = grant_of("one", None, ask())
    two, _ = grant_of("two", None, ask())
    QuotaHolder.objects.update(seen_at=datetime.now(UTC) - timedelta(seconds=300))
    _, nothing = grant_of("two", two, ask())
    assert nothing.capacity == 0
    assert QuotaHolder.objects.filter(pk=one).exists()


def test_a_holder_that_others_took_for_gone_is_one_again() -> None:
    one, _ = grant_of("one", None, ask())
    QuotaHolder.objects.all().delete()
    again, grant = grant_of("one", one, ask(used=4))
    assert again != one
    assert grant.capacity == 10


def test_the_day_counts_what_was_answered_since_midnight_in_california() -> None:
    group = add_group()
    keys = [add_key(group, f"AIzaKeyOfProject{n}", project="a") for n in range(2)]
    alone = add_key(group, "AIzaKeyAlone")
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    for key, succeeded in ((keys[0], 3), (keys[1], 4), (alone, 20)):
        HourlyUsage.objects.create(
            key=key,
            model=PRO,
            hour=hour,
            requests=succeeded + 50,
            succeeded=succeeded,
            rate_limited=50,
            prompt_tokens=1000,
            output_tokens=10,
        )
    HourlyUsage.objects.create(
        key=keys[0], model=PRO, hour=hour - timedelta(days=1, hours=1), succeeded=100
    )
    HourlyUsage.objects.create(key=keys[0], model="gemini-2.5-flash", hour=hour, succeeded=100)
    asks = [
        ask(DAY, 100),
        ask(TOKENS, 10_000),
        ask(DAY, 100, owner=f"key:{alone.pk}"),
        ask(MINUTE, 10),
    ]
    grants = share_rows.lease("one", None, asks).grants
    assert [grant.capacity for grant in grants] == [93, 7980, 80, 10]


def test_a_process_that_ends_keeps_what_it_used_of_the_minute_and_no_more() -> None:
    leased = share_rows.lease(
        "one", None, [ask(), ask(DAY, 100), ask(MINUTE, 5, owner="project:b")]
    )
    kept = [
        Told(("project:a", PRO, MINUTE), 4, 4),
        Told(("project:b", PRO, MINUTE), 0, 0),
    ]
    share_rows.leave(leased.holder_id, kept)
    rows = QuotaShare.objects.values_list("owner", "meter", "capacity")
    assert list(rows) == [("project:a", MINUTE, 4)]
    _, next_one = grant_of("two", None, ask())
    assert next_one.capacity <= 6
    ends = QuotaHolder.objects.get(pk=leased.holder_id).seen_at + share_rows.GONE_AFTER
    assert timedelta(seconds=50) < ends - datetime.now(UTC) < timedelta(seconds=65)
