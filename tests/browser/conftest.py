"""The admin in a real browser: Chromium, a real gateway and a fake upstream.

A page that complains fails its test. The browser belongs to this directory's tests: while it runs,
its event loop is the one of this thread.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
    sync_playwright,
)

from tests.conftest import MakeGateway
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group

NAMES = ("chromium", "chromium-browser", "google-chrome")
USER, PASSWORD = "admin", "a-password-for-tests"
ACCOUNT = {"DJANGO_SUPERUSER_USERNAME": USER, "DJANGO_SUPERUSER_PASSWORD": PASSWORD}
DESKTOP = {"width": 1366, "height": 900}
PHONE = {"width": 390, "height": 844}
TIMEOUT_MILLISECONDS = 15_000


def chromium() -> str:
    """Fails the test where there is none: one that is skipped says nothing."""
    wanted = os.environ.get("CHROMIUM")
    found = shutil.which(wanted) if wanted else next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        missing = (
            f"CHROMIUM={wanted} is no program"
            if wanted
            else f"none of {', '.join(NAMES)} is on the PATH"
        )
        pytest.fail(
            f"There is no browser: {missing}. Install one (apt install chromium) or set CHROMIUM.",
            pytrace=False,
        )
    return found


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


class Complaints:
    """What pages complained of: errors on the console, exceptions, and failed requests."""

    def __init__(self) -> None:
        self._said: list[str] = []
        self._expected: list[str] = []

    def expect(self, pattern: str) -> None:
        """A regular expression of complaints that belong to what the test does."""
        self._expected.append(pattern)

    def listen(self, context: BrowserContext) -> None:
        context.on("console", self._on_console)
        context.on("weberror", lambda error: self._said.append(f"exception: {error.error}"))
        context.on("requestfailed", self._on_failure)
        context.on("response", self._on_response)

    def unexpected(self) -> list[str]:
        return [
            said
            for said in self._said
            if not any(re.search(pattern, said) for pattern in self._expected)
        ]

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._said.append(f"console: {message.text}")

    def _on_failure(self, request: Request) -> None:
        """A page that is left gives up what it was loading."""
        if request.failure != "net::ERR_ABORTED":
            self._said.append(f"request: {request.method} {request.url}: {request.failure}")

    def _on_response(self, response: Response) -> None:
        if response.status >= 400:
            self._said.append(
                f"response: {response.status} to {response.request.method} {response.url}"
            )


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    heard = Complaints()
    yield heard
    assert heard.unexpected() == []


MakeAdminGateway = Callable[..., Gateway]


@pytest.fixture
def make_admin_gateway(make_gateway: MakeGateway) -> MakeAdminGateway:
    """As `make_gateway`, with an admin user of a known password."""

    def make(
        keys: Sequence[Any] = ("KEY-A", "KEY-B"), *, env: Any = None, **arguments: Any
    ) -> Gateway:
        return make_gateway(keys, env={**ACCOUNT, **(env or {})}, **arguments)

    return make


@pytest.fixture
def gateway(make_admin_gateway: MakeAdminGateway) -> Gateway:
    """With two keys, for the fake `upstream`.

    A module or a test that wants others has a fixture of this name.
    """
    return make_admin_gateway()


@pytest.fixture(scope="module")
def lasting_gateway(shared_upstream: FakeUpstream) -> Iterator[Gateway]:
    """For tests that leave it as it is: one start for a module.

    A key is cooling, two requests were answered.
    """
    config = {"groups": [group(["KEY-A", "KEY-B"], shared_upstream.url, auth="google")]}
    shared_upstream.exhausted("KEY-A")
    with Gateway(config, env=ACCOUNT) as gateway:
        assert [generate(gateway), generate(gateway)] == [200, 200]
        yield gateway


def generate(gateway: Gateway) -> int:
    """A client's request; the status of its answer."""
    url = f"{gateway.url}/v1beta/models/gemini-2.5-flash:generateContent"
    return httpx.post(url, json={"contents": []}, trust_env=False).status_code


OpenAdmin = Callable[..., Page]


@pytest.fixture
def open_admin(browser: Browser, gateway: Gateway, complaints: Complaints) -> Iterator[OpenAdmin]:
    """Opens pages of the admin, each as a browser of its own that has logged in.

    `options` are those of its context.
    """
    with ExitStack() as stack:

        def open_page(path: str = "/admin/", **options: Any) -> Page:
            chosen: dict[str, Any] = {"viewport": DESKTOP, "base_url": gateway.url, **options}
            context = stack.enter_context(browser.new_context(**chosen))
            context.set_default_timeout(TIMEOUT_MILLISECONDS)
            complaints.listen(context)
            page = context.new_page()
            log_in(page, path)
            return page

        yield open_page


@pytest.fixture
def page(open_admin: OpenAdmin) -> Page:
    """The dashboard, logged in."""
    return open_admin()


def log_in(page: Page, path: str = "/admin/") -> None:
    """By the form, as an operator does."""
    page.goto(path)
    page.get_by_label("Username").fill(USER)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"**{path}")
