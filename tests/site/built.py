"""Where the built site is, and its pages."""
from __future__ import annotations

from pathlib import Path

SITE = Path(__file__).parents[2] / "_build" / "html"


def pages() -> list[str]:
    """Every page of the built site, as an address relative to its root; index.html only sends the reader on."""
    found = [page for page in SITE.rglob("*.html") if "_static" not in page.relative_to(SITE).parts]
    return sorted(str(page.relative_to(SITE)) for page in found if 'http-equiv="Refresh"' not in page.read_text("utf8"))
