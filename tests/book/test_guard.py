"""The notebook guard: what strict nbval would let pass, and the house rules for cells, figures and equations.

A rule takes a notebook and yields complaints. Each rule is tested below with a planted fault.
"""
from __future__ import annotations

import ast
import copy
import re

import pytest
from notebooks import CHAPTERS, VIEW, code, derivations, is_picture, page, parsed, prose, read, state, tags, texts

ALLOWED_TAGS = {"hide-input", "hide-cell", "hide-output", "remove-cell", "remove-input", "solution", "exercise"}
REASONS: dict[tuple[str, str], str] = {}   # (page, cell id): why nbval may skip it; meant to stay empty
SPEAKS = {"print", "show", "flipbook", "slip", "table", "display"}     # a cell that ends in one of these shows it
DIGITS = re.compile(r"(?<![\w./-])\d+\.\d+(?![\w/])")


def executed_in_order(nb):
    counts = [cell["execution_count"] for cell in code(nb)]
    if counts != list(range(1, len(counts) + 1)):
        yield f"not run once, top to bottom: {counts}"
    for cell in code(nb):
        if not cell["source"].strip():
            yield f"empty code cell {cell['id']}"


def outputs_are_stored(nb):
    for cell in code(nb):
        last = (parsed(cell) or [None])[-1]
        value = last.value if isinstance(last, ast.Expr) else None
        called = getattr(value, "func", None)
        speaks = getattr(called, "attr", getattr(called, "id", "")) in SPEAKS
        if (speaks or isinstance(value, ast.Name)) and not texts(cell):
            yield f"nothing stored that nbval would compare: {cell['source'][-60:]!r}"
        kinds = [output.get("data", {}).keys() for output in cell["outputs"]]
        if any("image/png" in bundle and "text/plain" not in bundle for bundle in kinds):
            yield f"a picture without text: {cell['id']}"
    if not any(re.search(r"\d", text) for cell in code(nb) for text in texts(cell)):
        yield "no printed number that nbval would compare"


def no_error_no_stderr(nb):
    for cell in code(nb):
        for output in cell["outputs"]:
            if output["output_type"] == "error" or output.get("name") == "stderr":
                yield f"{output['output_type']} {output.get('name', '')} in {cell['id']}"


def no_semicolon(nb):
    yield from (f"a trailing ';' silences nothing here: {cell['source'][-40:]!r}" for cell in code(nb)
                if cell["source"].rstrip().endswith(";"))


def no_address(nb):
    yield from (f"a memory address in {cell['id']}" for cell in code(nb) for text in texts(cell)
                if re.search(r"0x[0-9a-f]{6,}", text))


def no_raw_residual(nb):
    tiny = r"\d[eE][-−](?:0*9|[1-9]\d+)\b|10\^\{?[-−](?:9|[1-9]\d+)\b"
    yield from (f"{re.search(tiny, text)[0]!r} in {cell['id']} is rounding error: assert it, print the verdict"
                for cell in code(nb) for text in texts(cell) if re.search(tiny, text))


def no_bare_scalar(nb):
    bare = r"(?:np\.\w+\()?[-+]?(?:\d[\d.]*(?:e[-+]\d+)?|nan|inf|True|False)\)?|np\.(?:True|False)_|\(?[-+\d.e]+j\)?"
    for cell in code(nb):
        for output in cell["outputs"]:
            text = "".join(output.get("data", {}).get("text/plain", ""))
            if output["output_type"] == "execute_result" and re.fullmatch(bare, text.strip()):
                yield f"a bare {text!r} ends {cell['id']}: print it with its name"


def nothing_is_skipped(nb):
    for cell in code(nb):
        if (nb.get("page"), cell["id"]) in REASONS:
            continue
        if re.search(r"NBVAL_|PYTEST_VALIDATE_IGNORE", cell["source"]):
            yield f"a comment that tells nbval to skip: {cell['id']}"
        for tag in tags(cell) - ALLOWED_TAGS:
            yield f"tag {tag!r} on {cell['id']}"


def cells_are_short(nb):
    for cell in code(nb):
        lines = cell["source"].splitlines()
        most = 40 if derivations(cell) else 30 if "hide-input" in tags(cell) and is_picture(cell) else 15
        if len(lines) > most:
            yield f"{len(lines)} lines, at most {most}: {lines[0]!r}"
        yield from (f"{len(line)} columns, at most 88: {line[:60]!r}" for line in lines if len(line) > 88)


def first_cell_imports(nb):
    first, *others = code(nb)
    for node in parsed(first):
        makes_rng = ast.unparse(node).startswith("rng = np.random.default_rng(")
        if not (makes_rng or isinstance(node, ast.Import | ast.ImportFrom)):
            yield f"the first code cell only imports and makes rng: {ast.unparse(node)!r}"
    for cell in others:
        yield from (f"import outside the first cell: {ast.unparse(node)!r}" for node in parsed(cell)
                    if isinstance(node, ast.Import | ast.ImportFrom))


def house_figures(nb):
    for cell in code(nb):
        if re.search(r"matplotlib|\bplt\.|\.seed\(", cell["source"]):
            yield f"figures through lib.plot, random numbers through rng: {cell['id']}"


def figures_are_described(nb):
    for cell in code(nb):
        if not any(kind.startswith("image/") for output in cell["outputs"] for kind in output.get("data", {})):
            continue
        options = cell["metadata"].get("mystnb", {})
        name, caption = (options.get("figure", {}).get(key, "") for key in ("name", "caption"))
        alt = options.get("image", {}).get("alt", "")
        if not name.startswith("fig-") or not caption:
            yield f"a figure needs metadata mystnb.figure name (fig-…) and caption: {cell['id']}"
        if len(alt) < 40 or alt.strip() == caption.strip():
            yield f"a figure needs mystnb.image.alt, 40 characters that are not its caption: {cell['id']}"


def pictures_and_derivations_are_folded(nb):
    yield from (f"tag hide-input is missing: {cell['source'][:60]!r}" for cell in code(nb)
                if (is_picture(cell) or derivations(cell)) and "hide-input" not in tags(cell))


def derivations_are_shown(nb):
    for cell in code(nb):
        shown = [text for text in texts(cell) if re.search(r"\$\$ *\(eq:[\w-]+\)", text)]
        if derivations(cell) and not shown:
            yield f"a derivation that is not displayed with its label: {cell['source'][:60]!r}"
        attempted = "with Attempt(" in cell["source"]                   # whose lines are printed from what was checked, too
        if not derivations(cell) and not attempted and any("$$" in text for text in texts(cell)):
            yield f"display math from a cell that is no derivation: {cell['id']}"


def derivations_end_in_lib(nb):
    yield from (f"a derivation without ends_in: {ast.unparse(each.items[0])!r}" for cell in code(nb)
                for each in derivations(cell) if ".ends_in(" not in ast.unparse(each))


def lines_are_single_sourced(nb):
    """Four lines in five are printed from the expression that is checked; the others are LaTeX with a function."""
    calls = [node for cell in code(nb) for each in derivations(cell) for node in ast.walk(each)
             if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("start", "line")]
    typed = [call for call in calls if isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)]
    if len(typed) > len(calls) / 5:
        yield f"{len(typed)} of {len(calls)} lines are typed LaTeX, at most one in five"


def equations_are_derived(nb):
    for source in prose(nb):
        if math := equality(source):
            yield f"a displayed equality outside a derivation or a prf:definition: {math!r}"


def equality(source):
    """The first displayed equality that is no definition; bounds of sums do not count."""
    fence = r"^(?P<bar>`{3,}|:{3,})\{prf:definition\}.*?^(?P=bar) *$"
    rest = re.sub(fence, "", source, flags=re.M | re.S)
    display = r"\$\$.*?\$\$|\\begin\{(?:align|equation|gather)(?:ed)?\*?\}.*?\\end|^[`:]{3,}\{math\}.*?^[`:]{3,}"
    for block in re.findall(display, rest, re.M | re.S):
        bare = re.sub(r":(?:label|name|class):.*", "", block)
        while bare != (bare := re.sub(r"[_^]\{[^{}]*\}", "", bare)):
            pass
        if re.search(r"=|\\equiv|\\iff|\\Leftrightarrow", bare):
            return block[:80]
    return None


def something_to_play_with(nb):
    if not any(VIEW in output.get("data", {}) and "".join(output["data"]["text/plain"]).startswith("FlipBook")
               for cell in code(nb) for output in cell["outputs"]):
        yield "no flip book"


def exercises_have_solutions(nb):
    text = "\n\n".join(prose(nb))
    exercises = set(re.findall(r"\{exercise(?:-start)?\}.*?\n:label: *([\w:-]+)", text))
    solved = dict(re.findall(r"\{solution(?:-start)?\} *([\w:-]+) *\n((?::.*\n)*)", text))
    if not exercises:
        yield "no exercise with a label"
    yield from (f"exercise {label} has no solution" for label in sorted(exercises - solved.keys()))
    yield from (f"the solution of {label} is not folded (:class: dropdown)" for label, options in solved.items()
                if "dropdown" not in options)


def exercises_keep_the_slope(nb):
    asked = False
    for cell in nb["cells"]:
        if cell["cell_type"] == "markdown":
            found = re.findall(r"\{(exercise|solution)", cell["source"])
            asked = found[-1] == "exercise" if found else asked
        elif asked:
            yield from (f"an exercise shows an entry of its answer: {found}; check it with against=''"
                        for text in texts(cell) for found in re.findall("claimed .*, slope .*", text))


def hints_stand_with_their_exercise(nb):
    for source in prose(nb):
        first, asked = source.find("{admonition} Hint 1"), source.find("{exercise")
        if first >= 0 and not 0 <= asked < first:
            yield "hints that do not follow their exercise in the same cell, above the code to be filled in"


def numbers_bring_their_brackets(nb):
    for source in prose(nb):
        yield from (f"{found} is shown as ((1)); say: by {found[1:-1]}" for found in re.findall(r"\(\{eq\}`[^`]*`\)", source))


def widgets_have_state(nb):
    models = state(nb)
    for cell in code(nb):
        for output in cell["outputs"]:
            model = output.get("data", {}).get(VIEW, {}).get("model_id")
            if model and (model not in models or not model.startswith("0" * 16)):
                yield f"widget of {cell['id']} has no stored state, or was not stored by make refresh"
    frames = [each["state"]["value"] for each in models.values() if each["model_name"] == "HTMLModel"]
    alts = [re.search(r'alt="([^"]*)"', frame) for frame in frames]
    if any(alt is None or len(alt[1]) < 25 for alt in alts):
        yield "a frame without a sentence of 25 characters"


def numbers_come_from_cells(nb):
    known = "\n".join(cell["source"] + "\n".join(texts(cell)) for cell in code(nb)).replace("−", "-")
    for source in prose(nb):
        for number in DIGITS.findall(re.sub(r"https?://\S+|\{cite\S+|doi\S+", "", source)):
            if len(number) > 4 and number not in known:
                yield f"{number} stands in the text but in no cell or output"


RULES = [executed_in_order, outputs_are_stored, no_error_no_stderr, no_semicolon, no_address, no_raw_residual,
         no_bare_scalar, nothing_is_skipped, cells_are_short, first_cell_imports, house_figures, figures_are_described,
         pictures_and_derivations_are_folded, derivations_are_shown, derivations_end_in_lib,
         lines_are_single_sourced, equations_are_derived, something_to_play_with,
         exercises_have_solutions, exercises_keep_the_slope, hints_stand_with_their_exercise,
         numbers_bring_their_brackets, widgets_have_state, numbers_come_from_cells]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", CHAPTERS, ids=page)
def test_notebook(path, rule):
    complaints = list(rule(read(path) | {"page": page(path)}))
    assert not complaints, "\n".join(["", *complaints])


def test_figure_names_are_unique_in_the_book():
    figures = [each["metadata"].get("mystnb", {}).get("figure", {}) for path in CHAPTERS for each in code(read(path))]
    names = [figure["name"] for figure in figures if "name" in figure]
    assert len(names) == len(set(names)), sorted(name for name in set(names) if names.count(name) > 1)


# The guard guarded: a notebook that passes every rule, and faults that trip exactly one.

def cell(source, *outputs, count=None, **metadata):
    return {"cell_type": "code", "id": f"c{count}", "source": source, "execution_count": count, "metadata": metadata,
            "outputs": list(outputs)}


def text_cell(source):
    return {"cell_type": "markdown", "id": "m", "source": source, "metadata": {}}


def result(**data):
    return {"output_type": "execute_result", "metadata": {}, "data": data}


def printed(text):
    return {"output_type": "stream", "name": "stdout", "text": text}


MODEL = "0" * 31 + "1"
SAMPLE = {
    "cells": [
        text_cell("# A page\n\nAt 2 it is 0.8808.\n\n```{prf:definition}\n:label: def-a\n$$ a = b $$\n```\n\n"
                  "$$ \\sum_{i=1}^n x_i $$"),
        cell("import numpy as np\nfrom lib import plot\n\nrng = np.random.default_rng(7)", count=1),
        cell("print(f'{1 / (1 + np.exp(-2)):.4f}')", printed("0.8808\n"), count=2),
        cell("plot.show(fig)", result(**{"image/png": "iVBO", "text/plain": "Figure, 640 × 360 px"}), count=3,
             tags=["hide-input"], mystnb={"figure": {"name": "fig-a", "caption": "A curve."},
                                          "image": {"alt": "A curve that rises from zero to one, steepest at zero."}}),
        cell("with Derivation('a', 'b') as d:\n    d.line(1, 'why')\n    d.ends_in(one)\nd",
             result(**{"text/plain": "b = 1", "text/markdown": "$$\nb = 1\n$$ (eq:a)"}), count=4, tags=["hide-input"]),
        cell("explore.flipbook(draw, [1, 2], 'k', say)",
             result(**{VIEW: {"model_id": MODEL}, "text/plain": "FlipBook of 2 frames"}), count=5, tags=["hide-input"]),
        text_cell("```{exercise}\n:label: ex-a\nWhy?\n```\n\n```{solution} ex-a\n:class: dropdown\nBecause.\n```"),
    ],
    "metadata": {"widgets": {"application/vnd.jupyter.widget-state+json": {"state": {MODEL: {
        "model_name": "HTMLModel", "state": {"value": '<img alt="A line that rises with slope one.">'}}}}}},
}


def planted(index=None, source=None, metadata=None, output=None, **other):
    """The sample with one fault: a cell's source, metadata or first output (None: taken away) changed."""
    nb = copy.deepcopy(SAMPLE)
    if index is not None:
        there = nb["cells"][index]
        there |= {"source": source} if source is not None else {}
        there |= {"metadata": metadata} if metadata is not None else {}
        there |= {"outputs": [output] if output else []} if output is not None else {}
        there |= other
    return nb


def mystnb(**change):
    return {"tags": ["hide-input"], "mystnb": SAMPLE["cells"][3]["metadata"]["mystnb"] | change}


def asked_before(nb, index):
    """The notebook with an exercise before one of its cells."""
    nb["cells"].insert(index, text_cell("```{exercise}\n:label: ex-a\nWhat is the slope?\n```"))
    return nb


PRINTED, PICTURE = SAMPLE["cells"][2]["source"], {"tags": ["hide-input"]}
FAULTS = [
    (executed_in_order, planted(2, execution_count=None)),
    (executed_in_order, planted(2, execution_count=7)),
    (executed_in_order, planted(2, source=" ")),
    (outputs_are_stored, planted(2, source="print(0.8808)", output=())),
    (outputs_are_stored, planted(2, source="x = 0.8808\nx", output=())),
    (outputs_are_stored, planted(3, output=result(**{"image/png": "iVBO"}))),
    (no_error_no_stderr, planted(2, output=printed("0.8808") | {"name": "stderr"})),
    (no_error_no_stderr, planted(1, output={"output_type": "error", "ename": "ValueError"})),
    (no_semicolon, planted(2, source=PRINTED + ";")),
    (no_address, planted(2, output=printed("<object at 0x7f67f9ebc4a0> 0.8808"))),
    (no_raw_residual, planted(2, output=printed("0.8808, off by 1.7e-10"))),
    (no_raw_residual, planted(2, output=printed("0.8808, off by 3e-09"))),
    (no_bare_scalar, planted(2, output=result(**{"text/plain": "0.8808"}))),
    (no_bare_scalar, planted(2, output=result(**{"text/plain": "np.float64(0.8808)"}))),
    (no_bare_scalar, planted(2, output=result(**{"text/plain": "True"}), source="0.8808 < 1")),
    (nothing_is_skipped, planted(2, source="# NBVAL_IGNORE_OUTPUT\n" + PRINTED)),
    (nothing_is_skipped, planted(2, metadata={"tags": ["nbval-ignore-output"]})),
    (nothing_is_skipped, planted(2, metadata={"tags": ["raises-exception"]})),
    (cells_are_short, planted(2, source="x = 1\n" * 15 + PRINTED)),
    (cells_are_short, planted(3, source="x = 1\n" * 30 + "plot.show(fig)")),
    (cells_are_short, planted(4, source=SAMPLE["cells"][4]["source"] + "\n" * 38 + "d")),
    (cells_are_short, planted(2, source=PRINTED + "  # " + "why " * 20)),
    (first_cell_imports, planted(1, source="import numpy as np\nx = 1")),
    (first_cell_imports, planted(2, source="import os\n" + PRINTED)),
    (house_figures, planted(2, source="plt.plot([1, 2])\n" + PRINTED)),
    (house_figures, planted(2, source="np.random.seed(1)\n" + PRINTED)),
    (figures_are_described, planted(3, metadata=PICTURE)),
    (figures_are_described, planted(3, metadata=mystnb(image={"alt": "A curve."}))),
    (figures_are_described, planted(3, metadata=mystnb(figure={"name": "fig-a"}))),
    (pictures_and_derivations_are_folded, planted(4, metadata={})),
    (pictures_and_derivations_are_folded, planted(5, metadata={})),
    (derivations_are_shown, planted(4, output=result(**{"text/plain": "b = 1"}))),
    (derivations_are_shown, planted(2, output=result(**{"text/plain": "a = 0.8808", "text/markdown": "$$ 0.8808 $$"}))),
    (derivations_end_in_lib, planted(4, source="with Derivation('a', 'b') as d:\n    d.line(1, 'why')\nd")),
    (lines_are_single_sourced, planted(4, source=SAMPLE["cells"][4]["source"].replace("line(1,", "line('1', one,"))),
    (equations_are_derived, planted(0, source="0.8808\n\n$$\n\\sigma' = \\sigma(1 - \\sigma)\n$$")),
    (equations_are_derived, planted(0, source="```{math}\n:label: x\na = b\n```")),
    (equations_are_derived, planted(0, source="\\begin{align*}\na &= b\n\\end{align*}")),
    (equations_are_derived, planted(0, source="```{prf:theorem}\n$$ a = b $$\n```")),
    (something_to_play_with, planted(5, output=result(**{"text/plain": "a picture"}))),
    (exercises_have_solutions, planted(6, source="Nothing to do.")),
    (exercises_have_solutions, planted(6, source="```{exercise}\n:label: ex-a\nWhy?\n```")),
    (exercises_have_solutions, planted(6, source=SAMPLE["cells"][6]["source"].replace(":class: dropdown\n", ""))),
    (exercises_keep_the_slope, asked_before(planted(2, output=printed("disagrees: claimed 1, slope 0.8808\n")), 2)),
    (hints_stand_with_their_exercise, planted(0, source="0.8808\n\n```{admonition} Hint 1: the rule\n:class: dropdown\n```")),
    (numbers_bring_their_brackets, planted(0, source="It is 0.8808 ({eq}`eq:a`).")),
    (widgets_have_state, planted() | {"metadata": {}}),
    (widgets_have_state, planted() | {"metadata": {"widgets": {"application/vnd.jupyter.widget-state+json": {
        "state": {MODEL: {"model_name": "HTMLModel", "state": {"value": "<img>"}}}}}}}),
    (numbers_come_from_cells, planted(0, source="At 2 it is 0.8809.")),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_sample_passes(rule):
    assert list(rule(SAMPLE)) == []


@pytest.mark.parametrize("rule, nb", FAULTS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_planted_fault_is_seen(rule, nb):
    assert [each.__name__ for each in RULES if list(each(nb))] == [rule.__name__]


def test_a_notebook_without_a_number_is_seen():
    assert list(outputs_are_stored({"cells": [cell("print('one')", printed("one"))]})) == [
        "no printed number that nbval would compare"]


def test_every_rule_has_a_planted_fault():
    assert {rule for rule, _ in FAULTS} == set(RULES)
