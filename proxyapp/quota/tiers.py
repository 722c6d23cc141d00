"""The published limits of tiers, which hold for those who name one."""

from functools import cache
from pathlib import Path

import yaml

from proxyapp.vocabulary.limits import Limits

TABLE = Path(__file__).with_name("tiers.yaml")


@cache
def _tiers() -> dict[str, Limits]:
    tiers: dict[str, Limits] = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return tiers


def limits_of_tier(tier: str) -> Limits:
    """None of one that this version does not know."""
    return _tiers().get(tier, {})
