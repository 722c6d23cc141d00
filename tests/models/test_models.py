from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from proxyapp.models import (
    ApiKey,
    Group,
    HourlyUsage,
    ImportedGroup,
    RateLimitEvent,
    RotationCursor,
)
from proxyapp.models.sealed import UNREADABLE, keyed_hash, keyed_hashes
from proxyapp.vocabulary.masking import masked_key, masked_url
from tests.support.new_secret import ChangeSecret, change_secret
from tests.support.pool_data import NOW, add_group, add_key, cool, secret, use

__all__ = ["change_secret"]

pytestmark = pytest.mark.django_db

PROXY = "socks5://user:pass-MARKER@proxy.example:1080"


def raw(table: str) -> str:
    """Every column of every row as the database holds it."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table}")
        return repr(cursor.fetchall())


def is_refused(action: Any) -> bool:
    """Whether the database itself says no."""
    try:
        with transaction.atomic():
            action()
    except IntegrityError:
        return True
    return False


# Constraints.


def test_two_groups_cannot_differ_in_case_only():
    add_group("Default")

    assert is_refused(lambda: add_group("dEFAULT"))
    assert Group.objects.count() == 1


@pytest.mark.parametrize(
    "fields", [{"name": ""}, {"target_url": ""}, {"rate_limit_policy": "weekly"}, {"auth": "basic"}]
)
def test_a_group_with_a_bad_value_is_refused(fields: dict[str, str]):
    assert is_refused(lambda: add_group(**{"name": "main", **fields}))


def test_a_key_exists_once_in_all_groups():
    add_key(add_group("one"), "same")
    other = add_group("two")

    assert is_refused(lambda: add_key(other, "same"))
    assert ApiKey.objects.count() == 1


@pytest.mark.parametrize("fields", [{"status": "asleep"}, {"key_hash": ""}])
def test_a_key_with_a_bad_value_is_refused(fields: dict[str, str]):
    key = add_key(add_group(), "one")

    assert is_refused(lambda: ApiKey.objects.filter(pk=key.pk).update(**fields))


def test_a_cooldown_cannot_end_before_it_starts():
    key = add_key(add_group(), "one")

    assert is_refused(
        lambda: RateLimitEvent.objects.create(
            key=key, kind="daily", occurred_at=NOW, cooling_until=NOW - timedelta(seconds=1)
        )
    )


def test_usage_has_one_row_an_hour_for_each_key_and_model():
    key = add_key(add_group(), "one")
    use(key, NOW, "a")
    use(key, NOW, "b")

    assert is_refused(lambda: use(key, NOW, "a"))
    assert HourlyUsage.objects.count() == 2


def test_a_ring_has_one_cursor():
    RotationCursor.objects.create(ring="group:1")

    assert is_refused(lambda: RotationCursor.objects.create(ring="group:1"))


def test_a_file_remembers_a_group_once():
    ImportedGroup.objects.create(source="/etc/config.yaml", name="Main", fingerprint="1")

    assert is_refused(
        lambda: ImportedGroup.objects.create(
            source="/etc/config.yaml", name="main", fingerprint="2"
        )
    )


def test_deleting_a_group_takes_its_keys_and_their_events_along_and_leaves_their_usage():
    group = add_group()
    key = add_key(group, "one")
    cool(key, NOW)
    use(key)
    RotationCursor.objects.create(ring="", next_key=key)

    group.delete()

    left = [model.objects.count() for model in (ApiKey, RateLimitEvent, HourlyUsage)]
    assert left == [0, 0, 1]
    assert RotationCursor.objects.get().next_key is None


def test_active_cooldowns_are_neither_over_nor_released():
    key = add_key(add_group(), "one")
    active = cool(key, NOW + timedelta(seconds=1))
    cool(key, NOW)
    RateLimitEvent.objects.filter(pk=cool(key, NOW + timedelta(hours=1)).pk).update(released_at=NOW)

    assert list(RateLimitEvent.objects.active(NOW)) == [active]
    assert [event.is_active(NOW) for event in RateLimitEvent.objects.order_by("pk")] == [
        True,
        False,
        False,
    ]


# Secrets.


def test_the_database_holds_neither_a_key_nor_a_proxy_password():
    key = add_key(add_group(proxy_url=PROXY), "one")

    held = raw("proxyapp_apikey") + raw("proxyapp_group")

    assert secret("one") not in held
    assert "pass-MARKER" not in held
    assert ApiKey.objects.get(pk=key.pk).secret == secret("one")
    assert Group.objects.get().proxy_url == PROXY


def test_a_secret_of_before_a_rotation_still_decrypts(change_secret: ChangeSecret):
    add_key(add_group(proxy_url=PROXY), "one")

    change_secret()

    assert ApiKey.objects.get().secret == secret("one")
    assert Group.objects.get().proxy_url == PROXY


def test_what_no_secret_opens_reads_as_unreadable_and_not_as_ciphertext(
    change_secret: ChangeSecret,
):
    add_key(add_group(proxy_url=PROXY), "one")

    change_secret(forget_older=True)

    assert ApiKey.objects.get().secret == UNREADABLE
    assert Group.objects.get().proxy_url == UNREADABLE
    assert Group.objects.get().masked_proxy_url == ""


def test_no_proxy_is_nothing_and_not_an_encrypted_nothing():
    add_group()

    assert Group.objects.get().proxy_url is None
    assert Group.objects.filter(proxy_url=None).exists()


def test_the_hash_of_a_key_depends_on_the_secret_and_finds_keys_of_before_a_rotation(
    change_secret: ChangeSecret,
):
    key = add_key(add_group(), "one")

    change_secret()

    assert keyed_hash(secret("one")) != key.key_hash
    assert ApiKey.objects.get(key_hash__in=keyed_hashes(secret("one"))) == key


# Masking.


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("AIzaSyA0123456789x9Qk", "AIza…x9Qk"),
        ("0123456789abcdef", "0123…cdef"),
        ("short-key", "••••"),
        ("", "••••"),
    ],
)
def test_a_masked_key_shows_eight_characters_at_most(text: str, masked: str):
    assert masked_key(text) == masked


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        (PROXY, "socks5://***@proxy.example:1080"),
        ("http://a:b@c@[::1]:8080", "http://***@[::1]:8080"),
        ("http://proxy.example:3128", "http://proxy.example:3128"),
    ],
)
def test_a_masked_url_shows_no_user_and_no_password(url: str, masked: str):
    assert masked_url(url) == masked


def test_a_key_is_named_by_its_name_and_its_masked_form_only():
    key = add_key(add_group(), "one", name="first")

    assert str(key) == "first (AIza…0one)"
    assert secret("one") not in f"{key!r} {key}"
