"""Own prices in the admin: set, changed and removed by whoever steers groups."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from django.urls import reverse

from proxyapp.config.exporting import export_groups
from proxyapp.config.file import parse
from proxyapp.config.importing import import_config
from proxyapp.migrations._roles import OPERATOR, VIEWER
from proxyapp.models import AuditEntry, ModelPrice
from tests.support.admin_pages import page, submit, superuser, text
from tests.support.pool_data import pool_version
from tests.support.roles import staff

pytestmark = pytest.mark.django_db

FLASH = {"name": "models/gemini-2.5-flash", "input": "0.2", "output": "2"}
KEPT = {"input": "0.20", "output": "2.00"}
FILE = "groups: [{name: main, api_keys: [k1]}]\nprices: {m: {input: 0.2, output: 2}}\n"
PRO = {
    "name": "gemini-2.5-pro*",
    "input": "1",
    "cached": "0.1",
    "output": "8",
    "thoughts": "9",
    "long_above": "200000",
    "long_input": "2",
    "long_output": "16",
    "later_from": "2027-01-01",
    "later_input": "3",
    "later_output": "4",
    "later_long_above": "9",
    "later_long_input": "5",
    "later_long_output": "6",
}


def test_an_own_price_is_shown_before_the_published_ones() -> None:
    operator, before = superuser(), pool_version()

    html = submit(operator, "proxyapp_modelprice_add", data=FLASH)

    price = ModelPrice.objects.get()
    assert (price.name, price.terms) == ("gemini-2.5-flash", KEPT)
    assert pool_version() == before + 1
    own = "<td>—</td><td>0.20</td><td>0.20</td><td>2.00</td><td>2.00</td><td>own</td>"
    assert own in html
    assert "<td>2.50</td><td>published; an own price counts</td>" in html
    assert "<td>0.40</td><td>published</td>" in html
    assert reverse("admin:proxyapp_modelprice_change", args=[price.pk]) in html


def test_all_that_a_price_can_say_comes_back_in_its_form() -> None:
    operator = superuser()
    submit(operator, "proxyapp_modelprice_add", data=PRO)
    price = ModelPrice.objects.get()
    later_long = {"above": 9, "input": "5.00", "output": "6.00"}
    assert price.terms == {
        "input": "1.00",
        "cached": "0.10",
        "output": "8.00",
        "thoughts": "9.00",
        "long": {"above": 200_000, "input": "2.00", "output": "16.00"},
        "later": {"from": "2027-01-01", "input": "3.00", "output": "4.00", "long": later_long},
    }

    html = page(operator, "proxyapp_modelprice_change", price.pk)
    for name, given in (("thoughts", "9.00"), ("long_above", "200000"), ("later_from", "2027-")):
        assert f'name="{name}" value="{given}' in html
    submit(operator, "proxyapp_modelprice_change", price.pk, data=PRO | {"later_from": ""})
    assert "later" in ModelPrice.objects.get().terms, "it was refused"
    without = {name: given for name, given in PRO.items() if not name.startswith("later")}
    submit(operator, "proxyapp_modelprice_change", price.pk, data=without)
    assert "later" not in ModelPrice.objects.get().terms
    detail = AuditEntry.objects.filter(object_type="price", action="change").get().detail
    assert "thoughts 9.00; above 200,000 tokens: input 2.00, output 16.00" in detail


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"output": ""}, "This is needed."),
        ({"input": "-1"}, "This must be 0 or more."),
        ({"input": "cheap"}, "This must be a number such as 0.30"),
        ({"input": "0", "output": "0"}, "This costs nothing: tick that above"),
        ({"free": "on"}, "What is free has no prices."),
        ({"name": "a b"}, "The model is no name of a model"),
        ({"long_input": "1", "long_output": "2"}, "This is needed."),
    ],
)
def test_what_cannot_be_is_said_at_its_field(fields: dict[str, Any], said: str) -> None:
    html = submit(superuser(), "proxyapp_modelprice_add", data=FLASH | fields)

    assert said in text(html)
    assert not ModelPrice.objects.exists()


def test_what_is_wrong_with_an_amount_is_said_in_the_language_of_the_page() -> None:
    operator, add = superuser(), reverse("admin:proxyapp_modelprice_add")

    html = operator.post(add, FLASH | {"input": "-1"}, headers={"accept-language": "zh-CN"}).content

    assert "此项必须为 0 或更大。" in text(html.decode())


@pytest.mark.parametrize("name", [name for name in PRO if name != "name"])
def test_what_is_free_has_none_of_the_prices_that_it_could_have(name: str) -> None:
    data = {"name": "gemma-*", "free": "on", name: PRO[name]}
    html = submit(superuser(), "proxyapp_modelprice_add", data=data)

    assert "What is free has no prices." in text(html)
    assert not ModelPrice.objects.exists()


@pytest.mark.parametrize(
    "terms",
    [
        [],
        {},
        {"input": "x", "output": "1"},
        {"input": "NaN", "output": "1"},
        {**KEPT, "long": 3},
        {**KEPT, "long": {**KEPT, "above": "9"}},
        {**KEPT, "later": KEPT},
        {**KEPT, "later": {**KEPT, "from": "soon"}},
    ],
)
def test_a_price_that_is_not_understood_says_so_until_it_is_written_anew(terms: Any) -> None:
    operator, price = superuser(), ModelPrice.objects.create(name="m", terms=terms)

    assert "m not understood: no price" in text(page(operator, "prices"))
    assert "prices" not in (yaml.safe_load(export_groups(mask=False).text) or {})
    change = "proxyapp_modelprice_change"
    assert 'name="input"' in page(operator, change, price.pk)
    submit(operator, change, price.pk, data={"name": "m", "input": "1", "output": "2"})
    assert ModelPrice.objects.get().terms == {"input": "1.00", "output": "2.00"}
    ModelPrice.objects.update(terms=terms)
    report = import_config(parse(FILE), source=Path("/config.yaml"))
    assert "terms not understood" in " ".join(report.lines())


def test_a_model_that_costs_nothing_says_so() -> None:
    submit(superuser(), "proxyapp_modelprice_add", data={"name": "gemma-*", "free": "on"})

    assert ModelPrice.objects.get().terms == {"free": True}


def test_a_price_that_somebody_else_adds_at_the_same_moment_is_an_error_of_the_form(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    operator, add = superuser(), reverse("admin:proxyapp_modelprice_add")
    monkeypatch.setattr(ModelPrice, "validate_unique", lambda *_, **__: monkeypatch.undo())
    ModelPrice.objects.create(name="gemini-2.5-flash", terms=KEPT)

    answer = operator.post(add, FLASH)

    assert answer.status_code == 200
    assert "already exists" in text(answer.content.decode())
    assert ModelPrice.objects.count() == 1
    assert not AuditEntry.objects.filter(object_type="price").exists()


def test_a_removed_price_makes_room_for_the_published_one() -> None:
    operator = superuser()
    price = ModelPrice.objects.create(name="gemini-2.5-flash", terms=KEPT)
    before = pool_version()

    html = submit(operator, "proxyapp_modelprice_delete", price.pk, data={"post": "yes"})

    assert "own</td>" not in html
    assert pool_version() == before + 1
    assert AuditEntry.objects.filter(object_type="price", action="delete").exists()


def test_who_steers_groups_sets_prices_and_a_viewer_sees_them() -> None:
    viewer, operator = staff(VIEWER, "viewer"), staff(OPERATOR, "operator")
    add = reverse("admin:proxyapp_modelprice_add")

    assert operator.post(add, FLASH).status_code == 302
    assert viewer.post(add, FLASH | {"name": "other"}).status_code == 403
    price = ModelPrice.objects.get()
    seen = page(viewer, "proxyapp_modelprice_change", price.pk)
    assert "input 0.20, output 2.00" in text(seen)
    assert add not in page(viewer, "prices")
    delete = reverse("admin:proxyapp_modelprice_delete", args=[price.pk])
    assert operator.post(delete, {"post": "yes"}).status_code == 403
