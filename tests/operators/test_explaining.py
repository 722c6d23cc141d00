"""Which key would answer now, and why the others would not."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from proxyapp.models import ApiKey, ClientToken, QuotaHolder, QuotaShare, RotationCursor
from proxyapp.operators.explaining import AskedModel, Explanation, ModelStep, explain
from proxyapp.operators.key_reasons import Reason
from tests.support.client_tokens import add_token
from tests.support.pool_data import add_group, add_key, condemn, cool, use

pytestmark = pytest.mark.django_db
FLASH, PRO = "gemini-2.5-flash", "gemini-2.5-pro"
NOW = datetime(2026, 11, 24, 22, 30, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def at_now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def only(**wish: Any) -> ModelStep:
    explanation = explained(**wish)
    (step,) = explanation.steps
    return step


def explained(model: str = FLASH, **wish: Any) -> Explanation:
    return explain(AskedModel(model, **wish))


def reason_of(step: ModelStep, key: ApiKey) -> tuple[Reason, str, datetime | None]:
    (found,) = [verdict for verdict in step.keys if verdict.key.id == key.pk]
    return found.reason, found.detail, found.until


def next_id(step: ModelStep) -> int | None:
    return step.next_key.key.id if step.next_key else None


def test_the_next_is_whose_turn_it_is_by_the_cursor() -> None:
    group = add_group()
    one, two = add_key(group, "aaaa"), add_key(group, "bbbb")
    assert next_id(only()) == one.pk
    RotationCursor.objects.create(ring="", position=3)
    assert next_id(only()) == two.pk
    cool(two, NOW + timedelta(hours=1))
    assert next_id(only()) == one.pk


def test_every_key_that_is_out_says_why() -> None:
    group = add_group(limits={FLASH: {"requests_per_day": 10}}, max_concurrent=None)
    free = add_key(group, "free")
    disabled = add_key(group, "disa", status="disabled", status_reason="lent out")
    dead = add_key(group, "dead")
    condemn(dead)
    cooling = add_key(group, "cool", project="alpha")
    beside = add_key(group, "besi", project="alpha")
    event = cool(
        cooling, NOW + timedelta(hours=2), kind="requests_per_minute", model=FLASH, project="alpha"
    )
    used_up = add_key(group, "used")
    use(used_up, NOW, FLASH, succeeded=10)
    busy = add_key(group, "busy", max_concurrent=2)
    holder = QuotaHolder.objects.create(name="p 1", seen_at=NOW)
    QuotaShare.objects.create(
        holder=holder, owner=f"key:{busy.pk}", meter="max_concurrent", used=2, told_at=NOW
    )
    unreadable = add_key(group, "unre")
    ApiKey.objects.filter(pk=unreadable.pk).update(secret="")

    step = only()

    assert next_id(step) == free.pk
    assert reason_of(step, free)[0] is Reason.ANSWERS
    assert reason_of(step, disabled) == (Reason.DISABLED, "lent out", None)
    assert reason_of(step, dead) == (Reason.INVALID, "API key expired.", None)
    for key in (cooling, beside):
        reason, _, until = reason_of(step, key)
        assert (reason, until) == (Reason.COOLING, NOW + timedelta(hours=2))
    assert {verdict.event_id for verdict in step.keys if verdict.event_id} == {event.pk}
    reason, detail, until = reason_of(step, used_up)
    assert (reason, until) == (Reason.USED_UP, MIDNIGHT)
    assert detail == "10 of 10 requests/day (100 %), group main"
    assert reason_of(step, busy)[:2] == (
        Reason.BUSY,
        f"2 of 2 at a time (100 %), key {busy.masked}",
    )
    assert reason_of(step, unreadable)[0] is Reason.UNREADABLE
    assert sum(step.counts.values()) == 8


def test_a_limit_of_another_model_is_in_nobodys_way() -> None:
    group = add_group(limits={FLASH: {"requests_per_day": 10}})
    use(add_key(group, "used"), NOW, FLASH, succeeded=10)
    assert only(model=PRO).next_key is not None
    step = only()
    assert (step.next_key, step.back_at) == (None, MIDNIGHT)


def test_a_key_that_comes_back_from_a_days_limit_is_tried_by_one_request() -> None:
    key = add_key(add_group(rate_limit_policy="quota_aware"), "back")
    cool(key, NOW - timedelta(minutes=5), kind="day", model=FLASH)
    step = only()
    assert reason_of(step, key)[0] is Reason.PROBATION
    assert next_id(step) == key.pk


def test_groups_of_lower_priority_wait() -> None:
    first, second = add_group("first", priority=1), add_group("second", priority=2)
    free, paid = add_key(first, "free"), add_key(second, "paid")
    assert reason_of(only(), paid)[:2] == (
        Reason.LOWER,
        "it has 2, and 1 comes before",
    )
    cool(free, NOW + timedelta(hours=1))
    step = only()
    assert next_id(step) == paid.pk
    assert reason_of(step, paid)[0] is Reason.ANSWERS


def test_a_group_that_has_used_its_part_of_the_day_is_passed_over() -> None:
    day = {FLASH: {"requests_per_day": 10}}
    first = add_group("first", priority=1, limits=day, spill_after=0.5)
    free, paid = add_key(first, "free"), add_key(add_group("second", priority=2), "paid")
    use(free, NOW, FLASH, succeeded=4)
    assert next_id(only()) == free.pk
    use(free, NOW.replace(hour=10), FLASH, succeeded=1)
    step = only()
    assert next_id(step) == paid.pk
    assert reason_of(step, free)[0] is Reason.SPILLED


def test_a_strategy_says_how_the_next_is_chosen() -> None:
    group = add_group(strategy="least_used")
    one, two = add_key(group, "aaaa"), add_key(group, "bbbb")
    use(one, NOW, FLASH, succeeded=4)
    step = only()
    assert next_id(step) == two.pk
    assert step.how.startswith("least_used")


def test_models_aliases_and_fallbacks_are_steps_one_after_the_other() -> None:
    main = add_group("main", aliases={"fast": FLASH}, fallbacks={FLASH: [PRO]}, models=[FLASH])
    other = add_group("other", models=[PRO])
    out, there = add_key(main, "aaaa"), add_key(other, "bbbb")
    cool(out, NOW + timedelta(hours=1))

    explanation = explained("fast")

    assert [(step.model, step.why) for step in explanation.steps] == [
        (FLASH, "what fast is an alias of"),
        (PRO, "fallback, where no key is left before"),
    ]
    assert explanation.steps[0].lacking == ["other"]
    assert explanation.answering is explanation.steps[1]
    assert next_id(explanation.steps[1]) == there.pk
    assert "No group has the model 'gpt-4'" in explained("gpt-4").problem


def test_a_group_that_is_asked_for_is_the_only_one() -> None:
    add_key(add_group("main"), "aaaa")
    key = add_key(add_group("other"), "bbbb")
    assert [verdict.key.id for verdict in only(group="other").keys] == [key.pk]
    assert explained(group="nobody").problem == "There is no group 'nobody'."


def test_a_token_has_its_own_groups_and_models_and_may_be_over() -> None:
    main, other = add_group("main", models=[FLASH, PRO]), add_group("other")
    key = add_key(main, "aaaa")
    add_key(other, "bbbb")
    token = add_token("app", groups=[main], models=[PRO]).pk
    explanation = explained(PRO, token_id=token)
    assert explanation.barred == ["other"]
    assert [verdict.key.id for verdict in explanation.steps[0].keys] == [key.pk]
    assert f"may not ask for the model '{FLASH}'" in explained(FLASH, token_id=token).problem
    assert "may not use the keys" in explained(PRO, group="other", token_id=token).problem
    over = add_token("old", expires_at=NOW - timedelta(days=1)).pk
    assert explained(token_id=over).problem == "The client token has expired: it gets 401."
    gone = add_token("gone")
    ClientToken.objects.filter(pk=gone.pk).update(revoked_at=NOW)
    assert explained(token_id=gone.pk).problem == "The client token is revoked: it gets 401."
