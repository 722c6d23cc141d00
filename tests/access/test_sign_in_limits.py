"""Who guesses passwords waits, and nobody else does."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.test import Client

from proxyapp.access import sign_in_limits
from proxyapp.access.sign_in_limits import Guess, LockedOut, admit_guess, succeeded
from proxyapp.ledger.retention import prune_batch
from proxyapp.models import AuditEntry, SignInCount
from tests.support.admin_pages import text

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
PASSWORD, WRONG = "open-sesame", "Marker-of-a-wrong-password"
HERE, THERE = "203.0.113.7", "198.51.100.9"


@pytest.fixture(autouse=True)
def _quick_hashes(settings: Any):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.LOGIN_FAILURES = 3


@pytest.fixture
def user() -> User:
    return User.objects.create(
        username="root", password=make_password(PASSWORD), is_staff=True, is_superuser=True
    )


def sign_in(
    client: Client, password: str = PASSWORD, *, name: str = "root", address: str = HERE
) -> Any:
    data = {"username": name, "password": password, "next": "/admin/"}
    return client.post("/admin/login/", data, REMOTE_ADDR=address)


def tries(name: str, address: str, browser: str = "") -> int:
    """How many are let in one after the other."""
    for count in range(1000):
        try:
            admit_guess(Guess("password", name, address, browser), NOW)
        except LockedOut:
            return count
    raise AssertionError("never locked")


def test_after_some_failures_not_even_the_right_password_helps_until_the_time_is_over(user: User):
    client = Client()
    with time_machine.travel(NOW, tick=False) as clock:
        assert [sign_in(client, WRONG).status_code for _ in range(3)] == [200] * 3

        refused = sign_in(client)
        assert (refused.status_code, refused["Retry-After"]) == (429, "900")
        assert "Try again in 15 minutes" in text(refused.content.decode())

        clock.shift(timedelta(minutes=15, seconds=1))
        assert sign_in(client).status_code == 302


def test_unknown_names_are_treated_as_known_ones(user: User):
    answers = [
        [sign_in(Client(), WRONG, name=name).status_code for _ in range(4)]
        for name in ("root", "nobody")
    ]

    assert answers == [[200, 200, 200, 429]] * 2


def test_a_stranger_does_not_lock_out_who_sits_elsewhere(user: User):
    for _ in range(10):
        sign_in(Client(), WRONG, address=THERE)

    assert sign_in(Client(), address=THERE).status_code == 429
    assert sign_in(Client(), address=HERE).status_code == 302


def test_strangers_do_not_lock_out_a_browser_that_signed_in_before_nor_the_machine_itself(
    user: User,
):
    known = Client()
    assert sign_in(known).status_code == 302
    known.post("/admin/logout/")
    for number in range(3 * sign_in_limits.NAME_FACTOR):
        admit_guess(Guess("password", "root", f"192.0.2.{number}"), datetime.now(UTC))

    assert sign_in(Client(), address=THERE).status_code == 429, (
        "the name is locked for who is unknown"
    )
    assert sign_in(known).status_code == 302
    assert sign_in(Client(), address="127.0.0.1").status_code == 302


def test_a_known_browser_has_a_limit_of_its_own_and_is_known_for_one_name(user: User):
    known = Client()
    sign_in(known)
    known.post("/admin/logout/")

    assert [sign_in(known, WRONG).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert [sign_in(known, WRONG, name="other").status_code for _ in range(4)] == [
        200,
        200,
        200,
        429,
    ]
    forged = Client()
    forged.cookies["gateway_browser"] = "made-up:signature"
    assert [sign_in(forged, WRONG, address=THERE).status_code for _ in range(4)] == [
        200,
        200,
        200,
        429,
    ]


def test_many_names_from_one_address_are_one_guesser():
    for number in range(3 * sign_in_limits.ADDRESS_FACTOR):
        admit_guess(Guess("password", f"name-{number}", HERE), NOW)

    with pytest.raises(LockedOut):
        admit_guess(Guess("password", "another", HERE), NOW)


def test_limits():
    assert tries("root", HERE) == 3
    assert tries("root", HERE, browser="one root") == 3


def test_a_success_takes_back_what_was_counted(user: User):
    for _ in range(2):
        sign_in(Client(), WRONG)
    assert sign_in(Client()).status_code == 302

    assert [sign_in(Client(), WRONG).status_code for _ in range(4)] == [200, 200, 200, 429]


def test_a_success_at_the_limit_of_the_address_locks_nobody():
    for number in range(3 * sign_in_limits.ADDRESS_FACTOR - 1):
        admit_guess(Guess("password", f"name-{number}", HERE), NOW)
    last = Guess("password", "root", HERE)

    admit_guess(last, NOW)
    succeeded(last)

    admit_guess(last, NOW)


def test_neither_names_nor_passwords_nor_addresses_are_kept(user: User):
    sign_in(Client(), WRONG, name=WRONG)
    for _ in range(3):
        sign_in(Client(), WRONG, name="a-secret-as-a-name", address=THERE)

    kept = f"{list(SignInCount.objects.values())} {list(AuditEntry.objects.values())}"
    assert [secret for secret in (WRONG, "a-secret-as-a-name", "root") if secret in kept] == []


def test_a_lock_is_in_the_audit_log_with_the_name_of_a_user(user: User):
    for _ in range(5):
        sign_in(Client(), WRONG)

    assert [
        (entry.actor, entry.action, entry.label, entry.detail) for entry in AuditEntry.objects.all()
    ] == [("sign-in", "lock", "root", f"too many wrong passwords from {HERE}")]


def test_the_audit_log_does_not_fill_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sign_in_limits, "MOST_ENTRIES_AN_HOUR", 2)
    for number in range(9):
        admit_guess(
            Guess("password", f"name-{number % 3}", f"192.0.2.{number % 3}"), datetime.now(UTC)
        )

    assert AuditEntry.objects.count() == 2


def test_what_no_longer_counts_is_pruned():
    admit_guess(Guess("password", "old", HERE), NOW - timedelta(minutes=16))
    tries("new", THERE)
    rows = SignInCount.objects.count()

    assert prune_batch(NOW).sign_ins == 3
    assert SignInCount.objects.count() == rows - 3


def test_the_command_unlocks(user: User):
    for _ in range(4):
        sign_in(Client(), WRONG)
    assert sign_in(Client()).status_code == 429

    call_command("signin", "unlock")

    assert sign_in(Client()).status_code == 302
    assert AuditEntry.objects.filter(actor="command: signin unlock", action="unlock").exists()


@pytest.mark.parametrize("password", [PASSWORD, WRONG])
def test_while_the_database_cannot_count_no_password_is_looked_at(
    user: User, password: str, monkeypatch: pytest.MonkeyPatch
):
    def locked(*_: Any) -> None:
        raise DatabaseError("database is locked")

    monkeypatch.setattr("proxyapp.admin.sign_in.sign_in.admit_guess", locked)
    monkeypatch.setattr(User, "check_password", lambda *_: pytest.fail("looked at"))

    assert sign_in(Client(), password).status_code == 503


@pytest.mark.django_db(transaction=True)
def test_tries_at_the_same_time_do_not_exceed_the_limit():
    admitted = []

    def guess() -> None:
        try:
            admit_guess(Guess("password", "root", HERE), NOW)
            admitted.append(1)
        except LockedOut:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=guess) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert len(admitted) == 3


def test_a_name_in_other_letters_is_the_same_name(user: User):
    """Django's form takes them for the plain ones: each spelling would have tries of its own."""
    spellings = ("root", "r\uff4fot", "\U0001d42boot")
    assert [sign_in(Client(), WRONG, name=name).status_code for name in spellings] == [200] * 3
    assert sign_in(Client(), WRONG, name="roo\uff54").status_code == 429
    assert sign_in(Client()).status_code == 429


def test_the_old_password_cannot_be_guessed_in_an_open_browser(user: User):
    client = Client()
    sign_in(client)

    def change(old: str, new: str = "another-password") -> int:
        form = {"old_password": old, "new_password1": new, "new_password2": new}
        return client.post("/admin/password_change/", form, REMOTE_ADDR=HERE).status_code

    assert [change(PASSWORD, "short") for _ in range(4)] == [200] * 4, "this was the right one"
    assert [change(WRONG) for _ in range(3)] == [200] * 3
    assert change(PASSWORD) == 429
    call_command("signin", "unlock")
    assert change(PASSWORD) == 302
    assert client.get("/admin/password_change/").status_code == 200


@pytest.mark.django_db
def test_a_lock_of_a_clock_that_was_days_ahead_does_not_last_for_days(
    settings: Any,
):
    guess = Guess("password", "root", "192.0.2.1")
    for _ in range(settings.LOGIN_FAILURES):
        admit_guess(guess, NOW + timedelta(days=40))
    with pytest.raises(LockedOut):
        admit_guess(guess, NOW + timedelta(days=40))

    admit_guess(guess, NOW)
    assert max(SignInCount.objects.values_list("failures", flat=True)) == 1
