"""The whole book as one PDF: `make pdf` puts the pages of the built site into one, prints it, and looks at what came out.

The pages are finished: their formulas are set, interactive figures show their first picture, links are known. Here they
stand in the order of the contents, with identifiers that say which page they belong to, and what is wider than the paper
is made smaller. A fault is an error: too few pages, a font that is not embedded, a chapter that is missing from the
outline, a line of code or of a derivation that is cut.
"""
from __future__ import annotations

import html
import re
import sys
import time
import unicodedata
from pathlib import Path
from urllib.parse import quote, unquote, urljoin, urlsplit

import pypdfium2
import yaml
from built import QUIET, SITE, chromium_path, missing
from playwright.sync_api import Page, sync_playwright

ROOT = SITE.parents[1]
FOLDER = SITE.parent / "pdf"
TARGET = FOLDER / "derivations-that-run.pdf"
NOT_PRINTED = {"search"}
PAPER = {"format": "A4", "margin": {"top": "17mm", "bottom": "20mm", "left": "21mm", "right": "21mm"}}
WIDTH = round((210 - 2 * 21) / 25.4 * 96)               # of the text, in pixels
MATHML = re.compile(r'<span class="katex-mathml">.*?</math></span>', re.S)        # never drawn, and half of the document
TAGLINE = "From one neuron to computation graphs, with every line executed."
SMALLEST = .55                                          # of its size, for a formula that has to fit
ATTRIBUTE = re.compile(r'(?<=\s)(id|href|src)="([^"]*)"')
STYLE = """
@page { size: A4; }
html, body { background: #fff; height: auto; overflow: visible; }
.bd-main, .bd-content, .bd-article-container { display: block !important; max-width: none !important; width: auto; padding: 0 !important; margin: 0; }
.bd-article-container { break-before: page; }
.bd-article { padding: 0 !important; }
.bd-article h1 { display: block !important; }
h1, h2, h3, h4 { break-after: avoid; }
:is(td, th) code { white-space: normal !important; overflow-wrap: anywhere; }
p { orphans: 2; widows: 2; }
.headerlink, .copy-tex, form, iframe { display: none !important; }
pre, pre * { white-space: pre-wrap !important; overflow-wrap: anywhere; overflow: visible !important; }
.flipbook noscript { display: block; }
.pst-scrollable-table-container, .table, .katex-display, .rhs, .lhs { overflow: visible !important; }
.cover { height: 250mm; display: flex; flex-direction: column; break-after: page; }
.cover .title { font-size: 40pt; font-weight: 600; margin: 60mm 0 6mm; line-height: 1.1; }
.cover .tagline { font-size: 15pt; font-style: italic; }
.cover .by { margin-top: auto; }
.contents h2 { font-size: 11pt; margin: 4mm 0 .5mm; }
.contents ol { list-style: none; padding: 0; margin: 0; }
.contents li { font-size: 10pt; line-height: 1.45; }
.contents a { text-decoration: none; color: inherit; }
"""
FOOTER = """<p style="width: 100%; margin: 0 21mm; font: 8pt 'Source Serif 4', serif; color: #595f69; display: flex; justify-content: space-between">
<span>Derivations That Run</span><span class="pageNumber"></span></p>"""
# What is wider than its place gets smaller letters; what cannot be is named.
FIT = """([smallest, width]) => {
    const parts = ".katex-base, .eqno, td, th, .why, pre";
    const right = e => Math.max(...[e, ...e.querySelectorAll(parts)].map(part => part.getBoundingClientRect().right));
    let wide = [...document.querySelectorAll(".derivation, div.math, table, :is(p, li, dd):not(table *)")].filter(e => right(e) > width + 1);
    wide = wide.filter(e => !wide.some(other => other !== e && e.contains(other)));
    for (let size = .94; wide.length && size >= smallest; size *= .94) {
        wide.forEach(e => { e.style.fontSize = `${size}em`; });
        wide = wide.filter(e => right(e) > width + 1);
    }
    return wide.map(e => e.id || e.textContent.slice(0, 80)); }"""


def contents() -> list[tuple[str, list[str]]]:
    """The parts of the book, each with its pages, in their order; the first has no name."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf8"))
    parts = [("", [toc["root"]])] + [(part["caption"], [entry["file"] for entry in part["chapters"]]) for part in toc["parts"]]
    there = lambda page: page not in NOT_PRINTED and (SITE / f"{page}.html").exists()
    return [(name, [page for page in pages if there(page)]) for name, pages in parts]


def anchor(page: str, fragment: str = "") -> str:
    """The identifier, in the one document, of a place on a page."""
    return re.sub(r"[^\w-]", "-", page) + (f"--{fragment}" if fragment else "")


def placed(page: str, text: str, printed: set[str]) -> str:
    """What a page holds, with identifiers of its own, links within the document, and files where they are."""
    def moved(found: re.Match) -> str:
        name, value = found[1], html.unescape(found[2])
        url = urlsplit(value)
        if name == "id":
            return f'id="{html.escape(anchor(page, value))}"'
        if url.scheme or url.netloc:
            return found[0]
        path = unquote(urljoin(f"/{page}.html", url.path))[1:] if url.path else f"{page}.html"
        if name == "href" and (target := path.removesuffix(".html")) in printed:
            return f'href="#{html.escape(anchor(target, unquote(url.fragment)))}"'
        return f'{name}="../html/{quote(path)}"'

    text = re.sub(r"</?noscript>", "", text).replace("with JavaScript on, a slider leads", "on the website a slider leads")
    text = MATHML.sub("", text.replace(' loading="lazy"', ""))
    return f'<section id="{anchor(page)}">{ATTRIBUTE.sub(moved, text)}</section>'


def title(text: str) -> str:
    """The first heading of the article as plain text."""
    heading = re.search(r"<h1[^>]*>(.*?)</h1>", text[max(text.find('<article'), 0):], re.S)[1]
    heading = MATHML.sub("", re.sub(r'<a class="headerlink".*?</a>', "", heading))
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", heading)).split())


def one_document(parts: list[tuple[str, list[str]]]) -> str:
    """All pages in one, after a cover and the contents."""
    pages = {page: (SITE / f"{page}.html").read_text("utf8") for _, names in parts for page in names}
    inside = {page: re.search(r'<article class="bd-article">(.*?)</article>', text, re.S)[1] for page, text in pages.items()}
    styles = dict.fromkeys(unquote(urljoin(f"/{page}.html", urlsplit(sheet).path))[1:] for page, text in pages.items()
                           for sheet in re.findall(r'<link(?=[^>]*rel="stylesheet")[^>]*href="([^"]+)"', text))
    book = yaml.safe_load((ROOT / "_config.yml").read_text("utf8"))
    entry = lambda page: f'<li><a href="#{anchor(page)}">{html.escape(title(inside[page]))}</a></li>'
    listed = "".join(f"<h2>{html.escape(name)}</h2><ol>{''.join(map(entry, names))}</ol>" for name, names in parts if name and names)
    front = f"""<div class="cover"><p class="title">{book["title"]}</p><p class="tagline">{TAGLINE}</p>
<p class="by">{book["author"]}, {book["copyright"]}<br>{book["sphinx"]["config"]["html_theme_options"]["extra_footer"]}</p></div>
<div class="contents"><h1>Contents</h1>{listed}</div>"""
    articles = "".join(f'<div class="bd-article-container"><article class="bd-article">{each}</article></div>'
                       for each in [front, *(placed(page, text, set(pages)) for page, text in inside.items())])
    links = "".join(f'<link rel="stylesheet" href="../html/{quote(sheet)}">' for sheet in styles)
    return (f'<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8"><title>{book["title"]}</title>{links}'
            f'<style>{STYLE}</style></head><body><div class="bd-main"><div class="bd-content">{articles}</div></div></body></html>')


def printed(page: Page, source: Path) -> list[str]:
    """Print the document; returns what did not fit on the paper."""
    page.emulate_media(media="print", color_scheme="light")
    page.goto(source.as_uri(), wait_until="load", timeout=120_000)
    page.evaluate("document.fonts.ready")
    cut = page.evaluate(FIT, [SMALLEST, WIDTH])
    page.pdf(path=TARGET, **PAPER, tagged=True, outline=True, print_background=True, display_header_footer=True,
             header_template="<p></p>", footer_template=FOOTER)
    return cut


def squeezed(text: str) -> str:
    """The ASCII characters of a text without spaces and hyphens: other signs, and a hyphen at the end of a line, are read
    in more than one way."""
    return re.sub(r"[^!-,.-~]", "", unicodedata.normalize("NFKC", text))


def code_lines(document: str) -> list[str]:
    """Every line of code and of printed output that the document shows, without its spaces."""
    document = re.sub(r'<a class="reference[^>]*>(?:<[^>]*>)*\(\d+\)', "", document)          # numbers stand beside the code
    shown = re.sub(r"<details\b(?![^>]*\sopen\b).*?</details>", "", document, flags=re.S)          # but what is folded away
    return [line for block in re.findall(r"<pre\b[^>]*>(.*?)</pre>", shown, re.S)
            for line in map(squeezed, html.unescape(re.sub(r"<[^>]*>", "", block)).splitlines()) if line]


def faults(target: Path, titles: list[str], lines: list[str]) -> list[str]:
    """What is wrong with a printed book, in words; it should hold these titles and these lines of code."""
    found, margin = [], 21 / 25.4 * 72
    with pypdfium2.PdfDocument(target) as book:
        outline = {squeezed(entry.get_title()) for entry in book.get_toc()}
        texts = []
        for number, page in enumerate(book, start=1):
            text = page.get_textpage()
            texts.append(re.sub(rf"DerivationsThatRun{number}$", "", squeezed(text.get_text_range())))
            right = max((text.get_rect(k)[2] for k in range(text.count_rects())), default=0)
            if right > page.get_width() - margin + 4:
                found.append(f"page {number}: text reaches {right:.0f} pt to the right, the margin begins at {page.get_width() - margin:.0f} pt")
    if len(texts) <= 100:
        found.append(f"{len(texts)} pages: expected more than 100 of the whole book")
    found += [f"not in the outline: {title}" for title in titles if squeezed(title) not in outline]
    everything = "".join(texts)
    found += [f"line of code not in the text: {line}" for line in lines if line not in everything]
    return found + unembedded(target.read_bytes())


def unembedded(pdf: bytes) -> list[str]:
    """The fonts of a PDF by Skia that are not in it; those of type 3 are drawings, and bring no file."""
    kept = {number for number, text in re.findall(rb"(\d+) 0 obj\n<</Type /FontDescriptor\b(.*?)endobj", pdf, re.S)
            if b"/FontFile" in text}
    fonts = [font for font in re.findall(rb"<</Type /Font\n.*?endobj", pdf, re.S) if not re.search(rb"/Type[03]\b", font)]
    found = []
    for font in fonts:
        descriptor, name = re.search(rb"/FontDescriptor (\d+)", font), re.search(rb"/BaseFont /(\S+)", font)
        if not descriptor or descriptor[1] not in kept:
            found.append(f"font not embedded: {name[1].decode() if name else 'without a name'}")
    return found if fonts else ["no font was found in the file"]


def main() -> int:
    if missing():
        raise SystemExit(missing())
    start, parts = time.perf_counter(), contents()
    FOLDER.mkdir(parents=True, exist_ok=True)
    source, document = FOLDER / "book.html", one_document(parts)
    source.write_text(document, "utf8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=QUIET)
        page = browser.new_page(viewport={"width": WIDTH, "height": 1000}, java_script_enabled=False)
        cut = printed(page, source)
        browser.close()
    source.unlink()
    titles = [title((SITE / f"{name}.html").read_text("utf8")) for _, names in parts for name in names]
    found = [f"too wide for the paper: {name}" for name in cut] + faults(TARGET, titles, code_lines(document))
    for fault in found:
        print(fault)
    if not found:
        with pypdfium2.PdfDocument(TARGET) as book:
            print(f"{len(book)} pages, {TARGET.stat().st_size / 1e6:.0f} MB, made in {time.perf_counter() - start:.0f} s: {TARGET}")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
