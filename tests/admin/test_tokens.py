"""Client tokens in the admin: the list, the form, the page, and the one showing of a token."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client, override_settings
from django.urls import reverse

from proxyapp.access import token_store
from proxyapp.access.token_book import SHAPE, token_hash
from proxyapp.admin.client_tokens.single_use_form import MOST_OPEN
from proxyapp.models import AuditEntry, ClientToken, TokenUsage, audit
from tests.support.admin_pages import TOKEN_FORM, act, cells, page, rows, submit, superuser, text
from tests.support.client_tokens import add_token, use_token
from tests.support.new_secret import ChangeSecret, change_secret
from tests.support.pool_data import NOW, add_group, pool_version
from tests.support.staff import staff

__all__ = ["change_secret"]

pytestmark = pytest.mark.django_db

ADD = "proxyapp_clienttoken_add"
CHANGE = "proxyapp_clienttoken_change"
LIST = "proxyapp_clienttoken_changelist"


@pytest.fixture(autouse=True)
def _at_now() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def operator() -> Client:
    return superuser()


def value(html: str, name: str) -> str:
    """What a field of a form has in it."""
    found = re.search(rf'<input[^>]*\bname="{name}"[^>]*>', html)
    assert found, name
    return found[0].partition(' value="')[2].partition('"')[0]


def number_of_form(operator: Client) -> str:
    return value(page(operator, ADD), "form_number")


def send(operator: Client, **fields: Any) -> Any:
    """The form of a new token, opened and sent."""
    data = {**TOKEN_FORM, "form_number": number_of_form(operator), **fields}
    return operator.post(reverse(f"admin:{ADD}"), data)


def change(operator: Client, token: ClientToken, **fields: Any) -> str:
    return submit(operator, CHANGE, token.pk, data={**TOKEN_FORM, "name": token.name, **fields})


def token_in(html: str) -> str:
    found = re.search(r'id="token-text">([^<]+)<', html)
    assert found
    return found[1]


def everything_stored() -> str:
    """Each row of each table."""
    with connection.cursor() as cursor:
        stored = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            stored.append(repr(cursor.fetchall()))
    return "\n".join(stored)


# Making one.


def test_a_token_is_made_with_its_terms_and_shown(operator: Client):
    group = add_group("paid")
    add_group("free")
    version = pool_version()

    response = send(
        operator,
        name="app",
        reach="some",
        groups=[group.pk],
        models="gemini-2.5-*\n\n models/gemini-embedding-001 \n",
        requests_per_minute=60,
        tokens_per_day=1_000_000,
        cost_per_day="2.50",
        lifetime="30",
    )

    token = ClientToken.objects.get()
    assert response.status_code == 200
    text_of_token = token_in(response.content.decode())
    assert SHAPE.fullmatch(text_of_token.encode())
    assert token.token_hash == token_hash(text_of_token, token_store.secret_keys()[0])
    assert (token.is_limited_to_groups, list(token.allowed_groups.all())) == (True, [group])
    assert token.allowed_models == ["gemini-2.5-*", "gemini-embedding-001"]
    assert (token.requests_per_minute, token.requests_per_day, token.tokens_per_day) == (
        60,
        None,
        1_000_000,
    )
    assert (token.cost_per_day, token.cost_per_month) == (2_500_000, None)
    assert token.expires_at == NOW + timedelta(days=30, minutes=1)
    assert pool_version() == version + 1


def test_the_page_has_examples_that_are_ready_for_the_gateway_and_a_model_that_is_allowed(
    operator: Client,
):
    html = send(operator, models="gemini-*\ngemma-3", HTTP_HOST="x").content.decode()
    shown = token_in(html)

    assert html.count(shown) == 3
    assert "http</span>" not in html
    assert f"x-goog-api-key: {shown}" in text(html)
    assert "/v1beta/models/gemma-3:generateContent" in text(html)
    assert "testserver</span>/v1beta/openai/" in html


def test_the_token_is_in_no_title_cache_cookie_table_or_log(
    operator: Client, caplog: pytest.LogCaptureFixture
):
    response = send(operator)
    shown = token_in(response.content.decode())

    assert "no-store" in response["Cache-Control"]
    title = re.search(r"<title>(.*?)</title>", response.content.decode(), re.DOTALL)
    assert title
    assert shown not in title[1]
    assert shown not in str(response.cookies)
    assert "Location" not in response
    assert shown not in everything_stored()
    assert shown not in caplog.text
    assert [shown in str(session.get_decoded()) for session in Session.objects.all()] == [False]
    for other in (page(operator, LIST), page(operator, CHANGE, ClientToken.objects.get().pk)):
        assert shown not in other


def test_the_same_form_sent_again_makes_nothing_and_says_what_to_do(operator: Client):
    data = {**TOKEN_FORM, "form_number": number_of_form(operator)}
    first = operator.post(reverse(f"admin:{ADD}"), data)

    again = operator.post(reverse(f"admin:{ADD}"), data)

    html = again.content.decode()
    assert token_in(first.content.decode()) not in html
    assert SHAPE.search(again.content) is None
    assert "revoke it and make another. Nothing was made now." in text(html)
    assert reverse(f"admin:{CHANGE}", args=[ClientToken.objects.get().pk]) in html
    assert "no-store" in again["Cache-Control"]


def test_the_same_form_makes_no_second_token_even_when_the_first_is_gone(operator: Client):
    data = {**TOKEN_FORM, "form_number": number_of_form(operator)}
    operator.post(reverse(f"admin:{ADD}"), data)
    ClientToken.objects.all().delete()

    again = operator.post(reverse(f"admin:{ADD}"), data).content.decode()

    assert "open the form again" in text(again)
    assert not ClientToken.objects.exists()


@pytest.mark.parametrize("number", ["", "made-up"])
def test_a_form_that_was_not_opened_here_makes_nothing(operator: Client, number: str):
    response = operator.post(reverse(f"admin:{ADD}"), {**TOKEN_FORM, "form_number": number})

    assert "Nothing was made now" in response.content.decode()
    assert not ClientToken.objects.exists()


def test_a_form_with_a_mistake_can_be_sent_again(operator: Client):
    refused = send(operator, name="")
    number = value(refused.content.decode(), "form_number")

    response = operator.post(reverse(f"admin:{ADD}"), {**TOKEN_FORM, "form_number": number})

    assert "This field is required." in refused.content.decode()
    assert token_in(response.content.decode())


def test_only_so_many_forms_stay_open_in_a_session(operator: Client):
    first = number_of_form(operator)
    for _ in range(MOST_OPEN):
        number_of_form(operator)

    operator.post(reverse(f"admin:{ADD}"), {**TOKEN_FORM, "form_number": first})

    assert not ClientToken.objects.exists()


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"name": "TAKEN"}, "This name is taken"),
        ({"name": "two\u202elines"}, "has characters that cannot be printed"),
        ({"reach": "some"}, "Choose one group or more"),
        ({"models": "x" * 101}, "is no name of a model"),
        ({"requests_per_day": "0"}, "0 is not a number from 1"),
        ({"requests_per_minute": "-1"}, "greater than or equal to 0"),
        ({"tokens_per_day": "9" * 18}, "is not a number from 1"),
        ({"cost_per_day": "5,00"}, "must be an amount such as 5 or 2.50"),
        ({"lifetime": "at"}, "Say when"),
        ({"lifetime": "at", "expires_on": "2026-11-24T03:47"}, "This time is over"),
        ({"lifetime": "soon"}, "Select a valid choice"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_made(
    operator: Client, fields: dict[str, str], problem: str
):
    add_token("taken")
    version = pool_version()

    response = send(operator, **fields)

    assert response.status_code == 200
    assert problem in text(response.content.decode())
    assert (ClientToken.objects.count(), pool_version()) == (1, version)


def test_a_time_is_taken_as_utc(operator: Client):
    send(operator, lifetime="at", expires_on="2027-01-31T10:00")

    assert str(ClientToken.objects.get().expires_at) == "2027-01-31 10:00:00+00:00"


# Changing one.


def test_a_change_keeps_the_token_and_writes_the_new_terms(operator: Client):
    group = add_group("paid")
    token = add_token("app", groups=[group], models=["gemma-3"], requests_per_day=5)

    html = change(operator, token, name="renamed", requests_per_minute="7")

    changed = ClientToken.objects.get()
    assert "was changed successfully" in html
    assert changed.token_hash == token.token_hash
    assert (changed.name, changed.is_limited_to_groups, changed.allowed_models) == (
        "renamed",
        False,
        [],
    )
    assert (changed.requests_per_minute, changed.requests_per_day) == (7, None)


def test_a_token_shares_resources_while_its_box_is_checked(operator: Client):
    send(operator, shared_resources="on")
    token = ClientToken.objects.get()
    assert token.shared_resources is True
    (box,) = re.findall(
        r'<input[^>]*name="shared_resources"[^>]*>', page(operator, CHANGE, token.pk)
    )
    assert " checked" in box

    change(operator, token)

    token.refresh_from_db()
    assert token.shared_resources is False


def test_the_form_shows_what_is_allowed_and_saving_it_changes_nothing(operator: Client):
    groups = [add_group("paid"), add_group("free")]
    expires_at = NOW + timedelta(days=3, seconds=7)
    token = add_token(
        "app", groups=groups[:1], models=["a-*", "b"], tokens_per_day=9, expires_at=expires_at
    )
    html = page(operator, CHANGE, token.pk)

    assert re.search(r'value="some"[^>]*\schecked[ >]', html)
    assert re.findall(r'name="groups" value="(\d+)"[^>]*\schecked[ >]', html) == [str(groups[0].pk)]
    assert re.search(r">\s*a-\*\nb</textarea>", html)
    shown = value(html, "expires_on")
    change(
        operator,
        token,
        reach="some",
        groups=[groups[0].pk],
        models="a-*\nb",
        tokens_per_day=9,
        lifetime="at",
        expires_on=shown,
    )

    after = ClientToken.objects.get()
    assert after.expires_at == expires_at
    assert (list(after.allowed_groups.all()), after.allowed_models) == (groups[:1], ["a-*", "b"])
    assert (LogEntry.objects.get().change_message) == "Nothing changed."


def test_a_change_brings_no_revoked_token_back(operator: Client):
    token = add_token()
    token_store.revoke([token.pk], audit.command("test"), NOW)

    change(operator, token, name="renamed")

    assert ClientToken.objects.get().revoked_at == NOW


def test_a_token_that_lost_its_last_group_may_use_none_and_the_pages_say_so(operator: Client):
    group = add_group("gone")
    token = add_token("app", groups=[group])
    group.delete()

    html = page(operator, CHANGE, token.pk)
    change(operator, token, name="renamed", reach="some")

    assert "This token may use no key" in text(html)
    assert cells(page(operator, LIST), "groups") == ["none: its groups were deleted"]
    assert ClientToken.objects.get(name="renamed").is_limited_to_groups


def test_an_expired_token_can_be_renamed_and_given_more_time(operator: Client):
    token = add_token("app", expires_at=NOW - timedelta(days=1))

    change(
        operator,
        token,
        name="renamed",
        lifetime="at",
        expires_on=f"{token.expires_at:%Y-%m-%dT%H:%M}",
    )
    assert ClientToken.objects.get().expires_at == token.expires_at
    change(operator, ClientToken.objects.get(), lifetime="90")

    assert ClientToken.objects.get().expires_at == NOW + timedelta(days=90, minutes=1)


# The list.


def test_the_list_shows_what_a_token_allows_and_did_today(operator: Client):
    token = add_token(
        "app",
        models=["m-1", "m-2", "m-3", "m-4"],
        requests_per_day=5000,
        requests_per_minute=60,
        tokens_per_day=1000,
    )
    use_token(token, requests=1204, refused=3, prompt_tokens=1000, output_tokens=500)
    use_token(token, NOW.date() - timedelta(days=1), requests=7)
    add_token("idle", groups=[add_group("paid")], last_used_at=NOW - timedelta(hours=3))

    html = page(operator, LIST)

    assert cells(html, "label") == [
        f"app {token.masked}",
        f"idle {ClientToken.objects.get(name='idle').masked}",
    ]
    assert cells(html, "groups") == ["all", "paid"]
    assert cells(html, "models") == ["m-1, m-2, m-3 and 1 more", "all"]
    assert cells(html, "requests_today") == ["1.2 k of 5 k 60 a minute at most 3 refused", "0"]
    assert cells(html, "tokens_today") == ["1.5 k of 1 k", "0"]
    assert cells(html, "used") == ["—", "3 h ago"]
    assert html.count("token-bar is-full") == 1


def in_each_state() -> None:
    add_token("active", expires_at=NOW + timedelta(days=30))
    add_token("expiring", expires_at=NOW + timedelta(days=2))
    add_token("over", expires_at=NOW)
    revoked = add_token("revoked", expires_at=NOW - timedelta(days=2))
    token_store.revoke([revoked.pk], audit.command("test"), NOW - timedelta(minutes=5))


def test_the_list_shows_states_with_what_is_left_or_passed(operator: Client):
    in_each_state()

    assert cells(page(operator, LIST), "state") == [
        "active expires in 30 d",
        "active expires in 2 d",
        "expired 0 s ago",
        "revoked 5 min ago",
    ]


@pytest.mark.parametrize(
    ("state", "names"),
    [
        ("active", ["active", "expiring"]),
        ("expiring", ["expiring"]),
        ("expired", ["over"]),
        ("revoked", ["revoked"]),
        ("unreadable", []),
        ("nonsense", ["active", "expiring", "over", "revoked"]),
    ],
)
def test_the_list_is_filtered_by_state(operator: Client, state: str, names: list[str]):
    in_each_state()

    assert [cell.split()[0] for cell in cells(page(operator, LIST, state=state), "label")] == names


def test_tokens_of_a_secret_that_is_gone_are_unreadable(
    operator: Client, change_secret: ChangeSecret
):
    token = add_token()
    change_secret(forget_older=True)
    client = superuser_again()

    html = page(client, LIST, state="unreadable")

    assert cells(html, "state") == ["unreadable made under a SECRET_KEY that is gone"]
    assert "unreadable" in text(page(client, CHANGE, token.pk))
    assert cells(page(client, LIST, state="active"), "state") == []


def superuser_again() -> Client:
    """Sessions are signed with the secret that has changed."""
    from django.contrib.auth.models import User

    client = Client()
    client.force_login(User.objects.get(username="admin"))
    return client


def test_the_list_is_filtered_by_a_group_that_may_be_used_and_searched_by_name(operator: Client):
    paid, free = add_group("paid"), add_group("free")
    add_token("all")
    add_token("of paid", groups=[paid])
    add_token("of free", groups=[free])
    add_token("of both", groups=[paid, free])

    def names(**query: Any) -> list[str]:
        return [cell.rpartition(" ")[0] for cell in cells(page(operator, LIST, **query), "label")]

    assert names(group=paid.pk) == ["all", "of both", "of paid"]
    assert names(group="9" * 30) == ["all"]
    assert names(q="free") == ["of free"]
    assert names(q=ClientToken.objects.get(name="all").masked) == ["all"]


def test_the_list_takes_the_same_number_of_queries_for_any_number_of_tokens(
    operator: Client, django_assert_num_queries: Any
):
    groups = [add_group("a"), add_group("b")]
    add_token("0", groups=groups)
    with django_assert_num_queries(8):
        page(operator, LIST)
    for number in range(1, 40):
        use_token(add_token(str(number), groups=groups), requests=number)

    with django_assert_num_queries(8):
        html = page(operator, LIST)

    assert rows(html) == 40


# The page of one.


def test_the_page_shows_thirty_days_by_model_and_by_day(operator: Client):
    token = add_token(requests_per_day=100)
    use_token(token, requests=10, succeeded=9, prompt_tokens=1000, output_tokens=200)
    use_token(token, NOW.date() - timedelta(days=29), "gemini-2.5-pro", requests=2, succeeded=2)
    use_token(token, NOW.date() - timedelta(days=30), "too-old", requests=2)
    use_token(token, model="", refused=4)

    html = page(operator, CHANGE, token.pk)
    shown = text(html)

    assert "10 of 100" in shown
    assert "gemini-2.5-flash 10 90 % 0 1 k / 200" in shown
    assert "gemini-2.5-pro 2 100 % 0 0 / 0" in shown
    assert "All 12 91.6 % 4 1 k / 200" in shown
    assert "2026-11-24 10 90 % 4 1 k / 200 2026-10-26 2 100 %" in shown
    assert "too-old" not in shown
    assert "Nov 24: 10 requests, 9 succeeded; 4 more refused by a limit" in html


def test_the_page_shows_what_was_not_allowed_under_its_name(operator: Client):
    token = add_token()
    use_token(token, model="", refused=4)
    use_token(token, model="gemini-2.5-pro", not_allowed=3)

    html = page(operator, CHANGE, token.pk)

    assert "gemini-2.5-pro 0 — 0 3 not allowed 0 / 0" in text(html)
    assert "4 refused by a limit, 3 not allowed" in text(html)
    assert "4 more refused by a limit, 3 not allowed" in html


def test_the_page_shows_what_of_the_tokens_was_cached_or_thought(operator: Client):
    token = add_token()
    tokens = {"prompt_tokens": 1000, "output_tokens": 200}
    parts = {"cached_tokens": 600, "thought_tokens": 150}
    use_token(token, NOW.date(), "gemini-2.5-flash", requests=1, **tokens, **parts)

    shown = text(page(operator, CHANGE, token.pk))

    assert "1 k / 200 600 cached, 150 thoughts" in shown


def test_the_page_takes_few_queries_however_much_was_used(
    operator: Client, django_assert_max_num_queries: Any
):
    token = add_token(groups=[add_group()])
    with django_assert_max_num_queries(14) as before:
        page(operator, CHANGE, token.pk)
    for ago in range(30):
        use_token(token, NOW.date() - timedelta(days=ago), requests=1)

    with django_assert_max_num_queries(len(before.captured_queries)):
        page(operator, CHANGE, token.pk)


def test_a_viewer_sees_the_terms_and_is_offered_nothing(operator: Client):
    token = add_token("app", groups=[add_group("paid")], models=["gemma-3"], requests_per_minute=3)

    html = page(staff("view_clienttoken"), CHANGE, token.pk)

    assert 'name="reach"' not in html
    assert "/revoke/" not in html
    assert 'name="_save"' not in html
    assert "Not used in these days" not in html
    for shown in ("paid", "gemma-3", "active"):
        assert shown in text(html)


# Its end.


def revoke_url(token: ClientToken) -> str:
    return reverse("admin:proxyapp_clienttoken_revoke", args=[token.pk])


def test_before_a_token_is_revoked_a_page_says_what_happens(operator: Client):
    token = add_token()

    question = operator.get(revoke_url(token)).content.decode()
    before = ClientToken.objects.get().revoked_at
    answer = operator.post(revoke_url(token), follow=True).content.decode()

    assert "Within a second" in text(question)
    assert "for good" in text(question)
    assert before is None
    assert ClientToken.objects.get().revoked_at == NOW
    assert "Token app is revoked" in text(answer)
    assert revoke_url(token) not in answer


def test_a_token_is_revoked_once(operator: Client):
    token = add_token()
    token_store.revoke([token.pk], audit.command("test"), NOW - timedelta(hours=1))

    assert operator.get(revoke_url(token)).status_code == 302
    html = operator.post(revoke_url(token), follow=True).content.decode()

    assert "revoked already" in text(html)
    assert ClientToken.objects.get().revoked_at == NOW - timedelta(hours=1)
    assert operator.get(revoke_url(token).replace(str(token.pk), "0")).status_code == 404


def test_a_selection_is_revoked_after_a_question(operator: Client):
    ids = [add_token(name).pk for name in ("one", "two")]
    add_token("kept")

    question = act(operator, "clienttoken", "revoke_tokens", ids)
    revoked_before = ClientToken.objects.exclude(revoked_at=None).count()
    answer = act(operator, "clienttoken", "revoke_tokens", ids, confirmed="yes")

    assert "Revoke 2 tokens?" in text(question)
    assert 'name="confirmed" value="yes"' in question
    assert revoked_before == 0
    assert set(ClientToken.objects.exclude(revoked_at=None).values_list("pk", flat=True)) == set(
        ids
    )
    assert "2 tokens are revoked" in text(answer)


def test_a_deletion_says_that_usage_goes_and_when_the_last_token_does(operator: Client):
    token, other = add_token("app"), add_token("other")
    use_token(token, requests=1)

    first = page(operator, "proxyapp_clienttoken_delete", token.pk)
    submit(operator, "proxyapp_clienttoken_delete", token.pk, data={"post": "yes"})
    last = page(operator, "proxyapp_clienttoken_delete", other.pk)
    with override_settings(ALLOW_ANONYMOUS=True):
        open_anyway = page(operator, "proxyapp_clienttoken_delete", other.pk)

    assert "usage goes, too" in text(first)
    assert "Rows of usage (by day and model): 1" in text(first)
    assert "open again to everyone on this machine" not in text(first)
    assert "open again to everyone on this machine" in text(last)
    assert "Within a second no process" in text(first)
    assert "Within a second no process" not in text(last)
    assert "everyone who reaches the gateway may use the keys" in text(open_anyway)
    assert list(ClientToken.objects.all()) == [other]
    assert not TokenUsage.objects.exists()


def test_a_selection_is_deleted_after_the_same_question(operator: Client):
    ids = [add_token(name).pk for name in ("one", "two")]
    version = pool_version()

    question = act(operator, "clienttoken", "delete_selected", ids)
    assert ClientToken.objects.count() == 2
    act(operator, "clienttoken", "delete_selected", ids, post="yes")

    assert "open again to everyone on this machine" in text(question)
    assert not ClientToken.objects.exists()
    assert pool_version() == version + 1


# Who did what.


def test_the_audit_log_has_each_change_once_and_leads_to_the_token(operator: Client):
    send(operator, name="app", requests_per_day=5)
    token = ClientToken.objects.get()
    change(operator, token, name="renamed")
    operator.post(revoke_url(token))
    submit(operator, "proxyapp_clienttoken_delete", token.pk, data={"post": "yes"})

    entries = AuditEntry.objects.order_by("pk").values_list(
        "actor", "action", "object_type", "object_id", "label"
    )
    assert list(entries) == [
        ("admin", action, "token", str(token.pk), name)
        for action, name in [
            ("add", "app"),
            ("change", "renamed"),
            ("revoke", "renamed"),
            ("delete", "renamed"),
        ]
    ]
    html = page(operator, "proxyapp_auditentry_changelist", object=f"token:{token.pk}")
    assert cells(html, "done") == ["delete", "revoke", "change", "add"]
    assert "requests per day: 5" in text(html)


def test_the_history_of_a_token_says_what_was_changed(operator: Client):
    token = add_token()
    change(operator, token, name="renamed", requests_per_day=3)
    operator.post(revoke_url(token))

    html = text(page(operator, "proxyapp_clienttoken_history", token.pk))

    assert "requests per day: 3" in html
    assert "revoke" in html


def test_a_list_that_is_not_filtered_offers_no_way_to_show_all(operator: Client):
    add_token()

    assert "Show all" not in page(operator, LIST)
    assert "1 result" in text(page(operator, LIST, state="active"))
