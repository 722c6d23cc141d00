"""`manage.py groups list|off|on`, and what keys of a group that is off are."""

import json
from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command

from proxyapp.models import ApiKey, AuditEntry
from proxyapp.models.key_state import in_state
from proxyapp.operators.group_switch import standing_of
from proxyapp.operators.key_report import key_report
from proxyapp.operators.standing import DISABLED, Standing, read_facts
from proxyapp.pool.off_groups import is_any_due, wake_groups
from proxyapp.pool.store import PoolReader
from proxyapp.vocabulary.key_states import KeyState
from tests.support.pool_data import NOW, add_group, add_key, cool, pool_version

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def groups(*arguments: str) -> str:
    output = StringIO()
    call_command("groups", *arguments, stdout=output)
    return output.getvalue()


@time_machine.travel(NOW, tick=False)
def test_a_group_is_off_for_an_hour_and_then_by_itself_on_again():
    group = add_group("main")
    add_key(group, "one")

    assert groups("off", "MAIN", "--for", "1h") == "Group main is off until 2026-11-24 04:48 UTC.\n"
    snapshot = PoolReader().load(NOW)
    assert [key.is_active for key in snapshot.keys.values()] == [False]
    assert not is_any_due(snapshot.order.values(), NOW.timestamp())
    assert is_any_due(snapshot.order.values(), (NOW + HOUR).timestamp())

    version = pool_version()
    assert not wake_groups(NOW)
    assert wake_groups(NOW + HOUR)
    assert pool_version() == version + 1
    assert [key.is_active for key in PoolReader().load(NOW).keys.values()] == [True]


@time_machine.travel(NOW, tick=False)
def test_its_keys_are_disabled_for_every_page_and_keep_their_own_state():
    group = add_group("main")
    key, cooling = add_key(group, "one"), add_key(group, "two")
    cool(cooling, NOW + HOUR)
    groups("off", "main")

    rows = key_report(ApiKey.objects.all(), NOW)
    assert [(row.state, row.status_reason) for row in rows] == [
        (KeyState.DISABLED, "its group is off")
    ] * 2
    assert set(in_state(ApiKey.objects.all(), KeyState.DISABLED, NOW)) == {key, cooling}
    assert not in_state(ApiKey.objects.all(), KeyState.AVAILABLE, NOW).exists()
    assert not in_state(ApiKey.objects.all(), KeyState.COOLING, NOW).exists()
    assert Standing(read_facts(NOW), NOW).count(DISABLED) == 2
    assert PoolReader().load(NOW).key_states(NOW.timestamp())[KeyState.DISABLED] == 2

    groups("on", "main")
    assert [row.state for row in key_report(ApiKey.objects.all(), NOW)] == ["available", "cooling"]


@time_machine.travel(NOW, tick=False)
def test_a_running_pool_takes_up_that_a_group_went_off_as_if_it_read_all():
    group, other = add_group("main"), add_group("other")
    add_key(group, "one"), add_key(other, "two")
    groups("off", "other")
    reader = PoolReader()
    known = reader.load(NOW)
    groups("off", "main")

    changes = reader.changes(known.known, NOW)

    assert changes is not None
    assert [key.is_active for key in changes.keys.values() if key] == [False]


def test_what_was_done_is_told_once_and_listed():
    add_group("main")
    assert groups("off", "main") == "Group main is off.\n"
    assert groups("off", "main") == "Group main: it was off.\n"
    assert json.loads(groups("list", "--json"))[0]["is_off"] is True
    assert "off" in groups("list")
    assert groups("on", "main") == "Group main is on.\n"
    assert groups("on", "main") == "Group main: it was on.\n"
    told = AuditEntry.objects.order_by("pk").values_list("actor", "action", "object_type")
    assert list(told) == [
        ("command: groups off", "disable", "group"),
        ("command: groups on", "enable", "group"),
    ]


def test_a_time_that_is_none_is_refused():
    add_group("main")
    with pytest.raises(CommandError, match="no time such as"):
        groups("off", "main", "--for", "soon")


def test_a_time_that_is_over_leaves_the_group_on():
    group = add_group("main", off_until=NOW - HOUR)

    assert not group.is_off(NOW)
    assert standing_of(group, NOW) == "on"
