"""The house style, read from the source of lib: short, documented, checked at the door, imported one way."""

import ast
import json
import re
import sys
import tomllib
from pathlib import Path

import pytest

import lib

HOUSE = Path(lib.__file__).parent.parent
# Every room by the name under which it is imported: "lib", "losses", "diagnose", "diagnose.kinds".
FILES = {".".join(path.relative_to(HOUSE).with_suffix("").parts[1:]).removesuffix("__init__").strip(".") or "lib": path
         for path in sorted((HOUSE / "lib").rglob("*.py"))}
TREES = {room: ast.parse(path.read_text(encoding="utf-8")) for room, path in FILES.items()}
# What diagnose is made of, in the order of its imports.
INSIDE = ["traced", "instances", "models", "kinds", "wrong_rules", "hypotheses", "evidence", "case",
          "evaluate", "latex", "repairs", "formulas", "attempt"]
# Each room may import the rooms that stand before it, and only explore may import plot (diagnose, to draw a verdict).
ORDER = ["lib", "shapes", "show", "activations", "losses", "neuron", "linear", "mlp", "residual", "train", "data",
         "ops", "graph", "ledger", "gradcheck", "points", "proof", "typeset", "rows", "derivation", "plot",
         "explore", *(f"diagnose.{room}" for room in INSIDE), "diagnose",
         *(f"diagnose.{room}" for room in ("claims", "fence", "reports", "submissions", "__main__"))]
FUNCTIONS = [(room, node) for room, tree in TREES.items() for node in ast.walk(tree)
             if isinstance(node, ast.FunctionDef)]
PUBLIC = [(room, node) for room, tree in TREES.items() for node in tree.body
          if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")]
every_room = pytest.mark.parametrize("room", TREES)


def code_lines(room):
    """The lines that hold code: not blank, not a comment, not a docstring."""
    lines = FILES[room].read_text(encoding="utf-8").splitlines()
    prose = set()
    for node in ast.walk(TREES[room]):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            prose |= set(range(node.lineno, node.end_lineno + 1))
    return sum(bool(line.strip()) and not line.strip().startswith("#") and number not in prose
               for number, line in enumerate(lines, start=1))


def imports(tree):
    """The rooms of lib that a file imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"line {node.lineno}: import a room by its whole name"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            while name.startswith("lib.") and name[4:] not in TREES:          # from a name in a room to the room
                name = name.rpartition(".")[0]
            if name.startswith("lib."):
                yield name[4:]


# How lines are checked and pictures drawn, and the diagnoser.
TOOLS = {"points", "proof", "typeset", "rows", "derivation", "plot", "explore", *ORDER[ORDER.index("explore") + 1:]}


def test_the_mathematics_of_lib_can_be_read_in_an_evening():
    assert sum(code_lines(room) for room in TREES if room not in TOOLS) <= 1500
    assert max(code_lines(room) for room in TOOLS) <= 350


def test_functions_are_short():
    lengths = {f"{room}.{f.name}": f.end_lineno - f.lineno + 1 for room, f in FUNCTIONS}
    assert not {name: length for name, length in lengths.items() if length >= 40}


def test_everything_public_is_documented():
    assert all(ast.get_docstring(tree) for tree in TREES.values())
    assert not [f"{room}.{node.name}" for room, node in PUBLIC if not ast.get_docstring(node)]


def test_functions_of_arrays_state_their_shapes():
    silent = [f"{room}.{f.name}" for room, f in PUBLIC
              if isinstance(f, ast.FunctionDef) and "ndarray" in ast.unparse(f.args)
              and "Shapes:" not in ast.get_docstring(f) and room != "plot"]        # which computes nothing from them
    assert not silent


def test_what_lib_imports_is_declared():
    declared = tomllib.loads((HOUSE / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    nodes = [node for tree in TREES.values() for node in ast.walk(tree)]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    outside = {name.split(".")[0] for name in names} - sys.stdlib_module_names - {"lib"}
    packages = {"IPython": "ipython", "PIL": "pillow", "sklearn": "scikit-learn", "yaml": "pyyaml"}
    assert {packages.get(name, name) for name in outside} == set(declared)


def test_rooms_import_one_way():
    assert not set(TREES) - set(ORDER), "say in ORDER which rooms the new room may import"
    for room, tree in TREES.items():
        late = [other for other in imports(tree) if ORDER.index(other) >= ORDER.index(room)]
        assert not late, f"{room} imports {late}"
        if room not in ("explore", "diagnose"):
            assert not {"plot", "explore"} & set(imports(tree)), f"{room} imports what only notebooks may"


@every_room
def test_no_assert_and_no_hidden_state(room):
    for node in ast.walk(TREES[room]):
        assert not isinstance(node, ast.Assert), f"{room}, line {node.lineno}: raise an error that names what is wrong"
        assert not isinstance(node, ast.Global), f"{room}, line {node.lineno}: global state"
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "np.random":
            assert node.attr in ("Generator", "default_rng"), f"{room}, line {node.lineno}: pass a generator instead"


@every_room
def test_no_silent_reshape(room):
    names = [node.attr for node in ast.walk(TREES[room]) if isinstance(node, ast.Attribute)]
    assert "squeeze" not in names


@every_room
def test_bodies_have_no_type_hints(room):
    hints = [node.lineno for f in ast.walk(TREES[room]) if isinstance(f, ast.FunctionDef)
             for node in ast.walk(f) if isinstance(node, ast.AnnAssign)]
    assert not hints


def test_each_slope_stands_directly_under_its_function():
    for room in ("activations", "losses", "linear"):
        names = [name for owner, node in PUBLIC if owner == room for name in [node.name]]
        for below, name in enumerate(names):
            base = re.sub(r"(_prime|(?<!_and)_grad)$", "", name)
            if base != name:
                assert names[below - 1] in (base, f"{base}_loss"), f"{room}.{name} does not follow {base}"


def test_every_room_has_a_test_file():
    rooms = {room.removeprefix("diagnose.") for room in TREES}
    tested = {path.stem.removeprefix("test_") for path in (HOUSE / "tests").glob("test_*.py")}
    inside = {*INSIDE, "claims", "__main__"} - {"attempt", "formulas"}                 # tested with diagnose and with these
    assert rooms - tested <= {"lib", "points", "typeset"} | inside


SOURCES = [(f"{room}.{node.name}", re.findall(r"\(eq:([a-z0-9-]+)\)", docstring),
            *re.search(r'Source: (\S+), "(.+)"\.', docstring).groups())
           for room, node in PUBLIC for docstring in [ast.get_docstring(node) or ""] if "Source:" in docstring]


@pytest.mark.parametrize(("name", "labels", "page", "section"), SOURCES)
def test_what_lib_cites_stands_in_its_chapter(name, labels, page, section):
    notebook = HOUSE / f"{page}.ipynb"
    if not notebook.exists():
        pytest.skip(f"{page} is not written yet")
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    source = "\n".join("".join(cell["source"]) for cell in cells)
    assert re.search(rf"^#+ {re.escape(section)}$", source, re.MULTILINE), f"{name} cites the section {section!r}"
    for label in labels:
        derived = re.search(rf'Derivation\(\s*"{label}"|\(eq:{label}\)', source)
        assert derived, f"{name} cites the equation {label!r}"


def test_every_equation_in_lib_says_where_it_is_derived():
    homeless = [f"{room}.{node.name}" for room, node in PUBLIC
                if "(eq:" in (ast.get_docstring(node) or "") and "Source:" not in ast.get_docstring(node)]
    assert not homeless
