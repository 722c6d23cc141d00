"""Who may use the gateway, and how much they did."""

from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext_lazy as _

from proxyapp.models.group import Group
from proxyapp.models.quota_columns import concurrency_column
from proxyapp.models.row_names import never_nameless, one_of_each_name
from proxyapp.models.usage import cost_column, llm_token_part

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


def budget_column(
    help_text: "_StrPromise",
) -> "models.PositiveBigIntegerField[int | None, int | None]":
    return models.PositiveBigIntegerField(
        null=True,
        blank=True,
        help_text=help_text,
    )


class ClientToken(models.Model):
    """What a client shows to be let in.

    The token is shown once, when it is made; only its keyed hash is kept.
    """

    name = models.CharField(max_length=100)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    masked = models.CharField(max_length=20, editable=False)
    is_limited_to_groups = models.BooleanField(
        default=False,
        help_text=_(
            "A flag of its own: when its last group is deleted, a token must not be let into all."
        ),
    )
    allowed_groups = models.ManyToManyField(
        Group,
        blank=True,
        related_name="tokens",
        help_text=_("Whose keys it may use, if it is limited to groups."),
    )
    allowed_models = models.JSONField(
        default=list,
        blank=True,
        help_text=_("Names of models, * for any part: gemini-2.5-*. Empty: every model."),
    )
    fallbacks = models.JSONField(
        default=dict,
        blank=True,
        help_text=_("Which models are asked instead when no key is left for one. Empty: none."),
    )
    shared_resources = models.BooleanField(
        default=False,
        db_default=False,
        help_text=_(
            "It sees the files, caches and batches of all tokens, of the groups that it may use."
            " Off: only those that were made with this token."
        ),
    )
    requests_per_minute = models.PositiveIntegerField(
        null=True, blank=True, help_text=_("Empty: no limit.")
    )
    requests_per_day = models.PositiveIntegerField(
        null=True, blank=True, help_text=_("A day in UTC. Empty: no limit.")
    )
    tokens_per_day = models.PositiveBigIntegerField(
        null=True,
        blank=True,
        help_text=_("Prompt and output tokens, a day in UTC. Empty: no limit."),
    )
    cost_per_day = budget_column(
        _("Millionths of the currency's unit. A day in UTC. Empty: no budget.")
    )
    cost_per_month = budget_column(
        _("Millionths of the currency's unit. A month in UTC. Empty: no budget.")
    )
    max_concurrent = concurrency_column()
    live_sessions = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text=_("Sessions of the Live API at a time. Empty: no limit."),
    )
    expires_at = models.DateTimeField(null=True, blank=True, help_text=_("Empty: never."))
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            one_of_each_name("token_name_unique"),
            never_nameless("token_name_not_empty"),
        ]

    def __str__(self) -> str:
        return self.name


class TokenUsage(models.Model):
    """What clients with one token did with one model in one day.

    A request counts once, however many keys it took.
    """

    token = models.ForeignKey(ClientToken, on_delete=models.CASCADE, related_name="usage")
    model = models.CharField(max_length=100, blank=True)
    day = models.DateField(help_text="UTC.")
    requests = models.PositiveBigIntegerField(default=0)
    succeeded = models.PositiveBigIntegerField(default=0)
    refused = models.PositiveBigIntegerField(default=0, help_text="By a limit of the token.")
    not_allowed = models.BigIntegerField(
        default=0,
        db_default=0,
        help_text="Refused for a model or a group that the token is not for.",
    )
    prompt_tokens = models.PositiveBigIntegerField(default=0)
    output_tokens = models.PositiveBigIntegerField(default=0)
    cached_tokens = llm_token_part()
    thought_tokens = llm_token_part()
    tool_use_tokens = llm_token_part()
    cost_micros = cost_column()
    unpriced_tokens = llm_token_part()

    class Meta:
        verbose_name = verbose_name_plural = "token usage"
        ordering = ["-day", "token_id", "model"]
        constraints = [
            models.UniqueConstraint(
                fields=["token", "day", "model"], name="token_usage_one_row_a_day"
            )
        ]
        indexes = [models.Index(fields=["day"])]

    def __str__(self) -> str:
        return f"{self.token_id} {self.model} {self.day}"


class TokenWindow(models.Model):
    """How much of a limit the processes have leased; they take shares, so no limit is exceeded."""

    token = models.ForeignKey(ClientToken, on_delete=models.CASCADE, related_name="+")
    seconds = models.PositiveIntegerField(help_text="60: a minute. 86400: a day in UTC.")
    started_at = models.DateTimeField(help_text="UTC.")
    granted = models.PositiveBigIntegerField(default=0)
    is_wanted = models.BooleanField(
        default=False,
        db_default=False,
        help_text="A process got nothing: the others give back what they do not use.",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["token", "seconds"], name="token_window_one_row")
        ]
        indexes = [
            models.Index(
                fields=["started_at"],
                condition=models.Q(is_wanted=True),
                name="token_window_wanted",
            )
        ]

    def __str__(self) -> str:
        return f"{self.token_id} {self.seconds} s from {self.started_at:%Y-%m-%d %H:%M}"
