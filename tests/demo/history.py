"""A week that never was: usage by the hour and the minute, and refusals as the gateway judges them.

The same at every start, relative to now. No cooldown holds any more, and no limit is learned:
today's are for the clients to run into.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from proxyapp.forwarding.judge import cooldown
from proxyapp.ledger.usage import AttemptOutcome
from proxyapp.ledger.usage_rows import write_usage
from proxyapp.pool.cooldown_rows import NewCooldown, write_cooldowns
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.store import PoolReader
from proxyapp.provider.verdict import judge
from tests.demo.cast import (
    BY_SECRET,
    DAILY_GROUP,
    DEAD_KEY,
    FLASH,
    FREE,
    FREE_GROUP,
    KEYS,
    LITE,
    PAID_GROUP,
    PRO,
    Key,
)
from tests.demo.traffic import DAYS, Rates, rates, tally_of
from tests.support.fake_gemini import recorded_error
from tests.support.fake_quotas import Refusal, day_of

SEED = 3
MINUTE_REFUSALS = 100 * DAYS
UNEXPLAINED_REFUSALS = 3 * DAYS
STATUS = 429


class WrongDatabase(Exception):
    """Nothing is made up for real keys."""


class Refused(NamedTuple):
    key: Key
    model: str
    at: datetime
    body: Mapping[str, Any]


def write_history(now: datetime) -> None:
    """Raises WrongDatabase."""
    keys = {key.secret: key for key in PoolReader().load(now).keys.values()}
    if keys.keys() != BY_SECRET.keys():
        raise WrongDatabase("This database is not a demo's: it has other keys.")
    chance = Random(SEED)
    attempts = rates(now, chance)
    tally = tally_of(attempts, {keys[secret].id: key for secret, key in BY_SECRET.items()}, chance)
    cooldowns = []
    for refused in refusals(attempts, chance):
        imposed = _judged(refused, keys[refused.key.secret])
        if imposed.until <= now:
            cooldowns.append(replace(imposed, learned=()))  # the demo shows how that is learned
            tally.count(
                imposed.key_id, refused.model, AttemptOutcome.RATE_LIMITED, refused.at.timestamp()
            )
    write_cooldowns(cooldowns)
    write_usage(tally)


def refusals(attempts: Rates, chance: Random) -> list[Refused]:
    """In the order of time."""
    free = [key for key in KEYS if key.group == FREE_GROUP and key.name != DEAD_KEY]
    paid = [key for key in KEYS if key.group == PAID_GROUP]
    found = [
        *_of_minutes(free, attempts, chance),
        *_unexplained(paid, attempts, chance),
        *_of_days(attempts, chance),
    ]
    return sorted(found, key=lambda refused: refused.at)


def _of_minutes(keys: list[Key], attempts: Rates, chance: Random) -> Iterator[Refused]:
    for at in _moments(MINUTE_REFUSALS, attempts, chance):
        model = chance.choice([FLASH, FLASH, LITE])
        yield _by_quota(chance.choice(keys), model, at, retry_seconds=chance.uniform(2, 55))


def _unexplained(keys: list[Key], attempts: Rates, chance: Random) -> Iterator[Refused]:
    for at in _moments(UNEXPLAINED_REFUSALS, attempts, chance):
        yield Refused(
            chance.choice(keys), chance.choice([FLASH, PRO]), at, recorded_error("429_help_only")
        )


def _of_days(attempts: Rates, chance: Random) -> Iterator[Refused]:
    """One a day for each project that is free.

    It is of the pro model, or under the policy `daily` of any.
    """
    end = max(attempts) * 60
    of_projects = {key.project: key for key in KEYS if key.group in (FREE_GROUP, DAILY_GROUP)}
    for key in of_projects.values():
        seconds_ago = chance.uniform(0, 6 * 3600)
        for day in range(DAYS):
            at = datetime.fromtimestamp(end - seconds_ago, UTC) - timedelta(days=day)
            yield _by_quota(key, PRO, at)


def _moments(count: int, attempts: Rates, chance: Random) -> Iterator[datetime]:
    """More of them where there was more traffic."""
    for minute in chance.choices(list(attempts), list(attempts.values()), k=count):
        yield datetime.fromtimestamp(minute * 60 + chance.uniform(0, 59), UTC)


def _by_quota(key: Key, model: str, at: datetime, *, retry_seconds: float | None = None) -> Refused:
    """`retry_seconds` None: it was the day's."""
    now = at.timestamp()
    is_day = retry_seconds is None
    refusal = Refusal(
        model, FREE[model], not is_day, is_day, retry_seconds or 60 - now % 60, day_of(now)[1] - now
    )
    return Refused(key, model, at, refusal.body)


def _judged(refused: Refused, key: PoolKey) -> NewCooldown:
    body = json.dumps(refused.body).encode()
    verdict = judge(
        status=STATUS,
        headers=[],
        body=body,
        path=f"/v1beta/models/{refused.model}:generateContent".encode(),
        model=refused.model,
        policy=key.group.policy,
        now=refused.at,
    )
    assert verdict
    return replace(cooldown(key, verdict, STATUS, body, refused.at), learned=())
