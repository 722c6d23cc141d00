"""Cooldowns that a project's keys share, as operators see and end them."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import call_command

from proxyapp.models import ApiKey, Group, RateLimitEvent
from proxyapp.models.key_state import in_state
from proxyapp.operators import key_actions
from proxyapp.operators.key_actions import change_keys
from proxyapp.operators.key_report import key_report
from proxyapp.vocabulary.choices import KeyStatus
from tests.support.admin_pages import act, page, superuser, text
from tests.support.pool_data import NOW, add_group, add_key, condemn, cool, pool_version

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(hours=3, minutes=12)


@pytest.fixture
def group() -> Group:
    return add_group("main")


def shown(now: Any = NOW) -> list[tuple[str, list[tuple[str | None, str]]]]:
    """State and cooldowns (model and reason) of each key."""
    return [
        (row.state, [(cooldown.model, cooldown.reason) for cooldown in row.cooldowns])
        for row in key_report(ApiKey.objects.all(), now)
    ]


# What is shown.


def test_a_cooldown_of_a_project_appears_at_each_of_its_keys(group: Group):
    cool(add_key(group, "one", project="p"), LATER, project="p", model="pro", kind="day")
    add_key(add_group("other"), "two", project="p")
    add_key(group, "three", project="q")

    assert shown() == [
        ("available", [("pro", "day")]),
        ("available", []),
        ("available", [("pro", "day")]),
    ]


def test_a_cooldown_of_a_project_for_every_model_makes_all_its_keys_cooling(group: Group):
    cool(add_key(group, "one", project="p"), LATER, project="p", kind="billing")
    add_key(group, "two", project="p")

    assert shown() == [("cooling", [(None, "billing")])] * 2


def test_keys_without_a_project_have_nothing_to_do_with_each_other(group: Group):
    cool(add_key(group, "one"), LATER)
    add_key(group, "two")

    assert shown() == [("cooling", [(None, "daily")]), ("available", [])]


def test_a_cooldown_of_one_key_of_a_project_is_not_its_project_s(group: Group):
    cool(add_key(group, "one", project="p"), LATER, kind="model_for_key", model="pro")
    add_key(group, "two", project="p")

    assert shown() == [("available", [("pro", "model_for_key")]), ("available", [])]


def test_a_key_that_left_its_project_keeps_the_cooldown_that_it_caused(group: Group):
    cool(add_key(group, "one", project="new"), LATER, project="old")
    add_key(group, "two", project="old")
    add_key(group, "three", project="new")

    assert [state for state, _ in shown()] == ["cooling", "cooling", "available"]


def test_of_a_key_s_and_its_project_s_cooldown_for_a_model_the_later_one_is_shown(group: Group):
    key = add_key(group, "one", project="p")
    cool(key, LATER, model="pro", kind="unknown_limit")
    cool(
        add_key(group, "two", project="p"),
        LATER - timedelta(hours=1),
        project="p",
        model="pro",
        kind="minute",
    )

    assert shown() == [
        ("available", [("pro", "unknown_limit")]),
        ("available", [("pro", "minute")]),
    ]


def test_the_cooldown_for_every_model_comes_before_those_of_single_ones(group: Group):
    one, two = add_key(group, "one", project="p"), add_key(group, "two", project="p")
    cool(one, LATER, project="p", model="/batches", kind="minute")
    cool(two, LATER, project="p", kind="billing")
    cool(two, LATER, model="flash", kind="model_for_key")

    assert [models for _, models in shown()] == [
        [(None, "billing"), ("/batches", "minute")],
        [(None, "billing"), ("/batches", "minute"), ("flash", "model_for_key")],
    ]


def test_a_released_or_past_cooldown_of_a_project_is_not_shown(group: Group):
    key = add_key(group, "one", project="p")
    cool(key, NOW, project="p")
    RateLimitEvent.objects.filter(pk=cool(key, LATER, project="p").pk).update(released_at=NOW)

    assert shown() == [("available", [])]


def test_a_dead_key_is_invalid_and_not_cooling_and_leaves_its_project_alone(group: Group):
    condemn(add_key(group, "one", project="p"))
    add_key(group, "two", project="p")

    assert shown() == [("invalid", []), ("available", [])]


def test_the_report_of_one_key_knows_what_other_keys_of_its_project_caused(group: Group):
    cool(add_key(group, "one", project="p"), LATER, project="p")
    two = add_key(group, "two", project="p")

    (row,) = key_report(ApiKey.objects.filter(pk=two.pk), NOW)

    assert (row.id, row.state) == (two.pk, "cooling")


def test_states_find_the_keys_of_a_cooling_project(group: Group):
    one, two = add_key(group, "one", project="p"), add_key(group, "two", project="p")
    three, four = add_key(group, "three", project="q"), add_key(group, "four")
    out = add_key(group, "five", project="p", status=KeyStatus.DISABLED)
    cool(one, LATER, project="p")
    cool(three, LATER, project="q", model="pro")

    found = {
        state: list(in_state(ApiKey.objects.all(), state, NOW))
        for state in ("available", "cooling", "disabled")
    }

    assert found == {"available": [three, four], "cooling": [one, two], "disabled": [out]}


def test_ten_thousand_keys_of_a_thousand_projects_take_two_queries(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
):
    group = add_group()
    monkeypatch.setattr(
        "proxyapp.models.sealed.SealedTextField.get_prep_value", lambda field, value: value
    )
    keys = [
        ApiKey(
            group=group,
            key_hash=f"{n:064}",
            masked="••••",
            position=n,
            secret="unused",
            project=f"p-{n % 1000}",
        )
        for n in range(10_000)
    ]
    ApiKey.objects.bulk_create(keys, batch_size=2000)
    events = [
        RateLimitEvent(
            key=key,
            project=key.project,
            model="pro",
            kind="day",
            occurred_at=NOW,
            cooling_until=LATER,
        )
        for key in keys[:500]
    ]
    RateLimitEvent.objects.bulk_create(events)

    with django_assert_num_queries(2) as queries:
        rows = key_report(ApiKey.objects.all(), NOW)

    assert sum(len(row.cooldowns) for row in rows) == 5000
    assert max(len(query["sql"]) for query in queries.captured_queries) < 2000


# Release.


def test_release_of_a_key_ends_its_project_s_cooldowns_so_that_all_its_keys_come_back(group: Group):
    cool(add_key(group, "one", project="p"), LATER, project="p")
    two = add_key(group, "two", project="p")
    version = pool_version()

    ended = key_actions.release([two.pk], NOW)

    assert ended == 1
    assert [state for state, _ in shown()] == ["available", "available"]
    assert pool_version() == version + 1


def test_release_leaves_what_does_not_hold_for_the_key(group: Group):
    key, other = add_key(group, "one", project="p"), add_key(group, "two", project="p")
    cool(key, LATER, model="flash")
    kept = [cool(other, LATER), cool(add_key(group, "three", project="q"), LATER, project="q")]

    ended = key_actions.release([key.pk], NOW)

    assert ended == 1
    assert set(RateLimitEvent.objects.active(NOW)) == set(kept)


def test_release_of_a_key_without_a_project_leaves_other_keys_without_one(group: Group):
    key = add_key(group, "one")
    cool(key, LATER)
    kept = cool(add_key(group, "two"), LATER)

    key_actions.release([key.pk], NOW)

    assert list(RateLimitEvent.objects.active(NOW)) == [kept]


def test_a_key_counts_as_released_when_only_its_project_was_cooling(group: Group):
    cool(add_key(group, "one", project="p"), LATER, project="p", model="pro")
    two, three = add_key(group, "two", project="p"), add_key(group, "three")

    changed = change_keys("release", [two.pk, three.pk], NOW)

    assert changed == {two.pk}
    assert not RateLimitEvent.objects.active(NOW).exists()


def test_actions_take_more_keys_than_a_query_takes_parameters(
    group: Group, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("proxyapp.models.key_state.BATCH", 2)
    keys = [add_key(group, str(number), project=f"p-{number % 2}") for number in range(5)]
    cool(keys[0], LATER, project="p-0")
    cool(keys[3], LATER)
    ids = [key.pk for key in keys]

    released = change_keys("release", ids, NOW)
    disabled = change_keys("disable", ids, NOW)

    assert released == {keys[0].pk, keys[2].pk, keys[3].pk, keys[4].pk}
    assert disabled == set(ids)
    assert {row.state for row in key_report(ApiKey.objects.all(), NOW)} == {"disabled"}


# The command and the admin.


def test_the_command_counts_and_names_a_key_whose_project_was_cooling(group: Group):
    cool(add_key(group, "one", name="first", project="p"), LATER, project="p")
    key = add_key(group, "two", name="second", project="p")
    output = StringIO()

    with time_machine.travel(NOW, tick=False):
        call_command("keys", "release", "second", stdout=output)

    assert output.getvalue() == f"Released 1 of 1 key:\n  {key.pk}  main  second  AIza…0two\n"
    assert not RateLimitEvent.objects.active(NOW).exists()


def test_the_help_of_the_command_says_that_a_release_is_for_whole_projects(
    capsys: pytest.CaptureFixture[str],
):
    with pytest.raises(SystemExit):
        call_command("keys", "--help")

    assert "the other keys of these projects come back too" in " ".join(
        capsys.readouterr().out.split()
    )


def test_the_admin_shows_filters_and_releases_keys_of_a_cooling_project(group: Group):
    operator = superuser()
    cool(add_key(group, "one", project="p"), LATER, project="p")
    key = add_key(group, "two", project="p")

    with time_machine.travel(NOW, tick=False):
        cooling = page(operator, "proxyapp_apikey_changelist", state="cooling")
        groups = page(operator, "proxyapp_group_changelist")
        released = act(operator, "apikey", "release_keys", [key.pk])

    assert all(label in text(cooling) for label in ("AIza…0one", "AIza…0two"))
    assert "2 cooling" in text(groups)
    assert "Released 1 of 1 selected keys." in released
    assert not RateLimitEvent.objects.active(NOW).exists()
