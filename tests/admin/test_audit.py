"""The audit log: every change is in it, whoever made it, and no secret is."""

import io
import json
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
import yaml
from django.contrib.auth.models import Group as Role
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from proxyapp.config.file import ConfigError, parse
from proxyapp.config.importing import apply_changes, import_config
from proxyapp.models import ApiKey, AuditEntry, Group, audit
from proxyapp.models.audit import START, Actor
from proxyapp.process import bootstrap
from proxyapp.provider.probing import ProbeOutcome
from proxyapp.upstream.key_probe import ProbeResult
from tests.support.admin_pages import (
    GROUP_FORM,
    PROXY,
    act,
    cells,
    change_secrets,
    key_form,
    page,
    rows,
    submit,
    superuser,
    text,
)
from tests.support.pool_data import NOW, add_group, add_key, condemn, cool, secret

pytestmark = pytest.mark.django_db

Told = tuple[str, str, str, str, str]


def told() -> list[Told]:
    """Actor, action, type, label and detail, the oldest first."""
    columns = ("actor", "action", "object_type", "label", "detail")
    return list(AuditEntry.objects.order_by("id").values_list(*columns))


@pytest.fixture
def operator() -> Client:
    return superuser()


@pytest.fixture
def key() -> ApiKey:
    return add_key(add_group("main"), "one", name="first")


def command(*arguments: str) -> str:
    output = io.StringIO()
    call_command(*arguments, stdout=output)
    return output.getvalue()


# Forms of the admin.


def test_a_new_key_and_a_new_group_are_told_of_with_what_they_were_given(operator: Client):
    submit(
        operator,
        "proxyapp_group_add",
        data={**GROUP_FORM, "new_proxy_url": PROXY, "auth": "bearer"},
    )
    group = Group.objects.get()
    submit(
        operator,
        "proxyapp_apikey_add",
        data=key_form(group, new_secret=secret("one"), name="first"),
    )

    group_entry, key_entry = AuditEntry.objects.order_by("id")
    assert (group_entry.actor, group_entry.action, group_entry.label) == ("admin", "add", "main")
    assert "proxy set to socks5://***@proxy.example:1080" in group_entry.detail
    assert "auth 'bearer'" in group_entry.detail
    assert (key_entry.action, key_entry.label) == ("add", "first (AIza…0one)")
    assert key_entry.detail == "Added: group 'main'; name 'first'"
    assert (key_entry.user, key_entry.object_id) == (
        User.objects.get(),
        str(ApiKey.objects.get().pk),
    )


def test_a_name_cannot_pass_for_another_change(operator: Client, key: ApiKey):
    form = key_form(key.group, name="x'; status 'active' → 'invalid", status="active")
    submit(operator, "proxyapp_apikey_change", key.pk, data=form)

    (entry,) = told()
    assert entry[4] == r"name 'first' → 'x\'; status \'active\' → \'invalid'"


def test_a_change_is_told_of_with_the_old_and_the_new_value(operator: Client, key: ApiKey):
    other = add_group("other")

    form = key_form(other, new_secret=secret("two"), name="second", status="disabled")
    submit(operator, "proxyapp_apikey_change", key.pk, data=form)

    (entry,) = told()
    assert entry[:4] == ("admin", "change", "key", "second (AIza…0two)")
    assert set(entry[4].split("; ")) == {
        "group 'main' → 'other'",
        "name 'first' → 'second'",
        "status 'active' → 'disabled'",
        "key replaced",
    }


def test_a_proxy_that_is_set_and_removed_is_told_of_without_its_password(
    operator: Client, key: ApiKey
):
    for edit in ({"new_proxy_url": PROXY}, {"remove_proxy": "on"}):
        submit(operator, "proxyapp_group_change", key.group_id, data={**GROUP_FORM, **edit})

    assert [detail for *_, detail in told()] == [
        "proxy set to socks5://***@proxy.example:1080",
        "proxy removed",
    ]


def test_a_form_that_changes_nothing_is_not_told_of(operator: Client, key: ApiKey):
    submit(operator, "proxyapp_apikey_change", key.pk, data=key_form(key.group, name="first"))

    assert told() == []


def test_a_form_that_is_refused_is_not_told_of(operator: Client, key: ApiKey):
    submit(
        operator,
        "proxyapp_apikey_change",
        key.pk,
        data=key_form(key.group, name="first", new_secret="two words"),
    )

    assert told() == []


def test_a_deleted_group_takes_its_keys_along_and_all_are_told_of_and_stay_told_of(
    operator: Client, key: ApiKey
):
    submit(operator, "proxyapp_group_change", key.group_id, data={**GROUP_FORM, "auth": "both"})
    submit(operator, "proxyapp_group_delete", key.group_id, data={"post": "yes", "typed": "main"})

    assert not ApiKey.objects.exists()
    assert told() == [
        ("admin", "change", "group", "main", "auth 'auto' → 'both'"),
        ("admin", "delete", "key", "first (AIza…0one)", "with its group 'main'"),
        ("admin", "delete", "group", "main", ""),
    ]


def test_deleted_keys_are_told_of_one_by_one(operator: Client, key: ApiKey):
    other = add_key(key.group, "two")

    act(operator, "apikey", "delete_selected", [key.pk, other.pk], post="yes")

    assert sorted(told()) == [
        ("admin", "delete", "key", "AIza…0two", ""),
        ("admin", "delete", "key", "first (AIza…0one)", ""),
    ]


def test_what_is_done_to_accounts_is_told_of_without_passwords(operator: Client):
    passwords = {
        "password1": "a-long-pass-MARKER",
        "password2": "a-long-pass-MARKER",
        "usable_password": "true",
    }
    submit(operator, "auth_user_add", data={"username": "wendy", **passwords})
    wendy = User.objects.get(username="wendy")
    viewer = Role.objects.create(name="watchers")
    User.objects.update(date_joined=NOW)
    joined = {"date_joined_0": "2026-11-24", "date_joined_1": "03:48:00"}
    edit = {
        "username": "wendy",
        "is_active": "on",
        "is_staff": "on",
        "groups": [viewer.pk],
        **joined,
    }
    submit(operator, "auth_user_change", wendy.pk, data=edit)
    submit(operator, "auth_user_password_change", wendy.pk, data=passwords)

    assert told() == [
        ("admin", "add", "user", "wendy", "Added: username 'wendy'"),
        ("admin", "change", "user", "wendy", "is_staff 'False' → 'True'; groups added: watchers"),
        ("admin", "change", "user", "wendy", "password changed"),
    ]


def test_rights_that_a_role_gains_and_loses_are_told_of(operator: Client):
    role = Role.objects.create(name="watchers")
    add = {
        "name": "watchers",
        "permissions": [one.pk for one in permissions("view_apikey", "view_user")],
    }
    submit(operator, "auth_group_change", role.pk, data=add)
    submit(operator, "auth_group_change", role.pk, data={"name": "readers"})

    first, second = (detail for *_, detail in told())
    assert first.startswith("permissions added: ")
    assert "Can view user" in first
    assert second.startswith("name 'watchers' → 'readers'; permissions removed: ")


def permissions(*codenames: str) -> Iterable[Any]:
    return Permission.objects.filter(codename__in=codenames)


def test_entries_outlive_the_user_who_made_them(operator: Client, key: ApiKey):
    ApiKey.objects.update(status="disabled")
    act(operator, "apikey", "enable_keys", [key.pk])
    User.objects.all().delete()

    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.user) == ("admin", None)


# Actions of the admin.


@pytest.mark.parametrize(
    ("action", "name"), [("release_keys", "release"), ("disable_keys", "disable")]
)
def test_an_action_is_told_of_for_each_key_that_it_changed(
    operator: Client, key: ApiKey, action: str, name: str
):
    unchanged = add_key(key.group, "two", status="disabled")
    cool(key, NOW + timedelta(hours=1))

    with time_machine.travel(NOW, tick=False):
        act(operator, "apikey", action, [key.pk, unchanged.pk])

    assert told() == [("admin", name, "key", "first (AIza…0one)", "")]


def test_a_test_that_enables_a_key_is_told_of(
    operator: Client, key: ApiKey, monkeypatch: pytest.MonkeyPatch
):
    condemn(key)
    works(monkeypatch)

    act(operator, "apikey", "test_keys", [key.pk])

    assert told() == [("admin", "enable", "key", "first (AIza…0one)", "")]


def works(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every key does, says the provider."""
    monkeypatch.setattr(
        "proxyapp.upstream.key_probe.probe_keys",
        lambda ids: [ProbeResult(one, ProbeOutcome.WORKS, 200, "works") for one in ids],
    )


def test_a_cooldown_that_is_released_is_told_of_under_its_key(operator: Client, key: ApiKey):
    event = cool(key, NOW + timedelta(hours=1))

    with time_machine.travel(NOW, tick=False):
        act(operator, "ratelimitevent", "release_cooldowns", [event.pk])

    assert told() == [
        ("admin", "release", "key", "first (AIza…0one)", f"only the cooldown {event}")
    ]


# Commands.


@pytest.mark.parametrize("action", ["release", "disable", "enable"])
def test_a_command_on_keys_is_told_of_for_each_key_that_it_changed(key: ApiKey, action: str):
    add_key(key.group, "two", status={"disable": "disabled"}.get(action, "active"))
    ApiKey.objects.filter(pk=key.pk, status="active").update(
        status="disabled" if action == "enable" else "active"
    )
    cool(key, NOW + timedelta(hours=1))

    with time_machine.travel(NOW, tick=False):
        command("keys", action, "group:main")

    assert told() == [(f"command: keys {action}", action, "key", "first (AIza…0one)", "")]
    assert AuditEntry.objects.get().user is None


def test_a_command_that_changes_nothing_is_not_told_of(key: ApiKey):
    command("keys", "enable", "first")
    command("keys", "list")

    assert told() == []


def test_the_command_that_puts_a_key_back_is_told_of(key: ApiKey, monkeypatch: pytest.MonkeyPatch):
    condemn(key)
    works(monkeypatch)

    command("keys", "test")

    assert told() == [
        ("command: keys test", "enable", "key", "first (AIza…0one)", "it was invalid and works")
    ]


def test_reencrypt_and_prune_are_told_of(key: ApiKey):
    event = cool(key, timezone.now() - timedelta(days=90))

    command("reencrypt")
    command("prune")
    command("prune")

    assert not type(event).objects.exists()
    assert told() == [
        (
            "command: reencrypt",
            "reencrypt",
            "database",
            "",
            "1 keys and 0 proxies are encrypted under the current SECRET_KEY",
        ),
        (
            "command: prune",
            "prune",
            "database",
            "",
            (
                "1 rate limit events, 0 rows of usage by the hour, 0 by the minute, 0 by the day, 0"
                " sessions, 0 counts of failed sign-ins, 0 entries of the audit log,"
                " 0 notes of expired resources"
            ),
        ),
    ]


def test_an_export_with_keys_is_told_of_and_a_masked_one_is_not(key: ApiKey, tmp_path: Path):
    command("export_config", "--mask")
    command("export_config", str(tmp_path / "backup.yaml"))

    assert told() == [
        (
            "command: export_config",
            "export",
            "config file",
            str(tmp_path / "backup.yaml"),
            "keys in clear",
        )
    ]


def test_an_export_that_cannot_be_written_is_not_told_of(key: ApiKey, tmp_path: Path):
    with pytest.raises(CommandError):
        command("export_config", str(tmp_path / "missing" / "backup.yaml"))

    assert told() == []


# Imports.

SECRETS = [secret(label) for label in ("aaaa", "bbbb", "cccc")]


def config(*keys: Any, **fields: Any) -> str:
    return yaml.safe_dump({"groups": [{"name": "main", "api_keys": list(keys), **fields}]})


def test_an_import_is_told_of_as_a_whole_and_for_each_thing_that_it_changed(tmp_path: Path):
    file = tmp_path / "config.yaml"
    file.write_text(config(*SECRETS[:2]))
    command("import_config", str(file))
    AuditEntry.objects.all().delete()
    file.write_text(config({"key": SECRETS[0], "name": "first"}, SECRETS[2], proxy_url=PROXY))

    command("import_config", str(file), "--prune")

    whole, *each = told()
    actor = "command: import_config"
    assert whole[:4] == (actor, "import", "config file", str(file))
    assert whole[4].splitlines() == [
        "groups: 0 created, 1 updated, 0 unchanged, 0 removed",
        "keys: 1 created, 1 updated, 0 unchanged, 1 removed",
    ]
    assert each == [
        (actor, "change", "group", "main", "proxy_url none → socks5://***@proxy.example:1080"),
        (actor, "change", "key", "first (AIza…aaaa)", "name '' → 'first'"),
        (actor, "add", "key", "AIza…cccc", "in group 'main'"),
        (actor, "delete", "key", "AIza…bbbb", "from group 'main'"),
    ]
    ids = dict(AuditEntry.objects.filter(object_type="key").values_list("label", "object_id"))
    assert {label: str(pk) for label, pk in ApiKey.objects.values_list("masked", "pk")} == {
        "AIza…aaaa": ids["first (AIza…aaaa)"],
        "AIza…cccc": ids["AIza…cccc"],
    }


def test_an_order_that_an_import_changes_is_told_of(tmp_path: Path):
    for keys in (SECRETS[:2], SECRETS[1::-1]):
        import_config(parse(config(*keys)), source=tmp_path / "config.yaml")

    assert told()[-1][4].splitlines()[-1] == "order of keys in group 'main' follows the file"


def test_an_import_that_changes_nothing_or_is_tried_dry_is_not_told_of(tmp_path: Path):
    import_config(parse(config(SECRETS[0])), source=tmp_path / "config.yaml")
    before = told()

    import_config(parse(config(SECRETS[0])), source=tmp_path / "config.yaml")
    import_config(parse(config(*SECRETS)), source=tmp_path / "config.yaml", dry_run=True)

    assert told() == before


def test_an_import_by_a_user_bears_the_name_of_the_user(tmp_path: Path):
    user = User.objects.create(username="olga")

    import_config(
        parse(config(SECRETS[0])), source=tmp_path / "config.yaml", by=audit.operator(user)
    )

    assert {(entry.actor, entry.user) for entry in AuditEntry.objects.all()} == {("olga", user)}


def test_what_a_start_imports_is_told_of_and_a_start_without_a_change_is_not(tmp_path: Path):
    file = tmp_path / "config.yaml"
    file.write_text(config(SECRETS[0]))

    for _ in range(2):
        apply_changes(file)

    assert [(actor, action, kind) for actor, action, kind, *_ in told()] == [
        ("start", "import", "config file"),
        ("start", "add", "group"),
        ("start", "add", "key"),
    ]


def test_a_file_that_is_refused_leaves_no_entry(tmp_path: Path):
    file = tmp_path / "config.yaml"
    file.write_text("groups: nonsense")

    with pytest.raises(ConfigError):
        apply_changes(file)

    assert told() == []


def test_the_first_administrator_is_told_of(settings: Any):
    settings.DJANGO_SUPERUSER_PASSWORD = "given-pass-MARKER"

    bootstrap.ensure_administrator()
    bootstrap.ensure_administrator()

    assert told() == [("start", "add", "user", "admin", "superuser, because there was no user")]


# No secret.


def test_no_entry_has_a_secret(operator: Client, tmp_path: Path):
    file = tmp_path / "config.yaml"
    file.write_text(config(secret("a-MARKER"), proxy_url=PROXY))
    apply_changes(file)
    file.write_text(
        config(secret("a-MARKER"), secret("b-MARKER"), proxy_url=PROXY.replace("user", "other"))
    )
    command("import_config", str(file))
    key, group = ApiKey.objects.order_by("pk")[0], Group.objects.get()
    change_secrets(operator, key, secret("c-MARKER"), PROXY + "1")
    operator.post(reverse("admin:proxyapp_apikey_secret", args=[key.pk]))
    command("keys", "disable", "--all")
    command("reencrypt")
    command("export_config")
    submit(operator, "proxyapp_group_delete", group.pk, data={"post": "yes", "typed": group.name})

    entries = json.dumps(list(AuditEntry.objects.values()), default=str)
    listed = page(operator, "proxyapp_auditentry_changelist")
    assert len(told()) >= 12
    assert [
        leak
        for leak in ("MARKER", key.key_hash, "gAAAA")
        if leak in entries + listed.replace("0MARKER", "")
    ] == []


# The page.


def entry(actor: str = "olga", **fields: Any) -> AuditEntry:
    defaults = {
        "action": "disable",
        "object_type": "key",
        "object_id": "7",
        "label": "first (AIza…0one)",
    }
    return AuditEntry.objects.create(actor=actor, **{**defaults, **fields})


def test_the_page_lists_who_did_what_when_the_newest_first(operator: Client):
    entry(at=NOW)
    entry(
        "command: keys enable",
        action="enable",
        label="<second>",
        detail="why",
        at=NOW + timedelta(minutes=1),
    )

    html = page(operator, "proxyapp_auditentry_changelist")

    assert cells(html, "when") == ["2026-11-24 03:49:00 UTC", "2026-11-24 03:48:00 UTC"]
    assert cells(html, "actor") == ["command: keys enable", "olga"]
    assert cells(html, "done") == ["enable", "disable"]
    assert cells(html, "what") == ["<second>", "first (AIza…0one)"]
    assert cells(html, "summary")[0] == "why"
    assert "<second>" not in html


@pytest.mark.parametrize(
    ("query", "actors"),
    [
        ({"actor": "olga"}, ["olga"]),
        ({"action": "import"}, ["start"]),
        ({"object_type": "config file"}, ["start"]),
        ({"object": "key:7"}, ["olga"]),
        ({"object": "nonsense"}, []),
        ({"day": "2026-11-23"}, ["start"]),
        ({"q": "0one"}, ["olga"]),
        ({"q": "config.yaml"}, ["start"]),
    ],
)
def test_entries_are_found_by_actor_action_object_and_day(
    operator: Client, query: dict[str, str], actors: list[str]
):
    entry(at=NOW)
    whole = {
        "action": "import",
        "object_type": "config file",
        "object_id": "",
        "label": "/etc/config.yaml",
    }
    entry("start", at=NOW - timedelta(days=1), **whole)

    with time_machine.travel(NOW, tick=False):
        html = page(operator, "proxyapp_auditentry_changelist", **query)

    assert cells(html, "actor") == actors


def test_the_page_of_a_key_and_that_of_a_group_lead_to_what_was_done_to_them(
    operator: Client, key: ApiKey
):
    add_key(key.group, "two")
    act(operator, "apikey", "disable_keys", [key.pk])

    of_key = page(operator, "proxyapp_apikey_change", key.pk)
    of_group = page(operator, "proxyapp_group_change", key.group_id)

    assert f"/admin/proxyapp/auditentry/?object=key%3A{key.pk}" in of_key
    assert f"/admin/proxyapp/auditentry/?object=group%3A{key.group_id}" in of_group
    assert cells(
        page(operator, "proxyapp_auditentry_changelist", object=f"key:{key.pk}"), "done"
    ) == ["disable"]
    assert (
        cells(
            page(operator, "proxyapp_auditentry_changelist", object=f"group:{key.group_id}"), "done"
        )
        == []
    )


def test_not_even_a_superuser_adds_changes_or_deletes_entries(operator: Client):
    one = entry(detail="as it was")
    changed = operator.post(
        reverse("admin:proxyapp_auditentry_change", args=[one.pk]), {"detail": "else"}
    )
    added = operator.get(reverse("admin:proxyapp_auditentry_add"))
    deleted = operator.post(
        reverse("admin:proxyapp_auditentry_delete", args=[one.pk]), {"post": "yes"}
    )
    html = act(operator, "auditentry", "delete_selected", [one.pk], post="yes")

    assert [changed.status_code, added.status_code, deleted.status_code] == [403, 403, 403]
    assert rows(html) == 0
    assert AuditEntry.objects.get().detail == "as it was"


def test_the_page_of_an_entry_shows_its_whole_detail(operator: Client):
    one = entry(detail="x" * 300 + " the end")

    assert "the end" not in text(page(operator, "proxyapp_auditentry_changelist"))
    assert "the end" in text(page(operator, "proxyapp_auditentry_change", one.pk))


def test_the_page_takes_the_same_number_of_queries_for_any_number_of_entries(
    operator: Client, django_assert_max_num_queries: Any
):
    entry()
    with django_assert_max_num_queries(12) as for_one:
        page(operator, "proxyapp_auditentry_changelist")
    for number in range(50):
        entry(f"user-{number}")

    with django_assert_max_num_queries(len(for_one.captured_queries)):
        page(operator, "proxyapp_auditentry_changelist")


def test_ten_thousand_changes_are_written_in_few_queries(django_assert_max_num_queries: Any):
    group = add_group()
    with django_assert_max_num_queries(100):
        audit.record_each(START, [("change", group, "again")] * 10_000)

    assert AuditEntry.objects.count() == 10_000


def test_nobody_is_no_operator():
    with pytest.raises(TypeError):
        audit.operator(object())
    assert audit.command("prune") == Actor("command: prune")
