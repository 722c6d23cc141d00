"""Why a client got a 503 is known after three clicks."""

import re

import httpx
from playwright.sync_api import Page, expect

from tests.browser.accessibility import grave_violations
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway
from tests.support.waiting import wait_for

URL = "/v1beta/models/gemini-2.5-flash:generateContent"


def refused_id(gateway: Gateway) -> str:
    answer = httpx.post(f"{gateway.url}{URL}", json={"contents": []}, trust_env=False)
    assert answer.status_code == 503, answer.text
    return answer.headers["x-request-id"]


def test_why_a_client_got_a_503_is_known_after_three_clicks(
    page: Page, gateway: Gateway, upstream: FakeUpstream
):
    for key in ("KEY-A", "KEY-B"):
        upstream.exhausted(key, status=503)
    request_id = refused_id(gateway)
    wait_for(lambda: request_id in gateway.manage("requests", "--status", "503").stdout, 10)

    page.get_by_role("link", name="Requests").first.click()
    page.get_by_label("Status").fill("503")
    page.get_by_label("From").fill("00:00")
    page.get_by_role("button", name="Show").click()
    assert re.search(r"since=\d{4}-\d\d-\d\dT.*Z", page.url), "today, in the reader's zone"
    assert grave_violations(page) == []
    page.locator("tr", has_text=request_id).get_by_role("link").click()

    expect(page.get_by_text("The provider, or the way to it, failed")).to_be_visible()
    expect(
        page.get_by_role("cell", name="failed It failed, or could not be reached.")
    ).to_be_visible()
    assert grave_violations(page) == []
