"""Who hears of each request that has ended."""

from collections.abc import Callable

from proxyapp.requests.record import RequestRecord

Hearer = Callable[[RequestRecord], None]


class RequestsTold:
    """In memory, at once, on the event loop: a hearer keeps what it needs and is quick.

    `under_way`: how many have not ended.
    """

    def __init__(self) -> None:
        self.under_way = 0
        self._hearers: list[Hearer] = []

    def add(self, hearer: Hearer) -> None:
        self._hearers.append(hearer)

    @property
    def is_heard(self) -> bool:
        """False: no record needs to be filled."""
        return bool(self._hearers)

    def end(self, record: RequestRecord) -> None:
        for hear in self._hearers:
            hear(record)
