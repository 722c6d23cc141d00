"""Client tokens that are limited to groups, and lose them or the last usable key in them."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from proxyapp.models import ApiKey, ClientToken
from proxyapp.models.key_state import of_off_groups
from proxyapp.operators.token_standing import tokens_in
from proxyapp.vocabulary.choices import KeyStatus
from proxyapp.vocabulary.marks import gettext_noop

STRANDED = {
    "Now": gettext_noop("Now without a usable key: %(tokens)s."),
    "Then": gettext_noop("Then without a usable key: %(tokens)s."),
    "While it is off,": gettext_noop("While it is off, without a usable key: %(tokens)s."),
}
# Named; the others are counted.
SHOWN = 10


class Dependents(NamedTuple):
    """Names. `stranded`: without a usable key; a key that is cooling is one, as it comes back.

    `narrowed`: they lose a group and keep usable keys in another.
    """

    stranded: Sequence[str] = ()
    narrowed: Sequence[str] = ()

    def lines(self, when: str, *, is_named: bool = True) -> list[str]:
        """`when`: one of STRANDED. `is_named`: else they are only counted."""
        parts = (
            (_(STRANDED[when]), self.stranded),
            (_("Less by a group: %(tokens)s."), self.narrowed),
        )
        return [
            text % {"tokens": _listed(names, is_named=is_named)} for text, names in parts if names
        ]


def dependents(key_ids: Collection[int], group_ids: Collection[int] = ()) -> Dependents:
    """Of these keys and groups, asked before they go."""
    groups_of = _groups_by_token()
    usable = _usable_keys(set().union(*groups_of.values())) if groups_of else {}
    gone, gone_groups = set(key_ids), set(group_ids)
    left = {
        pk for pk, keys in usable.items() if pk not in gone_groups and not gone.issuperset(keys)
    }
    touched = {
        name: groups
        for name, groups in groups_of.items()
        if groups & gone_groups or any(not gone.isdisjoint(usable.get(pk, ())) for pk in groups)
    }
    return Dependents(
        stranded=[name for name, groups in touched.items() if not groups & left],
        narrowed=[
            name for name, groups in touched.items() if groups & left and groups & gone_groups
        ],
    )


def _groups_by_token() -> Mapping[str, set[int]]:
    """Of tokens that let somebody in, in the order of their names."""
    limited = ClientToken.objects.filter(is_limited_to_groups=True).order_by("name")
    rows = tokens_in(limited, "active", timezone.now()).exclude(allowed_groups=None)
    groups: defaultdict[str, set[int]] = defaultdict(set)
    for name, group_id in rows.values_list("name", "allowed_groups"):
        groups[name].add(group_id)
    return groups


def _usable_keys(group_ids: Collection[int]) -> Mapping[int, set[int]]:
    keys: defaultdict[int, set[int]] = defaultdict(set)
    active = ApiKey.objects.filter(status=KeyStatus.ACTIVE, group__in=group_ids).order_by()
    rows = active.exclude(of_off_groups(timezone.now()))
    for pk, group_id in rows.values_list("pk", "group_id"):
        keys[group_id].add(pk)
    return keys


def _listed(names: Sequence[str], *, is_named: bool) -> str:
    if not is_named:
        text = ngettext("%(count)d client token", "%(count)d client tokens", len(names))
    elif len(names) > SHOWN:
        text = _("%(count)d client tokens (%(names)s and %(more)d more)")
    else:
        text = ngettext(
            "%(count)d client token (%(names)s)", "%(count)d client tokens (%(names)s)", len(names)
        )
    return text % {
        "count": len(names),
        "names": ", ".join(names[:SHOWN]),
        "more": len(names) - SHOWN,
    }
