"""Columns of limits, which groups, projects, keys and client tokens have."""

from typing import TYPE_CHECKING, Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from proxyapp.vocabulary.choices import MAX_CONCURRENT, MAX_TIER_LENGTH, Tier, labelled

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

OF_EACH_PROJECT = _(
    "How much each project may use of a model, one model (* for any part of its name) a line."
    " Empty: no limit."
)
OF_ITSELF = _(
    "How much it may use of a model, one model (* for any part of its name) a line. Empty: no"
    " limit."
)


def limits_column(of: "_StrPromise" = OF_EACH_PROJECT) -> "models.JSONField[Any, Any]":
    """By the pattern of a model's name: `{"gemini-2.5-*": {"requests_per_minute": 10}}`."""
    return models.JSONField(
        default=dict,
        db_default=models.Value({}, output_field=models.JSONField()),
        blank=True,
        help_text=of,
    )


def concurrency_column() -> "models.PositiveIntegerField[Any, Any]":
    return models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_CONCURRENT)],
        help_text=_("How many requests may be under way at a time. Empty: no limit."),
    )


def tier_column() -> "models.CharField[Any, Any]":
    return models.CharField(
        max_length=MAX_TIER_LENGTH,
        choices=labelled(Tier),
        blank=True,
        default="",
        db_default="",
        help_text=_("Whose published limits its projects have, such as free. Empty: none."),
    )
