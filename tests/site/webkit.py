"""Every page in WebKit, the engine of Safari and of each browser on an iPhone: `make webkit`, or some pages by parts of names.

Each page is opened as WebKitGTK shows it, made narrower step by step, and its figures are moved. A fault is an error: a page
over which the browser breaks down, one that is wider than its window, a formula without height, a slider that changes nothing.
"""
from __future__ import annotations

import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

from built import asked_for, served
from selenium.common.exceptions import WebDriverException
from selenium.webdriver import WebKitGTK, WebKitGTKOptions
from selenium.webdriver.webkitgtk.service import Service

NEEDED = ["WebKitWebDriver", "xvfb-run"]
WINDOWS = [1280, 1000, 820, 700, 600, 520, 447]         # no window of this browser is narrower,
ARTICLES = [390, 375, 360, 345, 330, 315, 300, 285, 270, 255]                  # but the text in it can be
NARROW = "document.querySelector('.bd-article').style.setProperty('width', `${arguments[0]}px`, 'important');"
SEEN = """const faults = [], over = document.documentElement.scrollWidth - innerWidth;
    if (over > 0) faults.push(`is ${over} px wider than its window`);
    const flat = [...document.querySelectorAll(".bd-article .katex-html")].filter(
        formula => formula.checkVisibility() && !formula.getBoundingClientRect().height);
    if (flat.length) faults.push(`shows ${flat.length} formulas without height`);
    return faults;"""
TURN = """const done = arguments[0], pause = time => new Promise(wake => setTimeout(wake, time));
    const shown = book => [...book.querySelectorAll("img")].filter(image => image.checkVisibility() && image.naturalWidth)
        .map(image => image.currentSrc).join();
    const until = async condition => { for (let tries = 0; tries < 40 && !condition(); tries++) await pause(50); return condition(); };
    (async () => {
        const still = [];
        for (const book of document.querySelectorAll(".flipbook")) {
            book.scrollIntoView();
            const range = book.querySelector("input[type=range]");
            await until(() => shown(book) && !range.disabled);
            const before = shown(book);
            range.value = range.value === range.max ? range.min : range.max;
            range.dispatchEvent(new Event("input", {bubbles: true}));
            if (!await until(() => shown(book) && shown(book) !== before)) still.push(`the slider ${range.getAttribute("aria-valuetext")}`);
        }
        return still;
    })().then(done, error => done([String(error)]));"""


def minibrowser() -> Path | None:
    """The browser that comes with WebKit's driver."""
    return next(Path("/usr/lib").glob("*/webkit2gtk-4*/MiniBrowser"), None)


class Browser:
    """WebKit, started again when it has broken down."""

    def __enter__(self):
        options = WebKitGTKOptions()
        options.binary_location = str(minibrowser())
        options.add_argument("--automation")
        self.driver = WebKitGTK(options=options, service=Service(shutil.which(NEEDED[0])))
        self.driver.set_script_timeout(60)
        return self

    def __exit__(self, *_):
        with suppress(WebDriverException):
            self.driver.quit()

    def faults(self, address: str) -> list[str]:
        """What is wrong with a page, in words, at the first width at which something is."""
        width = WINDOWS[0]
        try:
            self.driver.set_window_size(width, 1400)
            self.driver.get(address)
            found = [f"does not turn: {name}" for name in self.driver.execute_async_script(TURN)]
            for width in WINDOWS + ARTICLES:
                if width >= WINDOWS[-1]:
                    self.driver.set_window_size(width, 1400)
                else:
                    self.driver.execute_script(NARROW, width)
                found += [f"{fault} at {width} px" for fault in self.driver.execute_script(SEEN)]
                if found:
                    break
        except WebDriverException as error:
            self.__exit__()
            self.__enter__()
            return [f"breaks the browser at {width} px: {(error.msg or 'it is gone').splitlines()[0]}"]
        return found


def main(*wanted: str) -> int:
    names = asked_for(wanted)
    if not minibrowser() or not all(map(shutil.which, NEEDED)):
        raise SystemExit("This needs WebKit and a screen; install Debian's packages: apt-get install webkit2gtk-driver xvfb")
    if "DISPLAY" not in os.environ:
        os.execvp("xvfb-run", ["xvfb-run", "--auto-servernum", "--server-args=-screen 0 1600x1700x24", sys.executable, *sys.argv])
    bad = 0
    with served() as base, Browser() as browser:
        for name in names:
            found = browser.faults(base + name)
            bad += bool(found)
            print("\n".join(f"{name} {fault}" for fault in found) or f"{name}: as it should be", flush=True)
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
