"""What LiteLLM's entries cost, a token, as prices here, a million tokens."""

from decimal import Context, Decimal
from typing import Any

from proxyapp.peers.fields import Fields
from proxyapp.peers.moved import MovedIn
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.marks import gettext_noop
from proxyapp.vocabulary.model_lists import unlike_pattern
from proxyapp.vocabulary.price_terms import FREE, MOST_PRICES, NEEDED, amount

COSTS = {
    "input_cost_per_token": "input",
    "cache_read_input_token_cost": "cached",
    "output_cost_per_token": "output",
    "output_cost_per_reasoning_token": "thoughts",
}
CURRENCY = "USD"
MILLION = Decimal(1_000_000)
# A number with more digits is no price, and is not written out.
SHORT = Context(prec=40, Emax=40, Emin=-40)
ANOTHER = gettext_noop("has another price for a model that has one by then: that one holds")
TOO_MANY = gettext_noop("has more prices than there may be here")


def take_price(model: str, parts: tuple[Fields, ...], moved: MovedIn) -> None:
    """Of the first of the parts that says one. Half a price is none."""
    costs = [_costs(part) for part in parts]
    given = {kind: cost for each in reversed(costs) for kind, cost in (each or {}).items()}
    if None in costs or not given or unlike_pattern(model):
        return
    price: dict[str, Any] = dict.fromkeys(NEEDED, "0") | given
    price = price | {"currency": CURRENCY} if any(map(Decimal, price.values())) else {**FREE}
    if len(moved.prices) >= MOST_PRICES and model not in moved.prices:
        moved.leave(parts[0].place, TOO_MANY)
    elif moved.prices.setdefault(model, price) != price:
        moved.leave(parts[0].place, ANOTHER)


def _costs(fields: Fields) -> dict[str, str] | None:
    """None: one of them cannot be read."""
    given = {name: fields.values[name] for name in COSTS if fields.values.get(name) is not None}
    found: dict[str, str] = {}
    for name in given:
        if (value := fields.take(name)) is None:
            continue
        try:
            found[COSTS[name]] = amount(f"{SHORT.multiply(Decimal(str(value)[:40]), MILLION):f}")
        except ArithmeticError:
            fields.moved.leave(fields.at(name), _("is no number"))
        except ValueError as problem:
            fields.moved.leave(fields.at(name), str(problem))
    return found if len(found) == len(given) else None
