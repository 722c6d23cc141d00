"""What an operator says of models: which ones a group has, by which other names they are asked for,
and which come next when no key is left for one.

The same for the config file and the admin. A check yields what is wrong: where in the value, as
`[0]` or `.fast`, and the problem.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

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
        yield "", f"has {len(models)} names; {MOST_NAMES} are allowed"
        return
    yield from _problems_of_names(models, _PATTERN, "gemini-2.5-flash or gemini-*")


def aliases_problems(aliases: Aliases, models: Sequence[str] = ()) -> Iterator[Problem]:
    """`models`: those that the group has by their own names."""
    if len(aliases) > MOST_NAMES:
        yield "", f"has {len(aliases)} aliases; {MOST_NAMES} are allowed"
        return
    for alias, model in aliases.items():
        place = f".{alias[:LONGEST_NAME]}"
        if problem := _unlike(alias, _NAME, "fast"):
            yield place, f"the alias {problem}"
        elif problem := _unlike(model, _NAME, "gemini-2.5-flash"):
            yield place, problem
        elif model == alias:
            yield place, "stands for itself; name the model that is to be asked, or leave it out"
        elif model in aliases:
            yield (
                place,
                f"stands for {model}, which is an alias itself; name the model that is to be asked",
            )
        elif alias in models:
            yield place, f"hides the model {alias} of models; give one of the two another name"


def fallbacks_problems(fallbacks: Fallbacks, aliases: Aliases | None = None) -> Iterator[Problem]:
    """`aliases`: of the same group."""
    if len(fallbacks) > MOST_NAMES:
        yield "", f"has {len(fallbacks)} models; {MOST_NAMES} are allowed"
        return
    is_sound = True
    for model, after in fallbacks.items():
        for place, problem in _problems_of_list(model, after):
            is_sound = False
            yield f".{model[:LONGEST_NAME]}{place}", problem
    if is_sound and (loop := _loop(fallbacks, aliases or {})):
        way = " → ".join(loop)
        yield f".{loop[0]}", f"leads back to itself ({way}); take one of them out"


def _problems_of_list(model: str, after: Sequence[str]) -> Iterator[Problem]:
    if problem := _unlike(model, _NAME, "gemini-2.5-pro"):
        yield "", f"the model {problem}"
    if not after:
        yield "", "must not be empty; name the models that are asked instead"
    if len(after) > MOST_NEXT:
        yield "", f"has {len(after)} models; {MOST_NEXT} are allowed"
    yield from _problems_of_names(after, _NAME, "gemini-2.5-flash")


def _problems_of_names(
    names: Sequence[str], shape: re.Pattern[str], example: str
) -> Iterator[Problem]:
    for index, name in enumerate(names):
        if problem := _unlike(name, shape, example):
            yield f"[{index}]", problem
        elif (first := names.index(name)) != index:
            yield f"[{index}]", f"is [{first}] again"


def _unlike(name: str, shape: re.Pattern[str], example: str) -> str | None:
    if not name:
        return "must not be empty"
    if len(name) > LONGEST_NAME:
        return f"has {len(name)} characters; {LONGEST_NAME} are allowed"
    if shape.fullmatch(name) is None or ".." in name:
        return f"is no name of a model such as {example}"
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
            raise ValueError(f"Line {number} is not of the form {example}.")
        if (name := plain_name(found[1])) in names:
            raise ValueError(f"Line {number} names {name[:LONGEST_NAME]} again.")
        names.add(name)
        yield found[1], found[2]
