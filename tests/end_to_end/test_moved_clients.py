"""Files of other gateways, imported while this one runs: their clients keep their credentials."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway
from tests.support.peer_files import PEER_FILES
from tests.support.pool_data import secret
from tests.support.waiting import wait_for

pytestmark = pytest.mark.once
BODY = {"contents": [{"parts": [{"text": "hi"}]}]}
MakeFile = Callable[[Path, str, list[str], str], Path]


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with Gateway({"groups": []}) as running:
        yield running


def ask(gateway: Gateway, group: str, token: str) -> int:
    url = f"{gateway.url}/g/{group}/v1beta/models/gemini-2.5-flash:generateContent"
    headers = {"x-goog-api-key": token}
    return httpx.post(url, json=BODY, headers=headers, trust_env=False).status_code


@pytest.mark.parametrize(("peer", "make"), PEER_FILES)
def test_an_old_credential_gets_an_answer_with_a_key_that_moved(
    gateway: Gateway, upstream: FakeUpstream, tmp_path: Path, peer: str, make: MakeFile
):
    keys, token = [secret(f"{peer}-{number}") for number in (1, 2)], f"sk-client-of-{peer}-0815"

    file = make(tmp_path, upstream.url, keys, token)
    done = gateway.manage("import_from", "auto", str(file), "--json")

    assert done.returncode == 0, done.stderr
    assert token not in done.stdout
    (group,) = json.loads(done.stdout)["group_names"]
    wait_for(lambda: ask(gateway, group, token) == 200)
    assert upstream.last.key in keys
    assert ask(gateway, group, f"{token}x") == 401


def test_the_first_gateways_keys_answer_under_its_groups_name(
    gateway: Gateway, upstream: FakeUpstream, tmp_path: Path
):
    """It had no tokens of clients: those of another file may use its group."""
    key, client = secret("seed-1"), "sk-client-of-both-0815"
    tokens, file = tmp_path / ".env", tmp_path / "config.yaml"
    tokens.write_text(f'ALLOWED_TOKENS=["{client}"]\n')
    file.write_text(f"groups:\n- {{name: first, target_url: {upstream.url}, api_keys: [{key}]}}\n")

    done = [gateway.manage("import_from", "auto", str(path)) for path in (tokens, file)]

    assert [each.returncode for each in done] == [0, 0], done
    wait_for(lambda: ask(gateway, "first", client) == 200)
    assert upstream.last.key == key
