"""pgbouncer in transaction mode in front of this run's PostgreSQL, as poolers are mostly run."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tests.support.ports import free_port
from tests.support.postgres import wait_until_it_answers


@contextmanager
def pooled(url: str, *, connections: int, certificate: bytes = b"") -> Iterator[str]:
    """The URL of the same database through a pooler with so many `connections` to the server.

    `certificate`: it takes clients by TLS only, with this one.
    """
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    assert program, "pgbouncer is missing: apt install pgbouncer"
    with tempfile.TemporaryDirectory(prefix="gateway-pgbouncer-") as name:
        directory, port = Path(name), free_port()
        directory.chmod(0o755)
        settings = _settings(directory, url, port, connections)
        if certificate:
            _require_tls(settings, certificate)
        with (directory / "log").open("wb") as log:
            server = subprocess.Popen(
                [program, str(settings)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                user="nobody" if os.geteuid() == 0 else None,
            )
        parts = urlsplit(url)
        through = f"postgresql://{parts.username}:{parts.password}@127.0.0.1:{port}{parts.path}"
        try:
            wait_until_it_answers(server, through, directory / "log", "pgbouncer")
            yield through
        finally:
            server.kill()
            server.wait(10)


def _settings(directory: Path, url: str, port: int, connections: int) -> Path:
    parts = urlsplit(url)
    password = unquote(parts.password or "").replace('"', '""')
    (directory / "users").write_text(f'"{parts.username}" "{password}"\n')
    settings = directory / "pgbouncer.ini"
    settings.write_text(
        "[databases]\n"
        f"* = host={parts.hostname} port={parts.port}\n"
        "[pgbouncer]\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = plain\nauth_file = {directory / 'users'}\n"
        f"pool_mode = transaction\ndefault_pool_size = {connections}\n"
    )
    return settings


def _require_tls(settings: Path, certificate: bytes) -> None:
    file = settings.with_name("certificate.pem")
    file.write_bytes(certificate)
    with settings.open("a") as lines:
        lines.write(
            "client_tls_sslmode = require\n"
            f"client_tls_cert_file = {file}\nclient_tls_key_file = {file}\n"
        )
