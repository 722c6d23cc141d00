"""Groups: where the keys of one go, how they take turns, and what is kept of it."""

from datetime import datetime

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from proxyapp.models.quota_columns import concurrency_column, limits_column, tier_column
from proxyapp.models.row_names import never_nameless, one_of_each_name
from proxyapp.models.sealed import SealedTextField
from proxyapp.vocabulary.auth_places import IN_HEADER, IN_QUERY, MAX_AUTH_LENGTH
from proxyapp.vocabulary.choices import (
    DEFAULT_TARGET_URL,
    MAX_EMPTY_RETRIES,
    MAX_PRIORITY,
    MAX_WEIGHT,
    MIN_SPILL,
    Auth,
    RateLimitPolicy,
    Sticky,
    Strategy,
    choice_values,
    labelled,
)
from proxyapp.vocabulary.masking import masked_url


class Group(models.Model):
    """Keys that share a target, a proxy and a policy."""

    name = models.CharField(max_length=100)
    position = models.PositiveIntegerField(
        default=0, db_index=True, help_text=_("Order of rotation, lowest first.")
    )
    target_url = models.CharField(max_length=500, default=DEFAULT_TARGET_URL)
    proxy_url = SealedTextField(null=True, blank=True)
    proxy_pool = SealedTextField(
        null=True,
        blank=True,
        help_text=_("Exits, one a line: each key has one of them for good."),
    )
    rate_limit_policy = models.CharField(
        max_length=20, choices=labelled(RateLimitPolicy), default=RateLimitPolicy.DAILY
    )
    auth = models.CharField(max_length=MAX_AUTH_LENGTH, default=Auth.AUTO)
    enabled = models.BooleanField(
        default=True,
        db_default=True,
        help_text=_("Off: none of its keys answers, whatever their own state is."),
    )
    off_until = models.DateTimeField(
        null=True, blank=True, editable=False, help_text=_("Off, and then on again by itself.")
    )
    priority = models.PositiveSmallIntegerField(
        default=0,
        validators=[MaxValueValidator(MAX_PRIORITY)],
        help_text=_(
            "0 comes first. Groups with a higher number answer only when no key of a lower one can."
        ),
    )
    weight = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_WEIGHT)],
        help_text=format_lazy(
            _("How many turns each of its keys gets in a round, 1 to {most}."), most=MAX_WEIGHT
        ),
    )
    strategy = models.CharField(
        max_length=20,
        choices=labelled(Strategy),
        blank=True,
        default="",
        db_default="",
        help_text=_(
            "Which of its available keys answers next. Empty: as ROTATION_STRATEGY says, together"
            " with all other groups without one."
        ),
    )
    spill_after = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(MIN_SPILL), MaxValueValidator(1.0)],
        help_text=_(
            "The part of its day's quota after which the keys of the next priority answer first,"
            " 0.9 for example. Empty: when none of its own can."
        ),
    )
    retry_empty_answers = models.PositiveSmallIntegerField(
        default=0,
        validators=[MaxValueValidator(MAX_EMPTY_RETRIES)],
        help_text=format_lazy(
            _(
                "How many other keys are asked when a model answers with nothing, 0 to {most}. Each"
                " costs a request of its quota."
            ),
            most=MAX_EMPTY_RETRIES,
        ),
    )
    rewrite_paths = models.BooleanField(
        default=True,
        help_text=_(
            "A target that speaks Gemini's API gets its own paths: /v1/chat/completions becomes"
            " /v1beta/openai/chat/completions, for example. Off: every path as the client wrote it."
        ),
    )
    unwrap_errors = models.BooleanField(
        default=True,
        help_text=_("OpenAI clients get Google's errors in OpenAI's form, and so show the text."),
    )
    include_usage = models.BooleanField(
        default=False,
        help_text=_(
            "Asks OpenAI streams for their usage where the client did not; it is not told."
        ),
    )
    free = models.BooleanField(
        default=False,
        db_default=False,
        help_text=_("What its keys are used for costs nothing: they are of a free tier."),
    )
    shared_resources = models.BooleanField(
        default=False,
        db_default=False,
        help_text=_(
            "Every client token that may use the group sees the files, caches and batches of its"
            " keys. Off: only those that were made with the token itself."
        ),
    )
    tier = tier_column()
    limits = limits_column()
    max_concurrent = concurrency_column()
    sticky = models.CharField(
        max_length=10,
        blank=True,
        default="",
        db_default="",
        choices=labelled(Sticky),
        help_text=_(
            "What a conversation is known by, so that it stays at one project, where the provider's"
            " cache has what it began with. Empty: every request takes turns."
        ),
    )
    ca_certificates = models.TextField(
        blank=True,
        default="",
        help_text=_(
            "Further certificate authorities (PEM) for the target and for a proxy with TLS."
        ),
    )
    allow_link_local = models.BooleanField(
        default=False,
        help_text=_("Whether the target may be at a link-local or cloud metadata address."),
    )
    aliases = models.JSONField(
        default=dict,
        blank=True,
        help_text=_(
            "Other names under which clients ask for a model, one a line: fast: gemini-2.5-flash."
        ),
    )
    fallbacks = models.JSONField(
        default=dict,
        blank=True,
        help_text=_(
            "Which models are asked instead when no key is left for one, one a line:"
            " gemini-2.5-pro: gemini-2.5-flash. Empty: none."
        ),
    )
    single_credential_since = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text=_("When the target refused two credentials; since then it gets one."),
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    # The last one: from here on the name is no longer Django's module.
    models = models.JSONField(
        default=list,
        blank=True,
        help_text=_("Names of models, * for any part, one a line: gemini-*. Empty: every model."),
    )

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            one_of_each_name("group_name_unique"),
            never_nameless("group_name_not_empty"),
            models.CheckConstraint(
                condition=~models.Q(target_url=""), name="group_target_not_empty"
            ),
            models.CheckConstraint(
                condition=models.Q(rate_limit_policy__in=choice_values(RateLimitPolicy)),
                name="group_policy_known",
            ),
            models.CheckConstraint(
                condition=models.Q(auth__in=choice_values(Auth))
                | models.Q(auth__startswith=IN_HEADER)
                | models.Q(auth__startswith=IN_QUERY),
                name="group_auth_known",
            ),
            models.CheckConstraint(
                condition=models.Q(weight__range=(1, MAX_WEIGHT)), name="group_weight_bounded"
            ),
            models.CheckConstraint(
                condition=models.Q(strategy__in=["", *choice_values(Strategy)]),
                name="group_strategy_known",
            ),
        ]
        permissions = [
            ("import_config", "Can import a config file"),
            ("export_config", "Can export a config file, with the API keys in clear"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def masked_proxy_url(self) -> str:
        return masked_url(self.proxy_url) if self.proxy_url else ""

    def is_off(self, now: datetime) -> bool:
        return not self.enabled or (self.off_until is not None and self.off_until > now)
