"""Which keys an operator means: an id, a name, the masked form, a group, or the whole key."""

from collections.abc import Iterable, Iterator, Sequence

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from proxyapp.models import ApiKey, Group
from proxyapp.models.sealed import keyed_hashes
from proxyapp.vocabulary.masking import masked_key

GROUP_PREFIX = "group:"
# Enough to see which ones are meant.
SHOWN_IDS = 5


class UnclearChoice(Exception):
    """A selector fits nothing, or more than it may. The text never repeats a key."""


def choose(selectors: Iterable[str], *, is_exact: bool) -> QuerySet[ApiKey]:
    """The keys that any of the selectors names.

    With `is_exact` a name or masked form must fit one key only.

    Raises UnclearChoice, which names every selector that fits nothing.
    """
    ids: set[int] = set()
    groups: set[int] = set()
    unknown: list[str] = []
    for selector in map(str.strip, selectors):
        if found := _keys(selector, is_exact=is_exact):
            ids.update(found)
        elif group := _group(selector):
            groups.add(group)
        else:
            unknown.append(_shown(selector))
    if unknown:
        text = _("No key and no group fits %(selectors)s. Nothing was changed.")
        raise UnclearChoice(text % {"selectors": ", ".join(unknown)})
    return ApiKey.objects.filter(Q(pk__in=ids) | Q(group__in=groups))


def _keys(selector: str, *, is_exact: bool) -> Sequence[int]:
    """What the selector fits first, in the order of `_meanings`."""
    if selector.lower().startswith(GROUP_PREFIX):
        return []
    for meaning in _meanings(selector):
        ids = list(ApiKey.objects.filter(meaning).values_list("pk", flat=True))
        if len(ids) > 1 and is_exact:
            raise UnclearChoice(_ambiguous(selector, ids))
        if ids:
            return ids
    return []


def _meanings(selector: str) -> Iterator[Q]:
    if selector.isascii() and selector.isdecimal() and len(selector) < 19:
        yield Q(pk=int(selector))
    yield Q(key_hash__in=keyed_hashes(selector))
    yield Q(name=selector) & ~Q(name="")
    yield Q(masked=selector)


def _group(selector: str) -> int | None:
    """Its id: a group may have 10,000 keys, more than some databases take as parameters.

    It may also have none.
    """
    has_prefix = selector.lower().startswith(GROUP_PREFIX)
    name = selector[len(GROUP_PREFIX) :].strip() if has_prefix else selector
    return Group.objects.filter(name__iexact=name).values_list("pk", flat=True).first()


def _ambiguous(selector: str, ids: Sequence[int]) -> str:
    shown = ", ".join(str(pk) for pk in sorted(ids)[:SHOWN_IDS])
    more = ", …" if len(ids) > SHOWN_IDS else ""
    return _(
        "%(selector)s fits %(count)d keys: say which by id (%(ids)s). Nothing was changed."
    ) % {"selector": _shown(selector), "count": len(ids), "ids": f"{shown}{more}"}


def _shown(selector: str) -> str:
    """A mistyped key must not land in a terminal's history of output or in a log."""
    if selector.lower().startswith(GROUP_PREFIX) or len(selector) < 16:
        return f"'{selector}'"
    return f"'{masked_key(selector)}'"
