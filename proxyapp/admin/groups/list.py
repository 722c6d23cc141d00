"""The list of groups: keys and today's figures in one query each, and the order."""

from collections.abc import Collection, Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin.views.main import ORDER_VAR
from django.core.exceptions import ValidationError
from django.db.models import Count, Q, Sum
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from proxyapp.admin.parts.unfold_typed import ChangeList, ModelForm
from proxyapp.ledger.stamps import DAY_COLUMNS, count_of, day_number
from proxyapp.models import ApiKey, Group, KeyTotal, RateLimitEvent
from proxyapp.models.key_state import held_by, of_off_groups
from proxyapp.operators.group_switch import standing_of
from proxyapp.pool.change_log import touched_groups
from proxyapp.pool.cursor import raise_pool_version
from proxyapp.vocabulary.choices import KeyStatus
from proxyapp.vocabulary.key_states import KeyState


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """`keys`: how many are in each state that occurs.

    `requests` and `rate_limited`: since midnight, UTC.
    """

    keys: Mapping[KeyState, int]
    requests: int = 0
    rate_limited: int = 0

    @property
    def key_total(self) -> int:
        return sum(self.keys.values())


class PositionForm(ModelForm[Group]):
    """The page carries each position as it showed it: only what was moved there is written."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        label = _("Position of %(group)s") % {"group": self.instance}
        self.fields["position"].widget.attrs["aria-label"] = label
        is_carried = not self.is_bound or self.add_initial_prefix("position") in self.data
        self.fields["position"].show_hidden_initial = is_carried

    def add_initial_prefix(self, field_name: str) -> str:
        """Dragging writes into all that ends in the field's name; what was shown must stay."""
        return f"{super().add_initial_prefix(field_name)}-shown"

    def clean_position(self) -> int:
        """What somebody else has moved meanwhile is refused once; the page then shows it."""
        value: int = self.cleaned_data["position"]
        carried, now = self.add_initial_prefix("position"), str(self.initial["position"])
        seen = self.data.get(carried, now)
        if seen in (now, str(value)) or str(value) == now:
            return value
        self.data = {**self.data.dict(), carried: now}  # type: ignore[attr-defined]  # a QueryDict
        problem = _(
            "Moved meanwhile: now at %(now)s, yours is %(yours)d. Save again to have it at yours."
        )
        raise ValidationError(problem % {"now": now, "yours": value})


class GroupChangeList(ChangeList):
    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        figures = figures_of([group.pk for group in self.result_list], timezone.now())
        for group in self.result_list:
            group.__dict__["figures"] = figures[group.pk]
        if not self._shows_whole_order(request):
            self.model_admin = copy(self.model_admin)
            self.model_admin.ordering_field = None  # type: ignore[attr-defined]

    def _shows_whole_order(self, request: HttpRequest) -> bool:
        """Dragging numbers a page's rows from 0 on, so it must show all of them in order."""
        is_whole = not (
            self.query or self.has_active_filters or ORDER_VAR in self.params or self.multi_page
        )
        return is_whole and self.model_admin.has_change_permission(request)


def figures(group: Group) -> GroupFigures:
    """Asked for once where no list has given them."""
    found: GroupFigures | None = group.__dict__.get("figures")
    if found is None:
        found = group.__dict__["figures"] = figures_of([group.pk], timezone.now())[group.pk]
    return found


def figures_of(group_ids: Collection[int], now: datetime) -> dict[int, GroupFigures]:
    keys, today = _keys(group_ids, now), _today(group_ids, now)
    return {pk: GroupFigures(keys.get(pk, {}), *today.get(pk, (0, 0))) for pk in group_ids}


def _keys(group_ids: Collection[int], now: datetime) -> dict[int, dict[KeyState, int]]:
    cooling = held_by(RateLimitEvent.objects.active(now).filter(model=""))
    active, off = Q(status=KeyStatus.ACTIVE), of_off_groups(now)
    conditions = {
        KeyState.COOLING: active & cooling & ~off,
        KeyState.DISABLED: Q(status=KeyStatus.DISABLED) | (active & off),
        KeyState.INVALID: Q(status=KeyStatus.INVALID),
    }
    counts = {state.value: Count("pk", filter=one) for state, one in conditions.items()}
    rows = (
        ApiKey.objects.filter(group__in=group_ids)
        .order_by()
        .values("group_id")
        .annotate(total=Count("pk"), **counts)
    )
    return {row.pop("group_id"): _by_state(row) for row in rows}


def _by_state(row: dict[str, Any]) -> dict[KeyState, int]:
    row[KeyState.AVAILABLE] = row.pop("total") - sum(row.values())
    return {state: row[state] for state in KeyState if row[state]}


def _today(group_ids: Collection[int], now: datetime) -> dict[int, tuple[int, int]]:
    today = day_number(now)
    requests, refused = (Sum(count_of(column, today)) for column in DAY_COLUMNS)
    totals = KeyTotal.objects.filter(key__group__in=group_ids).order_by()
    sums = totals.values("key__group_id").annotate(all=requests, refused=refused)
    return {row["key__group_id"]: (row["all"], row["refused"]) for row in sums}


def key_badges(group: Group) -> SafeString:
    """How many keys are in which state; each leads to those keys."""
    states, now = figures(group).keys, timezone.now()
    off = SafeString()
    if group.is_off(now):
        off = format_html(' <span class="state-detail">{}</span>', standing_of(group, now))
    if not states:
        return format_html("{}{}", pgettext("keys", "none"), off)
    return format_html(
        '<span class="badges">{}</span>{}', format_html_join("", "{}", _badges(group, states)), off
    )


def _badges(group: Group, states: Mapping[KeyState, int]) -> Iterator[tuple[SafeString]]:
    for state, count in states.items():
        context = {
            "text": f"{count} {state.word}",
            "variant": state.spec.tone,
            "href": keys_url(group, state=state),
        }
        yield (render_to_string("unfold/helpers/label.html", context),)


def keys_url(group: Group, **filters: str) -> str:
    query = urlencode({"group__id__exact": group.pk, **filters})
    return f"{reverse('admin:proxyapp_apikey_changelist')}?{query}"


def settle_positions(before: Mapping[int, int]) -> None:
    """Numbers the groups anew where two have one position: the one that was moved there keeps it.

    `before`: the positions that there were. Belongs into the transaction of the change.
    """
    groups = list(Group.objects.only("position"))
    if len({group.position for group in groups}) == len(groups):
        return

    def place(group: Group) -> tuple[int, int, int]:
        old = before.get(group.pk, group.position)
        return group.position, (group.position > old) - (group.position < old), group.pk

    ordered = sorted(groups, key=place)
    moved = [group for number, group in enumerate(ordered) if group.position != number]
    for number, group in enumerate(ordered):
        group.position = number
    Group.objects.bulk_update(moved, ["position"], batch_size=500)
    raise_pool_version(touched_groups([group.pk for group in moved]))
