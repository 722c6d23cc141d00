"""Which key would answer, and why the others not: for programs, and in words."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import ngettext

from proxyapp.operators.explaining import Explanation, ModelStep
from proxyapp.operators.key_reasons import USABLE, KeyVerdict
from proxyapp.vocabulary.times import iso_utc

# Of a step, in lists that are not to have no end.
MOST_KEYS = 100


def explanation_json(explanation: Explanation, most: int | None) -> Mapping[str, Any]:
    """The contract of `manage.py explain --json`. `most`: keys of a step; None: all."""
    answering = explanation.answering
    return {
        "model": explanation.wish.model,
        "group": explanation.wish.group or None,
        "token": explanation.wish.token_id,
        "problem": explanation.problem or None,
        "groups_not_allowed": list(explanation.barred),
        "answers": answering and _key_json(answering.next_key),
        "steps": [_step_json(step, most) for step in explanation.steps],
    }


def _step_json(step: ModelStep, most: int | None) -> Mapping[str, Any]:
    return {
        "model": step.model,
        "why": step.why,
        "groups_without_it": list(step.lacking),
        "next": _key_json(step.next_key),
        "how": step.how if step.next_key else None,
        "back_at": iso_utc(step.back_at) if step.back_at else None,
        "counts": {str(reason): count for reason, count in step.counts.most_common()},
        "keys": [_verdict_json(verdict) for verdict in step.keys[:most]],
    }


def _key_json(verdict: KeyVerdict | None) -> Mapping[str, Any] | None:
    if verdict is None:
        return None
    key = verdict.key
    return {"id": key.id, "name": key.name, "masked": key.masked, "group": key.group.name}


def _verdict_json(verdict: KeyVerdict) -> Mapping[str, Any]:
    return {
        **(_key_json(verdict) or {}),
        "project": verdict.key.project,
        "reason": str(verdict.reason),
        "detail": verdict.detail,
        "until": iso_utc(verdict.until) if verdict.until else None,
        "event": verdict.event_id,
    }


def headline(step: ModelStep) -> str:
    """`gemini-2.5-pro (asked for): 2 of 5 keys can answer`."""
    usable = sum(step.counts[reason] for reason in USABLE)
    count = len(step.keys)
    return ngettext(
        "%(model)s (%(why)s): %(usable)s of %(count)s key can answer",
        "%(model)s (%(why)s): %(usable)s of %(count)s keys can answer",
        count,
    ) % {"model": step.model, "why": step.why, "usable": f"{usable:,}", "count": f"{count:,}"}


def counts_text(step: ModelStep) -> str:
    return ", ".join(f"{count:,} {reason.text}" for reason, count in step.counts.most_common())
