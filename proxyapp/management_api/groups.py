"""Groups: where their requests go. Their settings have the names that config.yaml has."""

from datetime import timedelta
from typing import Any

from django.db.models import Count
from django.http import HttpRequest
from django.utils import timezone
from ninja import Router

from proxyapp.management_api.changes import add_group, change_group
from proxyapp.management_api.given import After, GroupGiven, Limit, SwitchOff
from proxyapp.management_api.problems import ApiRefusal
from proxyapp.management_api.rights import caller_of, needs
from proxyapp.management_api.rows import found, group_json
from proxyapp.models import Group
from proxyapp.operators import group_switch
from proxyapp.operators.own_addresses import own_addresses
from proxyapp.operators.removal import remove_group
from proxyapp.vocabulary.marks import gettext_noop as _

router = Router()


@router.get(
    "",
    summary=_("List groups"),
    description=_("By id. `next` is the `after` of the page behind this one; null: there is none."),
    **needs("view_group"),
)
def list_groups(request: HttpRequest, limit: Limit, after: After) -> dict[str, Any]:
    groups = Group.objects.filter(pk__gt=after).annotate(key_count=Count("keys"))
    rows = list(groups.order_by("pk")[: limit + 1])
    return {
        "items": [group_json(group, group.key_count) for group in rows[:limit]],
        "next": rows[limit - 1].pk if len(rows) > limit else None,
    }


@router.get("/{int:group_id}", summary=_("Show a group"), **needs("view_group"))
def show_group(request: HttpRequest, group_id: int) -> dict[str, Any]:
    return _shown(found(Group, group_id))


@router.post(
    "",
    summary=_("Add a group"),
    description=_("Without keys: those are added to it."),
    **needs("add_group"),
)
def add(request: HttpRequest, body: GroupGiven) -> dict[str, Any]:
    return _shown(add_group(body.fields, caller_of(request), own_addresses(request)))


@router.patch(
    "/{int:group_id}",
    summary=_("Change a group"),
    description=_(
        "What is not sent stays. Another target or proxy for keys that are there wants view_secret."
    ),
    **needs("change_group"),
)
def change(request: HttpRequest, group_id: int, body: GroupGiven) -> dict[str, Any]:
    given, caller = body.fields, caller_of(request)
    return _shown(change_group(group_id, given, caller, own_addresses(request)))


@router.post(
    "/{int:group_id}/off",
    summary=_("Switch a group off"),
    description=_("None of its keys answers, whatever their own state is."),
    **needs("change_group"),
)
def off(request: HttpRequest, group_id: int, body: SwitchOff) -> dict[str, Any]:
    group = found(Group, group_id)
    until = timezone.now() + timedelta(hours=body.hours) if body.hours is not None else None
    group_switch.switch_off([group.pk], until, caller_of(request).actor)
    return _shown(found(Group, group_id))


@router.post("/{int:group_id}/on", summary=_("Switch a group on"), **needs("change_group"))
def on(request: HttpRequest, group_id: int) -> dict[str, Any]:
    group_switch.switch_on([found(Group, group_id).pk], caller_of(request).actor)
    return _shown(found(Group, group_id))


@router.delete(
    "/{int:group_id}",
    summary=_("Delete a group"),
    description=_(
        "With its keys. `confirm`: its name, so that no wrong id takes another group away."
    ),
    **needs("delete_group"),
)
def delete(request: HttpRequest, group_id: int, confirm: str = "") -> dict[str, Any]:
    group = found(Group, group_id)
    if confirm.strip() != group.name:
        words = "say the group's name, which goes with all of its keys"
        raise ApiRefusal(422, "Nothing was deleted: see errors.", [("confirm", words)])
    keys = remove_group(group, caller_of(request).actor)
    return {"deleted": 1, "keys_deleted": keys}


def _shown(group: Group) -> dict[str, Any]:
    return group_json(group, group.keys.count())
