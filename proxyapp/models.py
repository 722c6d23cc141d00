"""What the gateway keeps: groups, keys, what rate limits did to them, where the rotation stands, what was used."""

from datetime import datetime

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from proxyapp.masking import masked_key, masked_url
from proxyapp.sealed import SealedTextField, keyed_hash

MAX_WEIGHT = 10
MAX_PRIORITY = 100
DEFAULT_TARGET_URL = "https://generativelanguage.googleapis.com"


class RateLimitPolicy(models.TextChoices):
    DAILY = "daily", "daily: any 429 takes the key out until the next reset"
    QUOTA_AWARE = "quota_aware", "quota_aware: does what the provider's answer says"


class Auth(models.TextChoices):
    AUTO = "auto", "auto: google for *.googleapis.com, both elsewhere"
    GOOGLE = "google", "google: exactly one, Bearer under /openai/, x-goog-api-key elsewhere"
    BOTH = "both", "both: Authorization: Bearer and x-goog-api-key"
    X_GOOG_API_KEY = "x-goog-api-key", "x-goog-api-key"
    BEARER = "bearer", "Authorization: Bearer"


class Group(models.Model):
    """Keys that share a target, a proxy and a policy."""

    name = models.CharField(max_length=100)
    position = models.PositiveIntegerField(default=0, db_index=True, help_text="Order of rotation, lowest first.")
    target_url = models.CharField(max_length=500, default=DEFAULT_TARGET_URL)
    proxy_url = SealedTextField(null=True, blank=True)
    rate_limit_policy = models.CharField(max_length=20, choices=RateLimitPolicy.choices, default=RateLimitPolicy.DAILY)
    auth = models.CharField(max_length=20, choices=Auth.choices, default=Auth.AUTO)
    priority = models.PositiveSmallIntegerField(
        default=0,
        validators=[MaxValueValidator(MAX_PRIORITY)],
        help_text="0 comes first. Groups with a higher number answer only when no key of a lower one can.",
    )
    weight = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_WEIGHT)],
        help_text=f"How many turns each of its keys gets in a round, 1 to {MAX_WEIGHT}.",
    )
    single_credential_since = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="When the target refused two credentials; since then it gets one.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(
                Lower("name"),
                name="group_name_unique",
                violation_error_message="This name is taken (case does not count).",
            ),
            models.CheckConstraint(condition=~models.Q(name=""), name="group_name_not_empty"),
            models.CheckConstraint(condition=~models.Q(target_url=""), name="group_target_not_empty"),
            models.CheckConstraint(
                condition=models.Q(rate_limit_policy__in=RateLimitPolicy.values), name="group_policy_known"
            ),
            models.CheckConstraint(condition=models.Q(auth__in=Auth.values), name="group_auth_known"),
            models.CheckConstraint(condition=models.Q(weight__range=(1, MAX_WEIGHT)), name="group_weight_bounded"),
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


class KeyStatus(models.TextChoices):
    """What is stored; whether an active key is cooling follows from its events and the time."""

    ACTIVE = "active"
    DISABLED = "disabled"
    INVALID = "invalid"


class ApiKey(models.Model):
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="keys")
    position = models.PositiveIntegerField(default=0, help_text="Order of rotation within the group, lowest first.")
    name = models.CharField(max_length=100, blank=True)
    project = models.CharField(max_length=100, blank=True, help_text="Keys of one project share their quota.")
    secret = SealedTextField(null=True)
    key_hash = models.CharField(max_length=64, unique=True, editable=False)
    masked = models.CharField(max_length=20, editable=False)
    status = models.CharField(max_length=10, choices=KeyStatus.choices, default=KeyStatus.ACTIVE)
    status_reason = models.CharField(max_length=300, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "API key"
        ordering = ["group__position", "group_id", "position", "id"]
        indexes = [
            models.Index(fields=["group", "position"]),
            models.Index(fields=["status"]),
            models.Index(fields=["project"]),
            models.Index(fields=["last_used_at"]),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(status__in=KeyStatus.values), name="key_status_known"),
            models.CheckConstraint(condition=~models.Q(key_hash=""), name="key_hash_not_empty"),
        ]
        permissions = [("view_secret", "Can see API keys in clear")]

    def __str__(self) -> str:
        return f"{self.name} ({self.masked})" if self.name else self.masked

    def set_secret(self, secret: str) -> None:
        self.secret = secret
        self.key_hash = keyed_hash(secret)
        self.masked = masked_key(secret)


class ActiveCooldowns(models.QuerySet["RateLimitEvent"]):
    def active(self, now: datetime) -> "ActiveCooldowns":
        """The cooldowns that hold at `now`: not released and not over."""
        return self.filter(released_at=None, cooling_until__gt=now)

    def of_keys(self, keys: "models.QuerySet[ApiKey]") -> "ActiveCooldowns":
        """Those of the keys themselves and those of their projects."""
        keys = keys.order_by()
        projects = keys.exclude(project="").values("project")
        return self.filter(models.Q(key__in=keys.values("pk")) | models.Q(project__in=projects))


class RateLimitEvent(models.Model):
    """One refusal that took a key out. While it is neither over nor released, it is the key's cooldown."""

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="events")
    project = models.CharField(
        max_length=100, blank=True, help_text="All keys of this project are out. Empty: only the key itself."
    )
    model = models.CharField(
        max_length=100,
        blank=True,
        help_text="Empty: every model. With a slash in front, an endpoint that names no model, such as /batches.",
    )
    kind = models.CharField(max_length=20)
    quota_id = models.CharField(max_length=200, blank=True, help_text="The provider's name of the quota.")
    quota_limit = models.CharField(max_length=40, blank=True, help_text="The provider's limit, as it wrote it.")
    stated_delay_seconds = models.FloatField(null=True, blank=True, help_text="The delay that the provider stated.")
    http_status = models.PositiveSmallIntegerField(default=429)
    occurred_at = models.DateTimeField(default=timezone.now)
    cooling_until = models.DateTimeField()
    released_at = models.DateTimeField(null=True, blank=True)
    excerpt = models.TextField(blank=True, help_text="The start of the answer, keys masked.")

    objects = ActiveCooldowns.as_manager()

    class Meta:
        ordering = ["-occurred_at", "-id"]
        indexes = [
            models.Index(fields=["key", "-occurred_at"]),
            models.Index(fields=["-occurred_at"]),
            models.Index(fields=["cooling_until"], condition=models.Q(released_at=None), name="event_unreleased_until"),
            models.Index(fields=["project"], condition=~models.Q(project=""), name="event_of_project"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(cooling_until__gte=models.F("occurred_at")), name="event_until_after_start"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.occurred_at:%Y-%m-%d %H:%M:%S}"

    def is_active(self, now: datetime) -> bool:
        return self.released_at is None and self.cooling_until > now


class RotationCursor(models.Model):
    """Where a ring's rotation stands. `proxyapp.rotation` alone writes here."""

    ring = models.CharField(max_length=120, unique=True, help_text="Empty: all groups. `group:7`: the keys of group 7.")
    position = models.PositiveBigIntegerField(default=0, help_text="The next slot that no lease has taken.")
    size = models.PositiveIntegerField(default=0, help_text="The number of keys that the position counts in.")
    next_key = models.ForeignKey(
        ApiKey, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", help_text="Whose turn it is."
    )
    pool_version = models.PositiveBigIntegerField(
        default=0, help_text="Raised by every change of keys, groups or cooldowns (in the row of all groups)."
    )

    def __str__(self) -> str:
        return self.ring or "all groups"


class HourlyUsage(models.Model):
    """What one key did for one model in one hour. Every attempt at the upstream counts as one request."""

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="usage")
    model = models.CharField(max_length=100, blank=True)
    hour = models.DateTimeField(help_text="Start of the hour, UTC.")
    requests = models.PositiveBigIntegerField(default=0)
    succeeded = models.PositiveBigIntegerField(default=0)
    rate_limited = models.PositiveBigIntegerField(default=0)
    client_errors = models.PositiveBigIntegerField(default=0, help_text="4xx other than 429.")
    upstream_errors = models.PositiveBigIntegerField(default=0, help_text="5xx, no connection, broken answers.")
    cancelled = models.PositiveBigIntegerField(default=0, help_text="The client left first.")
    prompt_tokens = models.PositiveBigIntegerField(default=0)
    output_tokens = models.PositiveBigIntegerField(default=0)

    class Meta:
        verbose_name = verbose_name_plural = "hourly usage"
        ordering = ["-hour", "key_id", "model"]
        constraints = [models.UniqueConstraint(fields=["key", "hour", "model"], name="usage_one_row_an_hour")]
        indexes = [models.Index(fields=["hour"])]

    def __str__(self) -> str:
        return f"{self.key_id} {self.model} {self.hour:%Y-%m-%d %H:00}"


class ImportedGroup(models.Model):
    """What a config file said of a group when it was last imported, so that a start applies only what changed since."""

    source = models.CharField(max_length=500, help_text="The file, as an absolute path.")
    name = models.CharField(max_length=100)
    fingerprint = models.CharField(max_length=64, help_text="Keyed hash of the group's text.")
    key_hashes = models.JSONField(default=list)

    class Meta:
        constraints = [models.UniqueConstraint("source", Lower("name"), name="imported_group_once_a_file")]

    def __str__(self) -> str:
        return f"{self.name} of {self.source}"


class AttemptCounts(models.Model):
    """What attempts at the upstream came to, in the columns of HourlyUsage."""

    requests = models.PositiveBigIntegerField(default=0)
    succeeded = models.PositiveBigIntegerField(default=0)
    rate_limited = models.PositiveBigIntegerField(default=0)
    client_errors = models.PositiveBigIntegerField(default=0, help_text="4xx other than 429.")
    upstream_errors = models.PositiveBigIntegerField(default=0, help_text="5xx, no connection, broken answers.")
    cancelled = models.PositiveBigIntegerField(default=0, help_text="The client left first.")
    prompt_tokens = models.PositiveBigIntegerField(default=0)
    output_tokens = models.PositiveBigIntegerField(default=0)

    class Meta:
        abstract = True


class DailyUsage(AttemptCounts):
    """What is left of a day's hourly rows when they have grown old."""

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="daily_usage")
    model = models.CharField(max_length=100, blank=True)
    day = models.DateField(help_text="UTC.")

    class Meta:
        verbose_name = verbose_name_plural = "daily usage"
        ordering = ["-day", "key_id", "model"]
        constraints = [models.UniqueConstraint(fields=["key", "day", "model"], name="usage_one_row_a_day")]
        indexes = [models.Index(fields=["day"])]

    def __str__(self) -> str:
        return f"{self.key_id} {self.model} {self.day}"


# Upper bounds of MinuteUsage's latency columns in milliseconds, each included; the last column has none.
LATENCY_BOUNDS_MS = (25, 50, 100, 200, 300, 500, 750, 1000, 1500, 2500, 4000, 6000, 10_000, 20_000, 60_000)
LATENCY_COLUMNS = tuple(f"latency_{number}" for number in range(len(LATENCY_BOUNDS_MS) + 1))


class MinuteUsage(AttemptCounts):
    """What the whole gateway did in one minute: its attempts at upstreams, and what its clients saw of them.

    `latency_…`: how many of those answered well had waited how long for their answer to begin, failover included.
    """

    minute = models.DateTimeField(unique=True, help_text="Start of the minute, UTC.")
    answered = models.PositiveBigIntegerField(default=0, help_text="Requests of clients that got an answer.")
    answered_well = models.PositiveBigIntegerField(default=0, help_text="With a status below 400.")
    no_key = models.PositiveBigIntegerField(default=0, help_text="The gateway's own 503: no key was available.")
    proxy_failed = models.PositiveBigIntegerField(default=0, help_text="The gateway's own 502: a group's proxy failed.")
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


class Chore(models.Model):
    """Work that one process does for all of them now and then."""

    name = models.CharField(max_length=40, unique=True)
    last_run_at = models.DateTimeField(help_text="When a process last took it on.")

    def __str__(self) -> str:
        return self.name


class AuditEntry(models.Model):
    """Who did what to what. `proxyapp.audit` alone writes here; an entry outlives its user and its object."""

    at = models.DateTimeField(default=timezone.now)
    actor = models.CharField(max_length=150, help_text="A user's name, `command: …`, or `start`.")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    action = models.CharField(max_length=20)
    object_type = models.CharField(max_length=30)
    object_id = models.CharField(max_length=40, blank=True)
    label = models.CharField(max_length=200, blank=True, help_text="What the object was called; keys masked.")
    detail = models.TextField(blank=True)

    class Meta:
        verbose_name = "audit entry"
        verbose_name_plural = "audit log"
        default_permissions = ("view",)
        ordering = ["-at", "-id"]
        indexes = [
            models.Index(fields=["-at", "-id"], name="audit_newest"),
            models.Index(fields=["object_type", "object_id", "-at"], name="audit_of_object"),
            models.Index(fields=["actor", "-at"], name="audit_of_actor"),
            models.Index(fields=["action", "-at"], name="audit_of_action"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.object_type} {self.label}".rstrip()
