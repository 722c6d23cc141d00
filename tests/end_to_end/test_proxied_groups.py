"""Groups behind real proxy servers, through the whole gateway: never a way round them."""

from pathlib import Path

import httpx
import pytest

from tests.conftest import MakeGateway
from tests.support import certificates
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway
from tests.support.ports import free_port
from tests.support.proxies import HttpProxy, ProxyServer, Socks5Proxy

PASSWORD = "s3cret-proxy-word"


def proxy_of(kind: str, **fields) -> ProxyServer:
    if kind.startswith("socks5"):
        return Socks5Proxy(**fields)
    return HttpProxy(tls=certificates.server_context() if kind == "https" else None, **fields)


def ask(gateway: Gateway, path: str = "/v1beta/models") -> httpx.Response:
    return httpx.get(gateway.url + path, timeout=30, trust_env=False)


@pytest.fixture
def trusting(tmp_path: Path) -> dict[str, str]:
    """The environment of a gateway that trusts the tests' certificates."""
    (tmp_path / "ca.pem").write_bytes(certificates.pem())
    return {"UPSTREAM_CA_FILE": str(tmp_path / "ca.pem")}


@pytest.mark.parametrize("tls", [False, True], ids=["http target", "https target"])
@pytest.mark.parametrize("kind", ["http", "https", "socks5", "socks5h"])
def test_requests_go_through_the_groups_proxy(
    make_gateway: MakeGateway, trusting, kind: str, tls: bool
):
    with (
        FakeUpstream(tls=certificates.server_context() if tls else None) as target,
        proxy_of(kind, username="user", password=PASSWORD) as proxy,
    ):
        url = proxy.url_with("user", PASSWORD).replace("socks5://", f"{kind}://")
        gateway = make_gateway(
            ["KEY-A", "KEY-B"], target_url=target.url, proxy_url=url, env=trusting
        )

        answers = [ask(gateway).status_code for _ in range(3)]

        assert answers == [200] * 3
        assert target.picked() == ["KEY-A", "KEY-B", "KEY-A"]
        assert len(proxy.connections) >= 1
        assert not [name for name, _ in target.last.headers if name.lower().startswith(b"proxy")]
        assert PASSWORD not in gateway.output()


@pytest.mark.parametrize("kind", ["http", "https", "socks5", "socks5h"])
def test_a_proxy_that_refuses_or_is_down_is_a_502_and_nothing_goes_round_it(
    make_gateway, upstream, trusting, kind
):
    with proxy_of(kind, username="user", password="another") as proxy:
        url = proxy.url_with("user", PASSWORD).replace("socks5://", f"{kind}://")
        gateway = make_gateway(["KEY-A"], proxy_url=url, env=trusting)
        refused = ask(gateway)
    down = ask(gateway)

    for answer in (refused, down):
        assert answer.status_code == 502
        message = answer.json()["error"]["message"]
        assert "proxy" in message.lower()
        assert PASSWORD not in message
        assert "user" not in message
    assert upstream.requests == []
    assert gateway.keys()[0]["state"] == "available"
    gateway.stop()
    assert PASSWORD not in gateway.output()


@pytest.mark.parametrize(("trusts", "status"), [("false", 200), ("true", 502)])
def test_the_environments_proxies_count_only_if_a_setting_says_so(
    make_gateway, upstream, trusts, status
):
    nobody = f"http://127.0.0.1:{free_port()}"
    env = {
        "HTTP_PROXY": nobody,
        "http_proxy": nobody,
        "ALL_PROXY": nobody,
        "TRUST_ENVIRONMENT_PROXIES": trusts,
    }
    gateway = make_gateway(["KEY-A"], env=env)

    assert ask(gateway).status_code == status
    assert len(upstream.requests) == (1 if status == 200 else 0)
