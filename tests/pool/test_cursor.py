"""Every key gets its turn: in threads, in processes, and after a restart."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from proxyapp.models import ApiKey, Group, RotationCursor
from proxyapp.pool import cursor
from proxyapp.pool.cursor import Lease, Progress
from proxyapp.pool.leasing import Pace
from proxyapp.pool.ring import Ring
from proxyapp.pool.ring_names import ALL_GROUPS
from proxyapp.pool.rotor import Rotor
from proxyapp.pool.store import PoolReader
from tests.support.picking import picks_of
from tests.support.shared_database import shared_database
from tests.support.snapshots import snapshot

PICKS = 500
KEYS = 10


ADD_KEYS = (
    "from proxyapp.models import *; g = Group.objects.create(name='g')\n"
    f"for n in range({KEYS}):\n    k = ApiKey(group=g, position=n); "
    "k.set_secret(f'SECRET-{n}'); k.save()"
)


@pytest.fixture
def database_of_ten_keys(tmp_path):
    with shared_database(tmp_path, ADD_KEYS) as environment:
        yield environment


def take_out(ring: Ring, key_id: int) -> None:
    ring.cooldowns.extend(key_id, "", 100.0, is_daily=False)
    ring.withdraw(key_id)


@pytest.mark.parametrize("lease", ["1", "0"], ids=["a lock a request", "leased laps"])
@pytest.mark.parametrize(
    ("processes", "threads"), [(1, 8), (4, 1)], ids=["8 threads", "4 processes"]
)
def test_every_key_gets_its_exact_share(database_of_ten_keys, lease, processes, threads):
    environment = {**database_of_ten_keys, "ROTATION_LEASE": lease}

    picks = picks_of(environment, PICKS, processes=processes, threads=threads)

    assert len(picks) == PICKS * processes * threads
    assert len({slot for slot, _ in picks}) == len(picks), "a slot was picked twice"
    assert set(Counter(key for _, key in picks).values()) == {PICKS * processes * threads // KEYS}


def walk(rotor: Rotor, count: int, now: float = 10.0) -> list[int]:
    picks = [rotor.pick(now) for _ in range(count)]
    return [pick.key.id for pick in picks if pick is not None]


def test_a_rotor_walks_in_order_and_stops_at_the_end_of_its_lease():
    rotor = Rotor(snapshot().rings[ALL_GROUPS])
    rotor.add(Lease(3, 9, 0))

    assert walk(rotor, 7) == [1, 2, 3, 1, 2, 3]


def test_skipping_a_cooling_key_gives_its_neighbour_no_double_share():
    pool = snapshot("aaaa")
    pool.cool(2, 100.0)
    rotor = Rotor(pool.rings[ALL_GROUPS])
    rotor.add(Lease(0, 400, 0))

    assert Counter(walk(rotor, 90)) == {1: 30, 3: 30, 4: 30}


def test_a_lease_that_follows_is_walked_without_a_break():
    rotor = Rotor(snapshot().rings[ALL_GROUPS])
    rotor.add(Lease(0, 3, 0))
    rotor.add(Lease(9, 12, 0))

    assert walk(rotor, 6) == [1, 2, 3, 1, 2, 3]
    assert rotor.pick(10.0) is None


def test_a_new_ring_goes_on_with_the_key_whose_turn_it_was():
    rotor = Rotor(snapshot("aaa").rings[ALL_GROUPS])
    rotor.add(Lease(0, 33, 0))
    walk(rotor, 1)

    bigger, start_at = rotor.replaced(snapshot("aaaaa").rings[ALL_GROUPS])
    same, no_start = rotor.replaced(snapshot("ada").rings[ALL_GROUPS])

    assert (start_at, bigger.is_started) == (2, False)
    assert (same, no_start) == (rotor, None)
    assert walk(same, 2) == [3, 1]


def moved(rotor: Rotor) -> Progress:
    progress = rotor.progress()
    assert progress is not None
    return progress


@pytest.mark.parametrize(
    ("picks", "size", "available", "slots"),
    [
        (32, 3, 3, 33),
        (32, 32, 32, 32),
        (32, 100, 100, 100),
        (32, 10, 1, 320),
        (50, 3, 3, 51),
        (32, 3, 0, 96),
    ],
)
def test_leases_are_whole_laps(picks: int, size: int, available: int, slots: int):
    assert cursor.lease_slots(size, available, picks) == slots


def test_leases_grow_while_they_do_not_last_and_shrink_again(settings):
    settings.ROTATION_LEASE = 0
    pace = Pace()

    growing = [pace.picks(now) for now in (100.0, 100.1, 100.2, 100.3)]
    most = [pace.picks(100.3 + step / 100) for step in range(20)][-1]
    shrinking = [pace.picks(now) for now in (200.0, 300.0)]

    assert (growing, most, shrinking) == ([32, 64, 128, 256], 4096, [2048, 1024])


def test_a_fixed_lease_stays_as_it_is(settings):
    settings.ROTATION_LEASE = 50

    assert {Pace().picks(now) for now in (0.0, 0.1)} == {50}


@pytest.mark.django_db
class TestCursor:
    def test_leases_follow_one_another(self):
        assert cursor.lease_laps("", [1, 2, 3], 33) == Lease(0, 33, 0)
        assert cursor.lease_laps("", [1, 2, 3], 33) == Lease(33, 66, 0)
        assert cursor.lease_laps("group:1", [1], 32) == Lease(0, 32, 0)

    def test_a_restart_goes_on_with_the_next_key(self, three_keys):
        rotor = self.started(three_keys, picks=4)
        cursor.save_progress([moved(rotor)])

        lease = cursor.resume("", three_keys.key_ids, 33)

        assert three_keys.key_ids[lease.start % 3] == three_keys.key_ids[1]
        assert lease.start >= 33

    def test_what_is_left_of_a_lease_goes_back(self, three_keys):
        rotor = self.started(three_keys, picks=4)

        cursor.save_progress([moved(rotor)], give_back=True)

        assert RotationCursor.objects.get(ring="").position == 4

    def test_nothing_goes_back_when_another_process_leased_since(self, three_keys):
        rotor = self.started(three_keys, picks=4)
        cursor.lease_laps("", three_keys.key_ids, 33)

        cursor.save_progress([moved(rotor)], give_back=True)

        assert RotationCursor.objects.get(ring="").position == 66

    def test_a_ring_that_changed_its_size_starts_at_the_next_key(self, three_keys):
        cursor.save_progress([moved(self.started(three_keys, picks=2))])

        lease = cursor.lease_laps("", three_keys.key_ids[1:], 32)

        assert three_keys.key_ids[1:][lease.start % 2] == three_keys.key_ids[2]

    def test_a_next_key_that_is_gone_is_forgotten(self, three_keys):
        progress = moved(self.started(three_keys, picks=1))

        cursor.save_progress([replace(progress, next_key_id=999)])

        assert RotationCursor.objects.get(ring="").next_key_id is None

    def test_one_pick_under_the_lock_skips_what_is_out(self, three_keys):
        take_out(three_keys, three_keys.key_ids[1])

        picks = [cursor.take(three_keys)[0] for _ in range(4)]
        picked = [pick and pick.key.id for pick in picks]

        first, _, third = three_keys.key_ids
        assert picked == [first, third, first, third]

    def test_nothing_is_picked_when_all_are_out(self, three_keys):
        for key_id in three_keys.key_ids:
            take_out(three_keys, key_id)

        assert cursor.take(three_keys) == (None, 0)

    def test_the_version_of_the_pool_only_grows(self):
        assert [cursor.raise_pool_version() for _ in range(3)] == [1, 2, 3]
        assert cursor.lease_laps("", [1], 32).version == 3
        assert cursor.lease_laps("group:1", [1], 32).version == 3

    @pytest.fixture
    def three_keys(self) -> Ring:
        group = Group.objects.create(name="g")
        for number in range(3):
            key = ApiKey(group=group, position=number)
            key.set_secret(f"SECRET-{number}")
            key.save()
        return PoolReader().load(datetime.now(UTC)).rings[ALL_GROUPS]

    @staticmethod
    def started(ring: Ring, *, picks: int) -> Rotor:
        rotor = Rotor(ring)
        rotor.add(cursor.lease_laps("", ring.key_ids, 33))
        walk(rotor, picks)
        return rotor
