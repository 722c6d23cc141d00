"""What the management API answers while the database is away."""

from django.http import HttpResponse

from proxyapp import runtime
from proxyapp.management_api.problems import problem

RETRY_SECONDS = 5


def away_problem() -> HttpResponse | None:
    """None: the database is there, as far as this process knows."""
    current = runtime.current()
    outage = current.threads.outage if current else None
    return database_away(outage.reason) if outage else None


def database_away(reason: str) -> HttpResponse:
    detail = f"The gateway's database is away ({reason}). Nothing was changed; ask again."
    return problem(503, detail, headers={"Retry-After": str(RETRY_SECONDS)})
