"""The admin's dashboard in a browser, live."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.accessibility import grave_violations
from tests.browser.conftest import PHONE, Complaints, MakeAdminGateway, OpenAdmin, generate
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway

AT_ONCE = 3000  # milliseconds; a second, and what a busy machine takes


def status(page: Page) -> Locator:
    return page.locator("#live-status")


def wait_until_live(page: Page) -> None:
    expect(status(page)).to_have_text("Live")


def card(page: Page, name: str) -> Locator:
    return page.locator(f"[data-card={name}]")


def cells(page: Page, state: str) -> Locator:
    return page.locator(f"#key-strip .cell[data-state='{state}']")


def test_a_429_appears_at_once(page: Page, gateway: Gateway, upstream: FakeUpstream):
    wait_until_live(page)
    expect(card(page, "cooling")).to_have_text("0")
    upstream.exhausted("KEY-A")

    assert [generate(gateway), generate(gateway)] == [200, 200]

    expect(cells(page, "cooling")).to_have_count(1, timeout=AT_ONCE)
    expect(cells(page, "cooling")).to_have_attribute("aria-label", re.compile(": cooling$"))
    expect(card(page, "cooling")).to_have_text("1")
    expect(page.locator("#events .event")).to_have_count(1)
    expect(page.locator("#releases .countdown")).to_have_text(re.compile(r"^\d+\s(s|min|h)"))


def test_before_the_first_request_there_is_the_base_url_and_then_the_chart(
    page: Page, gateway: Gateway
):
    wait_until_live(page)
    expect(page.get_by_role("heading", name="Ready for the first request")).to_be_visible()
    expect(page.locator("#base-url")).to_have_text(gateway.url)
    expect(card(page, "available")).to_have_text("2")
    expect(page.locator("#attention")).to_contain_text("All is well.")
    expect(page.locator("#requests-chart")).to_be_hidden()

    assert generate(gateway) == 200

    expect(page.locator("#requests-chart")).to_be_visible()
    expect(page.locator("#outcomes")).to_contain_text("1 succeeded")
    expect(page.locator("#base-url")).to_be_hidden()


def test_what_a_client_was_refused_for_is_three_clicks_away(
    page: Page, gateway: Gateway, upstream: FakeUpstream
):
    """By client's outcomes first; the attempts are a second view; then by model."""
    wait_until_live(page)
    upstream.exhausted("KEY-A")
    upstream.exhausted("KEY-B")
    assert generate(gateway) == 429
    expect(page.locator("#outcomes")).to_contain_text("1 no key")
    these = page.locator("#attention").get_by_role("link", name="These requests")
    expect(these).to_have_attribute("href", "/admin/requests/?outcome=no_key&since=1h")

    page.get_by_text("Attempts", exact=True).click()
    expect(page.locator("#outcomes")).to_contain_text("2 429s")

    page.get_by_text("By model, client or group").click()
    row = page.locator("#split-table tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("gemini-2.5-flash")
    expect(page.locator("#split-note")).to_contain_text("What clients saw since")
    page.get_by_text("Client", exact=True).click()
    expect(row).to_contain_text("no token")


def test_a_restart_of_the_server_is_seen_and_overcome(
    page: Page, gateway: Gateway, complaints: Complaints
):
    complaints.expect("WebSocket connection to|ERR_CONNECTION_REFUSED")
    wait_until_live(page)

    gateway.kill()
    expect(status(page)).to_have_text("Reconnecting…")
    disabled = gateway.manage("keys", "disable", "1")
    gateway.start()

    assert disabled.returncode == 0, disabled.stderr
    expect(status(page)).to_have_text("Live", timeout=15_000)
    expect(card(page, "disabled")).to_have_text("1")
    expect(cells(page, "disabled")).to_have_count(1)


class TestWithoutKeys:
    @pytest.fixture
    def gateway(self, make_admin_gateway: MakeAdminGateway) -> Gateway:
        return make_admin_gateway(["YOUR_GEMINI_API_KEY_1"])

    def test_the_first_run_says_what_to_do_first(self, page: Page, gateway: Gateway):
        expect(page.get_by_role("heading", name="Add your first API key")).to_be_visible()
        expect(page.locator("#curl-empty")).to_contain_text(f"curl {gateway.url}/v1beta/models/")
        expect(page.locator("#key-strip")).to_be_hidden()

        page.get_by_role("link", name="Add API keys").click()

        expect(page).to_have_url(re.compile(r"/admin/proxyapp/apikey/.*add/"))


class TestThatLeaveTheGatewayAsItIs:
    @pytest.fixture
    def gateway(self, lasting_gateway: Gateway) -> Gateway:
        return lasting_gateway

    def test_the_chosen_period_is_remembered_and_needs_no_mouse(self, page: Page):
        page.get_by_role("radio", name="1 h").focus()
        page.keyboard.press("ArrowRight")
        chart = page.locator("#requests-chart")
        expect(chart).to_have_attribute("aria-label", re.compile("requests of the last 24 hours"))

        page.reload()

        expect(page.get_by_role("radio", name="24 h")).to_be_checked()
        expect(chart).to_have_attribute("aria-label", re.compile("requests of the last 24 hours"))

    def test_the_chart_is_there_as_a_table(self, page: Page):
        page.get_by_text("As a table").click()

        expect(page.locator("#requests-table thead")).to_contain_text("succeeded")
        expect(page.locator("#requests-table tbody tr")).to_have_count(60)

    def test_times_are_those_of_the_reader_and_countdowns_tick(self, open_admin: OpenAdmin):
        page = open_admin(timezone_id="Asia/Tokyo")
        page.evaluate("""() => document.querySelector("#main").insertAdjacentHTML("beforeend",
                `<time data-local datetime="2026-01-01T20:30:00Z">2026-01-01 20:30 UTC</time>
                 <i data-until="${new Date(Date.now() + 59000).toISOString()}"></i>`)""")

        expect(page.locator("#main > time")).to_have_text("2026-01-02 05:30:00")
        expect(page.locator("#main > time")).to_have_attribute("title", "2026-01-01 20:30:00 UTC")
        expect(page.locator("i[data-until]")).to_have_text(re.compile(r"^5[89]\ss$"))
        expect(page.locator("i[data-until]")).to_have_text(re.compile(r"^5[67]\ss$"))

    def test_a_cell_says_whose_it_is_and_leads_there_by_keyboard(self, page: Page):
        page.locator("#key-strip .cell").first.focus()
        page.keyboard.press("ArrowRight")
        expect(page.locator("#key-strip .cell").nth(1)).to_be_focused()
        page.keyboard.press("Home")

        expect(cells(page, "cooling")).to_have_attribute(
            "title", re.compile(r"\S+: cooling, \d+.+ left")
        )
        page.keyboard.press("Enter")

        page.wait_for_url("**/admin/proxyapp/apikey/1/change/")

    def test_the_keyboard_stays_on_its_cell_when_all_are_made_anew(self, page: Page):
        wait_until_live(page)
        page.evaluate("""() => {
              const groups = [{ id: 1, name: "a", from: 0, count: 3 }];
              const keys = [[1, 0, 0, 0], [2, 0, 0, 0], [3, 0, 0, 0]];
              const strip = Gateway.keyStrip(document.getElementById("key-strip"));
              strip.build({ groups, keys });
              document.querySelector("[data-key='2']").focus();
              strip.build({ groups, keys });
            }""")

        expect(page.locator("[data-key='2']")).to_be_focused()
        expect(page.locator("[data-key='2']")).to_have_attribute("tabindex", "0")
        expect(page.locator("[data-key='1']")).to_have_attribute("tabindex", "-1")

    def test_who_logs_out_elsewhere_comes_to_the_login(self, page: Page):
        wait_until_live(page)
        other = page.context.new_page()
        other.goto("/admin/")
        other.locator("form[action='/admin/logout/']").first.evaluate("form => form.submit()")

        page.wait_for_url("**/admin/login/?next=/admin/")

    def test_without_a_session_no_reconnection_is_tried_in_vain(
        self, page: Page, complaints: Complaints
    ):
        complaints.expect("WebSocket connection to .* Unexpected response code: 403")
        wait_until_live(page)
        page.context.clear_cookies()

        page.evaluate("Gateway.live.watch({ watch: 'dashboard' }, () => {})")

        page.wait_for_url("**/admin/login/?next=/admin/")

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_nothing_grave_hinders_who_sees_little_or_uses_no_mouse(
        self, open_admin: OpenAdmin, scheme: str
    ):
        page = open_admin(color_scheme=scheme)
        wait_until_live(page)
        expect(page.locator("#events .event")).to_have_count(1)
        expect(page.locator("#requests-chart")).to_be_visible()

        assert page.evaluate("document.documentElement.classList.contains('dark')") is (
            scheme == "dark"
        )
        assert grave_violations(page) == []

    def test_a_phone_shows_all_of_it_without_scrolling_sideways(self, open_admin: OpenAdmin):
        page = open_admin(viewport=PHONE, has_touch=True)
        expect(page.locator("#requests-chart")).to_be_visible()

        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        edges = (
            "[...document.querySelectorAll('.panel, .card, canvas')].map((part) =>"
            " part.getBoundingClientRect().right)"
        )

        assert overflow <= 0
        assert max(page.evaluate(edges)) <= PHONE["width"]

    def test_ten_thousand_keys_are_drawn_quickly(self, page: Page):
        wait_until_live(page)

        milliseconds = page.evaluate("""() => {
                const key = (_, index) => [index + 1, index % 4, 0, 0];
                const keys = Array.from({length: 10000}, key);
                const groups = [{id: 1, name: "many", from: 0, count: 10000}];
                const place = document.getElementById("key-strip");
                const begun = performance.now();
                Gateway.keyStrip(place).build({keys, groups, labels: {}});
                place.getBoundingClientRect();
                return performance.now() - begun;
            }""")

        expect(page.locator("#key-strip .cell")).to_have_count(10_000)
        assert milliseconds < 1000, milliseconds  # 200 on a machine that does nothing else
