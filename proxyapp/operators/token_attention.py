"""What an operator should see to of clients and their tokens."""

from collections.abc import Iterator
from datetime import UTC, datetime

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from proxyapp.operators.attention import Item, item, list_url, to_requests
from proxyapp.operators.token_standing import MOST, ClientFacts, is_open_to_all
from proxyapp.requests.record import ClientOutcome
from proxyapp.vocabulary.shown_times import countdown_text


def of_clients(facts: ClientFacts, now: datetime) -> Iterator[Item]:
    """None of it is urgent: every request that should be answered is."""
    if is_open_to_all():
        yield item("warning", _of_strangers(facts), list_url("clienttoken"))
    for token in facts.expiring[:MOST]:
        left = countdown_text(token["expires_at"], now)
        text = _(
            "Client token %(token)s is in use and expires in %(left)s: give it more time, or its"
            " client another."
        ) % {"token": token["name"], "left": left}
        yield item("warning", text, _page(token["id"]))
    if len(facts.expiring) > MOST:
        text = _("More client tokens that are in use expire within 7 days.")
        yield item("warning", text, list_url("clienttoken", state="expiring"))
    for token in facts.limited[:MOST]:
        text = ngettext(
            "Client token %(token)s keeps reaching its limits: %(number)s request refused today.",
            "Client token %(token)s keeps reaching its limits: %(number)s requests refused today.",
            token["by_limit"],
        ) % {"token": token["name"], "number": f"{token['by_limit']:,}"}
        one = item("warning", text, _page(token["token_id"]))
        refused = {"client": token["token_id"], "outcome": ClientOutcome.CLIENT_LIMIT.value}
        yield to_requests(one, **refused, since=f"{now.astimezone(UTC):%Y-%m-%d}T00:00:00Z")
    if len(facts.limited) > MOST:
        yield item(
            "warning",
            _("More client tokens keep reaching their limits today."),
            list_url("clienttoken"),
        )


def _of_strangers(facts: ClientFacts) -> str:
    """With tokens, those who show none are still let in."""
    if facts.total:
        return _(
            "Anyone who reaches the gateway may use the keys, also without a token: allow_anonymous"
            " is set."
        )
    return _(
        "Anyone who reaches the gateway may use the keys: allow_anonymous is set, and there is no"
        " client token."
    )


def _page(token_id: int) -> str:
    return reverse("admin:proxyapp_clienttoken_change", args=[token_id])
