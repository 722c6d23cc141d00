"""Processes of one run tell each other what they counted, also those that died."""

import json
import os
from pathlib import Path

import pytest

from proxyapp.metrics.counts import REQUESTS, Counts
from proxyapp.metrics.shared_files import SharedFiles, Telling


def some(count: float) -> Counts:
    return {REQUESTS: {("main", "flash", "ok"): [count]}}


def opened(folder: Path, run: str = "17-abc") -> SharedFiles:
    files = SharedFiles(folder, run)
    files.open()
    return files


def test_each_reads_the_others(tmp_path: Path):
    first, second = opened(tmp_path), opened(tmp_path)
    second.write(Telling(some(3), {"in_flight": 2}))

    assert first.read_others() == ([Telling(some(3), {"in_flight": 2})], 1)
    assert second.read_others() == ([], 1)


def test_what_the_dead_counted_stays_and_is_taken_over_once(tmp_path: Path):
    first, dead = opened(tmp_path), opened(tmp_path)
    dead.write(Telling(some(3), {"in_flight": 2}))
    dead.close()

    assert first.read_others() == ([Telling(some(3), {})], 0), "nothing of it is under way"

    successor = SharedFiles(tmp_path, "17-abc")
    assert successor.open() == some(3)
    assert first.read_others() == ([Telling(some(3), {})], 1), "counted once"
    assert opened(tmp_path).open() == {}, "the successor lives"


def test_another_run_begins_with_none_and_removes_what_is_over(tmp_path: Path):
    over = opened(tmp_path)
    over.write(Telling(some(3), {}))

    assert SharedFiles(tmp_path, "18-def").open() == {}
    assert list(tmp_path.glob("metrics.17-abc.*")), "it lives"
    over.close()
    assert opened(tmp_path, run="").read_others() == ([], 0)
    assert not list(tmp_path.glob("metrics.17-abc.*"))


def test_a_name_of_a_run_leads_nowhere_else(tmp_path: Path):
    (folder := tmp_path / "var").mkdir()
    opened(folder, "../elsewhere")

    assert [path.name for path in tmp_path.iterdir()] == ["var"]


def test_the_files_are_their_owners_alone_whatever_the_umask(tmp_path: Path):
    before = os.umask(0)
    try:
        opened(tmp_path).write(Telling(some(3), {}))
    finally:
        os.umask(before)

    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    (file,) = tmp_path.glob("*.json")
    assert json.loads(file.read_text())[0] == {REQUESTS: [[["main", "flash", "ok"], [3]]]}


@pytest.mark.parametrize("damaged", ["", "[[", "[1]", "[{}, 3]", '[{"requests": [[1]]}, {}]'])
def test_a_damaged_file_is_left_out(tmp_path: Path, damaged: str):
    first = opened(tmp_path)
    (tmp_path / "metrics.17-abc.1-a.json").write_text(damaged)

    assert first.read_others() == ([], 0)


def test_a_disk_that_takes_nothing_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    (tmp_path / "metrics").write_text("a file")
    files = opened(tmp_path / "metrics")
    files.write(Telling(some(3), {}))

    assert files.read_others() == ([], 0)
    assert caplog.text.count("Metrics cannot be kept") == 1
    files.close()
