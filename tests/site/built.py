"""Where the built site is, its pages, and a server and a browser to read them with."""
from __future__ import annotations

import os
import shutil
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SITE = Path(__file__).parents[2] / "_build" / "html"
QUIET = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]


def pages(site: Path = SITE) -> list[str]:
    """Every page of the built site, as an address relative to its root; index.html only sends the reader on."""
    found = [page for page in site.rglob("*.html") if "_static" not in page.relative_to(site).parts]
    return sorted(str(page.relative_to(site)) for page in found if 'http-equiv="Refresh"' not in page.read_text("utf8"))


def chromium_path() -> str | None:
    names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@contextmanager
def served(site: Path = SITE):
    """The address of the site on localhost."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
