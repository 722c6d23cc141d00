"""Tests of keys by operators: what the provider says; invalid keys that work may come back."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import QuerySet

from proxyapp.models import ApiKey, key_state
from proxyapp.operators import key_actions
from proxyapp.vocabulary.choices import KeyStatus

if TYPE_CHECKING:
    from proxyapp.upstream.key_probe import ProbeResult


@dataclass(frozen=True, slots=True)
class Findings:
    """`were_invalid`: keys that were so at the test's beginning, with the tested secret's hash."""

    results: "Sequence[ProbeResult]"
    were_invalid: Mapping[int, str]


def ask_provider(key_ids: Sequence[int]) -> Findings:
    """Takes seconds, so it must not run in a transaction.

    Changes nothing. Not for a thread with an event loop.
    """
    from proxyapp.upstream.key_probe import (
        probe_keys,  # the whole upstream side: every command would load it with the admin
    )

    invalid = (keys.filter(status=KeyStatus.INVALID) for keys in key_state.key_batches(key_ids))
    were_invalid = {
        pk: key_hash for keys in invalid for pk, key_hash in keys.values_list("pk", "key_hash")
    }
    return Findings(probe_keys(key_ids) if key_ids else [], were_invalid)


def put_back(findings: Findings) -> set[int]:
    """Enables invalid keys that work, unless an operator disabled or replaced them meanwhile."""
    working = [
        result.key_id
        for result in findings.results
        if result.ok and result.key_id in findings.were_invalid
    ]
    if not working:
        return set()
    with transaction.atomic():
        enabled = {
            pk
            for keys in key_state.key_batches(working)
            for pk in _still_invalid(keys, findings.were_invalid)
        }
        if enabled:
            key_actions.set_status(enabled, KeyStatus.ACTIVE)
    return enabled


def describe(result: "ProbeResult", enabled: Collection[int]) -> str:
    return (
        f"{result.message}; it was invalid and is enabled again"
        if result.key_id in enabled
        else result.message
    )


def _still_invalid(keys: QuerySet[ApiKey], hashes: Mapping[int, str]) -> Iterator[int]:
    locked = keys.filter(status=KeyStatus.INVALID).select_for_update().order_by("pk")
    for pk, key_hash in locked.values_list("pk", "key_hash"):
        if key_hash == hashes[pk]:
            yield pk
