"""Pictures of every page as a whole, at two widths, light and dark: `make screenshots`, or some pages by parts of their names.

They are for the eye; what a program can judge is tested. A long page comes in parts, each as high as a window may be.
"""
from __future__ import annotations

import sys
import time
from pathlib import Path

from built import QUIET, SITE, asked_for, chromium_path, served
from playwright.sync_api import Browser, Page, sync_playwright

TARGET = SITE.parent / "screenshots"
WIDTHS = {1280: {}, 390: {"has_touch": True, "is_mobile": True}}
THEMES = ["light", "dark"]
PART = 8000                 # pixels
READY = """async () => {
    const pictures = [...document.images];
    pictures.forEach(picture => { picture.loading = "eager"; });
    await Promise.allSettled(pictures.map(picture => picture.decode()));
    await document.fonts.ready; }"""
SWITCH = """theme => {
    Object.assign(document.documentElement.dataset, {theme, mode: theme});
    return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))); }"""


def take(page: Page, name: str, width: int) -> list[Path]:
    """The pictures of the page that is open, in both themes."""
    page.set_viewport_size({"width": width, "height": 900})
    page.evaluate(SWITCH, THEMES[0])
    whole, taken = page.evaluate("document.documentElement.scrollHeight"), []
    window = min(PART, whole)
    page.set_viewport_size({"width": width, "height": window})
    for theme in THEMES:
        page.evaluate(SWITCH, theme)
        for number, top in enumerate(range(0, whole, PART), start=1):
            page.evaluate("top => scrollTo({top, behavior: 'instant'})", top)
            height = min(PART, whole - top)                     # the last part is what is below the others
            part = f"-{number}" if whole > PART else ""
            taken.append(TARGET / f"{width}-{theme}" / f"{name.removesuffix('.html').replace('/', '-')}{part}.jpg")
            page.screenshot(path=taken[-1], type="jpeg", quality=85,
                            clip={"x": 0, "y": window - height, "width": width, "height": height})
    return taken


def all_pages(browser: Browser, base: str, names: list[str]) -> list[Path]:
    taken = []
    for width, device in WIDTHS.items():
        page = browser.new_page(viewport={"width": width, "height": 900}, reduced_motion="reduce", **device)
        for name in names:
            page.goto(base + name, wait_until="load")
            page.evaluate(READY)
            taken += take(page, name, width)
        page.close()
    return taken


def main(*wanted: str) -> int:
    names = asked_for(wanted)
    start = time.perf_counter()
    with served() as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=QUIET)
        taken = all_pages(browser, base, names)
        browser.close()
    print(f"{len(taken)} pictures of {len(names)} pages are in {TARGET}, made in {time.perf_counter() - start:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
