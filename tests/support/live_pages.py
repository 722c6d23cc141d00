"""The live pages' socket, as a browser opens it.

On the application alone, and on a gateway that runs.
"""

import asyncio
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import User
from django.test import Client
from websockets import Origin
from websockets.sync.client import ClientConnection, connect

from tests.support.gateway import Gateway

PATH = "/ws/admin/live/"
DASHBOARD = {"watch": "dashboard"}
PASSWORD = "open-sesame"
OPERATOR = {"DJANGO_SUPERUSER_USERNAME": "root", "DJANGO_SUPERUSER_PASSWORD": PASSWORD}


def log_in(**fields: Any) -> Client:
    """A user of the staff unless `fields` say otherwise.

    Without a password: hashing one takes half a second.
    """
    client = Client()
    client.force_login(
        User.objects.create(**{"username": "op", "is_staff": True, "is_superuser": True, **fields})
    )
    return client


class Page:
    """An open page of the admin, on an application."""

    def __init__(
        self, application: Any, client: Client | None, *, path: str = PATH, **headers: str
    ) -> None:
        cookies = f"gateway_session={client.cookies['gateway_session'].value}" if client else ""
        sent = {"host": "testserver", "origin": "https://testserver", "cookie": cookies, **headers}
        raw = [(name.encode(), value.encode()) for name, value in sent.items() if value]
        self._socket = WebsocketCommunicator(application, path, headers=raw)
        self.state: dict[str, Any] = {}

    async def open(self) -> bool:
        """Whether it was accepted."""
        is_accepted, _ = await self._socket.connect(timeout=10)
        return bool(is_accepted)

    async def watch(self, wish: Any = DASHBOARD) -> "Page":
        assert await self.open()
        await self.say(wish)
        return self

    async def say(self, wish: Any) -> None:
        await self._socket.send_to(text_data=wish if isinstance(wish, str) else json.dumps(wish))

    async def hear(self, seconds: float = 10) -> dict[str, Any]:
        """The next message, which a dashboard adds to what it shows."""
        message: dict[str, Any] = json.loads(await self._socket.receive_from(timeout=seconds))
        self.state.update(message)
        return message

    async def hear_nothing(self, seconds: float = 0.3) -> bool:
        return bool(await self._socket.receive_nothing(timeout=seconds))

    async def news(self, seconds: float) -> list[dict[str, Any]]:
        """What comes in that time, but for the chart of a new minute."""
        until, heard = time.monotonic() + seconds, []
        while (left := until - time.monotonic()) > 0 and not await self.hear_nothing(left):
            heard.append(await self.hear())
        return [message for message in heard if not message.keys() <= {"type", "at", "chart"}]

    async def closing_code(self, seconds: float = 10) -> int:
        """Of the close that comes after whatever comes before."""
        async with asyncio.timeout(seconds):
            while (message := await self._socket.receive_output(seconds))[
                "type"
            ] != "websocket.close":
                pass
        return int(message["code"])

    async def leave(self) -> None:
        await self._socket.disconnect()


def admin_cookie(gateway: Gateway) -> str:
    """A session of OPERATOR, whom the gateway was started with."""
    with httpx.Client(base_url=gateway.url, trust_env=False, timeout=30) as browser:
        form = browser.get("/admin/login/").text
        token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', form)[0]
        data = {
            "username": "root",
            "password": PASSWORD,
            "csrfmiddlewaretoken": token,
            "next": "/admin/",
        }
        assert browser.post("/admin/login/", data=data).status_code == 302
        return f"gateway_session={browser.cookies['gateway_session']}"


@contextmanager
def open_socket(
    gateway: Gateway, cookie: str, *, origin: str | None = None
) -> Iterator[ClientConnection]:
    """Raises websockets.InvalidStatus when it is refused."""
    url = gateway.url.replace("http", "ws") + PATH
    headers = {"Cookie": cookie} if cookie else {}
    chosen = Origin(origin or gateway.url)
    with connect(
        url, additional_headers=headers, origin=chosen, proxy=None, open_timeout=20, max_size=None
    ) as socket:
        yield socket


@contextmanager
def watched(gateway: Gateway, cookie: str) -> Iterator[tuple[ClientConnection, dict[str, Any]]]:
    """A socket, and the dashboard as it is told of it first."""
    with open_socket(gateway, cookie) as socket:
        socket.send(json.dumps(DASHBOARD))
        yield socket, json.loads(socket.recv(20))


def seconds_until(
    socket: ClientConnection, field: str, seconds: float = 10
) -> tuple[float, dict[str, Any]]:
    """How long it takes until a message has the field, and that message."""
    since = time.monotonic()
    while True:
        message = json.loads(socket.recv(max(0.01, since + seconds - time.monotonic())))
        if field in message:
            return time.monotonic() - since, message
