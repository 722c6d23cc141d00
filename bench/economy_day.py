"""The gateway's own pool, rotation and verdicts in a simulated day of requests.

They work against Google's quotas. No server, no database, no waiting: the clock goes from arrival
to arrival. Requests of a burst come at one moment and are answered one after the other; clients do
not wait for a key (QUEUE_SECONDS=0). Needs Django to be set up.
"""

import functools
import json
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from django.conf import settings

from bench.economy_figures import DayFigures
from bench.economy_hostile import TrickRefusal, tricks, with_hostile
from bench.economy_world import Arrival, Room, World, arrivals
from proxyapp.forwarding.judge import cooldown
from proxyapp.forwarding.suspicions import Suspicions
from proxyapp.ledger.cooldown_writer import apply
from proxyapp.pool.cooldowns import Cooldowns
from proxyapp.pool.cursor import Lease, lease_slots
from proxyapp.pool.keys_and_groups import GroupFields, PoolKey, pool_group
from proxyapp.pool.leasing import FEWEST_PICKS
from proxyapp.pool.probation import Recovery
from proxyapp.pool.ring_names import ALL_GROUPS
from proxyapp.pool.rotor import Rotor
from proxyapp.pool.snapshot import build
from proxyapp.provider.kind_spec import Retry
from proxyapp.provider.verdict import Verdict, judge
from proxyapp.vocabulary.choices import DEFAULT_TARGET_URL, Auth, KeyStatus
from tests.support.fake_quotas import Quotas, Refusal

AnyRefusal = Refusal | TrickRefusal
JUDGE_ROUNDS = 5
HEADERS = [(b"content-type", b"application/json; charset=UTF-8")]


class Judge:
    """The gateway's, which keeps its cases to be measured with."""

    def __init__(self) -> None:
        self._cases: list[Callable[[], Verdict | None]] = []

    def verdict(
        self, key: PoolKey, refusal: AnyRefusal, body: bytes, now: datetime, strikes: int
    ) -> Verdict | None:
        """What takes something out is judged again, by what of the request may be the reason."""
        case = functools.partial(
            judge,
            status=refusal.status,
            headers=HEADERS,
            body=body,
            path=f"/v1beta/models/{refusal.model}:generateContent".encode(),
            model=refusal.model,
            policy=key.group.policy,
            now=now,
            strikes=strikes,
        )
        self._cases.append(case)
        found = case()
        if found is None or not found.takes_out or not isinstance(refusal, TrickRefusal):
            return found
        return case(use=refusal.use)

    @property
    def calls(self) -> int:
        return len(self._cases)

    def seconds(self) -> float:
        """For all cases once more, in seconds.

        The fastest of several rounds: other work on the machine only adds.
        """
        return min(self._round() for _ in range(JUDGE_ROUNDS))

    def _round(self) -> float:
        began = time.perf_counter()
        for case in self._cases:
            case()
        return time.perf_counter() - began


class Gateway:
    """One process, at times that the caller names.

    A request goes the way of `proxyapp.forwarding.search.Search`.
    """

    def __init__(self, world: World, policy: str, quotas: Quotas) -> None:
        fields = GroupFields(
            1,
            "economy",
            DEFAULT_TARGET_URL,
            None,
            Auth.GOOGLE,
            has_single_credential=False,
            policy=policy,
        )
        group = pool_group(fields)
        keys = [
            PoolKey(number, group, secret, "…", KeyStatus.ACTIVE, project)
            for number, (secret, project) in enumerate(world.owners.items())
        ]
        self._snapshot = build(1, [group], keys, Cooldowns())
        self._recovery = Recovery(self._snapshot.past_refusals)
        self._rotor = Rotor(self._snapshot.rings[ALL_GROUPS])
        self._quotas = quotas
        self.judge = Judge()
        self.tricked = 0

    def answer(self, model: str, now: float, trick: TrickRefusal | None = None) -> PoolKey | None:
        """The key that answers; None: the client gets an error."""
        attempts, tried, suspicions = 0, set[int](), Suspicions()
        while attempts < settings.MAX_ATTEMPTS and (key := self._untried_key(model, now, tried)):
            tried.add(key.id)
            self.tricked += trick is not None
            refusal = trick or self._quotas.ask(key.secret, model, now)
            if refusal is None:
                self._recovery.succeeded(key, model, now)
                return key
            verdict = self._judged(key, refusal, now)
            if verdict is None or verdict.retry is Retry.RELAY:
                return None
            attempts += verdict.kind.spec.is_attempt
            if verdict.doubt.ends_search:
                tried.update(self._snapshot.sharing(key.id, key.project))
                if suspicions.is_requests_own(key, verdict):
                    return None
        return None

    def _untried_key(self, model: str, now: float, tried: set[int]) -> PoolKey | None:
        for _ in self._rotor.ring.keys:
            key = self._next_key(model, now)
            if key is None or key.id not in tried:
                return key
        return None

    def _next_key(self, model: str, now: float) -> PoolKey | None:
        """As `Leasing.next_key`, with leases of its own."""
        rotor, ring = self._rotor, self._rotor.ring
        available = ring.available(now, model).count
        if not available:
            return None
        if ring.is_narrowed(model):
            return rotor.pick_apart(model, now)
        while (pick := rotor.pick(now)) is None:
            slots = lease_slots(len(ring), available, FEWEST_PICKS)
            rotor.add(Lease(rotor.position, rotor.position + slots, version=0))
        return pick.key

    def _judged(self, key: PoolKey, refusal: AnyRefusal, now: float) -> Verdict | None:
        """The key is out, if that is the verdict, when this returns."""
        body, moment = json.dumps(refusal.body).encode(), datetime.fromtimestamp(now, UTC)
        strikes = self._recovery.strikes(key, refusal.model, now)
        verdict = self.judge.verdict(key, refusal, body, moment, strikes)
        if verdict and verdict.until and not verdict.needs_proof:
            apply(
                cooldown(key, verdict, refusal.status, body, moment), self._snapshot, self._recovery
            )
        return verdict


def simulated(
    world: World, load: float, policy: str, requests: Iterable[Arrival], *, is_even: bool
) -> DayFigures:
    began = time.perf_counter()
    quotas, of_trick = Quotas(world.limits, world.owners), tricks(list(world.limits))
    gateway, room = Gateway(world, policy, quotas), Room(world, quotas)
    offered = missed = hostile = 0
    for now, model, name in requests:
        if name:
            hostile += 1
            gateway.answer(of_trick[name].model, now, of_trick[name])
            continue
        offered += 1
        if key := gateway.answer(model, now):
            room.note(key.project, model, now)
        else:
            missed += room.is_left(model, now)
    seconds = time.perf_counter() - began
    return DayFigures(
        load=load,
        is_even=is_even,
        policy=policy,
        offered=offered,
        quota=sum(world.quota(model) for model in world.limits),
        answered=quotas.answered.total(),
        missed=missed,
        refused=quotas.refused.total() + gateway.tricked,
        judged=gateway.judge.calls,
        judge_seconds=gateway.judge.seconds(),
        seconds=seconds,
        hostile=hostile,
    )


def compared(
    world: World, loads: Sequence[float], policies: Sequence[str], seed: int = 1
) -> list[DayFigures]:
    """Both policies get the same requests.

    The highest load comes once more with as many requests for each model, and the lowest with some
    that no key can answer.
    """
    found = []
    for load, is_even in [*((load, False) for load in loads), (max(loads), True)]:
        requests = arrivals(world, load, seed, is_even=is_even)
        found += [simulated(world, load, policy, requests, is_even=is_even) for policy in policies]
    hostile = with_hostile(world, arrivals(world, min(loads), seed), seed)
    for policy in policies:
        found.append(simulated(world, min(loads), policy, hostile, is_even=False))
    return found
