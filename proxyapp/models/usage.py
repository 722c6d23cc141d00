"""What was used, by key and by minute."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from proxyapp.models.api_key import ApiKey
from proxyapp.models.removed_key import RemovedKey


def llm_token_part() -> "models.BigIntegerField[int, int]":
    """Of the prompt's or the output's LLM tokens; never below zero, but a check of each would be
    a fifth of what a flush costs. An older release writes rows without it.
    """
    return models.BigIntegerField(default=0, db_default=0)


def cost_column() -> "models.BigIntegerField[int, int]":
    """In millionths of the currency's unit. What has no price is not in it: it is counted beside
    it, as LLM tokens in and out.
    """
    return models.BigIntegerField(default=0, db_default=0)


# The attempts that a provider takes from its quota, as far as one knows: not what it refused, not
# its own failures, not what was wrong with a request.
QUOTA_COLUMNS = ("succeeded", "cancelled")


class AttemptCounts(models.Model):
    """What attempts at the upstream came to, in the columns of HourlyUsage."""

    requests = models.PositiveBigIntegerField(default=0)
    succeeded = models.PositiveBigIntegerField(default=0)
    rate_limited = models.PositiveBigIntegerField(default=0)
    client_errors = models.PositiveBigIntegerField(default=0, help_text=_("4xx other than 429."))
    upstream_errors = models.PositiveBigIntegerField(
        default=0, help_text=_("5xx, no connection, broken answers.")
    )
    cancelled = models.PositiveBigIntegerField(default=0, help_text=_("The client left first."))
    prompt_tokens = models.PositiveBigIntegerField(default=0)
    output_tokens = models.PositiveBigIntegerField(default=0)
    cached_tokens = llm_token_part()
    thought_tokens = llm_token_part()
    tool_use_tokens = llm_token_part()
    cost_micros = cost_column()
    unpriced_tokens = llm_token_part()

    class Meta:
        abstract = True


def key_of_usage(related_name: str) -> "models.ForeignKey[ApiKey | None, ApiKey | None]":
    """Usage outlives its key: the id stays, and RemovedKey has what the key was called.

    The column is never empty; `null` lets a row say that its key is gone. A join leaves such rows
    out.
    """
    return models.ForeignKey(
        ApiKey,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        null=True,
        related_name=related_name,
    )


class KeyUsage(AttemptCounts):
    """`removed`: what its key was called, where a list has looked that up."""

    removed: RemovedKey | None = None

    class Meta:
        abstract = True


class HourlyUsage(KeyUsage):
    """What one key did for one model in one hour.

    Every attempt at the upstream counts as one request.
    """

    key = key_of_usage("usage")
    model = models.CharField(max_length=100, blank=True)
    hour = models.DateTimeField(help_text=_("Start of the hour, UTC."))

    class Meta:
        verbose_name = verbose_name_plural = "hourly usage"
        ordering = ["-hour", "key_id", "model"]
        constraints = [
            models.UniqueConstraint(fields=["key", "hour", "model"], name="usage_one_row_an_hour")
        ]
        indexes = [
            models.Index(fields=["hour"]),
            models.Index(fields=["model", "hour"], name="usage_of_model_by_hour"),
        ]

    def __str__(self) -> str:
        return f"{self.key_id} {self.model} {self.hour:%Y-%m-%d %H:00}"


class DailyUsage(KeyUsage):
    """What is left of a day's hourly rows when they have grown old."""

    key = key_of_usage("daily_usage")
    model = models.CharField(max_length=100, blank=True)
    day = models.DateField(help_text=_("UTC."))

    class Meta:
        verbose_name = verbose_name_plural = "daily usage"
        ordering = ["-day", "key_id", "model"]
        constraints = [
            models.UniqueConstraint(fields=["key", "day", "model"], name="usage_one_row_a_day")
        ]
        indexes = [
            models.Index(fields=["day"]),
            models.Index(fields=["model", "day"], name="usage_of_model_by_day"),
        ]

    def __str__(self) -> str:
        return f"{self.key_id} {self.model} {self.day}"


class ModelHour(AttemptCounts):
    """What the hours of all keys come to for one model, of the last days: whoever writes those
    writes this, too.
    """

    model = models.CharField(max_length=100, blank=True)
    hour = models.DateTimeField(help_text=_("Start of the hour, UTC."))

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["hour", "model"], name="model_hour_one_row")]

    def __str__(self) -> str:
        return f"{self.model} {self.hour:%Y-%m-%d %H:00}"


def stamped() -> "models.BigIntegerField[int, int]":
    """A count with the number of its hour or day in front (proxyapp.ledger.stamps).

    Never below zero; a check of each would be a fifth of what a flush costs.
    """
    return models.BigIntegerField(default=0, db_default=0)


class KeyTotal(AttemptCounts):
    """What a key's hours and days come to: whoever writes or removes those changes this, too.

    A key without a row was not used. As with usage, nothing waits for the key's own row. `hour_…`:
    its requests in the last hour of UTC with that number; `day_…`: those of its last day, and how
    many were answered with 429.
    """

    key = models.OneToOneField(
        ApiKey,
        on_delete=models.CASCADE,
        db_constraint=False,
        primary_key=True,
        related_name="total",
    )
    day_requests = stamped()
    day_rate_limited = stamped()
    hour_0 = stamped()
    hour_1 = stamped()
    hour_2 = stamped()
    hour_3 = stamped()
    hour_4 = stamped()
    hour_5 = stamped()
    hour_6 = stamped()
    hour_7 = stamped()
    hour_8 = stamped()
    hour_9 = stamped()
    hour_10 = stamped()
    hour_11 = stamped()
    hour_12 = stamped()
    hour_13 = stamped()
    hour_14 = stamped()
    hour_15 = stamped()
    hour_16 = stamped()
    hour_17 = stamped()
    hour_18 = stamped()
    hour_19 = stamped()
    hour_20 = stamped()
    hour_21 = stamped()
    hour_22 = stamped()
    hour_23 = stamped()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.key_id} {self.requests}"


# Upper bounds of MinuteUsage's latency columns in milliseconds, each included; the last column has
# none.
LATENCY_BOUNDS_MS = (
    25,
    50,
    100,
    200,
    300,
    500,
    750,
    1000,
    1500,
    2500,
    4000,
    6000,
    10_000,
    20_000,
    60_000,
)
BUCKETS = len(LATENCY_BOUNDS_MS) + 1
LATENCY_COLUMNS = tuple(f"latency_{number}" for number in range(BUCKETS))


def bucket() -> "models.PositiveBigIntegerField[int, int]":
    return models.PositiveBigIntegerField(default=0, db_default=0)


class SeenCounts(models.Model):
    """Requests by what their clients saw: each in one column, named for its outcome.

    The words are those of `requests.record.ClientOutcome`.
    """

    seen_ok = bucket()
    seen_client_error = bucket()
    seen_client_limit = bucket()
    seen_no_key = bucket()
    seen_upstream = bucket()
    seen_left = bucket()

    class Meta:
        abstract = True


SEEN_COLUMNS = tuple(field.name for field in SeenCounts._meta.local_fields)


class OutcomeHour(SeenCounts):
    """What the clients saw in an hour, by model, group and client token, of the last days.

    `token_id`: 0 without one. `group_name`: as it was when it answered; empty where none did.
    """

    hour = models.DateTimeField(help_text=_("Start of the hour, UTC."))
    model = models.CharField(max_length=100, blank=True)
    group_name = models.CharField(max_length=100, blank=True)
    token_id = models.PositiveBigIntegerField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["hour", "model", "group_name", "token_id"], name="outcome_hour_one_row"
            )
        ]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H:00} {self.model} {self.group_name} {self.token_id}"


class AnswerTimes(models.Model):
    """How long the good answers of a model took in an hour, of the last days.

    `first_…`: how many began within which of LATENCY_BOUNDS_MS after the request's arrival;
    `whole_…`: how many ended.
    """

    hour = models.DateTimeField(help_text=_("Start of the hour, UTC."))
    model = models.CharField(max_length=100, blank=True)
    first_0 = bucket()
    first_1 = bucket()
    first_2 = bucket()
    first_3 = bucket()
    first_4 = bucket()
    first_5 = bucket()
    first_6 = bucket()
    first_7 = bucket()
    first_8 = bucket()
    first_9 = bucket()
    first_10 = bucket()
    first_11 = bucket()
    first_12 = bucket()
    first_13 = bucket()
    first_14 = bucket()
    first_15 = bucket()
    whole_0 = bucket()
    whole_1 = bucket()
    whole_2 = bucket()
    whole_3 = bucket()
    whole_4 = bucket()
    whole_5 = bucket()
    whole_6 = bucket()
    whole_7 = bucket()
    whole_8 = bucket()
    whole_9 = bucket()
    whole_10 = bucket()
    whole_11 = bucket()
    whole_12 = bucket()
    whole_13 = bucket()
    whole_14 = bucket()
    whole_15 = bucket()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["hour", "model"], name="answer_times_one_row")
        ]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H:00} {self.model}"


FIRST_COLUMNS = tuple(f"first_{number}" for number in range(BUCKETS))
WHOLE_COLUMNS = tuple(f"whole_{number}" for number in range(BUCKETS))


class MinuteUsage(AttemptCounts, SeenCounts):
    """One minute of the whole gateway: its attempts at upstreams, and what its clients saw of them.

    `latency_…`: how many of those answered well had waited how long for their answer to begin,
    failover included.
    """

    minute = models.DateTimeField(unique=True, help_text="Start of the minute, UTC.")
    answered = models.PositiveBigIntegerField(
        default=0, help_text="Requests of clients that got an answer."
    )
    answered_well = models.PositiveBigIntegerField(default=0, help_text="With a status below 400.")
    no_key = models.PositiveBigIntegerField(
        default=0, help_text="The gateway's own 503 or 429: no key was available."
    )
    proxy_failed = models.PositiveBigIntegerField(
        default=0, help_text="The gateway's own 502: a group's proxy failed."
    )
    latency_0 = models.PositiveBigIntegerField(default=0)
    latency_1 = models.PositiveBigIntegerField(default=0)
    latency_2 = models.PositiveBigIntegerField(default=0)
    latency_3 = models.PositiveBigIntegerField(default=0)
    latency_4 = models.PositiveBigIntegerField(default=0)
    latency_5 = models.PositiveBigIntegerField(default=0)
    latency_6 = models.PositiveBigIntegerField(default=0)
    latency_7 = models.PositiveBigIntegerField(default=0)
    latency_8 = models.PositiveBigIntegerField(default=0)
    latency_9 = models.PositiveBigIntegerField(default=0)
    latency_10 = models.PositiveBigIntegerField(default=0)
    latency_11 = models.PositiveBigIntegerField(default=0)
    latency_12 = models.PositiveBigIntegerField(default=0)
    latency_13 = models.PositiveBigIntegerField(default=0)
    latency_14 = models.PositiveBigIntegerField(default=0)
    latency_15 = models.PositiveBigIntegerField(default=0)

    class Meta:
        verbose_name = verbose_name_plural = "minute usage"
        ordering = ["-minute"]

    def __str__(self) -> str:
        return f"{self.minute:%Y-%m-%d %H:%M}"
