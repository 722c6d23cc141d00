"""A command that is forked from a process with Django set up finds what a fresh one finds."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support import forked_process
from tests.support.fork_server import Job
from tests.support.preloaded import WITH_DJANGO

ROOT = Path(__file__).resolve().parents[2]
PROBE = """
import asyncio, json, logging, os, sys, threading, time
before = list(sys.modules)
from django.conf import settings
from django.db import connections
from gateway import setting_table, settings as ours
from gateway.start_environment import GIVEN
from proxyapp.process import launch
def own(variables):  # LC_CTYPE is Python's
    return {name: value for name, value in variables.items() if name != "LC_CTYPE"}
def stale(value):
    name = getattr(value, "__name__", "")
    return name in ("gateway.settings", "gateway.setting_table") and value not in (
        ours, setting_table)
seen = {
    "settings": {name: getattr(settings, name) for name in dir(settings) if name.isupper()},
    "database": connections["default"].settings_dict["NAME"],
    "zone": time.tzname,
    "level": logging.getLogger().level,
    "given": own(GIVEN),
    "is given once": launch.GIVEN is GIVEN,
    "environment": own(os.environ),
    "threads": threading.active_count(),
    "loop": asyncio.get_event_loop_policy()._local._loop,
    "reactor": "twisted.internet.reactor" in sys.modules,
    "stale": [name for name, module in list(sys.modules.items())
              if name.startswith(("gateway.", "proxyapp."))
              and any(map(stale, list(vars(module).values())))],
}
kind = lambda value: type(value).__name__
print(json.dumps([seen, "proxyapp.process.serving" in before], default=kind))
"""
COMMAND = ["manage.py", "shell", "--no-imports", "-c", PROBE]


def environment(directory: Path) -> dict[str, str]:
    """With settings that Django, the gateway and the log read."""
    file = directory / "own.env"
    file.write_text("QUEUE_SECONDS=7\n")
    return {
        "PATH": os.environ["PATH"],
        "GATEWAY_PURE": os.environ.get("GATEWAY_PURE", ""),
        "ENV_FILE": str(file),
        "VAR_DIR": str(directory),
        "DATABASE_URL": f"sqlite:///{directory / 'own.sqlite3'}",
        "SECRET_KEY": "of-this-test-only-" * 4,
        "TZ": "Europe/Berlin",
        "PATH_PREFIX": "/below",
        "LOG_LEVEL": "error",
    }


def seen_by(done: "subprocess.CompletedProcess[str]") -> tuple[dict[str, Any], bool]:
    """What the probe saw, and whether it found what only `serve` imports."""
    assert done.returncode == 0, done.stderr
    seen, was_prepared = json.loads(done.stdout)
    return seen, was_prepared


def test_a_command_has_the_settings_of_its_own_environment_and_keeps_no_other_ones(
    tmp_path: Path,
) -> None:
    own = environment(tmp_path)
    afresh = subprocess.run(
        [sys.executable, *COMMAND], cwd=ROOT, env=own, capture_output=True, text=True, check=False
    )

    forked, was_prepared = seen_by(forked_process.run(COMMAND, cwd=ROOT, env=own, timeout=60))

    assert was_prepared
    assert seen_by(afresh) == (forked, False)
    assert forked["stale"] == []
    assert forked["given"] == own
    assert (forked["settings"]["PATH_PREFIX"], forked["settings"]["QUEUE_SECONDS"]) == ("/below", 7)


def test_only_a_command_with_the_gateways_own_settings_is_forked_from_there() -> None:
    pure = {"GATEWAY_PURE": os.environ.get("GATEWAY_PURE", "")}
    jobs = {
        "a command": Job(["manage.py", "check"], pure, str(ROOT)),
        "named settings": Job(
            ["manage.py", "check"],
            {**pure, "DJANGO_SETTINGS_MODULE": "gateway.settings"},
            str(ROOT),
        ),
        "of another place": Job([str(ROOT / "manage.py"), "check"], pure, "/"),
        "another program": Job(["-m", "tests.support.pick_process"], pure, str(ROOT)),
        "other settings": Job(
            ["manage.py", "check"], {**pure, "DJANGO_SETTINGS_MODULE": "own"}, str(ROOT)
        ),
        "another checkout": Job(["manage.py", "check"], pure, "/"),
    }

    prepared = {
        name
        for name, job in jobs.items()
        if set(forked_process.modules_for(job)) >= set(WITH_DJANGO)
    }

    assert prepared == {"a command", "named settings", "of another place"}
