"""The process that tests' Python programs are forked from.

So each need not import its libraries again. `python -m tests.support.fork_server DESCRIPTOR` and
names of modules, which need no settings: it imports them and takes jobs from that socket. It starts
no thread, no event loop and no reactor, and reads no setting: what it forks has its environment,
its directory, its files, its session and its signals to itself, and runs a program from its first
line to the interpreter's own end. Of the settings one is chosen before, for the gateway's modules:
whether they are compiled.
"""

import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import struct
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType

LENGTH = struct.Struct("!I")
NUMBER = struct.Struct("!i")
FILES = 4  # stdin, stdout, stderr, and the one for the exit code


@dataclass(frozen=True)
class Job:
    """What `python ARGUMENTS` would run.

    A file and its arguments, or -m, a module and its arguments.
    """

    arguments: list[str]
    environment: dict[str, str]
    directory: str

    def pack(self) -> bytes:
        body = json.dumps(asdict(self)).encode()
        return LENGTH.pack(len(body)) + body

    def run(self) -> None:
        """As the interpreter does it. Raises what the program raises, SystemExit above all."""
        program, *rest = self.arguments
        if program == "-m":
            sys.path[0] = self.directory
            sys.argv = rest
            runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
            return
        path = Path(program).resolve()
        sys.path[0] = str(path.parent)
        sys.argv = self.arguments
        main = sys.modules["__main__"] = ModuleType("__main__")
        main.__file__ = str(path)
        exec(compile(path.read_bytes(), path, "exec"), main.__dict__)


class ForkServer:
    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._wake, self._woken = socket.socketpair()
        self._exit_files: dict[int, int] = {}
        for end in (self._wake, self._woken):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake.fileno())

    def serve(self) -> Job | None:
        """Returns in each child, with its job.

        In the server it returns once the tests have closed their end.
        """
        while True:
            ready, _, _ = select.select([self._control, self._woken], [], [])
            if self._woken in ready:
                self._woken.recv(4096)
                self._reap()
            if self._control in ready:
                head, files, _, _ = socket.recv_fds(self._control, LENGTH.size, FILES)
                if not head:
                    return None
                job = Job(**json.loads(self._read(LENGTH.unpack(head)[0])))
                if self._fork(job, files):
                    return job

    def _read(self, size: int) -> bytes:
        body = b""
        while len(body) < size:
            body += self._control.recv(size - len(body))
        return body

    def _fork(self, job: Job, files: list[int]) -> bool:
        """Whether this is the child."""
        pid = os.fork()
        if pid:
            self._exit_files[pid] = files.pop()
            for file in files:
                os.close(file)
            return False
        self._become(job, files)
        return True

    def _become(self, job: Job, files: list[int]) -> None:
        """Answers last of all.

        Whoever knows the process finds it in a session of its own.
        """
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        for standard, file in enumerate(files[:3]):
            os.dup2(file, standard)
        for file in [*files, *self._exit_files.values()]:
            os.close(file)
        os.chdir(job.directory)
        os.environ.clear()
        os.environ.update(job.environment)
        given = sys.modules.get("gateway.start_environment")
        if given:
            given.GIVEN.clear()
            given.GIVEN.update(os.environ)
        self._control.sendall(NUMBER.pack(os.getpid()))
        for end in (self._control, self._wake, self._woken):
            end.close()

    def _reap(self) -> None:
        while self._exit_files:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            file = self._exit_files.pop(pid)
            os.write(file, NUMBER.pack(os.waitstatus_to_exitcode(status)))
            os.close(file)


def main(descriptor: int, modules: Sequence[str]) -> None:
    for module in modules:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # or each child's first collection would copy every page
    job = ForkServer(socket.socket(fileno=descriptor)).serve()
    if job is None:
        os._exit(0)  # nothing here needs an orderly end, which takes a while
    job.run()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
