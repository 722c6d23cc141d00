"""What `bench.hotspots` makes of py-spy's stacks and perf's libraries."""

import pytest

from bench import hotspots, layers

ROOT = "Runner.run (asyncio/runners.py:118)"


@pytest.mark.parametrize(
    ("frames", "layer"),
    [
        ([ROOT], layers.LOOP),
        ([ROOT, "FastPath.__call__ (proxyapp/forwarding/fast_path.py:45)"], "proxyapp/forwarding"),
        ([ROOT, "Runtime.start (proxyapp/runtime.py:10)"], "proxyapp/runtime"),
        ([ROOT, "own (/srv/a/checkout/proxyapp/pool/ring.py:1)"], "proxyapp/pool"),
        (
            [ROOT, "is_page (proxyapp/upstream/headers.py:147)", "lower (<frozen abc>:119)"],
            "proxyapp/upstream",
        ),
        (
            ["pick (proxyapp/pool/rotor.py:9)", "execute (django/db/backends/utils.py:92)"],
            "the database: Django's ORM",
        ),
        (
            [ROOT, "ASGIRequest.__init__ (django/core/handlers/asgi.py:103)"],
            "Django: request and response objects",
        ),
        (["main (somewhere/else.py:1)"], layers.OTHER),
        ([ROOT, "_worker (concurrent/futures/thread.py:81)"], None),
    ],
)
def test_the_innermost_frame_that_is_somebodys_decides(
    frames: list[str], layer: str | None
) -> None:
    assert layers.of_stack(";".join(frames)) == layer


def test_samples_of_libraries_are_added_up_by_layer() -> None:
    report = (
        " 70.00% |700  |libpython3.11.so.1.0      \n"
        "  8.00% |80   |0a1b__mypyc.cpython-311-x86_64-linux-gnu.so\n"
        " 13.00% |130  |[kernel.kallsyms]\n"
        "  1.00% |10   |[kernel.vmlinux]\n"
        "  1.00% |10   |parser.cpython-311-x86_64-linux-gnu.so\n"
        "# a remark | of perf\n"
    )

    assert dict(hotspots.samples_by_library(report)) == {
        "the interpreter, pure Python code": 700,
        "the gateway's compiled modules": 80,
        "the kernel: sockets, timers, memory": 140,
        "HTTP parsing (httptools)": 10,
    }


def test_a_function_is_shown_without_its_line_and_the_machines_directories() -> None:
    frame = "Ring.choose (/srv/a/checkout/proxyapp/pool/ring.py:111)"

    assert layers.shown(frame) == "Ring.choose (pool/ring.py)"
