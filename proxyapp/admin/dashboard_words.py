"""What the dashboard's scripts say, in the reader's language: they put the places in themselves."""

from collections.abc import Mapping

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from proxyapp.vocabulary.key_states import KeyState

# A text, that of one and that of many, or several by name.
Words = Mapping[str, str | list[str] | Mapping[str, str]]


def dashboard_words() -> Words:
    return {**_notes(), **_keys(), **_lists(), **_outcomes(), **_split()}


def _notes() -> Words:
    """Below the figures."""
    return {
        "of_keys": _("of %(keys)s keys"),
        "of_keys_out": _("of %(keys)s keys, %(out)s not for every model"),
        "next_back": _("next back in %(left)s"),
        "no_key_waits": _("no key waits"),
        "since": _("since %(time)s"),
        "tokens_note": pgettext("tokens in, out, since", "%(into)s, %(out)s, %(since)s"),
        "into": _("%(tokens)s in"),
        "into_cached": _("%(tokens)s in (%(cached)s cached)"),
        "out": _("%(tokens)s out"),
        "out_thoughts": _("%(tokens)s out (%(thoughts)s thoughts)"),
        "no_price": _("no price"),
        "cost_note": _("%(tokens)s tokens have no price, %(since)s"),
        "median": _("median, last hour"),
        "median_most": _("median, last hour; %(share)s within %(time)s"),
        "copy": _("Copy"),
        "copied": _("Copied"),
    }


def _keys() -> Words:
    return {
        "states": {state.value: state.word for state in KeyState},
        "key": _("Key %(id)s"),
        "key_state": pgettext("a key, its state", "%(key)s: %(state)s"),
        "key_count": pgettext("keys of a state", "%(count)s %(state)s"),
        "no_keys": _("no keys"),
        "keys_of": _("Keys of %(group)s"),
        "left": _("%(time)s left"),
        "models_out": [
            ngettext("%(count)s model out", "%(count)s models out", count) for count in (1, 2)
        ],
        "comma": pgettext("between parts of a list", ", "),
    }


def _lists() -> Words:
    return {
        "danger": _("Urgent: "),
        "warning": _("Warning: "),
        "well": _("All is well."),
        "their_requests": _("These requests"),
        "every_model": _("every model"),
        "no_cooling": _("No key is cooling."),
        "no_event": _("No key was refused yet."),
        "project": _("project %(project)s"),
        "out_until": _("out until %(time)s"),
        "for_operator": _("for an operator"),
        "in_and_out": _("%(into)s in, %(out)s out"),
        "no_tokens": _("No tokens yet."),
        "requests": _("%(count)s requests"),
        "tokens": _("%(count)s tokens"),
        "refused": _("%(count)s refused"),
        "active": [
            ngettext(
                "%(active)s of %(total)s token active",
                "%(active)s of %(total)s tokens active",
                count,
            )
            for count in (1, 2)
        ],
        "no_token": _("No client token: who reaches the gateway needs none."),
        "unused": _("No token was used today."),
    }


def _outcomes() -> Words:
    return {
        "note_clients": _(
            "What clients saw of their requests, each counted once, at its end. Times: %(zone)s."
        ),
        "note_attempts": _(
            "Attempts at upstreams: a request that was refused with one key is tried with the"
            " next. Times: %(zone)s."
        ),
        "chart_clients": _("Bar chart: %(count)s requests of %(period)s by outcome"),
        "chart_attempts": _("Bar chart: %(count)s attempts at upstreams of %(period)s by outcome"),
        "periods": {
            "1h": _("the last hour"),
            "24h": _("the last 24 hours"),
            "7d": _("the last 7 days"),
        },
        "from": pgettext("time", "from"),
        "clients": {
            "seen_ok": _("succeeded"),
            "seen_client_error": _("client’s mistake"),  # noqa: RUF001
            "seen_client_limit": _("client’s limit"),  # noqa: RUF001
            "seen_no_key": _("no key"),
            "seen_upstream": _("upstream failed"),
            "seen_left": _("client left"),
        },
        "attempts": {
            "succeeded": _("succeeded"),
            "rate_limited": pgettext("answers", "429s"),
            "client_errors": _("client errors"),
            "upstream_errors": _("upstream errors"),
            "cancelled": _("cancelled"),
        },
    }


def _split() -> Words:
    """Of the table by model, client or group."""
    return {
        "splits": {"model": _("model"), "client": _("client"), "group": _("group")},
        "heads": {
            "requests": _("Requests"),
            "first_ms": _("First byte p50 / p95"),
            "whole_ms": _("In all p50 / p95"),
        },
        "outcomes": {
            "ok": _("Succeeded"),
            "client_error": _("Client’s mistake"),  # noqa: RUF001
            "client_limit": _("Client’s limit"),  # noqa: RUF001
            "no_key": _("No key"),
            "upstream": _("Upstream failed"),
            "left": _("Client left"),
        },
        "seen_since": _("What clients saw since %(time)s."),
        "seen_since_times": _(
            "What clients saw since %(time)s; times are those of the requests that succeeded."
        ),
        "none_since": _("No request has ended since then."),
    }
