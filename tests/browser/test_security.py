"""The admin's policy and its second factor in a browser: a violation fails the test."""

import base64
import time

import pytest
from playwright.sync_api import Page, expect

from proxyapp.access import second_factor
from tests.browser.accessibility import grave_violations
from tests.browser.conftest import PASSWORD, PHONE, USER, Complaints, OpenAdmin
from tests.browser.violations import SEE_VIOLATIONS
from tests.support.gateway import Gateway

PAGES = (
    *("/admin/proxyapp/apikey/", "/admin/proxyapp/apikey/1/change/", "/admin/proxyapp/apikey/add/"),
    *(
        "/admin/proxyapp/apikey/bulk-add/",
        "/admin/proxyapp/apikey/1/delete/",
        "/admin/proxyapp/apikey/1/history/",
    ),
    *("/admin/proxyapp/group/", "/admin/proxyapp/group/1/change/", "/admin/import-export/"),
    *(
        "/admin/proxyapp/hourlyusage/",
        "/admin/proxyapp/ratelimitevent/",
        "/admin/proxyapp/auditentry/",
        "/admin/proxyapp/resource/",
    ),
    *(
        "/admin/proxyapp/rotationcursor/",
        "/admin/auth/user/",
        "/admin/auth/user/1/change/",
        "/admin/auth/group/add/",
    ),
    *("/admin/password_change/", "/admin/second-factor/set-up/", "/admin/"),
)


@pytest.fixture
def gateway(lasting_gateway: Gateway) -> Gateway:
    return lasting_gateway


def code(secret: str, moment: float) -> str:
    return second_factor._totp(secret).generate(int(moment)).decode()


def test_no_page_needs_more_than_the_policy_allows(open_admin: OpenAdmin):
    page = open_admin()
    page.context.add_init_script(SEE_VIOLATIONS)
    for path in PAGES:
        page.goto(path)
        expect(page.locator("body")).to_be_visible()
        page.wait_for_function("window.Alpine && document.body._x_dataStack")
        assert page.evaluate("window.violations") == [], path


def test_what_is_injected_does_not_run(open_admin: OpenAdmin, complaints: Complaints):
    complaints.expect("Content Security Policy|nowhere.example")
    page = open_admin()

    page.evaluate("""() => {
      const made = document.createElement("div");
      made.innerHTML = `<img src="/static/none" onerror="window.ran = 1"><img src="https://nowhere.example/x.png">`;
      document.body.append(made);
      const script = document.createElement("script");
      script.textContent = "window.ran = 2";
      document.body.append(script);
    }""")
    complaints.expect("static/none|404")

    page.wait_for_timeout(300)
    assert page.evaluate("window.ran ?? 0") == 0
    with pytest.raises(Exception, match="EvalError"):
        page.evaluate(
            "() => new Promise((done, fail) => setTimeout(() => { try { done(new Function('return"
            " 1')()) } catch (error) { fail(error) } }))"
        )


def test_the_themes_expressions_work(open_admin: OpenAdmin):
    page = open_admin("/admin/proxyapp/apikey/")
    sidebar = page.locator("#nav-sidebar")
    page.locator("[x-on\\:click='filterOpen = true']").first.click()
    expect(page.locator("#changelist-filter")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#changelist-filter")).to_be_hidden()

    page.locator("input[name=_selected_action]").first.check()
    expect(page.locator("#changelist-actions")).to_be_visible()

    page.evaluate('Alpine.evaluate(document.body, "sidebarDesktopOpen = false")')
    assert page.evaluate("localStorage.getItem('sidebarDesktopOpen')") == "0"
    page.evaluate('Alpine.evaluate(document.body, "sidebarDesktopOpen = true")')
    expect(sidebar.first).to_be_visible()


@pytest.mark.parametrize(
    "expression",
    [
        "document.cookie",
        "fetch('/admin/')",
        "[].constructor",
        "''['constructor']",
        "alert(1)",
        "({}).__proto__",
    ],
)
def test_expressions_reach_no_more_than_the_theme_needs(
    open_admin: OpenAdmin, complaints: Complaints, expression: str
):
    complaints.expect("Alpine")
    page = open_admin()

    found = page.evaluate("(text) => Alpine.evaluate(document.body, text) ?? null", expression)

    assert found is None


def log_in_with(page: Page, shown: str) -> None:
    page.get_by_label("Username").fill(USER)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_label("Code").fill(shown)
    page.get_by_role("button", name="Log in").click()


def test_from_setting_up_a_second_factor_to_turning_it_off(
    open_admin: OpenAdmin, complaints: Complaints
):
    page = open_admin("/admin/second-factor/set-up/", viewport=PHONE)
    assert grave_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    secret = page.locator(".sign-in-secret").inner_text().replace(" ", "")
    assert len(base64.b32decode(secret)) == 20
    now = time.time()
    page.get_by_label("Code of the app").fill(code(secret, now - 30))
    page.get_by_role("button", name="Turn it on").click()
    recovery = page.locator(".sign-in-codes li").all_inner_texts()
    assert len(recovery) == 10
    assert grave_violations(page) == []
    page.get_by_role("link", name="I have kept them").click()
    page.wait_for_url("**/admin/")

    page.context.clear_cookies()
    page.goto("/admin/proxyapp/group/")
    log_in_with(page, code(secret, now))
    page.wait_for_url("**/admin/proxyapp/group/")
    page.context.clear_cookies()
    page.goto("/admin/")
    log_in_with(page, "000000")
    expect(page.get_by_role("alert")).to_contain_text("not right")
    assert grave_violations(page) == []
    page.get_by_label("Code").fill(recovery[0])
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/admin/")

    page.goto("/admin/second-factor/set-up/")
    expect(page.get_by_text("9 recovery codes left")).to_be_visible()
    page.get_by_label("A code").fill(recovery[1])
    page.get_by_role("button", name="Turn the second factor off").click()
    page.wait_for_url("**/admin/")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_who_is_locked_out_is_told_for_how_long(
    open_admin: OpenAdmin, complaints: Complaints, gateway: Gateway, scheme
):
    complaints.expect("429")
    page = open_admin(color_scheme=scheme)
    page.context.clear_cookies()
    for _ in range(6):
        page.goto("/admin/login/")
        page.get_by_label("Username").fill(f"nobody-{scheme}")
        page.get_by_label("Password").fill("guess")
        page.get_by_role("button", name="Log in").click()

    expect(page.get_by_role("alert")).to_contain_text("Try again in 15 minutes")
    assert grave_violations(page) == []
    assert gateway.manage("signin", "unlock").returncode == 0
