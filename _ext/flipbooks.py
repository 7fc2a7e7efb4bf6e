"""Turn the interactive figures of the notebooks into plain HTML that needs no widget library.

`lib.explore` shows a slider linked to a stack of pictures, as Jupyter widgets, whose state is stored in the notebook.
Here, while the notebook is read, it becomes a <figure> with the picture on show, a native slider that site.js wakes up,
and the other pictures as files beside it. Nothing of the widgets is left in the page.
"""
from __future__ import annotations

import base64
import hashlib
import html
import io
import json
from html.parser import HTMLParser
from pathlib import Path

import cells
from PIL import Image
from sphinx.util import logging

VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"
SHAPE = "expected VBox[IntSlider, Stack[HTML, ...]], each HTML a <figure><img alt src=data:image/png><figcaption>"
log = logging.getLogger(__name__)


class Frame(HTMLParser):
    """One picture of a flipbook, read from the HTML of its widget: PNG bytes, size on the page, alt text, caption."""

    def __init__(self, source: str):
        super().__init__()
        self.png, self.size, self.alt, self.caption, self.in_caption = b"", None, "", "", False
        self.feed(source)
        if not (self.png and self.alt.strip() and self.caption.strip()):
            raise ValueError("a frame lacks its picture, its alt text or its caption")
        self.size = self.size or Image.open(io.BytesIO(self.png)).size

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.in_caption = self.in_caption or tag == "figcaption"
        if tag == "img":
            kind, _, data = attrs.get("src", "").partition(",")
            self.alt = attrs.get("alt") or ""
            self.size = (attrs["width"], attrs["height"]) if "width" in attrs and "height" in attrs else None
            self.png = base64.b64decode(data) if kind == "data:image/png;base64" else b""

    def handle_endtag(self, tag):
        self.in_caption = self.in_caption and tag != "figcaption"

    def handle_data(self, data):
        self.caption += data if self.in_caption else ""


def read(models: dict, view: str) -> tuple[str, int, list[Frame]]:
    """The slider's name, the frame on show and all frames; ValueError if the widgets are not a flipbook."""
    def children(model_id: str, *names: str) -> list[str]:
        ids = [child.removeprefix("IPY_MODEL_") for child in models[model_id]["state"]["children"]]
        kinds = [models[child]["model_name"] for child in ids]
        if kinds != list(names or ["HTMLModel"] * len(ids)):
            raise ValueError(f"found {models[model_id]['model_name']} of {', '.join(kinds)}")
        return ids

    slider, stack = children(view, "IntSliderModel", "StackModel")
    frames = [Frame(models[frame]["state"]["value"]) for frame in children(stack)]
    control = models[slider]["state"]
    if len(frames) != control["max"] + 1 or not control["description"].strip():
        raise ValueError(f"slider {control['description']!r}, 0 to {control['max']}, does not fit {len(frames)} frames")
    return control["description"].strip(), control["value"], frames


def to_html(name: str, shown: int, frames: list[Frame], save) -> str:
    """The figure; `save` stores a picture and returns its address."""
    pages = [[save(frame.png), frame.alt.strip(), " ".join(frame.caption.split())] for frame in frames]
    width, height = frames[shown].size
    src, alt, caption = map(html.escape, pages[shown])
    (_, first, start), (_, last, end) = ([html.escape(part) for part in pages[i]] for i in (0, -1))
    return f"""<figure class="flipbook" data-frames="{html.escape(json.dumps(pages, ensure_ascii=False))}">
{cells.pane(width, f'<img loading="lazy" src="{src}" alt="{alt}" width="{width}" height="{height}">')}
<figcaption>{caption}</figcaption>
<label class="flipbook-control" hidden><span>{html.escape(name)}</span>
<input type="range" max="{len(pages) - 1}" value="{shown}" aria-valuetext="{caption}" autocomplete="off"></label>
<span class="flipbook-live" aria-live="polite"></span>
<noscript><p>One of {len(pages)} pictures; with JavaScript on, a slider leads from “{start}” to “{end}”.
The first: {first} The last: {last}</p></noscript>
</figure>"""


def keep_width(cell: dict, output: dict) -> None:
    """Show a picture as wide as the notebook says: pictures have more pixels than they take on the page."""
    width = output.get("metadata", {}).get("image/png", {}).get("width")
    if width:
        cell["metadata"].setdefault("mystnb", {}).setdefault("image", {}).setdefault("width", f"{width}px")


def models_of(notebook: dict) -> dict:
    """The stored widgets, which are taken out of the notebook."""
    return notebook["metadata"].pop("widgets", {}).get(STATE, {}).get("state", {})


def saver(app, docname: str):
    """How a picture is stored beside the pages; the address that comes back is seen from the page `docname`."""
    root = "../" * docname.count("/") if app.builder.name != "singlehtml" else ""

    def save(png: bytes) -> str:
        folder = Path(app.outdir) / app.builder.imagedir
        folder.mkdir(parents=True, exist_ok=True)
        name = f"frame-{hashlib.sha256(png).hexdigest()[:16]}.png"
        (folder / name).write_bytes(png)
        return f"{root}{app.builder.imagedir}/{name}"

    return save


def fold_widgets(app, docname: str, source: list[str]) -> None:
    """Replace every widget in a notebook, before it is parsed, by the HTML of its flipbook."""
    if Path(app.env.doc2path(docname)).suffix != ".ipynb":
        return
    notebook = json.loads(source[0])
    models, save = models_of(notebook), saver(app, docname)
    for number, cell in enumerate(notebook["cells"]):
        for output in cell.get("outputs", []):
            keep_width(cell, output)
            if VIEW not in output.get("data", {}):
                continue
            try:
                output["data"] = {"text/html": to_html(*read(models, output["data"][VIEW]["model_id"]), save)}
            except (KeyError, IndexError, ValueError) as error:
                log.warning("flipbook in cell %d: %r; %s", number, error, SHAPE, location=docname, type="flipbook")
                output["data"] = {"text/plain": "(an interactive figure that could not be read)"}
    source[0] = json.dumps(notebook)


def setup(app):
    app.connect("source-read", fold_widgets)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
