"""Machines of one machine: network namespaces with a network of theirs, and one for the database.

Only root may make them. What runs on no node (database, upstream, load) is on the hub.
"""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

FRONT, DATABASE = "10.77.0", "10.78.0"
HUB = 254
LINKS = {"front": FRONT, "database": DATABASE}


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


def inside(name: str, command: Sequence[str]) -> list[str]:
    return ["ip", "netns", "exec", name, *command]


@contextmanager
def hub_and_nodes(count: int) -> Iterator[tuple[str, list[str]]]:
    """The names of their namespaces. Node 1 is FRONT.1, and DATABASE.1 to the database."""
    hub, *nodes = names = [f"gateway-{os.getpid()}-{number}" for number in range(count + 1)]
    made = []
    try:
        for name in names:
            _ip("netns", "add", name)
            made.append(name)
            _ip("-n", name, "link", "set", "lo", "up")
        for link, network in LINKS.items():
            _ip("-n", hub, "link", "add", link, "type", "bridge")
            _ip("-n", hub, "address", "add", f"{network}.{HUB}/24", "dev", link)
            _ip("-n", hub, "link", "set", link, "up")
            for number, node in enumerate(nodes, 1):
                _connect(hub, node, link, number)
        yield hub, nodes
    finally:
        for name in made:
            _ip("netns", "delete", name)


def _connect(hub: str, node: str, link: str, number: int) -> None:
    end = plug(link, number)
    _ip("-n", hub, "link", "add", end, "type", "veth", "peer", "name", link, "netns", node)
    _ip("-n", hub, "link", "set", end, "master", link, "up")
    _ip("-n", node, "address", "add", f"{LINKS[link]}.{number}/24", "dev", link)
    _ip("-n", node, "link", "set", link, "up")


def plug(link: str, number: int) -> str:
    """The hub's end of a node's line."""
    return f"{link}{number}"


def set_line(number: int, state: str) -> None:
    """That of a node to the database, `up` or `down`; for the hub."""
    _ip("link", "set", plug("database", number), state)
