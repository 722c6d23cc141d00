"""How much of a provider's quota an operator lets keys use, by the model.

`{"gemini-2.5-*": {"requests_per_minute": 10}}`: `*` is any part of a model's name, and of several
patterns that fit the strictest counts of each meter. The same for the config file and the admin; a
check yields what is wrong: where in the value, and the problem.
"""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from enum import StrEnum

from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.masking import masked_key
from proxyapp.vocabulary.model_lists import MOST_NAMES, Problem, unlike_pattern

Limits = Mapping[str, Mapping[str, int]]

HIGHEST_LIMIT = 1_000_000_000_000


class Meter(StrEnum):
    """What is counted. A minute is a rolling one; a day begins at midnight Pacific."""

    REQUESTS_PER_MINUTE = "requests_per_minute"
    INPUT_TOKENS_PER_MINUTE = "input_tokens_per_minute"
    REQUESTS_PER_DAY = "requests_per_day"
    TOKENS_PER_DAY = "tokens_per_day"
    MAX_CONCURRENT = "max_concurrent"


# Those of a model; how many requests are under way is counted of all models together.
METERS = tuple(meter.value for meter in Meter if meter is not Meter.MAX_CONCURRENT)
USUAL_NAMES = {
    "rpm": Meter.REQUESTS_PER_MINUTE,
    "rpd": Meter.REQUESTS_PER_DAY,
    "tpm": Meter.INPUT_TOKENS_PER_MINUTE,
    "itpm": Meter.INPUT_TOKENS_PER_MINUTE,
    "tokens_per_minute": Meter.INPUT_TOKENS_PER_MINUTE,
    "tpd": Meter.TOKENS_PER_DAY,
}
EXAMPLE = "{gemini-2.5-flash: {requests_per_minute: 10}}"
_PLAIN_NAME = re.compile(r"[A-Za-z_ -]{1,30}")
_NUMBER = re.compile(r"\s*(\d{1,3}(?:[,_ ]\d{3})+|\d{1,13})\s*([km]?)(?:\s*(?:/|per).*)?", re.I)
_THOUSANDS = {"": 1, "k": 1_000, "m": 1_000_000}


def limits_problems(limits: Mapping[str, Mapping[str, object]]) -> Iterator[Problem]:
    """Of what was read: a number may be anything yet."""
    if len(limits) > MOST_NAMES:
        yield (
            "",
            _("has %(count)s models; %(most)s are allowed")
            % {"count": len(limits), "most": MOST_NAMES},
        )
        return
    for pattern, meters in limits.items():
        place = f".{pattern[:100]}"
        if problem := unlike_pattern(pattern):
            yield place, _("the model %(problem)s") % {"problem": problem}
        if not meters:
            yield (
                place,
                _("must not be empty; give it limits such as %(example)s: 10")
                % {"example": METERS[0]},
            )
        for meter, number in meters.items():
            if problem := meter_problem(meter):
                yield place, problem
            elif problem := number_problem(number):
                yield f"{place}.{meter}", problem


def meter_problem(name: object) -> str | None:
    """It is named as it was given if it is a plain word: a key may have slipped into its place."""
    if name in METERS:
        return None
    text = name if isinstance(name, str) else ""
    if text == Meter.MAX_CONCURRENT:
        return _("%(name)s stands beside limits, not in it: it is for all models together") % {
            "name": text
        }
    shown = f"'{text}'" if _PLAIN_NAME.fullmatch(text) else f"'{masked_key(text)}'"
    meant = USUAL_NAMES.get(text.lower().replace("-", "_"))
    near = [meant] if meant else get_close_matches(text[:100].lower(), METERS, n=1)
    if near:
        text = _("unknown limit %(name)s; did you mean '%(near)s'?")
        return text % {"name": shown, "near": near[0]}
    text = _("unknown limit %(name)s; known are %(known)s")
    return text % {"name": shown, "known": ", ".join(METERS)}


def number_problem(number: object) -> str | None:
    if isinstance(number, int) and not isinstance(number, bool):
        if 1 <= number <= HIGHEST_LIMIT:
            return None
        if number > HIGHEST_LIMIT:
            return _("must be at most %(most)s; without a limit leave the line out") % {
                "most": HIGHEST_LIMIT
            }
        return _(
            "must be 1 or more; a model that keys must not ask is left out of a group's models"
        )
    if isinstance(number, str) and (meant := _meant(number)):
        return _("must be a whole number, written out: %(number)s") % {"number": meant}
    return _("must be a whole number such as 10")


def _meant(text: str) -> int:
    """The number in what is no number for YAML; 0: there is none."""
    found = _NUMBER.fullmatch(text)
    if found is None:
        return 0
    return int(re.sub(r"\D", "", found[1])) * _THOUSANDS[found[2].lower()]


def whole_numbers(limits: Mapping[str, Mapping[str, object]]) -> dict[str, dict[str, int]]:
    """Of what has no problems, as it is stored."""
    return {
        pattern: {
            meter: number
            for meter in METERS
            if isinstance(number := meters.get(meter), int) and not isinstance(number, bool)
        }
        for pattern, meters in limits.items()
    }


def contradictions(limits: Limits) -> Iterator[Problem]:
    """What is allowed, and is hardly meant."""
    for pattern, meters in limits.items():
        minute, day = (
            meters.get(meter) for meter in (Meter.REQUESTS_PER_MINUTE, Meter.REQUESTS_PER_DAY)
        )
        if minute and day and day < minute:
            yield (
                f".{pattern}",
                _("a day's %(day)s requests are fewer than a minute's %(minute)s")
                % {"day": day, "minute": minute},
            )
        input_tokens, tokens = (
            meters.get(meter) for meter in (Meter.INPUT_TOKENS_PER_MINUTE, Meter.TOKENS_PER_DAY)
        )
        if input_tokens and tokens and tokens < input_tokens:
            yield (
                f".{pattern}",
                _("a day's %(tokens)s tokens are fewer than a minute's %(input_tokens)s of input")
                % {"tokens": tokens, "input_tokens": input_tokens},
            )
