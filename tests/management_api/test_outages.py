"""While the database is away the management API says so, as JSON."""

from types import SimpleNamespace

import pytest
from django.db import OperationalError
from django.utils import timezone

from proxyapp import runtime
from proxyapp.database.outage import Outage
from proxyapp.management_api.outages import away_problem
from proxyapp.migrations._roles import ADMIN
from tests.support.operator_tokens import api_of

GONE = OperationalError("server closed the connection unexpectedly")


def fail(*args: object, **more: object) -> None:
    raise GONE


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("place", "path"),
    [("rights", "keys"), ("answer", "quota")],
    ids=["the token cannot be read", "what is asked for cannot"],
)
def test_a_request_that_finds_it_out_is_told(monkeypatch, place: str, path: str):
    api = api_of(ADMIN)
    if place == "rights":
        monkeypatch.setattr("proxyapp.management_api.rights.find_caller", fail)
    else:
        monkeypatch.setattr("proxyapp.management_api.records.quota_report", fail)

    answer = api.get(path)

    assert (answer.status_code, answer["Content-Type"]) == (503, "application/problem+json")
    assert answer["Retry-After"] == "5"
    assert "database is away" in answer.json()["detail"]


def test_while_the_process_knows_nobody_waits_for_it(monkeypatch):
    threads = SimpleNamespace(outage=Outage(timezone.now(), "it does not answer"))
    monkeypatch.setattr(runtime, "current", lambda: SimpleNamespace(threads=threads))

    told = away_problem()

    assert told is not None
    assert (told.status_code, told["Retry-After"]) == (503, "5")
