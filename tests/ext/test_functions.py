"""The page about lib: docstrings taken apart, signatures, and code without its docstring."""
import ast
from pathlib import Path

import functions
import pytest
from functions import Block

ROOT = Path(__file__).parents[2]
DOCSTRING = """The slope of a thing.

    f(x) = x²                       (eq:square)
    g(x) = 2x

Derivation:  by the
    f = x · x           the product rule
    f′ = 2x
Computed as it stands.
Check:  at 0 it is 0,
    and nowhere else.
Shapes: X (n, d) → (n,).
label    the page refers to it
lhs      LaTeX
"""


def test_a_docstring_is_taken_apart():
    assert functions.blocks(DOCSTRING) == [
        Block("The slope of a thing."),
        Block("f(x) = x²                       (eq:square)\ng(x) = 2x", fixed=True),
        Block("by the", field="Derivation"),
        Block("f = x · x           the product rule\nf′ = 2x", fixed=True, field="Derivation"),
        Block("Computed as it stands."),
        Block("at 0 it is 0, and nowhere else.", field="Check"),
        Block("X (n, d) → (n,).", field="Shapes"),
        Block("label    the page refers to it\nlhs      LaTeX", fixed=True, field="Shapes")]


def test_a_field_may_end_the_first_line():
    assert functions.blocks("A variable, by which a gradient is wanted.  Shapes: any.") == [
        Block("A variable, by which a gradient is wanted."), Block("any.", field="Shapes")]
    assert functions.blocks("The rule: it says Shapes of things.") == [Block("The rule: it says Shapes of things.")]


@pytest.mark.parametrize(("source", "shown"), [
    ("def f(a: int, b=1, *, c: str='x', **d): pass", ["a", "b=1", "*", "c='x'", "**d"]),
    ("def f(a, /, *b): pass", ["a", "*b"]),
    ("def f(): pass", []),
    ("@property\ndef f(self): pass", None),
    ("class F(NamedTuple):\n    x: int\n    y: str = ''", ["x", "y=''"]),
    ("class F:\n    def __init__(self, x=2): pass", ["x=2"])])
def test_signatures(source, shown):
    assert functions.signature(ast.parse(source).body[0]) == shown


def test_code_is_shown_without_its_docstring():
    source = '@cache\ndef f(x):\n    """What it is.\n\n    More.\n    """\n    return x\n\n\ny = 1\n'
    assert functions.code(source, ast.parse(source).body[0]) == "@cache\ndef f(x):\n    return x"
    assert functions.code('class E(ValueError):\n    """Only words."""\n', ast.parse('class E(ValueError):\n    """Only words."""').body[0]) == ""


def test_what_is_public():
    tree = ast.parse('TABLE: dict = {}\nx = 1\ndef f():\n    "says"\ndef _g():\n    "says"\ndef h(): pass\nclass C:\n    "says"')
    assert [functions.name_of(node) for node in functions.public(tree)] == ["TABLE", "f", "C"]


def test_every_public_function_of_lib_is_taken_apart():
    for room, path in functions.rooms(ROOT).items():
        for node in functions.public(ast.parse(path.read_text("utf8"))):
            if isinstance(node, functions.Definition):
                pieces = functions.blocks(ast.get_docstring(node))
                assert pieces and not pieces[0].fixed and not pieces[0].field, f"{room}.{node.name}"
