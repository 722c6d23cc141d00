"""A primary is lost and its standby takes over: no request notices, and every count is right."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.cluster import Cluster
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group
from tests.support.standby import Standby
from tests.support.traffic import Traffic
from tests.support.waiting import wait_for

# It brings its own servers; test_database_faults.py has what breaks on compiled code.
pytestmark = pytest.mark.once
KEYS = [f"KEY-{number}" for number in range(4)]
COUNTED = "SELECT array[sum(requests), sum(answered)]::int[] FROM proxyapp_minuteusage"
EVENTS = "SELECT count(*) FROM proxyapp_ratelimitevent"


def of_both(primary: Cluster, standby: Cluster) -> str:
    """libpq's URL of the two, of which the one that takes writes is meant."""
    parts = urlsplit(primary.url)
    user, _, host = parts.netloc.rpartition("@")
    hosts = f"{host},{urlsplit(standby.url).netloc.rpartition('@')[2]}"
    return f"postgresql://{user}@{hosts}{parts.path}?target_session_attrs=read-write"


@pytest.fixture
def servers() -> Iterator[tuple[Cluster, Standby]]:
    with ExitStack() as stack:
        primary = stack.enter_context(Cluster())
        yield primary, stack.enter_context(Standby(primary))


def status(gateway: Gateway) -> int:
    return httpx.get(f"{gateway.url}/readyz", timeout=10, trust_env=False).status_code


def test_a_standby_takes_over_and_all_is_written_once(
    servers: tuple[Cluster, Standby], upstream: FakeUpstream
):
    primary, standby = servers
    config = {"groups": [group(KEYS, upstream.url, auth="google")]}
    with Gateway(config, env={"DATABASE_URL": of_both(primary, standby)}) as gateway:
        with Traffic(gateway) as traffic:
            wait_for(lambda: len(traffic.statuses) >= 20)
            primary.kill()
            upstream.exhausted(KEYS[0])
            wait_for(lambda: status(gateway) == 503, 30)
            enough = len(traffic.statuses) + 20
            wait_for(lambda: len(traffic.statuses) >= enough)
            standby.promote()
            wait_for(lambda: status(gateway) == 200, 30)

        assert Counter(traffic.statuses) == {200: len(traffic.statuses)}
        exact = [len(upstream.picked()), len(traffic.statuses)]
        wait_for(lambda: standby.ask(COUNTED) == exact, 30)
        assert standby.ask(EVENTS) == 1
        wait_for(lambda: "The database is back" in gateway.output(), 30)
        said = gateway.output()
        assert said.count("The database is away") == said.count("The database is back") == 1
        assert primary.password not in said
        assert "Traceback" not in said
