"""The request log: what became of clients' requests."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from ninja import Router

from proxyapp.management_api.given import After, Limit, Word
from proxyapp.management_api.problems import ApiRefusal
from proxyapp.management_api.rights import needs
from proxyapp.operators.request_search import find_requests, left_out
from proxyapp.operators.request_texts import requests_json
from proxyapp.operators.request_words import UnclearRequests, read_choice
from proxyapp.vocabulary.marks import gettext_noop as _
from proxyapp.vocabulary.time_zones import zone_named
from proxyapp.vocabulary.times import iso_utc

router = Router()


@router.get(
    "",
    summary=_("List requests"),
    description=_(
        "As `manage.py requests`, newest first. `next` is the `before` of the page behind this one."
    ),
    **needs("view_requestlogentry"),
)
def list_requests(
    request: HttpRequest,
    limit: Limit,
    before: After,
    since: Word,
    until: Word,
    client: Word,
    status: Word,
    outcome: Word,
    model: Word,
    group: Word,
    key: Word,
    id: Word,  # noqa: A002  # as the command's
) -> dict[str, Any]:
    words = {
        "since": since,
        "until": until,
        "client": client,
        "status": status,
        "outcome": outcome,
        "model": model,
        "group": group,
        "key": key,
        "id": id,
    }
    try:
        choice = read_choice(words, timezone.now(), zone_named(settings.TZ))
    except UnclearRequests as unclear:
        raise ApiRefusal(422, "Nothing was read: see errors.", unclear.problems.items()) from None
    found = find_requests(choice, limit, before_id=before)
    missing, failed = left_out(choice)
    back_to = found.looked_back_to
    return {
        "items": requests_json(found.rows),
        "next": found.next_id or None,
        "looked_back_to": iso_utc(back_to) if back_to else None,
        "not_in_the_log": {"requests": missing, "failed": failed},
    }
