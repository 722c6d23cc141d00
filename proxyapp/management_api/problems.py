"""What the management API answers when it refuses: problem details (RFC 9457), with what to do.

No text repeats a value that was sent: it may be a key.
"""

import json
from collections.abc import Iterable, Mapping

from django.http import HttpResponse

TITLES = {
    400: "Bad request",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    422: "Not valid",
    429: "Too many bad tokens",
    503: "Database away",
}
Field = tuple[str, str]
"""Where something is wrong, and what."""


class ApiRefusal(Exception):
    def __init__(self, status: int, detail: str, fields: Iterable[Field] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.fields = list(fields)


def problem(
    status: int,
    detail: str,
    fields: Iterable[Field] = (),
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    errors = [{"field": field, "message": message} for field, message in fields]
    said = {"type": "about:blank", "title": TITLES.get(status, "Error"), "status": status}
    body = {**said, "detail": detail, **({"errors": errors} if errors else {})}
    return HttpResponse(
        json.dumps(body, ensure_ascii=False),
        status=status,
        content_type="application/problem+json",
        headers={"Cache-Control": "no-store, private", **(headers or {})},
    )
