"""What the parsers of `manage.py` say, as a page: the same under every version of Python."""

from argparse import SUPPRESS, Action, ArgumentParser, _HelpAction, _SubParsersAction
from collections.abc import Iterator

from django.core.management.base import BaseCommand

from tests.support.documented_commands import parser_of
from tests.support.rooms import ROOT

# What every command of Django's has.
SHARED = frozenset(
    action.dest for action in BaseCommand().create_parser("manage.py", "any")._actions
)


def command_names() -> list[str]:
    folder = ROOT / "proxyapp/management/commands"
    return sorted(path.stem for path in folder.glob("[a-z]*.py"))


def anchor(name: str) -> str:
    return name


def page_of(name: str) -> str:
    parser = parser_of(name)
    lines = [f"## {name}", "", _sentence(parser.description or ""), *_lines(parser)]
    for action in _shown(parser):
        if isinstance(action, _SubParsersAction):
            lines += _parts(name, action)
    return "\n".join(lines) + "\n"


def _parts(name: str, action: "_SubParsersAction[ArgumentParser]") -> Iterator[str]:
    helps = {choice.dest: choice.help for choice in action._choices_actions}
    for part, parser in action.choices.items():
        yield from ("", f"**{name} {part}**: {_sentence(helps.get(part) or '')}")
        yield from _lines(parser)


def _lines(parser: ArgumentParser) -> Iterator[str]:
    lines = [
        f"- {_name(action)}{_help(action)}"
        for action in _shown(parser)
        if not isinstance(action, _SubParsersAction)
    ]
    yield from ("", *lines) if lines else ()


def _shown(parser: ArgumentParser) -> list[Action]:
    return [
        action
        for action in parser._actions
        if action.dest not in SHARED
        and action.help != SUPPRESS
        and not isinstance(action, _HelpAction)
    ]


def _name(action: Action) -> str:
    value = "" if action.nargs == 0 else _value(action)
    if not action.option_strings:
        return f"`{value}`"
    return ", ".join(f"`{option} {value}`".replace(" `", "`") for option in action.option_strings)


def _value(action: Action) -> str:
    if action.choices is not None:
        return "|".join(str(choice) for choice in action.choices)
    name = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    return {"?": f"[{name}]", "*": f"[{name} …]", "+": f"{name} …"}.get(str(action.nargs), name)


def _help(action: Action) -> str:
    values = {name: value for name, value in vars(action).items() if value is not SUPPRESS}
    return _sentence(f": {action.help}" % values) if action.help else ""


def _sentence(text: str) -> str:
    return " ".join(text.split()).replace("<", "&lt;").replace("*", r"\*")
