"""The ledger: rows by id, slips that really differ, calls that are really refused."""

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
