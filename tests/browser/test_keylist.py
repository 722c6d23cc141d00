"""The list of keys in a browser, live."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenAdmin, generate
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway

LIST = "/admin/proxyapp/apikey/"
AT_ONCE = 3000  # milliseconds; a second, and what a busy machine takes


def field(page: Page, key_id: int, name: str) -> Locator:
    return page.locator(f"[data-key-id='{key_id}'] [data-field='{name}']")


def badge_of(state: Locator) -> list[str]:
    """Its classes, in any order, and its text."""
    badge = state.locator("> :first-child")
    return [*sorted((badge.get_attribute("class") or "").split()), badge.inner_text()]


def test_a_key_that_cools_is_shown_as_after_a_reload(
    open_admin: OpenAdmin, gateway: Gateway, upstream: FakeUpstream
):
    page = open_admin(LIST)
    expect(page.locator("#live-status")).to_have_text("Live")
    expect(field(page, 1, "state")).to_have_text("available")
    upstream.exhausted("KEY-A")

    assert [generate(gateway), generate(gateway)] == [200, 200]

    state = field(page, 1, "state")
    expect(state).to_contain_text("cooling", timeout=AT_ONCE)
    expect(state.locator("[data-until]")).to_have_text(re.compile(r"^\d+\s(s|min|h)"))
    expect(field(page, 1, "rate_limited")).to_have_text("1")
    expect(field(page, 2, "requests")).to_have_text("2")
    expect(field(page, 2, "used").locator("time")).to_have_attribute("title", re.compile(" UTC$"))
    shown = (
        badge_of(state),
        [" ".join(line.split()) for line in state.locator(".state-detail").all_inner_texts()],
    )
    page.reload()
    state = field(page, 1, "state")
    assert shown == (
        badge_of(state),
        [" ".join(line.split()) for line in state.locator(".state-detail").all_inner_texts()],
    )
    assert gateway.manage("keys", "release", "1").returncode == 0
    expect(field(page, 1, "state")).to_have_text("available")
