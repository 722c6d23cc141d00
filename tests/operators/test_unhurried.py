"""Reports of many rows leave the interpreter to requests now and then."""

from typing import Any

import pytest

from proxyapp.operators import unhurried
from proxyapp.operators.explaining import AskedModel, explain
from proxyapp.operators.quota_report import QuotaChoice, quota_report
from tests.support.pool_data import add_group, add_key

FLASH = "gemini-2.5-flash"


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Those that were made; one is due after each two."""
    made: list[float] = []
    monkeypatch.setattr(unhurried, "PIECES", 2)
    monkeypatch.setattr("proxyapp.operators.unhurried.time.sleep", made.append)
    return made


def test_it_pauses_after_each_so_many(pauses: list[Any]) -> None:
    assert list(unhurried.unhurried("abcde")) == list("abcde")
    assert pauses == [unhurried.PAUSE_SECONDS] * 2


@pytest.mark.django_db
def test_the_reports_of_quotas_and_of_the_next_key_do(pauses: list[Any]) -> None:
    group = add_group(limits={FLASH: {"requests_per_day": 10}})
    for name in ("aaaa", "bbbb", "cccc", "dddd"):
        add_key(group, name)

    assert len(quota_report(QuotaChoice())) == 4
    assert len(pauses) == 2
    explain(AskedModel(FLASH))
    assert len(pauses) == 4
