"""What an operator should see to of clients and their tokens."""

from collections.abc import Iterator
from datetime import datetime

from django.urls import reverse

from proxyapp.operators.attention import Item, item, list_url, plural
from proxyapp.operators.token_standing import MOST, ClientFacts, is_open_to_all
from proxyapp.vocabulary.times import countdown


def of_clients(facts: ClientFacts, now: datetime) -> Iterator[Item]:
    """None of it is urgent: every request that should be answered is."""
    if is_open_to_all():
        yield item("warning", _of_strangers(facts), list_url("clienttoken"))
    for token in facts.expiring[:MOST]:
        left = countdown(token["expires_at"], now)
        text = (
            f"Client token {token['name']} is in use and expires in {left}: give it more time, or"
            " its client another."
        )
        yield item("warning", text, _page(token["id"]))
    if len(facts.expiring) > MOST:
        text = "More client tokens that are in use expire within 7 days."
        yield item("warning", text, list_url("clienttoken", state="expiring"))
    for token in facts.limited[:MOST]:
        refused = plural(token["by_limit"], "request", "requests")
        text = f"Client token {token['name']} keeps reaching its limits: {refused} refused today."
        yield item("warning", text, _page(token["token_id"]))
    if len(facts.limited) > MOST:
        yield item(
            "warning",
            "More client tokens keep reaching their limits today.",
            list_url("clienttoken"),
        )


def _of_strangers(facts: ClientFacts) -> str:
    """With tokens, those who show none are still let in."""
    if facts.total:
        return (
            "Anyone who reaches the gateway may use the keys, also without a token: allow_anonymous"
            " is set."
        )
    return (
        "Anyone who reaches the gateway may use the keys: allow_anonymous is set, and there is no"
        " client token."
    )


def _page(token_id: int) -> str:
    return reverse("admin:proxyapp_clienttoken_change", args=[token_id])
