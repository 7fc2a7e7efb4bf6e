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
