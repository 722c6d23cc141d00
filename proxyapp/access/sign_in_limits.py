"""Against guessing of passwords and codes: who failed too often waits, but not the operator.

Three subjects are counted for each try: the name from this address, the address (whatever the
name), and the name (whatever the address). A browser that has signed in before has a cookie that
says so: it is counted by itself, so that strangers who fail with the operator's name lock out
strangers only. From this machine the count of the name is not looked at either. Names and addresses
are kept as keyed hashes: people type passwords into the wrong field.

A try is counted before the password is looked at and taken back when it was right, so that tries at
the same time cannot exceed the limit, and none is possible while the database cannot count.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import NamedTuple

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction

from proxyapp.models import AuditEntry, SignInCount, audit
from proxyapp.models.sealed import keyed_hash
from proxyapp.vocabulary.addresses import is_loopback, network_of

# Times LOGIN_FAILURES. Several people share an address. Strangers fail with a name, too, and must
# not soon lock out its owner; but a code has only a million values, and whoever is asked for one
# knows the password.
ADDRESS_FACTOR, NAME_FACTOR, CODE_FACTOR = 4, 20, 2
# One a minute: a guesser does not fill the audit log.
MOST_ENTRIES_AN_HOUR = 60
CLOCK_TOLERANCE = timedelta(minutes=1)
SIGN_IN = audit.Actor("sign-in")


class LockedOut(Exception):
    def __init__(self, seconds: int) -> None:
        super().__init__(f"locked for {seconds} s")
        self.seconds = seconds


class Subject(NamedTuple):
    key: str
    limit: int


@dataclass(frozen=True, slots=True)
class Guess:
    """One try.

    `browser`: what its cookie says; empty for one that has never signed in as `name`.
    """

    kind: str
    name: str
    address: str
    browser: str = ""

    def subjects(self) -> list[Subject]:
        """In an order of their own: the rows are locked in it, one by one.

        (A database may sort texts otherwise, and locks what one statement names in any order.)
        """
        limit: int = settings.LOGIN_FAILURES
        if self.browser:
            return [self._subject("browser", self.browser, limit)]
        network = network_of(self.address)
        found = [
            self._subject("pair", f"{network} {self.name}", limit),
            self._subject("address", network, limit * ADDRESS_FACTOR),
        ]
        if not is_loopback(self.address):
            factor = NAME_FACTOR if self.kind == "password" else CODE_FACTOR
            found.append(self._subject("name", self.name, limit * factor))
        return sorted(found)

    def _subject(self, scope: str, value: str, limit: int) -> Subject:
        return Subject(keyed_hash(f"sign-in:{self.kind}:{scope}:{value}"), limit)


def admit_guess(guess: Guess, now: datetime) -> None:
    """Counts the try as a failure. Raises LockedOut, and then nothing is counted."""
    with transaction.atomic():
        rows = [(_row(subject, now), subject.limit) for subject in guess.subjects()]
        until = max((row.locked_until for row, _ in rows if row.locked_until), default=now)
        if until > now:
            raise LockedOut(ceil((until - now).total_seconds()))
        is_locked_now = False
        for row, limit in rows:
            row.failures += 1
            if row.failures >= limit:
                row.locked_until = now + cooloff()
                is_locked_now = True
            row.save()
    if is_locked_now:
        guess_locked(guess, now)


def succeeded(guess: Guess) -> None:
    """What `admit` counted was no failure.

    The name from this address begins anew, the wider counts lose one.
    """
    with transaction.atomic():
        found = [(row, subject.limit) for subject in guess.subjects() if (row := _locked(subject))]
        narrowest = min(subject.limit for subject in guess.subjects())
        for row, limit in found:  # and no other row: one that came since is not locked in order
            if limit == narrowest:
                row.delete()
                continue
            row.failures = max(row.failures - 1, 0)
            if row.failures < limit:
                row.locked_until = None
            row.save()


def forget_all() -> int:
    """The operator's way out; how many locks there were."""
    locked = SignInCount.objects.exclude(locked_until=None).count()
    SignInCount.objects.all().delete()
    return locked


def cooloff() -> timedelta:
    return timedelta(minutes=settings.LOGIN_COOLOFF_MINUTES)


def guess_locked(guess: Guess, now: datetime) -> None:
    """Notes it in the audit log: by name only if a user has it, and no oftener than one reads."""
    recent = AuditEntry.objects.filter(action="lock", at__gt=now - timedelta(hours=1))
    if recent[:MOST_ENTRIES_AN_HOUR].count() >= MOST_ENTRIES_AN_HOUR:
        return
    users = get_user_model()._default_manager
    label = guess.name if users.filter(username=guess.name).exists() else "unknown user"
    detail = f"too many wrong {guess.kind}s from {guess.address or 'an unknown address'}"
    audit.record_whole(SIGN_IN, "lock", audit.SIGN_IN, label=label, detail=detail)


def _locked(subject: Subject) -> SignInCount | None:
    return SignInCount.objects.select_for_update().filter(subject=subject.key).first()


def _row(subject: Subject, now: datetime) -> SignInCount:
    """Locked. A count whose time is over begins anew."""
    while (row := _locked(subject)) is None:  # a success or the pruning may remove it again
        new = SignInCount(subject=subject.key, since=now)
        SignInCount.objects.bulk_create([new], ignore_conflicts=True)
    last = max(row.since, row.locked_until or row.since)
    is_over = last + (timedelta() if row.locked_until else cooloff()) <= now
    if is_over or last > now + cooloff() + CLOCK_TOLERANCE:  # by a clock that was ahead
        row.failures, row.since, row.locked_until = 0, now, None
    return row
