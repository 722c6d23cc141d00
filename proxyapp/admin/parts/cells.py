"""Pieces of pages: times, countdowns, numbers.

A script may show times in the reader's zone and count down.
"""

from datetime import datetime
from typing import Protocol

from django.utils.html import format_html
from django.utils.safestring import SafeString

from proxyapp.admin.parts.readonly import second_text
from proxyapp.vocabulary.times import countdown, iso_utc, utc_text

UNITS = (("T", 10**12), ("G", 10**9), ("M", 10**6), ("k", 10**3))
NEVER = "—"


def short_time(moment: datetime | None) -> SafeString:
    """A script leaves out what is the same today."""
    if moment is None:
        return format_html("{}", NEVER)
    return format_html(
        '<time data-local="short" datetime="{}" title="{}">{}</time>',
        *(iso_utc(moment), second_text(moment), utc_text(moment)),
    )


def ago(moment: datetime | None, now: datetime) -> SafeString:
    """`3 h ago`; the time itself is in the title."""
    if moment is None:
        return format_html("{}", NEVER)
    passed = f"{_one_unit(now, moment)} ago"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', iso_utc(moment), second_text(moment), passed
    )


def until(end: datetime, now: datetime) -> SafeString:
    """What is left until then, such as `3 h 12 min`."""
    return format_html(
        '<span data-until="{}" title="until {}">{}</span>',
        iso_utc(end),
        second_text(end),
        countdown(end, now),
    )


def compact(number: int) -> str:
    """`999`, `12.3 k`, `1.23 M`: three digits at most."""
    for unit, size in UNITS:
        if number >= size * 0.9995:
            return f"{number / size:.3g} {unit}"
    return str(number)


def counted(field: str, number: int, parts: str = "") -> SafeString:
    """A number that is updated while the page is open, in short, with all of it in the title.

    `parts`: what some of it is.
    """
    title = f"{number:,}, of which {parts}" if parts else f"{number:,}"
    return format_html('<span data-field="{}" title="{}">{}</span>', field, title, compact(number))


def parts_in(cached: int, tool_use: int) -> str:
    """Of LLM tokens that went in: `400 cached, 20 of tools`; empty without any."""
    parts = ((cached, "cached"), (tool_use, "of tools"))
    return ", ".join(f"{number:,} {word}" for number, word in parts if number)


def parts_out(thoughts: int) -> str:
    """Of LLM tokens that came out."""
    return f"{thoughts:,} thoughts" if thoughts else ""


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
    return f"{counts.prompt_tokens:,} tokens in{into}, {counts.output_tokens:,} out{out}"


def rate(part: int, whole: int) -> str:
    """`98.4 %`, rounded down: `100 %` is all of it."""
    if not whole:
        return NEVER
    return f"{part * 1000 // whole / 10:g} %"


def _one_unit(now: datetime, then: datetime) -> str:
    seconds = max(int((now - then).total_seconds()), 0)
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
