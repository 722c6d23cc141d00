"""nginx and Caddy in front of a gateway, as Debian ships them: their defaults and a line to proxy.

What is theirs alone lies in a directory of its own, and ends with the test.
"""

import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509

from tests.support import certificates
from tests.support.gateway import ROOT
from tests.support.ports import free_port

START_SECONDS = 20
# The name that the certificates of both are for.
HOST = "gw.example"
# Debian's nginx.conf, but for where logs, temporary files and the pid are.
NGINX_FRAME = """
daemon off;
master_process off;
pid {home}/pid;
error_log {home}/error.log;
events {{ worker_connections 768; }}
http {{
    sendfile on;
    tcp_nopush on;
    types_hash_max_size 2048;
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log off;
    gzip on;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    {servers}
}}
"""
NGINX_SERVER = """
    map $http_upgrade $gemini_gateway_connection {{ default upgrade; "" ""; }}
    server {{
        listen 127.0.0.1:{port}{tls};
        {certificate}
        location {location} {{
            proxy_pass {target};
            {lines}
        }}
    }}
"""
# What deploy/ has beside `proxy_pass`, for clients' addresses, the admin and WebSockets.
NGINX_LINES = (ROOT / "deploy/nginx/proxy.conf").read_text().partition("proxy_pass")[2]
NGINX_LINES = NGINX_LINES.partition("\n")[2]
CADDY = """
{{
    admin off
    auto_https disable_redirects
    skip_install_trust
    storage file_system {home}
    log {{
        output file {home}/error.log
    }}
}}
{site} {{
    bind 127.0.0.1
    {tls}
    reverse_proxy {target} {{
        {lines}
    }}
}}
"""


def program(name: str) -> str:
    """Debian puts nginx where only root's PATH looks. Fails the test where there is none."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.fail(f"There is no {name}: apt install {name}.", pytrace=False)
    return found


@contextmanager
def nginx(
    target: str, lines: str = "", *, is_tls: bool = False, location: str = "/"
) -> Iterator[str]:
    """Its URL. `lines` go beside `proxy_pass`; what is not below `location` is nginx's own."""
    with tempfile.TemporaryDirectory(prefix="front-") as name:
        home, port = Path(name), free_port()
        (home / "pem").write_bytes(certificates.pem(HOST, (x509.DNSName(HOST),)))
        own = f"ssl_certificate {home}/pem; ssl_certificate_key {home}/pem;" if is_tls else ""
        server = NGINX_SERVER.format(
            port=port,
            tls=" ssl" if is_tls else "",
            certificate=own,
            location=location,
            target=target,
            lines=lines,
        )
        (home / "nginx.conf").write_text(NGINX_FRAME.format(home=home, servers=server))
        with running(nginx_in(home), home, port, HOST if is_tls else ""):
            yield f"{'https' if is_tls else 'http'}://127.0.0.1:{port}"


def nginx_in(home: Path) -> list[str]:
    """The command for the nginx.conf in `home`."""
    return [program("nginx"), "-p", str(home), "-c", str(home / "nginx.conf")]


@contextmanager
def caddy(target: str, lines: str = "", *, is_tls: bool = False) -> Iterator[str]:
    """Its URL. `lines` go into `reverse_proxy`."""
    with tempfile.TemporaryDirectory(prefix="front-") as name:
        home, port = Path(name), free_port()
        text = CADDY.format(
            home=home,
            site=f"https://{HOST}:{port}" if is_tls else f"http://:{port}",
            tls="tls internal" if is_tls else "",
            target=target,
            lines=lines,
        )
        (home / "Caddyfile").write_text(text)
        with running(caddy_in(home), home, port, HOST if is_tls else ""):
            yield f"{'https' if is_tls else 'http'}://127.0.0.1:{port}"


def caddy_in(home: Path) -> list[str]:
    """The command for the Caddyfile in `home`."""
    file = str(home / "Caddyfile")
    return [program("caddy"), "run", "--adapter", "caddyfile", "--config", file]


FRONTS = {"nginx": nginx, "caddy": caddy}


@contextmanager
def running(command: list[str], home: Path, port: int, host: str) -> Iterator[None]:
    """Listening, with a certificate for `host` unless that is empty. What it complains of is shown
    when it does not come to that.
    """
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(home)}
    with (home / "output").open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not (_has_certificate(port, host) if host else _is_listening(port)):
            assert process.poll() is None, (home / "output").read_text(errors="replace")
            assert time.monotonic() < deadline, f"{command[0]} does not listen"
            time.sleep(0.02)
        yield
    finally:
        process.kill()
        process.wait(10)


def _is_listening(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", port)) == 0


def _has_certificate(port: int, host: str) -> bool:
    """Caddy makes its own once it listens, and breaks handshakes off until then."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as client:
            any_certificate().wrap_socket(client, server_hostname=host).close()
    except OSError:
        return False
    return True


def any_certificate() -> ssl.SSLContext:
    """For a client that only looks what is answered: the certificates are made in the test."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
