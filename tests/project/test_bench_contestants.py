"""Who takes part in the benchmark, and what the benchmark counts of them."""

import sys
import time
import urllib.request
from pathlib import Path

import pytest

from bench import peer_binaries
from bench.checkouts import is_compiled, pure_copy
from bench.contestants import Endpoint
from bench.load import LoadFailed, check
from bench.process import StartFailed, running

BURN_SECONDS = 0.3
BURN = f"import time\nwhile time.process_time() < {BURN_SECONDS}: pass\ntime.sleep(60)"
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


def test_the_pure_copy_of_a_compiled_checkout_is_the_same_code_without_what_was_compiled(
    tmp_path: Path,
) -> None:
    room = tmp_path / "checkout" / "proxyapp" / "pool"
    room.mkdir(parents=True)
    (room / "rotor.py").write_text("here = True")
    (room / "rotor.cpython-311-x86_64-linux-gnu.so").write_bytes(b"compiled")

    copy = pure_copy(tmp_path / "checkout", tmp_path / "copy")

    assert is_compiled(tmp_path / "checkout")
    assert not is_compiled(copy)
    assert (copy / "proxyapp" / "pool" / "rotor.py").read_text() == "here = True"
