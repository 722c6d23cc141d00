"""What waits on disk comes to the database once, whatever breaks meanwhile."""

import errno
import json
import logging
import os
from dataclasses import astuple, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from proxyapp.ledger import replay
from proxyapp.ledger.replay import write_batch
from proxyapp.ledger.spool import Segment, Spool, count_lines, left_behind, unreadable
from proxyapp.ledger.spool_marks import Mark, once
from proxyapp.ledger.spool_records import (
    Record,
    cooldowns_record,
    decoded_record,
    encoded_record,
    usage_record,
)
from proxyapp.ledger.usage import AttemptOutcome, ClientAnswers, UsagePlace, UsageTally
from proxyapp.ledger.usage_rows import write_usage
from proxyapp.models import ApiKey, HourlyUsage, RateLimitEvent, Resource
from proxyapp.pool.cooldown_rows import NewCooldown
from proxyapp.provider.llm_tokens import LlmTokens
from proxyapp.resources.known import ResourceChange, forgotten
from proxyapp.resources.spooled import resources_record, spooled_resources
from tests.support.pool_data import NOW, add_group, add_key
from tests.support.resources import known

SECONDS = NOW.timestamp()
HOUR, MINUTE = int(SECONDS) // 3600, int(SECONDS) // 60


@pytest.fixture
def key(db: None) -> ApiKey:
    return add_key(add_group(), "one")


def tally(key_id: int, outcome: AttemptOutcome = AttemptOutcome.SUCCEEDED) -> UsageTally:
    counted = UsageTally()
    counted.count(key_id, "m", outcome, SECONDS, LlmTokens(3, 5))
    return counted


def cooldown(key_id: int, kind: str = "daily") -> NewCooldown:
    return NewCooldown(key_id, "", kind, 429, NOW, NOW + timedelta(hours=1), "text")


def keep(spool: Spool, record: dict[str, object]) -> Mark:
    mark = spool.next_mark()
    spool.keep(mark, record)
    return mark


def records(segment: Segment | None) -> list[Record]:
    assert segment
    found, senseless = decoded_record(segment.lines())
    assert senseless == []
    return found


def requests() -> int:
    return sum(HourlyUsage.objects.values_list("requests", flat=True))


# On disk.


def test_what_was_kept_is_read_back_as_it_was(tmp_path: Path):
    spool = Spool(tmp_path / "spool", "usage")
    keep(spool, usage_record(tally(1)))
    keep(spool, usage_record(tally(1, AttemptOutcome.RATE_LIMITED)))
    keep(spool, cooldowns_record([cooldown(1)]))

    segment = spool.oldest()
    first, second, third = records(segment)

    assert third.cooldowns == [cooldown(1)]
    assert (
        first.tally.counts[UsagePlace(1, "m", HOUR)].succeeded
        == second.tally.counts[UsagePlace(1, "m", HOUR)].rate_limited
    )
    assert first.tally.last_used == {1: SECONDS}
    assert [record.number for record in (first, second, third)] == [1, 2, 3]
    assert segment
    spool.done(segment, [])
    assert list((tmp_path / "spool").iterdir()) == []
    assert not spool.is_waiting


def test_minutes_come_back_as_they_were(tmp_path: Path):
    spool = Spool(tmp_path, "usage")
    counted = tally(1)
    counted.count_answer(200, 0.02, SECONDS)
    counted.count_answer(200, 0.3, SECONDS)
    keep(spool, usage_record(counted))

    (record,) = records(spool.oldest())

    assert record.tally.minutes[MINUTE].attempts.prompt_tokens == 3
    assert record.tally.minutes[MINUTE].answers == ClientAnswers(
        answered=2, answered_well=2, latency=[1, 0, 0, 0, 1] + [0] * 11
    )


def with_parts() -> UsageTally:
    counted = tally(1)
    used = LlmTokens(3, cached=2, thoughts=4, tool_use=1)
    counted.count(1, "m", AttemptOutcome.SUCCEEDED, SECONDS, used, 40)
    counted.count(1, "m", AttemptOutcome.SUCCEEDED, SECONDS, LlmTokens(3), None)
    counted.clients.count_llm_tokens(7, "m", 3, 5, SECONDS, cached=2, thoughts=4, tool_use=1)
    counted.clients.count_llm_tokens(8, "m", 3, 5, SECONDS)
    counted.clients.count_not_allowed(8, "m", SECONDS)
    return counted


def test_the_parts_of_llm_tokens_come_back_as_they_were(tmp_path: Path):
    spool, counted = Spool(tmp_path, "usage"), with_parts()
    keep(spool, usage_record(counted))

    (record,) = records(spool.oldest())

    assert record.tally.counts == counted.counts
    assert record.tally.minutes == counted.minutes
    assert record.tally.clients.counts == counted.clients.counts
    assert record.tally.counts[UsagePlace(1, "m", HOUR)].thought_tokens == 4


def test_an_older_gateway_reads_what_this_one_wrote_but_for_the_parts():
    """It takes the counts by these names, and refuses a line with others."""
    attempts = {
        *("requests", "succeeded", "rate_limited", "client_errors", "upstream_errors"),
        *("cancelled", "prompt_tokens", "output_tokens"),
    }
    of_clients = {"requests", "succeeded", "refused", "prompt_tokens", "output_tokens"}
    record = json.loads(encoded_record(1, usage_record(with_parts())))

    ((_, _, _, counts),) = record["usage"]
    ((_, minute),) = record["minutes"]
    assert counts.keys() == minute["attempts"].keys() == attempts
    assert [counts.keys() for *_, counts in record["clients"]] == [of_clients] * 2


def test_an_older_gateway_reads_a_cooldown_of_which_this_one_knows_the_request():
    """It takes no field of a cooldown that it does not know."""
    refused = [cooldown(1), replace(cooldown(2), request_id="an-id")]
    line = encoded_record(1, cooldowns_record(refused))

    assert all("request_id" not in row for row in json.loads(line)["cooldowns"])
    ((record,), _) = decoded_record([line])
    assert record.cooldowns == refused


def test_resources_come_back_as_they_were(tmp_path: Path):
    changes = [
        ResourceChange(known("files/a", 7, project="p", key_hash="h"), 5.5),
        forgotten("files/b", 2, 6.5),
    ]
    spool = Spool(tmp_path / "spool", "resources")

    keep(spool, resources_record(changes))

    (record,) = records(spool.oldest())
    assert (record.resources, bool(record.tally)) == (changes, False)


def test_an_older_gateway_reads_what_it_knows_of_a_resource_and_its_records_are_read():
    resource = known("files/a", 7, project="p", key_hash="h")
    record = resources_record([ResourceChange(resource, 5.5)])
    of_older = [*astuple(resource)[:7], 5.5]

    assert record["resources"][0][:8] == of_older
    assert spooled_resources({"resources": [of_older]}) == [
        ResourceChange(replace(resource, key_hash=""), 5.5)
    ]


def test_what_a_newer_gateway_knows_more_of_a_resource_is_passed_over():
    record = resources_record([ResourceChange(known(), 5.5)])
    record["resources"][0].append("more")

    ((found,), senseless) = decoded_record([encoded_record(1, record)])

    assert ([change.at for change in found.resources], senseless) == ([5.5], [])


@pytest.mark.parametrize(
    "damage",
    [
        {0: 7},
        {0: "files/a\n"},
        {1: "1"},
        {1: 2**70},
        {2: None},
        {4: -1},
        {6: "soon"},
        {6: float("nan")},
        {7: 1e300},
    ],
)
def test_a_damaged_resource_makes_no_sense_and_stops_nothing(damage: dict[int, object]):
    record = resources_record([ResourceChange(known(), 5.5)])
    for place, value in damage.items():
        record["resources"][0][place] = value
    line = encoded_record(1, record)

    assert decoded_record([line]) == ([], [line])


def test_a_resource_that_the_database_refuses_does_not_stop_the_others(db):
    bad = known("files/bad", group_id=None)  # what the spool gives back is checked before
    batch = [
        Record(b"bad\n", 1, resources=[ResourceChange(bad, 1.0)]),
        Record(b"good\n", 2, resources=[ResourceChange(known("files/good"), 1.0)]),
    ]

    assert write_batch("file", batch) == (None, [b"bad\n"])
    assert Resource.objects.get().name == "files/good"


def test_a_file_of_before_there_were_minutes_and_numbers_is_read(tmp_path: Path):
    counts = {
        "requests": 2,
        "succeeded": 2,
        "rate_limited": 0,
        "client_errors": 0,
        "upstream_errors": 0,
    }
    counts |= {"cancelled": 0, "prompt_tokens": 6, "output_tokens": 10}
    line = json.dumps({"usage": [[1, "m", HOUR, counts]], "last_used": [[1, SECONDS]]}) + "\n"
    tmp_path.joinpath("1-dead.jsonl").write_text(2 * line)

    (segment,) = left_behind(tmp_path)

    assert [
        (record.number, record.tally.counts[UsagePlace(1, "m", HOUR)].requests)
        for record in records(segment)
    ] == [
        (1, 2),
        (2, 2),
    ]


def test_what_comes_while_the_first_file_is_written_goes_to_the_next(tmp_path: Path):
    spool = Spool(tmp_path, "usage")
    first = keep(spool, usage_record(tally(1)))
    segment = spool.oldest()
    second = keep(spool, usage_record(tally(2)))

    assert spool.oldest() is segment
    assert [record.number for record in records(segment)] == [first.number]
    assert segment
    spool.done(segment, [])
    assert [record.number for record in records(spool.oldest())] == [second.number]
    assert first.name != second.name


def test_a_living_process_keeps_its_file(tmp_path: Path):
    keep(living := Spool(tmp_path, "usage"), usage_record(tally(1)))

    assert list(left_behind(tmp_path)) == []
    assert living.is_waiting
    assert count_lines(tmp_path) == 1


def test_processes_of_one_number_have_names_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """As in containers. The database takes two files of one name for one."""
    monkeypatch.setattr("os.getpid", lambda: 7)
    drawn = {Spool(tmp_path, "usage").stem.split("-")[1] for _ in range(2)}

    assert len(drawn) == 2
    assert min(map(len, drawn)) == 64 / 4


def test_a_line_that_a_crash_cut_off_is_left_out(tmp_path: Path):
    tmp_path.joinpath("1-dead.jsonl").write_text('{"usage": [], "last_used": [[1, 5.0]]}\n{"cooldo')

    (segment,) = left_behind(tmp_path)

    assert [record.tally.last_used for record in records(segment)] == [{1: 5.0}]


def test_files_are_for_the_gateway_only(tmp_path: Path):
    spool = Spool(tmp_path / "spool", "usage")
    keep(spool, usage_record(tally(1)))

    (path,) = (tmp_path / "spool").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_full_disk_leaves_no_half_a_line_and_what_waits_in_memory_is_saved_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    spool = Spool(tmp_path, "usage")
    keep(spool, usage_record(tally(1)))
    write = os.write
    with monkeypatch.context() as full:

        def take_a_part(descriptor: int, data: bytes) -> int:
            if len(data) < 50:
                raise OSError(errno.ENOSPC, "No space left on device")
            return write(descriptor, data[:40])

        full.setattr(os, "write", take_a_part)
        keep(spool, usage_record(tally(2)))
        keep(spool, usage_record(tally(3)))
        assert (spool.problem, spool.in_memory) == ("No space left on device", 2)
        assert count_lines(tmp_path) == 1

    spool.save()

    assert (spool.problem, spool.in_memory) == ("", 0)
    assert [record.number for record in records(spool.oldest())] == [1, 2, 3]
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.WARNING], (
        "said once"
    )


def test_what_waits_in_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("proxyapp.ledger.spool.MOST_IN_MEMORY", 3)
    tmp_path.joinpath("file").write_text("")
    spool = Spool(tmp_path / "file", "usage")

    for _ in range(5):
        keep(spool, {"last_used": []})

    assert spool.in_memory == 3
    assert [record.number for record in records(spool.oldest())] == [3, 4, 5]


def test_lines_that_make_no_sense_are_kept_and_named(tmp_path: Path):
    good = b'{"n": 2, "usage": [], "last_used": [[1, 5.0]]}\n'
    tmp_path.joinpath("1-dead.jsonl").write_bytes(
        b"\xff\x00\n" + good + b'{"cooldowns": [{"no": 1}]}\n[]\n'
    )

    (segment,) = left_behind(tmp_path)
    found, senseless = decoded_record(segment.lines())
    segment.remove(senseless)

    assert [record.tally.last_used for record in found] == [{1: 5.0}]
    assert unreadable(tmp_path) == ["1-dead-kept.bad"]
    assert (
        tmp_path / "1-dead-kept.bad"
    ).read_bytes() == b'\xff\x00\n{"cooldowns": [{"no": 1}]}\n[]\n'


# To the database.


def test_a_batch_that_is_written_again_counts_once(key: ApiKey):
    """As after a crash between the commit and the removal of the file."""
    batch = [Record(b"", 1, [cooldown(key.pk)], tally(key.pk)), Record(b"", 2, [], tally(key.pk))]

    write_batch("file", batch)
    write_batch("file", batch)
    write_batch("file", [*batch, Record(b"", 3, [cooldown(key.pk)], tally(key.pk))])

    assert requests() == 3
    assert RateLimitEvent.objects.count() == 2


def test_what_the_database_did_although_we_gave_up_waiting_counts_once(key: ApiKey, tmp_path: Path):
    spool = Spool(tmp_path, "usage")
    mark = spool.next_mark()
    once(mark, lambda: write_usage(tally(key.pk)))
    spool.keep(mark, usage_record(tally(key.pk)))
    segment = spool.oldest()
    assert segment

    write_batch(segment.name, records(segment))

    assert requests() == 1


def test_work_is_not_done_after_its_record_came_by_the_spool(key: ApiKey, tmp_path: Path):
    """A server that wakes up late."""
    spool = Spool(tmp_path, "usage")
    mark = keep(spool, usage_record(tally(key.pk)))
    segment = spool.oldest()
    assert segment
    write_batch(segment.name, records(segment))

    once(mark, lambda: write_usage(tally(key.pk)))

    assert requests() == 1


def test_a_record_that_the_database_refuses_does_not_stop_the_others(key: ApiKey):
    ends_too_early = NewCooldown(
        key.pk, "", "daily", 429, NOW, datetime(2020, 1, 1, tzinfo=UTC), "text"
    )
    refused = Record(b"refused", 2, [ends_too_early], UsageTally())
    batch = [Record(b"", 1, [], tally(key.pk)), refused, Record(b"", 3, [], tally(key.pk))]

    version, bad = write_batch("file", batch)

    assert (version, bad) == (None, [b"refused"])
    assert requests() == 2


def test_batches_are_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(replay, "BATCH_RECORDS", 2)
    found = list(replay.record_batches([Record(b"", number) for number in range(5)]))

    assert [len(batch) for batch in found] == [2, 2, 1]


def test_a_batch_of_much_usage_has_fewer_records(
    key: ApiKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "BATCH_COUNTS", 2)
    large = UsageTally()
    for number in range(3):
        large.count(number, "m", AttemptOutcome.SUCCEEDED, 1.0)
    tallies = [tally(key.pk), tally(key.pk), tally(key.pk), large, tally(key.pk)]

    found = list(
        replay.record_batches(
            [Record(b"", number, [], each) for number, each in enumerate(tallies)]
        )
    )

    assert [[record.number for record in batch] for batch in found] == [[0, 1], [2], [3], [4]]
