"""The pool as it is read from the database."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from proxyapp.models import ApiKey, Group, HourlyUsage
from proxyapp.pool.cooldown_rows import NewCooldown, write_cooldowns
from proxyapp.pool.cooldowns import MOST_SCOPES
from proxyapp.pool.ring_names import ALL_GROUPS
from proxyapp.pool.single_credential import keep_single_credential
from proxyapp.pool.store import PoolReader

NOW = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def add_key(group: Group, secret: str, position: int = 0, **fields) -> ApiKey:
    key = ApiKey(group=group, position=position, **fields)
    key.set_secret(secret)
    key.save()
    return key


def test_keys_come_in_the_order_of_groups_and_keys():
    second = Group.objects.create(name="second", position=2)
    first = Group.objects.create(name="first", position=1)
    for group, secret, position in [(second, "K3", 0), (first, "K2", 1), (first, "K1", 0)]:
        add_key(group, secret, position)

    pool = PoolReader().load(NOW)

    assert [key.secret for key in pool.rings[ALL_GROUPS].keys] == ["K1", "K2", "K3"]
    assert [key.secret for key in pool.rings[f"group:{second.pk}"].keys] == ["K3"]


def test_only_cooldowns_that_hold_now_are_loaded_and_the_longest_counts():
    key = add_key(Group.objects.create(name="g"), "K1")
    for hours, model in [(-1, ""), (2, ""), (1, ""), (5, "one-model")]:
        until = NOW + timedelta(hours=hours)
        occurred_at = NOW - timedelta(hours=2)
        write_cooldowns([NewCooldown(key.pk, model, "daily", 429, occurred_at, until, "")])

    assert PoolReader().load(NOW).cooldowns.of_scope("") == {
        key.pk: (NOW + timedelta(hours=2)).timestamp()
    }


def test_a_key_is_decrypted_once(django_assert_num_queries):
    group = Group.objects.create(name="g")
    add_key(group, "K1")
    reader = PoolReader()
    with django_assert_num_queries(5):
        reader.load(NOW)
    with django_assert_num_queries(4):
        again = reader.load(NOW)
    add_key(group, "K2", 1)

    assert [key.secret for key in again.rings[ALL_GROUPS].keys] == ["K1"]
    assert [key.secret for key in reader.load(NOW).rings[ALL_GROUPS].keys] == ["K1", "K2"]


def test_an_unreadable_key_is_never_used(caplog):
    group = Group.objects.create(name="g")
    ApiKey.objects.create(group=group, key_hash="h", masked="AIza…read", secret=None)
    add_key(group, "K1", 1)

    ring = PoolReader().load(NOW).rings[ALL_GROUPS]

    assert [ring.keys[index].secret for index in ring.available(NOW.timestamp())] == ["K1"]
    assert "AIza…read" in caplog.text


def test_a_target_that_refused_two_credentials_gets_one(caplog):
    group = Group.objects.create(name="g", target_url="https://api.example")
    add_key(group, "K1")
    assert PoolReader().load(NOW).groups["g"].auth == "both"

    keep_single_credential(group.pk, NOW)
    keep_single_credential(group.pk, NOW)

    pool = PoolReader().load(NOW)
    assert (pool.groups["g"].auth, pool.version) == ("google", 1)
    assert caplog.text.count("refuses two credentials") == 1


def test_an_empty_pool_has_an_empty_ring():
    ring = PoolReader().load(NOW).rings[ALL_GROUPS]

    assert (len(ring), ring.choose(0, 1.0), ring.earliest_release(1.0)) == (0, None, None)


def test_a_key_that_no_secret_opens_counts_as_unreadable_in_readyz():
    group = Group.objects.create(name="main")
    add_key(group, "good")
    ApiKey.objects.filter(pk=add_key(group, "unreadable", 1).pk).update(secret="")
    pool = PoolReader().load(NOW)

    assert +pool.key_states(NOW.timestamp()) == {"available": 1, "unreadable": 1}


def test_a_proxy_that_no_secret_opens_is_said_once_and_not_at_each_reload(caplog):
    group = Group.objects.create(name="unreadable")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE proxyapp_group SET proxy_url = 'no ciphertext'")
    add_key(group, "K1")
    reader = PoolReader()

    assert [reader.load(NOW).keys, reader.load(NOW).keys] == [{}, {}]
    assert caplog.text.count("does not open its proxy URL") == 1


def test_of_more_scopes_than_find_room_those_that_keys_have_answered_for_stay():
    key = add_key(Group.objects.create(name="g"), "K1")
    HourlyUsage.objects.create(key=key, model="real", hour=NOW, requests=1, succeeded=1)
    HourlyUsage.objects.create(key=key, model="made-up-7", hour=NOW, requests=1, rate_limited=1)
    names = ["real", "real+google_search", "real:countTokens", "/batches"]
    names += [f"made-up-{number}" for number in range(MOST_SCOPES)]
    moments = [NOW - timedelta(seconds=len(names) - number) for number in range(len(names))]
    until = NOW + timedelta(hours=1)
    write_cooldowns(
        [
            NewCooldown(key.pk, model, "day", 429, moment, until, "")
            for model, moment in zip(names, moments, strict=True)
        ]
    )

    pool = PoolReader().load(NOW)

    kept = set(pool.cooldowns.quota_scopes())
    assert len(kept) == MOST_SCOPES
    assert set(names[:4]) < kept
    assert set(names) - kept == {f"made-up-{number}" for number in range(4)}
    pool.cool(key.pk, until.timestamp(), quota_scope="one more")
    assert set(names[:4]) < set(pool.cooldowns.quota_scopes())
