"""Django's sessions in the database, which has only a hash of each cookie.

A backup lets nobody into the admin.
"""

import hashlib
from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.base_session import AbstractBaseSession
from django.utils import timezone


def row_key(session_key: str | None) -> str:
    """As long as Django's column.

    The cookie is random enough for a hash without a secret, which rotations leave.
    """
    return hashlib.sha256(f"gateway-session:{session_key}".encode()).hexdigest()[:40]


class SessionStore(db.SessionStore):
    def load(self) -> dict[str, Any]:
        return self._opened(self._rows().first())

    async def aload(self) -> dict[str, Any]:
        return self._opened(await self._rows().afirst())

    def _rows(self) -> Any:
        return self.model.objects.filter(
            pk=row_key(self.session_key), expire_date__gt=timezone.now()
        )

    def _opened(self, row: AbstractBaseSession | None) -> dict[str, Any]:
        if row is None:
            self._session_key = None
            return {}
        return self.decode(row.session_data)

    def exists(self, session_key: str) -> bool:
        return super().exists(row_key(session_key))

    async def aexists(self, session_key: str) -> bool:
        return await super().aexists(row_key(session_key))

    def create_model_instance(self, data: dict[str, Any]) -> AbstractBaseSession:
        return _hashed(super().create_model_instance(data))

    async def acreate_model_instance(self, data: dict[str, Any]) -> AbstractBaseSession:
        return _hashed(await super().acreate_model_instance(data))

    def delete(self, session_key: str | None = None) -> None:
        if key := session_key or self.session_key:
            super().delete(row_key(key))

    async def adelete(self, session_key: str | None = None) -> None:
        if key := session_key or self.session_key:
            await super().adelete(row_key(key))


def _hashed(row: AbstractBaseSession) -> AbstractBaseSession:
    row.session_key = row_key(row.session_key)
    return row
