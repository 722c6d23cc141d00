"""Which keys a request is bound to that names files, caches and the like."""

from collections.abc import Sequence

import pytest

from proxyapp.access.token_book import ANYONE, Client
from proxyapp.forwarding.bond import Bond, bond_of
from proxyapp.forwarding.no_key import away
from proxyapp.pool.cooldowns import Cooldowns
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.ring_names import ALL_GROUPS
from proxyapp.pool.snapshot import Snapshot, build
from proxyapp.resources.known import KnownResource
from proxyapp.vocabulary.choices import KeyStatus
from proxyapp.vocabulary.errors import BadRequest, KeysSpent, NoKeyAvailable, UnknownResource
from tests.support.snapshots import group

NOW = 1_000_000.0
PROJECTS = {1: "blue", 2: "red", 3: "blue", 4: ""}
TENANT, OTHER = Client(id=7), Client(id=8)
FILE, CACHE = "files/a", "cachedContents/b"


def keyed(*hashes: str) -> Snapshot:
    """Keys of no project, numbered from 1."""
    one = group(1, "One")
    keys = [
        PoolKey(number, one, f"KEY-{number}", "…", KeyStatus.ACTIVE, key_hash=key_hash)
        for number, key_hash in enumerate(hashes, 1)
    ]
    return build(1, [one], keys, Cooldowns())


def of_key(key_id: int, key_hash: str) -> KnownResource:
    return KnownResource(FILE, key_id, "key", "", 1, TENANT.id, NOW + 60, key_hash)


def pool(**statuses: str) -> Snapshot:
    there = group(1, "One"), group(2, "Two", target_url="https://two.example")
    keys = [
        PoolKey(
            id=key_id,
            group=there[key_id == 4],
            secret=f"KEY-{key_id}",
            masked=f"KEY…{key_id}",
            status=statuses.get(f"key_{key_id}", KeyStatus.ACTIVE),
            project=project,
            name=f"key {key_id}",
            position=key_id,
        )
        for key_id, project in PROJECTS.items()
    ]
    return build(1, list(there), keys, Cooldowns())


def made(key_id: int, name: str = FILE, client: Client = ANYONE) -> KnownResource:
    group_id = 2 if key_id == 4 else 1
    project = PROJECTS.get(key_id, "")
    return KnownResource(name, key_id, f"key {key_id}", project, group_id, client.id, NOW + 60)


def bond(
    *rows: KnownResource, client: Client = ANYONE, ring: str = ALL_GROUPS, names: Sequence[str] = ()
) -> Bond:
    bound = perhaps(*rows, client=client, ring=ring, names=names)
    assert bound is not None
    return bound


def perhaps(
    *rows: KnownResource, client: Client = ANYONE, ring: str = ALL_GROUPS, names: Sequence[str] = ()
) -> Bond | None:
    found: dict[str, list[KnownResource]] = {name: [] for name in names}
    for row in rows:
        found.setdefault(row.name, []).append(row)
    return bond_of(pool(), ring, client, found)


def test_the_key_that_made_it_comes_first_and_then_those_of_its_project() -> None:
    assert bond(made(3)).key_ids == (3, 1)


def test_a_key_without_a_project_is_alone() -> None:
    assert bond(made(4)).key_ids == (4,)


def test_what_is_named_together_goes_to_a_key_that_may_use_all() -> None:
    assert bond(made(1), made(3, CACHE)).key_ids == (1, 3)


def test_of_two_with_one_name_the_one_that_fits_is_meant() -> None:
    assert bond(made(2), made(1), made(3, CACHE)).key_ids == (1, 3)


def test_resources_of_two_projects_are_a_clear_mistake() -> None:
    with pytest.raises(BadRequest) as raised:
        bond(made(1), made(2, CACHE))

    assert "files/a belongs to the key 'key 1'" in raised.value.message
    assert "cachedContents/b to 'key 2'" in raised.value.message


def test_what_nobody_knows_is_sought() -> None:
    assert bond(names=[FILE]) == Bond((FILE,))
    assert bond(names=[FILE]).is_sought


def test_what_nobody_knows_goes_where_what_is_known_goes() -> None:
    assert bond(made(1), names=[CACHE]).key_ids == (1, 3)


@pytest.mark.parametrize("rows", [[], [made(1)], [made(1, client=OTHER)]])
def test_a_tenant_is_not_told_whose_it_is(rows: list[KnownResource]) -> None:
    with pytest.raises(UnknownResource) as raised:
        bond(*rows, client=TENANT, names=[FILE])

    assert raised.value.message == "files/a was not found, or it is not of this client or group."


def test_a_tenant_has_its_own_of_a_name_that_others_use_too() -> None:
    rows = made(2, client=OTHER), made(1, client=TENANT)

    assert bond(*rows, client=TENANT).key_ids == (1, 3)


@pytest.mark.parametrize("client", [ANYONE, TENANT])
def test_what_is_of_another_group_is_not_found_in_this_one(client: Client) -> None:
    row = made(4, client=client)

    with pytest.raises(UnknownResource):
        bond(row, client=client, ring="group:1")
    assert bond(row, client=client, ring="group:2").key_ids == (4,)


def test_a_key_that_has_moved_takes_what_it_made_along() -> None:
    row = KnownResource(FILE, 4, "key 4", "", 1, TENANT.id, NOW + 60)

    assert bond(row, client=TENANT, ring="group:2").key_ids == (4,)
    with pytest.raises(UnknownResource):
        bond(row, client=TENANT, ring="group:1")


def test_what_is_shared_is_so_by_the_group_where_the_key_is_now() -> None:
    shared, own = group(1, "One", shared_resources=True), group(2, "Two")
    key = PoolKey(
        id=4,
        group=own,
        secret="KEY-4",
        masked="KEY…4",
        status=KeyStatus.ACTIVE,
        project="",
        name="key 4",
        position=4,
    )
    there = build(1, [shared, own], [key], Cooldowns())
    row = KnownResource(FILE, 4, "key 4", "", shared.id, OTHER.id, NOW + 60)

    with pytest.raises(UnknownResource):
        bond_of(there, ALL_GROUPS, TENANT, {FILE: [row]})


def test_who_sees_all_of_some_groups_seeks_there_only() -> None:
    there = build(1, [group(1, "One"), group(2, "Two", shared_resources=True)], [], Cooldowns())
    found = bond_of(there, ALL_GROUPS, TENANT, {FILE: []})

    assert found is not None
    assert (found.is_sought, found.barred_groups) == (True, frozenset({1}))


def test_without_any_group_nothing_is_missed() -> None:
    assert bond_of(build(1, [], [], Cooldowns()), ALL_GROUPS, TENANT, {FILE: []}) == Bond((FILE,))


def test_what_may_be_everybodys_binds_nobody() -> None:
    assert perhaps(client=TENANT, names=["voices/aoede"]) is None


def test_another_clients_is_not_everybodys() -> None:
    with pytest.raises(UnknownResource):
        perhaps(made(1, "voices/mine", OTHER), client=TENANT)


def test_the_key_of_another_project_never_stands_in_for_one_that_is_gone() -> None:
    with pytest.raises(NoKeyAvailable) as raised:
        bond(made(9))

    assert raised.value.status == 503
    assert "files/a belongs to the key 'key 9', which is not in the gateway" in str(raised.value)


def test_one_that_is_gone_leaves_the_others_of_its_project() -> None:
    row = KnownResource(FILE, 9, "key 9", "blue", 1, 0, NOW + 60)

    assert bond(row).key_ids == (1, 3)


def test_a_cooling_key_says_when_it_is_back() -> None:
    there = pool()
    for key_id in (1, 3):
        there.cool(key_id, NOW + 600 * key_id, quota_scope="m", is_daily=key_id == 1)
    error = away(there, Bond((FILE,), (3, 1), made(3)), "m", NOW, "the provider's words")

    assert isinstance(error, KeysSpent)
    assert (error.retry_after, error.is_worth_trying) == (600, False)
    assert "files/a belongs to the key 'key 3' of the project 'blue', which is cooling." in str(
        error
    )
    assert error.last_words == "the provider's words"


def test_a_short_wait_is_worth_a_try() -> None:
    there = pool()
    there.cool(4, NOW + 600, quota_scope="m")
    error = away(there, Bond((FILE,), (4,), made(4)), "m", NOW)

    assert (error.status, error.retry_after, error.is_worth_trying) == (429, 60, True)


def test_a_disabled_key_is_named() -> None:
    there = pool(key_4=KeyStatus.DISABLED)
    error = away(there, Bond((FILE,), (4,), made(4)), "m", NOW)

    assert error.status == 503
    assert "'key 4', which is disabled or invalid" in str(error)


@pytest.mark.parametrize(
    ("row", "key_id"),
    [
        (of_key(9, "h2"), 2),  # it was deleted and added again
        (of_key(1, "h2"), 2),  # its row has another secret now, and it a row of its own
        (of_key(1, "h9"), 1),  # its row has another secret now
        (of_key(2, ""), 2),  # an older release noted it
    ],
)
def test_a_key_is_known_by_its_hash_and_else_by_its_row(row: KnownResource, key_id: int) -> None:
    found = bond_of(keyed("h1", "h2"), ALL_GROUPS, TENANT, {FILE: [row]})

    assert found is not None
    assert found.key_ids == (key_id,)


@pytest.mark.parametrize("row", [of_key(9, "h9"), of_key(9, "")])
def test_no_other_key_takes_what_was_made_with_one_that_is_gone(row: KnownResource) -> None:
    with pytest.raises(NoKeyAvailable):
        bond_of(keyed("h1", "", "h2"), ALL_GROUPS, TENANT, {FILE: [row]})
