"""Every kind of page of the admin, full of texts that mean harm.

Nothing runs, and nothing breaks the layout.
"""

import re
from collections.abc import Iterator
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser import hostile
from tests.browser.conftest import ACCOUNT, PHONE, Complaints, OpenAdmin
from tests.browser.violations import SEE_VIOLATIONS
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway
from tests.support.waiting import wait_for

DESKTOP = {"width": 1280, "height": 900}
FIRST = (
    *(
        "/admin/",
        "/admin/second-factor/set-up/",
        "/admin/password_change/",
        "/admin/auth/user/1/change/",
    ),
    *(
        "/admin/proxyapp/apikey/2/change/",
        "/admin/proxyapp/group/2/change/",
        "/admin/proxyapp/clienttoken/1/revoke/",
    ),
)
# Files, and lists that differ from another in what is chosen only.
PASSED_OVER = re.compile(r"\.yaml|/yaml/|logout|jsi18n|\?(?!q=)")
FEWEST_PAGES = 30


@pytest.fixture(scope="module")
def abused() -> Iterator[tuple[Gateway, str]]:
    with (
        FakeUpstream() as upstream,
        Gateway({"groups": hostile.groups(upstream.url)}, env=ACCOUNT) as gateway,
    ):
        yield gateway, hostile.abuse(gateway, upstream)


@pytest.fixture
def gateway(abused: tuple[Gateway, str]) -> Gateway:
    return abused[0]


def kind(address: str) -> str:
    """Pages of one kind differ in a number or in what is asked for."""
    return re.sub(r"\d+", "#", re.sub("=[^&]*", "=", address))


def links(page: Page) -> list[str]:
    """Of the admin. Fails where one leads elsewhere."""
    found: list[str] = page.eval_on_selector_all(
        "a[href]", "found => found.map((link) => link.href)"
    )
    own = urlsplit(page.url)
    for link in found:
        assert urlsplit(link)[:2] == own[:2], f"{page.url} leads to {link}"
    return [link.partition("#")[0].removeprefix(f"{own.scheme}://{own.netloc}") for link in found]


def assert_harmless(page: Page, secrets: list[str]) -> None:
    assert page.evaluate("[window.ran ?? 0, window.violations]") == [0, []], page.url
    assert [secret for secret in secrets if secret in page.title() + page.url] == []
    for size in (DESKTOP, PHONE):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        assert_fits(page, size["width"])


def assert_fits(page: Page, width: int) -> None:
    """Charts follow a frame later."""
    wait_for(lambda: page.evaluate("document.scrollingElement.scrollWidth") <= width, 5)


def test_nothing_that_anybody_wrote_runs_or_breaks_a_page(
    abused: tuple[Gateway, str], open_admin: OpenAdmin, complaints: Complaints
):
    page = open_admin(viewport=DESKTOP, color_scheme="dark")
    page.context.add_init_script(SEE_VIOLATIONS)
    page.context.on("dialog", lambda dialog: pytest.fail(dialog.message))
    secrets = [abused[1], *(key["key"] for key in hostile.KEYS)]
    waiting, seen = [*FIRST, f"/admin/proxyapp/apikey/?q={quote(hostile.SCRIPT)}"], set()
    while waiting:
        address = waiting.pop(0)
        if (
            kind(address) in seen
            or not address.startswith("/admin/")
            or PASSED_OVER.search(address)
        ):
            continue
        seen.add(kind(address))
        page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
        page.goto(address)
        expect(page.locator("body")).to_be_visible()
        assert_harmless(page, secrets)
        waiting += links(page)
    assert len(seen) >= FEWEST_PAGES
