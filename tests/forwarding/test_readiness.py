"""Why no request can be served: in English for programs, in its reader's language for a page."""

import pytest
from django.utils import translation

from proxyapp.database.outage import REASONS
from proxyapp.forwarding import views
from proxyapp.vocabulary.told import shown


async def test_why_the_database_is_away_is_in_the_language_of_the_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def trouble() -> str:
        return REASONS["DiskFull"]

    monkeypatch.setattr(views, "database_trouble", trouble)
    monkeypatch.setattr(views, "current_runtime", lambda: None)

    (problem,) = (await views.readiness()).problems

    assert problem == "the database is away: its disk is full"
    with translation.override("zh-hans"):
        assert shown(problem).endswith("磁盘已满")
