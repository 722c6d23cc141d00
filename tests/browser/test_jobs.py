"""The jobs that an operator comes for, each with its clicks counted: five are the most.

What is typed is no click; a choice from a list is two.
"""

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.browser.accessibility import grave_violations
from tests.browser.conftest import ACCOUNT, DESKTOP, TIMEOUT_MILLISECONDS, Complaints, log_in
from tests.support.fake_http import Connection, Recorded
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group
from tests.support.waiting import wait_for
from tests.support.webhook import webhook

pytestmark = pytest.mark.once
FAST, SLOW, REFUSED = "gemini-2.5-flash", "gemini-2.5-pro", "gemini-2.5-flash-lite"
MOST_CLICKS = 5


def ask(gateway: Gateway, token: str, model: str) -> httpx.Response:
    url = f"{gateway.url}/v1beta/models/{model}:generateContent"
    headers = {"x-goog-api-key": token}
    return httpx.post(url, json={"contents": []}, headers=headers, trust_env=False)


class Job:
    """The dashboard of who has logged in. `clicks`: how many there were since."""

    def __init__(self, page: Page, refused_id: str) -> None:
        self.page = page
        self.refused_id = refused_id
        self.clicks = 0

    def click(self, place: Locator) -> None:
        self.clicks += 1
        place.click()

    def choose(self, label: str, option: str) -> None:
        self.clicks += 2
        self.page.get_by_label(label).select_option(option)


@pytest.fixture(scope="module")
def busy(shared_upstream: FakeUpstream) -> Iterator[tuple[Gateway, str]]:
    """A client has asked for a model that is fast, for one that is slow, and got a 503: its id."""

    async def late(request: Recorded, connection: Connection) -> None:
        await asyncio.sleep(0.6)
        await shared_upstream.behave(request, connection)

    shared_upstream.reset()
    shared_upstream.on(f"/v1beta/models/{SLOW}", late)
    for key in ("KEY-A", "KEY-B"):
        shared_upstream.refuse(key, status=503, model=REFUSED)
    config = {"groups": [group(["KEY-A", "KEY-B"], shared_upstream.url, auth="google")]}
    with Gateway(config, env=ACCOUNT) as gateway:
        token = gateway.manage("tokens", "create", "laptop").stdout.split()[-1]
        wait_for(lambda: ask(gateway, token, FAST).status_code == 200, 10)
        assert ask(gateway, token, SLOW).status_code == 200
        refused = ask(gateway, token, REFUSED)
        assert refused.status_code == 503, refused.text
        yield gateway, refused.headers["x-request-id"]


@pytest.fixture(scope="module")
def context(browser: Browser, busy: tuple[Gateway, str]) -> Iterator[BrowserContext]:
    """Logged in, when the request's log is written."""
    options: dict[str, Any] = {"viewport": DESKTOP, "base_url": busy[0].url}
    context = browser.new_context(**options)
    context.set_default_timeout(TIMEOUT_MILLISECONDS)
    page = context.new_page()
    log_in(page)
    row = page.locator("tr", has_text=busy[1])
    wait_for(lambda: page.goto("/admin/requests/?status=503") is not None and row.count() == 1, 10)
    page.close()
    yield context
    context.close()


@pytest.fixture
def job(
    context: BrowserContext, busy: tuple[Gateway, str], complaints: Complaints
) -> Iterator[Job]:
    page = context.new_page()
    complaints.listen(context)
    page.goto("/admin/")
    yield Job(page, busy[1])
    page.close()


def median(page: Page, model: str) -> float:
    """Milliseconds to the first byte, as the table says them."""
    head = page.get_by_role("rowheader", name=model, exact=True)
    cell = page.locator("#split-table tr", has=head).get_by_role("cell").nth(1)
    found = re.match(r"([\d.]+)\s(ms|s) /", cell.inner_text())
    assert found, cell.inner_text()
    return float(found[1]) * (1000 if found[2] == "s" else 1)


def test_why_a_client_got_a_503_at_that_time(job: Job):
    page = job.page

    job.click(page.get_by_role("link", name="Requests").first)
    page.get_by_label("Status").fill("503")
    page.get_by_label("From").fill("00:00")
    job.click(page.get_by_role("button", name="Show"))
    assert re.search(r"since=\d{4}-\d\d-\d\dT.*Z", page.url), "today, in the reader's zone"
    assert grave_violations(page) == []
    job.click(page.locator("tr", has_text=job.refused_id).get_by_role("link"))

    expect(page.get_by_text("The provider, or the way to it, failed")).to_be_visible()
    why = page.get_by_role("cell", name="failed It failed, or could not be reached.")
    expect(why.first).to_be_visible()
    assert grave_violations(page) == []
    assert job.clicks == 3 <= MOST_CLICKS


def test_what_a_client_cost_this_month(job: Job):
    page = job.page

    job.click(page.get_by_role("link", name="Usage").first)
    job.choose("By", "client")
    job.click(page.get_by_role("button", name="Show"))

    expect(page.get_by_label("Range")).to_have_value("month")
    cells = page.get_by_role("row", name="laptop").get_by_role("cell")
    expect(cells.last).to_have_text(re.compile(r"^0\.00\d\d$|^0\.0\d$"))
    assert job.clicks == 4 <= MOST_CLICKS


def test_which_model_is_slow(job: Job):
    page = job.page

    job.click(page.get_by_text("By model, client or group"))

    expect(page.locator("#split-table tbody tr")).to_have_count(3)
    assert median(page, SLOW) > median(page, FAST) > 0
    assert job.clicks == 1 <= MOST_CLICKS


def test_to_be_told_before_it_runs_dry(job: Job):
    page = job.page
    with webhook() as hook:
        job.click(page.get_by_role("link", name="Alerts").first)
        job.click(page.get_by_role("link", name="Add").first)
        page.get_by_label("Name").fill("ops")
        page.get_by_label("URL", exact=True).fill(hook.url)
        job.click(page.get_by_role("button", name="Save and continue editing"))
        job.click(page.get_by_role("button", name="Send a test"))

        wait_for(lambda: bool(hook.messages), 15)
    assert job.clicks == 4 <= MOST_CLICKS
