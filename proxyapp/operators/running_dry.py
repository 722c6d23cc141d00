"""Which pools will have no key left today, if their keys are used up as fast as they were so far.

The rule: a key is used up for a model when a daily quota took it out since the last midnight in the
Pacific zone, where the providers' days begin. From the number of those and the hours since follows
the rate, from the rate and the keys that are left the time when none is. It counts if it comes
before the first of the used up keys is good again. An hour is the least that a rate is taken from:
the first refusal after midnight tells nothing.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from proxyapp.operators.standing import GroupFacts, Standing
from proxyapp.provider.kind_sets import DAY_KINDS, SPENT_DAY_KINDS
from proxyapp.provider.reset_times import PACIFIC

SHORTEST = timedelta(hours=1)
Place = tuple[int, str]  # a group's id, and a model or "" for all of them


@dataclass(frozen=True, slots=True)
class Drying:
    """`at`: when the group has no key left for the model (empty: for any).

    `reset`: when the first is back.
    """

    group: GroupFacts
    model: str
    at: datetime
    reset: datetime


def dry_at(
    *, used_up: int, left: int, since: datetime, now: datetime, reset: datetime
) -> datetime | None:
    """When the last key is out; None: not before `reset`."""
    if not used_up:
        return None
    at = now + max(now - since, SHORTEST) * left / used_up
    return at if at < reset else None


def pacific_midnight(now: datetime) -> datetime:
    """The last one, at `now` at the latest."""
    return datetime.combine(now.astimezone(PACIFIC).date(), time(), tzinfo=PACIFIC)


def running_dry(standing: Standing, now: datetime) -> list[Drying]:
    """The one that comes first in front.

    What a group lacks for all models is not repeated for each.
    """
    out, used_up, resets = _day_cooldowns(standing, pacific_midnight(now))
    groups = {group.id: group for group in standing.facts.groups}
    found: dict[Place, Drying] = {}
    for group_id, model in sorted(used_up):
        places = {(group_id, ""), (group_id, model)}
        reset = min(resets[place] for place in places if place in resets)
        at = dry_at(
            used_up=len(set().union(*(used_up.get(place, ()) for place in places))),
            left=standing.active_in(group_id)
            - len(set().union(*(out.get(place, ()) for place in places))),
            since=pacific_midnight(now),
            now=now,
            reset=reset,
        )
        whole = found.get((group_id, ""))
        if at is not None and (whole is None or at < whole.at):
            found[group_id, model] = Drying(groups[group_id], model, at, reset)
    return sorted(found.values(), key=lambda drying: (drying.at, drying.group.name, drying.model))


def _day_cooldowns(
    standing: Standing, since: datetime
) -> tuple[dict[Place, set[int]], dict[Place, set[int]], dict[Place, datetime]]:
    """Active keys out for the day, those used up since, and when the first of these is back."""
    out: defaultdict[Place, set[int]] = defaultdict(set)
    used_up: defaultdict[Place, set[int]] = defaultdict(set)
    resets: dict[Place, datetime] = {}
    for (owner, model), cooldown in standing.held.items():
        if cooldown.kind not in DAY_KINDS:
            continue
        is_used_up = cooldown.kind in SPENT_DAY_KINDS and cooldown.occurred_at >= since
        for key in standing.active_of(owner):
            place = key.group_id, model
            out[place].add(key.id)
            if is_used_up:
                used_up[place].add(key.id)
                resets[place] = min(cooldown.until, resets.get(place, cooldown.until))
    return out, used_up, resets
