"""Who has opened a socket, and who may still keep it.

Three queries, however many there are.
"""

import time
from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.auth.models import User
from django.contrib.sessions.models import Session

from proxyapp.access.second_factor import VERIFIED, is_enough
from proxyapp.access.session_rules import has_run_out
from proxyapp.access.session_store import row_key
from proxyapp.models import SecondFactor


class Visitor(NamedTuple):
    """`auth_hash` changes with the password, which ends the user's other sessions.

    `verified`: the second factor.
    """

    session_key: str
    user_id: int
    auth_hash: str
    verified: int | None = None


async def visitor_of(scope: dict[str, Any]) -> Visitor | None:
    """None: not logged in, no member of the staff, or still without the code.

    Behind the middleware of channels.
    """
    user, session = scope["user"], scope["session"]
    if not (user.is_authenticated and user.is_active and user.is_staff):
        return None
    factor_id = (
        await SecondFactor.objects.filter(user_id=user.pk).values_list("pk", flat=True).afirst()
    )
    verified = await session.aget(VERIFIED)
    if has_run_out(session, time.time()) or not is_enough(factor_id, verified):
        return None
    return Visitor(session.session_key, user.pk, user.get_session_auth_hash(), verified)


def still_welcome(visitors: Collection[Visitor], now: datetime) -> set[Visitor]:
    """Whose session is open, and who is still active staff that may see keys, with the same
    password.
    """
    keys = {visitor.session_key: row_key(visitor.session_key) for visitor in visitors}
    ids = {visitor.user_id for visitor in visitors}
    sessions = set(
        Session.objects.filter(pk__in=keys.values(), expire_date__gt=now).values_list(
            "pk", flat=True
        )
    )
    may_see = User.objects.with_perm("proxyapp.view_apikey")
    staff = may_see.filter(pk__in=ids, is_staff=True).only("password")
    hashes = {user.pk: user.get_session_auth_hash() for user in staff}
    factors = dict(SecondFactor.objects.filter(user_id__in=ids).values_list("user_id", "pk"))
    return {
        visitor
        for visitor in visitors
        if keys[visitor.session_key] in sessions
        and hashes.get(visitor.user_id) == visitor.auth_hash
        and is_enough(factors.get(visitor.user_id), visitor.verified)
    }
