"""The second factor: codes, recovery codes, and what a session without one may see."""

import base64
import hashlib
import hmac
import re
import time
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from asgiref.sync import sync_to_async
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from gateway.dispatch import Dispatcher
from proxyapp import runtime
from proxyapp.access import second_factor
from proxyapp.admin.live.sessions import Visitor, still_welcome
from proxyapp.models import AuditEntry, SecondFactor
from tests.support.admin_pages import submit, text
from tests.support.live_pages import Page
from tests.support.new_secret import ChangeSecret, change_secret

__all__ = ["change_secret"]

pytestmark = pytest.mark.django_db

PASSWORD = "open-sesame"
SECRET = base64.b32encode(b"12345678901234567890").decode()
CODE, SET_UP = "/admin/second-factor/", "/admin/second-factor/set-up/"


@pytest.fixture(autouse=True)
def _quick_hashes(settings: Any):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def user() -> User:
    return User.objects.create(
        username="root", password=make_password(PASSWORD), is_staff=True, is_superuser=True
    )


@pytest.fixture
def factor(user: User) -> SecondFactor:
    return second_factor.turn_on(user, SECRET, 0)[0]


def code_at(secret: str, moment: float) -> str:
    """RFC 6238, written out."""
    digest = hmac.new(
        base64.b32decode(secret), int(moment // 30).to_bytes(8, "big"), hashlib.sha1
    ).digest()
    offset = digest[-1] & 15
    return f"{(int.from_bytes(digest[offset : offset + 4], 'big') & 0x7FFFFFFF) % 10**6:06}"


def by_password(client: Client | None = None) -> Client:
    client = client or Client()
    answer = client.post(
        "/admin/login/", {"username": "root", "password": PASSWORD, "next": "/admin/"}
    )
    assert answer.status_code == 302
    return client


def show(client: Client, code: str, then: str = "") -> Any:
    return client.post(CODE, {"code": code, "next": then})


def is_in(client: Client) -> bool:
    return client.get("/admin/proxyapp/apikey/").status_code == 200


# Codes.


@pytest.mark.parametrize(
    ("moment", "code"), [(59, "287082"), (1111111109, "081804"), (20000000000, "353130")]
)
def test_codes_are_those_of_the_rfc(moment: int, code: str):
    assert second_factor.step_of(SECRET, code, moment) == moment // 30
    assert code_at(SECRET, moment) == code


@pytest.mark.parametrize(
    ("away", "is_right"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)]
)
def test_a_clock_may_be_half_a_minute_off(away: int, is_right: bool):
    now = 1_800_000_015

    assert (second_factor.step_of(SECRET, code_at(SECRET, now + away), now) is not None) == is_right


@pytest.mark.parametrize("code", ["", "28708", "2870822", "abcdef", "٢٨٧٠٨٢", "287082\0", "-87082"])
def test_what_is_no_code_is_not_right(code: str):
    assert second_factor.step_of(SECRET, code, 59) is None


def test_no_code_counts_twice_nor_an_older_one(factor: SecondFactor):
    now = time.time()

    assert second_factor.uses(factor, code_at(SECRET, now), now)
    assert not second_factor.uses(factor, code_at(SECRET, now), now)
    assert not second_factor.uses(factor, code_at(SECRET, now - 30), now)
    assert second_factor.uses(factor, code_at(SECRET, now + 30), now)


def test_a_recovery_code_counts_once_however_it_is_typed(user: User):
    factor, codes = second_factor.turn_on(user, SECRET, 0)

    assert len(set(codes)) == 10
    assert second_factor.uses_recovery_code(factor, codes[0].upper().replace("-", " "))
    assert not second_factor.uses_recovery_code(factor, codes[0])
    assert not second_factor.uses_recovery_code(factor, "")
    factor.refresh_from_db()
    assert len(factor.recovery_hashes) == 9


def test_the_database_has_neither_the_secret_nor_the_recovery_codes(user: User):
    _, codes = second_factor.turn_on(user, SECRET, 0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM proxyapp_secondfactor")
        kept = str(cursor.fetchall())

    assert [secret for secret in (SECRET, *codes) if secret in kept] == []


def test_reencrypt_carries_it_over(factor: SecondFactor, change_secret: ChangeSecret):
    change_secret("another-secret" * 5)
    call_command("reencrypt")
    change_secret("another-secret" * 5, forget_older=True)

    assert SecondFactor.objects.get().secret == SECRET


def test_reencrypt_says_whose_cannot_be_read(factor: SecondFactor, change_secret: ChangeSecret):
    change_secret("another-secret" * 5, forget_older=True)

    with pytest.raises(CommandError, match="the second factor of user 'root': no secret opens it"):
        call_command("reencrypt")


# Logging in.


def test_the_password_alone_shows_nothing(factor: SecondFactor):
    client = by_password()

    answer = client.get("/admin/proxyapp/apikey/?q=x")

    assert (answer.status_code, answer["Location"]) == (
        302,
        f"{CODE}?next=%2Fadmin%2Fproxyapp%2Fapikey%2F%3Fq%3Dx",
    )
    for path in (
        "/admin/",
        "/admin/jsi18n/",
        "/admin/search/?s=x",
        "/admin/password_change/",
        SET_UP,
    ):
        assert client.get(path).status_code == 302, path
        assert client.post(path).status_code == 302, path


def test_the_code_opens_the_page_that_was_asked_for(factor: SecondFactor):
    client = by_password()
    before = client.cookies["gateway_session"].value

    answer = show(client, code_at(SECRET, time.time()), "/admin/proxyapp/group/")

    assert (answer.status_code, answer["Location"]) == (302, "/admin/proxyapp/group/")
    assert is_in(client)
    assert client.cookies["gateway_session"].value != before


@pytest.mark.parametrize(
    "then", ["https://evil.example/", "//evil.example", "javascript:alert(1)", ""]
)
def test_it_leads_to_no_other_site(factor: SecondFactor, then: str):
    assert show(by_password(), code_at(SECRET, time.time()), then)["Location"] == "/admin/"


def test_a_code_that_was_used_opens_nothing_in_another_session(factor: SecondFactor):
    code = code_at(SECRET, time.time())
    first, second = by_password(), by_password()
    show(first, code)

    assert "was used already" in show(second, code).content.decode()
    assert (is_in(first), is_in(second)) == (True, False)


def test_a_recovery_code_logs_in(user: User):
    _, codes = second_factor.turn_on(user, SECRET, 0)
    client = by_password()

    assert show(client, codes[3]).status_code == 302
    assert is_in(client)
    assert AuditEntry.objects.filter(detail="recovery code used").exists()


def test_who_guesses_codes_is_locked_out_and_a_new_log_in_does_not_help(
    factor: SecondFactor, settings: Any
):
    settings.LOGIN_FAILURES = 3
    assert [show(by_password(), "000000").status_code for _ in range(4)] == [200, 200, 200, 429]

    assert show(by_password(), code_at(SECRET, time.time())).status_code == 429


def test_a_password_without_a_code_is_forgotten_after_ten_minutes(factor: SecondFactor):
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        client = by_password()
    with time_machine.travel(now + timedelta(minutes=10, seconds=1), tick=False):
        answer = show(client, code_at(SECRET, time.time()))

    assert answer.status_code == 302
    assert not is_in(client)


def test_a_session_that_is_open_elsewhere_has_to_show_a_code_too(user: User):
    elsewhere = by_password()
    assert is_in(elsewhere)

    second_factor.turn_on(user, SECRET, 0)

    assert not is_in(elsewhere)


def test_another_log_in_in_the_same_browser_asks_for_another_code(factor: SecondFactor):
    client = by_password()
    show(client, code_at(SECRET, time.time()))
    assert is_in(client)

    by_password(client)

    assert not is_in(client)


def verify(client: Client, factor: SecondFactor) -> None:
    session = client.session
    session["second_factor"] = factor.pk
    session.save()


@pytest.mark.django_db(transaction=True)
async def test_the_live_socket_wants_the_code(async_database: None):
    user = await sync_to_async(User.objects.create)(
        username="root", is_staff=True, is_superuser=True
    )
    factor, _ = await sync_to_async(second_factor.turn_on)(user, SECRET, 0)
    client = Client()
    await sync_to_async(client.force_login)(user)
    application = Dispatcher()
    try:
        assert not await Page(application, client).open()
        await sync_to_async(verify)(client, factor)
        page = Page(application, client)
        assert await page.open()
        await page.leave()
    finally:
        await application._live.stop()
        await runtime.shutdown()


def test_an_open_socket_ends_when_the_user_sets_a_second_factor_up(user: User):
    client = by_password()
    visitor = Visitor(client.session.session_key or "", user.pk, user.get_session_auth_hash())
    assert still_welcome([visitor], timezone.now()) == {visitor}

    factor, _ = second_factor.turn_on(user, SECRET, 0)

    assert still_welcome([visitor], timezone.now()) == set()
    verified = visitor._replace(verified=factor.pk)
    assert still_welcome([verified], timezone.now()) == {verified}


# Setting up.


def hidden(html: str) -> str:
    return str(re.findall(r'name="carried" value="([^"]+)"', html)[0])


def shown_secret(html: str) -> str:
    return str(re.findall(r'class="sign-in-secret">([A-Z2-7 ]+)<', html)[0]).replace(" ", "")


def test_it_is_on_once_a_code_was_shown(user: User):
    client = by_password()
    html = client.get(SET_UP).content.decode()
    assert "<svg" in html

    wrong = client.post(SET_UP, {"carried": hidden(html), "code": "000000"}).content.decode()
    assert not SecondFactor.objects.exists()
    assert shown_secret(wrong) == shown_secret(html), "the app that scanned the picture stays right"

    code = code_at(shown_secret(html), time.time())
    done = client.post(SET_UP, {"carried": hidden(wrong), "code": code})

    codes = re.findall(r"<li>((?:\w{4}-){3}\w{4})</li>", done.content.decode())
    factor = SecondFactor.objects.get()
    assert (factor.secret, factor.recovery_hashes) == (
        shown_secret(html),
        second_factor.hashed(codes),
    )
    assert is_in(client)
    assert AuditEntry.objects.filter(actor="root", detail="second factor turned on").count() == 1
    assert shown_secret(html) not in client.get(SET_UP).content.decode()


def test_the_picture_of_one_user_is_worth_nothing_to_another(user: User):
    html = by_password().get(SET_UP).content.decode()
    other = Client()
    other.force_login(User.objects.create(username="other", is_staff=True))

    code = code_at(shown_secret(html), time.time())
    answer = other.post(SET_UP, {"carried": hidden(html), "code": code})

    assert "too old" in answer.content.decode()
    assert not SecondFactor.objects.exists()


def test_turning_it_off_and_new_recovery_codes_want_a_code(factor: SecondFactor):
    client = by_password()
    now = time.time()
    show(client, code_at(SECRET, now - 30))
    before = SecondFactor.objects.get().recovery_hashes

    client.post(SET_UP, {"code": "000000", "turn_off": "1"})
    assert SecondFactor.objects.exists()
    client.post(SET_UP, {"code": code_at(SECRET, now)})
    assert not set(SecondFactor.objects.get().recovery_hashes) & set(before)
    client.post(SET_UP, {"code": code_at(SECRET, now + 30), "turn_off": "1"})
    assert not SecondFactor.objects.exists()


def test_when_it_is_required_there_is_nothing_but_setting_it_up(user: User, settings: Any):
    settings.REQUIRE_TOTP = True
    client = by_password()

    assert client.get("/admin/")["Location"].startswith(SET_UP)
    html = client.get(SET_UP).content.decode()
    assert "asks everybody" in text(html)
    client.post(SET_UP, {"carried": hidden(html), "code": code_at(shown_secret(html), time.time())})

    assert is_in(client)
    assert "Turn the second factor off" not in client.get(SET_UP).content.decode()
    client.post(SET_UP, {"code": code_at(shown_secret(html), time.time() + 30), "turn_off": "1"})
    assert SecondFactor.objects.exists()


def test_who_cannot_or_will_not_show_a_code_can_sign_in_as_somebody_else(factor: SecondFactor):
    client = by_password()

    client.post("/admin/logout/")

    assert client.get("/admin/")["Location"].startswith("/admin/login/")


def test_without_a_log_in_there_is_nothing_to_set_up():
    assert [Client().get(path).status_code for path in (SET_UP, CODE)] == [302, 302]


# Taking it away.


def test_a_superuser_resets_that_of_another(factor: SecondFactor):
    boss = Client()
    boss.force_login(User.objects.create(username="boss", is_staff=True, is_superuser=True))

    html = submit(
        boss,
        "auth_user_changelist",
        data={"action": "reset_second_factor", "_selected_action": [factor.user_id]},
    )

    assert "Second factors reset: 1" in html
    assert is_in(by_password())
    entry = AuditEntry.objects.get(detail="second factor reset")
    assert (entry.actor, entry.label) == ("boss", "root")


def test_nobody_else_does(factor: SecondFactor):
    clerk = User.objects.create(username="clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(content_type__app_label="auth"))
    client = Client()
    client.force_login(clerk)

    client.post(
        "/admin/auth/user/", {"action": "reset_second_factor", "_selected_action": [factor.user_id]}
    )

    assert SecondFactor.objects.exists()


def test_the_command_does_it_without_the_admin(factor: SecondFactor):
    call_command("signin", "reset-second-factor", "root")

    assert is_in(by_password())
    assert AuditEntry.objects.filter(
        actor="command: signin reset-second-factor", label="root"
    ).exists()
    with pytest.raises(CommandError, match="There is no user 'nobody'"):
        call_command("signin", "reset-second-factor", "nobody")
