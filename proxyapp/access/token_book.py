"""Which client a request comes from: found in memory, by a keyed hash of its token.

A process holds a book of all tokens and replaces it as a whole when the pool's version moves.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import islice
from typing import Final
from urllib.parse import unquote_to_bytes

from proxyapp.provider.credentials import is_key_parameter
from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.durations import DAY_SECONDS
from proxyapp.vocabulary.token_strength import LONGEST_FOREIGN as LONGEST_FOREIGN

PREFIX: Final = "gk-"
SHAPE: Final = re.compile(rb"gk-[A-Za-z0-9_-]{43}")
# Together the 64 hex digits of the column; eight tell a handful of secrets apart.
MARK_DIGITS: Final = 8
MAC_BYTES: Final = 28
# More than any client shows; each costs the work of a hash, before it is known who asks.
MOST_CREDENTIALS: Final = 8
_NAMED_SCHEME: Final = b"bearer "
_MINUTE: Final = 60


def new_token(prefix: str = PREFIX) -> str:
    return prefix + secrets.token_urlsafe(32)


def masked_token(token: str) -> str:
    return f"{token[: len(PREFIX)]}…{token[-4:]}"


def mark_of(secret_key: str) -> str:
    """What hashes made under this SECRET_KEY begin with, to tell which of them need it."""
    return hashlib.sha256(b"gemini-key-gateway.token-mark:" + secret_key.encode()).hexdigest()[
        :MARK_DIGITS
    ]


def token_hash(token: str, secret_key: str) -> str:
    """64 hex digits: the secret's mark, then 224 bits of HMAC-SHA256."""
    return mark_of(secret_key) + _mac(_material(secret_key), token.encode()).hex()


def _material(secret_key: str) -> bytes:
    return hashlib.sha256(b"gemini-key-gateway.token-hash:" + secret_key.encode()).digest()


def _mac(material: bytes, token: bytes) -> bytes:
    return hmac.digest(material, token, "sha256")[:MAC_BYTES]


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """What a request may do.

    `groups` None: the keys of all groups; empty: none. `models` None: every model. Times are
    seconds since the epoch; infinity: never. `cost_…`: in millionths of the currency's unit.
    `fallbacks`: the models that are asked instead of one for which no key is left.
    """

    id: int
    groups: frozenset[int] | None = None
    models: re.Pattern[str] | None = None
    requests_per_minute: int | None = None
    requests_per_day: int | None = None
    tokens_per_day: int | None = None
    cost_per_day: int | None = None
    cost_per_month: int | None = None
    live_sessions: int | None = None
    max_concurrent: int | None = None
    fallbacks: Mapping[str, Sequence[str]] = field(default_factory=dict, hash=False)
    expires_at: float = float("inf")
    is_revoked: bool = False
    shared_resources: bool = False

    @property
    def request_limits(self) -> list[tuple[int, int]]:
        """The seconds of each window and how many requests it takes.

        The day comes first, which is the longer wait.
        """
        limits = ((DAY_SECONDS, self.requests_per_day), (_MINUTE, self.requests_per_minute))
        return [(seconds, limit) for seconds, limit in limits if limit is not None]

    @property
    def is_metered(self) -> bool:
        return (
            self.requests_per_minute is not None
            or self.requests_per_day is not None
            or self.is_charged
        )

    @property
    def is_charged(self) -> bool:
        """Whether what its answers come to counts against a limit."""
        return (
            self.tokens_per_day is not None
            or self.cost_per_day is not None
            or self.cost_per_month is not None
        )

    @property
    def uncharged(self) -> "Client":
        return replace(self, tokens_per_day=None, cost_per_day=None, cost_per_month=None)


ANYONE: Final = Client(id=0)


class TokenRefusal(Enum):
    """Why nobody was found. FOREIGN: what was presented does not even look like a token."""

    MISSING = "missing"
    FOREIGN = "foreign"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    REVOKED = "revoked"


_CLOSEST: Final = (
    TokenRefusal.EXPIRED,
    TokenRefusal.REVOKED,
    TokenRefusal.UNKNOWN,
    TokenRefusal.FOREIGN,
)


class TokenBook:
    """All tokens at one moment, each a stored hash and its client.

    `secret_keys`: the current one first.
    """

    def __init__(self, entries: Iterable[tuple[str, Client]], secret_keys: Sequence[str]) -> None:
        known = {mark_of(secret_key): _material(secret_key) for secret_key in secret_keys}
        self._clients: dict[bytes, tuple[bytes, Client]] = {}
        self._by_id: dict[int, Client] | None = None
        self.is_empty = True
        marks = set()
        for stored, client in entries:
            self.is_empty = False
            mark, mac = stored[:MARK_DIGITS], bytes.fromhex(stored[MARK_DIGITS:])
            if mark in known:
                marks.add(mark)
                self._clients[mac] = (mac, client)
        self._materials = [material for mark, material in known.items() if mark in marks]

    @property
    def clients(self) -> list[Client]:
        return [client for _, client in self._clients.values()]

    def client_with(self, client_id: int, now: float) -> Client | TokenRefusal:
        """Of that id, whether or not it shows its token."""
        if self._by_id is None:
            self._by_id = {client.id: client for client in self.clients}
        client = self._by_id.get(client_id)
        return TokenRefusal.UNKNOWN if client is None else _standing(client, now)

    def client_of(self, headers: list[Header], query: bytes, now: float) -> Client | TokenRefusal:
        """One good credential of several is enough: SDKs may send the token in two places."""
        reasons = set()
        for credential in islice(dict.fromkeys(presented(headers, query)), MOST_CREDENTIALS):
            found = self._find(credential, now)
            if isinstance(found, Client):
                return found
            reasons.add(found)
        return next((reason for reason in _CLOSEST if reason in reasons), TokenRefusal.MISSING)

    def _find(self, credential: bytes, now: float) -> Client | TokenRefusal:
        """Those taken over from another gateway have that one's shape."""
        has_shape = SHAPE.fullmatch(credential) is not None
        if not has_shape and len(credential) > LONGEST_FOREIGN:
            return TokenRefusal.FOREIGN
        for material in self._materials:
            mac = _mac(material, credential)
            stored, client = self._clients.get(mac, (b"", ANYONE))
            if hmac.compare_digest(stored, mac):
                return _standing(client, now)
        return TokenRefusal.UNKNOWN if has_shape else TokenRefusal.FOREIGN


def _standing(client: Client, now: float) -> Client | TokenRefusal:
    if client.is_revoked:
        return TokenRefusal.REVOKED
    return client if now < client.expires_at else TokenRefusal.EXPIRED


def presented(headers: list[Header], query: bytes) -> list[bytes]:
    """Every credential of a request, wherever clients put it.

    An empty one is none: a variable was not set.
    """
    found = []
    for name, value in headers:
        if name == b"authorization":
            if value[:7].lower() == _NAMED_SCHEME:
                found.append(value[7:].strip())
        elif name == b"x-goog-api-key" or name == b"x-api-key" or name == b"api-key":
            found.append(value.strip())
    if query and (b"key" in query or b"%" in query):
        parts = query.split(b"&")
        found += [
            unquote_to_bytes(part.partition(b"=")[2]) for part in parts if is_key_parameter(part)
        ]
    return [credential for credential in found if credential]
