"""A storm over many projects, through the real request code.

Minute limits, day limits and dead keys come at once.
"""

import asyncio
import itertools
import math
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
from asgiref.sync import sync_to_async

from proxyapp import runtime
from proxyapp.models import ApiKey, Group, RateLimitEvent
from proxyapp.vocabulary.choices import KeyStatus
from tests.support.asgi_request import generate
from tests.support.fake_quotas import MINUTE_SECONDS, Limits, Quotas, Refusal, day_of
from tests.support.fake_upstream import FakeUpstream

FLASH, PRO = "gemini-2.5-flash", "gemini-2.5-pro"
PROJECTS, KEYS, REQUESTS = 50, 200, 5000
MANY = 10**6
DAY, MINUTE, PLENTY = Limits(MANY, 20), Limits(30, MANY), Limits(MANY, MANY)
# Of every five projects two have little for a day, two have little for a minute, and one has
# plenty.
LIMITS = {
    f"project-{number}": (DAY, MINUTE, DAY, MINUTE, PLENTY)[number % 5]
    for number in range(PROJECTS)
}
ANSWERS = {
    (project, FLASH): min(limits.per_minute, limits.per_day) for project, limits in LIMITS.items()
}
OWNERS = {f"KEY-{number}": f"project-{number % PROJECTS}" for number in range(KEYS)}
DEAD = {f"KEY-{10 * number + number % 10}" for number in range(20)}
LIMITED = sum(limits != PLENTY for limits in LIMITS.values())


class Refused(NamedTuple):
    """What the upstream refused, or what an event says that it did."""

    key: str
    project: str
    model: str
    kind: str


class QuotasByProject(Quotas):
    """Those of LIMITS for FLASH; PRO has none. `refusals`: in their order."""

    def __init__(self) -> None:
        super().__init__({}, OWNERS)
        self._by_limits = {
            limits: Quotas({FLASH: limits}, OWNERS) for limits in (DAY, MINUTE, PLENTY)
        }
        self.refusals: list[Refused] = []

    def ask(self, key: str, model: str, now: float) -> Refusal | None:
        project = OWNERS[key]
        refusal = self._by_limits[LIMITS[project]].ask(key, model, now)
        if refusal:
            self.refusals.append(
                Refused(key, project, model, "day" if refusal.is_day else "minute")
            )
        else:
            self.answered[project, model] += 1
        return refusal


@dataclass(frozen=True)
class Storm:
    """`dead`: how often each dead key was asked.

    `windows`: in how many a project could be refused, by kind.
    """

    statuses: Counter[int]
    quotas: QuotasByProject
    dead: Counter[str]
    events: Counter[Refused]
    invalid: set[str]
    windows: dict[str, int]

    def refusals(self, kind: str) -> list[float]:
        """Of each project, in a window."""
        by_project = Counter(
            refused.project for refused in self.quotas.refusals if refused.kind == kind
        )
        return [count / self.windows[kind] for count in by_project.values()]


# The storm.


async def storm(upstream: FakeUpstream, clients: int) -> Storm:
    """The upstream's clock stands still.

    So the quotas get no fuller, however long the storm takes.
    """
    secrets = await sync_to_async(add_keys)(upstream.url)
    quotas = upstream.quotas = QuotasByProject()
    upstream.keys = OWNERS.keys() - DEAD
    began = time.time()
    upstream.clock = lambda: began
    await runtime.startup()
    try:
        statuses = await load(clients)
    finally:
        await runtime.shutdown()
    ended = time.time()
    return Storm(
        statuses,
        quotas,
        dead=Counter(r.key for r in upstream.requests if r.key in DEAD and r.method == "POST"),
        events=await sync_to_async(events)(secrets),
        invalid=await sync_to_async(invalid)(),
        windows={
            "minute": 1 + int((ended - began) // MINUTE_SECONDS),
            "day": len({day_of(began), day_of(ended)}),
        },
    )


def add_keys(target_url: str) -> dict[int, str]:
    """The secrets by id."""
    group = Group.objects.create(
        name="g", target_url=target_url, auth="google", rate_limit_policy="quota_aware"
    )
    keys = [
        ApiKey(group=group, position=number, project=project)
        for number, project in enumerate(OWNERS.values())
    ]
    for key, secret in zip(keys, OWNERS, strict=True):
        key.set_secret(secret)
    return {
        key.pk: secret for key, secret in zip(ApiKey.objects.bulk_create(keys), OWNERS, strict=True)
    }


def events(secrets: dict[int, str]) -> Counter[Refused]:
    rows = RateLimitEvent.objects.values_list("key_id", "project", "model", "kind")
    return Counter(Refused(secrets[key_id], *said) for key_id, *said in rows)


def invalid() -> set[str]:
    return {str(key.secret) for key in ApiKey.objects.filter(status=KeyStatus.INVALID)}


async def load(clients: int) -> Counter[int]:
    """How many answers had which status. Every tenth request is for PRO."""
    statuses: Counter[int] = Counter()
    models = itertools.islice(itertools.cycle([*[FLASH] * 9, PRO]), REQUESTS)

    async def client() -> None:
        for model in models:
            statuses[await generate(model)] += 1

    async with asyncio.timeout(120):
        await asyncio.gather(*(client() for _ in range(clients)))
    return statuses


@pytest.fixture
def _patient(settings: Any) -> None:
    """Allows as many attempts as there are keys.

    Four of five projects run out within the same laps: ten bad keys can stand in a row before one
    that is good.
    """
    settings.MAX_ATTEMPTS = KEYS


@pytest.mark.usefixtures("async_database", "_patient")
async def test_a_storm_costs_no_client_its_answer_and_takes_out_no_key_without_a_refusal(
    upstream: FakeUpstream,
):
    found = await storm(upstream, clients=64)

    assert found.statuses == {200: REQUESTS}
    used = {
        project: found.quotas.answered[project] for project, most in ANSWERS.items() if most < MANY
    }
    assert used == {project: ANSWERS[project] for project in used}, "a quota was left"
    of_quotas = Counter(
        {event: count for event, count in found.events.items() if event.kind != "dead_key"}
    )
    assert of_quotas <= Counter(found.quotas.refusals), "a cooldown without a refusal"
    assert {event[1:] for event in of_quotas} == {refused[1:] for refused in found.quotas.refusals}
    assert found.events - of_quotas == Counter(Refused(key, "", "", "dead_key") for key in DEAD)
    assert found.invalid == DEAD


@pytest.mark.usefixtures("async_database", "_patient")
@pytest.mark.parametrize("clients", [8, 64])
async def test_a_project_is_refused_as_often_as_it_is_asked_at_once_and_a_dead_key_once(
    upstream: FakeUpstream, clients: int
):
    """What is under way with a project when it is first refused is refused, too.

    Rotation spreads the clients over the projects that are left: fifty at first, thirty when the
    second twenty run out, and ten besides itself for the last of these. So where the clients are
    fewer it is one.
    """
    found = await storm(upstream, clients)

    refusals = [*found.refusals("day"), *found.refusals("minute")]
    assert len(refusals) == LIMITED
    assert sum(refusals) / LIMITED <= max(1.1, math.ceil(clients / 30))
    assert max(refusals) <= math.ceil(clients / 10) + 1
    assert found.dead == Counter(DEAD), "a lap is longer than what is under way"
