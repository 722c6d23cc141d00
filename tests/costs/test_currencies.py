"""Another currency than that of the published prices, and since when amounts are in it."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from gateway import setting_checks
from proxyapp.access.budgets import cost_of_day, cost_of_month
from proxyapp.admin.parts.cost_figures import cost_figures
from proxyapp.config.exporting import export_groups
from proxyapp.config.file import ConfigError, parse
from proxyapp.config.importing import import_config
from proxyapp.costs.currencies import Change, currencies_of, currency_at, note_currency
from proxyapp.costs.present import present_book
from proxyapp.models import ClientToken, CurrencyChange, HourlyUsage, ModelPrice, TokenUsage
from proxyapp.operators.recent_costs import costs_of_key
from proxyapp.operators.request_texts import requests_json
from proxyapp.operators.token_report import token_report
from proxyapp.operators.usage_ranges import DayRange
from proxyapp.operators.usage_report import usage_report
from proxyapp.operators.usage_texts import usage_csv, usage_json
from proxyapp.provider.llm_tokens import LlmTokens
from tests.support.admin_pages import page, submit, superuser, text
from tests.support.client_tokens import add_token
from tests.support.logged_requests import log, made_record
from tests.support.pool_data import NOW, add_group, add_key

pytestmark = pytest.mark.django_db
TODAY = NOW.date()
MILLION = LlmTokens(1_000_000, 0)
SOURCE, GROUPS = Path("/config.yaml"), "groups: [{name: main, api_keys: [k1]}]\n"
FLASH = "gemini-2.5-flash"  # 0.30


@pytest.fixture
def euros(settings: Any) -> Any:
    settings.CURRENCY, settings.CURRENCY_RATE = "EUR", "0.9"
    return settings


def cost(model: str) -> int | None:
    price = present_book().of(model, NOW.timestamp())
    return None if price is None else price.cost_micros(MILLION)


def own(name: str, units: str, **more: str) -> None:
    ModelPrice.objects.create(name=name, terms={"input": units, "output": units, **more})


def spend(day: date, micros: int) -> int:
    token = add_token(f"of {day}").pk
    TokenUsage.objects.create(token_id=token, day=day, model="m", requests=1, cost_micros=micros)
    return token


def test_published_prices_are_converted_and_own_ones_are_what_they_say(euros: Any) -> None:
    own("here", "2.00", currency="EUR")
    own("there", "2.00")
    own("nowhere", "2.00", currency="GBP")

    costs = [cost(model) for model in (FLASH, "here", "there", "nowhere")]
    assert costs == [270_000, 2_000_000, 1_800_000, None]


def test_without_a_rate_own_prices_alone_count(euros: Any) -> None:
    euros.CURRENCY_RATE = ""
    own("here", "2.00", currency="EUR")
    own("there", "2.00")

    assert [cost(model) for model in (FLASH, "here", "there")] == [None, 2_000_000, None]
    html = text(page(superuser(), "prices"))
    assert "Published prices are in USD and do not count here: CURRENCY_RATE says nothing." in html
    assert "there in a currency that is not the gateway's: no price" in html


def test_a_file_is_in_the_gateways_currency_and_says_where_it_is_not(euros: Any) -> None:
    rows = "prices: {a: {input: 1, output: 2}, b: {input: 1, output: 2, currency: USD}}"
    import_config(parse(GROUPS + rows), source=SOURCE)

    kept = dict(ModelPrice.objects.values_list("name", "terms"))
    assert kept["a"]["currency"] == "EUR"
    assert "currency" not in kept["b"]
    exported = export_groups(mask=False).text
    assert exported.count("currency: USD") == 1
    assert "currency: EUR" not in exported
    assert not import_config(parse(exported), source=SOURCE).changed
    with pytest.raises(ConfigError, match=r"prices.a.currency: must be EUR or USD"):
        parse(GROUPS + "prices: {a: {input: 1, output: 2, currency: GBP}}")


def test_an_export_can_be_imported_after_the_currency_has_changed(euros: Any) -> None:
    rows = "prices: {a: {input: 1, output: 2}, b: {input: 1, output: 2, currency: USD}}"
    import_config(parse(GROUPS + rows), source=SOURCE)
    ModelPrice.objects.create(name="gratis", terms={"free": True})

    euros.CURRENCY = "USD"

    prices = parse(export_groups(mask=False).text).prices or ()
    assert [price.name for price in prices] == ["b", "gratis"]


def test_the_admin_asks_in_which_currency_a_price_is(euros: Any) -> None:
    operator = superuser()
    for chosen in ("EUR", "USD"):
        data = {"name": chosen, "input": "1", "output": "2", "currency": chosen}
        submit(operator, "proxyapp_modelprice_add", data=data)

    terms = {row.name: row.terms for row in ModelPrice.objects.all()}
    assert (terms["EUR"]["currency"], "currency" in terms["USD"]) == ("EUR", False)
    html = page(operator, "prices")
    assert "EUR for a million tokens" in text(html)
    assert "<td>0.27</td>" in html
    assert "Published prices are in USD, one of which is 0.9 EUR (CURRENCY_RATE)." in text(html)


def test_a_gateway_that_counted_nothing_yet_has_its_currency_from_the_beginning(
    euros: Any,
) -> None:
    assert str(note_currency(NOW)) == "EUR"

    assert currencies_of(TODAY - timedelta(400), TODAY).names == ("EUR",)


def test_a_change_is_noted_once_and_tells_earlier_amounts_apart(euros: Any) -> None:
    yesterday, tomorrow = TODAY - timedelta(1), TODAY + timedelta(1)
    spend(yesterday, 5)
    for _ in range(2):
        known = note_currency(NOW)
    assert CurrencyChange.objects.count() == 1

    change = Change(TODAY, "USD", "EUR")
    assert (known.changes, known.on(TODAY)) == ((change,), "USD, EUR")
    assert str(currencies_of(yesterday, yesterday)) == "USD"
    assert currencies_of(yesterday, tomorrow) == (("USD", "EUR"), (change,))
    assert currencies_of(tomorrow, tomorrow) == (("EUR",), ())
    assert [currency_at(NOW + timedelta(seconds=s)) for s in (-1, 0)] == ["USD", "EUR"]
    euros.CURRENCY = "USD"
    assert str(note_currency(NOW + timedelta(hours=1))) == "USD, EUR"
    assert currency_at(NOW + timedelta(hours=2)) == "USD"


@pytest.mark.parametrize("ahead", [timedelta(hours=21), timedelta(days=2000)])
def test_a_change_that_a_clock_ahead_has_dated_is_dated_anew(euros: Any, ahead: timedelta) -> None:
    yesterday = TODAY - timedelta(1)
    spent = spend(yesterday, 5)
    note_currency(NOW + ahead)

    known = note_currency(NOW)

    assert (str(known), known.on(TODAY + timedelta(1))) == ("USD, EUR", "EUR")
    assert CurrencyChange.objects.count() == 1
    assert cost_of_month([spent], NOW) == {}
    euros.CURRENCY = "USD"
    assert str(note_currency(NOW + timedelta(days=1))) == "EUR, USD"


def test_a_change_after_which_something_was_counted_stays_however_the_clock_is(euros: Any) -> None:
    spend(TODAY, 5)
    note_currency(NOW)

    note_currency(NOW - timedelta(days=2000))

    assert currencies_of(TODAY, TODAY).changes == (Change(TODAY, "USD", "EUR"),)


def test_a_change_comes_behind_the_one_before_it_though_the_clock_was_set_back(euros: Any) -> None:
    spend(TODAY, 5)
    note_currency(NOW)
    euros.CURRENCY = "USD"
    note_currency(NOW - timedelta(hours=1))

    assert str(currencies_of(TODAY + timedelta(1), TODAY + timedelta(1))) == "USD"


def test_a_day_after_the_currency_came_back_is_in_that_one(euros: Any) -> None:
    first, second = TODAY - timedelta(20), TODAY - timedelta(10)
    spend(first - timedelta(1), 5)
    note_currency(NOW - timedelta(20))
    euros.CURRENCY = "USD"
    note_currency(NOW - timedelta(10))
    euros.CURRENCY = "GBP"
    note_currency(NOW)

    month = currencies_of(first - timedelta(1), TODAY)
    days = (first - timedelta(1), first, second - timedelta(1), second, TODAY - timedelta(1), TODAY)
    assert [month.on(day) for day in days] == [
        *("USD", "USD, EUR", "EUR", "EUR, USD", "USD", "USD, GBP")
    ]


def test_budgets_count_what_was_spent_in_their_currency(euros: Any) -> None:
    at = datetime(2026, 11, 20, 12, tzinfo=UTC)
    earlier, later = spend(date(2026, 11, 19), 5), spend(date(2026, 11, 21), 7)
    assert cost_of_month([earlier, later], at) == {earlier: 5, later: 7}

    note_currency(at)

    assert cost_of_month([earlier, later], at) == {later: 7}
    assert cost_of_day([earlier], datetime(2026, 11, 19, tzinfo=UTC)) == {}


def test_a_report_over_a_change_says_so_and_one_before_it_is_in_the_old_currency(
    euros: Any,
) -> None:
    spend(TODAY - timedelta(1), 5)
    note_currency(NOW)
    days = DayRange(TODAY - timedelta(1), TODAY)
    over, before = (usage_report("client", each) for each in (days, DayRange(days[0], days[0])))

    assert usage_json(over)["currency"] == "USD, EUR"
    told = {"day": str(TODAY), "from": "USD", "to": "EUR"}
    assert usage_json(over)["currency_changes"] == [told]
    assert "cost_usd_eur" in usage_csv(over).splitlines()[0]
    assert (usage_json(before)["currency"], "currency_changes" in usage_json(before)) == (
        "USD",
        False,
    )
    since, until = map(str, days)
    asked = {"by": "client", "range": "days", "since": since, "until": until}
    html = superuser().get(reverse("admin:usage"), asked).content.decode()
    assert "Cost (USD, EUR)" in html
    assert f"{days[0]}: 1 requests, 0 succeeded; USD &lt; 0.0001" in html
    assert f"On {TODAY} the currency changed from USD to EUR" in text(html)


def test_a_client_token_says_in_which_currencies_its_sum_is(euros: Any) -> None:
    before = spend(TODAY - timedelta(1), 5)
    ClientToken.objects.update(created_at=NOW - timedelta(1))
    note_currency(NOW)
    later = add_token("later").pk
    ClientToken.objects.filter(pk=later).update(created_at=NOW + timedelta(1))

    rows = {row.token.pk: row.as_json() for row in token_report(ClientToken.objects.all(), NOW)}
    assert (rows[before]["cost_micros"], rows[before]["currency"]) == (5, "USD, EUR")
    assert rows[later]["currency"] == "EUR"


def test_a_request_says_which_currency_its_day_had(euros: Any) -> None:
    spend(TODAY - timedelta(1), 5)
    note_currency(NOW)
    days = [NOW + timedelta(days) for days in (-1, 0, 1)]
    rows = log(*(made_record(f"r-{day}", at=day.timestamp()) for day in days))

    told = [row["currency"] for row in requests_json(rows)]

    assert told == ["EUR", "USD, EUR", "USD"]


def test_what_a_key_cost_this_month_names_both_currencies(euros: Any) -> None:
    key = add_key(add_group(), "one")
    HourlyUsage.objects.create(key=key, hour=NOW, cost_micros=5)
    note_currency(NOW)

    costs = costs_of_key(key.pk, NOW + timedelta(days=1))

    assert dict(cost_figures(costs)) == {
        "Cost today (EUR)": "0.00",
        "Cost this month (USD, EUR)": "< 0.0001",
    }


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (setting_checks.currency, ("USD", "EUR"), ("", "eur", "EURO", "€", "E R")),
        (
            setting_checks.rate,
            ("1", "0.92", "25000", "0.000001", "1000000"),
            ("0", "-1", "1e3", "1.", "nan", "0.0000001", "1000001", "0,92"),
        ),
    ],
)
def test_what_the_settings_take(
    check: Callable[[str], str], good: tuple[str, ...], bad: tuple[str, ...]
) -> None:
    assert [text for text in good if check(text)] == []
    assert [text for text in bad if not check(text)] == []
