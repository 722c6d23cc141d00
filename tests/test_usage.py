"""Counters: in memory, in the spool and in the database they are the same numbers."""

from datetime import UTC, datetime

import pytest

from proxyapp.events import Cooldown, write_cooldowns
from proxyapp.models import ApiKey, Group, HourlyUsage, RateLimitEvent, RotationCursor
from proxyapp.spool import Spool
from proxyapp.usage import Outcome, Place, Tally, write_usage

NOW = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
SECONDS = NOW.timestamp()


@pytest.fixture
def key(db) -> ApiKey:
    made = ApiKey(group=Group.objects.create(name="g"))
    made.set_secret("SECRET-SECRET-SECRET")
    made.save()
    return made


def tally(*counts: tuple[int, str, Outcome]) -> Tally:
    made = Tally()
    for key_id, model, outcome in counts:
        made.count(key_id, model, outcome, SECONDS, prompt_tokens=3, output_tokens=5)
    return made


def cooldown(key_id: int, **fields) -> Cooldown:
    until = datetime(2026, 11, 24, 7, tzinfo=UTC)
    known = {"model": "", "kind": "daily", "http_status": 429, "occurred_at": NOW, "until": until, "excerpt": "…"}
    return Cooldown(key_id=key_id, **{**known, **fields})


def test_every_outcome_has_its_column():
    counted = tally(*((1, "m", outcome) for outcome in Outcome)).counts[Place(1, "m", int(SECONDS) // 3600)]

    assert counted.requests == len(Outcome)
    assert [getattr(counted, outcome) for outcome in Outcome] == [1] * len(Outcome)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.SUCCEEDED),
        (304, Outcome.SUCCEEDED),
        (400, Outcome.CLIENT_ERROR),
        (429, Outcome.RATE_LIMITED),
        (503, Outcome.UPSTREAM_ERROR),
    ],
)
def test_a_status_tells_the_outcome(status, outcome):
    assert Outcome.of_status(status) is outcome


def test_counts_are_added_to_the_row_of_their_hour(key):
    write_usage(tally((key.pk, "m", Outcome.SUCCEEDED), (key.pk, "m", Outcome.RATE_LIMITED)))
    write_usage(tally((key.pk, "m", Outcome.SUCCEEDED), (key.pk, "", Outcome.CANCELLED)))

    row = HourlyUsage.objects.get(model="m")
    assert (row.hour, row.requests, row.succeeded, row.rate_limited) == (NOW.replace(minute=0), 3, 2, 1)
    assert (row.prompt_tokens, row.output_tokens) == (9, 15)
    assert HourlyUsage.objects.get(model="").cancelled == 1
    key.refresh_from_db()
    assert key.last_used_at == NOW


def test_what_belongs_to_a_deleted_key_is_left_out(key):
    write_usage(tally((key.pk, "m", Outcome.SUCCEEDED), (key.pk + 1, "m", Outcome.SUCCEEDED)))
    version = write_cooldowns([cooldown(key.pk), cooldown(key.pk + 1)])

    assert HourlyUsage.objects.count() == RateLimitEvent.objects.count() == 1
    assert version == RotationCursor.objects.get(ring="").pool_version == 1


def test_what_was_spooled_is_read_back_once(tmp_path):
    spool = Spool(tmp_path / "spool")
    spool.add_usage(tally((1, "m", Outcome.SUCCEEDED)))
    spool.add_usage(tally((1, "m", Outcome.RATE_LIMITED)))
    spool.add_cooldowns([cooldown(1)])

    (spooled,) = list(spool.take())
    cooldowns, counted = spooled.read()
    spooled.remove()

    assert cooldowns == [cooldown(1)]
    assert counted.counts[Place(1, "m", int(SECONDS) // 3600)].requests == 2
    assert counted.last_used == {1: SECONDS}
    assert list(spool.take()) == []
    assert list((tmp_path / "spool").iterdir()) == []


def test_a_file_that_could_not_be_written_yet_is_tried_again(tmp_path):
    spool = Spool(tmp_path)
    spool.add_cooldowns([cooldown(1)])
    for spooled in spool.take():
        spooled.keep()
    spool.add_cooldowns([cooldown(2)])

    found = [cooldown.key_id for spooled in spool.take() for cooldown in spooled.read()[0]]

    assert found == [1, 2]


def test_a_living_process_keeps_its_file(tmp_path):
    living, other = Spool(tmp_path), Spool(tmp_path)
    living.add_cooldowns([cooldown(1)])

    assert list(other.take()) == []


def test_a_line_that_a_crash_cut_off_is_left_out(tmp_path):
    tmp_path.joinpath("1-dead.jsonl").write_text('{"usage": [], "last_used": [[1, 5.0]]}\n{"cooldo')

    (spooled,) = list(Spool(tmp_path).take())

    assert spooled.read()[1].last_used == {1: 5.0}


def test_spool_files_are_for_the_gateway_only(tmp_path):
    spool = Spool(tmp_path / "spool")
    spool.add_cooldowns([cooldown(1)])

    (path,) = (tmp_path / "spool").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
