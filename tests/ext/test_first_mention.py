"""Quiet links: the first mention of a term, a letter that means one thing everywhere; and where none may be put."""
from pathlib import Path

import first_mention
import pytest
from docutils import nodes, utils

ROOT = Path(__file__).parents[2]
TERMS = {"delta": "#delta", "Kronecker delta": "#kronecker", "log-odds": "#log-odds", "odds": "#odds", "layer": "#layer"}


def page(*content, title="A page"):
    document = utils.new_document("page")
    document += nodes.section("", nodes.title("", title), *content)
    return document


def said(*content):
    return nodes.paragraph("", "", *(nodes.Text(each) if isinstance(each, str) else each for each in content))


def links(document):
    return [(link.astext(), link["refuri"]) for link in document.findall(nodes.reference)]


def linked(*content, terms=TERMS):
    document = page(*content)
    first_mention.link_terms(document, terms)
    return links(document)


def test_the_first_mention_leads_to_the_glossary():
    assert linked(said("The odds, and odds again."), said("More odds.")) == [("odds", "#odds")]
    assert linked(said("Odds of two deltas")) == [("Odds", "#odds"), ("deltas", "#delta")]


@pytest.mark.parametrize("words", ["oddsmaker", "at-odds", "modds"])
def test_a_part_of_a_word_is_no_mention(words):
    assert linked(said(words)) == []


def test_the_longer_term_counts():
    assert linked(said("the Kronecker delta"), said("the Kronecker delta")) == [("Kronecker delta", "#kronecker")]
    assert linked(said("the log-odds")) == [("log-odds", "#log-odds")]


def test_a_page_that_defines_a_term_has_no_link():
    assert linked(said("The ", nodes.strong("", "odds"), " are a quotient; odds are not probabilities.")) == []


def test_no_more_than_two_in_a_paragraph_and_none_that_stand_everywhere():
    assert len(linked(said("the odds, the log-odds, the delta"))) == 2
    assert linked(said("a layer")) == []


@pytest.mark.parametrize("content", [
    nodes.section("", nodes.title("", "The odds")), nodes.paragraph("", "", nodes.literal("", "odds")),
    nodes.paragraph("", "", nodes.reference("", "odds", refuri="x")), nodes.literal_block("", "odds"),
    nodes.container("", nodes.paragraph("", "odds"), classes=["cell_input"]),
    nodes.section("", nodes.title("", "Common slips"), nodes.paragraph("", "odds")),
    nodes.section("", nodes.title("", "Common slips"), nodes.section("", nodes.title("", "A"), nodes.paragraph("", "odds")))])
def test_where_no_link_is_put(content):
    assert [link for link in linked(content) if link != ("odds", "x")] == []


def test_a_letter_leads_to_the_notation_with_its_comma_outside():
    math = nodes.math("", "X")
    math["tail"] = ","
    document = page(said("rows of ", math, " and ", nodes.math("", "X"), nodes.math("", "XW")))
    first_mention.link_letters(document, ROOT, "notation.html")
    assert links(document) == [("X", "notation.html#sym-samples")]
    kept = next(iter(document.findall(nodes.inline)))
    assert kept["classes"] == ["kept"] and kept.astext() == "X,"


def test_the_letters_of_the_notation_are_read():
    assert {"X", "W", r"\theta", r"\eta"} <= first_mention.letters(ROOT).keys()
    assert r"\theta_i" not in first_mention.letters(ROOT)


@pytest.mark.parametrize(("name", "calls", "words"), [
    ("graph.backward, the table for x", ["graph.backward"], [", the table for x"]),
    ("mlp.backward(…).dW[1]", ["mlp.backward(…).dW[1]"], []), ('OPS["mul"].vjp, second input', ['OPS["mul"].vjp'], [", second input"]),
    ("a forward difference of numpy's Polynomial", [], ["a forward difference of numpy's Polynomial"]),
    ("x_l - activations.softmax(z)", ["activations.softmax(z)"], ["x", "l", " − "]), ("-p (1 - p)", [], ["−p\u00a0(1\u00a0−\u00a0p)"]),
    ("X.T @ losses.squared_error_grad", ["X.T @ losses.squared_error_grad"], []), ("count_pairs(k) > k", ["count_pairs(k) > k"], [])])
def test_what_a_derivation_ends_in_is_code_only_where_it_is(name, calls, words):
    made = first_mention.in_words(name)
    assert [node.astext() for node in made if isinstance(node, nodes.literal)] == calls
    assert [node.astext() for node in made if not isinstance(node, nodes.literal)] == words
