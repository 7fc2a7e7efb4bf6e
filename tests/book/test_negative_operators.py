"""The negative control, operators: with one operator of lib changed in a copy, the chapter that uses it must fail."""
from __future__ import annotations

import shutil

import pytest
from notebooks import CHAPTERS, ROOT, failing_cells, nbval

OPERATORS = [("neurons/activations", "activations.py", "sigmoid(z) * sigmoid(-z)", "sigmoid(z) + sigmoid(-z)"),
             ("neurons/discriminant", "neuron.py", "w / _length(w)", "w * _length(w)"),
             ("neurons/gradient-descent", "train.py", "theta - step_size * gradient", "theta + step_size * gradient"),
             ("regression/softmax", "losses.py", "total *= n", "total *= 1"),
             ("mlp/regression", "mlp.py", "dZ[l - 1] = dZ[l] @ W[l].T", "dZ[l - 1] = -dZ[l] @ W[l].T"),
             ("graphs/node-rules", "ops.py", "(g * b, g * a)", "(g * b, g + a)"),
             ("graphs/shapes", "ops.py", "A.T @ g if", "A.T @ -g if"),
             ("graphs/autodiff", "graph.py", "grads[parent] + piece", "grads[parent] - piece")]


@pytest.mark.parametrize("name, room, old, new", OPERATORS, ids=[row[0] for row in OPERATORS])
def test_a_changed_operator_fails(name, room, old, new, tmp_path):
    path = ROOT / "chapters" / f"{name}.ipynb"
    if path not in CHAPTERS:
        pytest.skip("not written yet")
    shutil.copytree(ROOT / "lib", tmp_path / "lib", ignore=shutil.ignore_patterns("__pycache__"))
    source = (tmp_path / "lib" / room).read_text("utf8")
    assert source.count(old) == 1, f"{old!r} should stand once in lib/{room}"
    (tmp_path / "lib" / room).write_text(source.replace(old, new), "utf8")
    shutil.copy(path, tmp_path)
    run = nbval(tmp_path / path.name, "-x", folder=tmp_path)
    assert run.returncode == 1 and failing_cells(run.stdout), run.stdout
