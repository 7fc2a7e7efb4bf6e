"""Cut style sheets, fonts and pictures down to what finished pages use; bundle.py does it at the end of the build."""
from __future__ import annotations

import base64
import html
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import tinycss2
from fontTools import subset
from PIL import Image

FORMULA = re.compile('<span class="katex-html" aria-hidden="true">')
# The fonts of formulas that are used for what has one of these classes, and for nothing else.
CLASSES = {"KaTeX_Main-Bold": "mathbf|textbf", "KaTeX_AMS-Regular": "amsrm|mathbb|textbb"}
ADDRESS = re.compile(r"url\(([\"']?)([^)\"']+)\1\)")
AHEAD = re.compile(r"(?<=\.bd-article-container):has\(\.([\w-]+)\)")
FACE = re.compile(r"@font-face\s*\{[^}]*\}")
WRITTEN = """html body show fade collapsing active disabled scrolled tooltip tooltip-inner tooltip-arrow bs-tooltip-auto
    bs-tooltip-top bs-tooltip-bottom bs-tooltip-start bs-tooltip-end dropdown-menu dropdown-menu-end"""   # by Bootstrap


# Style sheets

def words_in(pages: list[str], scripts: list[str]) -> set[str]:
    """Classes, identifiers and elements that occur in the pages, or may be written by a script."""
    words = set(WRITTEN.split())
    for page in pages:
        for value in re.findall(r'\s(?:class|id)="([^"]*)"', page):
            words.update(value.split())
        words.update(tag.lower() for tag in re.findall(r"<([a-zA-Z][a-zA-Z0-9]*)", page))
    for script in scripts:
        words.update(re.findall(r"[A-Za-z_][\w-]*", script))
    return words


def applies(selector: list, words: set[str]) -> bool:
    """Whether the classes, identifiers and elements that a selector asks for occur; what :not and :is hold is free."""
    before = ""
    for token in selector:
        if token.type == "hash" and token.value not in words:
            return False
        if token.type == "ident" and before != ":" and token.value.lower() not in words and token.value not in words:
            return False
        before = token.value if token.type == "literal" else ""
    return True


def kept(rules: list, words: set[str]) -> Iterator[str]:
    """The rules that can apply, without the selectors that cannot; licences stay."""
    for rule in rules:
        if rule.type == "comment" and rule.value.startswith("!"):
            yield f"/*{rule.value}*/"
        elif rule.type == "qualified-rule":
            yield kept_rule(rule, words)
        elif rule.type == "at-rule":
            head = f"@{rule.at_keyword}{tinycss2.serialize(rule.prelude).rstrip()}"
            if rule.content is None:
                yield f"{head};"
            elif rule.lower_at_keyword in ("media", "supports", "layer", "container"):
                inside = "".join(kept(tinycss2.parse_rule_list(rule.content, skip_whitespace=True), words))
                yield f"{head}{{{inside}}}" if inside else ""
            else:
                yield f"{head}{{{tinycss2.serialize(rule.content).strip()}}}"


def kept_rule(rule, words: set[str]) -> str:
    """One rule with those of its selectors that can apply, or nothing."""
    selectors = [[]]
    for token in rule.prelude:
        if token.type == "literal" and token.value == ",":
            selectors.append([])
        else:
            selectors[-1].append(token)
    heads = [tinycss2.serialize(selector).strip() for selector in selectors if applies(selector, words)]
    body = "".join(" " if token.type == "whitespace" else "" if token.type == "comment" else token.serialize()
                   for token in rule.content)
    return f"{','.join(heads)}{{{body.strip()}}}" if heads else ""


def without_unused_faces(css: str) -> str:
    """The style sheet without fonts that none of its rules names."""
    rules = FACE.sub("", css)
    family = lambda face: re.search(r"font-family:\s*[\"']?([^;\"'}]+)", face)[1].strip()
    return FACE.sub(lambda face: face[0] if family(face[0]) in rules else "", css)


def sheet(file: Path, words: set[str], folder: Path) -> str:
    """One style sheet after those that it imports, with addresses as seen from `folder`."""
    rules, before = [], ""
    for rule in tinycss2.parse_stylesheet(file.read_text("utf8"), skip_whitespace=True):
        if rule.type == "at-rule" and rule.lower_at_keyword == "import":
            address = next(token.value for token in rule.prelude if token.type in ("string", "url"))
            before += sheet(file.parent / address, words, folder) + "\n"
        else:
            rules.append(rule)
    here = os.path.relpath(file.parent, folder)
    moved = lambda url: url[0] if urlsplit(url[2]).scheme else f"url({os.path.normpath(f'{here}/{url[2]}')})"
    return before + ADDRESS.sub(moved, "".join(kept(rules, words)))


def style_sheet(files: list[Path], words: set[str], folder: Path) -> str:
    """All style sheets in one."""
    return without_unused_faces("\n".join(sheet(file, words, folder) for file in files))


def foreseen(css: str) -> tuple[str, set[str]]:
    """The style sheet with a class for each part that a page may hold and is laid out by, and the names of those parts.

    A browser draws what it has read so far: with `:has(.ledger)` the page would move when the ledger is reached.
    """
    return AHEAD.sub(r".has-\1", css), set(AHEAD.findall(css))


# Fonts

def formulas(page: str, start: re.Pattern = FORMULA) -> Iterator[str]:
    """What KaTeX draws of each formula of a page, as HTML; or of each part that begins with another kind of tag."""
    tags = re.compile(r"<(/?)span\b")
    for first in start.finditer(page):
        depth = 1
        for tag in tags.finditer(page, first.end()):
            depth += -1 if tag[1] else 1
            if not depth:
                yield page[first.end():tag.start()]
                break


def characters(markup: str) -> set[str]:
    return set(html.unescape(re.sub(r"<[^>]*>", "", markup)))


def characters_of(font: str, drawn: list[str]) -> set[str]:
    """What is drawn with one of KaTeX's fonts, or may be."""
    if font not in CLASSES:
        return set().union(*map(characters, drawn))
    tag = re.compile(rf'<span class="(?:[^"]* )?(?:{CLASSES[font]})[ "][^>]*>')
    return {sign for each in drawn for part in formulas(each, tag) for sign in characters(part)}


def cut_fonts(folder: Path, css: str, wanted: Callable[[str], set[str]]) -> None:
    """Leave in each font the characters that are wanted of it; take away those that the style sheet does not name."""
    options = subset.Options(flavor="woff2", layout_features=["*"], hinting=False)
    for path in folder.glob("*.woff2"):
        if path.name not in css:
            path.unlink()
            continue
        font = subset.load_font(path, options)
        cutter = subset.Subsetter(options)
        cutter.populate(unicodes=map(ord, wanted(path.stem)))
        cutter.subset(font)
        subset.save_font(font, path, options)


def with_fonts(css: str, folder: Path, names: re.Pattern) -> str:
    """The style sheet with the fonts of these names in it, instead of their addresses."""
    def inside(url: re.Match) -> str:
        if not names.search(url[1]):
            return url[0]
        return f"url(data:font/{url[2]};base64,{base64.b64encode((folder / url[1]).read_bytes()).decode()})"

    return re.sub(r"url\(([^):]+\.(woff2?))\)", inside, css)


def faces_inside(css: str) -> list[str]:
    """The fonts that stand in the style sheet itself, as a script asks for them: style, weight, size, family."""
    found = []
    for face in FACE.findall(css):
        if "url(data:" in face:
            name = lambda key, default="": (re.search(rf"font-{key}:\s*([^;}}]+)", face) or ["", default])[1].strip()  # noqa: B023
            found.append(f"{name('style', 'normal')} {name('weight', 'normal')} 1em {name('family')}")
    return found


# Pictures

def pack(picture: Path) -> tuple[str, str] | None:
    """Store a picture as WebP without loss, if that is smaller; its old and its new name."""
    packed = picture.with_suffix(".webp")
    with Image.open(picture) as image:
        image.save(packed, lossless=True, quality=30, method=2)
    small, large = sorted([picture, packed], key=lambda file: file.stat().st_size)
    large.unlink()
    return (picture.name, packed.name) if small == packed else None
