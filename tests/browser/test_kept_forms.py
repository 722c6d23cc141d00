"""What is typed into a form is not lost: by leaving its page, nor by a log-out in between."""

from playwright.sync_api import Dialog, Page, expect

from tests.browser.conftest import OpenAdmin, log_in

ADD = "/admin/proxyapp/clienttoken/add/"
EVERYWHERE = (
    "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])"
)


def name_it(page: Page, name: str) -> None:
    page.get_by_label("Name").click()
    page.keyboard.type(name)


def save(page: Page) -> None:
    page.get_by_role("button", name="Save").press("Enter")


def come_back(page: Page) -> None:
    """Playwright's pages are always in front."""
    page.evaluate("window.dispatchEvent(new Event('focus'))")


def test_a_form_outlives_leaving_and_a_log_out(open_admin: OpenAdmin):
    page = open_admin(ADD)
    warnings: list[str] = []

    def stay(dialog: Dialog) -> None:
        warnings.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    name_it(page, "laptop")
    page.locator("a[href='/admin/usage/']").first.press("Enter")
    expect(page.get_by_label("Name")).to_have_value("laptop")
    page.wait_for_timeout(100)
    assert warnings == ["beforeunload"]
    assert page.url.endswith(ADD)

    page.context.clear_cookies()
    come_back(page)
    notice = page.locator("#kept-form")
    expect(notice).to_be_focused()
    save(page)
    expect(page.get_by_text("You are logged out, and nothing was saved.")).to_be_visible()
    expect(page.get_by_label("Name")).to_have_value("laptop")
    assert "laptop" not in page.evaluate(EVERYWHERE)

    with page.context.expect_page() as opened:
        page.get_by_role("link", name="log in in another tab").press("Enter")
    log_in(opened.value)
    expect(opened.value.locator(".dashboard")).to_be_visible()
    opened.value.close()
    come_back(page)
    expect(page.get_by_text("You are logged in again.")).to_be_visible()
    save(page)
    expect(page.locator("#token-text")).to_be_visible()
    assert warnings == ["beforeunload"]

    page.goto(ADD)
    name_it(page, "of-somebody-else")
    page.evaluate("document.getElementById('kept-form').dataset.user = '0'")
    page.evaluate("{ const now = Date.now(); Date.now = () => now + 61_000; }")
    save(page)
    expect(page.get_by_label("Name")).to_have_value("")

    name_it(page, "x")
    page.keyboard.press("Backspace")
    page.goto("/admin/proxyapp/clienttoken/")
    page.locator("[name=q]").first.click()
    page.keyboard.type("lap")
    page.locator(".action-select").first.check()
    page.goto("/admin/")
    assert warnings == ["beforeunload"]


def test_a_form_is_sent_also_where_what_stands_in_front_answers_for_the_gateway(
    open_admin: OpenAdmin,
):
    page = open_admin(ADD)
    name_it(page, "behind-a-front")
    page.route("**/page-session/", lambda route: route.fulfill(body="<p>Welcome</p>"))
    page.evaluate("{ const now = Date.now(); Date.now = () => now + 61_000; }")

    save(page)

    expect(page.locator("#token-text")).to_be_visible()


def test_a_clock_that_is_set_back_makes_nobody_sure_of_a_session(open_admin: OpenAdmin):
    page = open_admin(ADD)
    name_it(page, "yesterday")
    page.context.clear_cookies()
    page.evaluate("{ const now = Date.now(); Date.now = () => now - 86_400_000; }")

    save(page)

    expect(page.get_by_text("You are logged out, and nothing was saved.")).to_be_visible()
    expect(page.get_by_label("Name")).to_have_value("yesterday")
