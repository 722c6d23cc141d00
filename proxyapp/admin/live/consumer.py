"""The live pages' socket: `/ws/admin/live/`.

A client says what its page shows: `{"watch": "dashboard"}`, or `{"watch": "keys", "ids": [1, 2]}`,
and in which language: `"language": "en"`.
It is told all of that first, and then what changes.
"""

import json
import time
from collections import deque
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer

from proxyapp.admin.live.changes import PageWish
from proxyapp.admin.live.feed import Feed, Live
from proxyapp.admin.live.sessions import visitor_of
from proxyapp.admin.live.subscriber import Subscriber
from proxyapp.vocabulary.choices import LANGUAGES
from proxyapp.vocabulary.languages import PLAIN

# More than a page of the list of keys has, which is 100.
MOST_KEYS = 200
# The most that SQLite and PostgreSQL take; a larger number is an error in the query.
LARGEST_ID = 2**63 - 1
# A page speaks once when it opens, and when what it shows changes.
MOST_MESSAGES = 30
MESSAGES_SECONDS = 10.0
# An application's own codes (RFC 6455, section 7.4.2): a page does not come back after these.
BAD_MESSAGE = 4400
NOT_ALLOWED = 4403


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    def __init__(self, live: Live) -> None:
        super().__init__()
        self._live = live
        self._feed: Feed | None = None
        self._subscriber: Subscriber | None = None
        self._heard: deque[float] = deque(maxlen=MOST_MESSAGES)

    async def __call__(self, *arguments: Any) -> None:
        """However it ends, the feed knows."""
        try:
            await super().__call__(*arguments)
        finally:
            if self._feed is not None and self._subscriber is not None:
                await self._live.leave(self._feed, self._subscriber)

    async def connect(self) -> None:
        visitor = await visitor_of(self.scope)
        if visitor is None:
            await self.close()
            return
        await self.accept()
        self._feed = self._live.feed()
        self._subscriber = self._feed.add(visitor, self.send, self.close)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        wish = wish_of(text_data)
        if wish is None or self._is_too_much(time.monotonic()):
            await self.close(BAD_MESSAGE)
        elif not await self.scope["user"].ahas_perm("proxyapp.view_apikey"):
            await self.close(NOT_ALLOWED)
        elif self._feed is not None and self._subscriber is not None:
            self._feed.watch(self._subscriber, wish)

    def _is_too_much(self, now: float) -> bool:
        heard = self._heard
        is_full = len(heard) == MOST_MESSAGES and now - heard[0] < MESSAGES_SECONDS
        heard.append(now)
        return is_full


def wish_of(text: str | None) -> PageWish | None:
    """None: the message makes no sense."""
    try:
        message = json.loads(text or "")
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict):
        return None
    language = language_in(message)
    if message.get("watch") == "dashboard":
        return PageWish(dashboard=True, language=language)
    ids = message.get("ids")
    if message.get("watch") != "keys" or not isinstance(ids, list) or len(ids) > MOST_KEYS:
        return None
    return PageWish(keys=frozenset(ids), language=language) if all(map(is_id, ids)) else None


def language_in(message: dict[str, Any]) -> str:
    """Of the page itself, which may be older than what its browser has chosen."""
    wished = message.get("language")
    return wished if isinstance(wished, str) and wished in LANGUAGES else PLAIN


def is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LARGEST_ID
