"""The whole site as a zip that is read without a server: `make offline` puts it into _build/offline.

Unpacked, it opens with its index.html from the file system. The pages are those of the site: their scripts are plain ones,
the search loads its entries with a script tag, pictures lie beside the pages. Only the policy of each page is wider by
`file:`, because by the standard no file is from the same place as another, though Chromium takes it for that. What only
a server or those who share a link can use stays out.
"""
from __future__ import annotations

import re
import sys
import zipfile
from pathlib import Path

from built import SITE, missing

NAME = "derivations-that-run"
TARGET = SITE.parent / "offline" / f"{NAME}.zip"
LEFT_OUT = re.compile(r"404\.html|sitemap\.xml|objects\.inv|\.buildinfo|_images/card-.*")
POLICY = re.compile(r'(?<=<meta http-equiv="Content-Security-Policy" content=")[^"]*')


def from_files(page: str) -> str:
    """The page with a policy that allows what lies beside it."""
    return POLICY.sub(lambda policy: policy[0].replace("'self'", "'self' file:"), page, count=1)


def pack(site: Path, target: Path) -> int:
    """Write the zip; returns how many pages are in it."""
    count = 0
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as book:
        for path in sorted(path for path in site.rglob("*") if path.is_file()):
            name = path.relative_to(site).as_posix()
            if LEFT_OUT.fullmatch(name):
                continue
            data = path.read_bytes()
            if path.suffix == ".html":
                data, count = from_files(data.decode("utf8")).encode("utf8"), count + 1
            book.writestr(f"{NAME}/{name}", data)
    return count


def main() -> int:
    if missing(browser=False):
        raise SystemExit(missing(browser=False))
    count = pack(SITE, TARGET)
    print(f"{count} pages, {TARGET.stat().st_size / 1e6:.0f} MB: unpack {TARGET} and open {NAME}/index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
