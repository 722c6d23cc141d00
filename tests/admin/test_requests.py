"""The pages of clients' requests."""

import csv
import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.safestring import mark_safe

from proxyapp.admin.parts.badges import badge
from proxyapp.admin.records import requests, requests_file
from proxyapp.models import RateLimitEvent, RequestLogGap
from proxyapp.models.request_log import MOST_MODEL
from proxyapp.requests.record import ClientOutcome
from tests.support.admin_pages import page, superuser, text
from tests.support.client_tokens import add_token
from tests.support.logged_requests import log, made_attempt, made_record
from tests.support.pool_data import NOW, add_group, add_key, cool
from tests.support.staff import staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator() -> Client:
    return superuser()


def test_a_request_tells_which_key_refused_it_and_what_its_client_saw(operator: Client):
    key = add_key(add_group("main"), "one", name="first")
    token = add_token("laptop")
    tried = [made_attempt(key.pk, "daily", 429), made_attempt(999, "server", 500, key_name="gone")]
    (row,) = log(
        made_record(
            "r-7", 503, client_id=token.pk, attempts=tried, outcome=ClientOutcome.NO_KEY, error="X"
        )
    )

    html = page(operator, "requests", client="laptop", status="5xx")
    assert "503 no key laptop gemini-2.5-flash generate gone, removed after 1 other" in text(html)
    url = reverse("admin:request", args=[row.id])
    assert f'href="{url}"' in html

    shown = page(operator, "request", row.id)
    words = text(shown)
    assert "No key was left that could answer" in words
    assert "The gateway said X" in words
    assert "2 attempts" in words
    for link, other in (("apikey", key.pk), ("clienttoken", token.pk)):
        assert f'href="{reverse(f"admin:proxyapp_{link}_change", args=[other])}"' in shown


def test_pages_follow_each_other(operator: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(requests, "ROWS", 1)
    newer, older = log(made_record("r-1"), made_record("r-2", at=NOW.timestamp() + 9e6))

    first = page(operator, "requests", model="gemini-2.5-flash")

    assert newer.request_id in first
    assert f"before={newer.id}" in first
    second = page(operator, "requests", before=newer.id)
    assert older.request_id in second
    assert "before=" not in second
    here = f"http://testserver{reverse('admin:requests')}?before={newer.id}"
    switched = operator.post("/admin/language/", {"language": "en"}, headers={"referer": here})
    assert switched["Location"] == here


def test_it_says_how_many_are_not_in_the_log(operator: Client):
    RequestLogGap.objects.create(minute=NOW, requests=1_234, failures=5)

    assert "1,234 more requests of this time, 5 of which failed" in text(page(operator, "requests"))


def test_what_cannot_be_chosen_is_said_at_its_field(operator: Client):
    html = page(operator, "requests", since="soon", status="999", client="nobody", before="x" * 99)

    assert "is no time such as" in text(html)
    assert "is no status such as" in text(html)


@pytest.mark.parametrize("mode", ["off", "errors"])
def test_it_says_what_is_not_logged(operator: Client, settings: object, mode: str):
    setattr(settings, "REQUEST_LOG", mode)  # noqa: B010

    assert "REQUEST_LOG" in page(operator, "requests")


def test_a_page_of_many_rows_draws_each_label_once(operator: Client):
    log(*(made_record(f"r-{n}", 503 if n % 2 else 200, at=NOW.timestamp() + n) for n in range(50)))
    badge.cache_clear()

    page(operator, "requests")

    assert badge.cache_info().misses == 2
    assert "&lt;b&gt;" in badge("<b>")
    assert "<b>" in badge(mark_safe("<b>"))


def test_what_a_client_wrote_is_text_and_a_full_page_is_short(operator: Client):
    hostile = "<script>alert(1)</script>" * 400
    log(*(made_record(f"{n}-{hostile}", model=hostile, at=NOW.timestamp() + n) for n in range(120)))

    html = page(operator, "requests")

    assert "<script>alert" not in html
    assert len(html) < 150_000


def test_a_cost_has_its_currency_and_the_longest_model_can_be_chosen(operator: Client):
    model = "m" * MOST_MODEL
    (row,) = log(made_record("r-1", model=model, cost_micros=1_234))

    assert row.request_id in page(operator, "requests", model=model)
    assert "Cost USD 0.001234" in text(page(operator, "request", row.id))


def test_only_who_may_sees_requests():
    (row,) = log(made_record())
    urls = [reverse("admin:request", args=[row.id])]
    urls += [reverse(f"admin:{name}") for name in ("requests", "requests_csv")]
    for permissions, status in (([], 403), (["view_requestlogentry"], 200)):
        client = staff(*permissions, name=f"may {permissions}")
        for url in urls:
            assert client.get(url).status_code == status


def test_one_that_is_gone_is_no_error(operator: Client):
    assert operator.get(reverse("admin:request", args=[10**30])).status_code == 404


def test_an_event_a_key_and_a_token_lead_to_their_requests(operator: Client):
    key, token = add_key(add_group("main"), "one"), add_token("laptop")
    event = cool(key, NOW)
    RateLimitEvent.objects.filter(pk=event.pk).update(request_id="r-<7>")
    links = {
        "proxyapp_ratelimitevent_change": (event.pk, "id=r-%3C7%3E"),
        "proxyapp_apikey_change": (key.pk, f"key={key.pk}"),
        "proxyapp_clienttoken_change": (token.pk, f"client={token.pk}"),
    }

    for name, (row, query) in links.items():
        assert f'href="{reverse("admin:requests")}?{query}"' in page(operator, name, row)


def test_the_csv_has_what_the_page_chooses(operator: Client, monkeypatch: pytest.MonkeyPatch):
    token = add_token("laptop")
    formula = made_record("r-1", 503, model="=1+1", client_id=token.pk, cost_micros=1_500_000)
    log(
        formula,
        made_record("r-2", 503, at=NOW.timestamp() + 9e6, cost_micros=None),
        made_record("r-3"),
    )
    asked = {"status": "5xx", "before": "7"}
    link = re.search(r'href="([^"]+requests\.csv\?[^"]+)"', page(operator, "requests", **asked))
    assert link

    answer = operator.get(link[1], headers={"accept-language": "zh-hans"})
    monkeypatch.setattr(requests_file, "MOST", 1)
    newest = operator.get(link[1])

    rows = list(csv.DictReader(answer.content.decode().splitlines()))
    assert [row["id"] for row in rows] == ["r-2", "r-1"]
    assert rows[1]["model"] == "'=1+1"
    assert (rows[1]["client"], rows[1]["outcome"], rows[1]["cost_usd"]) == (
        *("laptop", "upstream", "1.50"),
    )
    assert rows[0]["cost_usd"] == ""
    assert answer["Content-Disposition"] == 'attachment; filename="requests.csv"'
    assert newest["Content-Disposition"] == 'attachment; filename="requests-newest.csv"'
    assert newest.content.count(b"r-") == 1


def test_a_csv_of_what_cannot_be_chosen_leads_back_to_the_page(operator: Client):
    answer = operator.get(reverse("admin:requests_csv"), {"since": "soon"})

    assert answer["Location"] == f"{reverse('admin:requests')}?since=soon"
