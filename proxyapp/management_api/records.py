"""What happened and what is left: events, usage, quotas, and which key would answer."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router

from proxyapp.management_api.given import After, Id, Ids, Limit, ModelName, Moment, MostKeys, Word
from proxyapp.management_api.problems import ApiRefusal
from proxyapp.management_api.rights import caller_of, needs, require
from proxyapp.management_api.rows import found
from proxyapp.models import ClientToken
from proxyapp.operators.event_report import EventChoice, event_page, release_audited
from proxyapp.operators.explaining import AskedModel, explain
from proxyapp.operators.explanation_texts import explanation_json
from proxyapp.operators.quota_report import QuotaChoice, quota_report
from proxyapp.operators.quota_texts import quota_json
from proxyapp.vocabulary.marks import gettext_noop as _

router = Router()


@router.get(
    "/events",
    summary=_("List events"),
    description=_(
        "Newest first. `next` is the `cursor` of the page behind this one; null: there is none."
    ),
    **needs("view_ratelimitevent"),
)
def list_events(
    request: HttpRequest,
    limit: Limit,
    group: Word,
    project: Word,
    model: Word,
    kind: Word,
    cursor: Word,
    key: Id,
    since: Moment,
    until: Moment,
    active: bool = False,
) -> dict[str, Any]:
    choice = EventChoice(
        key=key,
        group=group,
        project=project,
        model=model,
        kind=kind,
        is_active=active,
        since=since,
        until=until,
    )
    try:
        items, more = event_page(choice, cursor, limit, timezone.now())
    except ValueError as error:
        raise ApiRefusal(422, "Nothing was read: see errors.", [("cursor", str(error))]) from None
    return {"items": items, "next": more}


@router.post(
    "/events/release",
    summary=_("Release cooldowns"),
    description=_("Ends these cooldowns only; `released`: those that were still active."),
    **needs("change_ratelimitevent"),
)
def release(request: HttpRequest, body: Ids) -> dict[str, Any]:
    actor = caller_of(request).actor
    return {"released": release_audited(body.ids, actor, timezone.now())}


@router.get(
    "/quota",
    summary=_("Show quotas"),
    description=_("As `manage.py quota`; what is used most comes first."),
    **needs("view_hourlyusage"),
)
def quota(
    request: HttpRequest,
    limit: Limit,
    project: Word,
    group: Word,
    model: Word,
    offset: After,
    nearly: bool = False,
) -> dict[str, Any]:
    rows = quota_report(QuotaChoice(project, group, model.strip(), nearly))
    behind = offset + limit
    return {
        "items": quota_json(rows[offset:behind]),
        "total": len(rows),
        "next": behind if behind < len(rows) else None,
    }


@router.get(
    "/explain",
    summary=_("Say which key would answer"),
    description=_("As `manage.py explain`. `token`: the id of a client token. `most`: keys shown."),
    **needs("view_apikey"),
)
def explain_model(
    request: HttpRequest,
    group: Word,
    model: ModelName,
    token: Id,
    most: MostKeys,
) -> Any:
    if token is not None:
        require(caller_of(request), "proxyapp.view_clienttoken")
        found(ClientToken, token)
    return explanation_json(explain(AskedModel(model.strip(), group.strip(), token)), most)
