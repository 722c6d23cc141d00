"""What a config file sets of prices."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import yaml

from proxyapp.config.apply_prices import apply_prices
from proxyapp.config.exporting import export_groups
from proxyapp.config.file import ConfigError, parse
from proxyapp.config.importing import apply_changes, import_config
from proxyapp.config.report import Report
from proxyapp.models import AuditEntry, ModelPrice
from proxyapp.vocabulary.price_fields import PriceSettings
from proxyapp.vocabulary.price_terms import MOST_PRICES
from tests.support.pool_data import pool_version

SOURCE = Path("/config.yaml")
GROUPS = "groups: [{name: main, api_keys: [k1]}]\n"
FLASH = "  gemini-2.5-flash: {input: 0.20, output: 2, thoughts: 2.5}\n"
PRO = """\
  models/gemini-2.5-*:
    input: 1
    cached: 0.000001
    output: "8.50"
    long: {above: 200000, input: 2, output: 12}
    later: {from: "2027-01-01", input: 3, output: 4, long: {above: 9, input: 5, output: 6}}
"""
GEMMA = "  gemma-*: {free: true}\n"
ALL = GROUPS + "prices:\n" + FLASH + PRO + GEMMA


def test_prices_are_read() -> None:
    flash = {"input": "0.20", "output": "2.00", "thoughts": "2.50"}
    later_long = {"above": 9, "input": "5.00", "output": "6.00"}
    pro = {
        "input": "1.00",
        "cached": "0.000001",
        "output": "8.50",
        "long": {"above": 200_000, "input": "2.00", "output": "12.00"},
        "later": {"from": "2027-01-01", "input": "3.00", "output": "4.00", "long": later_long},
    }

    assert parse(ALL).prices == (
        PriceSettings("gemini-2.5-flash", flash),
        PriceSettings("gemini-2.5-*", pro),
        PriceSettings("gemma-*", {"free": True}),
    )
    assert parse(GROUPS).prices is None
    assert parse(GROUPS + "prices: {}").prices == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[3]", "prices: must be a mapping of models with their prices, such as {gemini"),
        ("{m: 3}", "prices.m: must be a mapping with free, input, cached, output, thoughts"),
        ("{m: {}}", "prices.m: has no price: give it input and output, or say free: true"),
        ("{m: {input: 1}}", "prices.m.output: is required"),
        ("{m: {input: -1, output: 2}}", "prices.m.input: must be 0 or more"),
        ("{m: {input: x, output: 2}}", "prices.m.input: must be a number such as 0.30"),
        ("{m: {input: true, output: 2}}", "prices.m.input: must be a number such as 0.30"),
        ("{m: {input: [1], output: 2}}", "prices.m.input: must be a number such as 0.30"),
        ("{m: {input: .inf, output: 2}}", "prices.m.input: must be a number such as 0.30"),
        ("{m: {input: 100000001, output: 2}}", "prices.m.input: must be at most 100,000,000"),
        ("{m: {input: 0.0000001, output: 2}}", "prices.m.input: has more than 6 places"),
        ("{m: {input: 1, ouput: 2}}", "prices.m: unknown field 'ouput'; did you mean 'output'?"),
        ("{m: {input: 0, output: 0}}", "prices.m: costs nothing: say free: true in place of"),
        ("{m: {free: true, input: 1}}", "prices.m.free: must stand alone: what is free"),
        ("{a b: {free: true}}", "prices.a b: the model is no name of a model"),
        (
            "{m: {free: true}, models/m: {free: true}}",
            "prices.m: stands here again: one price for a model",
        ),
        (
            "{m: {input: 1, output: 2, long: {input: 1, output: 2}}}",
            "prices.m.long.above: is required",
        ),
        (
            "{m: {input: 1, output: 2, long: {above: 0, input: 1, output: 2}}}",
            "prices.m.long.above: must be a number from 1 to",
        ),
        (
            "{m: {input: 1, output: 2, later: {from: 2027-01-01, input: 1, output: 2}}}",
            "prices.m.later.from: must be text, not a date; put it in quotes",
        ),
        (
            "{m: {input: 1, output: 2, later: {from: '2027-13-01', input: 1, output: 2}}}",
            'prices.m.later.from: must be a day such as "2027-01-01"',
        ),
        (str({f"m{n}": {"free": True} for n in range(301)}), "prices: has 301 models; 300 are"),
    ],
)
def test_what_is_wrong_is_said_at_its_place(text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse(GROUPS + "prices: " + text)

    assert raised.value.problems[0].startswith(problem)


@pytest.mark.django_db
def test_an_import_sets_them_and_says_what_it_changes() -> None:
    report = import_config(parse(ALL), source=SOURCE)
    assert "prices: 3 created, 0 updated, 0 unchanged, 0 removed" in report.lines()
    assert not import_config(parse(ALL), source=SOURCE).changed
    before = pool_version()

    dearer = ALL.replace("0.20", "0.25")
    line = (
        "updated price 'gemini-2.5-flash': terms input 0.20, output 2.00, thoughts 2.50"
        " → input 0.25, output 2.00, thoughts 2.50"
    )
    assert line in import_config(parse(dearer), source=SOURCE, dry_run=True).lines()
    assert pool_version() == before
    import_config(parse(dearer), source=SOURCE)

    assert pool_version() == before + 1
    assert ModelPrice.objects.get(name="gemini-2.5-flash").terms["input"] == "0.25"
    entry = AuditEntry.objects.filter(object_type="price").latest("pk")
    assert (entry.action, entry.label) == ("change", "gemini-2.5-flash")
    assert "input 0.20" in entry.detail


@pytest.mark.django_db
def test_only_a_file_that_has_them_removes_others() -> None:
    import_config(parse(ALL), source=SOURCE)

    assert not import_config(parse(GROUPS), source=SOURCE, prune=True).changed
    report = import_config(parse(GROUPS + "prices:\n" + FLASH), source=SOURCE, prune=True)

    assert "removed price 'gemma-*'" in report.lines()
    assert [row.name for row in ModelPrice.objects.all()] == ["gemini-2.5-flash"]


@pytest.mark.django_db
def test_a_start_applies_what_changed_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(ALL)
    apply_changes(file)
    ModelPrice.objects.filter(name="gemma-*").update(terms={"input": "1.00", "output": "1.00"})
    assert not apply_changes(file).changed

    file.write_text(ALL.replace("0.20", "0.25"))
    assert apply_changes(file).prices.updated == 2
    assert ModelPrice.objects.get(name="gemma-*").terms == {"free": True}


@pytest.mark.django_db
def test_an_export_comes_back_without_a_change() -> None:
    import_config(parse(ALL), source=SOURCE)

    exported = export_groups(mask=False).text

    assert "    cached: 0.000001\n" in exported
    assert yaml.safe_load(exported)["prices"]["gemini-2.5-flash"] == {
        "input": 0.2,
        "output": 2,
        "thoughts": 2.5,
    }
    assert not import_config(parse(exported), source=SOURCE).changed


@pytest.mark.django_db
def test_hundreds_of_prices_take_few_queries(
    django_assert_max_num_queries: Callable[..., AbstractContextManager[object]],
) -> None:
    for units in ("1.00", "2.00"):
        terms = {"input": units, "output": "2.00"}
        prices = [PriceSettings(f"m{number}", terms) for number in range(MOST_PRICES)]
        report = Report()
        with django_assert_max_num_queries(6):
            apply_prices(prices, report, prune=True)
        assert report.prices.created + report.prices.updated == MOST_PRICES
    with pytest.raises(ConfigError, match="prices: with those that are there, 301 models; 300 are"):
        import_config(parse(GROUPS + "prices:\n" + GEMMA), source=SOURCE)
    assert ModelPrice.objects.count() == MOST_PRICES
