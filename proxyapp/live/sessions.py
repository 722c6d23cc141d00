"""Who has opened a socket, and who of them may still keep it: two queries, however many there are."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.auth.models import User
from django.contrib.sessions.models import Session


class Visitor(NamedTuple):
    """`auth_hash` changes with the password, which ends the user's other sessions."""

    session_key: str
    user_id: int
    auth_hash: str


def visitor_of(scope: dict[str, Any]) -> Visitor | None:
    """None: not logged in, or no member of the staff. Behind the middleware of channels."""
    user, session = scope["user"], scope["session"]
    if not (user.is_authenticated and user.is_active and user.is_staff):
        return None
    return Visitor(session.session_key, user.pk, user.get_session_auth_hash())


def still_welcome(visitors: Collection[Visitor], now: datetime) -> set[Visitor]:
    """Those whose session is open, and who are still active members of the staff with the same password."""
    keys = {visitor.session_key for visitor in visitors}
    ids = {visitor.user_id for visitor in visitors}
    sessions = set(Session.objects.filter(pk__in=keys, expire_date__gt=now).values_list("pk", flat=True))
    staff = User.objects.filter(pk__in=ids, is_active=True, is_staff=True).only("password")
    hashes = {user.pk: user.get_session_auth_hash() for user in staff}
    return {
        visitor
        for visitor in visitors
        if visitor.session_key in sessions and hashes.get(visitor.user_id) == visitor.auth_hash
    }
