"""`make screenshots`: takes the README's pictures of the demonstration.

It starts the demonstration itself; the browser is Debian's Chromium.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.browser.conftest import chromium
from tests.demo.process import PASSWORD, USER
from tests.support.ports import free_port

FOLDER = Path(__file__).resolve().parent.parent.parent / "docs" / "screenshots"
WIDE, PHONE = {"width": 1440, "height": 1000}, {"width": 412, "height": 1000}
PICTURES = (
    ("dashboard", "/admin/", "light", WIDE),
    ("keys", "/admin/proxyapp/apikey/", "dark", WIDE),
    ("phone", "/admin/", "dark", PHONE),
)
LOAD_SECONDS = 40
SETTLE_MILLISECONDS = 1500


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with demonstration() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        for name, path, theme, size in PICTURES:
            take(browser, url + path, FOLDER / f"{name}.png", theme, size)
        browser.close()


@contextmanager
def demonstration() -> Iterator[str]:
    """Its address, once its clients have done their work."""
    port = free_port()
    command = [
        sys.executable,
        "-u",
        "-m",
        "tests.demo",
        "--port",
        str(port),
        "--load-seconds",
        str(LOAD_SECONDS),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            if not any("The clients rest" in line for line in process.stdout):
                raise SystemExit("The demonstration ended before its clients did.")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def take(browser: Browser, url: str, path: Path, theme: str, size: dict[str, int]) -> None:
    page = browser.new_context(viewport=size, color_scheme=theme, locale="en-GB").new_page()  # type: ignore[arg-type]
    page.goto(url)
    page.fill("input[name=username]", USER)
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.goto(url)
    page.wait_for_timeout(SETTLE_MILLISECONDS)
    page.screenshot(path=path)
    page.context.close()


if __name__ == "__main__":
    main()
