"""`manage.py tokens set`: some of a client token's terms change, the others stay."""

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from proxyapp.models import AuditEntry, ClientToken
from tests.support.pool_data import add_group, pool_version

pytestmark = pytest.mark.django_db
CREATED = (
    *("create", "app", "--group", "one", "--model", "gemini-2.5-*", "--shared-resources"),
    *("--fallback", "gemini-2.5-pro=gemini-2.5-flash", "--requests-per-minute", "60"),
    *("--requests-per-day", "5000", "--budget-per-day", "5.00", "--expires", "2127-01-31"),
)


def tokens(*arguments: str) -> str:
    out = io.StringIO()
    call_command("tokens", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def made() -> dict[str, Any]:
    add_group("one")
    add_group("two")
    tokens(*CREATED)
    return listed()


def listed() -> dict[str, Any]:
    (row,) = json.loads(tokens("list", "--json"))
    found: dict[str, Any] = row
    return found


def test_what_is_given_changes_and_the_rest_stays():
    before, version = made(), pool_version()

    out = tokens("set", "APP", "--requests-per-minute", "120", "--budget-per-month", "30")

    changed = {"requests_per_minute": 120, "cost_per_month": "30.00"}
    assert listed() == before | changed
    assert out == f"Changed token 'app' ({before['masked']}).\n"
    assert pool_version() == version + 1
    entry = AuditEntry.objects.order_by("-id")[0]
    assert (entry.actor, entry.action, entry.label) == ("command: tokens set", "change", "app")
    assert "requests per minute: 120; requests per day: 5000" in entry.detail


def test_each_term_can_go_again():
    before = made()
    everything = ("--every-group", "--every-model", "--no-fallbacks", "--no-shared-resources")
    limits = ("--requests-per-minute", "none", "--requests-per-day", "none")
    rest = ("--budget-per-day", "none", "--expires", "never", "--name", "other", "--json")

    row = json.loads(tokens("set", before["masked"], *everything, *limits, *rest))

    nothing: dict[str, Any] = {
        "groups": None,
        "models": [],
        "fallbacks": {},
        "shared_resources": False,
    }
    numbers: dict[str, Any] = dict.fromkeys(
        ("requests_per_minute", "requests_per_day", "cost_per_day")
    )
    assert row == before | nothing | numbers | {"expires_at": None, "name": "other"}


def test_groups_and_models_are_those_that_are_named():
    before = made()

    tokens("set", "app", "--group", "two", "--model", "gemma", "--model", "gemini-3")

    assert listed() == before | {"groups": ["two"], "models": ["gemma", "gemini-3"]}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("app",), "Say what to change"),
        (("nobody", "--every-group"), "No token fits 'nobody'. Nothing was changed."),
        (("app", "--group", "gone"), "no group 'gone'. Nothing was changed."),
        (("app", "--fallback", "odd"), "wants MODEL=NEXT"),
        (("app", "--requests-per-day", "3000000000"), "2,147,483,647"),
        (("app", "--budget-per-day", "much"), "must be an amount"),
        (("app", "--name", " "), "name"),
        (("app", "--expires", "2026-01-01"), "is over"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_changed(arguments: tuple[str, ...], said: str):
    before = made()

    with pytest.raises(CommandError) as caught:
        tokens("set", *arguments)

    assert said in str(caught.value)
    assert listed() == before
    assert ClientToken.objects.count() == 1
