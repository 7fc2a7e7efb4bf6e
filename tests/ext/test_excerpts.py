"""Pieces of chapters on other pages: found by name, and refused if there is no such piece."""
from pathlib import Path
from types import SimpleNamespace

import excerpts
import pytest
from docutils.parsers.rst import DirectiveError

ROOT = Path(__file__).parents[2]


def run(kind, *arguments, tmp_path):
    app = SimpleNamespace(outdir=tmp_path, builder=SimpleNamespace(name="html", imagedir="_images"))
    env = SimpleNamespace(srcdir=ROOT, docname="intro", app=app, note_dependency=lambda name: None)
    made = object.__new__(kind)
    made.arguments, made.state = list(arguments), SimpleNamespace(document=SimpleNamespace(settings=SimpleNamespace(env=env)))
    made.error = lambda message: DirectiveError(3, message)
    return made.run()[0]


def test_a_derivation_is_shown_without_its_number(tmp_path):
    node = run(excerpts.DerivationExcerpt, "sigmoid-slope", tmp_path=tmp_path)
    assert node["number"] is None and node["shows"] == "sigmoid-slope" and node.astext().count("% proved") == 6


def test_a_figure_is_shown_with_its_pictures(tmp_path):
    node = run(excerpts.FlipbookExcerpt, "chapters/neurons/activations", tmp_path=tmp_path)
    assert node.astext().startswith('<figure class="flipbook"') and len(list(tmp_path.rglob("*.png"))) > 5


@pytest.mark.parametrize(("kind", "arguments"), [
    (excerpts.DerivationExcerpt, ["no-such-label"]), (excerpts.FlipbookExcerpt, ["chapters/neurons/activations", "99"])])
def test_what_is_not_there_is_refused(kind, arguments, tmp_path):
    with pytest.raises(DirectiveError) as refusal:
        run(kind, *arguments, tmp_path=tmp_path)
    assert "no chapter derives" in refusal.value.msg or "no number 99" in refusal.value.msg
