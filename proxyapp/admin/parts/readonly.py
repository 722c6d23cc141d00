"""Pages of what the gateway writes by itself: to look at, not to edit."""

import json
from datetime import datetime
from typing import TypeVar

from django.db import models
from django.http import HttpRequest

from proxyapp.admin.parts.unfold_typed import ModelAdmin
from proxyapp.vocabulary import shown_times

NOTHING = "-"

Row = TypeVar("Row", bound=models.Model)


class ReadOnlyAdmin(ModelAdmin[Row]):
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False


def second_text(moment: datetime | None) -> str:
    """A dash for None: on the page of one row the admin itself would write None."""
    return shown_times.second_text(moment) if moment else NOTHING


def seconds_text(seconds: float) -> str:
    """`58 s` or `58.25 s`: as it was stated, to the millisecond."""
    return f"{seconds:.3f}".rstrip("0").rstrip(".") + " s"


def pretty(text: str) -> str:
    """JSON on many lines; what is none, or only its start, as it is."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text
