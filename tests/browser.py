"""A real browser, and what a page does in it that it should not."""

import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@dataclass
class Visit:
    """A page that is open, with what it asked of the network and what went wrong in it."""

    page: object
    requests: list = field(default_factory=list)
    problems: list = field(default_factory=list)

    def see_all(self):
        """Scroll through the page, so that all that waits to be seen is drawn; returns to its top."""
        height, step = self.page.evaluate(
            "[document.documentElement.scrollHeight, innerHeight / 2]"
        )
        for place in range(0, int(height), int(step)):
            self.page.evaluate(
                "y => new Promise(r => { scrollTo(0, y); requestAnimationFrame(r); })", place
            )
        self.page.wait_for_function(
            "[...document.querySelectorAll('article:not([hidden]) .chart')].every(c => c.dataset.drawn)"
        )
        self.page.evaluate("scrollTo(0, 0)")


@contextmanager
def launched():
    """Playwright's browser, of the installed program; skips where Playwright or a browser is missing."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    paths = [path for path in map(shutil.which, BROWSERS) if path]
    if not paths:
        pytest.skip(f"no browser is installed: none of {', '.join(BROWSERS)}")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=paths[0], args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def visit(browser, path, width=1280, height=900):
    """A file as a page in a window of this size in pixels, ready, without any network."""
    context = browser.new_context(viewport={"width": width, "height": height}, offline=True)
    context.set_default_timeout(120_000)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page, address = context.new_page(), path.as_uri()
    opened = Visit(page)

    def asked(request):
        if request.url.split("#")[0] != address and not request.url.startswith(("data:", "blob:")):
            opened.requests.append(request.url)

    def said(message):
        if message.type == "error":
            opened.problems.append(message.text)

    context.route("http*://**", lambda route: route.abort())
    page.on("request", asked)
    page.on("console", said)
    page.on("pageerror", lambda error: opened.problems.append(str(error)))
    page.on("dialog", lambda dialog: opened.problems.append(dialog.message) or dialog.dismiss())
    page.goto(address)
    page.wait_for_selector("html[data-ready]", state="attached")
    yield opened
    context.close()
