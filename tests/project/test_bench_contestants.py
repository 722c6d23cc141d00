"""Who takes part in the benchmark, and what the benchmark counts of them."""

import sys
import time
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest

from bench import growth, idle, peer_binaries, refusal_cost, stream_upstream
from bench.checkouts import Checkout
from bench.contestants import Contestant, Endpoint
from bench.growth import GrowthCase
from bench.load import LoadFailed, check
from bench.process import StartFailed, running
from bench.refusal_cost import RefusalPlan
from tests.support.waiting import wait_for

pytestmark = pytest.mark.once

BURN_SECONDS = 0.3
# A tenth more than is waited for: the kernel counts in whole ticks, and cuts off the rest.
BURN = f"import time\nwhile time.process_time() < {BURN_SECONDS + 0.1}: pass\ntime.sleep(60)"
IN_A_CHILD = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {BURN!r}])"
# Answers as both programs do, and tells how it was told the upstream.
PEER = """#!{python}
import json, os, sys, http.server
from pathlib import Path

told = Path("told.txt")

class Answering(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send("ok")

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path.startswith("/api/"):
            told.open("a").write(json.dumps([self.path, body]) + "\\n")
            self.send(json.dumps({{"code": 0, "data": {{"id": 7}}}}))
        else:
            self.send("How can I help you today?" + (told.read_text() if told.exists() else ""))

    def send(self, text):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass

if os.path.exists("config.yaml"):
    told.write_text(Path("config.yaml").read_text())
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Answering).serve_forever()
"""


def program(folder: Path, name: str, text: str = PEER) -> Path:
    path = folder / name
    path.write_text(text.format(python=sys.executable))
    path.chmod(0o755)
    return path


def answer(contestant: Endpoint) -> str:
    request = urllib.request.Request(
        contestant.url + contestant.path, contestant.body.encode(), dict(contestant.headers)
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        return str(response.read().decode())


def test_programs_are_found_in_the_folder_by_their_names(tmp_path: Path) -> None:
    for name in ("gemini-proxy-first", "gemini-proxy-later", "gpt-load", "something-else"):
        program(tmp_path, name)
    (tmp_path / "gpt-load.md").write_text("no program")

    found = peer_binaries.found(str(tmp_path))

    assert sorted(found) == ["gemini-proxy-first", "gemini-proxy-later", "gpt-load"]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: "", "it is not set"),
        (lambda folder: str(folder / "gone"), "which is no folder"),
        (str, "none that can be executed"),
    ],
)
def test_without_programs_it_is_said_what_was_looked_for(tmp_path, make, said) -> None:
    text = peer_binaries.looked_for(make(tmp_path))

    assert said in text
    assert [
        each for each in ("BENCH_PEERS", "gemini-proxy*", "gpt-load*") if each not in text
    ] == []


def test_the_rust_original_is_told_the_upstream_by_its_config(tmp_path: Path) -> None:
    original = program(tmp_path, "gemini-proxy-first")

    with peer_binaries.rust_original(original, "http://127.0.0.1:9") as contestant:
        check(contestant)
        said = answer(contestant)

    assert "target_url: http://127.0.0.1:9" in said
    assert said.count("default-key-") == 10


def test_gpt_load_is_told_the_upstream_by_its_api(tmp_path: Path) -> None:
    with peer_binaries.gpt_load(program(tmp_path, "gpt-load"), "http://127.0.0.1:9") as contestant:
        check(contestant)
        said = answer(contestant)

    assert '"url": "http://127.0.0.1:9"' in said
    assert '"group_id": 7' in said
    assert said.count("default-key-") == 10


def test_a_program_that_ends_is_not_measured_and_its_last_words_are_told(tmp_path: Path) -> None:
    broken = program(tmp_path, "gpt-load", "#!/bin/sh\necho no licence here\nexit 3\n")

    with (
        pytest.raises(StartFailed, match="code 3: no licence here"),
        peer_binaries.gpt_load(broken, "http://127.0.0.1:9"),
    ):
        pass


def test_what_answers_with_something_else_has_no_figures(tmp_path: Path) -> None:
    other = program(tmp_path, "gemini-proxy", PEER.replace("How can I help", "No help for"))

    with (
        peer_binaries.rust_original(other, "http://127.0.0.1:9") as contestant,
        pytest.raises(LoadFailed, match="something else"),
    ):
        check(contestant)


def test_cpu_time_is_that_of_the_whole_tree_of_processes() -> None:
    with running([sys.executable, "-c", IN_A_CHILD]) as process:
        deadline = time.monotonic() + 30
        while process.cpu_seconds() < BURN_SECONDS and time.monotonic() < deadline:
            time.sleep(0.05)
        used = process.cpu_seconds()

    assert BURN_SECONDS <= used < 10 * BURN_SECONDS


@pytest.mark.parametrize(
    ("says", "kind"),
    [
        ("", "compiled"),
        ("rotor.py has changed since it was compiled", "pure"),
        (None, "pure"),
    ],
)
def test_a_checkout_says_itself_whether_it_runs_compiled(
    tmp_path: Path, says: str | None, kind: str
) -> None:
    (tmp_path / "gateway").mkdir()
    if says is not None:
        text = f"why_pure = 'unknown'\ndef choose():\n    global why_pure\n    why_pure = {says!r}"
        (tmp_path / "gateway" / "compiled.py").write_text(text)

    assert Checkout(tmp_path, tmp_path / "home").kind == kind
    assert Checkout(tmp_path, tmp_path / "home", is_pure=True).kind == "pure"


def test_cpu_time_and_wake_ups_of_an_idle_process_are_counted() -> None:
    ticking = "import time\nwhile True: time.sleep(0.05)"
    with running([sys.executable, "-c", ticking]) as process:
        contestant = Contestant(name="ticking", url="", process=process)
        time.sleep(0.5)
        (found,) = idle.watched(contestant, ("ticking",), 2.0)

    assert 5 < found.wake_ups <= 21
    assert 0 < found.cpu_ms < 500
    assert found.rss_mb > 3


def test_a_429_is_told_by_what_it_costs_more_than_a_plain_request() -> None:
    plan = RefusalPlan(keys=1000, warm_up=100, plain=200, storm=500)

    with stream_upstream.upstream() as upstream:
        cost = refusal_cost.measure(upstream, plan)

    assert cost.failures == 0
    assert 20 < cost.refusals < 500 / 3
    assert cost.plain_us > 0
    assert cost.refusal_ms > 0


def test_the_tokens_of_growth_are_let_in() -> None:
    with (
        stream_upstream.upstream() as upstream,
        growth.started(GrowthCase("3 tokens", tokens=3, is_limited=True), upstream) as contestant,
    ):
        assert contestant.tokens is not None
        tokens = contestant.tokens.read_text().splitlines()
        wait_for(lambda: not is_let_in(contestant, "nobody"))
        let_in = [is_let_in(contestant, token) for token in tokens]

    assert let_in == [True, True, True]


def is_let_in(contestant: Contestant, token: str) -> bool:
    try:
        check(replace(contestant, headers={"authorization": f"Bearer {token}"}))
    except LoadFailed as error:
        if "401" not in str(error):
            raise
        return False
    return True
