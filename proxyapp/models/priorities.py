"""Who comes before whom."""

from collections.abc import Iterator

from django.db.models.functions import Coalesce

from proxyapp.models.api_key import ApiKey
from proxyapp.models.group import Group
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.quoting import quoted


def spills_to_nobody() -> Iterator[str]:
    """What is to be said of groups that spill, and have no keys behind them."""
    spilling = dict(Group.objects.exclude(spill_after=None).values_list("pk", "name"))
    if not spilling:
        return
    keys = ApiKey.objects.order_by().annotate(turn=Coalesce("priority", "group__priority"))
    there = list(keys.values_list("group_id", "turn").distinct())
    last = max((turn for _, turn in there), default=0)
    for pk, name in spilling.items():
        first = min((turn for group_id, turn in there if group_id == pk), default=last)
        if first >= last:
            yield _(
                "group %(group)s: spill does nothing, for no key has a higher priority number than"
                " %(first)s; give those that shall answer then %(next)s or more"
            ) % {"group": quoted(name), "first": first, "next": first + 1}
