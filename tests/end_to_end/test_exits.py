"""Keys with exits of their own, through the whole gateway and real proxies."""

import itertools
from collections.abc import Iterator

import pytest

from proxyapp.vocabulary.exits import chosen_exit
from tests.support import certificates
from tests.support.fake_live import FakeLive
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group
from tests.support.gateway_database import rows
from tests.support.gateway_requests import ask, states
from tests.support.live_clients import begun
from tests.support.ports import free_port
from tests.support.proxies import HttpProxy, ProxyServer, Socks5Proxy
from tests.support.upload_client import UploadClient

PASSWORD = "s3cret-exit-word"
SERVERS = ["daphne", "uvicorn"]


@pytest.fixture(params=[HttpProxy, Socks5Proxy], ids=["http", "socks5"])
def exits(request: pytest.FixtureRequest) -> Iterator[list[ProxyServer]]:
    with (
        request.param(username="user", password=PASSWORD) as one,
        request.param(username="user", password=PASSWORD) as two,
    ):
        yield [one, two]


def nowhere() -> str:
    return f"http://user:{PASSWORD}@127.0.0.1:{free_port()}"


class Pool(list[str]):
    """`keys`: eight, as many of each of the exits; `of`: those of one."""

    def __init__(self, *exits: str) -> None:
        super().__init__(exits)
        found: dict[str, list[str]] = {url: [] for url in exits}
        for number in itertools.count():
            key = f"KEY-{number}"
            if len(keys := found[chosen_exit(exits, key)]) < 8 // len(exits):
                keys.append(key)
            if sum(map(len, found.values())) == 8:
                break
        self.found = found
        self.keys = [key for keys in zip(*found.values(), strict=True) for key in keys]

    def of(self, url: str) -> set[str]:
        return set(self.found[url])


def has_no_trace(gateway: Gateway) -> None:
    """No cooldown, and no password."""
    assert rows(gateway, "SELECT count(*) FROM proxyapp_ratelimitevent") == [(0,)]
    assert states(gateway) == ["available"] * 8
    gateway.stop()
    assert PASSWORD not in gateway.output()


@pytest.mark.parametrize("server", SERVERS)
def test_each_keys_requests_go_through_its_exit_and_no_other(make_gateway, upstream, server):
    with (
        HttpProxy(username="user", password=PASSWORD) as one,
        HttpProxy(username="user", password=PASSWORD) as two,
    ):
        pool = Pool(one.url, two.url)
        gateway = make_gateway(pool.keys, proxy_pool=list(pool), server=server)

        assert [ask(gateway).status_code for _ in range(16)] == [200] * 16

        assert upstream.picked() == pool.keys * 2
        for proxy in (one, two):
            seen = [request.value("x-goog-api-key") for request in proxy.connections]
            assert sorted(seen) == sorted([*pool.of(proxy.url)] * 2)
            assert proxy.connections_made == 1, "which all its keys share"
        has_no_trace(gateway)


def test_a_restart_and_another_process_give_the_same_exits(make_gateway):
    """Seen by the keys that answer while the other exit is down."""
    tls = certificates.server_context()
    with FakeUpstream(tls=tls) as target, Socks5Proxy() as one:
        pool = Pool(one.url, f"socks5://127.0.0.1:{free_port()}")
        trust = certificates.authority()
        gateway = make_gateway(
            pool.keys,
            proxy_pool=list(pool),
            target_url=target.url,
            ca_certificates=trust,
            args=["--workers=2"],
        )
        for _ in range(2):
            assert [ask(gateway).status_code for _ in range(8)] == [200] * 8
            gateway.stop()
            gateway.start()

        assert set(target.picked()) == pool.of(one.url)


@pytest.mark.parametrize("policy", ["daily", "quota_aware"])
def test_an_exit_that_fails_takes_out_its_keys_turns_and_no_key(
    make_gateway, upstream, exits, policy
):
    one, _ = exits
    pool = Pool(one.url, nowhere())
    gateway = make_gateway(pool.keys, proxy_pool=list(pool), rate_limit_policy=policy)

    assert [ask(gateway).status_code for _ in range(16)] == [200] * 16

    assert set(upstream.picked()) == pool.of(one.url)
    assert gateway.output().count("fails, its keys let their turns pass") == 1
    has_no_trace(gateway)


def test_an_exit_that_refuses_the_password_is_left_too(make_gateway, upstream, exits):
    one, _ = exits
    with HttpProxy(username="user", password="a new one") as bad:
        pool = Pool(one.url, bad.url_with("user", PASSWORD))
        gateway = make_gateway(pool.keys, proxy_pool=list(pool))

        assert [ask(gateway).status_code for _ in range(8)] == [200] * 8

        assert set(upstream.picked()) == pool.of(one.url)
        assert bad.connections_made <= 2
        has_no_trace(gateway)


def test_an_exit_that_is_silent_costs_one_request_its_time(make_gateway):
    tls = certificates.server_context()
    with (
        FakeUpstream(tls=tls) as target,
        HttpProxy() as one,
        HttpProxy(is_silent=True) as bad,
    ):
        pool = Pool(one.url, bad.url)
        gateway = make_gateway(
            pool.keys,
            proxy_pool=list(pool),
            target_url=target.url,
            ca_certificates=certificates.authority(),
            env={"CONNECT_TIMEOUT_SECONDS": "0.5"},
        )

        assert [ask(gateway).status_code for _ in range(8)] == [200] * 8

        assert set(target.picked()) == pool.of(one.url)
        assert bad.connections_made == 1


def test_where_every_exit_fails_nothing_goes_directly(make_gateway, upstream):
    pool = Pool(nowhere(), nowhere())
    gateway = make_gateway(pool.keys, proxy_pool=list(pool))

    answers = [ask(gateway) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [502] * 4
    for answer in answers:
        assert "The proxy of group default failed: proxy 127.0.0.1:" in answer.text
        assert PASSWORD not in answer.text
    assert upstream.requests == []
    has_no_trace(gateway)


def test_where_every_exit_fails_another_group_answers(make_gateway, upstream):
    fields = {"auth": "google", "rate_limit_policy": "quota_aware"}
    pool = Pool(nowhere(), nowhere())
    groups = [
        group(pool.keys, upstream.url, "exits", proxy_pool=list(pool), **fields),
        group(["PLAIN"], upstream.url, "plain", **fields),
    ]
    gateway = make_gateway(groups=groups)

    assert [ask(gateway).status_code for _ in range(10)] == [200] * 10
    assert set(upstream.picked()) == {"PLAIN"}


def test_a_target_that_is_down_ends_the_tries_of_its_group(make_gateway):
    with HttpProxy() as one, HttpProxy() as two, HttpProxy() as three, HttpProxy() as four:
        proxies = [one, two, three, four]
        pool = Pool(*(proxy.url for proxy in proxies))
        gateway = make_gateway(
            pool.keys,
            target_url=f"https://127.0.0.1:{free_port()}",
            proxy_pool=list(pool),
        )

        assert ask(gateway).status_code == 502

        assert sum(bool(proxy.connections_made) for proxy in proxies) <= 3


def test_only_an_exit_that_is_named_is_direct(make_gateway, upstream):
    with HttpProxy() as one:
        pool = Pool("direct", one.url)
        env = {"ALL_PROXY": nowhere(), "TRUST_ENVIRONMENT_PROXIES": "true"}
        gateway = make_gateway(pool.keys, proxy_pool=list(pool), env=env)

        assert [ask(gateway).status_code for _ in range(8)] == [200] * 8

        seen = {request.value("x-goog-api-key") for request in one.connections}
        assert seen == pool.of(one.url)
        assert set(upstream.picked()) == set(pool.keys)


@pytest.mark.parametrize("server", SERVERS)
def test_a_live_session_goes_through_its_keys_exit(exits, server):
    one, two = exits
    pool = Pool(one.url, two.url)
    with (
        FakeLive() as live,
        Gateway(
            {"groups": [group(pool.keys, live.url, proxy_pool=list(pool))]}, server=server
        ) as gateway,
    ):
        for key in pool.keys:
            before = [proxy.connections_made for proxy in exits]
            with begun(gateway):
                made = [proxy.connections_made for proxy in exits]
            assert live.sessions[-1].key == key
            assert made[0] - before[0] == (chosen_exit(pool, key) == one.url)
            assert made[1] - before[1] == (chosen_exit(pool, key) == two.url)


def test_a_live_session_begins_through_another_exit_where_one_fails(exits):
    one, _ = exits
    pool = Pool(one.url, nowhere())
    with (
        FakeLive() as live,
        Gateway({"groups": [group(pool.keys, live.url, proxy_pool=list(pool))]}) as gateway,
    ):
        for _ in range(4):
            with begun(gateway):
                assert live.sessions[-1].key in pool.of(one.url)
        has_no_trace(gateway)


def test_the_parts_of_an_upload_go_through_the_exit_of_the_key_that_began(make_gateway, upstream):
    with HttpProxy() as one, HttpProxy() as two:
        pool = Pool(one.url, two.url)
        gateway = make_gateway(pool.keys, proxy_pool=list(pool))
        data = bytes(300_000)
        with UploadClient(gateway.url) as client:
            for _ in pool.keys:
                assert client.parts(client.begin(), data, 256 * 1024).status_code == 200

        for proxy in (one, two):
            seen = [request.value("x-goog-api-key") for request in proxy.connections]
            assert set(seen) == pool.of(proxy.url)
            assert len(seen) == 3 * len(set(seen))
