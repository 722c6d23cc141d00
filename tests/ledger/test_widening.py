"""What is said of two models of one owner holds for all of them."""

from datetime import UTC, datetime, timedelta

from proxyapp.ledger.widening import Widening
from proxyapp.pool.cooldown_rows import NewCooldown

NOW = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)


def refused(model: str, *, project: str = "p", kind: str = "model_billing", hours: int = 0):
    at = NOW + timedelta(hours=hours)
    return NewCooldown(1, model, kind, 402, at, at + timedelta(hours=1), "", project=project)


def test_a_second_model_widens_and_the_same_one_again_does_not():
    widening = Widening()
    first, again = refused("a"), refused("a+google_search")

    assert (widening.widened(first), widening.widened(again)) == (first, again)
    second = widening.widened(refused("b"))
    assert (second.kind, second.model, second.project) == ("billing", "", "p")


def test_each_owner_and_each_time_is_by_itself():
    widening = Widening()
    of_all = [refused("a"), refused("b", project="q"), refused("c", project="")]

    assert [widening.widened(each) for each in of_all] == of_all
    late = refused("b", hours=2)
    assert widening.widened(late) == late


def test_other_kinds_never_widen():
    widening = Widening()
    of_all = [refused("a", kind="day"), refused("b", kind="day")]

    assert [widening.widened(each) for each in of_all] == of_all
