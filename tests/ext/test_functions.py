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
Derivation, one row:  f = 2;
    the rest of the sentence.
Shapes: X (n, d) → (n,).
label    the page refers
         to it
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
        Block("one row: f = 2; the rest of the sentence.", field="Derivation"),
        Block("X (n, d) → (n,).", field="Shapes"),
        Block("the page refers to it", row="label"), Block("LaTeX", row="lhs")]


def test_a_field_may_end_the_first_line():
    assert functions.blocks("A variable, by which a gradient is wanted.  Shapes: any.") == [
        Block("A variable, by which a gradient is wanted."), Block("any.", field="Shapes")]
    assert functions.blocks("The rule: it says Shapes of things.") == [Block("The rule: it says Shapes of things.")]


def test_code_below_a_first_line_keeps_its_indentation():
    made = ast.parse('class C:\n    def f(x):\n        """Says.\n\n            f(1)\n        """').body[0].body[0]
    assert functions.docstring(made) == "Says.\n\n    f(1)"


def test_powers_and_indices_are_set():
    shown = lambda text: "".join(f"<{node.astext()}>" if not isinstance(node, functions.nodes.Text) else node.astext()
                                 for node in functions.scripts(text))
    assert shown("e^{zⱼ} ∂Θ_bm e^S w_d² ε^(1/3)") == "e<zⱼ> ∂Θ<bm> e<S> w<d>² ε<1/3>"
    assert shown("X_train step_size n_hat f_(x) 2^10") == "X_train step_size n_hat f_(x) 2^10"


def test_a_table_has_the_comment_above_it():
    source = "# Other.\n\n# The rules,\n# by name.\nTABLE = {}\nMORE = {}"
    assert [functions.described(source, node) for node in ast.parse(source).body] == ["The rules, by name.", ""]


@pytest.mark.parametrize(("source", "shown"), [
    ("def f(a: int, b=1, *, c: str='x', **d): pass", ["a", "b=1", "*", "c='x'", "**d"]),
    ("def f(a, /, *b): pass", ["a", "*b"]),
    ("def f(): pass", []),
    ("@property\ndef f(self): pass", None),
    ("class F(NamedTuple):\n    x: int\n    y: str = ''", ["x", "y=''"]),
    ("class F:\n    x: dict = field(default_factory=dict)", ["x={}"]), ("class F:\n    def __init__(self, x=2): pass", ["x=2"])])
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
