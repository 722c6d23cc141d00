"""What an operator says of models: which ones a group has, by which other names they are asked for,
and which come next when no key is left for one.

The same for the config file and the admin. A check yields what is wrong: where in the value, as
`[0]` or `.fast`, and the problem.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from proxyapp.vocabulary.in_words import gettext as _

Problem = tuple[str, str]
Aliases = Mapping[str, str]
Fallbacks = Mapping[str, Sequence[str]]

LONGEST_NAME = 100  # as the columns of usage and cooldowns have it
MOST_NAMES = 100
MOST_NEXT = 5
# What names of models are made of. No alias has another character, which a path or a body would
# have to encode.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/@+~-]*")
_PATTERN = re.compile(r"[A-Za-z0-9_*][A-Za-z0-9_.:/@+~*-]*")
_ENTRY = re.compile(r"([^\s=]*?)\s*(?::\s|:$|=)\s*(.*)")


def plain_name(name: str) -> str:
    """Without what Google's API puts in front of it."""
    return name.strip().removeprefix("models/")


def plain_models(models: Sequence[str]) -> list[str]:
    return [plain_name(model) for model in models]


def plain_aliases(aliases: Aliases) -> dict[str, str]:
    return {plain_name(alias): plain_name(model) for alias, model in aliases.items()}


def plain_fallbacks(fallbacks: Fallbacks) -> dict[str, list[str]]:
    return {plain_name(model): plain_models(after) for model, after in fallbacks.items()}


def problems_of_group(
    models: Sequence[str], aliases: Aliases, fallbacks: Fallbacks
) -> dict[str, Iterator[Problem]]:
    """By the names of the three fields."""
    return {
        "models": models_problems(models),
        "aliases": aliases_problems(aliases, models),
        "fallbacks": fallbacks_problems(fallbacks, aliases),
    }


def models_problems(models: Sequence[str]) -> Iterator[Problem]:
    if len(models) > MOST_NAMES:
        yield (
            "",
            _("has %(count)s names; %(most)s are allowed")
            % {"count": len(models), "most": MOST_NAMES},
        )
        return
    yield from _problems_of_names(models, _PATTERN, "gemini-2.5-flash or gemini-*")


def aliases_problems(aliases: Aliases, models: Sequence[str] = ()) -> Iterator[Problem]:
    """`models`: those that the group has by their own names."""
    if len(aliases) > MOST_NAMES:
        yield (
            "",
            _("has %(count)s aliases; %(most)s are allowed")
            % {"count": len(aliases), "most": MOST_NAMES},
        )
        return
    for alias, model in aliases.items():
        place = f".{alias[:LONGEST_NAME]}"
        if problem := _unlike(alias, _NAME, "fast"):
            yield place, _("the alias %(problem)s") % {"problem": problem}
        elif problem := _unlike(model, _NAME, "gemini-2.5-flash"):
            yield place, problem
        elif model == alias:
            yield place, _("stands for itself; name the model that is to be asked, or leave it out")
        elif model in aliases:
            yield (
                place,
                _(
                    "stands for %(model)s, which is an alias itself; name the model that is to be"
                    " asked"
                )
                % {"model": model},
            )
        elif alias in models:
            yield (
                place,
                _("hides the model %(alias)s of models; give one of the two another name")
                % {"alias": alias},
            )


def fallbacks_problems(fallbacks: Fallbacks, aliases: Aliases | None = None) -> Iterator[Problem]:
    """`aliases`: of the same group."""
    if len(fallbacks) > MOST_NAMES:
        yield (
            "",
            _("has %(count)s models; %(most)s are allowed")
            % {"count": len(fallbacks), "most": MOST_NAMES},
        )
        return
    is_sound = True
    for model, after in fallbacks.items():
        for place, problem in _problems_of_list(model, after):
            is_sound = False
            yield f".{model[:LONGEST_NAME]}{place}", problem
    if is_sound and (loop := _loop(fallbacks, aliases or {})):
        way = " → ".join(loop)
        yield (
            f".{loop[0]}",
            _("leads back to itself (%(way)s); take one of them out") % {"way": way},
        )


def _problems_of_list(model: str, after: Sequence[str]) -> Iterator[Problem]:
    if problem := _unlike(model, _NAME, "gemini-2.5-pro"):
        yield "", _("the model %(problem)s") % {"problem": problem}
    if not after:
        yield "", _("must not be empty; name the models that are asked instead")
    if len(after) > MOST_NEXT:
        yield (
            "",
            _("has %(count)s models; %(most)s are allowed")
            % {"count": len(after), "most": MOST_NEXT},
        )
    yield from _problems_of_names(after, _NAME, "gemini-2.5-flash")


def _problems_of_names(
    names: Sequence[str], shape: re.Pattern[str], example: str
) -> Iterator[Problem]:
    for index, name in enumerate(names):
        if problem := _unlike(name, shape, example):
            yield f"[{index}]", problem
        elif (first := names.index(name)) != index:
            yield f"[{index}]", _("is [%(place)s] again") % {"place": first}


def _unlike(name: str, shape: re.Pattern[str], example: str) -> str | None:
    if not name:
        return _("must not be empty")
    if len(name) > LONGEST_NAME:
        return _("has %(count)s characters; %(most)s are allowed") % {
            "count": len(name),
            "most": LONGEST_NAME,
        }
    if shape.fullmatch(name) is None or ".." in name:
        return _("is no name of a model such as %(example)s") % {"example": example}
    return None


def unlike_pattern(name: str) -> str | None:
    """Why it is no name of models, `*` for any part."""
    return _unlike(name, _PATTERN, "gemini-2.5-flash or gemini-*")


def _loop(fallbacks: Fallbacks, aliases: Aliases) -> list[str]:
    """The models of the first loop, the first of them at both ends; empty: there is none.

    An alias is the model that it stands for.
    """
    after = {
        aliases.get(model, model): [aliases.get(name, name) for name in names]
        for model, names in fallbacks.items()
    }
    done: set[str] = set()
    for start in after:
        way = [start]
        waiting = [iter(after[start])]
        while waiting:
            name = next(waiting[-1], None)
            if name is None:
                done.add(way.pop())
                waiting.pop()
            elif name in way:
                return [*way[way.index(name) :], name]
            elif name not in done:
                way.append(name)
                waiting.append(iter(after.get(name, ())))
    return []


def said_of(problems: Iterable[Problem]) -> list[str]:
    """A sentence for each, with its entry in front."""
    return [
        f"{place.removeprefix('.')}: {problem}.".removeprefix(": ") for place, problem in problems
    ]


# As text, for the admin's forms and for lines of reports: an entry a line, in the words of the
# config file.


def model_lines(models: Sequence[str]) -> list[str]:
    return list(models)


def alias_lines(aliases: Aliases) -> list[str]:
    return [f"{alias}: {model}" for alias, model in sorted(aliases.items())]


def fallback_lines(fallbacks: Fallbacks) -> list[str]:
    return [f"{model}: {', '.join(after)}" for model, after in sorted(fallbacks.items())]


def models_of_lines(text: str) -> list[str]:
    return [plain_name(line) for line in text.splitlines() if line.strip()]


def aliases_of_lines(text: str) -> dict[str, str]:
    """Raises ValueError with what is wrong, for a line that is no `alias: model`."""
    return {plain_name(alias): plain_name(model) for alias, model in _entries(text, "fast: MODEL")}


def fallbacks_of_lines(text: str) -> dict[str, list[str]]:
    """Raises ValueError with what is wrong, for a line that is no `model: next, next`."""
    return {
        plain_name(model): [plain_name(name) for name in after.split(",") if name.strip()]
        for model, after in _entries(text, "MODEL: NEXT, NEXT")
    }


def _entries(text: str, example: str) -> Iterator[tuple[str, str]]:
    names = set()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        found = _ENTRY.fullmatch(line.strip())
        if found is None:
            raise ValueError(
                _("Line %(number)s is not of the form %(example)s.")
                % {"number": number, "example": example}
            )
        if (name := plain_name(found[1])) in names:
            raise ValueError(
                _("Line %(number)s names %(name)s again.")
                % {"number": number, "name": name[:LONGEST_NAME]}
            )
        names.add(name)
        yield found[1], found[2]
