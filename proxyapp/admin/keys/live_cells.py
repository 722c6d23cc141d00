"""The cells of the key list that change while it is open.

The page and the live socket get the same HTML from here, and a script only puts it in place: so
all of it has to come from Django's escaping functions.
"""

from collections.abc import Mapping
from datetime import datetime

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from proxyapp.admin.parts.badges import state_badge
from proxyapp.admin.parts.cells import counted, parts_in, parts_out, short_time, until
from proxyapp.operators.key_report import KeyRow
from proxyapp.operators.shown_words import kind_word, message_word
from proxyapp.vocabulary.key_states import KeyState

MODELS_SHOWN = 3
REASON_CHARACTERS = 90
# By the names that the cells have on the page.
NUMBERS = {
    "requests": "requests",
    "rate_limited": "rate_limited",
    "errors": "errors",
    "tokens_in": "prompt_tokens",
    "tokens_out": "output_tokens",
}


def live_cells(row: KeyRow, now: datetime) -> Mapping[str, SafeString]:
    """By the name in `data-field`."""
    numbers = {name: number_cell(row, name) for name in NUMBERS}
    return {"state": state_cell(row, now), "used": used_cell(row.last_used_at), **numbers}


def number_cell(row: KeyRow, name: str) -> SafeString:
    return counted(name, getattr(row, NUMBERS[name]), _parts(row, name))


def _parts(row: KeyRow, name: str) -> str:
    if name == "tokens_in":
        return parts_in(row.cached_tokens, row.tool_use_tokens)
    return parts_out(row.thought_tokens) if name == "tokens_out" else ""


def used_cell(last_used_at: datetime | None) -> SafeString:
    return format_html('<span data-field="used">{}</span>', short_time(last_used_at))


def state_cell(row: KeyRow, now: datetime) -> SafeString:
    """The state with what is left of it, then a line for each model that is out (of many only
    some).
    """
    details = _details(row, now) if row.state.is_in_rotation else _reason(row)
    return format_html(
        '<span data-field="state">{}{}{}</span>',
        state_badge(row.state),
        _time_left(row, now),
        format_html_join("", '<span class="state-detail">{}</span>', ((one,) for one in details)),
    )


def models_out(row: KeyRow, now: datetime) -> list[SafeString]:
    """A line for each model that is out on its own."""
    return [
        format_html(
            _("{model} out for {left} ({reason})"),
            model=cooldown.model,
            left=until(cooldown.until, now),
            reason=kind_word(cooldown.reason),
        )
        for cooldown in row.cooldowns
        if cooldown.model
    ]


def _time_left(row: KeyRow, now: datetime) -> SafeString:
    if row.state != KeyState.COOLING or not row.whole:
        return SafeString()
    return format_html(' <span class="state-left">{}</span>', until(row.whole.until, now))


def _details(row: KeyRow, now: datetime) -> list[SafeString]:
    lines = []
    if row.state == KeyState.COOLING and row.whole:
        reason, end = kind_word(row.whole.reason), short_time(row.whole.until)
        lines.append(format_html(_("{reason}, until {end}"), reason=reason, end=end))
    out = models_out(row, now)
    lines += out[:MODELS_SHOWN]
    if rest := max(len(out) - MODELS_SHOWN, 0):
        lines.append(format_html(_("and {count} more models"), count=rest))
    return lines


def _reason(row: KeyRow) -> list[SafeString]:
    text = message_word(row.status_reason)
    if len(text) <= REASON_CHARACTERS:
        return [format_html("{}", text)] if text else []
    short = text[:REASON_CHARACTERS].rstrip()
    return [format_html('<span title="{}">{}…</span>', text, short)]
