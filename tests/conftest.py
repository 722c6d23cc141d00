"""What tests share. Nothing starts unless a test asks for it."""

import functools
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from whitenoise.middleware import WhiteNoiseMiddleware

from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group


@pytest.fixture(autouse=True, scope="session")
def _one_tls_context() -> Iterator[None]:
    """Clients of one kind share one TLS context here.

    Each `httpx.get` makes one, which takes ten times as long as the request.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            httpx._transports.default,
            "create_ssl_context",
            functools.cache(httpx.create_ssl_context),
        )
        yield


@pytest.fixture(autouse=True, scope="session")
def _static_files_found_once() -> Iterator[None]:
    """Each of Django's test clients makes an application, which looks for all static files."""
    find = WhiteNoiseMiddleware.add_files_from_finders
    found: dict[str, dict[str, Any]] = {}

    def find_once(application: Any) -> None:
        if application.static_prefix not in found:
            find(application)
            found[application.static_prefix] = dict(application.files)
        application.files.update(found[application.static_prefix])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", find_once)
        yield


@pytest.fixture(autouse=True)
def _own_directory(settings: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing that a test writes lands in the directory of the gateway that is installed here."""
    settings.VAR_DIR = Path(tmp_path_factory.getbasetemp()) / "var"
    settings.VAR_DIR.mkdir(exist_ok=True)


@pytest.fixture
async def async_database(transactional_db: None) -> AsyncIterator[None]:
    """For tests that use Django's asynchronous queries.

    These have a thread, and so a connection, of their own.
    """
    yield
    await sync_to_async(connections.close_all)()


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    """Strict about credentials, as Google is."""
    with FakeUpstream() as server:
        yield server


MakeGateway = Callable[..., Gateway]


@pytest.fixture
def make_gateway(upstream: FakeUpstream) -> Iterator[MakeGateway]:
    """Starts gateways that end with the test.

    They have `groups` of the config, or one group of `keys` for `upstream`. The one group sends one
    credential, as for Google; further arguments are fields of that group.
    """
    with ExitStack() as stack:

        def make(
            keys: Sequence[Any] = ("KEY-A",),
            *,
            groups: Sequence[Mapping[str, Any]] | None = None,
            env: Mapping[str, str] | None = None,
            server: str = "daphne",
            args: Sequence[str] = (),
            is_forked: bool = True,
            **fields: Any,
        ) -> Gateway:
            chosen = groups or [
                group(keys, **{"target_url": upstream.url, "auth": "google", **fields})
            ]
            gateway = Gateway(
                {"groups": list(chosen)}, env=env, server=server, args=args, is_forked=is_forked
            )
            return stack.enter_context(gateway)

        yield make


@pytest.fixture(scope="module")
def shared_upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream() as server:
        yield server


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def shared_gateway(
    request: pytest.FixtureRequest, shared_upstream: FakeUpstream
) -> Iterator[Gateway]:
    """One gateway for the tests of a module that leave it as it was, under each server.

    It has two keys of one group.
    """
    config = {"groups": [group(["KEY-A", "KEY-B"], shared_upstream.url, auth="google")]}
    with Gateway(config, server=request.param) as gateway:
        yield gateway


@pytest.fixture
def google(shared_upstream: FakeUpstream) -> FakeUpstream:
    """The upstream of `shared_gateway`, with nothing left of the tests before."""
    shared_upstream.reset()
    return shared_upstream


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """SQLite tests run on a file, as the gateway does: a database in memory locks in other ways."""
    database = connections["default"].settings_dict
    if connections["default"].vendor == "sqlite":
        database["TEST"]["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")
