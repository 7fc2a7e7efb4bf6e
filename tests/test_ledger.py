"""The ledger: rows by id, slips that really differ, calls that are really refused."""

import json

import numpy as np
import pytest

from lib import ledger


def test_every_row_is_read_once():
    rows = ledger.claims()
    assert len(rows) == 434 and len({row.id for row in rows}) == 434
    assert {row.verdict for row in rows} == {"correct", "slip", "incomplete", "ambiguous"}
    assert all(row.page and row.claim and row.correct for row in rows)


def test_a_row_by_id():
    row = ledger.claim("AN-04e")
    assert (row.page, row.verdict, row.kind) == ("neurons/discriminant", "slip", ("wrong normalisation",))
    assert row.correct == "d = -theta_0/sqrt(theta_1^2+theta_2^2) = -1/sqrt(13)."


def test_rows_by_condition():
    parts = [ledger.claims(page=page) for page in {row.page for row in ledger.claims()}]
    assert sum(map(len, parts)) == 434
    slips = ledger.claims(page="neurons/discriminant", verdict="slip")
    assert [row.id for row in slips] == ["AN-04a", "AN-04c", "AN-04d", "AN-04e", "AN-04f"]
    assert {row.source for row in ledger.claims(source="S2", kind="sign")} <= {"S2"}
    assert ledger.claims(kind="sign") and all("sign" in row.kind for row in ledger.claims(kind="sign"))
    assert ledger.claims(page="nowhere") == ()


@pytest.mark.parametrize(("id", "close"), [
    ("AN-4e", "AN-04e"), ("AN-04", "AN-04"), ("zzzzzz", "no row 'zzzzzz'$"), (4, "no row 4")])
def test_an_unknown_id_names_what_is_close(id, close):
    with pytest.raises(ValueError, match=close):
        ledger.claim(id)


def test_a_slip_shows_both_values():
    slip = ledger.slip("AN-04f", claimed=-np.sqrt(6) / 6, true=-1 / np.sqrt(13))
    assert repr(slip) == ("AN-04f, arithmetic\n"
                          "  claim:      Numeric signed distance: -sqrt(6)/6.\n"
                          "  gives:      -0.408248\n"
                          "  true value: -0.27735\n"
                          "  correct:    d = -1/sqrt(13) = -0.2773500981.")
    assert slip._repr_markdown_() == ("**Arithmetic** (AN-04f)\n\n> Numeric signed distance: -sqrt(6)/6.\n\n"
                                      "| claimed value | true value |\n|:--|:--|\n| `-0.408248` | `-0.27735` |")


def test_a_slip_in_arrays_and_words():
    slip = ledger.slip("S0-R5", claimed=np.ones((2, 2)), true="refused: |shapes|")
    assert slip.title == "S0-R5, wrong index"
    assert "gives:      [[1, 1],\n               [1, 1]]\n" in repr(slip)
    markdown = slip._repr_markdown_()
    assert "| `[[1, 1],` | `refused: \\|shapes\\|` |\n| ` [1, 1]]` |  |" in markdown
    assert r"> $a_{ik}^{(0)} \leftarrow" in markdown                        # a formula is set as one
    assert r"> `\partial J" in ledger.slip("S3-15", 1, 2)._repr_markdown_()              # one among words stays code
    assert r"theta\_0/sqrt(theta\_0^2" in ledger.slip("AN-04e", 1.0, 2.0)._repr_markdown_()
    assert ledger.slip("S0-R10", 1, 2).title == "S0-R10, ambiguous"


@pytest.mark.parametrize(("claimed", "true"), [
    (1.0, 1.0 + 1e-10), (1, 1.0), (0.0, -0.0), ("same", "same"), (np.array([1.0, 2.0]), [1.0, 2.0 + 1e-10])])
def test_a_slip_that_shows_nothing_is_refused(claimed, true):
    with pytest.raises(ValueError, match="slip AN-04e: the claimed value equals the true one, "):
        ledger.slip("AN-04e", claimed, true)


@pytest.mark.parametrize(("claimed", "true"), [
    (1.0, 1.0 + 1e-8), (1.0, -1.0), (0.0, 1e-9), ("a", "b"), ("1", 1.0), (np.ones(2), np.ones((2, 1))),
    (np.nan, 1.0), (np.ones(2), "refused")])
def test_a_slip_that_shows_something_is_not(claimed, true):
    assert "gives:" in repr(ledger.slip("AN-04e", claimed, true))


def test_a_correct_claim_is_not_a_slip():
    with pytest.raises(ValueError, match="slip AN-04b: the ledger says that this claim is correct"):
        ledger.slip("AN-04b", 1.0, 2.0)


def test_refusals():
    assert "mismatch" in ledger.refuses(lambda: np.ones((4, 1)) @ np.ones((3, 4)))
    assert ledger.refuses(lambda: np.ones(3)[5]).startswith("index 5 is out of bounds")
    with pytest.raises(ValueError, match="refuses: the call went through and gave 2"):
        ledger.refuses(lambda: 1 + 1)
    with pytest.raises(ZeroDivisionError):
        ledger.refuses(lambda: 1 // 0)


def test_the_effect_of_a_row():
    effects = [row.effect for row in ledger.claims()]
    assert (effects.count("result changed"), effects.count("wording only")) == (102, 35)
    assert ledger.claim("AN-04a").effect == "wording only" and ledger.claim("S0-C13").effect == "result changed"
    assert ledger.claim("AN-07i").effect == "incomplete" and ledger.claim("S0-C8").effect == "ambiguous"


# What the chapters have executed is read from the outputs that they store.

SLIPS = [ledger.slip("AN-04f", -0.408248, -0.27735), ledger.slip("AN-04a", "index 3 is out of bounds ", "theta[2] = 3"),
         ledger.slip("S2-14", np.array([[11.605], [-6.2]]), np.array([[2.321], [-1.24]]))]


def chapter(folder, page, *outputs):
    path = folder / f"{page}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    cells = [{"cell_type": "markdown", "source": "AN-04f, arithmetic"},
             *({"cell_type": "code", "outputs": [{"data": {"text/plain": text.splitlines(True)}}]} for text in outputs)]
    path.write_text(json.dumps({"cells": cells}), "utf8")
    return folder


@pytest.fixture
def chapters(tmp_path):
    chapter(tmp_path, "mlp/regression", "3.25", repr(SLIPS[2]))
    return chapter(tmp_path, "neurons/discriminant", "Figure", repr(SLIPS[0]), repr(SLIPS[1]))


def test_what_was_executed_is_read_as_it_was_shown(chapters):
    found = ledger.executed(chapters)
    assert set(found) == {"AN-04f", "AN-04a", "S2-14"}
    for slip in SLIPS:
        assert found[slip.row.id] == slip and repr(found[slip.row.id]) == repr(slip)
    assert found["S2-14"].claimed == "[[11.605],\n [  -6.2]]"


def test_every_slip_that_changes_a_result_is_read_from_the_chapters():
    found = ledger.executed()
    assert {row.id for row in ledger.claims() if row.effect == "result changed"} <= set(found)
    assert all(slip.row.id == id and slip.row.verdict != "correct" for id, slip in found.items())


@pytest.mark.parametrize(("part", "other"), [("Numeric", "Numerical"), ("sqrt(13) = ", "sqrt(13) ="),
                                             ("AN-04f, arithmetic", "AN-04f, sign")])
def test_a_chapter_that_is_out_of_date_is_named(tmp_path, part, other):
    chapter(tmp_path, "neurons/discriminant", repr(SLIPS[0]).replace(part, other))
    with pytest.raises(ValueError, match="executed: neurons/discriminant shows AN-04f in other words than the ledger"):
        ledger.executed(tmp_path)


SAID = {"AN-04f": [ledger.Said("f(x_1)", "as printed", "sign + 1/n", "It is [0] *n* times."),
                   ledger.Said("g(x)", "", "correct", "Right.")]}


def test_a_gallery_shows_claim_truth_values_and_verdict(chapters):
    shown = ledger.gallery(["AN-04f", "AN-04a"], SAID, chapters)
    assert repr(shown) == (f"{SLIPS[0]!r}\n  asked:      f(x_1) (as printed)\n"
                           "  diagnose:   sign + 1/n: It is [0] *n* times.\n  asked:      g(x)\n"
                           f"  diagnose:   correct: Right.\n  chapter:    neurons/discriminant\n\n{SLIPS[1]!r}\n"
                           "  chapter:    neurons/discriminant")
    first, second = shown._repr_markdown_().split("\n\n**")
    assert first == ("**Arithmetic** (AN-04f), in [discriminant](../neurons/discriminant.ipynb)\n\n"
                     "> Numeric signed distance: -sqrt(6)/6.\n\n"
                     "| claimed value | true value |\n|:--|:--|\n| `-0.408248` | `-0.27735` |\n\n"
                     "True: d = -1/sqrt(13) = -0.2773500981.\n\n"
                     "Asked: `f(x_1)` (as printed); `diagnose` says **sign + 1/n**: It is \\[0\\] \\*n\\* times.\n\n"
                     "Asked: `g(x)`; `diagnose` says **correct**: Right.")
    assert second.startswith("Wrong index** (AN-04a), in [discriminant]")


def test_a_gallery_names_what_no_chapter_has_executed(chapters):
    with pytest.raises(ValueError, match="gallery: no chapter has executed S0-C13, S0-C14$"):
        ledger.gallery(["S0-C13", "AN-04f", "S0-C14"], chapters=chapters)
    with pytest.raises(ValueError, match="no row 'AN-4'"):
        ledger.claim("AN-4")
