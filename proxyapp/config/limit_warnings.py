"""What of limits in a config file is allowed, and hardly meant."""

from collections.abc import Iterator, Sequence

from proxyapp.config.contents import GroupConfig
from proxyapp.models import Group, ModelHour
from proxyapp.quota.limit_book import fits
from proxyapp.quota.tiers import limits_of_tier
from proxyapp.vocabulary.choices import Tier
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.limits import Limits, contradictions
from proxyapp.vocabulary.masking import masked_key
from proxyapp.vocabulary.project_fields import ProjectSettings
from proxyapp.vocabulary.quoting import quoted

MOST_SHOWN = 20


def limit_warnings(groups: Sequence[GroupConfig], projects: Sequence[ProjectSettings]) -> list[str]:
    """Belongs behind the import: the database's groups name models, too."""
    places = [(place, limits) for place, limits in _places(groups, projects) if limits]
    known = _known_models() if places else frozenset[str]()
    found = [line for place, limits in places for line in _warnings(place, limits, known)]
    more = [_("%(count)s more limits are hardly meant") % {"count": len(found) - MOST_SHOWN}]
    return found if len(found) <= MOST_SHOWN else found[:MOST_SHOWN] + more


def _places(
    groups: Sequence[GroupConfig], projects: Sequence[ProjectSettings]
) -> Iterator[tuple[str, Limits]]:
    for group in groups:
        yield _("group %(name)s") % {"name": quoted(group.name)}, group.limits
        for key in group.api_keys:
            names = {"key": masked_key(key.secret), "group": quoted(group.name)}
            yield _("key %(key)s of group %(group)s") % names, key.limits
    for project in projects:
        yield _("project %(name)s") % {"name": quoted(project.name)}, project.limits


def _warnings(place: str, limits: Limits, known: frozenset[str]) -> Iterator[str]:
    for pattern in limits:
        if not any(fits(pattern, name) or fits(name, pattern) for name in known):
            yield _(
                "%(place)s: limits.%(model)s fits no model that was asked lately or is named by a"
                " group: is it spelled as clients name it?"
            ) % {"place": place, "model": pattern}
    for inner, problem in contradictions(limits):
        yield f"{place}: limits{inner}: {problem}"


def _known_models() -> frozenset[str]:
    """Those of the last days, of tiers and of groups, where a `*` may stand."""
    names = set(ModelHour.objects.order_by().values_list("model", flat=True).distinct())
    for tier in Tier:
        names |= limits_of_tier(tier).keys()
    columns = ("models", "aliases", "fallbacks")
    for models, aliases, fallbacks in Group.objects.order_by().values_list(*columns):
        names |= {*models, *aliases, *aliases.values(), *fallbacks}
        names |= {name for after in fallbacks.values() for name in after}
    return frozenset(names - {"", "*"})
