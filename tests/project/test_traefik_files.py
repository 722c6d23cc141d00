"""Traefik is not packaged by Debian, and not run here: its files name only what is in them."""

from typing import Any

import yaml

from tests.support.gateway import ROOT


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "deploy/traefik" / name).read_text())
    return found


def test_each_route_leads_from_a_port_to_the_gateway() -> None:
    static, http = read("traefik.yaml"), read("gateway.yaml")["http"]

    for router in http["routers"].values():
        assert set(router["entryPoints"]) <= set(static["entryPoints"])
        balancer = http["services"][router["service"]]["loadBalancer"]
        assert balancer["servers"] == [{"url": "http://127.0.0.1:8080"}]
        assert balancer["serversTransport"] in http["serversTransports"]
    assert static["providers"]["file"]["filename"] == "/etc/traefik/gateway.yaml"


def test_ports_lead_to_each_other_and_to_a_certificate() -> None:
    static = read("traefik.yaml")
    plain, secure = static["entryPoints"]["web"], static["entryPoints"]["websecure"]

    assert plain["http"]["redirections"]["entryPoint"]["to"] == "websecure"
    assert secure["http"]["tls"]["certResolver"] in static["certificatesResolvers"]
