"""Client tokens in a browser: one is made, shown once, used, and revoked."""

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from proxyapp.access.token_book import SHAPE
from tests.browser.accessibility import grave_violations
from tests.browser.conftest import PHONE, OpenAdmin
from tests.support.gateway import Gateway
from tests.support.waiting import wait_for

LIST = "/admin/proxyapp/clienttoken/"
ADD = f"{LIST}add/"


def fill_in(page: Page, name: str) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Only the keys of these groups").check()
    page.get_by_label("default", exact=True).check()
    page.get_by_label("Requests per minute").fill("60")
    page.get_by_label("In 30 days").check()


def status(gateway: Gateway, token: str) -> int:
    url = f"{gateway.url}/v1beta/models/gemini-2.5-flash:generateContent"
    return httpx.post(
        url, json={"contents": []}, headers={"x-goog-api-key": token}, trust_env=False
    ).status_code


def test_a_token_is_made_shown_once_copied_used_and_revoked(
    gateway: Gateway, open_admin: OpenAdmin
):
    page = open_admin(LIST, permissions=["clipboard-read", "clipboard-write"])

    page.get_by_role("link", name="Add client token").first.click()
    expect(page.locator(".field-expires_on")).to_be_hidden()
    expect(page.locator(".field-groups")).to_be_hidden()
    fill_in(page, "laptop")
    page.get_by_role("button", name="Save").click()

    shown = page.locator("#token-text").inner_text()
    assert SHAPE.fullmatch(shown.encode())
    page.locator("[data-copy=token-text]").click()
    expect(page.locator("[data-copy=token-text]")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == shown
    expect(page.locator("#token-curl")).to_contain_text(
        f"{gateway.url}/v1beta/models/gemini-2.5-flash:generateContent"
    )
    assert shown not in page.url
    assert shown not in page.title()
    wait_for(lambda: status(gateway, shown) == 200, 5)

    page.reload()
    expect(page.get_by_text("The token itself was shown once")).to_be_visible()
    assert shown not in page.content()
    page.go_back()
    assert shown not in page.content()

    page.goto(LIST)
    page.get_by_role("link", name="laptop").click()
    page.get_by_role("link", name="Revoke").click()
    expect(page.get_by_text("Within a second no process")).to_be_visible()
    page.get_by_role("button", name="Yes, revoke it").click()
    expect(page.get_by_text("Token laptop is revoked")).to_be_visible()
    expect(page.locator(".key-state")).to_have_text(re.compile("revoked"))
    wait_for(lambda: status(gateway, shown) == 401, 5)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_of_tokens_can_be_read_by_everybody_and_fit_on_a_phone(
    gateway: Gateway, open_admin: OpenAdmin, scheme: str
):
    page = open_admin(ADD, viewport=PHONE, color_scheme=scheme)
    assert_fits(page)
    page.get_by_label("At this time").check()
    fill_in(page, "phone")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#token-text")).to_be_visible()
    shown = page.locator("#token-text").inner_text()
    assert_fits(page)
    wait_for(lambda: status(gateway, shown) == 200, 5)

    for path in (LIST, f"{LIST}1/change/", f"{LIST}1/revoke/", f"{LIST}1/delete/", "/admin/"):
        page.goto(path)
        expect(page.locator("#content")).to_be_visible()
        assert_fits(page)


def assert_fits(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], page.url
    assert grave_violations(page) == [], page.url
