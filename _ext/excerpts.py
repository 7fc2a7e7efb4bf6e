"""Pieces of chapters on other pages: what is shown is what the chapter stores, so it has been checked there.

    ```{derivation} sigmoid-slope
    ```
    ```{flipbook} chapters/neurons/activations 0        the first interactive figure of that chapter
    ```
"""
from __future__ import annotations

import json
from pathlib import Path

import flipbooks
from book import results
from docutils import nodes
from sphinx.util.docutils import SphinxDirective


class DerivationExcerpt(SphinxDirective):
    """The lines of a derivation with their ticks; its number stays where it was derived."""

    required_arguments = 1

    def run(self):
        result = results(Path(self.env.srcdir)).get(self.arguments[0])
        if result is None:
            raise self.error(f"no chapter derives {self.arguments[0]!r}")
        self.env.note_dependency(f"{result.page}.ipynb")
        return [nodes.math_block(result.tex, result.tex, nowrap=False, number=None, label=None, shows=result.label)]


class FlipbookExcerpt(SphinxDirective):
    """An interactive figure of a chapter, counted from 0."""

    required_arguments, optional_arguments = 1, 1

    def run(self):
        page, number = self.arguments[0], int([*self.arguments, "0"][1])
        notebook = json.loads((Path(self.env.srcdir) / f"{page}.ipynb").read_text(encoding="utf8"))
        self.env.note_dependency(f"{page}.ipynb")
        models = flipbooks.models_of(notebook)
        views = [output["data"][flipbooks.VIEW]["model_id"] for cell in notebook["cells"]
                 for output in cell.get("outputs", []) if flipbooks.VIEW in output.get("data", {})]
        if not 0 <= number < len(views):
            raise self.error(f"{page} has {len(views)} interactive figures, and no number {number}")
        save = flipbooks.saver(self.env.app, self.env.docname)
        return [nodes.raw("", flipbooks.to_html(*flipbooks.read(models, views[number]), save), format="html")]


def setup(app):
    app.add_directive("derivation", DerivationExcerpt)
    app.add_directive("flipbook", FlipbookExcerpt)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
