import json
from collections.abc import Iterable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import DatabaseError

from proxyapp.models import ApiKey, Group, RateLimitEvent
from proxyapp.provider.probing import ProbeOutcome
from proxyapp.upstream.key_probe import ProbeResult
from proxyapp.vocabulary.choices import KeyStatus
from tests.support.pool_data import (
    NOW,
    add_group,
    add_key,
    condemn,
    cool,
    pool_version,
    secret,
    use,
)

pytestmark = pytest.mark.django_db
WORKS, INCONCLUSIVE = ProbeOutcome.WORKS, ProbeOutcome.INCONCLUSIVE


@pytest.fixture(autouse=True)
def _frozen() -> Iterable[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def group() -> Group:
    return add_group("main")


def keys(*arguments: str) -> str:
    """What the command prints, which never has a secret in it."""
    output = StringIO()
    try:
        call_command("keys", *arguments, stdout=output)
    finally:
        assert "AIzaSy" not in output.getvalue()
    return output.getvalue()


def error_of(*arguments: str) -> str:
    with pytest.raises(CommandError) as caught:
        keys(*arguments)
    assert "AIzaSy" not in str(caught.value)
    return str(caught.value)


def statuses() -> list[str]:
    return list(ApiKey.objects.values_list("status", flat=True))


# list


def test_list_as_json_is_the_report_and_nothing_else(group: Group):
    key = add_key(group, "one", name="first")
    cool(key, NOW + timedelta(hours=3, minutes=12))
    use(key, requests=3, rate_limited=1)

    (row,) = json.loads(keys("list", "--json"))

    assert (row["id"], row["name"], row["state"], row["requests"]) == (
        key.pk,
        "first",
        "cooling",
        3,
    )
    assert row["cooldowns"] == [{"model": None, "until": "2026-11-24T07:00:00Z", "reason": "daily"}]


def test_list_as_json_splits_the_counts_by_model(group: Group):
    one, two = add_key(group, "one"), add_key(group, "two")
    use(one, NOW, "pro", requests=3, rate_limited=1, upstream_errors=1, prompt_tokens=7)
    use(one, NOW, "flash", requests=5, output_tokens=4, cached_tokens=3, thought_tokens=2)

    first, second = json.loads(keys("list", "--json"))

    nothing = {"requests": 0, "rate_limited": 0, "errors": 0, "prompt_tokens": 0}
    nothing |= dict.fromkeys(["output_tokens", "cached_tokens", "thought_tokens"], 0)
    nothing |= {"tool_use_tokens": 0}
    assert first["models"] == [
        {"model": "flash", **nothing}
        | {"requests": 5, "output_tokens": 4, "cached_tokens": 3, "thought_tokens": 2},
        {"model": "pro", **nothing}
        | {"requests": 3, "rate_limited": 1, "errors": 1, "prompt_tokens": 7},
    ]
    assert (first["requests"], second["id"], second["models"]) == (8, two.pk, [])


def test_list_of_a_model_shows_only_what_concerns_it(group: Group):
    one = add_key(group, "one", name="first")
    add_key(group, "two")
    use(one, NOW, "gemini-2.5-pro", requests=3, prompt_tokens=7)
    use(one, NOW, "gemini-3-pro", requests=5_000, prompt_tokens=9_999)
    cool(one, NOW + timedelta(seconds=30), model="gemini-2.5-pro+google_search")
    cool(one, NOW + timedelta(seconds=40), model="gemini-3-pro")

    first, second = json.loads(keys("list", "--model", "gemini-2.5-*", "--json"))
    table = keys("list", "--model", "gemini-2.5-pro").splitlines()

    assert [counts["model"] for counts in first["models"]] == ["gemini-2.5-pro"]
    assert (first["requests"], first["prompt_tokens"], second["requests"]) == (3, 7, 0)
    assert [cooldown["model"] for cooldown in first["cooldowns"]] == [
        "gemini-2.5-pro+google_search"
    ]
    assert "5,000" not in table[1]
    assert "gemini-3-pro" not in table[1]
    assert len(table) == 3


def test_list_of_a_model_that_no_key_was_used_for_says_so(
    group: Group, capsys: pytest.CaptureFixture[str]
):
    use(add_key(group, "one"), NOW, "gemini-2.5-pro", requests=3)

    (row,) = json.loads(keys("list", "--model", "gpt-4", "--json"))

    assert (row["requests"], row["models"]) == (0, [])
    said = capsys.readouterr().err.strip()
    assert said == "None of the keys was used for a model that fits 'gpt-4'."


@pytest.mark.parametrize("arguments", [["test", "--model", "x"], ["list", "--model", " "]])
def test_a_model_that_makes_no_sense_is_refused(group: Group, arguments: list[str]):
    add_key(group, "one")

    assert error_of(*arguments) == "--model is for list, and wants a model's name or a pattern."


def test_list_is_a_table_with_a_countdown(group: Group):
    cool(add_key(group, "one", name="first"), NOW + timedelta(hours=3, minutes=12))
    use(add_key(group, "two"), requests=1234567)

    head, first, second = keys("list").splitlines()

    assert head.split()[:4] == ["ID", "GROUP", "NAME", "KEY"]
    assert first.endswith("cooling until 2026-11-24 07:00 UTC (in 3 h 12 min)")
    assert "1,234,567" in second
    assert second.endswith("never      available")


def test_the_columns_of_the_table_stay_aligned_with_wide_names(group: Group):
    add_key(group, "one", name="ключ")
    add_key(group, "two", name="键")

    head, first, second = keys("list").splitlines()

    assert head.index("KEY") == first.index("AIza")
    assert head.index("KEY") == second.index("AIza") + 1  # one character, two cells


def test_list_shows_the_cooldowns_of_single_models_behind_the_state(group: Group):
    cool(add_key(group, "one"), NOW + timedelta(seconds=30), model="gemini-2.5-pro")

    text = keys("list")

    assert "available; gemini-2.5-pro cooling until 2026-11-24 03:48 UTC (in 30 s)" in text


def test_list_warns_of_keys_that_no_secret_opens(group: Group, capsys: pytest.CaptureFixture[str]):
    ApiKey.objects.filter(pk=add_key(group, "one").pk).update(secret=None)

    (row,) = json.loads(keys("list", "--json"))

    assert row["state"] == "available"
    assert capsys.readouterr().err.startswith("warning: SECRET_KEY does not open 1 API key, so")


def test_list_of_no_keys_says_how_to_add_one():
    assert "import_config" in keys("list")
    assert json.loads(keys("list", "--json")) == []


def test_markup_in_a_name_is_printed_as_it_is(group: Group):
    add_key(group, "one", name="[bold]x[/bold] :smile:")

    assert "[bold]x[/bold] :smile:" in keys("list")


# selectors


@pytest.mark.parametrize("selector", ["ID", "second", "AIza…0two", "SECRET", " second "])
def test_a_key_is_chosen_by_id_name_masked_form_or_the_whole_key(group: Group, selector: str):
    add_key(group, "one", name="first")
    key = add_key(group, "two", name="second")
    selector = {"ID": str(key.pk), "SECRET": secret("two")}.get(selector, selector)

    rows = json.loads(keys("list", selector, "--json"))

    assert [row["id"] for row in rows] == [key.pk]


@pytest.mark.parametrize("selector", ["spare", "group:spare", "GROUP:Spare"])
def test_a_group_stands_for_all_of_its_keys(group: Group, selector: str):
    add_key(group, "one")
    spare = add_group("spare")
    ids = [add_key(spare, "two").pk, add_key(spare, "three").pk]

    rows = json.loads(keys("list", selector, "--json"))

    assert [row["id"] for row in rows] == ids


def test_a_name_goes_before_a_group_of_the_same_name(group: Group):
    key = add_key(group, "one", name="main")
    add_key(group, "two")

    assert [row["id"] for row in json.loads(keys("list", "main", "--json"))] == [key.pk]
    assert len(json.loads(keys("list", "group:main", "--json"))) == 2


def test_an_empty_group_has_no_keys_and_is_no_error(group: Group):
    assert json.loads(keys("disable", "main", "--json")) == {
        "action": "disable",
        "changed": 0,
        "keys": [],
    }


def test_options_may_stand_between_selectors(group: Group):
    ids = [add_key(group, "one", name="first").pk, add_key(group, "two", name="second").pk]

    rows = json.loads(keys("list", "first", "--json", "second"))

    assert [row["id"] for row in rows] == ids


@pytest.mark.parametrize("unknown", ["nobody", "999999", "group:nobody", "²", ""])
def test_an_unknown_selector_is_an_error_and_nothing_changes(group: Group, unknown: str):
    add_key(group, "one", name="first")
    version = pool_version()

    message = error_of("disable", "first", unknown)

    assert message == f"No key and no group fits '{unknown}'. Nothing was changed."
    assert statuses() == ["active"]
    assert pool_version() == version


def test_a_number_that_no_id_can_be_is_an_unknown_selector(group: Group):
    assert "No key and no group fits '9999…9999'" in error_of("list", "9" * 30)


def test_a_mistyped_key_is_not_repeated(group: Group):
    add_key(group, "one")

    assert "AIza…0two" in error_of("disable", secret("two"))


def test_a_change_by_a_name_that_two_keys_bear_is_refused_with_their_ids(group: Group):
    ids = [add_key(group, "one", name="twin").pk, add_key(group, "two", name="twin").pk]

    message = error_of("disable", "twin")

    assert (
        message == f"'twin' fits 2 keys: say which by id ({ids[0]}, {ids[1]}). Nothing was changed."
    )
    assert statuses() == ["active", "active"]
    assert len(json.loads(keys("list", "twin", "--json"))) == 2


# release, disable, enable


def test_release_ends_the_cooldowns_of_the_chosen_keys(group: Group):
    one, two = add_key(group, "one", name="first"), add_key(group, "two")
    cool(one, NOW + timedelta(hours=1))
    cool(one, NOW + timedelta(hours=1), model="pro")
    cool(two, NOW + timedelta(hours=1))
    version = pool_version()

    text = keys("release", "first")

    assert text == f"Released 1 of 1 key:\n  {one.pk}  main  first  AIza…0one\n"
    assert [event.key for event in RateLimitEvent.objects.active(NOW)] == [two]
    assert pool_version() > version


def test_release_without_a_selector_is_for_all_keys(group: Group):
    ids = [add_key(group, "one").pk, add_key(group, "two").pk]
    cool(ApiKey.objects.get(pk=ids[1]), NOW + timedelta(hours=1))

    answer = json.loads(keys("release", "--json"))

    assert answer == {"action": "release", "changed": 1, "keys": ids}
    assert not RateLimitEvent.objects.active(NOW).exists()


def test_disable_takes_a_key_out_and_enable_brings_it_back(group: Group):
    key = add_key(group, "one", name="first")
    version = pool_version()

    disabled = json.loads(keys("disable", "first", "--json"))
    between = statuses()
    enabled = keys("enable", str(key.pk))

    assert disabled == {"action": "disable", "changed": 1, "keys": [key.pk]}
    assert enabled.startswith("Enabled 1 of 1 key:")
    assert (between, statuses()) == (["disabled"], ["active"])
    assert pool_version() == version + 2


def test_an_invalid_key_can_be_enabled_and_loses_its_reason(group: Group):
    add_key(group, "one", status=KeyStatus.INVALID, status_reason="API key expired")

    keys("enable", "--all")

    key = ApiKey.objects.get()
    assert (key.status, key.status_reason) == ("active", "")


def test_a_change_that_changes_nothing_says_so(group: Group):
    add_key(group, "one")
    version = pool_version()

    assert keys("enable", "--all") == "Nothing to enable among 1 key: all were enabled.\n"
    assert keys("release") == "Nothing to release among 1 key: none was cooling.\n"
    assert pool_version() == version


@pytest.mark.parametrize("action", ["disable", "enable"])
def test_disable_and_enable_do_not_take_all_keys_by_accident(group: Group, action: str):
    add_key(group, "one")

    assert f"--all to {action} every key" in error_of(action)
    assert statuses() == ["active"]


def test_selectors_and_all_together_are_refused(group: Group):
    add_key(group, "one", name="first")

    assert "not both" in error_of("disable", "first", "--all")
    assert statuses() == ["active"]


# test


class Probes:
    """Stands in for the provider: says of each key what it was told to."""

    def __init__(self, *results: tuple[ProbeOutcome, int | None, str]) -> None:
        self.results = results
        self.asked: list[int] = []

    def __call__(self, key_ids: Iterable[int]) -> list[ProbeResult]:
        self.asked = list(key_ids)
        return [
            ProbeResult(key_id, *result)
            for key_id, result in zip(self.asked, self.results, strict=True)
        ]


def probes(
    monkeypatch: pytest.MonkeyPatch, *results: tuple[ProbeOutcome, int | None, str]
) -> Probes:
    asked = Probes(*results)
    monkeypatch.setattr("proxyapp.upstream.key_probe.probe_keys", asked)
    return asked


def test_test_says_for_each_key_what_the_provider_said(
    group: Group, monkeypatch: pytest.MonkeyPatch
):
    key = add_key(group, "one", name="first")
    asked = probes(monkeypatch, (WORKS, 200, "works"))

    text = keys("test")

    assert text == f"ok      {key.pk}  main  first  AIza…0one  200  works\n"
    assert asked.asked == [key.pk]


def test_test_enables_an_invalid_key_that_works_and_says_so(
    group: Group, monkeypatch: pytest.MonkeyPatch
):
    key = add_key(group, "one", name="laptop")
    condemn(key)
    probes(monkeypatch, (WORKS, 200, "works"))

    text = keys("test")

    assert (
        text
        == f"ok      {key.pk}  main  laptop  AIza…0one  200  works; it was invalid and is enabled"
        " again\n"
    )
    key.refresh_from_db()
    assert (key.status, key.status_reason) == ("active", "")


def test_test_as_json_says_which_keys_were_enabled(group: Group, monkeypatch: pytest.MonkeyPatch):
    one, two = add_key(group, "one", name="first"), add_key(group, "two")
    condemn(one)
    probes(monkeypatch, (WORKS, 200, "works"), (WORKS, 200, "works"))

    rows = json.loads(keys("test", "--json"))

    label = {"id": one.pk, "name": "first", "group": "main", "masked": "AIza…0one"}
    assert rows[0] == {**label, "ok": True, "status": 200, "message": "works", "enabled": True}
    assert (rows[1]["id"], rows[1]["enabled"]) == (two.pk, False)
    assert statuses() == ["active", "active"]


def test_test_of_a_key_without_an_answer_says_so(group: Group, monkeypatch: pytest.MonkeyPatch):
    key = add_key(group, "one")
    condemn(key)
    probes(monkeypatch, (INCONCLUSIVE, None, "waited 10 s in vain"))
    output = StringIO()

    with pytest.raises(CommandError, match=r"^1 of 1 key failed\.$"):
        call_command("keys", "test", stdout=output)

    assert (
        output.getvalue()
        == f"FAILED  {key.pk}  main  -  AIza…0one  no answer  waited 10 s in vain\n"
    )
    assert statuses() == ["invalid"]


def test_test_fails_when_a_key_fails_and_changes_no_state(
    group: Group, monkeypatch: pytest.MonkeyPatch
):
    for label in ("one", "two", "three"):
        add_key(group, label)
    probes(
        monkeypatch,
        (WORKS, 200, "works"),
        (INCONCLUSIVE, 400, "API key expired."),
        (INCONCLUSIVE, None, "cannot connect"),
    )
    output = StringIO()

    with pytest.raises(CommandError, match=r"^2 of 3 keys failed\.$"):
        call_command("keys", "test", "--json", stdout=output)

    assert [
        (row["ok"], row["status"], row["message"]) for row in json.loads(output.getvalue())
    ] == [(True, 200, "works"), (False, 400, "API key expired."), (False, None, "cannot connect")]
    assert statuses() == ["active"] * 3


def test_test_of_no_keys_asks_nobody(monkeypatch: pytest.MonkeyPatch):
    asked = probes(monkeypatch)

    assert keys("test") == "There is no key to test.\n"
    assert keys("test", "--json") == "[]\n"
    assert asked.asked == []


# trouble


def test_a_database_that_is_not_ready_is_one_clear_line(monkeypatch: pytest.MonkeyPatch):
    def fails(*_: Any, **__: Any) -> None:
        raise DatabaseError("no such table: proxyapp_apikey")

    monkeypatch.setattr("proxyapp.management.commands.keys.key_report", fails)

    assert (
        error_of("list")
        == "The database cannot be used (has `manage.py migrate` run?): no such table:"
        " proxyapp_apikey"
    )


def test_test_takes_a_dead_key_out_and_says_so(group: Group, monkeypatch: pytest.MonkeyPatch):
    add_key(group, "one")
    probes(monkeypatch, (ProbeOutcome.DEAD, 400, "the key is dead: API key expired."))
    output = StringIO()

    with pytest.raises(CommandError, match=r"^1 of 1 key failed\.$"):
        call_command("keys", "test", "--json", stdout=output)

    (row,) = json.loads(output.getvalue())
    assert (row["ok"], row["enabled"], row["taken_out"]) == (False, False, True)
    assert statuses() == ["invalid"]
