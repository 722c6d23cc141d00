"""Keys with exits of their own, over those of their groups, through the whole gateway."""

import json

import pytest

from tests.support.gateway import group
from tests.support.gateway_requests import ask
from tests.support.ports import free_port
from tests.support.proxies import HttpProxy, ProxyServer

PASSWORD = "s3cret-exit-word"


def seen(proxy: ProxyServer) -> set[str]:
    return {request.value("x-goog-api-key") for request in proxy.connections}


@pytest.mark.parametrize("field", ["proxy_url", "proxy_pool"])
def test_a_keys_own_exit_is_over_its_groups(make_gateway, upstream, field):
    with HttpProxy("user", PASSWORD) as theirs, HttpProxy("user", PASSWORD) as own:
        keys = ["KEY-A", {"key": "KEY-B", "proxy_url": own.url}]
        keys.append({"key": "KEY-C", "proxy_url": "direct"})
        way = theirs.url if field == "proxy_url" else [theirs.url]
        gateway = make_gateway(keys, **{field: way})

        assert [ask(gateway).status_code for _ in range(6)] == [200] * 6

        assert upstream.picked() == ["KEY-A", "KEY-B", "KEY-C"] * 2
        assert (seen(theirs), seen(own)) == ({"KEY-A"}, {"KEY-B"})


def test_the_keys_tell_their_exits_masked(make_gateway):
    with HttpProxy("user", PASSWORD) as own, HttpProxy("user", PASSWORD) as pool:
        keys = ["KEY-A", {"key": "KEY-B", "proxy_url": own.url}]
        gateway = make_gateway(keys, proxy_pool=[pool.url])

        listed = [key["exit"] for key in gateway.keys()]
        tested = gateway.manage("keys", "test", "--json")

        exits = [f"http://***@{pool.host}", f"http://***@{own.host}"]
        assert listed == exits
        found = json.loads(tested.stdout)
        assert [(one["ok"], one["exit"]) for one in found] == [(True, way) for way in exits]
        assert [len(pool.connections), len(own.connections)] == [1, 1]
        assert PASSWORD not in tested.stdout + tested.stderr


def test_a_test_of_keys_never_goes_round_an_exit(make_gateway, upstream):
    url = f"http://user:{PASSWORD}@127.0.0.1:{free_port()}"
    gateway = make_gateway([{"key": "KEY-A", "proxy_url": url}])

    tested = gateway.manage("keys", "test")

    assert "cannot connect to the proxy" in tested.stdout
    assert upstream.requests == []
    assert PASSWORD not in tested.stdout + tested.stderr
    assert gateway.keys()[0]["state"] == "available"


def test_of_a_group_without_exits_only_the_key_whose_own_fails_lets_its_turns_pass(
    make_gateway, upstream
):
    url = f"socks5://user:{PASSWORD}@127.0.0.1:{free_port()}"
    gateway = make_gateway(
        groups=[group(["KEY-A", {"key": "KEY-B", "proxy_url": url}, "KEY-C"], upstream.url)]
    )

    assert [ask(gateway).status_code for _ in range(6)] == [200] * 6

    assert set(upstream.picked()) == {"KEY-A", "KEY-C"}
    assert gateway.output().count("fails, its keys let their turns pass") == 1
    assert PASSWORD not in gateway.output()
