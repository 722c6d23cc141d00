"""nginx and Caddy with the files of deploy/, as they stand but for ports and paths."""

import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509

from tests.support import certificates
from tests.support.fronts import NGINX_FRAME, caddy_in, nginx_in, running
from tests.support.gateway import ROOT
from tests.support.ports import free_port

# What the files of a site are called, and its host. Two gateways: compose.postgres.yaml's.
SITES = {"gateway": "gateway.example.com", "below-a-path": "example.com"}
TWO = "two-gateways"
FILES = {"nginx": "nginx/{}.conf", "caddy": "caddy/{}.Caddyfile"}
# What only a test wants of Caddy: its own ports, and no certificate from outside.
CADDY_OPTIONS = """
{{
    admin off
    http_port {plain}
    https_port {port}
    default_bind 127.0.0.1
    local_certs
    skip_install_trust
    storage file_system {home}
    log {{
        output file {home}/error.log
    }}
}}
"""


def file_of(front: str, site: str) -> str:
    return (ROOT / "deploy" / FILES[front].format(site)).read_text()


def settings_of(front: str, site: str) -> dict[str, str]:
    """Those that the file tells to give the gateway."""
    (line,) = re.findall(r"^# The gateway's own settings: (.*)$", file_of(front, site), re.M)
    return dict(pair.split("=", 1) for pair in line.split())


@contextmanager
def deployed(front: str, site: str, host: str, gateway_ports: Iterable[int]) -> Iterator[int]:
    """The port of its HTTPS. The gateways stand in the order in which the file names theirs."""
    with tempfile.TemporaryDirectory(prefix="front-") as name:
        home, port, plain = Path(name), free_port(), free_port()
        text = file_of(front, site)
        named = dict.fromkeys(re.findall(r"[\w.-]+:8080", text))
        for place, own in zip(named, gateway_ports, strict=True):
            text = text.replace(place, f"127.0.0.1:{own}")
        if front == "nginx":
            _lay_nginx(home, text, host, port, plain)
            command = nginx_in(home)
        else:
            options = CADDY_OPTIONS.format(home=home, port=port, plain=plain)
            (home / "Caddyfile").write_text(options + text)
            command = ["env", f"DOMAIN={host}", *caddy_in(home)]
        with running(command, home, port, host):
            yield port


def _lay_nginx(home: Path, text: str, host: str, port: int, plain: int) -> None:
    for number, own in ((443, port), (80, plain)):
        text = text.replace(f"listen {number}", f"listen 127.0.0.1:{own}")
        text = re.sub(rf"^ *listen \[::\]:{number}.*\n", "", text, flags=re.M)
    text = text.replace(f"/etc/letsencrypt/live/{host}", str(home))
    pem = certificates.pem(host, (x509.DNSName(host),))
    for file in ("fullchain.pem", "privkey.pem"):
        (home / file).write_bytes(pem)
    (home / "snippets").mkdir()
    snippet = (ROOT / "deploy/nginx/proxy.conf").read_text()
    (home / "snippets/gemini-gateway.conf").write_text(snippet)
    (home / "nginx.conf").write_text(NGINX_FRAME.format(home=home, servers=text))
