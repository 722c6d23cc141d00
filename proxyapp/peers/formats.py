"""Which gateway a file is of: told by what is in it, or asked for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from proxyapp.config.contents import ConfigError
from proxyapp.peers import (
    cliproxyapi,
    gemini_balance,
    gpt_load,
    litellm,
    new_api,
    seed,
    uni_api,
)
from proxyapp.peers.moved import MovedIn
from proxyapp.peers.source import Environment, Source
from proxyapp.vocabulary.in_words import gettext as _


@dataclass(frozen=True, slots=True)
class Format:
    """`recognises` is sure, or says no."""

    recognises: Callable[[Source], bool]
    read: Callable[[Source, MovedIn, Environment], None]


FORMATS: Mapping[str, Format] = {
    module.PEER: Format(module.recognises, module.read)
    for module in (gpt_load, gemini_balance, litellm, new_api, cliproxyapi, seed, uni_api)
}


def format_of(source: Source) -> str:
    """Raises ConfigError, with what was seen, where it is not exactly one."""
    names = [name for name, each in FORMATS.items() if each.recognises(source)]
    if len(names) == 1:
        return names[0]
    text = (
        _("may be of any of %(names)s; say which it is, one of %(all)s")
        if names
        else _("is of none that is known: %(seen)s; say which it is, one of %(all)s")
    )
    said = {"names": ", ".join(names), "seen": _seen(source), "all": ", ".join(FORMATS)}
    raise source.wrong(text % said)


def moved_from(peer: str, sources: Sequence[Source], environment: Environment) -> MovedIn:
    """Raises ConfigError, of all files."""
    moved, problems = MovedIn(peer), list[str]()
    for source in sources:
        try:
            FORMATS[peer].read(source, moved, environment)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    moved.drop_empty_groups()
    return moved


def _seen(source: Source) -> str:
    if source.is_database:
        return _("a database without their tables")
    if source.settings:
        return _("settings of an environment")
    try:
        is_mapping = isinstance(source.tree, dict)
    except ConfigError as error:
        return error.problems[0].removeprefix(f"{source.name}: ")
    return _("a mapping") if is_mapping else _("text; keys alone go through Bulk add")
