"""Results: what a chain of lines has derived, how results are named, and that each needs only what stands before it."""
from pathlib import Path

import book
import pytest
import yaml
from derivation_grid import Line, prose, to_html

ROOT = Path(__file__).parents[2]
RESULTS = book.results(ROOT)
VAGUE = {"symmetry", "Jacobian", "softmax", "log-softmax", "signed distance", "the derivation above", "the gradient above"}


def chain(*lines, **more):
    rows = tuple(Line(lhs, rhs, r"\text{why}", "proved", "") for lhs, rhs in lines)
    given = {"label": "x", "page": "p", "section": "", "tex": "", "ends_in": "", "name": "a result", "wordings": (), "needs": (),
             "both_sides": False}
    return book.Result(lines=rows, **(given | more))


@pytest.mark.parametrize(("lines", "equation"), [
    ([("a", "= b"), ("", "= c")], "a = c"),
    ([("a_{ij}", "= b"), ("", "= c"), ("A", "= C"), ("", "= D")], "A = D"),
    ([("a", "= b"), ("", r"\le c")], r"a \le c"),
    ([("a", "= b"), ("", r"\le c"), ("", "= d")], r"a \le d"),
    ([("a", r"= \left(x\right)"), ("", "= d")], "a = d"),                        # \left is not \le
    ([("", "a < 1"), ("", r"\iff b < 2"), ("", r"\iff c < 3")], r"a < 1 \quad\iff\quad  c < 3"),
    ([(r"\ln p", "= a"), ("p", "= e^{a}")], "p = e^{a}")])
def test_what_a_chain_has_derived(lines, equation):
    assert chain(*lines).equation == equation


def test_two_sides_can_be_the_result():
    assert chain(("a", "= b"), ("c", "= d"), both_sides=True).equation == "a = c"


@pytest.mark.parametrize(("entry", "parts"), [
    ("bias trick", ("bias trick", (), (), False)),
    (r"slope | slope of $\sigma$ <- a, b-c", ("slope", (r"slope of $\sigma$",), ("a", "b-c"), False)),
    ("equal weights = <- a", ("equal weights", (), ("a",), True)),
    (None, ("not named yet", (), (), False))])
def test_an_entry_of_the_names(entry, parts):
    assert book.named(entry, "not-named-yet") == parts


def test_the_functions_named_by_a_summary():
    assert chain(ends_in="2n · losses.squared_error_grad").functions == ["losses.squared_error_grad"]
    assert chain(ends_in="mlp.backward(...).dW[L]").functions == ["mlp.backward"]
    assert chain(ends_in="c_1 + 2 c_2 x").functions == []


def test_the_book_is_read():
    slope = RESULTS["sigmoid-slope"]
    assert (slope.page, slope.section) == ("chapters/neurons/activations", "The slope of the sigmoid")
    assert slope.functions == ["activations.sigmoid_prime"] and "sigmoid-symmetry" in slope.needs
    assert slope.equation == r"\sigma'(a) = \sigma(a) (1 - \sigma(a))"
    assert book.sections(ROOT)[slope.page, slope.section] == "activations-slope"
    assert "chapters/neurons/activations" in book.uses(ROOT)["activations.sigmoid_prime"]


def test_every_result_has_a_name_and_every_name_a_result():
    names = yaml.safe_load((ROOT / "results.yml").read_text(encoding="utf8"))
    assert sorted(RESULTS.keys() - names.keys()) == [], "give them a line in results.yml: label: name <- what they need"
    assert sorted(names.keys() - RESULTS.keys()) == []


def test_names_differ_and_fit_a_row_of_the_map():
    names = [result.name for result in RESULTS.values()]
    assert len(names) == len(set(names)), sorted(name for name in set(names) if names.count(name) > 1)
    assert [name for name in names if len(name) > 48] == []


@pytest.mark.parametrize("chapter", book.chapters(ROOT), ids=lambda chapter: chapter.page)
def test_a_result_needs_what_stands_before_it(chapter):
    order = list(RESULTS)
    late = [f"{result.label} needs {need}" for result in chapter.results for need in result.needs
            if need not in RESULTS or order.index(need) >= order.index(result.label)]
    assert late == []


def unsaid(results: dict) -> list[str]:
    """Reasons that name an earlier result which is not among the needs of theirs."""
    found, order = [], list(results)
    for result in results.values():
        reasons = " ; ".join(line.reason for line in result.lines)
        for other in order[:order.index(result.label)]:
            words = results[other].name
            if words not in VAGUE and words in reasons and other not in result.needs:
                found.append(f"{result.label}: a reason says {words!r}, so it needs {other}")
    return found


def test_what_a_reason_names_is_needed():
    assert unsaid(RESULTS) == []


def test_an_unsaid_need_is_seen():
    one, two = chain(label="one", name="slope of a thing"), chain(("a", "= b"), label="two", name="second")
    two.lines[0].reason = r"\text{slope of a thing, twice}"
    assert unsaid({"one": one, "two": two}) == ["two: a reason says 'slope of a thing', so it needs one"]


LINKS = [("slope", "#short"), ("slope of the sigmoid", "x.html#long"), (r"$\sigma'$", "#math")]


def typeset(tex):
    return f"<i>{tex}</i>"


@pytest.mark.parametrize(("reason", "made"), [
    ("slope of the sigmoid", '<a href="x.html#long">slope of the sigmoid</a>'),
    ("by the slope of the sigmoid; add", 'by the <a href="x.html#long">slope of the sigmoid</a>; add'),
    (r"as $\sigma'$, slope", r"""as <a href="#math" aria-label="the result used here"><i>\sigma'</i></a>, <a href="#short">slope</a>"""),
    ("slopes", "slopes"), (r"$slope$", "<i>slope</i>")])
def test_reasons_lead_to_the_results_they_name(reason, made):
    assert prose(rf"\text{{{reason}}}", typeset, LINKS) == made


def test_links_reach_the_page():
    tex = "a &= b && \\text{definition} && \\\\ % start; as it stands\n &= c && \\text{slope} && \\checkmark % proved; x"
    assert to_html(tex, lambda tex: "", LINKS).count('<a href="#short">slope</a>') == 1
    assert "<a " not in to_html(tex, lambda tex: "")
