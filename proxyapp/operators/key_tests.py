"""Tests of keys by operators: what the provider says, and what follows from it.

A key found dead is taken out; an invalid one that works comes back.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from proxyapp.ledger import key_probes
from proxyapp.models import ApiKey, key_state
from proxyapp.models.audit import Actor
from proxyapp.operators import key_actions
from proxyapp.operators.shown_words import message_word
from proxyapp.pool.cooldown_rows import NewCooldown, write_cooldowns
from proxyapp.provider.kind_sets import CONDEMNING_KINDS
from proxyapp.vocabulary.choices import KeyStatus

if TYPE_CHECKING:
    from proxyapp.upstream.connection_test import ConnectionTest
    from proxyapp.upstream.key_probe import ProbeResult


@dataclass(frozen=True, slots=True)
class Findings:
    """`hashes`: of the tested secrets. `were_active`, `were_invalid`: at the test's beginning."""

    results: "Sequence[ProbeResult]"
    hashes: Mapping[int, str]
    were_active: Collection[int]
    were_invalid: Collection[int]


@dataclass(frozen=True, slots=True)
class Changes:
    """The ids of keys that a test has put back into rotation, and of those it has taken out."""

    enabled: Collection[int] = frozenset()
    condemned: Collection[int] = frozenset()


def ask_provider(key_ids: Sequence[int]) -> Findings:
    """Takes seconds, so it must not run in a transaction.

    Changes nothing. Not for a thread with an event loop.
    """
    from proxyapp.upstream.key_probe import (
        probe_keys,  # the whole upstream side: every command would load it with the admin
    )

    rows = [
        row
        for keys in key_state.key_batches(key_ids)
        for row in keys.values_list("pk", "status", "key_hash")
    ]
    return _findings(probe_keys(key_ids) if key_ids else [], rows)


def ask_in_pieces(key_ids: Sequence[int], size: int) -> Iterator[Findings]:
    """As `ask_provider`, of many: what is known of some is told before the next are asked.

    A key whose secret was replaced meanwhile is left as it is.
    """
    from proxyapp.upstream.key_probe import (
        probe_in_pieces,  # as above
    )

    for hashes, results in probe_in_pieces(key_ids, size):
        ids = [result.key_id for result in results]
        rows = [
            (pk, status, hashes.get(pk, key_hash))
            for pk, status, key_hash in ApiKey.objects.filter(pk__in=ids)
            .order_by()
            .values_list("pk", "status", "key_hash")
        ]
        yield _findings(results, rows)


def found_by(tests: "Iterable[ConnectionTest]") -> Findings:
    """What tests of connections say of the keys that they asked with."""
    asked = [(test.asked, test.result) for test in tests if test.asked and test.result]
    return _findings(
        [result for _, result in asked], [(key.pk, key.status, key.key_hash) for key, _ in asked]
    )


def _findings(results: "Sequence[ProbeResult]", rows: Sequence[tuple[int, str, str]]) -> Findings:
    return Findings(
        results,
        hashes={pk: key_hash for pk, _, key_hash in rows},
        were_active={pk for pk, status, _ in rows if status == KeyStatus.ACTIVE},
        were_invalid={pk for pk, status, _ in rows if status == KeyStatus.INVALID},
    )


def follow(findings: Findings, at: datetime | None = None) -> Changes:
    """Unless an operator disabled or replaced the keys meanwhile. `at`: of the answers."""
    now = timezone.now()
    with transaction.atomic():
        changes = Changes(put_back(findings), take_out(findings, now))
        for result in findings.results:
            if result.key_id in findings.hashes:
                key_hash = findings.hashes[result.key_id]
                key_probes.settle(
                    result.key_id, key_hash, result.outcome, result.message, at or now
                )
    return changes


def follow_audited(findings: Findings, actor: Actor) -> Changes:
    with transaction.atomic():
        changes = follow(findings)
        key_actions.audit_keys(actor, "enable", changes.enabled, "it was invalid and works")
        key_actions.audit_keys(actor, "disable", changes.condemned, "it was found dead")
    return changes


def put_back(findings: Findings) -> set[int]:
    """Enables invalid keys that work."""
    working = {result.key_id for result in findings.results if result.ok}
    enabled = _unchanged(findings, working & set(findings.were_invalid), KeyStatus.INVALID)
    if enabled:
        key_actions.set_status(enabled, KeyStatus.ACTIVE)
    return enabled


def take_out(findings: Findings, now: datetime) -> set[int]:
    """Condemns active keys that are dead, each with its event."""
    dead = {result.key_id: result for result in findings.results if result.is_dead}
    condemned = _unchanged(findings, dead.keys() & set(findings.were_active), KeyStatus.ACTIVE)
    if condemned:
        write_cooldowns(
            [_condemnation(dead[pk], findings.hashes[pk], now) for pk in sorted(condemned)]
        )
    return condemned


def describe(result: "ProbeResult", changes: Changes) -> str:
    message = message_word(result.message)
    if result.key_id in changes.enabled:
        return _("%(message)s; it was invalid and is enabled again") % {"message": message}
    if result.key_id in changes.condemned:
        return _("%(message)s; it is taken out of rotation") % {"message": message}
    return message


def _condemnation(result: "ProbeResult", key_hash: str, now: datetime) -> NewCooldown:
    (kind,) = CONDEMNING_KINDS
    return NewCooldown(
        key_id=result.key_id,
        model="",
        kind=kind,
        http_status=result.status or 0,
        occurred_at=now,
        until=now,
        excerpt=result.message,
        key_hash=key_hash,
        reason=result.message,
    )


def _unchanged(findings: Findings, ids: Collection[int], status: KeyStatus) -> set[int]:
    with transaction.atomic():
        return {
            pk
            for keys in key_state.key_batches(ids)
            for pk in _still(keys, findings.hashes, status)
        }


def _still(keys: QuerySet[ApiKey], hashes: Mapping[int, str], status: KeyStatus) -> Iterator[int]:
    locked = keys.filter(status=status).select_for_update().order_by("pk")
    for pk, key_hash in locked.values_list("pk", "key_hash"):
        if key_hash == hashes[pk]:
            yield pk
