"""Four nodes in network namespaces, with nginx in front of them: what `python -m bench.nodes` does
with them, and that it harms nobody.
"""

import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.support.gateway import ROOT
from tests.support.reliability_figures import note

NODES = 4
# A change arrives within a second; the machine of the tests may be three times as busy.
MOST_MS = 3000

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(
        os.geteuid() != 0 or shutil.which("ip") is None,
        reason="needs root, and ip of iproute2, to make network namespaces",
    ),
]


def said(line: str, text: str) -> list[int]:
    found = re.search(line, text)
    assert found, text
    return [int(number.replace(",", "")) for number in found.groups()]


def test_one_of_them_may_be_cut_off_or_die_and_no_other_request_fails() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.nodes", str(NODES)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    text = done.stdout

    assert done.returncode == 0, done.stderr
    assert said(r"^4 nodes start .*\n(\d+) requests, (\d+) failed", text)[1] == 0
    assert said(r"within (\d+) of each other", text)[0] <= NODES
    assert said(r"heard of on all ([\d,]+) ms", text)[0] < MOST_MS
    assert said(r"cut off from the database: \d+ requests, (\d+) failed", text) == [0]
    assert said(r"it has spooled (\d+) records", text)[0] > 0
    assert "all is counted, once" in text
    assert said(r"is killed: .*, (\d+) of them not under way", text) == [0]
    note(text)
