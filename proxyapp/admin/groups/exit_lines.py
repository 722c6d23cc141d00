"""The exits of a group in its form, a line each: those that are there without user and password."""

from collections import defaultdict, deque
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from proxyapp.admin.parts.model_lines import ModelLinesField
from proxyapp.admin.parts.unfold_typed import ModelForm, Textarea
from proxyapp.admin.parts.versioned import HiddenValue
from proxyapp.models import Group
from proxyapp.models.sealed import UNREADABLE
from proxyapp.vocabulary.exits import (
    EXAMPLE,
    MOST_EXITS,
    exit_check,
    exit_lines,
    pool_of,
    repeated,
    shown_exit,
    shown_pool,
)

UNREADABLE_LINE = "unreadable"
BOTH = gettext_lazy(
    "One proxy for all and exits of each key's own do not go together: remove one of them."
)


class ExitLinesInput(Textarea):
    """Never renders a user or a password, not even when the form comes back with an error."""

    def format_value(self, value: Any) -> str:
        return shown_lines(value) if value else ""


def counted_exits(pool: str) -> str:
    count = len(exit_lines(pool))
    if pool == UNREADABLE:
        return pgettext("exits", "unreadable")
    return ngettext("%(count)d exit", "%(count)d exits", count) % {"count": count}


class ExitLinesField(ModelLinesField):
    def __init__(self) -> None:
        widget = ExitLinesInput({"rows": 3, "spellcheck": "false", "autocomplete": "off"})
        super().__init__(EXAMPLE, widget=widget, label=gettext_lazy("Exits"))


class ExitsForm(ModelForm[Group]):
    """`new_proxy_pool`, once cleaned: as they are kept."""

    new_proxy_pool = ExitLinesField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["new_proxy_pool"] = shown_lines(self.instance.proxy_pool)
        self.fields["new_proxy_pool"].help_text = _(
            "One a line, such as %(example)s; direct for none. Each key has one of them for good. A"
            " line as it stands here keeps its user and password. Empty: no exits."
        ) % {"example": EXAMPLE}

    def hidden_exits(self) -> HiddenValue:
        pool = self.instance.proxy_pool
        return HiddenValue(pool or "", shown_pool(pool))

    def take_exits(self, proxy: str | None) -> None:
        """`proxy`: the group's from now on. Exits of which a form says nothing stay."""
        given, stored = self.cleaned_data, self.instance.proxy_pool
        is_sent = self.add_prefix("new_proxy_pool") in self.data
        text = given.get("new_proxy_pool", "") if is_sent else shown_lines(stored)
        is_allowed = bool(given.get("allow_link_local"))
        try:
            given["new_proxy_pool"] = exits_of_lines(text, stored, allow_link_local=is_allowed)
            if given["new_proxy_pool"] and proxy:
                raise ValidationError(BOTH)
        except ValidationError as problem:
            self.add_error("new_proxy_pool" if "new_proxy_pool" in self.fields else None, problem)


def shown_lines(pool: str | None) -> str:
    if pool == UNREADABLE:
        return UNREADABLE_LINE
    return "\n".join(map(shown_exit, exit_lines(pool)))


def exits_of_lines(text: str, stored: str | None, *, allow_link_local: bool) -> str | None:
    """Raises ValidationError with the line that is wrong."""
    if text == shown_lines(stored):
        return stored
    exits = _unmasked(exit_lines(text), stored)
    if len(exits) > MOST_EXITS:
        too_many = _("%(count)d exits; %(most)d are allowed.")
        raise ValidationError(too_many % {"count": len(exits), "most": MOST_EXITS})
    check = exit_check(allow_link_local)
    for number, url in enumerate(exits, start=1):
        if problem := check(url):
            wrong = _("Line %(line)d %(problem)s.")
            raise ValidationError(wrong % {"line": number, "problem": problem})
    for place, earlier in repeated(exits):
        twice = _("Line %(line)d is the exit of line %(earlier)d again.")
        raise ValidationError(twice % {"line": place + 1, "earlier": earlier + 1})
    return pool_of(exits)


def _unmasked(lines: list[str], stored: str | None) -> list[str]:
    """Of exits that are shown alike, none can be told from the others once one is left out."""
    known = defaultdict[str, deque[str]](deque)
    for url in exit_lines(stored):
        known[shown_exit(url)].append(url)
    for line, exits in known.items():
        if len(exits) > 1 and lines.count(line) not in (0, len(exits)):
            text = _("Several exits are shown as %(line)s: enter them anew.")
            raise ValidationError(text % {"line": line})
    return [known[line].popleft() if known.get(line) else line for line in lines]
