"""The page at the root, as somebody sees it who opens the gateway's address."""

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.accessibility import grave_violations
from tests.browser.conftest import DESKTOP, PHONE, Complaints
from tests.browser.violations import SEE_VIOLATIONS
from tests.support.gateway import Gateway


@pytest.fixture
def gateway(lasting_gateway: Gateway) -> Gateway:
    return lasting_gateway


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_it_is_readable_and_asks_for_nothing_that_it_may_not(
    browser: Browser, gateway: Gateway, complaints: Complaints, scheme: str, size: dict[str, int]
) -> None:
    context = browser.new_context(viewport=size, color_scheme=scheme, base_url=gateway.url)  # type: ignore[arg-type]
    complaints.listen(context)
    context.add_init_script(SEE_VIOLATIONS)
    page = context.new_page()

    page.goto("/")

    expect(page.get_by_role("heading", name="Ready")).to_be_visible()
    expect(page.get_by_text(f"{gateway.url}/v1", exact=True)).to_be_visible()
    assert page.evaluate("window.violations") == []
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert grave_violations(page) == []
    context.close()


def test_a_click_selects_an_address_and_a_link_leads_to_the_admin(
    browser: Browser, gateway: Gateway
) -> None:
    page = browser.new_page(base_url=gateway.url)
    page.goto("/")

    page.get_by_text(f"{gateway.url}/v1", exact=True).click()
    assert page.evaluate("String(getSelection())") == f"{gateway.url}/v1"
    page.get_by_role("link", name="Admin").click()

    expect(page).to_have_url(f"{gateway.url}/admin/login/?next=/admin/")
    page.context.close()
