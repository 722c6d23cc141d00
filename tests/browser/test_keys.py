"""The pages of keys in a browser: the list, many keys at once, and the page of one."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import grave_violations
from tests.browser.conftest import PHONE, OpenAdmin
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway
from tests.support.pool_data import secret

LIST = "/admin/proxyapp/apikey/"


def test_pasted_keys_are_shown_masked_and_added_after_a_look(
    gateway: Gateway, open_admin: OpenAdmin
):
    page = open_admin(LIST)

    page.get_by_role("link", name="Bulk add").click()
    page.get_by_label("Keys", exact=True).fill(
        f"{secret('pasted-1')}\n{secret('pasted-2')}, KEY-A\nnothing here"
    )
    page.get_by_label("Name prefix").fill("pasted-")
    page.get_by_role("button", name="See what is in it").click()
    shown = page.locator("#content").inner_text()
    page.get_by_label("Add AIza…ed-2").uncheck()
    page.get_by_role("button", name="Add the ticked keys").click()

    expect(page.get_by_text("Added 1 key to default; ")).to_be_visible()
    assert secret("pasted-1") not in shown
    assert "has no key in it" in shown
    assert [key["name"] for key in gateway.keys()] == ["", "", "pasted-1"]


def test_a_file_is_chosen_in_place_of_pasted_text(gateway: Gateway, open_admin: OpenAdmin):
    page = open_admin(f"{LIST}bulk-add/")
    content = f"key,name,project\n{secret('from-file')},from-file,p-1\n".encode()

    page.get_by_label("Or a file").set_input_files(
        {"name": "keys.csv", "mimeType": "text/csv", "buffer": content}
    )
    page.get_by_role("button", name="See what is in it").click()
    page.get_by_role("button", name="Add the ticked keys").click()

    expect(page.get_by_role("link", name="from-file (AIza…file)")).to_be_visible()
    assert gateway.keys()[-1]["name"] == "from-file"


def test_the_page_of_a_key_disables_it_and_clients_get_the_other(
    gateway: Gateway, upstream: FakeUpstream, open_admin: OpenAdmin
):
    page = open_admin(LIST)

    page.locator("#result_list .field-label a").first.click()
    page.get_by_role("button", name="Disable").click()

    expect(page.get_by_text("The key is disabled.")).to_be_visible()
    expect(page.locator('[data-field="state"]')).to_have_text(re.compile("disabled"))
    expect(page.get_by_role("button", name="Enable")).to_be_visible()
    assert [key["state"] for key in gateway.keys()] == ["disabled", "available"]


def test_before_all_keys_are_disabled_a_page_asks(gateway: Gateway, open_admin: OpenAdmin):
    page = open_admin(LIST)

    page.locator("#action-toggle").check()
    page.get_by_label("Select action to run").select_option("disable_keys")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_text("No key will be available")).to_be_visible()
    before = [key["state"] for key in gateway.keys()]
    page.get_by_role("button", name="Yes, disable them").click()

    expect(page.get_by_text("Disabled 2 of 2 selected keys.")).to_be_visible()
    assert before == ["available", "available"]
    assert [key["state"] for key in gateway.keys()] == ["disabled", "disabled"]


def test_the_times_of_the_pages_are_those_of_the_reader(
    gateway: Gateway, upstream: FakeUpstream, open_admin: OpenAdmin
):
    upstream.exhausted("KEY-A")
    page = open_admin(LIST)

    page.request.post(
        f"{gateway.url}/v1beta/models/gemini-2.5-flash:generateContent", data={"contents": []}
    )
    page.reload()

    expect(page.locator(".state-left [data-until]")).to_have_text(re.compile(r"\d+\s(?:h|min|s)\b"))
    times = page.locator('[data-field="used"] time').all_inner_texts()
    assert all(re.fullmatch(r"\d\d:\d\d:\d\d", time) for time in times)


PAGES = [LIST, f"{LIST}1/change/", f"{LIST}bulk-add/", f"{LIST}1/delete/"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_of_keys_can_be_read_by_everybody_and_fit_on_a_phone(
    open_admin: OpenAdmin, scheme: str
):
    page = open_admin(LIST, viewport=PHONE, color_scheme=scheme)

    for path in PAGES:
        page.goto(path)
        expect(page.locator("#content")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
        assert grave_violations(page) == [], path
