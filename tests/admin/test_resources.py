"""The admin's list of what belongs to keys."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from proxyapp.access import token_store
from proxyapp.access.token_store import Terms
from proxyapp.admin.records import resources as resources_page
from proxyapp.models import AuditEntry, Resource, audit
from tests.support.admin_pages import act, cells, page, said, superuser, text
from tests.support.pool_data import NOW, add_group, add_key
from tests.support.resources import add_resource
from tests.support.staff import staff

pytestmark = pytest.mark.django_db
LIST, CHANGE = "proxyapp_resource_changelist", "proxyapp_resource_change"


@pytest.fixture
def operator() -> Client:
    return superuser()


def names(html: str) -> list[str]:
    return cells(html, "name")


def test_the_list_shows_whose_each_is_the_newest_first(operator: Client):
    key = add_key(add_group("main"), "one")
    token, _ = token_store.create(Terms(name="laptop"), audit.START)
    with time_machine.travel(NOW - timedelta(minutes=30), tick=False):
        add_resource("files/a", key.pk, group_id=key.group_id, project="p", client_id=token.pk)
    with time_machine.travel(NOW, tick=False):
        add_resource("models/m/operations/o", 99, group_id=98, client_id=97)
        html = page(operator, LIST)

    assert names(html) == ["models/m/operations/o", "files/a"]
    assert cells(html, "kind") == ["models/*/operations", "files"]
    assert cells(html, "key") == ["key-99, removed", f"key-{key.pk}"]
    assert cells(html, "of_project") == ["-", "p"]
    assert cells(html, "group") == ["group 98, removed", "main"]
    assert cells(html, "token") == ["token 97, removed", "laptop"]
    assert cells(html, "made") == ["0 s ago", "30 min ago"]


def test_a_key_that_was_added_again_is_linked(operator: Client):
    again = add_key(add_group("main"), "one")
    add_resource("files/a", again.pk + 7, key_hash=again.key_hash)

    assert f"/apikey/{again.pk}/change/" in page(operator, LIST)


def test_the_page_of_one_has_the_same_and_its_times(operator: Client):
    key = add_key(add_group("main"), "one")
    with time_machine.travel(NOW, tick=False):
        row = add_resource("files/a", key.pk, group_id=key.group_id)
        shown = text(page(operator, CHANGE, row.pk))

    assert "files/a" in shown
    assert "2026-11-24 03:48:00 UTC" in shown
    assert "2026-11-24 04:48:00 UTC" in shown


def test_filters_and_the_search_by_beginnings(operator: Client):
    add_resource("files/abc", 1, group_id=1)
    add_resource("files/abd", 1, group_id=2)
    add_resource("cachedContents/abc", 1, group_id=2)

    assert names(page(operator, LIST, kind="cachedContents")) == ["cachedContents/abc"]
    assert names(page(operator, LIST, group="1")) == ["files/abc"]
    assert names(page(operator, LIST, group="x" * 30)) == []
    assert names(page(operator, LIST, q="files/ab")) == ["files/abd", "files/abc"]
    assert names(page(operator, LIST, q=" abc ")) == ["cachedContents/abc", "files/abc"]
    assert names(page(operator, LIST, q="%bc")) == []
    assert names(page(operator, LIST, q="files/ABC")) == []


def test_what_has_expired_is_not_listed(operator: Client):
    add_resource("files/old", expires_at=timezone.now().timestamp() - 1)

    assert names(page(operator, LIST)) == []


def test_a_page_asks_as_often_however_many_rows_it_has(operator: Client):
    counts = []
    for number in range(30):
        add_resource(f"files/{number}", number, group_id=number, client_id=number)
        if number in (1, 29):
            with CaptureQueriesContext(connection) as asked:
                page(operator, LIST)
            counts.append(len(asked))

    assert counts[0] == counts[1]


def test_what_is_forgotten_is_gone_and_in_the_audit_log(operator: Client):
    rows = [add_resource("files/a"), add_resource("files/b", 2)]
    add_resource("files/c")

    html = act(operator, "resource", "forget", [row.pk for row in rows])

    assert said(html) == [("success", "Forgot 2 of 2 selected resources.")]
    assert names(page(operator, LIST)) == ["files/c"]
    entries = AuditEntry.objects.order_by("label").values_list("action", "object_type", "label")
    assert list(entries) == [("forget", "resource", "files/a"), ("forget", "resource", "files/b")]
    assert AuditEntry.objects.get(label="files/b").detail == "made with key-2"


def test_one_whose_clock_was_ahead_is_forgotten_too(operator: Client):
    with time_machine.travel(timezone.now() + timedelta(minutes=5)):
        row = add_resource("files/a")

    act(operator, "resource", "forget", [row.pk])

    assert names(page(operator, LIST)) == []


def test_more_than_a_transaction_should_have_are_refused(
    operator: Client, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(resources_page, "MOST_FORGOTTEN", 1)
    rows = [add_resource("files/a"), add_resource("files/b")]

    html = act(operator, "resource", "forget", [row.pk for row in rows])

    assert said(html) == [
        ("error", "More than 1 are selected. Nothing was forgotten: filter first.")
    ]
    assert len(names(page(operator, LIST))) == 2


def test_who_may_only_look_is_offered_no_action_and_gets_none():
    viewer = staff("view_resource")
    row = add_resource()

    assert 'value="forget"' not in page(viewer, LIST)
    act(viewer, "resource", "forget", [row.pk])

    assert names(page(viewer, LIST)) == ["files/a"]
    assert Resource.objects.get().expires_at > timezone.now()
    assert AuditEntry.objects.count() == 0
