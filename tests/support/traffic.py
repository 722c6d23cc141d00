"""A client that asks again and again while something breaks, and what it saw."""

import threading
import time

from tests.support.gateway import Gateway
from tests.support.raw_client import RawClient

NO_ANSWER = 0
PATH = "/v1beta/models/gemini-2.5-flash:generateContent"


class Traffic:
    """`seconds`: how long each answer took."""

    def __init__(self, gateway: Gateway, pause: float = 0.01) -> None:
        self._gateway = gateway
        self._pause = pause
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self.statuses: list[int] = []
        self.seconds: list[float] = []

    def __enter__(self) -> "Traffic":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join(60)

    def _ask(self) -> None:
        with RawClient(self._gateway.url) as client:
            while not self._is_over.wait(self._pause):
                began = time.monotonic()
                try:
                    status = client.request("POST", PATH, [], b"{}").status
                except (AssertionError, OSError):
                    self.statuses.append(NO_ANSWER)
                    return
                self.statuses.append(status)
                self.seconds.append(time.monotonic() - began)

    def slowest_but(self, share: float) -> float:
        """In seconds: what all but that share of the answers took at most."""
        return sorted(self.seconds)[int(len(self.seconds) * (1 - share)) - 1]
