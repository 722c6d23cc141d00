"""The admin's pages of groups, events, usage and config files in a browser."""

import re

import pytest
import yaml
from playwright.sync_api import Page, expect

from tests.browser.accessibility import grave_violations
from tests.browser.conftest import DESKTOP, PHONE, Complaints, MakeAdminGateway, OpenAdmin, generate
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group

GROUPS = "/admin/proxyapp/group/"
PAGES = (
    GROUPS,
    f"{GROUPS}1/change/",
    "/admin/import-export/",
    "/admin/proxyapp/ratelimitevent/",
    "/admin/proxyapp/ratelimitevent/1/change/",
    "/admin/proxyapp/hourlyusage/",
    "/admin/proxyapp/dailyusage/",
    "/admin/proxyapp/resource/",
)


@pytest.fixture
def gateway(make_admin_gateway: MakeAdminGateway, upstream: FakeUpstream) -> Gateway:
    """Three groups; a key of the first is cooling."""
    names = ("first", "second", "third")
    groups = [group([f"KEY-{name}"], upstream.url, name, auth="google") for name in names]
    started = make_admin_gateway(groups=groups)
    upstream.exhausted("KEY-first")
    assert generate(started) == 200
    return started


def names(page: Page) -> list[str]:
    return page.locator("#result_list .field-name").all_inner_texts()


def test_groups_are_put_in_order_by_dragging(open_admin: OpenAdmin):
    page = open_admin(GROUPS)
    handles = page.locator("#result_list tbody .cursor-move .material-symbols-outlined")
    assert names(page) == ["first", "second", "third"]

    handles.nth(2).drag_to(handles.nth(0), target_position={"x": 5, "y": 2})
    expect(page.locator("#result_list .field-name").first).to_have_text("third")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_text("groups were changed successfully")).to_be_visible()
    assert names(page) == ["third", "first", "second"]


def test_groups_are_put_in_order_from_the_keyboard(open_admin: OpenAdmin):
    page = open_admin(GROUPS)

    position = page.get_by_role("row", name=re.compile("third")).locator("input[name$=-position]")
    position.focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("0")
    page.keyboard.press("Enter")

    expect(page.locator("#result_list .field-name").first).to_have_text("third")
    assert names(page) == ["third", "first", "second"]


def test_a_connection_is_tested_from_the_page_of_a_group(open_admin: OpenAdmin):
    page = open_admin(f"{GROUPS}2/change/")

    page.get_by_role("button", name="Test connection").click()

    row = page.get_by_role("row", name=re.compile("^Request"))
    expect(row).to_contain_text("200: works")
    expect(row).to_contain_text(re.compile(r"\d+ ms"))
    expect(page.get_by_text("KEY-second")).to_have_count(0)


def test_the_config_of_a_group_is_copied(open_admin: OpenAdmin):
    page = open_admin(f"{GROUPS}2/change/", permissions=["clipboard-read", "clipboard-write"])

    page.get_by_role("button", name="Copy").click()

    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = yaml.safe_load(page.evaluate("navigator.clipboard.readText()"))
    assert [(entry["name"], entry["api_keys"]) for entry in copied["groups"]] == [
        ("second", ["••••"])
    ]


def test_a_config_is_imported_after_its_changes_were_shown(open_admin: OpenAdmin, gateway: Gateway):
    page = open_admin("/admin/import-export/")
    page.get_by_label("… or its text").fill("groups:\n- name: second\n  api_keys: [KEY-new]\n")

    page.get_by_role("button", name="Show the changes").click()
    expect(page.get_by_text("key •••• in group 'second'")).to_be_visible()
    expect(page.get_by_text("KEY-new")).to_have_count(0)
    page.get_by_role("button", name="Import", exact=True).click()

    expect(page.get_by_text("Imported. Groups: 0 created, 1 updated")).to_be_visible()


def test_a_config_file_is_downloaded_with_its_keys(open_admin: OpenAdmin):
    page = open_admin("/admin/import-export/")

    with page.expect_download() as download:
        page.get_by_role("button", name="Download with the keys").click()

    text = download.value.path().read_text()
    assert [entry["api_keys"] for entry in yaml.safe_load(text)["groups"]] == [
        ["KEY-first"],
        ["KEY-second"],
        ["KEY-third"],
    ]


def test_a_cooldown_is_released_on_the_page_of_its_event(
    open_admin: OpenAdmin, upstream: FakeUpstream
):
    page = open_admin("/admin/proxyapp/ratelimitevent/")
    page.locator("#result_list .field-occurred a").first.click()

    page.get_by_role("button", name="Release").click()

    expect(page.get_by_text("Released 1 of 1 selected cooldowns.")).to_be_visible()
    expect(page.get_by_role("button", name="Release")).to_have_count(0)


def test_times_are_those_of_the_reader_and_remaining_time_counts_down(open_admin: OpenAdmin):
    page = open_admin("/admin/proxyapp/ratelimitevent/", timezone_id="Asia/Tokyo")

    time = page.locator("#result_list .field-occurred time").first
    utc = time.get_attribute("title") or ""
    expect(time).not_to_have_text(utc)
    remaining = page.locator("#result_list [data-until]").first
    remaining.evaluate("shown => shown.dataset.until = new Date(Date.now() + 50_000).toISOString()")
    expect(remaining).to_have_text(re.compile(r"^4\d\ss$"))


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_are_accessible_and_as_wide_as_the_screen(
    open_admin: OpenAdmin, complaints: Complaints, scheme: str, size: dict[str, int]
):
    page = open_admin(viewport=size, color_scheme=scheme)
    wrong = []
    for path in PAGES:
        page.goto(path)
        wrong += [f"{path}: {violation}" for violation in grave_violations(page)]
        if page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        ):
            wrong.append(f"{path}: wider than the screen")

    assert wrong == []
