"""How a page looks to those who share it, find it or miss it: descriptions, pictures, addresses, a page for the lost.

Every page says in its head what it is about. Where the book will stand is known only to whoever publishes it: the
environment variable BOOK_URL says it, and with it come canonical addresses, a sitemap and a picture for every page.
"""
from __future__ import annotations

import html
import os
import re
from pathlib import Path
from urllib.parse import quote, urljoin, urlsplit

from docutils import nodes
from PIL import Image, ImageDraw, ImageFont
from search_index import tidy, words, words_of_title
from sphinx.errors import ConfigError

FONTS = Path(__file__).parents[1] / "node_modules" / "@fontsource" / "source-serif-4" / "files"
ENOUGH, LIMIT = 90, 200                         # characters of a description
SIZE, MARGIN = (1200, 630), 64                  # of a card: the size that the places where links are shared ask for
INK, MUTED, BLUE = "#1d1d1f", "#595f69", "#1f4e79"
LINE = "Every line of every derivation is executed."
LOST = "404"
LOST_TEXT = """<section id="no-such-page"><h1>There is no such page</h1>
<p>Nothing of the book has this address: it may have been mistyped, or a link to it is out of date.</p>
<p>The <a href="{home}">first page</a> leads everywhere, and the <a href="{search}">search</a> knows every section,
result and function.</p></section>"""
SITEMAP = """<?xml version="1.0" encoding="UTF-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
{}
</urlset>
"""
ADDRESS = re.compile(r'(<[a-z][^>]*? (?:href|src|action|data-content_root)=")(?!#|/|[a-z]+:)([^"]*)"')
OUTSIDE = re.compile(r'<a\b(?![^>]* rel=)(?=[^>]* href="https?://)')


def know_the_address(app, config) -> None:
    """BOOK_URL is where the book will stand, such as https://example.org/book/."""
    base = os.environ.get("BOOK_URL", "") or config.html_baseurl or ""
    if base and not re.fullmatch(r"https?://[^/?#\s]+(/[^?#\s]*)?", base):
        raise ConfigError(f"BOOK_URL: got {base!r}, expected the address of the book's folder, such as https://example.org/book/")
    config.html_baseurl = base and base.rstrip("/") + "/"


def description(doctree: nodes.document | None) -> str:
    """The first sentences of the prose of a page, formulas as plain text."""
    said = ""
    for paragraph in doctree.findall(nodes.paragraph) if doctree else ():
        if isinstance(paragraph.parent, nodes.section) and len(said) < ENOUGH:
            said = f"{said} {tidy(words(paragraph))}".strip()
    return shortened(said)


def shortened(text: str) -> str:
    """As many sentences as there is room for, or the words of the first."""
    if len(text) <= LIMIT:
        return text
    ends = [end.end() for end in re.finditer(r"[.?!](?= [A-Z])", text[:LIMIT + 2]) if end.end() <= LIMIT]
    if ends and ends[-1] >= ENOUGH:
        return text[:ends[-1]]
    return text[:LIMIT - 1].rsplit(" ", 1)[0].rstrip(",;:") + "…"


def card_name(page: str) -> str:
    return f"_images/card-{page.replace('/', '-')}.png"


def describe(app, page: str, template: str, context: dict, doctree: nodes.document | None) -> None:
    """Put into the head of a page what it is called and what it is about, and where it is, if that is known."""
    if app.builder.name != "html":
        return
    base, node = app.config.html_baseurl, app.env.titles.get(page)
    title = tidy(words_of_title(node)) if node else html.unescape(context.get("title", page))
    said = description(doctree) or f"{title}, in {app.config.html_title}. {LINE}"
    tags = {"description": said, "og:title": title, "og:description": said, "og:site_name": app.config.html_title,
            "og:type": "website" if page == app.config.root_doc else "article"}
    if page == LOST:
        tags, context["pageurl"] = {"robots": "noindex"}, None
    elif base:
        tags |= {"og:url": base + quote(app.builder.get_target_uri(page)), "og:image": base + quote(card_name(page)),
                 "og:image:width": str(SIZE[0]), "og:image:height": str(SIZE[1]),
                 "og:image:alt": f"{title}: the title of the page, and its first figure if it has one",
                 "twitter:card": "summary_large_image"}
    context["metatags"] = context.get("metatags", "") + "".join(
        f'\n    <meta {"property" if name.startswith("og:") else "name"}="{name}" content="{html.escape(content)}">'
        for name, content in tags.items())


def lost_page(app):
    """What a server shows for an address that is not there."""
    home, search = (app.builder.get_target_uri(page) for page in (app.config.root_doc, "search"))
    yield LOST, {"title": "No such page", "body": LOST_TEXT.format(home=home, search=search)}, "page.html"


def from_any_depth(text: str, base: str) -> str:
    """A page whose addresses are complete paths, because it is shown below any address."""
    root = urlsplit(base).path or "/"
    return ADDRESS.sub(lambda found: f'{found[1]}{urljoin(root, found[2] or ".")}"', text)


def card(title: str, book: str, figure: Path | None) -> Image.Image:
    """The picture of a page: its title, its first figure, the name of the book."""
    picture = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(picture)
    face = lambda size, weight=400: ImageFont.truetype(FONTS / f"source-serif-4-latin-{weight}-normal.woff2", size)
    large, y = face(54 if figure else 78, 600), 48 if figure else 150
    for line in wrapped(title, lambda words: draw.textlength(words, font=large), SIZE[0] - 2 * MARGIN):
        draw.text((MARGIN, y), line, INK, font=large)
        y += large.size * 1.18
    draw.rectangle((0, SIZE[1] - 10, SIZE[0], SIZE[1]), BLUE)
    draw.text((MARGIN, SIZE[1] - 32), book, BLUE, font=face(30, 600), anchor="ls")
    draw.text((SIZE[0] - MARGIN, SIZE[1] - 32), LINE, MUTED, font=face(26), anchor="rs")
    if figure:
        shown = Image.open(figure).convert("RGBA")
        top, bottom = int(y) + 18, SIZE[1] - 82
        scale = min((SIZE[0] - 2 * MARGIN) / shown.width, (bottom - top) / shown.height)
        shown = shown.resize((round(shown.width * scale), round(shown.height * scale)), Image.Resampling.LANCZOS)
        picture.paste(shown, ((SIZE[0] - shown.width) // 2, top + (bottom - top - shown.height) // 2), shown)
    return picture.quantize(64, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)


def wrapped(text: str, length, width: float) -> list[str]:
    """The text in lines that are no longer than `width`."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        lines[-1:] = [longer] if length(longer) <= width or not lines[-1] else [lines[-1], word]
    return lines


def first_figure(out: Path, page: str, text: str) -> Path | None:
    """The file of the first picture in the text of a page."""
    found = re.search(r'role="main".*?<img[^>]*? src="([^"]+\.png)"', text, re.S)
    return (out / page).parent / found[1] if found else None


def finish(app, error: Exception | None) -> None:
    """After the build: mark the links that lead outside, free the lost page of its place, write cards and sitemap."""
    if error or app.builder.name != "html":
        return
    out, base = Path(app.outdir), app.config.html_baseurl
    for page in [*app.env.found_docs, LOST]:
        path = Path(app.builder.get_outfilename(page))
        text = OUTSIDE.sub('<a rel="external noopener"', path.read_text(encoding="utf8"))
        path.write_text(from_any_depth(text, base) if page == LOST else text, encoding="utf8")
        if base and page != LOST:
            title = tidy(words_of_title(app.env.titles[page]))
            (out / "_images").mkdir(exist_ok=True)
            card(title, app.config.html_title, first_figure(out, page, text)).save(out / card_name(page), optimize=True)
    if base:
        addresses = (base + quote(app.builder.get_target_uri(page)) for page in sorted(app.env.found_docs))
        (out / "sitemap.xml").write_text(SITEMAP.format("\n".join(map("<url><loc>{}</loc></url>".format, addresses))),
                                         encoding="utf8")


def setup(app):
    app.connect("config-inited", know_the_address)
    app.connect("html-page-context", describe)
    app.connect("html-collect-pages", lost_page)
    app.connect("build-finished", finish, priority=850)             # before lean_theme
    return {"parallel_read_safe": True, "parallel_write_safe": True}
