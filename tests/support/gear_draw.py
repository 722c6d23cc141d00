"""One random exchange to be: a client's part, and an upstream's."""

import json
import random
from collections.abc import Sequence
from typing import NamedTuple

from tests.support.fake_upstream import Handler, body_of_bytes
from tests.support.gear_clients import Client, Request

CHAT = "/v1beta/openai/chat/completions"
GROUPS = ["", "", "", "/g/daily", "/g/patient", "/g/both"]
TOKENS = ["plain", "daily", "counted", "expired"]


class GearExchange(NamedTuple):
    kind: str
    number: int
    client: Client
    answers: Sequence[Handler] = ()


class Draw:
    """One exchange to be: its number, and what chance says of it."""

    def __init__(self, chance: random.Random, number: int) -> None:
        self.chance = chance
        self.number = number
        self.model = f"gemini-{chance.randrange(6)}"

    def generate(self, method: str = "generateContent", query: str = "") -> Request:
        body = json.dumps({"contents": [{"parts": [{"text": f"question {self.number}"}]}]})
        target = f"{self._group()}/v1beta/models/{self.model}:{method}{query}"
        return Request(self.number, "POST", target, body.encode(), token=self._token())

    def stream(self) -> Request:
        return self.generate("streamGenerateContent", "?alt=sse")

    def chat(self, *, is_stream: bool = False) -> Request:
        asked = {"model": self.model, "messages": [], "stream": is_stream}
        return Request(self.number, "POST", CHAT, json.dumps(asked).encode(), token=self._token())

    def other(self, method: str = "GET", path: str = "/some/path") -> Request:
        body = b"{}" if method in ("POST", "PUT") else b""
        return Request(self.number, method, self._group() + path, body, token=self._token())

    def upload(self, size: int, path: str = "/some/path") -> Request:
        """Of a client who is let in: of what it is refused before it may have sent less or more."""
        token = self.chance.choice(["", "plain"])
        return self.other("POST", path)._replace(body=body_of_bytes(size), token=token)

    def any_call(self) -> Request:
        return self.chance.choice([self.generate, self.stream, self.chat, self.other])()

    def flip(self) -> bool:
        return self.chance.random() < 0.5

    def of(self, client: Client, *handlers: Handler) -> GearExchange:
        return GearExchange("", self.number, client, handlers)

    def _group(self) -> str:
        return self.chance.choice(GROUPS)

    def _token(self) -> str:
        return self.chance.choice(["", "", "", *TOKENS])
