"""The negative control, lines: every line of every derivation is damaged in a copy, and must be refused.

In turn by sign, factor, index and transpose, as far as they apply to the line.
"""
from __future__ import annotations

import ast
import contextlib
import copy
import io

import numpy as np
import pytest
import sympy
from notebooks import CHAPTERS, code, derivations, is_picture, page, parsed, read, tags
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanFunction

from lib.derivation import Derivation, DerivationError


def damage_value(value, kind: str):
    """A wrong sign or factor for what a line says: of a condition its opposite, of an equation its right side."""
    if isinstance(value, sympy.Eq):
        return sympy.Eq(value.lhs, damage_value(value.rhs, kind), evaluate=False)
    if isinstance(value, Relational | BooleanFunction):
        return sympy.Not(value, evaluate=True)
    if isinstance(value, sympy.Basic):
        zero = value.is_Matrix is not True and value == 0
        return sympy.Integer(1) if zero else -value if kind == "sign" else 2 * value
    value = np.asarray(value)
    return ~value if value.dtype == bool else 1 + value if not value.any() else -value if kind == "sign" else 2 * value


class SwapIndex(ast.NodeTransformer):
    """The first entry such as W[i, j] or x[i], with another index of the line in the place of its first one."""

    def __init__(self, line: ast.expr):
        self.names = [name.id for node in ast.walk(line) if isinstance(node, ast.Subscript)
                      for name in ast.walk(node.slice) if isinstance(name, ast.Name)]
        self.done = False

    def visit_Subscript(self, node):
        indices = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        first = getattr(indices[0], "id", None)
        others = [name for name in self.names if name != first]
        if first and others and not self.done:
            indices[0].id, self.done = others[0], True
        return node


class DropTranspose(ast.NodeTransformer):
    """The first A.T without its transpose."""

    done = False

    def visit_Attribute(self, node):
        if node.attr == "T" and not self.done:
            self.done = True
            return node.value
        return self.generic_visit(node)


def damages(line: ast.expr) -> dict[str, ast.expr]:
    """The ways in which this line can be damaged: kind → damaged line."""
    body = line.body if isinstance(line, ast.Lambda) else line
    found = {}
    for kind, change in (("transpose", DropTranspose()), ("index", SwapIndex(body))):
        changed = change.visit(copy.deepcopy(body))
        if change.done:
            found[kind] = changed
    for kind in ("sign", "factor"):
        found[kind] = ast.Call(ast.Name("damage_value", ast.Load()), [body, ast.Constant(kind)], [])
    return {kind: ast.Lambda(line.args, changed) if isinstance(line, ast.Lambda) else changed
            for kind, changed in found.items()}


def lines(block: ast.With) -> list[ast.Call]:
    """The calls d.start(...) and d.line(...) of a derivation."""
    calls = [node.value for node in block.body if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)]
    return [call for call in calls if getattr(call.func, "attr", "") in ("start", "line")]


def damaged_cells(cell: dict):
    """For every line of every derivation of a cell: (label, line, kind, the cell's code with this line damaged)."""
    for b, block in enumerate(derivations(cell)):
        label = ast.literal_eval(block.items[0].context_expr.args[0])
        for number, call in enumerate(lines(block)):
            place = 1 if isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str) else 0
            kinds = sorted(damages(call.args[place]))
            kind = kinds[number % len(kinds)]
            again = derivations(cell)[b]                   # parsed anew, so that the damage stays in this copy
            lines(again)[number].args[place] = damages(lines(again)[number].args[place])[kind]
            rest = [again if ast.unparse(node) == ast.unparse(block) else node for node in parsed(cell)]
            yield label, number + 1, kind, ast.fix_missing_locations(ast.Module(rest, []))


def run(tree, names: dict) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(tree, "<cell>", "exec"), names)


def undetected(nb: dict) -> tuple[int, list[str]]:
    """How many damaged lines were tried, and which of them no one noticed."""
    names, tried, missed = {"damage_value": damage_value}, 0, []
    for cell in code(nb):
        if is_picture(cell) and "hide-input" in tags(cell):
            continue
        before = dict(names)
        run(ast.Module(parsed(cell), []), names)                      # the undamaged cell passes
        for label, number, kind, tree in damaged_cells(cell):
            tried += 1
            try:
                run(tree, dict(before))
                missed.append(f"{label}, line {number}: {kind} damaged, and nothing happened")
            except DerivationError:
                pass
            except Exception as error:                               # stopped, but not by the check of the line
                missed.append(f"{label}, line {number}: {kind} damaged: {type(error).__name__}: {error}")
    return tried, missed


@pytest.mark.parametrize("path", CHAPTERS, ids=page)
def test_a_damaged_line_is_refused(path, monkeypatch):
    monkeypatch.setattr(Derivation, "_prove", lambda *lines: None)         # a proof can only praise a line, not refuse it
    nb = read(path)
    tried, missed = undetected(nb)
    assert tried == sum(len(lines(block)) for cell in code(nb) for block in derivations(cell)) > 0
    assert not missed, "\n".join(["", *missed])


# The control controlled

@pytest.mark.parametrize("line, kinds", [
    ("P[i] * (1 - P[j])", {"index": "P[j] * (1 - P[j])"}), ("x[m]", {}), ("X.T * G / n", {"transpose": "X * G / n"}),
    ("lambda X, G: X.T @ G", {"transpose": "lambda X, G: X @ G"}), ("exp(-a)", {})])
def test_kinds_of_damage(line, kinds):
    found = damages(ast.parse(line, mode="eval").body)
    assert {kind: ast.unparse(found[kind]) for kind in found.keys() - {"sign", "factor"}} == kinds
    assert "damage_value(" in ast.unparse(found["sign"])


def test_an_unchecked_derivation_would_be_noticed():
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "source":
            "class Derivation:\n    __init__ = line = lambda *given: None\n    __enter__ = lambda self: self\n"
            "    __exit__ = lambda *given: None\n\nwith Derivation('a') as d:\n    d.line('x', lambda x: x.T, 'why')"}
    assert undetected({"cells": [cell]}) == (1, ["a, line 1: factor damaged, and nothing happened"])
