"""`serve --watch`: a config file that changes is read again by itself."""

import json
import os
import signal
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from proxyapp.process.config_watch import ConfigWatch
from tests.support import forked_process
from tests.support.gateway import ROOT, Gateway, group
from tests.support.pool_data import secret
from tests.support.waiting import wait_for

SECONDS = 60
NOWHERE = "http://127.0.0.1:9"
ONE, TWO = (secret(label) for label in ("one", "two"))


class Watched:
    def __init__(self, *files: Path) -> None:
        self.files = list(files)
        self.reloads = 0
        self.watch = ConfigWatch(lambda: self.files, self.reload)

    def reload(self) -> None:
        self.reloads += 1

    def looks(self, count: int = 1) -> int:
        for _ in range(count):
            self.watch.look()
        return self.reloads


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text("one")
    return path


def test_it_waits_until_the_file_stays_the_same_and_then_reads_it_once(file: Path) -> None:
    watched = Watched(file)
    assert watched.looks(3) == 0
    for text in ("half", "half of", "half of it"):
        file.write_text(text)
        assert watched.looks() == 0

    assert watched.looks() == 1
    assert watched.looks(3) == 1


def test_a_file_in_the_place_of_another_is_a_change_also_with_its_size_and_time(file: Path) -> None:
    watched = Watched(file)
    status = file.stat()
    other = file.with_name("other")
    other.write_text("two")
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(file)

    assert watched.looks(2) == 1


def test_a_link_that_is_turned_and_a_file_that_goes_and_comes_are_changes(file: Path) -> None:
    link = file.with_name("link")
    link.symlink_to(file)
    watched = Watched(link)
    other = file.with_name("other")
    other.write_text("two")
    link.unlink()
    assert watched.looks() == 0
    link.symlink_to(other)
    assert watched.looks(2) == 1

    link.unlink()
    assert watched.looks(3) == 2


def test_a_file_that_the_config_names_anew_counts(file: Path) -> None:
    watched = Watched(file)
    keys = file.with_name("keys")
    keys.write_text("a")
    watched.files.append(keys)
    assert watched.looks(2) == 1

    keys.write_text("a, b")

    assert watched.looks(2) == 2


@pytest.mark.once
def test_workers_take_a_key_up_that_was_written_into_a_file_with_keys() -> None:
    config = {"groups": [{**group([ONE], NOWHERE), "api_keys_file": "keys.txt"}]}
    gateway = Gateway(config, args=["--watch", "--workers", "2"], env={"GEMINI_API_KEY": TWO})
    keys = gateway.directory / "keys.txt"
    keys.write_text("# none yet\nYOUR_GEMINI_API_KEY\n")
    with gateway:
        # Now both know which file that is.
        wait_for(lambda: gateway.output().count("The config was read again.") >= 2)
        listed = [p.cmdline() for p in psutil.Process(gateway.pid).children(recursive=True)]
        assert len(listed) == 2
        assert not any(key in word for words in listed for word in words for key in (ONE, TWO))
        keys.with_name("new").write_text(f"{TWO}\n")
        keys.with_name("new").replace(keys)

        wait_for(lambda: "keys: 1 created, 0 updated, 1 unchanged" in gateway.output(), SECONDS)
        assert gateway.stop() == 0


@pytest.mark.once
def test_half_a_file_changes_nothing_and_the_whole_one_does() -> None:
    with Gateway({"groups": [group([ONE], NOWHERE)]}, args=["--watch"]) as gateway:
        wait_for(lambda: "Keys:  1 in 1 group" in gateway.output())
        whole = json.dumps({"groups": [group([ONE, TWO], NOWHERE)]})
        gateway.config_path.write_text(whole[:40])
        wait_for(lambda: "Groups and keys stay as they are. " in gateway.output(), SECONDS)

        gateway.config_path.write_text(whole)

        wait_for(lambda: "keys: 1 created, 0 updated, 1 unchanged" in gateway.output(), SECONDS)
        assert TWO not in gateway.output()
        assert gateway.stop() == 0


@pytest.mark.once
def test_a_file_that_the_environment_names_is_read_again_as_kubernetes_changes_it() -> None:
    """Its directory is a link to one that is replaced as a whole."""
    with closing(Gateway(None)) as gateway:
        mounted = gateway.directory / "data"
        lay(mounted, ONE)
        command = [str(ROOT / "manage.py"), "serve", "--port", str(gateway.port), "--watch"]
        env = {**gateway.environment, "GEMINI_API_KEYS_FILE": str(mounted / "keys")}
        log = gateway.directory / "log"
        with log.open("wb") as output:
            process = forked_process.start(command, cwd=gateway.directory, env=env, stdout=output)
        try:
            wait_for(lambda: "Keys:  1 in 1 group" in log.read_text(), SECONDS)
            lay(mounted, ONE, TWO)
            wait_for(lambda: "environment: keys: 1 created" in log.read_text(), SECONDS)
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0


def lay(mounted: Path, *keys: str) -> None:
    version = mounted.with_name(f"version-{len(keys)}")
    version.mkdir()
    (version / "keys").write_text("\n".join(keys))
    link = mounted.with_name("next")
    link.symlink_to(version)
    link.replace(mounted)
