"""Priorities, weights, strategies and spilling in the admin."""

import pytest
from django.test import Client

from proxyapp.models import AuditEntry
from tests.support.admin_pages import GROUP_FORM, page, submit, superuser
from tests.support.pool_data import add_group, add_key, pool_version

pytestmark = pytest.mark.django_db
GROUP, KEY, KEYS = "proxyapp_group_change", "proxyapp_apikey_change", "proxyapp_apikey_changelist"
LEFT = {"name": "", "project": "", "position": "0", "status": "active"}


@pytest.fixture
def operator() -> Client:
    return superuser()


def test_a_group_gets_a_strategy_and_keeps_what_is_not_sent(operator: Client) -> None:
    group, before = add_group("main"), pool_version()

    submit(operator, GROUP, group.pk, data={**GROUP_FORM, "strategy": "least_used"})
    group.refresh_from_db()
    assert (group.strategy, group.spill_after) == ("least_used", None)
    assert pool_version() > before
    assert "strategy '' → 'least_used'" in AuditEntry.objects.latest("pk").detail

    submit(operator, GROUP, group.pk, data={**GROUP_FORM, "name": "renamed"})
    group.refresh_from_db()
    assert (group.name, group.strategy) == ("renamed", "least_used")

    submit(operator, GROUP, group.pk, data={**GROUP_FORM, "strategy": ""})
    group.refresh_from_db()
    assert group.strategy == ""


def test_a_spill_to_nobody_is_warned_of(operator: Client) -> None:
    group = add_group("main")

    said = submit(operator, GROUP, group.pk, data={**GROUP_FORM, "spill_after": "0.9"})

    group.refresh_from_db()
    assert group.spill_after == 0.9
    assert "spill does nothing" in said


@pytest.mark.parametrize("after", ["0", "1.5", "-1", "nan", "much"])
def test_a_spill_that_is_no_part_is_refused(operator: Client, after: str) -> None:
    group = add_group("main")

    submit(operator, GROUP, group.pk, data={**GROUP_FORM, "spill_after": after})

    group.refresh_from_db()
    assert group.spill_after is None


def test_a_key_gets_a_priority_and_a_weight_which_the_list_shows(operator: Client) -> None:
    key = add_key(add_group("main"), "k")
    form = {**LEFT, "group": key.group_id}

    submit(operator, KEY, key.pk, data={**form, "priority": "2", "weight": "3"})
    key.refresh_from_db()
    assert (key.priority, key.weight) == (2, 3)
    assert "2, 3" in page(operator, KEYS)

    submit(operator, KEY, key.pk, data={**form, "name": "renamed"})
    key.refresh_from_db()
    assert (key.name, key.priority, key.weight) == ("renamed", 2, 3)

    submit(operator, KEY, key.pk, data={**form, "priority": "", "weight": "11"})
    key.refresh_from_db()
    assert key.weight == 3
