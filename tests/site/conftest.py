"""A browser, and a server for the built site."""
from __future__ import annotations

import os
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from built import SITE, pages
from playwright.sync_api import sync_playwright

QUIET = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]


def chromium_path() -> str | None:
    names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


def pytest_configure(config):
    """Say what is missing, once, before anything runs."""
    if not pages():
        raise pytest.UsageError(f"There is no website in {SITE}; build it with: make book")
    if not chromium_path():
        raise pytest.UsageError("The site tests need Chromium; install Debian's package: apt-get install chromium")


def pytest_generate_tests(metafunc):
    """Run every test that asks for a page on every page."""
    if "page_name" in metafunc.fixturenames:
        metafunc.parametrize("page_name", pages())


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="session")
def base():
    """The address of the site on localhost."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=SITE))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@pytest.fixture(scope="session")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium, base):
    """Open a page of the site: visit(name, width=…, theme=…, scripts=…)."""
    contexts = []

    def open_page(name: str, width: int = 1280, theme: str = "light", scripts: bool = True, watch=None):
        context = chromium.new_context(viewport={"width": width, "height": 900}, java_script_enabled=scripts)
        contexts.append(context)
        context.add_init_script(f"localStorage.mode = localStorage.theme = '{theme}'")
        page = context.new_page()
        if watch:
            watch(page)
        page.goto(base + name, wait_until="load")
        return page

    yield open_page
    for context in contexts:
        context.close()
