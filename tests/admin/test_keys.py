"""Adding and changing keys in the admin, and what is done to a selection of them."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.urls import reverse

from proxyapp.config.file import parse
from proxyapp.models import ApiKey, AuditEntry, Group, RateLimitEvent
from proxyapp.models.sealed import keyed_hash
from proxyapp.vocabulary.choices import KeyStatus
from proxyapp.vocabulary.service_account import stored_account
from tests.support.admin_pages import act, key_form, page, submit, superuser, text
from tests.support.pool_data import NOW, add_group, add_key, cool, pool_version, secret, use
from tests.support.service_accounts import account
from tests.support.staff import staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator() -> Client:
    return superuser()


# Adding and changing.


def test_a_new_key_goes_last_is_stored_encrypted_and_every_process_hears_of_it(operator: Client):
    group = add_group()
    add_key(group, "one", position=4)
    version = pool_version()

    html = submit(
        operator,
        "proxyapp_apikey_add",
        data=key_form(group, new_secret=f" {secret('two')} ", name="second"),
    )

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


def test_a_service_account_is_pasted_as_its_file_is_and_shown_by_its_name(operator: Client):
    given = json.dumps(account(location="europe-west4"), indent=2).replace("\n", " ")

    html = submit(operator, "proxyapp_apikey_add", data=key_form(add_group(), new_secret=given))

    assert "robot@my-project (service account 4567)" in html
    key = ApiKey.objects.get()
    assert (key.secret, key.project) == (stored_account(account(), "europe-west4"), "my-project")
    shown = html + page(operator, "proxyapp_apikey_changelist")
    assert "BEGIN PRIVATE KEY" not in shown


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (account(type="authorized_user"), "The service account is of another type"),
        (account(token_uri="https://MARKER.example/t"), "The service account names a token_uri"),
        (
            account(private_key="MARKER"),
            "The service account has a private_key that cannot be read",
        ),
    ],
)
def test_what_is_no_service_account_is_refused_and_not_shown_again(operator: Client, given, said):
    data = key_form(add_group(), new_secret=json.dumps(given))

    html = submit(operator, "proxyapp_apikey_add", data=data)

    assert said in html
    assert "MARKER" not in html
    assert not ApiKey.objects.exists()


def test_where_the_target_names_a_project_each_key_has_one(operator: Client):
    group = add_group(target_url="https://aiplatform.googleapis.com/v1/projects/{project}")

    html = submit(operator, "proxyapp_apikey_add", data=key_form(group, new_secret=secret("one")))

    assert "has {project}: give it one." in html
    assert not ApiKey.objects.exists()


def test_a_key_that_exists_in_another_group_is_refused_with_its_name(operator: Client):
    add_key(add_group("first"), "one")
    second = add_group("second")

    html = submit(operator, "proxyapp_apikey_add", data=key_form(second, new_secret=secret("one")))

    assert "This key is already in group first." in html
    assert secret("one") not in html
    assert ApiKey.objects.count() == 1


def test_a_key_of_before_a_rotation_of_the_secret_is_known_as_a_duplicate(
    operator: Client, settings: Any
):
    settings.SECRET_KEY_FALLBACKS = ["older"]
    add_key(add_group("first"), "one")

    ApiKey.objects.update(key_hash=keyed_hash(secret("one"), secret_key="older"))

    html = submit(
        operator,
        "proxyapp_apikey_add",
        data=key_form(Group.objects.get(), new_secret=secret("one")),
    )

    assert "This key is already in group first." in html


def test_the_secret_of_a_key_is_replaced_and_everything_else_stays(operator: Client):
    group = add_group()
    key = add_key(group, "one", name="first", last_used_at=NOW)
    use(key, requests=5)

    submit(
        operator,
        "proxyapp_apikey_change",
        key.pk,
        data=key_form(group, name="first", new_secret=secret("two")),
    )

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


def test_a_change_leaves_alone_what_the_gateway_wrote_meanwhile(
    operator: Client, monkeypatch: pytest.MonkeyPatch
):
    group = add_group()
    key = add_key(group, "one")

    def clean_name(form: Any) -> str:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=NOW, status="invalid")
        return str(form.cleaned_data["name"])

    monkeypatch.setattr("proxyapp.admin.keys.form.ApiKeyForm.clean_name", clean_name)
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
def test_actions_say_how_many_keys_changed_and_who_did_it(
    operator: Client, action: str, said: str, states: list[str]
):
    group = add_group()
    keys = [
        add_key(group, "one"),
        add_key(group, "two"),
        add_key(group, "three", status=KeyStatus.DISABLED),
    ]
    cool(keys[0], NOW + timedelta(hours=1))
    version = pool_version()

    with time_machine.travel(NOW, tick=False):
        html = act(operator, "apikey", action, [key.pk for key in keys], confirmed="yes")

    assert said in html
    assert list(ApiKey.objects.values_list("status", flat=True)) == states
    assert RateLimitEvent.objects.active(NOW).exists() == (action != "release_keys")
    assert pool_version() > version
    logged = LogEntry.objects.all()
    assert {(entry.user.get_username(), entry.change_message) for entry in logged} == {
        ("admin", f"{said.split()[0]}.")
    }
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


def test_more_keys_are_deleted_at_once_than_a_form_has_fields(operator: Client, settings: Any):
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 20
    group = add_group()
    keys = [add_key(group, f"key-{number}") for number in range(30)]
    chosen = {"index": "0", "select_across": "1"}

    question = act(operator, "apikey", "delete_selected", [keys[0].pk], **chosen)
    carried = re.findall(r'name="_selected_action" value="([^"]*)"', question)
    new = add_key(group, "new")
    html = act(operator, "apikey", "delete_selected", carried, post="yes")

    assert "30 keys will be deleted" in question
    assert carried == [f"{keys[0].pk}-{keys[-1].pk}"]
    assert "Successfully deleted 30 API keys." in html
    assert list(ApiKey.objects.all()) == [new]


@pytest.mark.parametrize("carried", ["nonsense", "1-99999999999999999999", "7-", ""])
def test_a_question_that_carries_no_keys_deletes_none(operator: Client, carried: str):
    key = add_key(add_group(), "one")

    operator.post(
        reverse("admin:proxyapp_apikey_changelist"),
        {"action": "delete_selected", "post": "yes", "_selected_action": carried},
    )

    assert list(ApiKey.objects.all()) == [key]


def test_before_no_key_is_left_a_page_says_so_and_asks(operator: Client):
    group = add_group()
    one, two = add_key(group, "one"), add_key(group, "two")
    cool(two, NOW + timedelta(hours=1))

    with time_machine.travel(NOW, tick=False):
        question = act(operator, "apikey", "disable_keys", [one.pk, two.pk])
        asked = list(ApiKey.objects.values_list("status", flat=True))
        html = act(operator, "apikey", "disable_keys", [one.pk, two.pk], confirmed="yes")

    assert "2 keys will be disabled: 1 of them available now, 1 not." in question
    assert "No key will be available" in question
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', question))
    assert (fields["action"], fields["confirmed"]) == ("disable_keys", "yes")
    assert asked == ["active", "active"]
    assert "Disabled 2 of 2 selected keys." in html


def test_keys_are_disabled_at_once_while_another_stays_available(operator: Client):
    group = add_group()
    one, _ = add_key(group, "one"), add_key(group, "two")

    html = act(operator, "apikey", "disable_keys", [one.pk])

    assert "Disabled 1 of 1 selected keys." in html


def test_the_question_before_a_deletion_says_what_is_left(operator: Client):
    group = add_group()
    one, two = add_key(group, "one"), add_key(group, "two")
    add_key(group, "three", status=KeyStatus.DISABLED)

    some = act(operator, "apikey", "delete_selected", [one.pk])
    every = act(operator, "apikey", "delete_selected", [one.pk, two.pk])
    single = page(operator, "proxyapp_apikey_delete", one.pk)

    for html in (some, single):
        assert (
            "1 key will be deleted: 1 of them available now, 0 not. 1 other key stays available."
            in text(html)
        )
        assert "No key will be available" not in html
    assert "No key will be available" in every


# Export.


def export(operator: Client, keys: list[ApiKey]) -> Any:
    data = {"action": "export_keys", "_selected_action": [key.pk for key in keys]}
    return operator.post(reverse("admin:proxyapp_apikey_changelist"), data)


def test_selected_keys_are_exported_by_group_as_a_file_that_can_be_imported(operator: Client):
    first, second = add_group("first", proxy_url="socks5://proxy.example:1080"), add_group("second")
    keys = [
        add_key(first, "one", name="laptop"),
        add_key(second, "two"),
        add_key(first, "three", project="p"),
    ]
    add_key(first, "left-out")

    answer = export(operator, keys)

    assert answer["Content-Disposition"].startswith('attachment; filename="gateway-keys-')
    assert "no-store" in answer["Cache-Control"]
    groups = parse(answer.content.decode()).groups
    assert [(group.name, group.proxy_url) for group in groups] == [
        ("first", "socks5://proxy.example:1080"),
        ("second", None),
    ]
    assert [(key.secret, key.name, key.project) for group in groups for key in group.api_keys] == [
        (secret("one"), "laptop", ""),
        (secret("three"), "", "p"),
        (secret("two"), "", ""),
    ]
    assert AuditEntry.objects.filter(action="export", detail="in clear").count() == 3


def test_who_may_export_but_not_see_keys_gets_them_masked():
    key = add_key(add_group(proxy_url="socks5://user:pass-MARKER@proxy.example:1080"), "MARKER")

    answer = export(staff("view_apikey", "export_config"), [key])

    exported = answer.content.decode()
    assert "-masked.yaml" in answer["Content-Disposition"]
    assert key.masked in exported
    assert "MARKER-" not in exported
    assert "pass-MARKER" not in exported
    assert not AuditEntry.objects.exists()


def test_who_may_not_export_is_not_offered_it():
    key = add_key(add_group(), "one")
    viewer = staff("view_apikey", "view_secret")

    assert "export_keys" not in page(viewer, "proxyapp_apikey_changelist")
    assert "Content-Disposition" not in export(viewer, [key])


def test_an_export_says_which_keys_no_secret_opens(operator: Client):
    keys = [add_key(add_group(), label) for label in ("one",)]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE proxyapp_apikey SET secret = 'gAAAA-of-another-secret'")

    exported = export(operator, keys).content.decode()

    assert exported.startswith("# INCOMPLETE")
    assert "AIza…0one" in exported
    assert "gAAAA" not in exported
