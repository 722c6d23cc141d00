"""A conversation stays at one project while that is available; who has none takes turns as ever."""

import time
from collections import Counter
from typing import Any

import pytest

from proxyapp.pool.cooldowns import Cooldowns
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.probation import Recovery
from proxyapp.pool.queue import KeyQueue
from proxyapp.pool.ring_names import ALL_GROUPS
from proxyapp.pool.snapshot import Snapshot, build
from proxyapp.pool.wish import KeyWish
from tests.support.snapshots import Picks, group

PRO = "gemini-2.5-pro"
SOON = time.time() + 86_400


def pool(*groups: tuple[int, int], projects: int = 5, keys: int = 2) -> Snapshot:
    """Each group: priority and weight. Its projects have its number in front; their keys come in
    turn.
    """
    made = [
        group(number, f"g{number}", priority=priority, weight=weight, sticky="session")
        for number, (priority, weight) in enumerate(groups or [(0, 1)])
    ]
    labels = [
        (each, f"{each.id}-{n}") for each in made for _ in range(keys) for n in range(projects)
    ]
    return build(
        1,
        made,
        [
            PoolKey(number, each, f"K{number}", "…", "active", label, position=number)
            for number, (each, label) in enumerate(labels, 1)
        ],
        Cooldowns(),
    )


class Desk:
    def __init__(self, snapshot: Snapshot) -> None:
        self.pool = snapshot
        self.recovery = Recovery(snapshot.past_refusals)
        self.queue = KeyQueue(Picks(snapshot), self.recovery, snapshot)  # type: ignore[arg-type]

    def wish(self, conversation: int | None = 1, **fields: Any) -> KeyWish:
        fields = {"quota_scope": PRO, "arrived_at": 0.0, **fields}
        return KeyWish(ALL_GROUPS, conversation=conversation, **fields)

    async def key(self, conversation: int | None = 1, **fields: Any) -> PoolKey:
        wish = self.wish(conversation, **fields)
        turn = self.queue.turn_now(wish) or await self.queue.next(wish)
        assert turn is not None
        return turn.key

    async def projects(self, conversation: int | None, times: int = 6) -> set[str]:
        return {(await self.key(conversation)).quota_owner for _ in range(times)}


async def test_a_conversation_stays_at_a_project_whose_keys_take_turns():
    desk = Desk(pool())

    picked = [await desk.key() for _ in range(6)]

    assert len({key.project for key in picked}) == 1
    assert sorted(Counter(key.id for key in picked).values()) == [3, 3]


async def test_conversations_are_spread_over_all_projects():
    desk = Desk(pool(projects=10))

    met = Counter([(await desk.key(number * 2**40 + 7 * number)).project for number in range(5000)])

    assert len(met) == 10
    assert all(350 < count < 650 for count in met.values())


async def test_each_process_comes_to_the_same_project():
    one, other = Desk(pool(projects=9)), Desk(pool(projects=9))

    for number in range(1, 2**62, 2**57):
        assert await one.projects(number) == await other.projects(number)


async def test_while_its_project_is_out_it_stays_at_the_next_and_then_comes_back():
    desk = Desk(pool())
    (first,) = await desk.projects(1)
    keys = [key.id for key in desk.pool.keys.values() if key.quota_owner == first]
    for key_id in keys:
        desk.pool.cool(key_id, SOON, quota_scope=PRO)

    (second,) = await desk.projects(1)

    assert second != first
    assert {(await desk.key(1, quota_scope="other")).quota_owner for _ in range(4)} == {first}
    for key_id in keys:
        desk.pool.release(key_id, PRO)
        for ring in desk.pool.rings_of(key_id):
            ring.settle(key_id, time.time())
    assert await desk.projects(1) == {first}


async def test_a_key_that_was_tried_leaves_the_others_of_its_project():
    desk = Desk(pool())
    first = await desk.key()

    other = await desk.key(tried={first.id})
    third = await desk.key(tried={first.id, other.id})

    assert other.project == first.project
    assert third.project != first.project


async def test_the_groups_that_failed_are_passed_by():
    desk = Desk(pool((0, 1), (0, 1)))
    failed = (await desk.key()).group.id

    assert (await desk.key(failed_groups={failed})).group.id != failed


async def test_when_nobody_is_available_there_is_no_key():
    desk = Desk(pool())
    for key_id in desk.pool.keys:
        desk.pool.cool(key_id, SOON)

    assert await desk.queue.next(desk.wish()) is None


async def test_the_first_priority_comes_first_and_the_next_has_its_own_stay():
    desk = Desk(pool((1, 1), (0, 1)))

    assert {(await desk.key(number * 2**50)).group.id for number in range(50)} == {1}
    for key in desk.pool.keys.values():
        if key.group.id == 1:
            desk.pool.cool(key.id, SOON)
    found = await desk.projects(1)
    assert len(found) == 1
    assert found.pop().startswith("project:0-")


async def test_a_group_of_more_weight_has_more_conversations():
    desk = Desk(pool((0, 1), (0, 3)))

    met = Counter(
        [(await desk.key(number * 2**40 + 7 * number)).group.id for number in range(4000)]
    )

    assert met[1] == pytest.approx(3000, rel=0.08)


async def test_a_key_without_a_project_is_its_own():
    desk = Desk(pool())
    for key in list(desk.pool.keys.values()):
        assert key.quota_owner == f"project:{key.project}"
    bare = PoolKey(99, desk.pool.order[0], "K99", "…", "active")
    assert bare.quota_owner == "key:99"


async def test_others_take_the_turns_that_they_took_without_it():
    desk, plain = Desk(pool()), Desk(pool())

    mixed = []
    for _ in range(20):
        mixed.append((await desk.key(None)).id)
        await desk.key(1)

    assert mixed == [(await plain.key(None)).id for _ in range(20)]


async def test_a_key_with_another_label_in_its_old_place_is_its_new_projects():
    desk = Desk(pool(projects=3))
    first = await desk.key()
    for key in [each for each in desk.pool.keys.values() if each.project == first.project]:
        changed = PoolKey(
            key.id, key.group, key.secret, "…", "active", "moved", position=key.position
        )
        desk.pool.keys[key.id] = changed
        for ring in desk.pool.rings_of(key.id):
            ring.replace(changed)

    await desk.key()

    found = {(await desk.key(number)).quota_owner for number in range(1, 2**62, 2**55)}
    assert found == {f"project:0-{n}" for n in range(3)} - {first.quota_owner} | {"project:moved"}


async def test_millions_of_conversations_leave_nothing_behind():
    desk = Desk(pool())
    for number in range(3000):
        await desk.key(number * 2**45)

    circles = desk.queue._stays._circles
    assert len(circles) == 1
    assert all(len(circle._next) <= 5 for circle in circles.values())


async def test_a_ring_that_changes_leaves_no_old_line_behind():
    desk = Desk(pool((0, 1), (1, 1)))
    first = await desk.key()
    for _ in range(3):
        ring = desk.pool.rings[ALL_GROUPS]
        desk.pool.rings[ALL_GROUPS] = ring.in_line(desk.pool.line_of(ALL_GROUPS), {})
        assert (await desk.key()).project == first.project

    circles = desk.queue._stays._circles
    assert [circle.line for circle in circles.values()] == [desk.pool.rings[ALL_GROUPS].line]


async def test_a_priority_that_spills_is_passed_over_by_conversations_too(
    monkeypatch: pytest.MonkeyPatch,
):
    desk = Desk(pool((0, 1), (1, 1)))
    desk.pool.is_plain = False
    assert (await desk.key()).group.id == 0

    monkeypatch.setattr(Picks, "passed_over", lambda *_: {0})

    assert (await desk.key()).group.id == 1
