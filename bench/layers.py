"""Which layer a frame of Python or a library of the process belongs to, in the tables' words."""

import re

FRAME = re.compile(r"(?P<function>.+) \((?P<file>.+?)(?::\d+)?\)")
WAITING = "_worker (concurrent/futures/thread.py"  # what waits for work looks busy to py-spy
LOOP = "the event loop: uvloop, and the sockets read and written by it"
OTHER = "other"
ROOM = re.compile(r"(?:^|/)proxyapp/(?P<room>[a-z_]+)(?:/|\.py)")
FILES = (
    ("asyncio/runners.py", LOOP),
    ("uvicorn/_compat.py", LOOP),
    ("asyncio/", "asyncio: tasks, futures, timers"),
    ("gateway/", "gateway/: dispatch"),
    ("django/db/", "the database: Django's ORM"),
    ("django/", "Django: request and response objects"),
    ("asgiref/", "Django: request and response objects"),
    ("uvicorn/", "uvicorn"),
    ("daphne/", "Daphne and Twisted"),
    ("twisted/", "Daphne and Twisted"),
    ("httpx/", "httpx: request, response, headers, URL"),
    ("json/", "JSON"),
    ("concurrent/futures/", "threads for the database"),
    ("threading.py", "threads for the database"),
)
LIBRARIES = (
    (re.compile(r"\[kernel"), "the kernel: sockets, timers, memory"),
    (re.compile(r"^(libpython|python)3"), "the interpreter, pure Python code"),
    (re.compile(r"__mypyc|/proxyapp/"), "the gateway's compiled modules"),
    (re.compile(r"^loop\."), "uvloop"),
    (re.compile(r"^parser\."), "HTTP parsing (httptools)"),
    (re.compile(r"^_json\."), "JSON"),
    (re.compile(r"^_asyncio\."), "asyncio: tasks, futures"),
    (re.compile(r"sqlite|psycopg|libpq", re.IGNORECASE), "the database's library"),
    (re.compile(r"^(libc|ld-linux|\[vdso)"), "libc: memory, system calls"),
)


def of_stack(stack: str) -> str | None:
    """The innermost frame decides that belongs to anything; None: the thread waits.

    What is in nobody's file (`abc`, `re`, generated code) is its caller's.
    """
    frames = stack.split(";")
    if frames[-1].startswith(WAITING):
        return None
    return next((layer for each in reversed(frames) if (layer := of_frame(each))), OTHER)


def of_frame(frame: str) -> str | None:
    found = FRAME.fullmatch(frame)
    if found is None:
        return None
    file = found["file"]
    if room := ROOM.search(file):
        return f"proxyapp/{room['room']}"
    return next((layer for start, layer in FILES if _is_in(file, start)), None)


def _is_in(file: str, place: str) -> bool:
    """py-spy shortens a file to what follows one of the directories that Python searches."""
    return file.startswith(place) or f"/{place}" in file


def of_library(library: str) -> str:
    return next((layer for pattern, layer in LIBRARIES if pattern.search(library)), OTHER)


def shown(frame: str) -> str:
    """Function and file, without the line and the machine's directories."""
    found = FRAME.fullmatch(frame)
    return f"{found['function']} ({'/'.join(found['file'].split('/')[-2:])})" if found else frame
