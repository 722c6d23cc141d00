"""What a machine is made of goes into an encrypted file, and makes another machine."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group as Role
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import Model
from django.test import override_settings

from proxyapp.access import token_store
from proxyapp.models import ApiKey, AuditEntry, ClientToken, Group, RateLimitEvent, SecondFactor
from proxyapp.operators.moving import LEFT, _rows, pack, restore
from proxyapp.operators.moving_file import HEADER, MovingFileError, seal, unseal
from tests.support.chosen_database import needs_postgresql
from tests.support.client_tokens import add_token
from tests.support.pool_data import NOW, add_group, add_key, cool, secret

PASSPHRASE = "four plain words here"
OTHER_SECRET = "x" * 60


def test_a_file_opens_with_its_passphrase_only():
    data = seal(b"content", PASSPHRASE)

    assert unseal(data, PASSPHRASE) == b"content"
    assert b"content" not in data
    assert data.startswith(HEADER)
    with pytest.raises(MovingFileError, match="the passphrase is wrong"):
        unseal(data, PASSPHRASE + "!")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: data[:60], "cut off"),
        (lambda data: data[:-1], "wrong, or the file is damaged"),
        (lambda data: data.replace(b" 1\n", b" 2\n", 1), "another version"),
        (lambda data: b"groups: []", "no file of"),
    ],
)
def test_a_file_that_was_changed_opens_no_more(change: Any, said: str):
    with pytest.raises(MovingFileError, match=said):
        unseal(change(seal(b"content", PASSPHRASE)), PASSPHRASE)


def test_what_could_not_be_read_again_is_not_written(monkeypatch: pytest.MonkeyPatch):
    data = seal(bytes(2000), PASSPHRASE)
    monkeypatch.setattr("proxyapp.operators.moving_file.MOST_BYTES", 1999)

    with pytest.raises(MovingFileError, match="is larger than"):
        seal(bytes(2000), PASSPHRASE)
    with pytest.raises(MovingFileError, match="is larger than"):
        unseal(data, PASSPHRASE)
    assert unseal(seal(bytes(1999), PASSPHRASE), PASSPHRASE) == bytes(1999)


def test_a_file_may_unpack_to_nothing_and_a_passphrase_be_no_text(
    monkeypatch: pytest.MonkeyPatch,
):
    odd = b"four plain words \xff".decode(errors="surrogateescape")
    monkeypatch.setattr("proxyapp.operators.moving_file.zlib.compress", lambda content: content)
    data = seal(b"not compressed", odd)

    with pytest.raises(MovingFileError, match="damaged"):
        unseal(data, odd)


def a_machine() -> ClientToken:
    """A cooling key, a disabled one, a token, a user with a role and a second factor."""
    group = add_group("main", proxy_url="socks5://user:pass@proxy.example:1080")
    cool(add_key(group, "one", name="first", project="p"), NOW)
    add_key(group, "two", name="second", status="disabled")
    token = add_token("app", groups=[group], requests_per_day=5)
    user = User.objects.create_user("wendy", password="a-long-password", is_staff=True)
    role = Role.objects.create(name="watchers")
    user.groups.add(role)
    SecondFactor.objects.create(user=user, secret="JBSWY3DPEHPK3PXP", last_step=0)
    return token


def leave_nothing() -> None:
    for model in (ClientToken, ApiKey, Group, User, Role, AuditEntry):
        model.objects.all().delete()


@pytest.mark.django_db
def test_another_machine_is_made_of_it():
    token = a_machine()
    before = NOW.replace(year=NOW.year - 1)
    content = pack(before, ["PORT=1"])
    leave_nothing()
    User.objects.create_user("admin", password="made-at-the-first-start")

    with override_settings(SECRET_KEY=OTHER_SECRET, SECRET_KEY_FALLBACKS=[]):
        moved = restore(content, "file", dry_run=False)

        assert [key.secret for key in ApiKey.objects.order_by("pk")] == [
            secret("one"),
            secret("two"),
        ]
        assert Group.objects.get().proxy_url == "socks5://user:pass@proxy.example:1080"
        assert SecondFactor.objects.get().secret == "JBSWY3DPEHPK3PXP"
    assert [key.status for key in ApiKey.objects.order_by("pk")] == ["active", "disabled"]
    assert RateLimitEvent.objects.active(before).count() == 1
    assert ClientToken.objects.get().token_hash == token.token_hash
    assert [group.name for group in ClientToken.objects.get().allowed_groups.all()] == ["main"]
    wendy = User.objects.get()
    assert wendy.check_password("a-long-password")
    assert [role.name for role in wendy.groups.all()] == ["watchers"]
    assert (moved.settings, len(moved.secrets)) == (["PORT=1"], 1)
    entry = AuditEntry.objects.get(action="import")
    assert secret("one") not in entry.detail
    assert add_key(Group.objects.get(), "three").pk > 2


@pytest.mark.django_db
def test_nothing_is_overwritten_and_a_dry_run_changes_nothing():
    a_machine()
    content = pack(NOW, [])
    with pytest.raises(MovingFileError, match="has 2 keys and 1 client tokens"):
        restore(content, "file", dry_run=False)
    leave_nothing()

    assert restore(content, "file", dry_run=True).counts["API keys"] == 2

    assert not ApiKey.objects.exists()


@pytest.mark.django_db
def test_what_a_later_version_wrote_or_does_not_fit_changes_nothing():
    a_machine()
    content = json.loads(pack(NOW, []))
    leave_nothing()
    later = {**content, "migration": "9999_later"}
    with pytest.raises(MovingFileError, match="later version"):
        restore(json.dumps(later).encode(), "file", dry_run=False)
    content["rows"].append(content["rows"][-1] | {"pk": 999})

    with pytest.raises(MovingFileError, match="does not fit"):
        restore(json.dumps(content).encode(), "file", dry_run=False)

    assert not Group.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "content", [b"groups: []", b"[]", b"{}", b'{"migration": "0", "secrets": [], "rows": [1]}']
)
def test_odd_content_is_refused_in_words(content: bytes):
    with pytest.raises(MovingFileError, match="is not what"):
        restore(content, "file", dry_run=False)


@pytest.mark.django_db
@pytest.mark.parametrize("odd", ["x", 2**70, None])
def test_odd_values_are_refused_in_words(odd: Any):
    a_machine()
    content = json.loads(pack(NOW, []))
    leave_nothing()
    row = next(row for row in content["rows"] if row["model"] == "proxyapp.apikey")
    row["fields"]["position"] = odd

    with pytest.raises(MovingFileError, match="a row does not fit"):
        restore(json.dumps(content).encode(), "file", dry_run=False)

    assert not Group.objects.exists()


@pytest.mark.django_db
def test_a_file_writes_no_other_tables():
    a_machine()
    content = json.loads(pack(NOW, []))
    leave_nothing()
    fields = {"session_data": "forged", "expire_date": "2100-01-01T00:00:00Z"}
    forged = {"model": "sessions.session", "pk": "0" * 32, "fields": fields}

    restore(
        json.dumps({**content, "rows": [*content["rows"], forged]}).encode(), "file", dry_run=False
    )

    assert ApiKey.objects.count() == 2
    assert not Session.objects.exists()


@needs_postgresql("needs PostgreSQL: SQLite shows a transaction one state of its file anyway")
@pytest.mark.django_db(transaction=True)
def test_what_is_added_meanwhile_does_not_come_in_half(monkeypatch: pytest.MonkeyPatch):
    def rows_slowly(model: type[Model], now: datetime) -> list[Model]:
        rows = list(_rows(model, now))
        if model is Group:
            with ThreadPoolExecutor(1) as other:
                other.submit(add_another).result()
        return rows

    def add_another() -> None:
        add_key(add_group("late"), "late")
        connection.close()

    monkeypatch.setattr("proxyapp.operators.moving._rows", rows_slowly)
    add_key(add_group("early"), "early")

    content = json.loads(pack(NOW, []))

    models = [row["model"] for row in content["rows"]]
    assert (models.count("proxyapp.group"), models.count("proxyapp.apikey")) == (1, 1)


@pytest.mark.django_db
def test_a_key_that_cannot_be_read_is_named_instead_of_lost():
    add_key(add_group(), "one", name="first")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE proxyapp_apikey SET secret = 'sealed elsewhere'")

    with pytest.raises(MovingFileError, match="cannot read: API key first"):
        pack(NOW, [])


def test_what_stays_behind_is_there():
    known = {model._meta.model_name for model in apps.get_app_config("proxyapp").get_models()}

    assert known >= LEFT
    assert token_store.secret_keys()
