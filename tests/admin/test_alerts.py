"""The pages of alerts: a URL goes in and does not come out."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse

from proxyapp.alerts import sending
from proxyapp.models import AlertChannel, AuditEntry
from tests.support.admin_pages import page, rows, said, submit, superuser, text
from tests.support.roles import staff
from tests.support.webhook import Webhook, webhook

pytestmark = pytest.mark.django_db
FORM = {
    "name": "ops",
    "new_url": "",
    "level": "warning",
    "error_percent": "20",
    "slow_seconds": "60",
    "quiet_hours": "22:00-07:00",
    "time_zone": "Europe/Berlin",
    "urgent_passes": "on",
    "is_on": "on",
}
SECRET = "TOKEN-MARKER"
URL = f"json://user:{SECRET}@127.0.0.1:9/x"


@pytest.fixture
def operator() -> Client:
    return superuser()


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook() as found:
        yield found


def add(operator: Client, **fields: Any) -> str:
    return submit(operator, "proxyapp_alertchannel_add", data={**FORM, "new_url": URL, **fields})


def test_a_channel_is_added_edited_and_its_url_never_shown(operator: Client):
    pages = add(operator, kinds=["key_died", "spool"])
    channel = AlertChannel.objects.get()
    assert (channel.url, channel.kinds) == (URL, "key_died,spool")

    form = {**FORM, "kinds": ["no_key"], "quiet_hours": ""}
    AlertChannel.objects.update(story={"spoken_at": 7.0})
    pages += submit(operator, "proxyapp_alertchannel_change", channel.pk, data=form)
    pages += page(operator, "proxyapp_alertchannel_change", channel.pk)
    pages += page(operator, "proxyapp_alertchannel_changelist")
    channel.refresh_from_db()
    assert (channel.url, channel.kinds, channel.quiet_hours) == (URL, "no_key", "")
    assert channel.story == {"spoken_at": 7.0}
    assert "json://…" in text(pages)
    assert SECRET not in pages
    details = " ".join(AuditEntry.objects.values_list("detail", flat=True))
    assert "json://…" in details
    assert SECRET not in details


@pytest.mark.parametrize(
    ("field", "given", "problem"),
    [
        ("new_url", "", "Enter where alerts are to go."),
        ("new_url", "syslog://localhost", "must begin with a scheme that reaches a network"),
        ("new_url", "slack://short", "Apprise does not understand the URL"),
        ("new_url", "json://x/?template=/etc/passwd", "must not name a file"),
        ("quiet_hours", "22-7", "must be two times such as 22:00-07:00"),
        ("time_zone", "Berlin", "must be a time zone such as Europe/Berlin"),
        ("time_zone", "/etc/passwd", "must be a time zone such as Europe/Berlin"),
        ("error_percent", "0", "Enter a number from 1 to 100."),
        ("slow_seconds", "0", "Enter a number from 1 to 3600."),
    ],
)
def test_what_is_wrong_is_said(operator: Client, field: str, given: str, problem: str):
    assert problem in text(add(operator, **{field: given}))
    assert not AlertChannel.objects.exists()


def test_a_name_that_another_has_is_said_also_where_it_is_taken_at_the_same_moment(
    operator: Client, monkeypatch: pytest.MonkeyPatch
):
    AlertChannel.objects.create(name="OPS", url=URL)
    before = add(operator)
    monkeypatch.setattr(AlertChannel, "validate_constraints", lambda *_, **__: monkeypatch.undo())
    meanwhile = add(operator)

    for answer in (before, meanwhile):
        assert "This name is taken (case does not count)." in text(answer)
    assert AlertChannel.objects.count() == 1
    assert not AuditEntry.objects.filter(action="add").exists()


@pytest.mark.django_db(transaction=True)
def test_the_library_is_asked_about_a_url_in_no_transaction_and_for_who_may_save(
    operator: Client, monkeypatch: pytest.MonkeyPatch
):
    asked = []

    def problem_of(url: str) -> str:
        asked.append((url, connection.in_atomic_block))
        return ""

    monkeypatch.setattr("proxyapp.admin.alert_channels.model_admin.problem_of", problem_of)
    add(operator)
    channel = AlertChannel.objects.get()
    changed = {**FORM, "new_url": "json://other"}
    submit(operator, "proxyapp_alertchannel_change", channel.pk, data=changed)
    viewer = Client()
    viewer.force_login(User.objects.create(username="nobody", is_staff=True))
    viewer.post(reverse("admin:proxyapp_alertchannel_add"), changed)

    channel.refresh_from_db()
    assert channel.url == "json://other"
    assert asked == [(URL, False), ("json://other", False)]


def test_a_test_is_sent_and_what_became_of_it_said(operator: Client, hook: Webhook):
    channel = AlertChannel.objects.create(name="ops", url=hook.url)
    taken = submit(operator, "proxyapp_alertchannel_test", channel.pk, data={})
    hook.status = 500
    refused = submit(operator, "proxyapp_alertchannel_test", channel.pk, data={})

    assert said(taken) == [("success", "The service took the test.")]
    assert said(refused) == [
        ("error", "The test did not arrive. The service answered with status 500.")
    ]
    assert len(hook.told) == 2
    assert "secret" not in taken + refused


def test_a_test_that_waits_for_others_says_so_and_sends_nothing(
    operator: Client, hook: Webhook, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("proxyapp.alerts.sending._waiting", threading.BoundedSemaphore(1))
    channel = AlertChannel.objects.create(name="ops", url=hook.url)
    with sending._waiting:
        html = submit(operator, "proxyapp_alertchannel_test", channel.pk, data={})
        add(operator, name="other")

    assert said(html) == [("error", f"The test did not arrive. {sending.BUSY}")]
    assert hook.told == []
    assert not AuditEntry.objects.filter(detail="test sent").exists()
    assert AlertChannel.objects.count() == 1


@pytest.mark.parametrize(
    ("role", "may_see", "may_test", "may_change"),
    [("Viewer", True, False, False), ("Operator", True, True, False), ("Admin", True, True, True)],
)
def test_roles(role: str, may_see: bool, may_test: bool, may_change: bool, hook: Webhook):
    client = staff(role)
    channel = AlertChannel.objects.create(name="ops", url=hook.url)
    change = reverse("admin:proxyapp_alertchannel_change", args=[channel.pk])
    test = reverse("admin:proxyapp_alertchannel_test", args=[channel.pk])

    shown = client.get(change)
    assert (shown.status_code == 200) is may_see
    assert ("Send a test" in shown.content.decode()) is may_test
    assert "path-secret" not in shown.content.decode()
    assert client.post(test).status_code == (302 if may_test else 403)
    assert client.get(test).status_code == (405 if may_test else 403)
    client.post(change, {**FORM, "name": "other"})
    channel.refresh_from_db()
    assert (channel.name == "other") is may_change


def test_a_url_cannot_be_asked_for_by_its_letters(operator: Client):
    AlertChannel.objects.create(name="ops", url=URL)
    asked = operator.get(
        reverse("admin:proxyapp_alertchannel_changelist"), {"url__startswith": "json"}
    )
    assert asked.status_code in (302, 400)
    assert rows(page(operator, "proxyapp_alertchannel_changelist")) == 1
