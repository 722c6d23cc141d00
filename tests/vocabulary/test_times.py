"""What people read is in the operator's zone, and says which."""

import logging
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from proxyapp.vocabulary.log_masking import MaskingFormatter
from proxyapp.vocabulary.times import local_text
from tests.support.gateway import ROOT

MOMENT = datetime(2026, 1, 2, 23, 30, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("", "2026-01-02 23:30 UTC"),
        ("UTC", "2026-01-02 23:30 UTC"),
        ("Europe/Berlin", "2026-01-03 00:30+01:00"),
        (":America/St_Johns", "2026-01-02 20:00-03:30"),
    ],
)
def test_a_moment_is_told_in_the_zone_of_tz(settings: Any, zone: str, text: str) -> None:
    settings.TZ = zone

    assert local_text(MOMENT) == text


def test_a_line_of_the_log_carries_its_zone() -> None:
    record = logging.LogRecord("gateway", logging.INFO, "", 1, "said", None, None)
    record.created = MOMENT.timestamp()

    lines = [
        MaskingFormatter("%(asctime)s %(message)s", time_zone=zone).format(record)
        for zone in ("", "Asia/Tokyo")
    ]

    assert lines == ["2026-01-02 23:30:15.000+00:00 said", "2026-01-03 08:30:15.000+09:00 said"]


def check(tmp_path: Path, tz: str) -> "subprocess.CompletedProcess[str]":
    code = "import logging, django; django.setup(); logging.warning('said')"
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "ENV_FILE": os.devnull,
            "VAR_DIR": str(tmp_path / "var"),
            "DJANGO_SETTINGS_MODULE": "gateway.settings",
            "TZ": tz,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_operators_zone_counts_although_django_works_in_utc(tmp_path: Path) -> None:
    done = check(tmp_path, "Asia/Tokyo")

    assert re.match(r"\S+ \S+\+09:00 WARNING root: said\n", done.stderr), done.stderr


@pytest.mark.parametrize("tz", ["Europe/Berln", "/no/such/file", "../../etc/passwd"])
def test_a_zone_that_there_is_not_is_said_and_not_taken_for_utc(tmp_path: Path, tz: str) -> None:
    done = check(tmp_path, tz)

    assert done.returncode != 0
    assert f"TZ={tz!r} is no" in done.stderr
