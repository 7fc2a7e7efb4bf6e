"""The built pages in a real browser: what a reader sees, with and without scripts, wide and narrow, light and dark."""
from __future__ import annotations

import gzip
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from built import SITE, pages

ROOT = SITE.parents[1]
LIMIT = 600_000             # bytes that a page may transfer on first load, everything included
BOXES = ".rhs, .lhs, .katex-display, pre, blockquote, .pst-scrollable-table-container, .flipbook-live, svg *"  # may be wider
PACKED = {".html", ".css", ".js", ".svg", ".json"}      # what a server sends compressed
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"


def unfold(page):
    """Open everything that is folded away."""
    page.evaluate("""() => {
        document.querySelectorAll("details").forEach(e => { e.open = true; });
        document.querySelectorAll(".toggle-hidden").forEach(e => e.classList.remove("toggle-hidden")); }""")
    page.wait_for_timeout(100)
    return page


def test_page_asks_nothing_of_another_host_and_reports_no_error(visit, base, page_name):
    foreign, missing, errors = [], [], []

    def watch(page):
        page.on("request", lambda r: None if r.url.startswith((base, "data:", "blob:")) else foreign.append(r.url))
        page.on("response", lambda r: missing.append(r.url) if r.status >= 400 else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)

    visit(page_name, watch=watch).wait_for_timeout(300)
    assert (foreign, missing, errors) == ([], [], [])


def test_page_is_light(visit, base, page_name, record_property):
    loaded = set()
    page = visit(page_name, watch=lambda page: page.on("request", lambda r: loaded.add(r.url)))
    page.wait_for_timeout(300)
    size = {}
    for url in loaded:
        path = SITE / unquote(urlsplit(url).path.lstrip("/")) if url.startswith(base) else None
        if path and path.is_file():
            data = path.read_bytes()
            kind = path.suffix.lstrip(".")
            size[kind] = size.get(kind, 0) + len(gzip.compress(data) if path.suffix in PACKED else data)
    total = sum(size.values())
    print(f"{page_name}: {total / 1000:.0f} kB:", ", ".join(f"{kind} {size[kind] / 1000:.0f}" for kind in sorted(size)))
    assert size["html"] and size["css"] and total < LIMIT


def test_everything_is_there_without_scripts(visit, page_name):
    page = visit(page_name, scripts=False)
    unseen = page.locator(".bd-article .katex-html").evaluate_all(
        "all => all.filter(e => !e.closest('details:not([open])') && !e.getClientRects().length).length")
    assert unseen == 0
    for picture in page.locator(".bd-article img").all():
        assert picture.evaluate("e => e.complete && e.naturalWidth > 0"), picture.get_attribute("src")
    for solution in page.locator(".bd-article .dropdown > * > p").all():
        assert solution.is_visible()


def test_no_latex_is_left_over(visit, page_name):
    text = visit(page_name).locator("main").evaluate("""article => {
        const copy = article.cloneNode(true);
        copy.querySelectorAll("pre, code, .katex-mathml, .copy-tex").forEach(e => e.remove());
        return copy.textContent; }""")
    assert not re.findall(r".{0,30}(?:\$\$|\\begin\{|\\frac|\\text\{).{0,30}", text)


def test_page_does_not_scroll_sideways_on_a_phone(visit, page_name):
    page = unfold(visit(page_name, width=390))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(f"""[...document.querySelectorAll(".bd-article *")]
        .filter(e => e.getBoundingClientRect().right > 391 && !e.closest("{BOXES}"))
        .map(e => e.outerHTML.slice(0, 120))""") == []


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
def test_axe_finds_nothing_of_any_severity(visit, page_name, width, theme):
    page = unfold(visit(page_name, width=width, theme=theme))
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    page.add_script_tag(path=AXE)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    assert [(rule["impact"], rule["id"], [node["html"][:160] for node in rule["nodes"][:3]]) for rule in found] == []


def test_pictures_say_what_they_show(page_name):
    for tag in re.findall(r"<img\b[^>]*>", article(page_name)):
        alt = re.search(r'alt="([^"]*)"', tag)
        assert alt and len(alt[1].split()) >= 3 and ".png" not in alt[1], tag
        assert re.search(r"\b(width|style)=", tag), f"without a size the page moves while it loads: {tag}"


def test_flipbooks_turn_by_keyboard(visit, page_name):
    page = visit(page_name)
    for book in page.locator(".flipbook").all():
        slider, picture, caption = (book.locator(part) for part in ("input", "img", "figcaption"))
        seen = lambda: (picture.get_attribute("src"), caption.inner_text(), picture.get_attribute("alt"))  # noqa: B023
        before = seen()
        slider.focus()
        page.keyboard.press("ArrowRight" if slider.input_value() != slider.get_attribute("max") else "ArrowLeft")
        page.wait_for_function("img => img.complete && img.naturalWidth > 0", arg=picture.element_handle())
        after = seen()
        assert before[0] != after[0] and before[1] != after[1], before
        assert slider.get_attribute("aria-valuetext") == after[1]
        page.wait_for_timeout(1000)
        assert book.locator(".flipbook-live").inner_text() == after[2]


def test_flipbooks_show_their_frame_without_scripts(visit, page_name):
    page = visit(page_name, scripts=False)
    for book in page.locator(".flipbook").all():
        assert book.locator("img").evaluate("e => e.naturalWidth > 0 && e.getClientRects().length > 0")
        assert book.locator("figcaption").is_visible() and book.locator("noscript p").is_visible()
        assert not book.locator("input").is_visible()


def test_every_interactive_figure_and_derivation_of_the_notebook_is_on_its_page(page_name):
    notebook = ROOT / Path(page_name).with_suffix(".ipynb")
    if not notebook.exists():
        return
    cells = json.loads(notebook.read_text("utf8"))["cells"]
    outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    widgets = sum("application/vnd.jupyter.widget-view+json" in data for data in outputs)
    derivations = sum("% start" in "".join(data.get("text/markdown", "")) for data in outputs)
    text = article(page_name)
    assert text.count('<figure class="flipbook"') == widgets
    assert len(re.findall(r'<ol class="derivation-lines', text)) == derivations
    assert "vnd.jupyter.widget" not in (SITE / page_name).read_text("utf8")


def test_derivations_keep_their_columns(visit, page_name):
    """Relations stand below one another; every line after the first has a tick that is reached and read."""
    page = unfold(visit(page_name))
    for derivation in page.locator(".derivation").all():
        starts = derivation.locator(".rhs").evaluate_all("all => all.map(e => Math.round(e.getBoundingClientRect().x))")
        assert len(set(starts)) == 1, starts
        ticks = derivation.locator(".tick")
        assert ticks.count() == len(starts)
        ticks.last.focus()
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Tab")
        tip = ticks.last.evaluate("e => [getComputedStyle(e, '::after').visibility, e.getAttribute('aria-label')]")
        assert tip[0] == "visible" and tip[1].startswith(("start", "proved", "checked"))


class Links(HTMLParser):
    """The ids of a page and everything it points at."""

    def __init__(self, text: str):
        super().__init__()
        self.ids, self.targets = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids.add(attrs.get("id"))
        self.targets += [attrs[key] for key in ("href", "src") if attrs.get(key)]
        self.targets += [src for src, _, _ in json.loads(attrs.get("data-frames", "[]"))]


def article(page_name: str) -> str:
    text = (SITE / page_name).read_text("utf8")
    body = re.search(r'<article class="bd-article">.*?</article>', text, re.S)
    return body[0] if body else ""


def test_every_local_link_resolves():
    links = {name: Links((SITE / name).read_text("utf8")) for name in pages()}
    broken = []
    for name, page in links.items():
        for target in page.targets:
            url = urlsplit(target)
            if url.scheme or url.netloc:
                continue
            path = unquote(urlsplit(urljoin("/" + name, url.path)).path.lstrip("/")) if url.path else name
            ids = links[path].ids if path in links else {unquote(url.fragment)}
            if not (SITE / path).is_file() or (url.fragment and unquote(url.fragment) not in ids):
                broken.append(f"{name} -> {target}")
    assert broken == []
