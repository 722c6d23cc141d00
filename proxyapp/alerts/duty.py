"""One process of all looks and sends: a lease in the database, which another takes when it ends.

It is the moment of its holder's last look: who has just written it knows it, and nobody else.
"""

from datetime import UTC, datetime, timedelta

from django.db.models import Q

from proxyapp.models import Chore

ALERTS = "alerts"
# Longer than a look with all that it may send.
HOLDS = timedelta(seconds=120)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def take(mine: datetime | None, now: datetime) -> datetime | None:
    """`mine`: what this process had from its last call. None: another process has the duty.

    A time to come is a clock's error.
    """
    Chore.objects.get_or_create(name=ALERTS, defaults={"last_run_at": EPOCH})
    is_free = Q(last_run_at__lte=now - HOLDS) | Q(last_run_at__gt=now + HOLDS)
    if mine is not None:
        is_free |= Q(last_run_at=mine)
    taken = Chore.objects.filter(is_free, name=ALERTS).update(last_run_at=now)
    return now if taken else None


def holds(mine: datetime) -> bool:
    """Locks the row, in a transaction: until its end the duty is nobody else's."""
    return Chore.objects.select_for_update().filter(name=ALERTS, last_run_at=mine).exists()


def leave(mine: datetime) -> None:
    Chore.objects.filter(name=ALERTS, last_run_at=mine).update(last_run_at=EPOCH)
