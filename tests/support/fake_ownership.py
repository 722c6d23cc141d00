"""What belongs to a project at the fake Google, and the calls that ask for it."""

import base64
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Literal
from urllib.parse import parse_qsl

from tests.support.fake_errors import GoogleError, invalid, not_yours
from tests.support.fake_gemini import Answer, json_answer
from tests.support.fake_http import Recorded

CHOSEN_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
FOR_EVER = float("inf")


@dataclass
class Owned:
    """`data` is what Google tells of it. `content` None: more than is kept."""

    name: str
    project: str
    data: dict[str, Any]
    expires_at: float
    serial: int
    content: bytes | None = b""


@dataclass(frozen=True)
class Touch:
    """One look at a resource, or at a collection (`list`), with whose key."""

    what: Literal["make", "find", "list", "delete"]
    name: str
    key: str
    project: str
    is_allowed: bool = True


@dataclass(frozen=True)
class Call:
    """A request about resources. `parts` stand below the version, decoded and without the verb."""

    request: Recorded
    store: "OwnedStore"
    front: str
    parts: tuple[str, ...]
    verb: str
    now: float
    base_url: str

    @property
    def key(self) -> str:
        return self.request.key or ""

    @property
    def project(self) -> str:
        return self.store.project_of(self.key)

    @property
    def name(self) -> str:
        return "/".join(self.parts)

    @cached_property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.request.query, keep_blank_values=True))

    def json(self) -> dict[str, Any]:
        """The body, of which nothing is as good as an empty one."""
        found = json.loads(self.request.body or b"{}")
        if not isinstance(found, dict):
            raise TypeError("an object was expected")
        return found


@dataclass
class OwnedStore:
    """`projects`: the project of each key; a key that is not there is its own."""

    projects: dict[str, str] = field(default_factory=dict)
    touches: list[Touch] = field(default_factory=list)
    _owned: dict[tuple[str, str], Owned] = field(default_factory=dict)
    _serial: int = 0

    def project_of(self, key: str) -> str:
        return self.projects.get(key, key)

    # For tests.

    @property
    def strangers(self) -> list[Touch]:
        """What was asked for with the key of a project that does not have it."""
        return [touch for touch in self.touches if not touch.is_allowed]

    def keys_that(self, what: str, name: str) -> list[str]:
        return [touch.key for touch in self.touches if (touch.what, touch.name) == (what, name)]

    def names_of(self, key: str) -> list[str]:
        """What the key's project has, the newest first."""
        mine = [each for each in self._owned.values() if each.project == self.project_of(key)]
        return [each.name for each in sorted(mine, key=lambda owned: -owned.serial)]

    def plant(
        self,
        key: str,
        name: str,
        data: Mapping[str, Any] | None = None,
        *,
        expires_at: float = FOR_EVER,
        content: bytes | None = b"",
    ) -> Owned:
        """Makes something that nobody asked for."""
        self._serial += 1
        project = self.project_of(key)
        kept = {"name": name, **(data or {})}
        owned = Owned(name, project, kept, expires_at, self._serial, content)
        self._owned[project, name] = owned
        return owned

    # For what answers.

    def make(
        self,
        call: Call,
        name: str,
        data: Mapping[str, Any],
        *,
        expires_at: float = FOR_EVER,
        content: bytes | None = b"",
        key: str | None = None,
    ) -> Owned:
        """`key`: whose it is, where that is not said by the call."""
        owner = call.key if key is None else key
        if (self.project_of(owner), name) in self._owned:
            raise GoogleError(409, "Requested entity already exists")
        owned = self.plant(owner, name, data, expires_at=expires_at, content=content)
        self.touches.append(Touch("make", name, owner, owned.project))
        return owned

    def find(self, call: Call, name: str) -> Owned:
        owned = self._owned.get((call.project, name))
        is_there = owned is not None and owned.expires_at > call.now
        self.touches.append(Touch("find", name, call.key, call.project, is_there))
        if owned is None or not is_there:
            raise not_yours(name)
        return owned

    def under(self, call: Call, collection: str) -> list[Owned]:
        """What the project has in a collection, the newest first."""
        self.touches.append(Touch("list", collection, call.key, call.project))
        mine = [
            owned
            for owned in self._owned.values()
            if owned.project == call.project
            and owned.expires_at > call.now
            and owned.name.rpartition("/")[0] == collection
        ]
        return sorted(mine, key=lambda owned: -owned.serial)

    def remove(self, call: Call, name: str) -> None:
        """With all that stands below it."""
        self.find(call, name)
        self.touches.append(Touch("delete", name, call.key, call.project))
        below = f"{name}/"
        self._owned = {
            (project, kept): owned
            for (project, kept), owned in self._owned.items()
            if project != call.project or (kept != name and not kept.startswith(below))
        }


# What the collections share.


def new_id(chosen: str = "") -> str:
    """Without the collection's name in front."""
    wanted = chosen.rpartition("/")[2]
    if wanted and not CHOSEN_ID.fullmatch(wanted):
        raise invalid(f"Invalid resource name: {chosen}")
    return wanted or secrets.token_hex(6)


def time_text(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def removed(call: Call, name: str) -> Answer:
    call.store.remove(call, name)
    return json_answer({})


def listed(call: Call, field: str, *, usual: int, most: int) -> Answer:
    """A page of the collection that is asked for, and `nextPageToken` where there is another.

    A token is good for the project and the collection that gave it.
    """
    size = int(call.query.get("pageSize") or call.query.get("page_size") or 0)
    if size < 0:
        raise invalid("page_size must not be negative.")
    token = call.query.get("pageToken") or call.query.get("page_token") or ""
    before = _serial_of(call, token)
    owned = call.store.under(call, call.name)
    rest = [each for each in owned if before is None or each.serial < before]
    page = rest[: min(size or usual, most)]
    following = {"nextPageToken": _token(call, page[-1].serial)} if len(rest) > len(page) else {}
    return json_answer({field: [each.data for each in page], **following} if page else {})


def _token(call: Call, serial: int) -> str:
    told = json.dumps([call.project, call.name, serial])
    return base64.urlsafe_b64encode(told.encode()).decode().rstrip("=")


def _serial_of(call: Call, token: str) -> int | None:
    if not token:
        return None
    try:
        told = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        project, collection, serial = told
    except (ValueError, TypeError):
        raise invalid("The page token is invalid.") from None
    if (project, collection) != (call.project, call.name):
        raise invalid("The page token is invalid.")
    return int(serial)
