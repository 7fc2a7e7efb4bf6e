"""Where the built site is, its pages, and a server and a browser to read them with."""
from __future__ import annotations

import os
import re
import shutil
import threading
from contextlib import contextmanager
from functools import cache, partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HOME = "intro.html"
SITE = Path(__file__).parents[2] / "_build" / "html"
QUIET = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]


@cache
def pages(site: Path = SITE) -> list[str]:
    """Every page of the built site, as an address relative to its root; index.html only sends the reader on."""
    found = [page for page in site.rglob("*.html") if "_static" not in page.relative_to(site).parts]
    return sorted(str(page.relative_to(site)) for page in found if 'http-equiv="Refresh"' not in page.read_text("utf8"))


def chromium_path() -> str | None:
    names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


def missing(browser: bool = True) -> str | None:
    """What is not there to read the site, in words, or None."""
    if not pages():
        return f"There is no website in {SITE}; build it with: make book"
    return None if chromium_path() or not browser else "Reading the site needs Chromium; install Debian's package: apt-get install chromium"


def asked_for(wanted: tuple[str, ...]) -> list[str]:
    """The pages with one of these parts in their names, all of them if none is given; ends the program if there is none."""
    names = [name for name in pages() if not wanted or any(part in name for part in wanted)]
    if not missing() and names:
        return names
    raise SystemExit(missing() or f"There is no page in {SITE} with {' or '.join(wanted)} in its name")


@cache
def root(site: Path = SITE) -> str:
    """The path below which the site expects to stand, such as /book/: its page for lost readers cannot do without."""
    lost = site / "404.html"
    return re.search(r'data-content_root="([^"]+)"', lost.read_text("utf8"))[1] if lost.exists() else "/"


class Quiet(SimpleHTTPRequestHandler):
    """Serves the site at / and below its own path, and as a host of pages does its own page for what is not there."""

    def translate_path(self, path):
        return super().translate_path("/" + path.removeprefix(root(Path(self.directory))).lstrip("/"))

    def send_error(self, code, message=None, explain=None):
        lost = Path(self.directory) / "404.html"
        if code != HTTPStatus.NOT_FOUND or not lost.exists():
            return super().send_error(code, message, explain)
        page = lost.read_bytes()
        self.send_response(code)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *args):
        pass


@contextmanager
def served(site: Path = SITE):
    """The address of the site on localhost."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
