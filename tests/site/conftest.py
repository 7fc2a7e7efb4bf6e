"""Three readers of the built site, who open every page once: `wide` at a desk, `phone` in the dark, `bare` without scripts.

All tests of a page share its three tabs, so a test leaves a tab as it found it, or only unfolds what was folded.
"""
from __future__ import annotations

import pytest
import weight
from built import HOME, QUIET, SITE, chromium_path, missing, pages, served
from playwright.sync_api import Page, sync_playwright

READERS = {
    "wide": {"viewport": {"width": 1280, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
    "bare": {"viewport": {"width": 1280, "height": 900}, "java_script_enabled": False},
}
THEME = {"wide": "light", "phone": "dark", "bare": "light"}
# What moves without being asked to, and what the page's own policy refuses. Chromium takes a change of the window's size
# for input, as when it begins to act as a phone, so that what follows an "input" counts as well: nobody has touched the page.
WATCH = """window.moved = []; window.refused = [];
new PerformanceObserver(list => window.moved.push(...list.getEntries())).observe({type: "layout-shift", buffered: true});
document.addEventListener("securitypolicyviolation", e => window.refused.push([e.violatedDirective, e.blockedURI, e.sample]));"""
SHIFT = "window.moved.reduce((sum, shift) => sum + shift.value, 0)"
# Fonts are in, and two frames have been drawn, in which site.js saw every new size.
AT_REST = """() => document.fonts.ready.then(() => new Promise(
    done => requestAnimationFrame(() => requestAnimationFrame(done))))"""


def pytest_configure(config):
    """Say what is missing, once, before anything runs."""
    if missing():
        raise pytest.UsageError(missing())


def pytest_generate_tests(metafunc):
    """Run every test that asks for a page on every page, large pages first, all tests of a page in one worker."""
    if "page_name" in metafunc.fixturenames:
        by_size = sorted(pages(), key=lambda name: -(SITE / name).stat().st_size)
        metafunc.parametrize("page_name", [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in by_size])


def pytest_collection_modifyitems(items):
    """Page after page, so that each is opened once; what looks at the whole site comes first."""
    page_of = lambda item: item.callspec.params.get("page_name", "") if hasattr(item, "callspec") else ""
    order = {name: place for place, name in enumerate(dict.fromkeys(["", *map(page_of, items)]))}
    items.sort(key=lambda item: order[page_of(item)])


class Reader:
    """One browser tab, and what happened in it since its page was opened."""

    def __init__(self, browser, base: str, name: str):
        self.base, self.name, self.at, self.shift = base, name, None, 0
        self.context = browser.new_context(**READERS[name])
        self.context.add_init_script(f"localStorage.mode = localStorage.theme = '{THEME[name]}'")
        self.context.add_init_script(WATCH)
        self.page = self.context.new_page()
        self.loaded, self.missing, self.errors = [], [], []
        self.page.on("request", lambda request: self.loaded.append(request.url))
        self.page.on("response", lambda response: self.missing.append(response.url) if response.status >= 400 else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda line: self.errors.append(line.text) if line.type == "error" else None)

    def read(self, name: str) -> Page:
        """The tab with this page in it."""
        if self.at != name:
            for record in (self.loaded, self.missing, self.errors):
                record.clear()
            self.page.goto(self.base + name, wait_until="load")
            if self.name != "bare":
                self.page.evaluate(AT_REST)
                self.shift = self.page.evaluate(SHIFT)
            self.at = name
        return self.page


@pytest.fixture(scope="session")
def base():
    """The address of the site on localhost."""
    with served() as address:
        yield address


@pytest.fixture(scope="session")
def readers(base):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=QUIET)
        yield {name: Reader(browser, base, name) for name in READERS}
        browser.close()


@pytest.fixture(scope="session")
def home_files(readers, base):
    """What a reader has who comes from the home page."""
    loaded, page = [], readers["wide"].context.new_page()
    page.on("request", lambda request: loaded.append(request.url))
    page.goto(base + HOME, wait_until="load")
    page.evaluate(AT_REST)
    page.close()
    return weight.behind(SITE, loaded, HOME)


@pytest.fixture
def reader(readers, page_name):
    """The reader at a desk, with the page open, for what happened while it was loaded."""
    readers["wide"].read(page_name)
    return readers["wide"]


@pytest.fixture
def wide(reader):
    return reader.page


@pytest.fixture
def phone(readers, page_name):
    return readers["phone"].read(page_name)


@pytest.fixture
def bare(readers, page_name):
    return readers["bare"].read(page_name)
