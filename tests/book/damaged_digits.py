"""The negative control, digits: every cell that passed is compared again with one digit of its stored output changed.

A pytest plugin beside nbval, `-p tests.book.damaged_digits`: of each stored text in turn the last digit is raised by
one, and a cell that agrees with that as well fails, because then nothing was compared.
"""
from __future__ import annotations

import copy
import re

import pytest
from nbval.plugin import IPyNbCell, coalesce_streams


def damage_digit(text: str) -> str:
    """The last digit of the text, one higher."""
    return re.sub(r"(\d)(\D*)\Z", lambda found: f"{(int(found[1]) + 1) % 10}{found[2]}", text)


def damaged_outputs(outputs: list[dict]):
    """The outputs with one digit changed, once for each of their texts that has a digit."""
    for number, output in enumerate(outputs):
        for kind, text in {"text": output.get("text", ""), **output.get("data", {})}.items():
            if kind.startswith("text") and damage_digit(text) != text:
                damaged = copy.deepcopy(outputs)
                (damaged[number] if kind == "text" else damaged[number]["data"])[kind] = damage_digit(text)
                yield kind, damaged


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """After nbval has found a cell's outputs right, it must find every damaged copy of them wrong."""
    yield
    if isinstance(item, IPyNbCell):
        for kind, damaged in damaged_outputs(coalesce_streams(item.cell.outputs)):
            if not item.options["check"] or item.compare_outputs(item.test_outputs, damaged):
                item.raise_cell_error(f"A changed digit in its {kind} goes unnoticed")
