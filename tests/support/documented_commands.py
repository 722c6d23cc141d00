"""What is wrong with a command of a document, by the parsers that would read it."""

import re
from argparse import ArgumentParser, _SubParsersAction
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from itertools import pairwise

from django.core.management import CommandError, get_commands, load_command_class

from tests.support.rooms import ROOT
from tests.support.snippets import ELLIPSIS

OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
# What `gateway/command_line.py` answers itself.
BEFORE_DJANGO = frozenset(("init", "--version"))
LEFT_OUT = re.compile("the following arguments are required|expected one argument")
OTHERS_MODULES = frozenset(("build",))
PYTHONS = frozenset(("python", "python3", ".venv/bin/python"))
OF_COMPOSE = ("docker", "compose", "run", "--rm", "gateway")


def gateway_command(words: Sequence[str]) -> list[str] | None:
    """The arguments of `manage.py`, whichever way the words reach it. None: they do not."""
    rest = list(words)
    if rest[:1] == ["sudo"]:
        rest = rest[3:] if rest[1:2] == ["-u"] else rest[1:]
    if tuple(rest[: len(OF_COMPOSE)]) == OF_COMPOSE:
        return rest[len(OF_COMPOSE) :]
    if rest and rest[0] in PYTHONS:
        rest = rest[1:]
    if rest and rest[0].rpartition("/")[2] in ("manage.py", "gemini-gateway"):
        return rest[1:]
    return None


def complaint_of_command(
    arguments: Sequence[str], comment: str = "", *, is_whole: bool = True
) -> str:
    """Empty: `manage.py` takes them, and has the options that the comment names.

    `is_whole`: else what it needs besides may be left out, as sentences do.
    """
    if not arguments or arguments[0] == ELLIPSIS or arguments[0] in BEFORE_DJANGO:
        return ""
    name, *rest = arguments
    if name not in get_commands():
        return f"there is no command {name}"
    if ELLIPSIS in rest:
        rest = rest[: rest.index(ELLIPSIS)]
        return _unknown_options(name, " ".join(rest))
    try:
        parser_of(name).parse_args(rest)
    except (CommandError, SystemExit) as error:
        if is_whole or not LEFT_OUT.search(str(error)):
            return f"{name}: {error}"
        return _unknown_options(name, " ".join(rest))
    return _unknown_options(name, comment)


def _unknown_options(name: str, text: str) -> str:
    unknown = set(OPTION.findall(text)) - set(options(parser_of(name)))
    return f"{name} has no {', '.join(sorted(unknown))}" if unknown else ""


@cache
def parser_of(name: str) -> ArgumentParser:
    app = get_commands()[name]
    command = load_command_class(app, name) if isinstance(app, str) else app
    return command.create_parser("manage.py", name)


def options(parser: ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        yield from action.option_strings
        if isinstance(action, _SubParsersAction):
            for choice in action.choices.values():
                yield from options(choice)


def complaint_of_module(words: Sequence[str]) -> str:
    """Of `python -m`: a module of this project, or one that is installed."""
    name = words[2] if words[1:2] == ["-m"] else ""
    is_known = not name or name in OTHERS_MODULES or find_spec(name)
    return "" if is_known else f"there is no module {name}"


@cache
def targets() -> frozenset[str]:
    found = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert found
    return frozenset(found[1].split())


def complaint_of_make(words: Sequence[str]) -> str:
    named = [word for word in words[1:] if "=" not in word]
    gone = [word for word in named if word not in targets()]
    return f"make has no {', '.join(gone)}" if gone or not named else ""


def complaint_of_files(words: Sequence[str]) -> str:
    """Of `docker compose -f FILE`."""
    files = [after for word, after in pairwise(words) if word == "-f"]
    gone = [name for name in files if not (ROOT / name).exists()]
    return f"{', '.join(gone)} is not there" if gone else ""


LOOKED_AT: dict[str, Callable[[Sequence[str]], str]] = {
    "make": complaint_of_make,
    "docker": complaint_of_files,
    **dict.fromkeys(PYTHONS, complaint_of_module),
}
