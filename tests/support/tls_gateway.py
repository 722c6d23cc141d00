"""A gateway that ends TLS itself, with a certificate of the tests' own authority."""

from collections.abc import Iterable, Mapping
from typing import Any

import httpx

from tests.support import certificates
from tests.support.gateway import Gateway
from tests.support.ports import free_port


class TlsGateway(Gateway):
    """`url` is that of HTTPS. `has_both`: HTTP is on a port of its own, `plain_url`."""

    def __init__(
        self, groups: Iterable[Mapping[str, Any]] = (), *, has_both: bool = False, **options: Any
    ) -> None:
        server = {"certificate": "certificate.pem", "private_key": "private_key.pem"}
        self.tls_port = free_port() if has_both else 0
        ports = {"tls_port": self.tls_port} if has_both else {}
        super().__init__({"server": server | ports, "groups": list(groups)}, **options)
        self.files = certificates.write(self.directory)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.tls_port or self.port}"

    @property
    def plain_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, **options: Any) -> httpx.Response:
        trust = certificates.client_context()
        return httpx.get(self.url + path, verify=trust, trust_env=False, timeout=15, **options)

    def _is_healthy(self) -> bool:
        try:
            return self.get("/healthz").status_code == 200
        except httpx.TransportError:
            return False
