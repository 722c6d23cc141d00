"""Keys: which there are and how they stand, and what the admin's pages do to them."""

from typing import Any

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from ninja import Router

from proxyapp.config.one_row import checked_key_settings, checked_keys
from proxyapp.management_api.changes import change_key
from proxyapp.management_api.given import After, Chosen, KeyChange, Limit, NewKeys, Word
from proxyapp.management_api.problems import ApiRefusal
from proxyapp.management_api.rights import caller_of, needs
from proxyapp.management_api.rows import found, group_named, key_page, keys_json
from proxyapp.models import ApiKey
from proxyapp.models.key_state import in_state
from proxyapp.operators import key_tests
from proxyapp.operators.dependent_tokens import dependents
from proxyapp.operators.key_actions import KeyAction, change_audited
from proxyapp.operators.key_adding import NewKey, add_keys
from proxyapp.operators.key_choice import UnclearChoice, choose
from proxyapp.operators.removal import remove_keys
from proxyapp.vocabulary.key_states import KeyState
from proxyapp.vocabulary.marks import gettext_noop as _

router = Router()
# A request to the provider for each, while the caller waits.
MOST_TESTED = 200


@router.get(
    "",
    summary=_("List keys"),
    description=_("By id. `next` is the `after` of the page behind this one; null: there is none."),
    **needs("view_apikey"),
)
def list_keys(
    request: HttpRequest,
    limit: Limit,
    group: Word,
    project: Word,
    name: Word,
    after: After,
    state: KeyState | None = None,
) -> dict[str, Any]:
    keys = ApiKey.objects.filter(pk__gt=after)
    if state is not None:
        keys = in_state(keys, KeyState(state), timezone.now())
    wanted = {"group__name__iexact": group, "project": project, "name": name}
    keys = keys.filter(**{column: value for column, value in wanted.items() if value})
    return key_page(keys, limit)


@router.get("/{int:key_id}", summary=_("Show a key"), **needs("view_apikey"))
def show_key(request: HttpRequest, key_id: int) -> dict[str, Any]:
    return keys_json([found(ApiKey, key_id).pk])[0]


@router.post(
    "",
    summary=_("Add keys"),
    description=_("All of them, or none. A key that is there already stays where it is."),
    **needs("add_apikey"),
)
def add(request: HttpRequest, body: NewKeys) -> dict[str, Any]:
    group = group_named(body.group)
    given = checked_keys(body.keys, group)
    once = {key.secret: key for key in given}
    new = [NewKey(key.secret, key.name, key.project, _further(vars(key))) for key in once.values()]
    added = add_keys(group, new, caller_of(request).actor)
    return {
        "added": [{"id": key.pk, "name": key.name, "masked": key.masked} for key in added.keys],
        "already_there": added.were_there,
        "given_twice": len(given) - len(once),
    }


def _further(settings: dict[str, Any]) -> dict[str, Any]:
    own = ("secret", "name", "project")
    return {name: value for name, value in settings.items() if name not in own}


@router.patch("/{int:key_id}", summary=_("Change a key"), **needs("change_apikey"))
def change(request: HttpRequest, key_id: int, body: KeyChange) -> dict[str, Any]:
    given = body.fields
    group = group_named(given.pop("group")) if given.get("group") else None
    given.pop("group", None)
    change_key(key_id, checked_key_settings(given), group, caller_of(request))
    return keys_json([key_id])[0]


@router.post(
    "/release",
    summary=_("Release keys"),
    description=_("Ends their cooldowns, and those of their projects."),
    **needs("change_apikey"),
)
def release(request: HttpRequest, body: Chosen) -> dict[str, Any]:
    return _act(request, "release", body)


@router.post(
    "/disable",
    summary=_("Disable keys"),
    description=_("`without_a_usable_key`: how many client tokens have none any more."),
    **needs("change_apikey"),
)
def disable(request: HttpRequest, body: Chosen) -> dict[str, Any]:
    return _act(request, "disable", body)


@router.post("/enable", summary=_("Enable keys"), **needs("change_apikey"))
def enable(request: HttpRequest, body: Chosen) -> dict[str, Any]:
    return _act(request, "enable", body)


def _act(request: HttpRequest, action: KeyAction, body: Chosen) -> dict[str, Any]:
    ids = _chosen(body)
    with transaction.atomic():
        stranded = dependents(ids).stranded if action == "disable" else ()
        changed = change_audited(action, ids, caller_of(request).actor, timezone.now())
    return {
        "action": action,
        "keys": ids,
        "changed": sorted(changed),
        "without_a_usable_key": len(stranded),
    }


@router.post(
    "/test",
    summary=_("Test keys"),
    description=_(
        "Asks the provider, which costs no quota. Dead keys go out, invalid ones that work return."
    ),
    **needs("change_apikey"),
)
def test(request: HttpRequest, body: Chosen) -> list[dict[str, Any]]:
    ids = _chosen(body)
    if len(ids) > MOST_TESTED:
        words = f"{len(ids)} keys were chosen; {MOST_TESTED} are tested in a request."
        raise ApiRefusal(422, f"Nothing was tested: {words}")
    findings = key_tests.ask_provider(ids)
    changes = key_tests.follow_audited(findings, caller_of(request).actor)
    return [
        {
            "id": result.key_id,
            "ok": result.ok,
            "status": result.status,
            "message": result.message,
            "enabled": result.key_id in changes.enabled,
            "taken_out": result.key_id in changes.condemned,
        }
        for result in findings.results
    ]


@router.delete(
    "/{int:key_id}",
    summary=_("Delete a key"),
    description=_("Its usage stays."),
    **needs("delete_apikey"),
)
def delete(request: HttpRequest, key_id: int) -> dict[str, Any]:
    return {"deleted": remove_keys([found(ApiKey, key_id).pk], caller_of(request).actor)}


@router.post("/delete", summary=_("Delete keys"), **needs("delete_apikey"))
def delete_many(request: HttpRequest, body: Chosen) -> dict[str, Any]:
    return {"deleted": remove_keys(_chosen(body), caller_of(request).actor)}


def _chosen(body: Chosen) -> list[int]:
    """Each of them has to be there: a mistyped one changes nothing."""
    try:
        keys = choose(map(str, body.keys), is_exact=True)
    except UnclearChoice as unclear:
        raise ApiRefusal(404, str(unclear)) from None
    return list(keys.order_by("pk").values_list("pk", flat=True))
