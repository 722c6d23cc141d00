"""The admin in Chinese: chosen at the log-in, kept to by live pages, no wider than its screen."""

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.browser.conftest import (
    PASSWORD,
    TIMEOUT_MILLISECONDS,
    USER,
    Complaints,
    generate,
)
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway

WIDE: ViewportSize = {"width": 1280, "height": 900}
NARROW: ViewportSize = {"width": 390, "height": 844}
PATHS = (
    "/admin/",
    "/admin/proxyapp/apikey/",
    "/admin/proxyapp/group/1/change/",
    "/admin/import-export/",
)


@pytest.fixture
def gateway(lasting_gateway: Gateway) -> Gateway:
    return lasting_gateway


def is_too_wide(page: Page) -> bool:
    return bool(
        page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    )


def test_who_chooses_chinese_is_told_everything_in_it(
    browser: Browser, gateway: Gateway, complaints: Complaints, shared_upstream: FakeUpstream
):
    context = browser.new_context(viewport=WIDE, base_url=gateway.url)
    context.set_default_timeout(TIMEOUT_MILLISECONDS)
    complaints.listen(context)
    page = context.new_page()
    page.goto("/admin/login/?next=/admin/proxyapp/apikey/")

    page.get_by_role("button", name="简体中文").click()
    page.get_by_label("用户名").fill(USER)
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录").click()

    page.wait_for_url("**/admin/proxyapp/apikey/")
    expect(page.get_by_role("heading", name="密钥", exact=True)).to_be_visible()
    expect(page.locator("#live-status")).to_have_text("实时")
    expect(page.locator("[data-key-id] [data-field=state]", has_text="冷却")).to_have_count(1)
    shared_upstream.exhausted("KEY-B")
    generate(gateway)
    expect(page.locator("[data-key-id] [data-field=state]", has_text="冷却")).to_have_count(2)
    expect(page.locator("[data-until]").first).to_contain_text("小时")

    for viewport in (WIDE, NARROW):
        page.set_viewport_size(viewport)
        for path in PATHS:
            page.goto(path)
            expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
            assert not is_too_wide(page), (path, viewport)
    context.close()
