"""Pieces of pages: times, countdowns, numbers.

A script may show times in the reader's zone and count down.
"""

from datetime import datetime
from typing import Protocol

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from proxyapp.admin.parts.readonly import second_text
from proxyapp.vocabulary.shown_times import ago_text, countdown_text, minute_text
from proxyapp.vocabulary.times import iso_utc

NEVER = "—"


def short_time(moment: datetime | None) -> SafeString:
    """A script leaves out what is the same today."""
    if moment is None:
        return format_html("{}", NEVER)
    return format_html(
        '<time data-local="short" datetime="{}" title="{}">{}</time>',
        *(iso_utc(moment), second_text(moment), minute_text(moment)),
    )


def ago(moment: datetime | None, now: datetime) -> SafeString:
    """`3 h ago`; the time itself is in the title."""
    if moment is None:
        return format_html("{}", NEVER)
    passed = ago_text(*_one_unit(now, moment))
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', iso_utc(moment), second_text(moment), passed
    )


def until(end: datetime, now: datetime) -> SafeString:
    """What is left until then, such as `3 h 12 min`."""
    return format_html(
        '<span data-until="{}" title="{}">{}</span>',
        iso_utc(end),
        _("until %(time)s") % {"time": second_text(end)},
        countdown_text(end, now),
    )


def compact(number: int) -> str:
    """`999`, `12.3 k`, `1.23 M`: three digits at most, and zeros where the next step is far, as in
    Chinese. `numbers.js` says the same.
    """
    for unit, size in sizes():
        if number >= size * 0.9995:
            return f"{float(f'{number / size:.3g}'):g} {unit}"
    return str(number)


def sizes() -> list[tuple[str, int]]:
    """The largest first. In other languages the steps may be others."""
    steps = pgettext("units of numbers and their zeros", "T 12 G 9 M 6 k 3").split()
    return [(unit, 10 ** int(zeros)) for unit, zeros in zip(steps[::2], steps[1::2], strict=True)]


def counted(field: str, number: int, parts: str = "") -> SafeString:
    """A number that is updated while the page is open, in short, with all of it in the title.

    `parts`: what some of it is.
    """
    title = f"{number:,}"
    if parts:
        title = _("%(number)s, of which %(parts)s") % {"number": title, "parts": parts}
    return format_html('<span data-field="{}" title="{}">{}</span>', field, title, compact(number))


def parts_in(cached: int, tool_use: int) -> str:
    """Of LLM tokens that went in: `400 cached, 20 of tools`; empty without any."""
    parts = ((cached, _("%(number)s cached")), (tool_use, _("%(number)s of tools")))
    return ", ".join(text % {"number": f"{number:,}"} for number, text in parts if number)


def parts_out(thoughts: int) -> str:
    """Of LLM tokens that came out."""
    return _("%(number)s thoughts") % {"number": f"{thoughts:,}"} if thoughts else ""


class LlmTokenColumns(Protocol):
    """The columns of what counts LLM tokens; the last three are parts of the first two."""

    @property
    def prompt_tokens(self) -> int: ...
    @property
    def output_tokens(self) -> int: ...
    @property
    def cached_tokens(self) -> int: ...
    @property
    def thought_tokens(self) -> int: ...
    @property
    def tool_use_tokens(self) -> int: ...


def short_tokens(counts: LlmTokenColumns) -> str:
    """`2.5K / 30`."""
    return f"{compact(counts.prompt_tokens)} / {compact(counts.output_tokens)}"


def token_parts(counts: LlmTokenColumns) -> str:
    """What of the tokens is shown below them; empty without any."""
    into = parts_in(counts.cached_tokens, counts.tool_use_tokens)
    return ", ".join(filter(None, (into, parts_out(counts.thought_tokens))))


def tokens_in_and_out(counts: LlmTokenColumns) -> str:
    """`2,500 tokens in (400 cached), 30 out (12 thoughts)`."""
    into = parts_in(counts.cached_tokens, counts.tool_use_tokens)
    into, out = (
        f" ({parts})" if parts else "" for parts in (into, parts_out(counts.thought_tokens))
    )
    return _("%(prompt)s tokens in%(of_them)s, %(output)s out%(of_those)s") % {
        "prompt": f"{counts.prompt_tokens:,}",
        "of_them": into,
        "output": f"{counts.output_tokens:,}",
        "of_those": out,
    }


def rate(part: int, whole: int) -> str:
    """`98.4 %`, rounded down: `100 %` is all of it."""
    if not whole:
        return NEVER
    return f"{part * 1000 // whole / 10:g} %"


def _one_unit(now: datetime, then: datetime) -> tuple[int, str]:
    seconds = max(int((now - then).total_seconds()), 0)
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return seconds // size, unit
    return seconds, "s"
