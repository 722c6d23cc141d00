"""What a start imports: a command no server, and each server nothing of the other."""

from collections.abc import Iterator

import pytest

from tests.support.chosen_database import needs_sqlite
from tests.support.gateway import Gateway

SERVERS = (
    "daphne.server",
    "twisted.internet.reactor",
    "proxyapp.server.daphne",
    "proxyapp.server.uvicorn",
)
LOADED = f"import sys; print([name for name in {SERVERS} if name in sys.modules])"


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    """Its commands are all that runs: it never starts."""
    idle = Gateway(None)
    yield idle
    idle.close()


def said_by(gateway: Gateway, program: str) -> str:
    done = gateway.manage("shell", "-v0", "-c", program)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_neither_a_command_nor_the_application_imports_a_server(gateway: Gateway) -> None:
    assert said_by(gateway, f"import gateway.asgi; {LOADED}") == "[]"


def test_uvicorn_runs_without_a_reactor(gateway: Gateway) -> None:
    assert (
        said_by(gateway, f"import proxyapp.server.uvicorn; {LOADED}")
        == "['proxyapp.server.uvicorn']"
    )


def test_daphne_runs_on_uvloop(gateway: Gateway) -> None:
    program = (
        "from proxyapp.server import reactor; reactor.install(); "
        "from proxyapp.server import daphne; print(type({}).__module__)"
    )

    assert said_by(gateway, program.format("daphne.reactor._asyncioEventloop")) == "uvloop"


@pytest.fixture
def fresh() -> Iterator[Gateway]:
    """In processes of its own: the one that others are forked from has all of httpx."""
    idle = Gateway(None, is_forked=False)
    yield idle
    idle.close()


def test_httpx_comes_without_its_command_line(fresh: Gateway) -> None:
    program = "import gateway.asgi, httpx, sys; print({'rich', 'pygments'} & set(sys.modules))"

    assert said_by(fresh, program) == "set()"


@needs_sqlite("there it is what speaks to it")
def test_sqlite_comes_without_psycopg_and_certificates_are_read_where_there_are_some(
    fresh: Gateway,
) -> None:
    program = "import gateway.asgi, sys; print({'psycopg', 'cryptography.x509'} & set(sys.modules))"

    assert said_by(fresh, program) == "set()"


def test_daphne_comes_without_the_tls_that_it_does_not_speak(fresh: Gateway) -> None:
    program = (
        "from proxyapp.server import reactor; reactor.install();"
        "import gateway.asgi, proxyapp.server.daphne, sys;"
        "print([name for name in sys.modules if name.startswith('OpenSSL.')])"
    )

    assert said_by(fresh, program) == "[]"
