"""What groups here may not have, of what a file gives them: that much is left out, and stops no
other.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from proxyapp.peers.moved import MovedGroup, MovedIn
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.masking import masked_key
from proxyapp.vocabulary.quoting import quoted

PROBLEM = re.compile(
    r"groups\[(\d+)\](?:\.(api_keys|proxy_pool)\[(\d+)\])?\.?(.*?): (.*)", re.DOTALL
)
# The number of a group, the name of a list of it and a number in that.
Place = tuple[int, str, int]


def leave_unfit(moved: MovedIn, problems: Sequence[str]) -> bool:
    """False, with nothing done: there is more than that, or nothing else.

    A key goes no other way than the file says: without its target or its exits it is left out.
    """
    found = [each for problem in problems if (each := PROBLEM.fullmatch(problem))]
    places = {_place(each) for each in found}
    whole = {number for number, field, __ in places if not field} | _emptied(moved, places)
    if len(found) < len(problems) or len(whole) == len(moved.groups):
        return False
    for each in found:
        why = f"{each[4]}: {each[5]}" if each[4] else each[5]
        moved.leave(_shown(moved.groups[int(each[1])], *_place(each)[1:]), why)
    unfit = defaultdict[tuple[int, str], set[int]](set)
    for number, field, index in places:
        unfit[number, field].add(index)
    for (number, field), indices in unfit.items():
        if field:
            _keep(moved.groups[number], field, indices)
    moved.drop([moved.groups[number] for number in whole])
    return True


def _place(found: "re.Match[str]") -> Place:
    return int(found[1]), found[2] or "", int(found[3] or 0)


def _emptied(moved: MovedIn, places: set[Place]) -> set[int]:
    """Groups of which a list has nothing left."""
    counts = Counter((number, field) for number, field, __ in places if field)
    return {
        number
        for (number, field), count in counts.items()
        if count == len(_listed(moved.groups[number], field))
    }


def _listed(group: MovedGroup, field: str) -> list[Any]:
    entries: list[Any] = group.keys if field == "api_keys" else group.fields[field]
    return entries


def _keep(group: MovedGroup, field: str, unfit: set[int]) -> None:
    """In a list of its own: several groups may have one pool."""
    kept = [each for at, each in enumerate(_listed(group, field)) if at not in unfit]
    if field == "api_keys":
        group.keys = kept
    else:
        group.fields[field] = kept


def _shown(group: MovedGroup, field: str, index: int) -> str:
    name = _("group %(name)s") % {"name": quoted(group.name)}
    if field == "api_keys":
        return f"{name}.{masked_key(group.keys[index].secret)}"
    return f"{name}.{field}[{index}]" if field else name
