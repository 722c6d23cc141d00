"""What a client token allows, as the arguments of `manage.py tokens` say it."""

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from django.utils import timezone

from proxyapp.access.budgets import BUDGETS
from proxyapp.models import Group
from proxyapp.vocabulary.durations import duration_of
from proxyapp.vocabulary.model_lists import fallbacks_of_lines
from proxyapp.vocabulary.money import currency, read_amount

UNITS = {
    "requests_per_minute": "requests/min",
    "requests_per_day": "requests/day",
    "tokens_per_day": "tokens/day",
    "live_sessions": "Live sessions",
    "max_concurrent": "requests at a time",
}
TAKEN = "Another token has just taken this name. Nothing was changed."
NONE, NEVER = "none", "never"
Read = Callable[[str], Any]


class UnclearTerm(Exception):
    """An argument names what there is not."""


def add_terms(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--group", action="append", metavar="GROUP", help="only this group's keys; repeatable"
    )
    parser.add_argument(
        "--model", action="append", metavar="PATTERN", help="such as gemini-2.5-*; repeatable"
    )
    parser.add_argument(
        "--fallback",
        action="append",
        metavar="MODEL=NEXT[,NEXT]",
        help="which models are asked instead when no key is left for one; repeatable",
    )
    parser.add_argument(
        "--shared-resources",
        action="store_true",
        help="it sees the files, caches and batches of all tokens, not only its own",
    )
    _add_numbers(parser)
    parser.add_argument(
        "--expires",
        metavar="WHEN",
        type=_or(NEVER, expiry),
        help="2027-01-31 (as it begins, UTC), 30d, 12h, never",
    )


def _add_numbers(parser: ArgumentParser) -> None:
    for limit, unit in UNITS.items():
        parser.add_argument(
            f"--{limit.replace('_', '-')}",
            metavar="N",
            type=_or(NONE, _number),
            help=f"most {unit}, in UTC, or none",
        )
    for period in ("day", "month"):
        parser.add_argument(
            f"--budget-per-{period}",
            dest=f"cost_per_{period}",
            metavar="AMOUNT",
            type=_or(NONE, _amount),
            help=f"what it may cost a {period} of UTC, in {currency()}, such as 5.00, or none",
        )


def add_removals(parser: ArgumentParser) -> None:
    """For a token that is there: what of its terms goes."""
    parser.add_argument("--name", dest="new_name", metavar="NAME", help="another name")
    for option, name, value, text in (
        ("--every-group", "group", None, "the keys of every group"),
        ("--every-model", "model", [], "every model"),
        ("--no-fallbacks", "fallback", [], "no model is asked instead of another"),
        ("--no-shared-resources", "shared_resources", False, "only what was made with it"),
    ):
        parser.add_argument(option, dest=name, action="store_const", const=value, help=text)


def terms_given(options: Mapping[str, Any]) -> dict[str, Any]:
    """By the names of `Terms`. Raises UnclearTerm."""
    read = {
        field: reader(options[option])
        for option, (field, reader) in READ.items()
        if option in options
    }
    plain = ("shared_resources", *UNITS, *BUDGETS)
    return read | {name: options[name] for name in plain if name in options}


def expiry(text: str) -> datetime:
    """A day, a moment, or a time from now."""
    try:
        if (length := duration_of(text)) is not None:
            return timezone.now() + length
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ArgumentTypeError(
            f"{text!r} is no day such as 2027-01-31 and no time such as 30d or 12h"
        ) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if moment <= timezone.now():
        raise ArgumentTypeError(f"{text!r} is over")
    return moment


def _or(word: str, read: Read) -> Read:
    return lambda text: None if text == word else read(text)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text[:20]) <= 10**15:
        raise ArgumentTypeError(f"{text!r} is not a number from 1")
    return int(text)


def _amount(text: str) -> int:
    try:
        return read_amount(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} {error}") from None


def _groups(names: list[str] | None) -> list[Group] | None:
    return None if names is None else [_group(name) for name in names]


def _group(name: str) -> Group:
    group = Group.objects.filter(name__iexact=name.strip()).first()
    if group is None:
        raise UnclearTerm(f"There is no group '{name}'.")
    return group


def _fallbacks(given: list[str] | None) -> dict[str, list[str]]:
    try:
        return fallbacks_of_lines("\n".join(given or ()))
    except ValueError:
        raise UnclearTerm(
            "--fallback wants MODEL=NEXT, such as gemini-2.5-pro=gemini-2.5-flash, once a model."
        ) from None


READ: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "new_name": ("name", str),
    "group": ("groups", _groups),
    "model": ("models", lambda given: given or ()),
    "fallback": ("fallbacks", _fallbacks),
    "expires": ("expires_at", lambda moment: moment),
}
