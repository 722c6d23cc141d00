"""The page of one key: how it stands, its buttons, its usage and its events."""

import re
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.urls import reverse

from proxyapp.admin.keys.usage import MOST_MODELS, usage_of_key
from proxyapp.admin.parts.cells import compact, rate
from proxyapp.admin.parts.svg_charts import ChartBar, bar_chart, sparkline
from proxyapp.ledger.model_names import OTHERS
from proxyapp.models import ApiKey, AuditEntry, DailyUsage, RateLimitEvent
from proxyapp.provider.probing import ProbeOutcome
from proxyapp.upstream.key_probe import ProbeResult
from proxyapp.vocabulary.choices import KeyStatus
from tests.support.admin_pages import page, said, superuser, text, value
from tests.support.pool_data import (
    NOW,
    add_group,
    add_key,
    condemn,
    cool,
    pool_version,
    secret,
    use,
)
from tests.support.staff import staff

pytestmark = pytest.mark.django_db

LOOKS = ("view_apikey", "view_hourlyusage", "view_ratelimitevent", "view_auditentry")


@pytest.fixture
def operator() -> Client:
    return superuser()


def shown(operator: Client, key: ApiKey) -> str:
    with time_machine.travel(NOW, tick=False):
        return page(operator, "proxyapp_apikey_change", key.pk)


def press(operator: Client, key: ApiKey, command: str, **data: str) -> str:
    """The page that follows."""
    answer = operator.post(
        reverse(f"admin:proxyapp_apikey_{command}", args=[key.pk]), data, follow=True
    )
    assert answer.status_code == 200
    return answer.content.decode()


def section(html: str, heading: str) -> str:
    found = re.search(rf'<section[^>]*aria-labelledby="{heading}">(.*?)</section>', html, re.DOTALL)
    assert found, heading
    return found[1]


def buttons(html: str) -> list[str]:
    return re.findall(r'name="command" value="(\w+)"', html)


# How it stands.


def test_the_page_shows_the_state_with_its_countdown_and_every_model_that_is_out(operator: Client):
    key = add_key(add_group(), "one", project="p & 1")
    cool(key, NOW + timedelta(hours=3))
    for number in range(4):
        cool(key, NOW + timedelta(seconds=30), model=f"model-{number}")

    html = shown(operator, key)

    state = "cooling 3 h daily policy, until 2026-11-24 06:48 UTC"
    assert f"{state} model-0 out for 30 s (daily policy)" in text(html)
    models = text(html[html.index("<details") : html.index("</details>")])
    assert models.startswith("All 4 models that are out")
    assert "model-3 out for 30 s (daily policy)" in models
    assert f'data-key-id="{key.pk}"' in html


def test_the_page_leads_to_all_that_is_known_of_the_key(operator: Client):
    key = add_key(add_group(), "one", project="p & 1")

    html = shown(operator, key).replace("&amp;", "&")

    for link in (
        f"/admin/proxyapp/ratelimitevent/?key={key.pk}",
        f"/admin/proxyapp/ratelimitevent/?key={key.pk}&cooldown=active",
        "/admin/proxyapp/ratelimitevent/?project=p+%26+1",
        f"/admin/proxyapp/hourlyusage/?key={key.pk}",
        f"/admin/proxyapp/auditentry/?object=key%3A{key.pk}",
        f"/admin/proxyapp/apikey/{key.pk}/history/",
    ):
        assert f'"{link}"' in html


def test_the_page_of_a_key_without_a_project_leads_to_no_projects_events(operator: Client):
    assert "?project=" not in shown(operator, add_key(add_group(), "one"))


def test_the_page_of_an_invalid_key_says_what_the_provider_said(operator: Client):
    key = add_key(add_group(), "one")
    condemn(key)

    html = shown(operator, key)

    assert "invalid API key expired." in text(html)
    assert value(html, "Status reason") == "API key expired."


def test_a_key_that_is_new_or_gone_has_no_panels(operator: Client):
    assert "key-panel" not in page(operator, "proxyapp_apikey_add")
    assert operator.get(reverse("admin:proxyapp_apikey_change", args=[999])).status_code == 302


# Usage.


def test_usage_of_the_last_two_weeks_is_shown_by_model_and_day(operator: Client):
    key = add_key(add_group(), "one")
    use(key, NOW, "flash", requests=10, succeeded=9, prompt_tokens=2000, output_tokens=30)
    use(key, NOW - timedelta(hours=2), "flash", requests=5, succeeded=5, prompt_tokens=500)
    use(key, NOW - timedelta(days=13), "pro", requests=1500)
    use(key, NOW - timedelta(days=14), "pro", requests=70)

    usage = section(shown(operator, key), "key-usage")

    assert (
        "pro 1.5 k 0 % 0 / 0 1.5 k flash 15 93.3 % 2.5 k / 30 15 All models 1.51 k 0.9 % 2.5 k / 30"
        " 1.5 k 15" in text(usage)
    )
    assert 'title="15 requests, 14 succeeded, 0 rate-limited; 2,500 tokens in, 30 out"' in usage
    assert 'aria-label="1,515 requests in 14 days"' in usage
    assert "<title>Nov 24: 15 requests" in usage


def test_what_of_the_tokens_was_cached_thought_or_of_tools_is_shown(operator: Client):
    key = add_key(add_group(), "one")
    parts = {"cached_tokens": 1500, "thought_tokens": 300, "tool_use_tokens": 20}
    use(key, NOW, "flash", requests=1, prompt_tokens=2000, output_tokens=400, **parts)

    html = shown(operator, key)
    usage = section(html, "key-usage")

    assert "2 k / 400 1,500 cached, 20 of tools, 300 thoughts" in text(usage)
    assert "2,000 tokens in (1,500 cached, 20 of tools), 400 out (300 thoughts)" in usage
    assert 'title="2,000, of which 1,500 cached, 20 of tools"' in html
    assert 'title="400, of which 300 thoughts"' in html


def test_hours_that_have_become_days_are_in_the_table(operator: Client):
    key, other = (add_key(add_group(name), name) for name in ("one", "two"))
    use(key, NOW - timedelta(days=3), "pro", requests=1)
    for of, day, requests in ((key, 3, 2), (key, 13, 4), (key, 14, 8), (other, 3, 16)):
        DailyUsage.objects.create(
            key=of, day=(NOW - timedelta(days=day)).date(), model="pro", requests=requests
        )

    usage = usage_of_key(key.pk, NOW)

    assert usage.days[0] == date(2026, 11, 11)
    assert [counts.requests for counts in usage.models[0].days] == [4, *[0] * 9, 3, 0, 0, 0]
    assert usage.total.total.requests == 7


def test_endless_models_are_one_row_of_the_table(operator: Client):
    key = add_key(add_group(), "one")
    for number in range(MOST_MODELS + 20):
        use(key, NOW, f"m{number:02}", requests=2)
    use(key, NOW, OTHERS, requests=100)

    usage = usage_of_key(key.pk, NOW)

    assert len(usage.models) == MOST_MODELS + 1
    assert [row.model for row in usage.models].count(OTHERS) == 1
    assert usage.models[-1].total.requests == 140
    assert usage.total.total.requests == 2 * (MOST_MODELS + 20) + 100


def test_a_key_that_was_not_used_says_so(operator: Client):
    assert "Not used in these days." in section(
        shown(operator, add_key(add_group(), "one")), "key-usage"
    )


# Events.


def test_the_last_twenty_events_of_the_key_are_listed_newest_first(operator: Client):
    group = add_group()
    key, other = add_key(group, "one"), add_key(group, "two")
    events = [
        cool(key, NOW + timedelta(hours=1, minutes=number), model=f"m-{number:02}")
        for number in range(25)
    ]
    cool(other, NOW)

    listed = section(shown(operator, key), "key-events")

    assert re.findall(r"<td>(m-\d\d)</td>", listed) == [
        f"m-{number:02}" for number in reversed(range(5, 25))
    ]
    assert f"/admin/proxyapp/ratelimitevent/{events[-1].pk}/change/" in listed


def test_an_event_says_how_long_it_holds_the_key_or_when_that_was_over(operator: Client):
    key = add_key(add_group(), "one")
    cool(key, NOW + timedelta(hours=1), kind="active")
    cool(key, NOW - timedelta(hours=1), kind="over")
    released = cool(key, NOW + timedelta(hours=2), kind="released")
    RateLimitEvent.objects.filter(pk=released.pk).update(released_at=NOW)
    condemn(key, NOW - timedelta(days=7))

    listed = text(section(shown(operator, key), "key-events"))

    assert "active 429 all 1 h , until 2026-11-24 04:48 UTC" in listed
    assert "over 429 all until 2026-11-24 02:48 UTC" in listed
    assert "released 429 all released 2026-11-24 03:48 UTC" in listed
    assert "dead key 429 all —" in listed


# Buttons.


@pytest.mark.parametrize(
    ("status", "is_cooling", "offered"),
    [
        ("active", False, ["test", "disable"]),
        ("active", True, ["test", "release", "disable"]),
        ("disabled", False, ["test", "enable"]),
        ("invalid", False, ["test", "enable", "disable"]),
    ],
)
def test_the_page_offers_what_makes_sense(
    operator: Client, status: str, is_cooling: bool, offered: list[str]
):
    key = add_key(add_group(), "one", status=status)
    if is_cooling:
        cool(key, NOW + timedelta(hours=1))

    assert buttons(shown(operator, key)) == offered


@pytest.mark.parametrize(
    ("command", "before", "after", "told"),
    [
        ("release", "active", "active", "The key is released: its cooldowns are over."),
        ("disable", "active", "disabled", "The key is disabled."),
        ("enable", "disabled", "active", "The key is enabled."),
    ],
)
def test_a_button_does_what_it_says_and_every_process_hears_of_it(
    operator: Client, command: str, before: str, after: str, told: str
):
    group = add_group()
    key, _ = add_key(group, "one", status=before), add_key(group, "two")
    cool(key, NOW + timedelta(hours=1))
    version = pool_version()

    with time_machine.travel(NOW, tick=False):
        html = press(operator, key, command)

    assert said(html) == [("success", told)]
    assert ApiKey.objects.get(pk=key.pk).status == after
    assert RateLimitEvent.objects.active(NOW).exists() == (command != "release")
    assert pool_version() > version
    assert AuditEntry.objects.get().action == command
    assert LogEntry.objects.get().object_id == str(key.pk)


@pytest.mark.parametrize("command", ["release", "enable"])
def test_a_button_that_changes_nothing_says_so(operator: Client, command: str):
    key = add_key(add_group(), "one")

    ((level, _),) = said(press(operator, key, command))

    assert level == "warning"
    assert not AuditEntry.objects.exists()


def test_the_last_available_key_is_disabled_only_after_a_question(operator: Client):
    key = add_key(add_group(), "one")

    question = press(operator, key, "disable")
    asked = ApiKey.objects.get().status
    html = press(operator, key, "disable", confirmed="yes")

    assert "No key will be available" in question
    assert f'href="/admin/proxyapp/apikey/{key.pk}/change/"' in question
    assert asked == "active"
    assert said(html) == [("success", "The key is disabled.")]
    assert ApiKey.objects.get().status == "disabled"


def test_a_test_from_the_page_says_what_the_provider_said(
    operator: Client, monkeypatch: pytest.MonkeyPatch
):
    key = add_key(add_group(), "one", status=KeyStatus.INVALID)
    works = ProbeResult(key.pk, ProbeOutcome.WORKS, 200, "works")
    monkeypatch.setattr("proxyapp.upstream.key_probe.probe_keys", lambda ids: [works])

    html = press(operator, key, "test")

    assert said(html) == [
        ("success", "Key AIza…0one: 200, works; it was invalid and is enabled again")
    ]
    assert ApiKey.objects.get().status == "active"


@pytest.mark.parametrize("command", ["test", "release", "disable", "enable"])
def test_a_get_changes_nothing_and_leads_to_the_page(
    operator: Client, command: str, monkeypatch: pytest.MonkeyPatch
):
    key = add_key(add_group(), "one", status="disabled" if command == "enable" else "active")
    cool(key, NOW + timedelta(days=9999))
    monkeypatch.setattr("proxyapp.upstream.key_probe.probe_keys", lambda _: pytest.fail("asked"))
    version = pool_version()

    answer = operator.get(reverse(f"admin:proxyapp_apikey_{command}", args=[key.pk]))

    assert (answer.status_code, answer["Location"]) == (
        302,
        f"/admin/proxyapp/apikey/{key.pk}/change/",
    )
    assert pool_version() == version


def test_a_button_without_the_token_against_forgery_is_refused():
    key = add_key(add_group(), "one")
    client = Client(enforce_csrf_checks=True)
    client.cookies = superuser().cookies

    assert client.post(reverse("admin:proxyapp_apikey_disable", args=[key.pk])).status_code == 403
    assert ApiKey.objects.get().status == "active"


def test_a_button_for_a_key_that_is_gone_finds_nothing(operator: Client):
    assert operator.post(reverse("admin:proxyapp_apikey_disable", args=[999])).status_code == 404


# Who may only look.


def test_who_may_only_look_sees_everything_but_the_secret_and_has_no_buttons():
    key = add_key(add_group(), "MARKER", name="first", project="p")
    cool(key, NOW + timedelta(hours=1), model="pro")
    use(key, requests=5)
    viewer = staff(*LOOKS)

    html = shown(viewer, key)

    assert "pro out for 1 h (daily policy)" in text(html)
    assert section(html, "key-usage")
    assert section(html, "key-events")
    assert key.masked in html
    assert buttons(html) == []
    for absent in (
        secret("MARKER"),
        "new_secret",
        "New secret",
        "_save",
        "Show the key",
        "Delete API key",
    ):
        assert absent not in html


@pytest.mark.parametrize("command", ["test", "release", "disable", "enable"])
def test_who_may_only_look_presses_no_button(command: str):
    key = add_key(add_group(), "one")

    assert (
        staff(*LOOKS).post(reverse(f"admin:proxyapp_apikey_{command}", args=[key.pk])).status_code
        == 403
    )


def test_who_may_see_keys_only_gets_no_panel_of_usage_or_events():
    html = shown(staff("view_apikey"), add_key(add_group(), "one"))

    for absent in ("key-usage", "key-events", "ratelimitevent", "hourlyusage", "auditentry"):
        assert absent not in html


def test_the_page_takes_the_same_number_of_queries_for_any_amount_of_usage(
    operator: Client, django_assert_max_num_queries: Any
):
    key = add_key(add_group(), "one")
    shown(operator, key)  # the first page notes in the session that it was opened
    with django_assert_max_num_queries(15) as for_nothing:
        shown(operator, key)
    for number in range(30):
        cool(key, NOW + timedelta(hours=1), model=f"m-{number}")
        use(key, NOW - timedelta(hours=number), f"m-{number}", requests=1)

    with django_assert_max_num_queries(len(for_nothing.captured_queries)):
        shown(operator, key)


def test_a_key_that_no_secret_opens_still_has_a_page(operator: Client):
    key = add_key(add_group(), "one")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE proxyapp_apikey SET secret = 'gAAAA-of-another-secret'")

    assert "cannot be decrypted" in shown(operator, key)


# Numbers and charts.


@pytest.mark.parametrize(
    ("number", "short"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1 k"),
        (12_345, "12.3 k"),
        (999_499, "999 k"),
        (999_500, "1 M"),
        (4_560_000, "4.56 M"),
    ],
)
def test_a_number_has_three_digits_at_most(number: int, short: str):
    assert compact(number) == short


@pytest.mark.parametrize(
    ("part", "whole", "shown_as"),
    [(0, 0, "—"), (1, 1, "100 %"), (9999, 10_000, "99.9 %"), (1, 3, "33.3 %"), (0, 5, "0 %")],
)
def test_only_all_of_it_is_a_hundred_percent(part: int, whole: int, shown_as: str):
    assert rate(part, whole) == shown_as


def test_a_sparkline_is_as_high_as_its_highest_value_and_shows_the_least_one():
    drawn = sparkline([0, 1, 1000], "1,001 <requests>")

    assert 'd="M4 19v-1h3v1zM8 19v-19h3v19z"' in drawn
    assert 'aria-label="1,001 &lt;requests&gt;"' in drawn


def test_a_sparkline_of_nothing_is_a_line():
    assert '<path d=""/>' in sparkline([0, 0], "0 requests")


def test_a_bar_has_what_went_well_below_and_the_rest_on_top():
    drawn = bar_chart([ChartBar(1, 4, "<one>"), ChartBar(0, 0, "none")], "4 requests")

    assert '<rect class="bar-chart-rest" x="3" y="0.00" width="14" height="75.00"/>' in drawn
    assert '<rect class="bar-chart-part" x="3" y="75.00" width="14" height="25.00"/>' in drawn
    assert "<title>&lt;one&gt;</title>" in drawn
    assert drawn.count("bar-chart-part") == 1
