"""Tests of many keys in the background: how far they are, for every process, and what follows."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from proxyapp.models import ApiKey, AuditEntry, Group, KeyProbe
from proxyapp.operators.key_test_runs import STALLED, AnswerClock, BackgroundTests, progress_of
from tests.support.admin_pages import act, page, superuser, text
from tests.support.fake_upstream import FakeUpstream
from tests.support.pool_data import add_group, add_key, secret
from tests.support.staff import staff
from tests.support.waiting import wait_for

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def keys(upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch) -> list[ApiKey]:
    """The second of them is dead; more than two are tested in the background, two at a time."""
    monkeypatch.setattr("proxyapp.admin.keys.test_action.MAX_KEYS", 2)
    monkeypatch.setattr("proxyapp.operators.key_test_runs.PIECE", 2)
    group = add_group(target_url=upstream.url, auth="google")
    upstream.refuse(secret("two"), status=400, body="400_api_key_invalid")
    return [add_key(group, label) for label in ("one", "two", "three", "four", "five")]


def _no_thread(thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def finished(client: Client) -> str:
    wait_for(lambda: "Done:" in page(client, "key_test"))
    return text(page(client, "key_test"))


def test_any_number_is_tested_while_the_page_says_how_far_it_is(keys: list[ApiKey]):
    client = superuser()

    act(client, "apikey", "test_keys", [key.pk for key in keys])

    assert "5 of 5 tested." in finished(client)
    assert "4 work 1 dead, taken out of rotation 0 without a clear answer" in finished(client)
    assert ApiKey.objects.get(pk=keys[1].pk).status == "invalid"
    assert AuditEntry.objects.get().actor == "admin"


@pytest.mark.parametrize("action", ["disable_keys", "delete_selected"])
def test_the_dead_ones_are_disabled_or_deleted_from_there(keys: list[ApiKey], action: str):
    client = superuser()
    act(client, "apikey", "test_keys", [key.pk for key in keys])
    finished(client)
    html = page(client, "key_test")
    assert f'name="_selected_action" value="{keys[1].pk}"' in html
    assert html.count("_selected_action") == 1

    answer = act(client, "apikey", action, [keys[1].pk])

    if action == "disable_keys":
        assert ApiKey.objects.get(pk=keys[1].pk).status == "disabled"
    else:
        assert "1 key will be deleted" in text(answer)


def test_what_a_process_left_behind_is_said_and_goes_on(keys: list[ApiKey]):
    client, since = superuser(), timezone.now() - STALLED - timedelta(seconds=1)
    KeyProbe.objects.create(key=keys[0], outcome="works", answered_at=since)
    session = client.session
    session["key_test"] = [f"{keys[0].pk}-{keys[-1].pk}", since.isoformat()]
    session.save()
    assert "It stopped" in page(client, "key_test")
    assert "1 of 5 tested" in text(page(client, "key_test"))

    client.post(reverse("admin:key_test"))

    assert "4 of 4 tested" in finished(client)


def test_keys_that_are_gone_are_not_waited_for(keys: list[ApiKey]):
    ids = [key.pk for key in keys]
    ApiKey.objects.exclude(pk=ids[0]).delete()

    assert progress_of(ids, timezone.now()).total == 1


def test_one_test_at_a_time_runs_in_a_process(monkeypatch: pytest.MonkeyPatch):
    runs = BackgroundTests()
    runs._is_busy.acquire()

    assert runs.begin([1], print) is False


def test_a_test_that_cannot_begin_keeps_no_other_from_it(
    keys: list[ApiKey], monkeypatch: pytest.MonkeyPatch
):
    client, ids = superuser(), [key.pk for key in keys]
    with monkeypatch.context() as patched:
        patched.setattr("threading.Thread.start", _no_thread)
        answer = act(client, "apikey", "test_keys", ids)
    assert "the machine has no thread left" in text(answer)

    act(client, "apikey", "test_keys", ids)

    assert "5 of 5 tested" in finished(client)


def test_a_clock_that_was_set_back_neither_stalls_the_page_nor_hides_a_process_that_ended(
    keys: list[ApiKey], monkeypatch: pytest.MonkeyPatch
):
    """Before the test, of which an old answer tells, and while it goes on."""
    client, wall = superuser(), timezone.now()
    monkeypatch.setattr("django.utils.timezone.now", lambda: wall)
    KeyProbe.objects.create(key=keys[0], outcome="dead", answered_at=wall + timedelta(hours=1))
    clock = AnswerClock([key.pk for key in keys])
    assert progress_of([key.pk for key in keys], clock.since).done == 0
    wall -= timedelta(hours=2)
    KeyProbe.objects.filter(key=keys[0]).update(answered_at=clock.now())
    session = client.session
    session["key_test"] = [f"{keys[0].pk}-{keys[-1].pk}", clock.since.isoformat()]
    session.save()

    assert "Under way" in page(client, "key_test")
    assert "1 of 5 tested" in text(page(client, "key_test"))
    wall += STALLED + timedelta(seconds=1)
    assert "It stopped" in page(client, "key_test")


def test_the_page_asks_for_its_part_alone_while_it_goes_on(keys: list[ApiKey]):
    client, since = superuser(), timezone.now()
    session = client.session
    session["key_test"] = [f"{keys[0].pk}-{keys[-1].pk}", since.isoformat()]
    session.save()
    whole = page(client, "key_test")
    part = client.get(reverse("admin:key_test"), {"part": ""}).content.decode()

    assert '<noscript><meta http-equiv="refresh" content="2"></noscript>' in whole
    assert "keytest" in whole
    assert "data-is-running" in part
    assert "<html" not in part
    assert len(part) < 1500


def test_who_may_only_look_sees_no_test():
    answer = staff("view_apikey").get(reverse("admin:key_test"))

    assert answer.status_code == 403


def test_bulk_added_keys_are_tested_at_once(upstream: FakeUpstream):
    group, client = add_group(target_url=upstream.url, auth="google"), superuser()
    new = [secret("six"), secret("seven")]
    form: dict[str, Any] = {"group": group.pk, "text": "\n".join(new)}
    review = client.post(reverse("admin:proxyapp_apikey_bulk_add"), form)
    carried = review.context["carried"]

    client.post(
        reverse("admin:proxyapp_apikey_bulk_add"),
        {"carried": carried, "take": ["0", "1"], "test": "yes"},
    )

    assert "2 of 2 tested" in finished(client)
    assert Group.objects.get().keys.count() == 2
