"""Send a reader few and small files: one style sheet with the rules that apply somewhere, one script, lean fonts.

The theme and its extensions bring twelve style sheets and a dozen scripts. This runs on the finished pages, after
lean_theme, and replaces what is common to all of them; what only some pages ask for stays as it is. The two files
carry a hash in their names, so that a browser may keep them for good. The fonts that every page begins with stand in
the style sheet itself and are unpacked before anything is drawn: text and formulas are complete when something is first
seen, and nothing moves when a font arrives. Pictures are packed without loss.
"""
from __future__ import annotations

import hashlib
import json
import logging
import os
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import cut

STYLE = re.compile(r'\s*<link(?=[^>]*rel="stylesheet")[^>]*href="([^"]+)"[^>]*>')
SCRIPT = re.compile(r'\s*<script((?:\s+(?:src|defer|data-sd[\w-]*)(?:="[^"]*")?)*)>(.*?)</script>', re.S)
PRELOAD = re.compile(r'<link rel="preload" as="script"[^>]*>|<!-- (?:Pre-loaded|Scripts loaded)[^>]*-->')
PICTURE = re.compile(r"(?<=_images/)[\w.-]+\.png")
AT_FIRST = re.compile(r"source-serif-4-|KaTeX_(Main-Regular|Main-Bold\.|Math-Italic|Size[1-4]|AMS)|fa-solid")
TYPED = {chr(code) for code in range(32, 127)} | set("‘’“”–—…×·−")      # what a reader may type, and a script may write
Shared = Path | str                                                    # a file, or what stands in the page itself


def source(attributes: str) -> str:
    """The address of a script tag, or nothing."""
    found = re.search(r'src="([^"]*)"', attributes)
    return found[1] if found else ""


class Bundle:
    """What all pages share, gathered in two files."""

    def __init__(self, out: Path, pages: dict[Path, str], root: str):
        self.out, self.static, self.root = out, out / "_static", root
        scripts = [self.scripts(page, text) for page, text in pages.items()]
        styles = [[self.file(page, address) for address in STYLE.findall(text)] for page, text in pages.items()]
        self.common = [[item for item in lists[0] if item and all(item in other for other in lists)]
                       for lists in (scripts, styles)]
        every = [self.read(item) for item in dict.fromkeys(item for items in scripts for item in items)]
        words = cut.words_in([*pages.values()], [script for script in every if "bs.tooltip" not in script])
        css, self.parts = cut.foreseen(cut.style_sheet(self.common[1], words, self.static))
        self.cut_fonts(css, [*pages.values()])
        css = cut.with_fonts(css, self.static, AT_FIRST)
        self.css, self.faces = self.save("css", css), json.dumps(cut.faces_inside(css))
        self.js = self.save("js", "\n;".join(map(self.read, self.common[0])))

    def cut_fonts(self, css: str, pages: list[str]) -> None:
        drawn, written = ["".join(cut.formulas(page)) for page in pages], TYPED.union(*map(cut.characters, pages))
        cut.cut_fonts(self.static / "fonts", css, lambda font: written)
        cut.cut_fonts(self.static / "katex" / "fonts", css, lambda font: cut.characters_of(font, drawn))

    def read(self, item: Shared) -> str:
        return item.read_text("utf8") if isinstance(item, Path) else item

    def save(self, suffix: str, content: str) -> Path:
        path = self.static / f"book.{hashlib.sha256(content.encode()).hexdigest()[:12]}.{suffix}"
        path.write_text(content, "utf8")
        return path

    def file(self, page: Path, address: str) -> Path | None:
        """The file of the site behind an address in a page; the page for lost readers has complete ones."""
        url = urlsplit(address)
        path = self.out / url.path.removeprefix(self.root) if url.path.startswith(self.root) else page.parent / url.path
        return path.resolve() if not url.netloc and path.is_file() else None

    def scripts(self, page: Path, text: str) -> list[Shared]:
        """The scripts of a page in the order in which they should run.

        What stands in the page itself are settings, some of them for the first script. The others look for theirs
        at once when they run after the page has been read.
        """
        at_once, later, settings = [], [], []
        for attributes, body in SCRIPT.findall(text):
            if address := source(attributes):
                (later if "defer" in attributes else at_once).append(self.file(page, address))
            else:
                settings.append(body.strip())
        return [item for item in dict.fromkeys([*at_once[:1], *settings, *at_once[1:], *later]) if item]

    def thin(self, page: Path, text: str) -> str:
        """The page with the shared files in place of what they hold; scripts of its own wait until it is read."""
        def style(tag: re.Match) -> str:
            return "" if self.file(page, tag[1]) in self.common[1] else tag[0]

        def script(tag: re.Match) -> str:
            address = source(tag[1])
            if (self.file(page, address) if address else tag[2].strip()) in self.common[0]:
                return ""
            return tag[0].replace("<script", "<script defer", 1) if address and "defer" not in tag[1] else tag[0]

        has = "".join(f" has-{part}" for part in sorted(self.parts) if re.search(rf'class="([^"]* )?{part}[ "]', text))
        lost = f'href="{self.root}_static/' in text
        root = self.root if lost else f"{os.path.relpath(self.out, page.parent)}/".removeprefix("./")
        text = PRELOAD.sub("", SCRIPT.sub(script, STYLE.sub(style, text)))
        text = text.replace('class="bd-article-container', f'class="bd-article-container{has}', 1)
        return text.replace("</title>", f"""</title>
    <link rel="stylesheet" href="{root}_static/{self.css.name}" />
    <script>for (const face of {self.faces}) document.fonts.load(face);</script>
    <script defer src="{root}_static/{self.js.name}"></script>""", 1)

    def clear(self, pages: Iterable[str]) -> None:
        """Take away what nothing names any more, because it stands in the shared files, or was never used."""
        for item in [*self.common[0], *self.common[1]]:
            if isinstance(item, Path):
                item.unlink()
        files = [path for path in self.static.rglob("*") if path.is_file() and "LICENSE" not in path.name]
        shown = "".join(pages)
        named = {path for path in files if f"_static/{path.relative_to(self.static).as_posix()}" in shown}
        asked = "".join(path.read_text("utf8") for path in named if path.suffix in (".css", ".js"))
        for path in files:
            if path not in named and path.name not in asked:
                path.unlink()


def bundle(app, error: Exception | None) -> None:
    if error or app.builder.format != "html":
        return
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    out = Path(app.outdir).resolve()
    found = (page for page in out.rglob("*.html") if "_static" not in page.relative_to(out).parts)
    pages = {page: text for page in found if "<title>" in (text := page.read_text("utf8"))}      # index.html leads on
    # A picture that is shown beside a shared link needs a format that everyone reads.
    pictures = [path for path in (out / "_images").glob("*.png") if not path.name.startswith("card-")]
    with ThreadPoolExecutor() as pool:
        packed = pool.map(cut.pack, pictures)                       # on another core, while this one does the rest
        shared = Bundle(out, pages, urlsplit(app.config.html_baseurl).path or "/")
        pages = {page: shared.thin(page, text) for page, text in pages.items()}
        names = dict(filter(None, packed))
    pages = {page: PICTURE.sub(lambda name: names.get(name[0], name[0]), text) for page, text in pages.items()}
    for page, text in pages.items():
        page.write_text(text, "utf8")
    shared.clear(pages.values())


def write_all(app, env) -> list[str]:
    """Every page anew, because finished pages no longer say what they share."""
    return sorted(env.found_docs)


def setup(app):
    app.connect("env-updated", write_all)
    app.connect("build-finished", bundle, priority=950)             # after lean_theme
    return {"parallel_read_safe": True, "parallel_write_safe": True}
