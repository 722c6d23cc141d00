"""`manage.py tokens`, and the store behind it."""

import io
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.conf import settings
from django.core.management import CommandError, call_command

from proxyapp.access import token_store
from proxyapp.access.token_book import Client, TokenRefusal
from proxyapp.access.token_store import Terms, read_book
from proxyapp.models import AuditEntry, ClientToken, TokenUsage, audit
from tests.support.new_secret import ChangeSecret, change_secret
from tests.support.pool_data import NOW, add_group, pool_version

__all__ = ["change_secret"]
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _frozen() -> Iterable[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def tokens(*arguments: str) -> tuple[str, str]:
    """What is printed, and what is noted beside it."""
    out, noted = io.StringIO(), io.StringIO()
    call_command("tokens", *arguments, stdout=out, stderr=noted)
    return out.getvalue(), noted.getvalue()


def create(*arguments: str) -> str:
    return tokens("create", *arguments)[0].strip()


def found(text: str) -> Client | TokenRefusal:
    return read_book().client_of([(b"x-api-key", text.encode())], b"", NOW.timestamp())


def error_of(*arguments: str) -> str:
    with pytest.raises(CommandError) as caught:
        tokens(*arguments)
    return str(caught.value)


def test_a_token_is_printed_once_and_alone_and_only_its_hash_is_kept():
    version = pool_version()

    out, noted = tokens("create", "laptop")

    assert out.startswith("gk-")
    assert out.count("\n") == 1
    assert out.strip() not in noted
    assert "not shown again" in noted
    row = ClientToken.objects.get()
    assert out.strip() not in json.dumps(ClientToken.objects.values().get(), default=str)
    assert (row.name, row.masked) == ("laptop", f"gk-…{out.strip()[-4:]}")
    assert found(out.strip()) == Client(id=row.pk)
    assert pool_version() == version + 1


def test_a_token_may_be_made_to_see_what_others_made():
    alone, sharing = create("alone"), create("sharing", "--shared-resources")

    clients = [found(text) for text in (alone, sharing)]
    assert [isinstance(each, Client) and each.shared_resources for each in clients] == [False, True]
    listed = json.loads(tokens("list", "--json")[0])
    assert {row["name"]: row["shared_resources"] for row in listed} == {
        "alone": False,
        "sharing": True,
    }
    assert [entry.detail for entry in AuditEntry.objects.order_by("id")] == ["", "shared resources"]


def test_all_terms():
    one, two = add_group("one"), add_group("Two")
    arguments = [
        "--group",
        "ONE",
        "--group",
        "two",
        "--model",
        "gemini-2.5-*",
        "--model",
        "models/gemma",
    ]
    limits = ["--requests-per-minute", "5", "--requests-per-day", "6", "--tokens-per-day", "7"]
    limits += ["--budget-per-day", "2.50", "--budget-per-month", "30"]

    client = found(create("ci", *arguments, *limits, "--expires", "30d"))

    assert isinstance(client, Client)
    assert client.groups == frozenset({one.pk, two.pk})
    assert client.models
    assert client.models.fullmatch("gemma")
    assert (client.requests_per_minute, client.requests_per_day, client.tokens_per_day) == (5, 6, 7)
    assert (client.cost_per_day, client.cost_per_month) == (2_500_000, 30_000_000)
    assert client.expires_at == (NOW + timedelta(days=30)).timestamp()
    (entry,) = AuditEntry.objects.all()
    assert (entry.actor, entry.action, entry.object_type, entry.label) == (
        "command: tokens create",
        "add",
        "token",
        "ci",
    )
    assert "groups: one, Two" in entry.detail
    assert "budget a day: 2.50 USD; budget a month: 30.00 USD" in entry.detail
    assert "expires at 2026-12-24 03:48 UTC" in entry.detail


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["LAPTOP"], "taken"),
        ([" "], "name"),
        (["x" * 101], "100"),
        (["a\nb"], "printed"),
        (["a", "--group", "nobody"], "no group 'nobody'"),
        (["a", "--model", ""], "model"),
        (["a", "--model", "x" * 101], "model"),
        (["a", "--requests-per-minute", "0"], "number from 1"),
        (["a", "--requests-per-day", "3000000000"], "2,147,483,647"),
        (["a", "--tokens-per-day", "-1"], "number from 1"),
        (["a", "--expires", "soon"], "2027-01-31"),
        (["a", "--expires", "99999999d"], "2027-01-31"),
        (["a", "--expires", "0d"], "2027-01-31"),
        (["a", "--expires", "2026-11-24"], "is over"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_made(arguments, message):
    create("laptop")

    assert message in error_of("create", *arguments)
    assert ClientToken.objects.count() == 1


@pytest.mark.parametrize("when", ["2027-01-31", "2027-01-31T00:00:00Z"])
def test_a_day_is_over_as_it_begins(when):
    create("a", "--expires", when)
    assert ClientToken.objects.get().expires_at == datetime(2027, 1, 31, tzinfo=UTC)


def test_create_as_json():
    made = json.loads(create("ci", "--json"))

    assert isinstance(found(made["token"]), Client)
    assert (made["name"], made["state"], made["groups"], made["models"]) == (
        "ci",
        "active",
        None,
        [],
    )


def test_list_shows_terms_state_and_usage():
    create("one", "--requests-per-minute", "1000")
    create("two", "--expires", "1h", "--shared-resources")
    one = ClientToken.objects.get(name="one")
    for day, count in ((NOW.date(), 2), (NOW.date() - timedelta(days=1), 3)):
        TokenUsage.objects.create(
            token=one, day=day, requests=count, succeeded=1, prompt_tokens=10, output_tokens=5
        )
    TokenUsage.objects.create(token=one, day=NOW.date(), model="pro", refused=3, not_allowed=4)

    rows = {row["name"]: row for row in json.loads(tokens("list", "--json")[0])}
    table = tokens("list")[0].splitlines()

    assert (
        rows["one"]["requests"],
        rows["one"]["today"]["requests"],
        rows["one"]["prompt_tokens"],
    ) == (5, 2, 20)
    refusals = rows["one"]["refused"], rows["one"]["not_allowed"]
    assert (refusals, rows["one"]["today"]["refused"]) == ((7, 4), 7)
    assert "REQUESTS  REFUSED  TOKENS" in table[0]
    sharing = table[0].index("SHARED RESOURCES")
    assert [line[sharing:].split()[0] for line in table[1:]] == ["no", "yes"]
    assert [rows[name]["shared_resources"] for name in ("one", "two")] == [False, True]
    assert "       5        7      30" in table[1]
    assert rows["two"]["expires_at"] == "2026-11-24T04:48:00Z"
    assert "1,000 requests/min" in table[1]
    assert "active until 2026-11-24 04:48 UTC" in table[2]
    with time_machine.travel(NOW + timedelta(hours=1)):
        assert [row["state"] for row in json.loads(tokens("list", "--json")[0])] == [
            "active",
            "expired",
        ]


def test_list_of_no_tokens_says_how_to_make_one():
    assert "tokens create" in tokens("list")[0]
    assert json.loads(tokens("list", "--json")[0]) == []


@pytest.mark.parametrize("selector", ["LAPTOP", "ID", "MASKED", "TOKEN"])
def test_revoke_by_name_id_masked_form_or_the_token(selector):
    text = create("laptop")
    row = ClientToken.objects.get()
    version = pool_version()

    out, _ = tokens(
        "revoke", {"ID": str(row.pk), "MASKED": row.masked, "TOKEN": text}.get(selector, selector)
    )

    assert out == f"Revoked 1 of 1 token:\n  {row.pk}  laptop  {row.masked}\n"
    assert found(text) is TokenRefusal.REVOKED
    assert pool_version() == version + 1
    assert "which was before" in tokens("revoke", "laptop")[0]
    assert [entry.action for entry in AuditEntry.objects.order_by("id")] == ["add", "revoke"]


def test_a_number_that_is_the_id_of_one_and_the_name_of_another_revokes_neither():
    first = create("laptop")
    row = ClientToken.objects.get()
    create(str(row.pk))
    other = ClientToken.objects.exclude(pk=row.pk).get()

    message = error_of("revoke", str(row.pk))

    assert f"fits 2 tokens: say which by its masked form ({row.masked}, {other.masked})" in message
    assert isinstance(found(first), Client)
    assert "Revoked 1" in tokens("revoke", row.masked)[0]


def test_revoke_of_an_unknown_token_repeats_none_and_changes_nothing():
    text = create("laptop")
    unknown = "gk-" + "x" * 43

    message = error_of("revoke", "laptop", unknown)

    assert unknown not in message
    assert "Nothing was changed" in message
    assert isinstance(found(text), Client)


def test_an_update_and_a_deletion_reach_every_process_too():
    text = create("laptop")
    row = ClientToken.objects.get()
    token_store.update_token(row, Terms(name="desk", groups=[], requests_per_day=3), audit.START)
    client = found(text)
    assert isinstance(client, Client)
    assert (client.groups, client.requests_per_day) == (frozenset(), 3)

    version = pool_version()
    token_store.delete([row.pk], audit.START)
    assert (read_book().is_empty, pool_version()) == (True, version + 1)
    assert [entry.action for entry in AuditEntry.objects.order_by("id")] == [
        "add",
        "change",
        "delete",
    ]


def test_an_update_with_an_old_row_brings_no_revoked_token_back():
    text = create("laptop")
    row = ClientToken.objects.get()
    token_store.revoke([row.pk], audit.START, NOW)
    token_store.update_token(row, Terms(name="desk"), audit.START)
    assert ClientToken.objects.get().name == "desk"
    assert found(text) is TokenRefusal.REVOKED


def test_a_token_whose_last_group_is_deleted_may_use_none():
    group = add_group("one")
    text = create("laptop", "--group", "one")
    group.delete()
    client = found(text)
    assert isinstance(client, Client)
    assert client.groups == frozenset()


def test_a_new_secret_key_keeps_tokens_as_long_as_the_older_one_is_there(
    change_secret: ChangeSecret,
):
    text, revoked = create("laptop"), create("revoked")
    tokens("revoke", "revoked")
    change_secret()
    newer = create("newer")
    assert isinstance(found(text), Client)
    assert found(revoked) is TokenRefusal.REVOKED

    out = io.StringIO()
    call_command("reencrypt", stdout=out)

    assert "warning: 1 client tokens were made under an older SECRET_KEY" in out.getvalue()
    assert "needs an older SECRET_KEY" in tokens("list")[0]
    settings.SECRET_KEY_FALLBACKS = []
    assert found(text) is TokenRefusal.UNKNOWN
    assert isinstance(found(newer), Client)
    rows = {row["name"]: row["state"] for row in json.loads(tokens("list", "--json")[0])}
    assert rows == {"laptop": "unreadable", "newer": "active", "revoked": "revoked"}


def test_a_change_of_the_terms_undoes_no_revocation_and_forgets_no_use():
    create("laptop")
    read_before = ClientToken.objects.get()
    tokens("revoke", "laptop")
    ClientToken.objects.update(last_used_at=NOW)

    token_store.update_token(
        read_before, Terms(name="desktop", requests_per_day=5), audit.command("test")
    )

    row = ClientToken.objects.get()
    assert (row.name, row.requests_per_day, row.revoked_at, row.last_used_at) == (
        "desktop",
        5,
        NOW,
        NOW,
    )
