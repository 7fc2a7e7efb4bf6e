"""The flip book: the tree the site reads, a sentence for every frame, a small state, a text that nbval can compare."""
import re

import ipywidgets as widgets
import pytest

from lib import explore, plot


def draw(k):
    fig, ax = plot.figure(2, 1)
    plot.curve(ax, [0, 1], [0, 1 if isinstance(k, str) else k])
    return fig


def slope(k):
    return f'A line of slope "{k}" & no more.'


@pytest.fixture
def book():
    return explore.flipbook(draw, [-1, 0.5, 2], "slope", slope, start=1)


def test_the_tree_is_a_slider_over_a_stack_of_html(book):
    slider, stack = book.children
    assert type(slider) is widgets.IntSlider and type(stack) is widgets.Stack
    assert [type(child) for child in stack.children] == [widgets.HTML] * 3
    assert (slider.min, slider.max, slider.value, stack.selected_index, slider.description) == (0, 2, 1, 1, "slope")


def test_slider_and_stack_are_linked_in_the_browser(book):
    slider, stack = book.children
    links = [each for each in widgets.widget._instances.values() if isinstance(each, widgets.widget_link.Link)]
    assert any(link.source == (slider, "value") and link.target == (stack, "selected_index") for link in links)


def test_every_frame_has_picture_sentence_and_caption(book):
    pattern = (r'<figure class="frame"><img src="data:image/png;base64,iVBORw0KGgo[\w+/=]+" alt="([^"]+)" '
               r'width="200" height="100"><figcaption>([^<]+)</figcaption></figure>')
    frames = [re.fullmatch(pattern, frame.value).groups() for frame in book.children[1].children]
    assert frames[0] == ("A line of slope &quot;-1&quot; &amp; no more.", "slope = −1")
    assert [caption for _, caption in frames] == ["slope = −1", "slope = 0.5", "slope = 2"]
    assert len({frame.value for frame in book.children[1].children}) == 3


def test_the_text_is_stable_and_names_the_ends(book):
    expected = ('FlipBook of 3 frames, slope = −1 to 2\n  A line of slope "-1" & no more.\n'
                '  A line of slope "2" & no more.')
    assert repr(book) == expected
    assert book._repr_mimebundle_()["text/plain"] == expected


def test_frames_share_layout_and_style(book):
    frames = book.children[1].children
    assert len({frame.layout.model_id for frame in frames} | {book.layout.model_id}) == 1
    assert len({frame.style.model_id for frame in frames}) == 1


def test_labels_are_values_too():
    book = explore.flipbook(draw, ["sigmoid", "tanh"], "neuron", slope)
    assert repr(book).startswith("FlipBook of 2 frames, neuron = sigmoid to tanh")


@pytest.mark.parametrize("number, word", [(-0.0, "0"), (0.1 + 0.2, "0.3"), (-2, "−2"), (1e-3, "0.001")])
def test_numbers_in_words(number, word):
    assert explore.in_words(number) == word


@pytest.mark.parametrize("values, start, describe, message", [
    ([1], 0, slope, "got 1 values"), ([1, 2], 2, slope, "start = 2"), ([1, 2], 0, lambda k: "", r"describe\(1\) is ''"),
    ([1, 2], 0, lambda k: None, "every frame needs a sentence")])
def test_bad_input_is_named(values, start, describe, message):
    with pytest.raises(ValueError, match=message):
        explore.flipbook(draw, values, "k", describe, start)
