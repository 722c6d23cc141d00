"""The first process of a container has the orphans, and leaves its own children to who waits."""

import subprocess
import sys

import pytest

from tests.support import container as image
from tests.support.gateway import ROOT

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(bool(image.trouble()), reason=image.trouble() or "it can be run"),
]

SECONDS = 60
# With an orphan, whose parent says its number, and a child of its own that ends badly.
FIRST = """
import os, subprocess, sys, time
from proxyapp.process import first_process
first_process.LOOK_SECONDS = 0.2
first_process.reap_orphans()
own = subprocess.Popen(["sh", "-c", "exit 7"])
code = own.wait()
said = subprocess.run(["sh", "-c", "sleep 0 & echo $!"], stdout=subprocess.PIPE).stdout
while os.path.exists(f"/proc/{int(said)}"):
    time.sleep(0.02)
print(os.getpid(), code)
"""


def test_an_orphan_that_has_ended_is_waited_for() -> None:
    done = subprocess.run(
        ["unshare", "-m", "-p", "-f", "--kill-child", "--mount-proc", sys.executable, "-c", FIRST],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )

    assert (done.stdout, done.stderr) == ("1 7\n", "")
