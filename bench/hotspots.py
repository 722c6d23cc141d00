"""Where the CPU time of a request goes: by library (perf), by layer of the code (py-spy).

`python -m bench.hotspots SECONDS` prints it. Each share is multiplied with the CPU time of a
request that was measured beside it, without a profiler.
"""

import shutil
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from bench import contestants, install, layers, nginx, peers
from bench.checkouts import PURE, is_compiled
from bench.contestants import ROOT, Contestant
from bench.load import check, wrk
from bench.process import CONTESTANT_CORES
from bench.report import Section, brief, table
from bench.transports import HERE, HOME

CONNECTIONS = 32
SAMPLES_A_SECOND = 400
PERF_SAMPLES_A_SECOND = 997
SHOWN = 10
LEAST_SHARE = 0.002
PROFILERS = 2
"""Of one contestant, one after the other."""


def run(seconds_budget: float) -> Section:
    """Raises InstallFailed without py-spy, and CalledProcessError where it may not look."""
    install.environment(HOME, HERE / "requirements-transports.txt")
    seconds = max(2, int(seconds_budget - 10) // (1 + 2 * PROFILERS))
    with nginx.upstream() as upstream, ExitStack() as stack:
        standing = dict(_started(upstream, stack))
        used = {name: _cpu_us(contestant, seconds) for name, contestant in standing.items()}
        gateways = {name: each for name, each in standing.items() if name != SOCKETS}
        libraries = {name: by_library(each, seconds) for name, each in gateways.items()}
        pure = next(reversed(gateways))
        stacks = sampled(gateways[pure], seconds)
    lines = [
        f"uvicorn, one process, {CONNECTIONS} connections, 10 keys; µs of CPU a request.",
        "",
        *table(["", "CPU µs"], ([name, f"{value:.0f}"] for name, value in used.items())),
        "",
        *_library_lines(libraries, used),
        *_layer_lines(stacks, used[pure]),
    ]
    return Section("Where the time of a request goes", lines)


SOCKETS = "two sockets of uvloop, bytes copied and nothing else"


def _started(upstream: str, stack: ExitStack) -> Iterator[tuple[str, Contestant]]:
    """The pure gateway is the last one."""
    config = {"groups": [contestants.group(upstream)]}
    kinds = {"the gateway, pure": PURE}
    if is_compiled(ROOT):
        kinds = {"the gateway, compiled": {}, **kinds}
    yield SOCKETS, stack.enter_context(peers.two_sockets(upstream))
    for name, env in kinds.items():
        started = contestants.gateway("uvicorn", config, env=env, cores=CONTESTANT_CORES)
        yield name, stack.enter_context(started)


def _cpu_us(contestant: Contestant, seconds: int) -> float:
    check(contestant)
    wrk(contestant, CONNECTIONS, seconds)
    return wrk(contestant, CONNECTIONS, seconds).cpu_us


def _under_load(contestant: Contestant, seconds: int, look: Callable[[], object]) -> None:
    driver = threading.Thread(target=wrk, args=(contestant, CONNECTIONS, seconds + 2))
    driver.start()
    try:
        look()
    finally:
        driver.join()


def by_library(contestant: Contestant, seconds: int) -> Counter[str] | str:
    """Samples by layer, or why there are none."""
    if shutil.which("perf") is None:
        return "there is no perf (on Debian: apt install linux-perf)"
    with tempfile.TemporaryDirectory() as home:
        data = f"{home}/perf.data"
        record = ["perf", "record", "-e", "cpu-clock", "-F", str(PERF_SAMPLES_A_SECOND)]
        record += ["-p", str(contestant.pid), "-o", data, "--", "sleep", str(seconds)]
        report = ["perf", "report", "-i", data, "--sort", "dso", "--stdio", "-t", "|", "-q", "-n"]
        try:
            _under_load(contestant, seconds, lambda: _done(record, seconds))
            text = _done(report, seconds)
        except subprocess.CalledProcessError as error:
            return f"perf: {brief(RuntimeError(error.stderr))}"
    return samples_by_library(text)


def samples_by_library(text: str) -> Counter[str]:
    """Of lines such as ` 78.41% |679 |libpython3.11.so.1.0`."""
    summed: Counter[str] = Counter()
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) == 3 and cells[1].isdigit():
            summed[layers.of_library(cells[2])] += int(cells[1])
    return summed


def _done(command: list[str], seconds: int) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, check=True)
    return done.stdout


def sampled(contestant: Contestant, seconds: int) -> Counter[str]:
    """How often each stack was seen. The process is not stopped: that would wake its threads."""
    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / "stacks"
        command = [str(HOME / "bin" / "py-spy"), "record", "--nonblocking", "--format", "raw"]
        command += ["--pid", str(contestant.pid), "--duration", str(seconds)]
        command += ["--rate", str(SAMPLES_A_SECOND), "--output", str(path)]
        _under_load(contestant, seconds, lambda: _done(command, seconds))
        lines = [line.rpartition(" ") for line in path.read_text().splitlines()]
    return Counter({stack: int(count) for stack, _, count in lines})


def _library_lines(
    libraries: dict[str, Counter[str] | str], used: dict[str, float]
) -> Iterator[str]:
    for name, found in libraries.items():
        if isinstance(found, str):
            yield f"By library, {name}: not measured: {found}."
        else:
            yield f"By library, {name} (perf, {PERF_SAMPLES_A_SECOND} times a second of CPU):"
            yield ""
            yield from _shares(found, used[name])
        yield ""


def _layer_lines(stacks: Counter[str], used_us: float) -> Iterator[str]:
    by_layer: Counter[str] = Counter()
    alone: Counter[str] = Counter()
    for stack, count in stacks.items():
        if layer := layers.of_stack(stack):
            by_layer[layer] += count
            alone[f"`{layers.shown(stack.rpartition(';')[2])}`"] += count
    yield (
        f"By layer of the pure code (py-spy, {SAMPLES_A_SECOND} times a second): the innermost"
        " frame counts that is a layer's, with the C code and the system calls that it calls."
    )
    yield ""
    yield from _shares(by_layer, used_us)
    yield ""
    yield f"The {SHOWN} most expensive functions of it, own time:"
    yield ""
    yield from _shares(alone, used_us, SHOWN)


def _shares(counts: Counter[str], used_us: float, most: int | None = None) -> list[str]:
    total = max(counts.total(), 1)
    rows = [
        [name, f"{used_us * count / total:.1f}", f"{count / total:.1%}"]
        for name, count in counts.most_common(most)
        if count / total >= LEAST_SHARE
    ]
    return table(["", "CPU µs", "share"], rows)


if __name__ == "__main__":
    print(run(float(sys.argv[1])).markdown())
