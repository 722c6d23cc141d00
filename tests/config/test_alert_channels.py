"""What a config file sets of alerts."""

from pathlib import Path
from typing import Any

import pytest

from proxyapp.config.exporting import export_groups
from proxyapp.config.file import ConfigError, parse
from proxyapp.config.importing import apply_changes, import_config
from proxyapp.config.reencrypt import CannotReencrypt, reencrypt
from proxyapp.models import AlertChannel, AuditEntry
from proxyapp.vocabulary.alert_fields import AlertSettings
from tests.support.new_secret import ChangeSecret, change_secret

__all__ = ["change_secret"]

SOURCE = Path("/config.yaml")
GROUPS = "groups: [{name: main, api_keys: [k1]}]\n"
URL = "slack://TOKEN/MARKER/x"
OPS = f"""
alerts:
  - {{name: ops, url: "{URL}", kinds: [key_died, spool], level: danger, quiet_hours: "22:00-07:00",
     time_zone: Europe/Berlin, urgent_passes: false, error_percent: 5, slow_seconds: 9}}
"""
MAIL = "  - {name: mail, url: 'mailto://u:p@example.com', enabled: false}\n"


def test_channels_are_read() -> None:
    ops = AlertSettings(
        *("ops", URL, "key_died,spool", "danger", "22:00-07:00", "Europe/Berlin"),
        *(False, 5, 9, True),
    )
    mail = AlertSettings("mail", "mailto://u:p@example.com", is_on=False)

    assert parse(GROUPS + OPS + MAIL).alerts == (ops, mail)
    assert parse(GROUPS).alerts is None
    assert parse(GROUPS + "alerts: []").alerts == ()
    assert "MARKER" not in repr(parse(GROUPS + OPS))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("alerts: {a: b}", "alerts: must be a list of channels"),
        ("alerts: [3]", "alerts[0]: must be a mapping with name, url, kinds"),
        (
            "alerts: [{name: a, url: 'syslog://x'}]",
            "alerts[0].url: must begin with a scheme that reaches a network",
        ),
        ("alerts: [{name: a}]", "alerts[0].url: is required"),
        (
            "alerts: [{name: a, url: 'json://x', kinds: [spol]}]",
            "alerts[0].kinds: has 'spol'; known are database_away",
        ),
        (
            "alerts: [{name: a, url: 'json://x', quiet_hours: '7-9'}]",
            "alerts[0].quiet_hours: must be two times",
        ),
        (
            "alerts: [{name: a, url: 'json://x', time_zone: Mars}]",
            "alerts[0].time_zone: must be a time zone",
        ),
        (
            "alerts: [{name: a, url: 'json://x'}, {name: A, url: 'json://x'}]",
            "alerts[1].name: stands here again",
        ),
        (
            "alerts: [{name: a, url: 'json://x', error_percent: 0}]",
            "alerts[0].error_percent: must be a number from 1 to 100",
        ),
    ],
)
def test_what_is_wrong_is_said_at_its_place(text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse(GROUPS + text)

    (said,) = raised.value.problems
    assert said.startswith(problem)


@pytest.mark.django_db
def test_an_import_sets_them_and_says_so_without_the_url() -> None:
    report = import_config(parse(GROUPS + OPS + MAIL), source=SOURCE)
    assert "alert channels: 2 created, 0 updated, 0 unchanged, 0 removed" in report.lines()
    assert AlertChannel.objects.get(name="ops").url == URL
    AlertChannel.objects.update(story={"spoken_at": 7.0})

    report = import_config(parse(GROUPS + OPS.replace("MARKER", "OTHER") + MAIL), source=SOURCE)
    assert "updated alert channel 'ops': url slack://… → slack://…" in report.lines()
    ops = AlertChannel.objects.get(name="ops")
    assert (ops.url, ops.story) == (URL.replace("MARKER", "OTHER"), {"spoken_at": 7.0})
    assert "TOKEN" not in str(list(AuditEntry.objects.values()))


@pytest.mark.django_db
def test_only_a_file_that_has_them_removes_others() -> None:
    import_config(parse(GROUPS + OPS + MAIL), source=SOURCE)

    assert not import_config(parse(GROUPS), source=SOURCE, prune=True).changed
    report = import_config(parse(GROUPS + OPS), source=SOURCE, prune=True)

    assert "removed alert channel 'mail'" in report.lines()
    assert [row.name for row in AlertChannel.objects.all()] == ["ops"]


@pytest.mark.django_db
def test_a_start_applies_what_changed_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(GROUPS + OPS)
    apply_changes(file)
    AlertChannel.objects.update(error_percent=50)
    apply_changes(file)
    assert AlertChannel.objects.get().error_percent == 50

    file.write_text(GROUPS + OPS.replace("error_percent: 5", "error_percent: 6"))
    apply_changes(file)
    assert AlertChannel.objects.get().error_percent == 6


@pytest.mark.django_db
def test_an_export_comes_back_without_a_change_and_a_masked_one_has_no_secret() -> None:
    import_config(parse(GROUPS + OPS + MAIL), source=SOURCE)

    export = export_groups(mask=False)
    assert not import_config(parse(export.text), source=SOURCE).changed
    masked = export_groups(mask=True).text
    assert "slack://…" in masked
    assert "MARKER" not in masked


@pytest.mark.django_db
def test_another_secret_key(settings: Any, change_secret: ChangeSecret) -> None:
    import_config(parse(GROUPS + OPS), source=SOURCE)
    change_secret()
    assert reencrypt().alert_channels == 1

    change_secret(settings.SECRET_KEY, forget_older=True)
    assert AlertChannel.objects.get().url == URL
    change_secret("lost" * 10, forget_older=True)
    assert "alert channel 'ops'" in export_groups(mask=False).unreadable
    with pytest.raises(CannotReencrypt, match="the URL of alert channel 'ops'"):
        reencrypt()
