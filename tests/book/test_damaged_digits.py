"""The control of the digits controlled: a right notebook passes, a wrong or uncompared number is seen."""
import json

import pytest
from damaged_digits import damage_digit, damaged_outputs
from notebooks import failing_cells, nbval


@pytest.mark.parametrize("stored, tags, failing", [
    ("x = 2.5\n", [], set()), ("x = 2.4\n", [], {0}), ("x = 2.5\n", ["nbval-ignore-output"], {0})])
def test_a_number_that_is_wrong_or_not_compared_is_seen(stored, tags, failing, tmp_path):
    cell = {"cell_type": "code", "id": "c0", "source": "print('x =', 5 / 2)", "execution_count": 1,
            "metadata": {"tags": tags}, "outputs": [{"output_type": "stream", "name": "stdout", "text": stored}]}
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}), "utf8")
    run = nbval(path)
    assert failing_cells(run.stdout) == failing and run.returncode == bool(failing), run.stdout


def test_damage_digit():
    assert damage_digit("L = 0.8857 nats\n") == "L = 0.8858 nats\n"
    assert damage_digit("9") == "0" and damage_digit("no digit") == "no digit"


def test_each_text_is_damaged_in_turn():
    outputs = [{"text": "1"}, {"data": {"text/plain": "one", "text/html": "<b>2</b>", "image/png": "3"}}]
    assert list(damaged_outputs(outputs)) == [("text", [{"text": "2"}, outputs[1]]), ("text/html", [
        outputs[0], {"data": {"text/plain": "one", "text/html": "<b>3</b>", "image/png": "3"}}])]
