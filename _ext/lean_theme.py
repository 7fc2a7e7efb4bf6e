"""Take from the theme what a page of text does not need, and mend what stands in a reader's way.

The theme's icon script alone is 542 kB over the wire for a dozen icons, and its style sheet describes two thousand.
After the build the script is dropped, the theme's icon font is cut down to the glyphs that occur, and pictures get
their sizes, so that nothing moves while a page loads.
"""
from __future__ import annotations

import html
import logging
import re
import shutil
from pathlib import Path

import pydata_sphinx_theme
from fontTools import subset
from PIL import Image
from plain_math import plain

THEME = Path(pydata_sphinx_theme.__file__).parent / "theme" / "pydata_sphinx_theme" / "static"
SERIF = Path(__file__).parents[1] / "node_modules" / "@fontsource" / "source-serif-4" / "files"
SCRIPTS = ["pydata-sphinx-theme.js", "sphinx-book-theme.js"]        # they make icons, too
FACES = ["400-normal", "400-italic", "600-normal"]
ICON = re.compile(r'(?:\.fa-[\w-]+:before,?)+\{content:"\\([0-9a-f]{4})"\}')
LINKED = re.compile(r'(<a\b(?![^>]*aria-label)[^>]*>(?:<span class="[^"]*">)*<span class="katex">'
                    r'<span class="katex-mathml"><math )'
                    r"(?=[^>]*>(?:(?!</math>).)*<annotation[^>]*>([^<]*)</annotation>)", re.S)
MENDS = [
    # Search has scripts of its own, on its own page: search_index.py.
    (re.compile(r'\s*<script src="[^"]*(?:searchtools|language_data|searchindex)\.js[^"]*"></script>'), ""),
    (re.compile(r'\s*<!-- So that users can add custom icons -->\s*<script[^>]*fontawesome\.js[^>]*></script>'), ""),
    (re.compile(r'(<i class="fa[^"]*")(?! aria-hidden)'), r'\1 aria-hidden="true"'),
    (re.compile(r"<title>(.*?) &#8212; \1</title>"), r"<title>\1</title>"),
    # Who comes first gets the mode of the system, light without scripts.
    (re.compile(r'localStorage\.getItem\("mode"\) \|\| "light"'), 'localStorage.getItem("mode") || "auto"'),
    (re.compile(r'localStorage\.getItem\("theme"\) \|\| "light"'),
     'localStorage.getItem("theme") || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")'),
    # Code in a page is not allowed: site.js listens to the button that prints. Nothing here switches between versions.
    (re.compile(r' onclick="window\.print\(\)"'), " data-print"),
    (re.compile(r"\s*<script>DOCUMENTATION_OPTIONS\.pagename = [^<]*</script>"), ""),
    # Names and commas of code have the colour of all code. A link that is a formula has a name.
    (re.compile(r'<span class="(?:nn?|p|w)">([^<]*)</span>'), r"\1"),
    (LINKED, lambda link: f'{link[1]}aria-label="{html.escape(plain(html.unescape(link[2])))}" '),
    # The source of each formula, and where its elements come from, are of no use in a page.
    (re.compile(r'<annotation[^>]*>[^<]*</annotation>|</?semantics>| xmlns="http://www.w3.org/1998/Math/MathML"'), ""),
    # The name of a control is what is written on it; the whole page lies in landmarks; a list holds only its items.
    (re.compile(r'<summary aria-label="[^"]*">'), "<summary>"),
    (re.compile(r'(<button[^>]*search-button-field[^>]*?)\s+aria-label="[^"]*"'), r"\1"),
    (re.compile(r'(<div id="pst-primary-sidebar")(?! role)'), r'\1 role="region" aria-label="The book"'),
    # A click on the title of a solution unfolds it; the exercise stands right above.
    (re.compile(r'(<p class="admonition-title">Solution to)<a [^>]*>(.*?)</a></p>'), r"\1\2</p>"),
    (re.compile(r' role="(?:list(?=" class="citation)|doc-biblioentry)"'), ""),
]


def icons(css: str, text: str) -> tuple[str, set[int]]:
    """The style sheet with rules for the icons named in `text` only, and the characters that it still uses."""
    used = set(re.findall(r"fa-[a-z-]+", text))
    keep = lambda rule: rule[0] if used & set(re.findall(r"fa-[\w-]+", rule[0])) else ""
    css = ICON.sub(keep, css)
    css = re.sub(r"@font-face\{[^}]*fa-(?:regular|brands)[^}]*\}", "", css)
    css = re.sub(r"url\(([^)]*fa-solid-900)\.woff2\)[^;}]*", r'url(\1.woff) format("woff")', css)
    codes = {int(code, 16) for code in re.findall(r'"\\([ef][0-9a-f]{3})"', css)}
    return css, codes | {ord(character) for character in css if "\ue000" <= character <= "\uf8ff"}


def cut_icon_font(static: Path, text: str) -> None:
    """Write the theme's style sheet and icon font with the icons that the pages use, and drop the rest."""
    css, characters = icons((THEME / "styles" / "pydata-sphinx-theme.css").read_text(encoding="utf8"), text)
    (static / "styles" / "pydata-sphinx-theme.css").write_text(css, encoding="utf8")
    fonts = static / "vendor" / "fontawesome" / "webfonts"
    for old in {*static.glob("scripts/fontawesome*"), *static.rglob("*.map"), *fonts.iterdir()}:
        old.unlink()
    logging.getLogger("fontTools").setLevel(logging.WARNING)
    options = subset.Options(flavor="woff", layout_features=[], hinting=False)
    font = subset.load_font(THEME / "vendor" / "fontawesome" / "webfonts" / "fa-solid-900.ttf", options)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=characters)
    cutter.subset(font)
    subset.save_font(font, fonts / "fa-solid-900.woff", options)


def size_pictures(page: Path, text: str) -> str:
    """Give every picture of the page its width and height, and let it load when it comes near the window."""
    def sized(tag: re.Match) -> str:
        source = page.parent / tag[1]
        if " height=" in tag[0] or source.suffix not in {".png", ".jpg"} or not source.exists():
            return tag[0]
        width, height = Image.open(source).size
        return tag[0].replace("<img", f'<img loading="lazy" width="{width}" height="{height}"', 1)

    return re.sub(r'<img\b[^>]*?src="([^"]+)"[^>]*>', sized, text)


def slim(app, error: Exception | None) -> None:
    """After the build: mend the pages, then cut the theme's files to what the pages use."""
    if error or app.builder.format != "html":
        return
    out = Path(app.outdir)
    pages = [page for page in out.rglob("*.html") if "_static" not in page.relative_to(out).parts]
    texts = []
    for page in pages:
        text = page.read_text(encoding="utf8")
        for pattern, mended in MENDS:
            text = pattern.sub(mended, text)
        text = size_pictures(page, text)
        page.write_text(text, encoding="utf8")
        texts.append(text)
    static = out / "_static"
    scripts = [(static / "scripts" / name).read_text(encoding="utf8") for name in SCRIPTS]
    cut_icon_font(static, "\n".join(texts + scripts))


def copy_text_face(app) -> None:
    """Put the text face into the site; site.css names it."""
    if app.builder.format == "html":
        target = Path(app.outdir) / "_static" / "fonts"
        target.mkdir(parents=True, exist_ok=True)
        for face in FACES:
            shutil.copy(SERIF / f"source-serif-4-latin-{face}.woff2", target)


def setup(app):
    app.connect("builder-inited", copy_text_face)
    app.connect("build-finished", slim, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
