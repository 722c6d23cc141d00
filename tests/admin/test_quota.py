"""The page of quotas."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from proxyapp.admin.records import quota
from tests.support.admin_pages import page, superuser, text
from tests.support.pool_data import add_group, add_key, cool, secret, use
from tests.support.staff import staff

pytestmark = pytest.mark.django_db
FLASH = "gemini-2.5-flash"
NOW = datetime(2026, 11, 24, 22, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def at_now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def operator() -> Client:
    return superuser()


def fill(name: str, used: int, limit: int = 100, **fields: str) -> None:
    group = add_group(name, limits={"gemini-*": {"requests_per_day": limit}}, tier="free")
    key = add_key(group, name, project=name, **fields)
    use(key, NOW, FLASH, succeeded=used)
    cool(key, NOW + timedelta(hours=1), model=FLASH, project=name)


def test_it_shows_what_is_used_where_the_limit_comes_from_and_when_it_is_back(operator: Client):
    fill("alpha", 100)

    html = page(operator, "quota")

    shown = text(html)
    assert "100 of 100 requests/day (100 %) group alpha not 250 (tier free)" in shown
    assert "used up; back at 2026-11-25 08:00:00 UTC" in shown
    assert "0 of 10 requests/min (0 %) tier free" in shown
    assert "cooling until 2026-11-24 23:30:00 UTC" in shown
    assert f'href="{reverse("admin:proxyapp_apikey_changelist")}?project=alpha"' in html
    assert secret("alpha") not in html
    for link in ("apikey_changelist", "ratelimitevent_changelist"):
        listed = operator.get(reverse(f"admin:proxyapp_{link}"), {"project": "alpha"})
        assert listed.status_code == 200


def test_rows_are_chosen_and_paged_and_the_fullest_comes_first(
    operator: Client, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(quota, "ROWS", 1)
    fill("alpha", 20)
    fill("beta", 90)

    assert "90 of 100" in page(operator, "quota")
    assert "20 of 100" not in page(operator, "quota")
    assert "20 of 100" in page(operator, "quota", p="2")
    assert "Page 2 of 2, 2 rows" in text(page(operator, "quota", p="9"))
    assert "20 of 100" in page(operator, "quota", project="alpha", p="1")
    assert "Page" not in text(page(operator, "quota", nearly="on"))
    assert "90 of 100" in page(operator, "quota", nearly="on", group="x" * 999)


def test_nothing_is_said_in_words(operator: Client):
    assert "Nothing was used today, and no model has a limit here." in text(page(operator, "quota"))


def test_names_are_text(operator: Client):
    fill("<b>x</b>", 1)
    assert "<b>x" not in page(operator, "quota")


def test_who_may_see_usage_sees_it_and_others_do_not():
    fill("alpha", 20)
    viewer = staff("view_hourlyusage")
    html = page(viewer, "quota")
    assert "project alpha" in html
    assert reverse("admin:proxyapp_apikey_changelist") + "?" not in html
    assert staff("view_group", name="other").get(reverse("admin:quota")).status_code == 403
