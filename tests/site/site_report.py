"""What every page costs its reader, beside a stock Jupyter Book of the same text: `make site-report`, or parts of names.

A row for each page: kB by kind as a server sends them, with all pictures down to the end of the page; the same with
every frame of its interactive figures; what is asked for after the home page; requests; seconds until the text is
complete, with the fonts in and two more frames drawn, at full speed and with a processor four times slower; how far the
page moved meanwhile. The stock book holds three chapters; what it asks of other hosts comes from npm, over the same wire.
"""
from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isnan, nan
from pathlib import Path

import weight
import yaml
from built import HOME, QUIET, SITE, asked_for, chromium_path, served
from conftest import AT_REST, READERS, SHIFT, WATCH
from playwright.sync_api import Browser, Route, sync_playwright

ROOT = SITE.parents[1]
STOCK = SITE.parent / "stock"
SAME = ["chapters/neurons/activations", "chapters/regression/softmax", "chapters/neurons/gradient-descent"]
SLOW = 4                                    # times slower
# What the pages of a stock book ask of other hosts, and the packages that hold it.
HOSTS = {"mathjax@3.2.2": ["https://cdn.jsdelivr.net/npm/mathjax@3/"],
         "requirejs@2.3.4": ["https://cdnjs.cloudflare.com/ajax/libs/require.js/2.3.4/"],
         "@jupyter-widgets/html-manager@1.0.6": ["https://cdn.jsdelivr.net/npm/@jupyter-widgets/html-manager@1.0.6/"]}
COMPLETE = f"""async () => {{
    await window.MathJax?.startup?.promise;
    await ({AT_REST})();
    return performance.now() / 1000; }}"""
COLUMNS = ["html", "css", "font", "js", "picture"]
HEAD = "".join(f"{name:>9}" for name in [*COLUMNS, "first", "frames", "later", "requests", "s", f"s/{SLOW}", "shift"])


@dataclass
class Visit:
    """A page as a reader met it who had nothing of the site: addresses asked for, seconds, movement."""

    asked: list[str] = field(default_factory=list)
    others: set[Path] = field(default_factory=set)
    seconds: float = 0
    moved: float = 0


def visit(browser: Browser, address: str, rate: int = 1) -> Visit:
    """Open a page at a desk; what it wants from another host comes from the packages, or fails."""
    met, context = Visit(), browser.new_context(**READERS["wide"])
    context.add_init_script(WATCH)
    page = context.new_page()
    page.on("request", lambda request: met.asked.append(request.url))
    page.route(lambda url: not url.startswith(address.split("/", 3)[0] + "//127.0.0.1"), lambda route: lend(route, met))
    context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": rate})
    page.goto(address, wait_until="load", timeout=120_000)
    met.seconds, met.moved = page.evaluate(COMPLETE), page.evaluate(SHIFT)
    context.close()
    return met


def lend(route: Route, met: Visit) -> None:
    """Answer in the place of another host."""
    for package, prefixes in HOSTS.items():
        for prefix in prefixes:
            file = STOCK / package / route.request.url.removeprefix(prefix).replace("require.min.js", "require.js")
            if route.request.url.startswith(prefix) and file.is_file():
                met.others.add(file)
                return route.fulfill(path=file, headers={"Access-Control-Allow-Origin": "*"})
    return route.abort()


def stock_book() -> Path:
    """Build the same text with Jupyter Book's own theme, scripts and settings; returns the folder of its pages."""
    shutil.rmtree(STOCK, ignore_errors=True)
    for page in SAME:
        (STOCK / page).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / f"{page}.ipynb", (STOCK / page).parent)
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf8"))
    kept = {key: config[key] for key in ("title", "author", "parse", "bibtex_bibfiles", "only_build_toc_files")}
    kept |= {"execute": {"execute_notebooks": "off"}, "sphinx": {"extra_extensions": ["sphinx_proof", "sphinx_exercise"]}}
    (STOCK / "_config.yml").write_text(yaml.safe_dump(kept), "utf8")
    first, *rest = SAME
    toc = {"format": "jb-book", "root": first, "chapters": [{"file": page} for page in rest]}
    (STOCK / "_toc.yml").write_text(yaml.safe_dump(toc), "utf8")
    shutil.copy(ROOT / "references.bib", STOCK)
    run = lambda *command: subprocess.run(command, cwd=STOCK, check=True, capture_output=True)
    run(str(Path(sys.executable).with_name("jupyter-book")), "build", ".", "--quiet")
    site = STOCK / "_build" / "html"
    for page in site.rglob("*.html"):               # a package may hold a script in another form than its host
        page.write_text(re.sub(r' integrity="[^"]*"', "", page.read_text("utf8")), "utf8")
    found = run("npm", "pack", "--silent", *HOSTS).stdout.decode().split()
    for package, file in zip(HOSTS, found, strict=True):
        with tarfile.open(STOCK / file) as packed:
            packed.extractall(STOCK / package, filter="data")
        for part in list((STOCK / package / "package").iterdir()):
            part.rename(STOCK / package / part.name)
    return site


def numbers(browser: Browser, base: str, name: str, at_home: set[Path], site: Path) -> list[float]:
    """The numbers of a row, kilobytes as such."""
    quick, slow = visit(browser, base + name), visit(browser, base + name, SLOW)
    cost = weight.cost(name, (url for url in quick.asked if url.startswith(base)), at_home, site, quick.others)
    return [*(cost.kinds[kind] / 1000 for kind in COLUMNS), cost.still / 1000, cost.moving / 1000, cost.later / 1000,
            len(quick.asked), quick.seconds, slow.seconds, max(quick.moved, slow.moved)]


def row(name: str, values: list[float], digits: tuple[int, ...] = (0,) * 9 + (2, 2, 4)) -> str:
    """A line of the report; a number that says nothing is a dash."""
    cells = ("-" if isnan(value) else f"{value:.{places}f}" for value, places in zip(values, digits, strict=True))
    return f"{name:38}" + "".join(f"{cell:>9}" for cell in cells)


def over(name: str, values: list[float]) -> Iterator[str]:
    """What of a row is over its limit."""
    limits = {5: weight.STILL / 1000, 6: weight.MOVING / 1000, 7: weight.LATER / 1000, 11: weight.SHIFT}
    titles = HEAD.split()
    for place, limit in limits.items():
        if values[place] > limit:
            yield f"{name}: {titles[place]} is {values[place]:.4g}, the limit is {limit:g}"


def report(browser: Browser, names: list[str]) -> list[str]:
    """Print the rows; returns what is over a limit."""
    found, mine = [], {}
    print(f"{'kB as sent; seconds; shift':38}{HEAD}", flush=True)
    with served() as base:
        at_home = weight.behind(SITE, visit(browser, base + HOME).asked, HOME)
        for name in names:
            mine[name] = numbers(browser, base, name, at_home, SITE)
            found += over(name, mine[name])
            print(row(name, mine[name]), flush=True)
    limits = f"{weight.STILL / 1000:9.0f}{weight.MOVING / 1000:9.0f}{weight.LATER / 1000:9.0f}{'':27}{weight.SHIFT:9.4f}"
    print(f"{'limits':38}{'':45}{limits}")
    try:
        stock = stock_book() if any(f"{page}.html" in names for page in SAME) else None
    except subprocess.CalledProcessError as error:
        return [*found, f"no stock book to compare with: {' '.join(error.cmd[:2])} failed: {error.stderr.decode()[-300:]}"]
    if stock:
        print(f"\n{'a stock Jupyter Book':38}{HEAD}")
        with served(stock) as base:
            for name in (f"{page}.html" for page in SAME if f"{page}.html" in names):
                theirs = numbers(browser, base, name, set(), stock)
                theirs[5] = theirs[7] = nan                     # its frames stand in the page, and it has no home page
                print(row(name, theirs))
                times = [its / ours if ours else nan for its, ours in zip(theirs[:-1], mine[name][:-1], strict=True)]
                print(row("  times as much", [*times, nan], (1,) * 12), flush=True)
    return found


def main(*wanted: str) -> int:
    names = asked_for(wanted)
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"        # npm is there
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=QUIET)
        found = report(browser, names)
        browser.close()
    for fault in found:
        print(fault)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
