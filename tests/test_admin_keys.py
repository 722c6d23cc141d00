"""The admin's pages of keys."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client

from proxyapp.models import ApiKey, Group, KeyStatus, RateLimitEvent
from proxyapp.sealed import keyed_hash
from tests.adminpages import act, cells, key_form, page, rows, submit, superuser, text
from tests.pooldata import NOW, add_group, add_key, condemn, cool, pool_version, secret, use

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator() -> Client:
    return superuser()


# The list.


def test_the_list_of_keys_shows_state_countdown_and_usage(operator: Client):
    key = add_key(add_group(), "one", name="first", last_used_at=NOW)
    cool(key, NOW + timedelta(hours=3, minutes=12))
    use(key, requests=1234, rate_limited=56, upstream_errors=7, prompt_tokens=98765, output_tokens=4321)

    with time_machine.travel(NOW, tick=False):
        html = page(operator, "proxyapp_apikey_changelist")

    for column, shown in {
        "label": "first (AIza…0one)",
        "group": "main",
        "state": "cooling until 2026-11-24 07:00 UTC (in 3 h 12 min)",
        "requests": "1,234",
        "rate_limited": "56",
        "errors": "7",
        "tokens_in": "98,765",
        "tokens_out": "4,321",
        "used": "2026-11-24 03:48:00 UTC",
    }.items():
        assert cells(html, column) == [shown]


def test_the_list_of_keys_shows_models_that_are_cooling_and_why_a_key_is_invalid(operator: Client):
    group = add_group()
    cool(add_key(group, "one"), NOW + timedelta(seconds=30), model="gemini-2.5-pro")
    add_key(group, "two", status=KeyStatus.INVALID, status_reason="API key <expired>")

    with time_machine.travel(NOW, tick=False):
        html = page(operator, "proxyapp_apikey_changelist")

    assert "gemini-2.5-pro cooling until 2026-11-24 03:48 UTC (in 30 s)" in html
    assert "API key &lt;expired&gt;" in html


def test_the_list_of_keys_takes_the_same_number_of_queries_for_any_number_of_keys(
    operator: Client, django_assert_max_num_queries: Any
):
    group = add_group()
    add_key(group, "0")
    with django_assert_max_num_queries(20) as for_one:
        page(operator, "proxyapp_apikey_changelist")
    for number in range(1, 60):
        key = add_key(group, str(number))
        cool(key, NOW)
        use(key)

    with django_assert_max_num_queries(len(for_one.captured_queries)) as for_many:
        html = page(operator, "proxyapp_apikey_changelist")

    assert rows(html) == 60
    assert len(for_many.captured_queries) == len(for_one.captured_queries)


def test_the_list_of_keys_has_pages(operator: Client):
    group = add_group()
    for number in range(105):
        add_key(group, str(number))

    html = page(operator, "proxyapp_apikey_changelist", p=2)

    assert rows(html) == 5


@pytest.mark.parametrize(
    ("query", "labels"),
    [
        ({"state": "available"}, ["one"]),
        ({"state": "cooling"}, ["two"]),
        ({"state": "disabled"}, ["thre"]),
        ({"status__exact": "active"}, ["one", "two"]),
        ({"project": "p-1"}, ["two"]),
        ({"q": "p-1"}, ["two"]),
        ({"q": "primary"}, ["one"]),
        ({"q": "AIza…thre"}, ["thre"]),
    ],
)
def test_keys_are_found_by_state_status_project_name_and_masked_form(
    operator: Client, query: dict[str, str], labels: list[str]
):
    group = add_group()
    add_key(group, "one", name="primary")
    cool(add_key(group, "two", project="p-1"), NOW + timedelta(hours=1))
    add_key(group, "thre", status=KeyStatus.DISABLED)

    with time_machine.travel(NOW, tick=False):
        html = page(operator, "proxyapp_apikey_changelist", **query)

    rows = html[html.index('id="result_list"') :]
    assert [label for label in ("one", "two", "thre") if f"…{label.rjust(4, '0')}" in rows] == labels


def test_keys_are_filtered_by_group(operator: Client):
    one, two = add_group("one"), add_group("two")
    add_key(one, "aaaa")
    add_key(two, "bbbb")

    html = page(operator, "proxyapp_apikey_changelist", group__id__exact=two.pk)

    assert "…bbbb" in html
    assert "…aaaa" not in html


def test_a_great_many_projects_are_not_offered_but_a_chosen_one_still_filters(operator: Client):
    group = add_group()
    for number in range(60):
        add_key(group, f"{number:04}", project=f"p-{number:04}")

    html = page(operator, "proxyapp_apikey_changelist", project="p-0007")

    assert rows(html) == 1
    assert "?project=p-0008" not in html


# Adding and changing.


def test_a_new_key_goes_last_is_stored_encrypted_and_every_process_hears_of_it(operator: Client):
    group = add_group()
    add_key(group, "one", position=4)
    version = pool_version()

    html = submit(operator, "proxyapp_apikey_add", data=key_form(group, new_secret=f" {secret('two')} ", name="second"))

    assert "second (AIza…0two)" in html
    assert "was added successfully" in html
    key = ApiKey.objects.get(name="second")
    assert (key.secret, key.position, key.status) == (secret("two"), 5, "active")
    assert pool_version() > version


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "This field is required."),
        ("AIzaSy MARKER with spaces", "The key has white space"),
        ("AIza…0one", "The key is a masked key"),
        ("YOUR_GEMINI_API_KEY_1", "The key is a placeholder"),
        ("MARKER\x00", "Null characters are not allowed."),
    ],
)
def test_a_bad_key_is_refused_and_not_shown_again(operator: Client, given: str, said: str):
    html = submit(operator, "proxyapp_apikey_add", data=key_form(add_group(), new_secret=given))

    assert said in html
    assert "MARKER" not in html
    assert not ApiKey.objects.exists()


def test_a_key_that_exists_in_another_group_is_refused_with_its_name(operator: Client):
    add_key(add_group("first"), "one")
    second = add_group("second")

    html = submit(operator, "proxyapp_apikey_add", data=key_form(second, new_secret=secret("one")))

    assert "This key is already in group first." in html
    assert secret("one") not in html
    assert ApiKey.objects.count() == 1


def test_a_key_of_before_a_rotation_of_the_secret_is_known_as_a_duplicate(operator: Client, settings: Any):
    settings.SECRET_KEY_FALLBACKS = ["older"]
    add_key(add_group("first"), "one")

    ApiKey.objects.update(key_hash=keyed_hash(secret("one"), secret_key="older"))

    html = submit(operator, "proxyapp_apikey_add", data=key_form(Group.objects.get(), new_secret=secret("one")))

    assert "This key is already in group first." in html


def test_the_secret_of_a_key_is_replaced_and_everything_else_stays(operator: Client):
    group = add_group()
    key = add_key(group, "one", name="first", last_used_at=NOW)
    use(key, requests=5)

    submit(operator, "proxyapp_apikey_change", key.pk, data=key_form(group, name="first", new_secret=secret("two")))

    key.refresh_from_db()
    assert (key.secret, key.masked, key.last_used_at) == (secret("two"), "AIza…0two", NOW)
    assert key.usage.get().requests == 5


def test_an_empty_field_keeps_the_secret(operator: Client):
    group = add_group()
    key = add_key(group, "one")

    html = submit(operator, "proxyapp_apikey_change", key.pk, data=key_form(group, name="renamed"))

    assert "was changed successfully" in html
    key.refresh_from_db()
    assert (key.name, key.secret) == ("renamed", secret("one"))


def test_a_change_leaves_alone_what_the_gateway_wrote_meanwhile(operator: Client, monkeypatch: pytest.MonkeyPatch):
    group = add_group()
    key = add_key(group, "one")

    def clean_name(form: Any) -> str:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=NOW, status="invalid")
        return str(form.cleaned_data["name"])

    monkeypatch.setattr("proxyapp.admin.keys.ApiKeyForm.clean_name", clean_name)
    submit(operator, "proxyapp_apikey_change", key.pk, data=key_form(group, name="renamed"))

    key.refresh_from_db()
    assert (key.name, key.last_used_at, key.status) == ("renamed", NOW, "invalid")


def test_a_key_that_moves_to_another_group_goes_last_there(operator: Client):
    key, other = add_key(add_group("one"), "one"), add_group("two")
    add_key(other, "two", position=3)

    submit(operator, "proxyapp_apikey_change", key.pk, data=key_form(other))

    key.refresh_from_db()
    assert (key.group, key.position) == (other, 4)


def test_a_status_that_is_set_by_hand_forgets_the_old_reason(operator: Client):
    group = add_group()
    key = add_key(group, "one", status=KeyStatus.INVALID, status_reason="API key expired")

    submit(operator, "proxyapp_apikey_change", key.pk, data=key_form(group, status="active"))

    key.refresh_from_db()
    assert (key.status, key.status_reason) == ("active", "")


def test_a_key_that_no_secret_opens_says_so_on_its_page(operator: Client):
    key = add_key(add_group(), "one")
    healthy = page(operator, "proxyapp_apikey_change", key.pk)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE proxyapp_apikey SET secret = 'gAAAA-of-another-secret'")

    html = page(operator, "proxyapp_apikey_change", key.pk)

    assert "AIza…0one (cannot be decrypted with this SECRET_KEY" in html
    assert "gAAAA" not in html
    assert "cannot be decrypted" not in healthy


# Actions.


@pytest.mark.parametrize(
    ("action", "said", "states"),
    [
        ("release_keys", "Released 1 of 3 selected keys.", ["active", "active", "disabled"]),
        ("disable_keys", "Disabled 2 of 3 selected keys.", ["disabled", "disabled", "disabled"]),
        ("enable_keys", "Enabled 1 of 3 selected keys.", ["active", "active", "active"]),
    ],
)
def test_actions_say_how_many_keys_changed_and_who_did_it(operator: Client, action: str, said: str, states: list[str]):
    group = add_group()
    keys = [add_key(group, "one"), add_key(group, "two"), add_key(group, "three", status=KeyStatus.DISABLED)]
    cool(keys[0], NOW + timedelta(hours=1))
    version = pool_version()

    with time_machine.travel(NOW, tick=False):
        html = act(operator, "apikey", action, [key.pk for key in keys])

    assert said in html
    assert list(ApiKey.objects.values_list("status", flat=True)) == states
    assert RateLimitEvent.objects.active(NOW).exists() == (action != "release_keys")
    assert pool_version() > version
    logged = LogEntry.objects.all()
    assert {(entry.user.get_username(), entry.change_message) for entry in logged} == {("admin", f"{said.split()[0]}.")}
    assert len(logged) == int(said.split()[1])


def test_an_action_that_changes_nothing_says_so_and_logs_nothing(operator: Client):
    key = add_key(add_group(), "one")

    html = act(operator, "apikey", "enable_keys", [key.pk])

    assert "Enabled 0 of 1 selected keys." in html
    assert not LogEntry.objects.exists()


def test_deleting_keys_takes_their_events_along_and_every_process_hears_of_it(operator: Client):
    group = add_group()
    keys = [add_key(group, "one"), add_key(group, "two")]
    cool(keys[0], NOW)
    version = pool_version()

    question = act(operator, "apikey", "delete_selected", [key.pk for key in keys])
    html = act(operator, "apikey", "delete_selected", [key.pk for key in keys], post="yes")

    assert "Rate limit events: 1" in question
    assert "Successfully deleted 2 API keys." in html
    assert not ApiKey.objects.exists()
    assert pool_version() == version + 1


# A key's page.


def test_the_page_of_a_key_shows_its_models_cooldowns_and_leads_to_the_events_of_its_project(operator: Client):
    key = add_key(add_group(), "one", project="p & 1")
    cool(key, NOW + timedelta(seconds=30), model="gemini-2.5-pro", project="p & 1")

    with time_machine.travel(NOW, tick=False):
        html = page(operator, "proxyapp_apikey_change", key.pk)

    assert "gemini-2.5-pro cooling until 2026-11-24 03:48 UTC (in 30 s)" in html
    assert f"/admin/proxyapp/ratelimitevent/?key={key.pk}" in html
    assert "/admin/proxyapp/ratelimitevent/?project=p+%26+1" in html


def test_the_page_of_an_invalid_key_says_what_the_provider_said(operator: Client):
    key = add_key(add_group(), "one")
    condemn(key)

    html = page(operator, "proxyapp_apikey_change", key.pk)

    assert "State invalid API key expired." in text(html)
