"""What became of each request of a client. Its metadata only, never a body."""

from datetime import UTC, datetime
from typing import NamedTuple

from django.db import models
from django.utils.translation import gettext_lazy as _

MOST_ID, MOST_ADDRESS, MOST_GROUP, MOST_MODEL = 128, 45, 100, 200
MOST_ENDPOINT, MOST_METHOD, MOST_OUTCOME = 40, 16, 20
# Of an id, below the microseconds of its time: what tells apart requests of one microsecond.
ID_BITS = 12


class LoggedAttempt(NamedTuple):
    """As it stands in a row, in this order. `began_ms`: from the request's arrival to its sending.
    `ms`: from there to the head of the answer, or to its failure.
    """

    key_id: int
    key: str
    group: str
    project: str
    verdict: str
    status: int
    began_ms: int
    ms: int


class RequestLogEntry(models.Model):
    """`id`: rises with the time of arrival, which it holds; so no filter needs a sort. `client_id`:
    the client token's; 0: none. `key_id`: of the last attempt; 0: there was none.

    It outlives its client, group and keys.
    """

    id = models.BigAutoField(primary_key=True)
    request_id = models.CharField(max_length=MOST_ID)
    client_id = models.BigIntegerField()
    address = models.CharField(max_length=MOST_ADDRESS)
    group_name = models.CharField(max_length=MOST_GROUP)
    model = models.CharField(max_length=MOST_MODEL)
    endpoint = models.CharField(max_length=MOST_ENDPOINT)
    method = models.CharField(max_length=MOST_METHOD)
    status = models.PositiveSmallIntegerField()
    outcome = models.CharField(max_length=MOST_OUTCOME)
    error = models.CharField(
        max_length=MOST_ENDPOINT,
        help_text=_("The code of an error of the gateway's own; or empty."),
    )
    key_id = models.BigIntegerField()
    tries = models.PositiveIntegerField(help_text=_("How many attempts there were."))
    attempts = models.JSONField(
        help_text=_("The first and the last of them, each a LoggedAttempt.")
    )
    first_byte_ms = models.PositiveBigIntegerField()
    ms = models.PositiveBigIntegerField()
    bytes_in = models.PositiveBigIntegerField()
    bytes_out = models.PositiveBigIntegerField()
    prompt_tokens = models.PositiveBigIntegerField()
    output_tokens = models.PositiveBigIntegerField()
    cached_tokens = models.PositiveBigIntegerField()
    thought_tokens = models.PositiveBigIntegerField()
    tool_use_tokens = models.PositiveBigIntegerField()
    cost_micros = models.BigIntegerField(null=True)

    class Meta:
        default_permissions = ("view",)
        verbose_name = "request"
        indexes = [
            models.Index(fields=["request_id", "id"], name="request_of_id"),
            models.Index(fields=["client_id", "id"], name="request_of_client"),
            models.Index(fields=["key_id", "id"], name="request_of_key"),
            models.Index(fields=["status", "id"], name="request_of_status"),
            models.Index(fields=["outcome", "id"], name="request_of_outcome"),
            models.Index(fields=["model", "id"], name="request_of_model"),
            models.Index(fields=["group_name", "id"], name="request_of_group"),
        ]

    def __str__(self) -> str:
        return self.request_id

    @property
    def arrived_at(self) -> datetime:
        return moment_of(self.id)

    @property
    def tried(self) -> list[LoggedAttempt]:
        return [LoggedAttempt(*attempt) for attempt in self.attempts]


def moment_of(entry_id: int) -> datetime:
    return datetime.fromtimestamp((entry_id >> ID_BITS) / 1e6, UTC)


def first_id(seconds: float) -> int:
    """The lowest of a time, in seconds since the epoch."""
    return int(seconds * 1_000_000) << ID_BITS


class RequestLogTry(models.Model):
    """A key that a request tried before its last one."""

    key_id = models.BigIntegerField()
    entry_id = models.BigIntegerField(db_index=True)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["key_id", "entry_id"], name="request_that_tried")]

    def __str__(self) -> str:
        return f"key {self.key_id} in {self.entry_id}"


class RequestLogGap(models.Model):
    """How many requests of a minute are not in the log, as there were too many of them."""

    minute = models.DateTimeField(unique=True)
    requests = models.PositiveBigIntegerField(default=0, db_default=0)
    failures = models.PositiveBigIntegerField(default=0, db_default=0)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.requests:,} at {self.minute}"
