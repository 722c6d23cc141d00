"""The steps on the way to an upstream, for whoever wants to see them: tests of connections."""

import time
from collections.abc import Callable

from proxyapp.vocabulary.marks import gettext_noop as _

NAME, PROXY, CONNECTION = _("Name resolution"), _("Proxy"), _("Connection")
TLS, REQUEST = "TLS", _("Request")

# Called with a step as it begins, and whom it is about: a host, or a host and its port.
Trace = Callable[[str, str], None]


class StepClock:
    """`taken`: the milliseconds of each step that has begun. A step ends when the next begins.

    Its `begin` is a trace. A step that begins again before another goes on.
    """

    def __init__(self) -> None:
        self.taken: dict[str, float] = {}
        self.details: dict[str, str] = {}
        self.latest = NAME
        self._since: float | None = None

    def begin(self, step: str, detail: str) -> None:
        if self._since is not None and step == self.latest:
            self.details[step] += f", {detail}"
            return
        self.end()
        self.latest, self._since = step, time.perf_counter()
        self.taken[step], self.details[step] = 0.0, detail

    def end(self) -> None:
        if self._since is not None:
            self.taken[self.latest] = (time.perf_counter() - self._since) * 1000
            self._since = None
