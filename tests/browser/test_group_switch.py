"""A group is turned off in a browser: with so many clicks from the dashboard."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import MakeAdminGateway, OpenAdmin
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group


@pytest.fixture
def gateway(make_admin_gateway: MakeAdminGateway, upstream: FakeUpstream) -> Gateway:
    names = ("first", "second")
    return make_admin_gateway(
        groups=[group([f"KEY-{name}"], upstream.url, name, auth="google") for name in names]
    )


def test_three_clicks_turn_a_group_off_for_an_hour(open_admin: OpenAdmin, gateway: Gateway):
    page = open_admin("/admin/")

    page.get_by_role("link", name="Groups").first.click()
    page.get_by_role("link", name="first", exact=True).click()
    expect(page.locator("#group-address")).to_have_text(f"{gateway.url}/g/first")
    page.get_by_role("button", name="Off for an hour").click()

    expect(page.locator("#group-standing")).to_contain_text("off until")
