"""Each who wants to hears of each request that has ended."""

from proxyapp.requests.record import RequestRecord
from proxyapp.requests.told import RequestsTold


def test_each_hears_of_each():
    told = RequestsTold()
    first: list[RequestRecord] = []
    second: list[RequestRecord] = []
    assert not told.is_heard
    told.add(first.append)
    told.add(second.append)
    record = RequestRecord("an-id", "POST", 0.0)

    told.end(record)

    assert told.is_heard
    assert first == second == [record]
