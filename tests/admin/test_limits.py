"""Limits in the forms of groups and keys."""

import pytest
from django.test import Client

from proxyapp.models import AuditEntry
from tests.support.admin_pages import GROUP_FORM, page, submit, superuser, text
from tests.support.pool_data import add_group, add_key, pool_version

pytestmark = pytest.mark.django_db
GROUP, KEY = "proxyapp_group_change", "proxyapp_apikey_change"
LIMITS = {"gemini-2.5-*": {"requests_per_minute": 10, "requests_per_day": 250}}
LINE = "gemini-2.5-*: requests_per_minute 10, requests_per_day 250"


@pytest.fixture
def operator() -> Client:
    return superuser()


def test_a_groups_are_written_a_model_a_line_and_shown_that_way(operator: Client) -> None:
    group = add_group("main")
    before = pool_version()

    sent = {**GROUP_FORM, "limits": f"models/{LINE}", "tier": "free", "max_concurrent": "4"}
    submit(operator, GROUP, group.pk, data=sent)

    group.refresh_from_db()
    assert (group.limits, group.tier, group.max_concurrent) == (LIMITS, "free", 4)
    assert pool_version() > before
    assert LINE in page(operator, GROUP, group.pk)
    detail = AuditEntry.objects.latest("pk").detail
    assert f"limits: '{LINE}'" in detail
    assert "max_concurrent '' → '4'" in detail


def test_a_keys_own_are_too(operator: Client) -> None:
    key = add_key(add_group("main"), "k")
    form = {"group": key.group_id, "name": "", "project": "", "position": "0", "status": "active"}

    submit(operator, KEY, key.pk, data={**form, "limits": LINE, "max_concurrent": "2"})

    key.refresh_from_db()
    assert (key.limits, key.max_concurrent) == (LIMITS, 2)
    assert f"limits: '{LINE}'" in AuditEntry.objects.latest("pk").detail
    submit(operator, KEY, key.pk, data={**form, "name": "renamed"})
    key.refresh_from_db()
    assert (key.name, key.limits, key.max_concurrent) == ("renamed", LIMITS, 2)


def test_they_are_taken_away_by_empty_fields_and_left_by_fields_that_are_not_sent(
    operator: Client,
) -> None:
    group = add_group("main", limits=LIMITS, tier="free", max_concurrent=4)

    submit(operator, GROUP, group.pk, data=GROUP_FORM)
    group.refresh_from_db()
    assert (group.limits, group.tier, group.max_concurrent) == (LIMITS, "free", 4)

    sent = {**GROUP_FORM, "limits": "", "tier": "", "max_concurrent": ""}
    submit(operator, GROUP, group.pk, data=sent)
    group.refresh_from_db()
    assert (group.limits, group.tier, group.max_concurrent) == ({}, "", None)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"limits": "gemini-*: rpm 10"}, "did you mean 'requests_per_minute'?"),
        ({"limits": "gemini-*: requests_per_minute 10/min"}, "written out: 10."),
        ({"max_concurrent": "0"}, "greater than or equal to 1"),
        ({"tier": "gold"}, "Select a valid choice"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_saved(operator: Client, fields, words) -> None:
    group = add_group("main")

    shown = submit(operator, GROUP, group.pk, data={**GROUP_FORM, **fields})

    assert words in text(shown)
    group.refresh_from_db()
    assert (group.limits, group.tier, group.max_concurrent) == ({}, "", None)
