"""DATABASE_URL as managed services give it: TLS, several hosts, any character in a password."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from tests.support import certificates
from tests.support.chosen_database import needs_postgresql
from tests.support.gateway import Gateway
from tests.support.plain_role import as_owner
from tests.support.pooler import pooled
from tests.support.ports import free_port

pytestmark = needs_postgresql("SQLite's URL has no password and no host")
PASSWORD = "MARKER p@ss:/w#r?d%25+&='\"\\;,!$*()[]{}<>|~^é"


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    """Not started; its user has that password, and no right but an owner's."""
    gateway = Gateway({"groups": []})
    with as_owner(gateway, PASSWORD):
        yield gateway


def test_a_verified_server_is_used_whose_first_host_is_gone_and_no_other_one(
    gateway: Gateway, tmp_path: Path
):
    certificate, other = certificates.pem(), certificates.pem("others")
    roots = [tmp_path / "root.pem", tmp_path / "other.pem"]
    for root, each in zip(roots, (certificate, other), strict=True):
        root.write_text(certificates.authority(each))
    with ExitStack() as stack:
        given = gateway.environment["DATABASE_URL"]
        tls = pooled(given, connections=5, certificate=certificate)
        through = urlsplit(stack.enter_context(tls))
        user = through.netloc.rpartition("@")[0]
        hosts = f"localhost:{free_port()},localhost:{through.port}"
        url = f"postgresql://{user}@{hosts}{through.path}?sslmode=verify-full&sslrootcert="
        gateway.environment["DATABASE_URL"] = f"{url}{roots[1]}"
        refused = gateway.manage("migrate", "--check")
        gateway.launch()
        assert gateway.wait() == 1
        said = gateway.output()

        gateway.environment["DATABASE_URL"] = f"{url}{roots[0]}"
        gateway.start()
        assert gateway.keys() == []

    assert refused.returncode != 0
    assert "certificate verify failed" in said
    assert "Traceback" not in said
    for shown in (PASSWORD, quote(PASSWORD, safe=""), "MARKER"):
        assert shown not in said + refused.stderr + gateway.output()
