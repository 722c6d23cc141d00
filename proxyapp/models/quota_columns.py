"""Columns of limits, which groups, projects, keys and client tokens have."""

from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from proxyapp.vocabulary.choices import MAX_CONCURRENT, MAX_TIER_LENGTH, Tier, labelled


def limits_column(whose: str = "each project") -> "models.JSONField[Any, Any]":
    """By the pattern of a model's name: `{"gemini-2.5-*": {"requests_per_minute": 10}}`."""
    return models.JSONField(
        default=dict,
        db_default=models.Value({}, output_field=models.JSONField()),
        blank=True,
        help_text=(
            f"How much {whose} may use of a model, one model (* for any part of its name) a line."
            " Empty: no limit."
        ),
    )


def concurrency_column() -> "models.PositiveIntegerField[Any, Any]":
    return models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_CONCURRENT)],
        help_text="How many requests may be under way at a time. Empty: no limit.",
    )


def tier_column() -> "models.CharField[Any, Any]":
    return models.CharField(
        max_length=MAX_TIER_LENGTH,
        choices=labelled(Tier),
        blank=True,
        default="",
        db_default="",
        help_text="Whose published limits its projects have, such as free. Empty: none.",
    )
