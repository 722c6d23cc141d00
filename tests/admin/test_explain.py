"""The page that says which key would answer."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from proxyapp.access import token_store
from proxyapp.access.token_store import Terms
from proxyapp.admin.records import explain
from proxyapp.models import audit
from tests.support.admin_pages import page, submit, superuser, text
from tests.support.pool_data import add_group, add_key, cool, secret
from tests.support.staff import staff

pytestmark = pytest.mark.django_db
FLASH = "gemini-2.5-flash"


@pytest.fixture
def operator() -> Client:
    return superuser()


def asked(operator: Client, **fields: str) -> str:
    return submit(operator, "explain", data={"model": FLASH, "group": "", "token": "", **fields})


def test_it_names_the_next_key_and_why_the_others_are_out(operator: Client):
    group = add_group()
    add_key(group, "aaaa", name="laptop")
    event = cool(add_key(group, "bbbb", name="phone"), datetime.now(UTC) + timedelta(hours=1))

    html = asked(operator)

    shown = text(html)
    assert "Next: laptop of group main, for gemini-2.5-flash: its turn by the cursor" in shown
    assert f"{FLASH} (asked for): 1 of 2 keys can answer" in shown
    assert reverse("admin:proxyapp_ratelimitevent_change", args=[event.pk]) in html
    assert secret("aaaa") not in html
    assert text(page(operator, "explain", model=FLASH)).count("laptop") == shown.count("laptop")


def test_long_lists_end_with_how_many_more_there_are(
    operator: Client, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(explain, "MOST_KEYS", 1)
    group = add_group()
    for name in ("aaaa", "bbbb", "cccc"):
        add_key(group, name)
    assert "and 2 more" in text(asked(operator))


def test_a_token_that_is_pasted_whole_is_never_given_back(operator: Client):
    add_key(add_group(), "aaaa", name="laptop")
    _, whole = token_store.create(Terms(name="app"), audit.command("test"))
    html = asked(operator, token=whole)
    assert "Next: laptop" in text(html)
    assert whole not in html
    unknown = "gk-" + "x" * 43
    html = asked(operator, token=unknown)
    assert "No token fits" in html
    assert unknown not in html
    assert whole not in page(operator, "explain", model=FLASH, token=whole).split("<form")[1]


def test_what_is_wrong_is_said(operator: Client):
    add_key(add_group(), "aaaa")
    assert "There is no group 'nobody'." in text(asked(operator, group="nobody"))
    assert "This field is required" in asked(operator, model="")
    assert "<b>x" not in asked(operator, model="<b>x</b>", group="<b>x</b>")


def test_who_may_see_keys_sees_it_without_the_tokens_that_he_may_not_see():
    add_key(add_group(), "aaaa", name="laptop")
    viewer = staff("view_apikey")
    assert "Client token" not in page(viewer, "explain")
    assert "Next: laptop" in text(asked(viewer, token="1"))
    other = staff("view_hourlyusage", name="other")
    assert other.get(reverse("admin:explain")).status_code == 403
