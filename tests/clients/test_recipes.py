"""The recipes of docs/CLIENTS.md for what belongs to a key run as they stand there."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.running import CLIENTS_HOME
from tests.clients.table import GATEWAY
from tests.conftest import MakeGateway
from tests.support.fake_upstream import FakeUpstream
from tests.support.rooms import ROOT

pytestmark = pytest.mark.clients

KEYS = ["KEY-A", "KEY-B", "KEY-C"]
SECTION = (ROOT / "docs/CLIENTS.md").read_text().partition("\n## Files, caches, batches\n")[2]
RECIPES = re.findall(r"^```(python|sh)\n(.*?)^```$", SECTION.partition("\n## ")[0], re.M | re.S)
SAYS = {
    "upload(": r"one two three\n\['files/\w+'\]\n",
    "curl": r'(?s)\{\s+"file": \{.*"displayName": "notes".*"sizeBytes": "9"',
    "caches.create(": r"one two three\nJobState.JOB_STATE_SUCCEEDED\n",
}


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream(keys=KEYS) as google:
        yield google


@pytest.mark.parametrize(("language", "recipe"), RECIPES, ids=["files", "curl", "caches"])
def test_a_recipe_works_as_it_stands(
    language: str,
    recipe: str,
    make_gateway: MakeGateway,
    upstream: FakeUpstream,
    tmp_path: Path,
) -> None:
    gateway = make_gateway(KEYS)
    (tmp_path / "notes.txt").write_text("The notes")
    python = str(CLIENTS_HOME / "python" / "bin" / "python")
    program = [python, "-c"] if language == "python" else ["bash", "-ec"]

    done = subprocess.run(
        [*program, recipe.replace(GATEWAY, gateway.url)],
        cwd=tmp_path,
        env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    [expected] = [says for part, says in SAYS.items() if part in recipe]
    assert done.returncode == 0, done.stderr
    assert re.match(expected, done.stdout)
    assert upstream.resources.store.strangers == []
    assert set(upstream.picked()) <= set(KEYS), "nothing went past the gateway"
