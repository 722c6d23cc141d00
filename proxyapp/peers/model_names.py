"""Names of models in other gateways' files, as a group here has them."""

from collections.abc import Mapping, Sequence

from proxyapp.peers.moved import MovedGroup, MovedIn
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.limits import limits_problems
from proxyapp.vocabulary.model_lists import MOST_NEXT, problems_of_group
from proxyapp.vocabulary.quoting import quoted

NAMES_OF_FIELDS = ("models", "aliases", "fallbacks")


def put_models(
    group: MovedGroup,
    names: Mapping[str, str],
    moved: MovedIn,
    fallbacks: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """`names`: as clients ask, and as the target has them. With a `*` the group has every model."""
    has_all = "*" in names.values()
    models = [] if has_all else list(dict.fromkeys(filter(None, names.values())))
    aliases = {name: model for name, model in names.items() if _is_alias(name, model)}
    nexts = {
        names[model]: [names.get(each, each) for each in after][:MOST_NEXT]
        for model, after in (fallbacks or {}).items()
        if model in names and after
    }
    put_fields(group, moved, models, aliases, nexts)


def put_fields(
    group: MovedGroup,
    moved: MovedIn,
    models: Sequence[str] = (),
    aliases: Mapping[str, str] | None = None,
    fallbacks: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Those that a group can have; the others are left where they are."""
    values = (list(models), dict(aliases or {}), dict(fallbacks or {}))
    problems = problems_of_group(*values)
    for field, value in zip(NAMES_OF_FIELDS, values, strict=True):
        wrong = [f"{inner} {problem}".strip() for inner, problem in problems[field]]
        if wrong:
            place = _("%(field)s of group %(group)s")
            said = {"field": field, "group": quoted(group.name)}
            moved.leave(place % said, "; ".join(wrong[:3]))
        elif value:
            group.fields[field] = value


def put_limits(group: MovedGroup, limits: Mapping[str, Mapping[str, int]], moved: MovedIn) -> None:
    wrong = [f"{inner} {problem}".strip() for inner, problem in limits_problems(limits)]
    if wrong:
        place = _("%(field)s of group %(group)s")
        said = {"field": "limits", "group": quoted(group.name)}
        moved.leave(place % said, "; ".join(wrong[:3]))
    else:
        group.fields["limits"] = limits


def _is_alias(name: str, model: str) -> bool:
    return bool(name) and name != model and "*" not in name + model
