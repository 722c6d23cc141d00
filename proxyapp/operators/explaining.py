"""Which key would answer a request now, and why the others would not.

By what the database says: a process may know more for a second, and has turns of its own.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from proxyapp.access.allowed_models import may_use
from proxyapp.access.client_rings import ring_of
from proxyapp.access.model_routes import choices_of, route_of
from proxyapp.access.pool_source import PoolSource
from proxyapp.access.token_book import ANYONE, Client, TokenBook, TokenRefusal
from proxyapp.database.clock import DatabaseTime
from proxyapp.operators.key_reasons import USABLE, KeyReasons, KeyVerdict, Reason
from proxyapp.operators.next_key import NextKey
from proxyapp.operators.quota_use import read_use
from proxyapp.operators.unhurried import unhurried
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.model_choices import ModelChoice
from proxyapp.pool.snapshot import Snapshot
from proxyapp.provider.model_name import normal_name
from proxyapp.quota.limit_book import LimitBook
from proxyapp.vocabulary.errors import GatewayError
from proxyapp.vocabulary.marks import gettext_noop
from proxyapp.vocabulary.told import shown

TOKENS = {
    TokenRefusal.EXPIRED: gettext_noop("The client token has expired: it gets 401."),
    TokenRefusal.REVOKED: gettext_noop("The client token is revoked: it gets 401."),
}
NOT_ALLOWED = gettext_noop("The client token may not ask for the model '%(model)s': it gets 403.")
HELD = frozenset({Reason.USED_UP, Reason.BUSY})
NOT_KNOWN = gettext_noop("SECRET_KEY does not know the client token: it gets 401.")


@dataclass(frozen=True, slots=True)
class AskedModel:
    """`group`: of a path below /g/…/; empty: none. `token_id` None: a client without a token."""

    model: str
    group: str = ""
    token_id: int | None = None


@dataclass(frozen=True, slots=True)
class ModelStep:
    """One model that is asked. `why`: such as `alias`. `keys`: the next one first, then those that
    can answer, in the order of turns; `lacking`: groups without the model.
    """

    model: str
    why: str
    keys: Sequence[KeyVerdict]
    next_key: KeyVerdict | None
    how: str
    lacking: Sequence[str] = ()
    counts: Counter[Reason] = field(default_factory=Counter)

    @property
    def back_at(self) -> datetime | None:
        """When the first key is good again, where none can answer."""
        ends = (verdict.until for verdict in self.keys if verdict.until is not None)
        return None if self.next_key is not None else min(ends, default=None)


@dataclass(frozen=True, slots=True)
class Explanation:
    """`problem`: what the client is told before any key is asked. `barred`: groups that the client
    may not use.
    """

    wish: AskedModel
    problem: str = ""
    steps: Sequence[ModelStep] = ()
    barred: Sequence[str] = ()

    @property
    def answering(self) -> ModelStep | None:
        """The first that has a key now."""
        return next((step for step in self.steps if step.next_key is not None), None)


def explain(wish: AskedModel) -> Explanation:
    """Reads the whole pool, and opens its secrets."""
    now = timezone.now()
    snapshot, tokens = PoolSource().load(DatabaseTime(now, timedelta()))
    client = _client(tokens, wish.token_id, now.timestamp())
    if isinstance(client, str):
        return Explanation(wish, client)
    of_now = snapshot, LimitBook(snapshot, now), read_use(snapshot, now)
    return Explainer(snapshot, KeyReasons(*of_now), NextKey(*of_now)).explain(wish, client)


def _client(tokens: TokenBook, token_id: int | None, now: float) -> Client | str:
    """Words: why there is none."""
    if token_id is None:
        return ANYONE
    found = tokens.client_with(token_id, now)
    return found if isinstance(found, Client) else _(TOKENS.get(found, NOT_KNOWN))


class Explainer:
    """Changes the snapshot, which is nobody else's: keys without room are passed over in it."""

    def __init__(self, snapshot: Snapshot, reasons: KeyReasons, next_key: NextKey) -> None:
        self._snapshot = snapshot
        self._reasons = reasons
        self._next_key = next_key

    def explain(self, wish: AskedModel, client: Client) -> Explanation:
        model = normal_name(wish.model)
        of_client = client.groups
        barred = [
            group.name
            for group in self._snapshot.order.values()
            if of_client is not None and group.id not in of_client
        ]
        try:
            ring = ring_of(self._snapshot, wish.group or None, client).name
            if not may_use(client, model) and not choices_of(self._snapshot, ring, model, client):
                return Explanation(wish, _(NOT_ALLOWED) % {"model": model}, barred=barred)
            steps = list(self._steps(ring, model, client))
        except GatewayError as error:
            return Explanation(wish, shown(error.message), barred=barred)
        return Explanation(wish, "", steps, barred)

    def _steps(self, ring: str, model: str, client: Client) -> Iterator[ModelStep]:
        """Raises UnknownModel."""
        route = route_of(self._snapshot, ring, model, client)
        for choice in route.choices:
            why = (
                _("asked for")
                if choice.model == model
                else _("what %(model)s is an alias of") % {"model": model}
            )
            yield self._step(ring, choice, why)
        for name in route.then:
            for choice in choices_of(self._snapshot, ring, name, client):
                yield self._step(ring, choice, _("fallback, where no key is left before"))

    def _step(self, ring: str, choice: ModelChoice, why: str) -> ModelStep:
        snapshot = self._snapshot
        ids = {group.id for group in snapshot.groups_of(choice.ring)} - choice.barred
        lacking = [group.name for group in snapshot.groups_of(ring) if group.id not in ids]
        there = map(snapshot.keys.__getitem__, dict.fromkeys(snapshot.rings[choice.ring].key_ids))
        found = [
            self._reasons.of(key, choice.model) for key in unhurried(there) if key.group.id in ids
        ]
        held = [each.key.id for each in found if each.reason in HELD]
        snapshot.hold(held, choice.model, math.inf)
        chosen = self._next_key.of(choice)
        found = [_beside(verdict, chosen) for verdict in found]
        next_key = next((each for each in found if each.key is chosen), None)
        found.sort(key=lambda each: (each is not next_key, each.reason not in USABLE))
        counts = Counter(verdict.reason for verdict in found)
        how = self._next_key.how(chosen, choice) if chosen is not None else ""
        return ModelStep(choice.model, why, found, next_key, how, lacking, counts)


def _beside(verdict: KeyVerdict, chosen: PoolKey | None) -> KeyVerdict:
    """Keys of another priority wait until none of the chosen one's is left."""
    if chosen is None or verdict.reason not in USABLE:
        return verdict
    first, own = chosen.key_class.priority, verdict.key.key_class.priority
    if own == first:
        return verdict
    if own < first:
        detail, reason = _("it has %(own)d, now %(first)d answers"), Reason.SPILLED
    else:
        detail, reason = _("it has %(own)d, and %(first)d comes before"), Reason.LOWER
    return replace(verdict, reason=reason, detail=detail % {"own": own, "first": first})
