"""From the config file to the database, by command and at a start."""

import io
import threading
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from proxyapp.config.file import ConfigError, load, parse
from proxyapp.config.importing import apply_changes, import_config
from proxyapp.config.last_import import LastImport
from proxyapp.config.report import Report
from proxyapp.models import (
    ApiKey,
    Group,
    HourlyUsage,
    ImportedGroup,
    RateLimitEvent,
    RotationCursor,
)
from proxyapp.models.sealed import UNREADABLE
from proxyapp.vocabulary.choices import KeyStatus
from tests.support.new_secret import change_secret

__all__ = ["change_secret"]

pytestmark = pytest.mark.django_db

SOURCE = Path("/etc/gateway/config.yaml")
LONG = [f"AIzaSyTest-{letter}-0123456789abcdef0123456789" for letter in "ABCDEF"]


def group(name: str, *keys: object, **fields: object) -> dict[str, object]:
    return {"name": name, "api_keys": list(keys) or ["YOUR_API_KEY"], **fields}


def text(*groups: dict[str, object]) -> str:
    return yaml.safe_dump({"groups": list(groups)}, sort_keys=False)


def run(
    *groups: dict[str, object], source: Path = SOURCE, prune: bool = False, dry_run: bool = False
) -> Report:
    return import_config(parse(text(*groups)), source=source, prune=prune, dry_run=dry_run)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


def start(file: Path, *groups: dict[str, object]) -> Report:
    file.write_text(text(*groups))
    return apply_changes(file)


def stored() -> dict[str, list[str | None]]:
    """The secrets of each group, all in order."""
    return {
        one.name: [key.secret for key in one.keys.order_by("position", "id")]
        for one in Group.objects.all()
    }


def version() -> int:
    return RotationCursor.objects.get(ring="").pool_version


def written(queries: CaptureQueriesContext) -> list[str]:
    return [
        sql["sql"] for sql in queries if sql["sql"].split()[0] in {"INSERT", "UPDATE", "DELETE"}
    ]


def test_groups_and_keys_come_in_the_order_of_the_file():
    report = run(
        group("b", "k3", "k1"),
        group("a", {"key": "k2", "name": "laptop", "project": "p"}, auth="bearer"),
    )
    assert stored() == {"b": ["k3", "k1"], "a": ["k2"]}
    assert report.lines()[:2] == [
        "groups: 2 created, 0 updated, 0 unchanged, 0 removed",
        "keys: 3 created, 0 updated, 0 unchanged, 0 removed",
    ]
    key = ApiKey.objects.get(name="laptop")
    assert (key.project, key.group.auth) == ("p", "bearer")


def test_all_fields_of_a_group_are_stored():
    run(
        group(
            "a",
            "k",
            target_url="https://h/x",
            proxy_url="http://u:p@h:1",
            rate_limit_policy="quota_aware",
        )
    )
    only = Group.objects.get()
    assert (only.target_url, only.proxy_url, only.rate_limit_policy) == (
        "https://h/x",
        "http://u:p@h:1",
        "quota_aware",
    )


def test_a_second_import_writes_nothing():
    groups = [group("a", "k1", "k2", proxy_url="http://u:p@h:1"), group("b", "k3")]
    run(*groups)
    before = version()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        report = run(*groups)
    assert written(queries) == []
    assert not report.changed
    assert str(report.groups) == "0 created, 0 updated, 2 unchanged, 0 removed"
    assert str(report.keys) == "0 created, 0 updated, 3 unchanged, 0 removed"
    assert version() == before


def test_a_change_raises_the_pool_version_once():
    run(group("a", "k1"))
    before = version()
    assert run(group("a", "k1", "k2")).changed
    assert version() == before + 1


def test_known_keys_keep_their_id_state_and_usage():
    run(group("a", "k1", "k2"))
    now = timezone.now()
    key = ApiKey.objects.get(position=0)
    ApiKey.objects.filter(pk=key.pk).update(
        status=KeyStatus.DISABLED, status_reason="by me", last_used_at=now
    )
    RateLimitEvent.objects.create(
        key=key, kind="rate", occurred_at=now, cooling_until=now + timedelta(hours=1)
    )
    HourlyUsage.objects.create(key=key, hour=now, requests=7)
    run(group("z", "k9"), group("b", "k2", {"key": "k1", "name": "new"}), prune=True)
    again = ApiKey.objects.get(pk=key.pk)
    assert (again.secret, again.name, again.group.name, again.position) == ("k1", "new", "b", 1)
    assert (again.status, again.status_reason, again.last_used_at) == ("disabled", "by me", now)
    assert again.events.active(now).count() == 1
    assert again.usage.get().requests == 7


def test_the_order_of_the_file_wins_and_what_is_not_in_it_comes_after():
    run(group("x", "k0"), group("a", "k1", "k2", "k3"), group("b", "k4"))
    report = run(group("b", "k4"), group("a", "k3", "k5", "k1"))
    assert list(stored().items()) == [("b", ["k4"]), ("a", ["k3", "k5", "k1", "k2"]), ("x", ["k0"])]
    assert "order of groups follows the file" in report.details
    assert "order of keys in group 'a' follows the file" in report.details


def test_a_change_of_order_alone_is_a_change():
    run(group("a", "k1", "k2"))
    before = version()
    report = run(group("a", "k2", "k1"))
    assert report.changed
    assert version() == before + 1
    assert str(report.keys) == "0 created, 0 updated, 2 unchanged, 0 removed"


def test_a_key_that_moved_to_another_group_is_moved():
    run(group("a", "k1", "k2"), group("b", "k3"))
    report = run(group("a", "k2"), group("b", "k1", "k3"))
    assert stored() == {"a": ["k2"], "b": ["k1", "k3"]}
    assert "updated key •••• in group 'b': moved from group 'a'" in report.details
    assert str(report.keys) == "0 created, 1 updated, 2 unchanged, 0 removed"


def test_a_key_given_twice_is_taken_once_at_its_first_place():
    report = run(group("a", LONG[0], "k2", LONG[0]), group("b", LONG[0], "k3"))
    assert stored() == {"a": [LONG[0], "k2"], "b": ["k3"]}
    assert report.warnings == [
        "key AIza…6789 of group 'a' is a duplicate: taken once, in group 'a'",
        "key AIza…6789 of group 'b' is a duplicate: taken once, in group 'a'",
    ]


def test_placeholders_are_skipped_and_said():
    report = run(group("a", "k1", "YOUR_GEMINI_API_KEY_1"), group("b", "<your key>"))
    assert stored() == {"a": ["k1"], "b": []}
    assert report.warnings == [
        "group 'a': placeholders skipped (groups[0].api_keys[1]); put your keys in their place",
        "group 'b': placeholders skipped (groups[1].api_keys[0]); put your keys in their place",
    ]
    assert f"warning: {report.warnings[0]}" in report.lines()


def test_without_prune_nothing_is_removed():
    run(group("a", "k1", "k2"), group("b", "k3"), group("c", "k4"))
    report = run(group("a", "k2"), group("c", "k4"))
    assert stored() == {"a": ["k2", "k1"], "c": ["k4"], "b": ["k3"]}
    assert (report.groups.removed, report.keys.removed) == (0, 0)


def test_prune_removes_groups_and_keys_that_the_file_does_not_have():
    run(group("a", LONG[0], "k2"), group("b", "k3"), group("c", "k4"))
    report = run(group("a", "k2", "k4"), prune=True)
    assert stored() == {"a": ["k2", "k4"]}
    assert "removed key AIza…6789 from group 'a'" in report.details
    assert "removed group 'b'" in report.details
    assert str(report.groups) == "0 created, 0 updated, 1 unchanged, 2 removed"
    assert str(report.keys) == "0 created, 1 updated, 1 unchanged, 2 removed"


def test_a_dry_run_reports_the_same_and_changes_nothing():
    run(group("a", "k1", "k2"), group("b", "k3"))
    before, version_before = stored(), version()
    imported = list(ImportedGroup.objects.values())
    wanted = [group("c", "k4"), group("a", "k2", auth="both")]
    rehearsed = run(*wanted, prune=True, dry_run=True)
    assert (stored(), version(), list(ImportedGroup.objects.values())) == (
        before,
        version_before,
        imported,
    )
    assert rehearsed.changed
    assert run(*wanted, prune=True).lines() == rehearsed.lines()
    assert stored() != before


def test_names_match_whatever_their_case_and_follow_the_file():
    run(group("Alpha", "k1"))
    only = Group.objects.get()
    report = run(group("ALPHA", "k1"))
    assert Group.objects.get().name == "ALPHA"
    assert Group.objects.get().pk == only.pk
    assert "updated group 'Alpha': name 'Alpha' → 'ALPHA'" in report.details


def test_overwritten_fields_are_said_without_passwords():
    run(group("a", {"key": LONG[0], "name": "old"}, proxy_url="http://u:topsecret@h:1"))
    report = run(
        group("a", LONG[0], target_url="https://h", proxy_url="http://u:hidden@h:1", auth="both")
    )
    lines = "\n".join(report.lines())
    assert "auth 'auto' → 'both'" in lines
    assert "target_url https://generativelanguage.googleapis.com → https://h" in lines
    assert "proxy_url http://***@h:1 → http://***@h:1" in lines
    assert "updated key old (AIza…6789) in group 'a': name 'old' → ''" in lines
    assert "topsecret" not in lines
    assert "hidden" not in lines
    assert LONG[0] not in lines
    assert Group.objects.get().proxy_url == "http://u:hidden@h:1"


@pytest.mark.parametrize("change", [{"auth": "both"}, {"target_url": "https://h"}])
def test_another_target_or_auth_forgets_that_one_credential_was_asked_for(change):
    run(group("a", "k1"))
    Group.objects.update(single_credential_since=timezone.now())
    run(group("a", "k1", rate_limit_policy="quota_aware"))
    assert Group.objects.get().single_credential_since is not None
    run(group("a", "k1", rate_limit_policy="quota_aware", **change))
    assert Group.objects.get().single_credential_since is None


def test_keys_are_known_under_older_secrets(change_secret):
    run(group("a", "k1"))
    only = ApiKey.objects.get()
    change_secret()
    assert not run(group("a", "k1")).changed
    assert ApiKey.objects.get().pk == only.pk


def test_many_created_keys_are_counted_and_not_listed():
    lines = run(group("a", *[f"{LONG[0][:-2]}{number:02}" for number in range(51)])).lines()
    assert "created 51 keys in group 'a'" in lines
    assert len(lines) == 4


def test_ten_thousand_keys_take_few_queries():
    keys = [f"{LONG[0]}{number}" for number in range(10_000)]
    steps: list[tuple[int, int]] = []
    config = parse(text(*[group(f"g{number}", *keys[number::10]) for number in range(10)]))
    with CaptureQueriesContext(connection) as queries:
        import_config(
            config, source=SOURCE, progress=lambda done, total: steps.append((done, total))
        )
    assert ApiKey.objects.count() == 10_000
    assert len(queries) < 300
    assert steps[0] == (500, 10_000)
    assert steps[-1] == (10_000, 10_000)
    with CaptureQueriesContext(connection) as queries:
        assert not import_config(config, source=SOURCE).changed
    assert len(queries) < 10


def test_what_the_database_refuses_is_a_config_error_and_nothing_is_imported(monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise IntegrityError('violates "key_status_known"\nDETAIL: Failing row contains (secret)')

    run(group("a", "k1"))
    monkeypatch.setattr(type(ApiKey.objects), "bulk_create", refuse)
    with pytest.raises(ConfigError) as caught:
        run(group("a", "k1", "k2", auth="both"))
    assert (
        str(caught.value)
        == 'the database refuses the file, nothing is imported: violates "key_status_known"'
    )
    assert Group.objects.get().auth == "auto"


def test_a_start_with_a_new_file_imports_it_whole_and_removes_nothing(file):
    run(group("admin", "k0"), source=Path("/other"))
    report = start(file, group("a", "k1"), group("b", "k2"))
    assert stored() == {"a": ["k1"], "b": ["k2"], "admin": ["k0"]}
    assert report.groups.created == 2


def test_a_second_start_changes_nothing(file):
    start(file, group("a", "k1"), group("b", "k2"))
    with CaptureQueriesContext(connection) as queries:
        report = apply_changes(file)
    assert written(queries) == []
    assert not report.changed
    assert (report.groups.unchanged, report.keys.unchanged) == (2, 2)


def test_what_was_edited_in_the_admin_survives_a_start(file):
    groups = [group("a", "k1", "k2"), group("b", "k3"), group("c", "k4")]
    start(file, *groups)
    Group.objects.filter(name="a").update(name="renamed", auth="both", position=9)
    ApiKey.objects.get(position=1).delete()
    Group.objects.get(name="c").delete()
    before = stored()
    assert not start(file, *groups).changed
    assert stored() == before == {"b": ["k3"], "renamed": ["k1"]}


def test_only_the_group_that_changed_in_the_file_is_applied(file):
    start(file, group("a", "k1"), group("b", "k2", "k3"))
    Group.objects.update(auth="bearer")
    report = start(file, group("a", "k1"), group("b", "k3", "k2", rate_limit_policy="quota_aware"))
    assert {one.name: one.auth for one in Group.objects.all()} == {"a": "bearer", "b": "auto"}
    assert stored()["b"] == ["k3", "k2"]
    assert (report.groups.updated, report.groups.unchanged) == (1, 1)
    assert (
        "updated group 'b': rate_limit_policy 'daily' → 'quota_aware'; auth 'bearer' → 'auto'"
        in report.details
    )


def test_a_group_renamed_in_the_file_keeps_its_keys(file):
    start(file, group("a", "k1"))
    key = ApiKey.objects.get()
    start(file, group("z", "k1"))
    assert stored() == {"a": [], "z": ["k1"]}
    assert ApiKey.objects.get().pk == key.pk


def test_what_another_file_has_too_is_not_removed(file):
    run(group("b", "k2"), source=Path("/other"))
    start(file, group("a", "k1"), group("b", "k2"))
    start(file, group("a", "k1"))
    assert stored() == {"a": ["k1"], "b": ["k2"]}


def test_a_new_group_goes_behind_its_neighbour_and_keeps_the_order_of_the_admin(file):
    start(file, group("a", "k1"), group("b", "k2"), group("c", "k3"))
    for position, name in enumerate("cab"):
        Group.objects.filter(name=name).update(position=position)
    start(
        file,
        group("first", "k4"),
        group("a", "k1"),
        group("new", "k5"),
        group("b", "k2"),
        group("c", "k3"),
    )
    assert list(stored()) == ["first", "c", "a", "new", "b"]


def test_a_new_order_in_the_file_is_applied_at_a_start(file):
    start(file, group("a", "k1"), group("b", "k2"))
    before = version()
    assert start(file, group("b", "k2"), group("a", "k1")).changed
    assert list(stored()) == ["b", "a"]
    assert version() == before + 1
    assert not apply_changes(file).changed


def test_a_key_that_was_a_duplicate_is_not_lost_with_its_first_place(file):
    start(file, group("a", "k1"), group("b", "k1", "k2"))
    start(file, group("b", "k1", "k2"))
    assert stored() == {"b": ["k1", "k2"], "a": []}
    assert not ApiKey.objects.exclude(status=KeyStatus.ACTIVE).exists()


def test_a_start_after_an_import_by_command_changes_nothing(file):
    file.write_text(text(group("a", "k1")))
    call_command("import_config", str(file), stdout=io.StringIO())
    assert not apply_changes(file).changed


def test_a_bad_file_changes_nothing_at_a_start(file):
    start(file, group("a", "k1"))
    with pytest.raises(ConfigError, match="api_keys"):
        start(file, group("a", "k2"), {"name": "b", "api_keys": []})
    assert stored() == {"a": ["k1"]}


def test_edits_survive_a_new_secret_and_the_file_is_known_under_it_from_then_on(
    file, change_secret
):
    start(file, group("a", "k1"))
    Group.objects.update(auth="both")
    change_secret()
    assert not apply_changes(file).changed
    change_secret(settings.SECRET_KEY, forget_older=True)
    assert LastImport(file).has_same(load(file).groups[0])
    assert Group.objects.get().auth == "both"


def test_keys_that_the_present_secret_cannot_read_are_never_removed_at_a_start(file, change_secret):
    start(file, group("a", "k1"))
    unreadable = ApiKey.objects.get()
    change_secret(forget_older=True)
    report = apply_changes(file)
    assert report.warnings == [
        "1 keys left the file but stay as they are: the present SECRET_KEY cannot read them"
    ]
    assert stored() == {"a": ["k1", UNREADABLE]}
    assert ApiKey.objects.get(position=1).pk == unreadable.pk


def test_a_proxy_that_cannot_be_read_survives_a_change_of_order(change_secret):
    run(group("a", "k1", proxy_url="http://u:p@h:1"), group("b", "k2"))
    older = settings.SECRET_KEY
    change_secret(forget_older=True)
    run(group("b", "k3"))
    change_secret(older, forget_older=True)
    assert Group.objects.get(name="a").proxy_url == "http://u:p@h:1"
    assert Group.objects.get(name="a").position == 1


@pytest.mark.django_db(transaction=True)
def test_processes_that_start_together_import_once(file):
    file.write_text(
        text(*[group(f"g{number}", f"k{number}", f"m{number}") for number in range(20)])
    )
    together = threading.Barrier(4)
    reports: list[Report] = []

    def begin() -> None:
        together.wait(timeout=10)
        reports.append(apply_changes(file))
        connection.close()

    threads = [threading.Thread(target=begin) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(report.keys.created for report in reports) == [0, 0, 0, 40]
    assert ApiKey.objects.count() == 40


def command(*args: str) -> str:
    out = io.StringIO()
    call_command("import_config", *args, stdout=out)
    return out.getvalue()


def test_the_command_prints_the_report(file):
    file.write_text(text(group("a", LONG[0], "YOUR_API_KEY")))
    assert command(str(file)).splitlines() == [
        "groups: 1 created, 0 updated, 0 unchanged, 0 removed",
        "keys: 1 created, 0 updated, 0 unchanged, 0 removed",
        "created group 'a'",
        "created key AIza…6789 in group 'a'",
        (
            "warning: group 'a': placeholders skipped (groups[0].api_keys[1]); put your keys in "
            "their place"
        ),
    ]


def test_the_command_rehearses_and_prunes(file):
    run(group("a", "k1"))
    file.write_text(text(group("b", "k2")))
    rehearsed = command(str(file), "--dry-run", "--prune")
    assert stored() == {"a": ["k1"]}
    assert rehearsed == command(str(file), "--prune") + "dry run: nothing was changed\n"
    assert stored() == {"b": ["k2"]}


def test_the_command_names_all_problems_and_imports_nothing(file):
    file.write_text("groups: [{name: a, api_keys: []}, {name: b, api_keys: [k], auth: x}]")
    with pytest.raises(CommandError) as caught:
        command(str(file))
    assert str(caught.value).splitlines()[1:] == [
        "groups[0].api_keys: must not be empty; give at least one key",
        "groups[1].auth: must be one of auto, google, both, x-goog-api-key, bearer, x-api-key,"
        " api-key, header:NAME, query:NAME",
    ]
    assert caught.value.returncode == 1
    assert not Group.objects.exists()


@pytest.mark.parametrize(
    ("count", "is_terminal", "is_shown"), [(600, True, True), (600, False, False), (5, True, False)]
)
def test_many_keys_show_a_progress_bar_on_a_terminal(
    file, monkeypatch, count, is_terminal, is_shown
):
    file.write_text(text(group("a", *[f"key{number}" for number in range(count)])))
    screen = io.StringIO()
    monkeypatch.setattr(screen, "isatty", lambda: is_terminal)
    monkeypatch.setattr("sys.stderr", screen)
    command(str(file))
    assert ("importing keys" in screen.getvalue()) is is_shown
    assert ApiKey.objects.count() == count
