"""`manage.py prune`: what the gateway does every hour, now and by hand."""

from typing import Any

from django.conf import settings
from django.utils import timezone

from proxyapp.ledger.request_log_trim import trim_batches
from proxyapp.ledger.retention import MINUTE_USAGE_DAYS, Pruned, prune_batches
from proxyapp.management.database_command import DatabaseCommand
from proxyapp.models import audit


class Command(DatabaseCommand):
    help = (
        "Removes rate limit events older than EVENT_RETENTION_DAYS whose cooldown is over and old"
        " usage by the minute; also sessions of the admin that are over; adds usage by the hour"
        " that is older than HOURLY_USAGE_DAYS up into days; removes days older than"
        " DAILY_USAGE_DAYS, the audit log older than AUDIT_RETENTION_DAYS, logged requests"
        " beyond REQUEST_LOG_DAYS and REQUEST_LOG_ROWS, and notes of resources"
        " that have expired. The gateway does it every hour."
    )

    def handle(self, *_: Any, **__: Any) -> None:
        now = timezone.now()
        pruned = sum(prune_batches(now), Pruned())
        logged = sum(trim_batches(now))
        if pruned or logged:
            detail = _described(pruned, logged)
            audit.record_whole(audit.command("prune"), "prune", audit.DATABASE, detail=detail)
        events, hours = settings.EVENT_RETENTION_DAYS, settings.HOURLY_USAGE_DAYS
        self.stdout.write(
            f"{pruned.events} rate limit events older than {events} days were removed"
        )
        self.stdout.write(
            f"{pruned.hours} rows of hourly usage older than {hours} days were added up into days"
        )
        self.stdout.write(
            f"{pruned.minutes} rows of usage by the minute older than {MINUTE_USAGE_DAYS} days were"
            " removed"
        )
        self.stdout.write(
            f"{pruned.sessions} sessions and {pruned.sign_ins} counts of failed sign-ins were"
            " removed"
        )
        days, audit_days = settings.DAILY_USAGE_DAYS, settings.AUDIT_RETENTION_DAYS
        self.stdout.write(
            f"{pruned.days} rows of usage by the day older than {days} days were removed"
        )
        self.stdout.write(
            f"{pruned.audit_entries} entries of the audit log older than {audit_days} days were"
            " removed"
        )
        if logged:
            self.stdout.write(f"{logged} requests were removed from their log")
        self.stdout.write(f"{pruned.resources} notes of expired resources were removed")
        self.stdout.write(
            f"{pruned.leftovers} notes of groups and processes that are gone were removed"
        )


def _described(pruned: Pruned, logged: int) -> str:
    return (
        f"{pruned.events} rate limit events, {pruned.hours} rows of usage by the hour,"
        f" {pruned.minutes} by the minute, {pruned.days} by the day, {pruned.sessions} sessions,"
        f" {pruned.sign_ins} counts of failed sign-ins, {pruned.audit_entries} entries of the"
        f" audit log, {pruned.resources} notes of expired resources"
    ) + (f", {logged} logged requests" if logged else "")
