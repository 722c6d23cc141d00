"""What refusals tell of limits: written, read by every process, forgotten."""

from datetime import timedelta

import pytest

from proxyapp.ledger.retention import prune_batch
from proxyapp.ledger.spool_records import cooldowns_record, decoded_record, encoded_record
from proxyapp.models import ApiKey, LearnedLimit
from proxyapp.pool.cooldown_rows import NewCooldown, write_cooldowns
from proxyapp.pool.learned_limits import Learned
from proxyapp.pool.learned_rows import forget_learned
from proxyapp.quota.limit_book import LimitBook
from tests.support.pool_data import NOW, add_group, add_key, pool_version, use
from tests.support.pool_follower import Follower, picture, whole

pytestmark = pytest.mark.django_db(transaction=True)
LATER = NOW + timedelta(seconds=1)
FLASH, DAY, MINUTE = "gemini-2.5-flash", "requests_per_day", "requests_per_minute"


def cooldown(key: ApiKey, *learned: Learned) -> NewCooldown:
    until = NOW + timedelta(minutes=1)
    return NewCooldown(
        key.pk, FLASH, "minute", 429, NOW, until, "", project=key.project, learned=learned
    )


def said(owner: str, number: int, meter: str = DAY, at=NOW) -> Learned:
    return Learned(owner, FLASH, meter, number, "PerDay", at)


def numbers(follower: Follower, key: ApiKey, at=NOW) -> list[tuple[int, str]]:
    limits = LimitBook(follower.snapshot, at).of(follower.snapshot.keys[key.pk], FLASH)
    return [(limit.number, limit.source) for limit in limits]


def test_every_process_reads_what_one_has_learned_without_a_reload() -> None:
    key = add_key(add_group("main", rate_limit_policy="quota_aware"), "k", project="alpha")
    write_cooldowns([cooldown(key)])
    follower = Follower(now=LATER)
    assert numbers(follower, key) == []

    write_cooldowns([cooldown(key, said("project:alpha", 250))])
    follower.refresh()

    assert numbers(follower, key) == [(250, f"learned {NOW.date()}")]
    write_cooldowns([cooldown(key, said("project:alpha", 100))])
    follower.refresh()
    assert numbers(follower, key) == [(100, f"learned {NOW.date()}")]
    assert (follower.reloads, follower.takes) == (1, 2)
    assert picture(follower) == picture(whole(follower))


def test_what_no_refusal_has_named_for_long_is_tried_again() -> None:
    key = add_key(add_group("main", rate_limit_policy="quota_aware"), "k", project="alpha")
    write_cooldowns([cooldown(key, said("project:alpha", 250))])
    follower = Follower(now=LATER)
    day, source = NOW.date(), f"learned {NOW.date()}"

    assert numbers(follower, key, NOW + timedelta(days=6)) == [(250, source)]
    assert numbers(follower, key, NOW + timedelta(days=8)) == [(500, f"learned {day}, then 250")]
    assert numbers(follower, key, NOW + timedelta(days=15)) == [(1000, f"learned {day}, then 250")]
    assert numbers(follower, key, NOW - timedelta(days=15)) == [(250, source)]


def test_it_is_forgotten_when_more_was_answered_and_after_thirty_days() -> None:
    key = add_key(add_group("main", rate_limit_policy="quota_aware"), "k")
    owner = f"key:{key.pk}"
    write_cooldowns([cooldown(key, said(owner, 250), said(owner, 10, MINUTE))])
    follower = Follower(now=LATER)
    assert len(numbers(follower, key)) == 2

    assert forget_learned(owner, FLASH, DAY)
    assert not forget_learned(owner, FLASH, DAY)
    follower.refresh()
    assert numbers(follower, key) == [(10, f"learned {NOW.date()}")]

    prune_batch(NOW + timedelta(days=29))
    assert LearnedLimit.objects.exists()
    before = pool_version()
    prune_batch(NOW + timedelta(days=31))
    assert not LearnedLimit.objects.exists()
    assert pool_version() > before
    follower.refresh()
    assert numbers(follower, key) == []
    assert follower.reloads == 1


@pytest.mark.parametrize(
    ("meter", "number", "is_taken"),
    [(DAY, 99, False), (DAY, 100, True), (MINUTE, 1, False), (MINUTE, 2, True)],
)
def test_a_limit_below_what_was_answered_is_not_taken(meter: str, number, is_taken) -> None:
    """It is 12 minutes before the hour: of one a minute no more than 50 were answered."""
    key = add_key(add_group("main", rate_limit_policy="quota_aware"), "k", project="alpha")
    use(key, NOW, FLASH, requests=150, succeeded=100, rate_limited=50)

    write_cooldowns([cooldown(key, said("project:alpha", number, meter))])

    assert LearnedLimit.objects.exists() is is_taken


def test_what_is_repeated_is_no_news() -> None:
    key = add_key(add_group("main", rate_limit_policy="quota_aware"), "k", project="alpha")
    write_cooldowns([cooldown(key, said("project:alpha", 250))])
    known = Follower(now=LATER).snapshot.learned

    assert not known.is_news(said("project:alpha", 250, at=NOW + timedelta(hours=1)))
    assert known.is_news(said("project:alpha", 250, at=NOW + timedelta(hours=13)))
    assert known.is_news(said("project:alpha", 100))
    assert known.is_news(said("project:beta", 250))


def test_the_spool_keeps_it_where_an_older_gateway_does_not_look() -> None:
    key = add_key(add_group("main", rate_limit_policy="quota_aware"), "k", project="alpha")
    kept = cooldown(key, said("project:alpha", 250))

    record = cooldowns_record([cooldown(key), kept])

    assert all("learned" not in row for row in record["cooldowns"])
    (read,), senseless = decoded_record([encoded_record(1, record)])
    assert senseless == []
    assert [limit for each in read.cooldowns for limit in each.learned] == list(kept.learned)
    assert "learned" not in cooldowns_record([cooldown(key)])


def test_a_key_that_is_gone_teaches_nothing() -> None:
    key = add_key(add_group("main", rate_limit_policy="quota_aware"), "k")
    gone = cooldown(key, said(f"key:{key.pk}", 250))
    key.delete()

    write_cooldowns([gone])

    assert not LearnedLimit.objects.exists()
