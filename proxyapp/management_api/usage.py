"""What was used and what it cost."""

from datetime import date
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router

from proxyapp.management_api.problems import ApiRefusal
from proxyapp.management_api.rights import caller_of, needs, require
from proxyapp.operators.usage_ranges import RANGES, chosen_range, named_range
from proxyapp.operators.usage_report import usage_report
from proxyapp.operators.usage_texts import usage_json
from proxyapp.vocabulary.marks import gettext_noop as _

router = Router()
By = Literal["model", "client", "project", "group", "key"]
First = Annotated[date | None, Query(None, alias="from")]
Last = Annotated[date | None, Query(None, alias="to")]
RangeName = Annotated[str, Query("", max_length=20, alias="range")]


@router.get(
    "",
    summary=_("Show usage"),
    description=_("As `manage.py usage`: in days of UTC, this month if nothing else is said."),
    **needs("view_hourlyusage"),
)
def usage(request: HttpRequest, first: First, last: Last, name: RangeName, by: By = "model") -> Any:
    if by == "client":
        require(caller_of(request), "proxyapp.view_tokenusage")
    if name and name not in RANGES:
        raise _refusal("range", f"must be one of {', '.join(RANGES)}")
    now = timezone.now()
    try:
        days = named_range(name, now) if name else chosen_range(first, last, now)
    except ValueError as error:
        raise _refusal("from", str(error)) from None
    return usage_json(usage_report(by, days))


def _refusal(field: str, words: str) -> ApiRefusal:
    return ApiRefusal(422, "Nothing was read: see errors.", [(field, words)])
