"""The image of the Dockerfile, run without Docker.

The files that it copies, its user, environment and commands, with a read-only tree and one volume,
as the first process of a namespace. What is installed into it is this virtualenv.
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.gateway import ROOT

HOME, VOLUME = "/opt/gateway", "/var/lib/gateway"
# Everything is read-only but the volume; /dev and /proc are as a container has them. A Python that
# is not the system's stays where it is, with nothing else of that place, so that any user gets to
# it.
SCRIPT = f"""
set -e
umask 0022
mount --make-rprivate /
mount --bind "$1" /mnt
mount -t tmpfs tmpfs /opt && mkdir {HOME}
mount --bind "$2" {HOME}
mkdir -p {HOME}/.venv && mount --bind "$3" {HOME}/.venv
mount -t tmpfs tmpfs /var/lib && mkdir {VOLUME}
mount --bind "$4" {VOLUME}
case $1 in
  /usr*) ;;
  *) top=${{1#/}} && mount -t tmpfs -o mode=755 tmpfs "/${{top%%/*}}"
     mkdir -p "$1" && mount --bind /mnt "$1" ;;
esac
mount -t proc proc /proc
cut -d ' ' -f 5 /proc/self/mountinfo | while read -r place; do
  test -e "$place" || continue  # another mount hides it
  case $place in {VOLUME}|/proc*|/dev*|/sys*) ;; *) mount -o remount,bind,ro "$place" ;; esac
done
cd {HOME}
user=$5 && shift 5
exec setpriv --reuid "${{user%:*}}" --regid "${{user#*:}}" --clear-groups --no-new-privs \\
  --inh-caps=-all --bounding-set=-all env -i "$@"
"""


@cache
def last_stage() -> list[tuple[str, str]]:
    """Its instructions, each as a word and its text."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line.partition(" ") for line in text.rpartition("\nFROM ")[2].splitlines()[1:]]
    return [(word, rest.strip()) for word, _, rest in lines if word.isupper()]


def said(word: str) -> str:
    (text,) = [rest for name, rest in last_stage() if name == word]
    return text


def command(word: str) -> list[str]:
    """Of an instruction with one in JSON."""
    found: list[str] = json.loads(re.search(r"\[.*\]$", said(word))[0])  # type: ignore[index]
    return found


def user() -> tuple[int, int]:
    """That of its processes, and its group."""
    number, group = map(int, said("USER").split(":"))
    return number, group


def copied() -> list[str]:
    """What of this checkout gets into the image's working directory."""
    text = (ROOT / "Dockerfile").read_text()
    lines = re.findall(r"^COPY (?!--)(.+) \S+$", text, re.M)
    return [name for line in lines for name in line.split()]


def trouble() -> str:
    """Why no container can be run here; empty: it can."""
    if os.geteuid():
        return "A namespace with a user of its own takes root."
    tried = subprocess.run(["unshare", "-m", "-p", "-f", "true"], capture_output=True, check=False)
    return tried.stderr.decode().strip()


class Container:
    """`directory`: of a test. `volume` is what is kept."""

    def __init__(self, directory: Path) -> None:
        self.image, self.volume = directory / "image", directory / "volume"
        for name in copied():
            source, target = ROOT / name, self.image / name
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.so*", "__py*"))
            else:
                target.parent.mkdir(exist_ok=True)
                shutil.copyfile(source, target)
        self.volume.mkdir(mode=0o700)
        os.chown(self.volume, *user())

    @contextmanager
    def running(
        self, *arguments: str, env: Sequence[str] = (), **options: Any
    ) -> Iterator["subprocess.Popen[str]"]:
        """The entry point, as the first process of its namespace, until the end at the latest.

        `env`: besides that of the image.
        """
        environment = [*shlex.split(said("ENV")), *env]
        unshare = ["unshare", "-m", "-p", "-f", "--kill-child", "sh", "-c", SCRIPT, "sh"]
        places = [sys.base_prefix, str(self.image), sys.prefix, str(self.volume), said("USER")]
        with subprocess.Popen(
            [*unshare, *places, *environment, *command("ENTRYPOINT"), *arguments],
            stdin=subprocess.DEVNULL,
            text=True,
            **options,
        ) as process:
            try:
                yield process
            finally:
                with suppress(OSError, IndexError):  # it has ended, or not begun
                    os.kill(first_process(process), signal.SIGKILL)
                process.kill()

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        both: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with self.running(*arguments, **both) as process:
            output, errors = process.communicate(timeout=60)
        return subprocess.CompletedProcess(arguments, process.returncode, output, errors)


def inside(container: "subprocess.Popen[str]", as_user: str, command: list[str]) -> int:
    """As `docker exec` runs it: its exit code."""
    user, _, group = as_user.partition(":")
    enter = ["nsenter", "-t", str(first_process(container)), "-m", "-p"]
    become = ["setpriv", "--reuid", user, "--regid", group, "--clear-groups", "env", "-i"]
    environment = shlex.split(said("ENV"))
    done = subprocess.run(
        [*enter, *become, *environment, *command], capture_output=True, check=False
    )
    return done.returncode


def made_user(directory: Path) -> str:
    """What the last stage's RUN leaves of users and of the volume, in files of its own."""
    script = f"""
        set -e
        PATH=$PATH:/usr/sbin:/sbin  # the image's; here it may be an ordinary user's
        mount --make-rprivate /
        cp /etc/passwd /etc/group /etc/shadow /etc/gshadow /etc/login.defs "$1"
        mount --bind "$1" /etc
        mount -t tmpfs tmpfs /var/lib
        {said("RUN")}
        getent passwd gateway
        stat -c '%a %u:%g' {VOLUME}
    """
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, "sh", str(directory)],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def first_process(container: "subprocess.Popen[str]") -> int:
    """As this machine numbers it."""
    path = Path(f"/proc/{container.pid}/task/{container.pid}/children")
    return int(path.read_text().split()[0])
