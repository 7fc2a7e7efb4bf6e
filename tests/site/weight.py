"""What a page costs its reader: the limits, which the tests hold and `make site-report` prints, and how bytes are counted."""
from __future__ import annotations

import gzip
import html
import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from built import SITE, root

# Bytes: all that the page asks for and all the pictures in it; with every frame of its interactive figures, too; and
# what is asked for when the page is opened after the home page.
STILL, MOVING, LATER = 350_000, 850_000, 120_000
SHIFT = 0.01                # as far as what is in the window may move while the page loads; Chromium's measure
PACKED = {".html", ".css", ".js", ".svg", ".json"}      # what a server sends compressed
KINDS = {".html": "html", ".css": "css", ".js": "js", ".woff": "font", ".woff2": "font"}
INSIDE = re.compile(rb"url\(data:font/[^)]*\)")


@dataclass
class Cost:
    """Bytes of a page: on first load by kind, with all frames of its figures, and after the home page."""

    kinds: Counter
    moving: int
    later: int

    @property
    def still(self) -> int:
        return sum(self.kinds.values())


def packed(data: bytes) -> int:
    return len(gzip.compress(data, 6))


@cache
def weight(path: Path) -> int:
    """The bytes of a file as a server sends it."""
    return packed(path.read_bytes()) if path.suffix in PACKED else path.stat().st_size


@cache
def by_kind(path: Path) -> Counter:
    """The bytes of a file; fonts that stand in a style sheet are fonts."""
    if path.suffix != ".css":
        return Counter({KINDS.get(path.suffix, "picture"): weight(path)})
    rules = packed(INSIDE.sub(b"", path.read_bytes()))
    return Counter(css=rules, font=weight(path) - rules)


def frames(text: str) -> list[str]:
    """The addresses of all pictures of the interactive figures of a page."""
    return [src for listed in re.findall(r'data-frames="([^"]*)"', text) for src, _, _ in json.loads(html.unescape(listed))]


def behind(site: Path, addresses: Iterable[str], page_name: str) -> set[Path]:
    """The files of the site behind addresses in a page."""
    paths = [unquote(urlsplit(urljoin(root(site) + page_name, address)).path) for address in addresses]
    files = [site / path.removeprefix(root(site)).lstrip("/") for path in paths]
    return {file for file in files if file.is_file()}


def cost(page_name: str, loaded: Iterable[str], at_home: set[Path], site: Path = SITE, others: Iterable[Path] = ()) -> Cost:
    """What a page costs that asked for these addresses, and for these files of other hosts."""
    text = (site / page_name).read_text("utf8")
    asked = behind(site, loaded, page_name) | set(others)
    still = asked | behind(site, re.findall(r'<img\b[^>]*? src="([^"]+)"', text), page_name)
    moving = still | behind(site, frames(text), page_name)
    return Cost(sum(map(by_kind, still), Counter()), sum(map(weight, moving)), sum(map(weight, asked - at_home)))
