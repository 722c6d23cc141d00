"""What an import from another gateway did, for people and for programs; never a secret."""

from collections.abc import Iterator
from typing import Any

from proxyapp.peers.applying import Applied
from proxyapp.peers.moved import MovedIn
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.marks import gettext_noop

MOST_SHOWN = 50
CLOSED = gettext_noop("from now on every client needs a token: until now none was asked for")


def lines_of(moved: MovedIn, applied: Applied) -> Iterator[str]:
    yield f"from {moved.peer}"
    yield from applied.report.lines()
    made = len(applied.tokens)
    yield f"client tokens: {made} created, {len(moved.tokens) - made} there before"
    shown = applied.tokens[:MOST_SHOWN]
    yield from (f"created client token {row.name!r} ({row.masked})" for row in shown)
    if more := made - len(shown):
        yield f"created client tokens: {more} more"
    if applied.disabled:
        yield f"disabled, as they were there: {applied.disabled} keys"
    yield from (f"note: {note}" for note in notes_of(moved, applied))
    yield from (f"left out: {left}" for left in moved.left)
    if moved.more_left:
        yield f"left out: {moved.more_left} more"


def as_json(moved: MovedIn, applied: Applied, *, dry_run: bool) -> dict[str, Any]:
    report = applied.report
    return {
        "format": moved.peer,
        "dry_run": dry_run,
        "group_names": [group.name for group in moved.groups],
        "groups": vars(report.groups),
        "keys": vars(report.keys),
        "prices": vars(report.prices),
        "client_tokens": {
            "created": [{"name": row.name, "masked": row.masked} for row in applied.tokens],
            "unchanged": len(moved.tokens) - len(applied.tokens),
        },
        "disabled": applied.disabled,
        "changes": [str(entry) for entry in report.entries],
        "warnings": [*report.warnings, *report.doubts],
        "notes": notes_of(moved, applied),
        "left_out": [{"place": left.place, "why": left.why} for left in moved.left],
        "more_left_out": moved.more_left,
    }


def notes_of(moved: MovedIn, applied: Applied) -> list[str]:
    """Those that matter most first; the last says how many more there are."""
    notes = [*([_(CLOSED)] if applied.is_closed else []), *moved.notes, *moved.token_notes]
    more = len(notes) - MOST_SHOWN
    return [*notes[:MOST_SHOWN], *([_("… and %(more)s more") % {"more": more}] if more > 0 else [])]
