"""What is around every page, by keyboard alone: the skip link, the menu, the finder."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import grave_violations
from tests.browser.conftest import OpenAdmin
from tests.support.gateway import Gateway

NARROW = {"width": 1024, "height": 700}
ZOOMED = {"width": 640, "height": 450}  # 1280 px at 200 %


@pytest.fixture
def gateway(lasting_gateway: Gateway) -> Gateway:
    return lasting_gateway


def tab_to(page: Page, name: str) -> None:
    """Presses Tab until the button has the focus."""
    for _ in range(15):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('aria-label')") == name:
            return
    raise AssertionError(f"no way by keyboard to {name}")


@pytest.mark.parametrize("viewport", [NARROW, ZOOMED], ids=["1024", "200-percent"])
def test_the_menu_opens_and_closes_by_keyboard(open_admin: OpenAdmin, viewport: dict[str, int]):
    page = open_admin("/admin/proxyapp/apikey/", viewport=viewport)
    page.wait_for_function("window.Alpine && document.body._x_dataStack")
    keys = page.locator("#nav-sidebar").get_by_role("link", name="Groups")
    expect(keys).to_be_hidden()

    tab_to(page, "Menu")
    page.keyboard.press("Enter")

    expect(keys).to_be_visible()
    assert grave_violations(page) == []
    page.get_by_role("button", name="Close the menu").press("Enter")
    expect(keys).to_be_hidden()


def test_the_first_tab_leads_past_the_menu(open_admin: OpenAdmin):
    page = open_admin("/admin/proxyapp/group/1/change/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()

    page.keyboard.press("Enter")

    expect(page.locator("main #content")).to_be_focused()
    page.get_by_role("button", name="admin").press("Enter")
    expect(page.get_by_role("link", name="Second factor")).to_be_visible()


def test_ctrl_k_finds_by_keyboard_and_leads_there(open_admin: OpenAdmin):
    page = open_admin("/admin/proxyapp/auditentry/")
    page.keyboard.press("Control+k")
    page.keyboard.type("default")
    expect(page.get_by_role("option", name="default Group")).to_be_visible()
    assert grave_violations(page) == []

    page.get_by_role("combobox", name="A key, group").fill("keys")
    expect(page.get_by_role("option")).to_have_count(2)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")

    page.wait_for_url("**/admin/proxyapp/apikey/bulk-add/")


def test_without_scripts_a_page_is_there_and_says_so(open_admin: OpenAdmin):
    page = open_admin("/admin/proxyapp/apikey/", java_script_enabled=False)

    expect(page.locator("noscript .no-script")).to_be_visible()
    expect(page.locator("#result_list")).to_be_visible()
    expect(page.locator("#finder")).to_be_hidden()
