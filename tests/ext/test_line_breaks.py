"""Line breaks: short code and rows of numbers stay in one line."""
import line_breaks
import pytest
from docutils import nodes


@pytest.mark.parametrize(("text", "classes"), [
    ("x * x", ["short"]), ("mine(g, y, Z)", ["short"]), ("sigmoid", []), ("minus neuron.discriminant", [])])
def test_code_in_a_text_and_in_a_table(text, classes):
    code, value = nodes.literal("", text), nodes.literal("", text)
    line_breaks.mark(None, nodes.section("", nodes.paragraph("", "", code), nodes.entry("", nodes.paragraph("", "", value))), "")
    assert (code["classes"], value["classes"]) == (classes, [])


@pytest.mark.parametrize(("text", "classes"), [
    ("A =\n[[1, 2],\n [3, 4]]\nf = 3", ["output", "matrix"]),
    ("product = A @ B, row by row\n[[1, 2],\n [3, 4]]", ["output"]),
    ("g = [1, 2]", ["output"]),
    ("", ["output"])])
def test_a_printed_matrix(text, classes):
    output, code = nodes.literal_block("", text, classes=["output"]), nodes.literal_block("", text)
    line_breaks.mark(None, nodes.section("", output, code), "")
    assert (output["classes"], code["classes"]) == (classes, [])
