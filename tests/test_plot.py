"""The figures: readable colours in both modes, an exact palette, text that says what is drawn, lines in their place."""
import io
import itertools

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from lib import plot
from lib.graph import backward, leaf, sweep, to_records

THETA = np.array([-3.5, 1.2, 1.0])
TURN = np.array([[-0.574, 1.43, 0.144], [0.426, 0.43, 0.144], [0.426, 1.43, -0.856]])      # hue-rotate(180deg)


def rgb(color):
    return np.array(plot.to_rgb(color))


def dark(color):
    """What the dark page's filter makes of a colour: invert(1) hue-rotate(180deg)."""
    return np.clip(TURN @ (1 - rgb(color)), 0, 1)


def contrast(a, b):
    """The contrast ratio of WCAG 2."""
    linear = lambda c: np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]
    low, high = sorted((linear(a), linear(b)))
    return (high + 0.05) / (low + 0.05)


def colour_blind(color):
    """A colour as seen without the long-wave (red) or the middle-wave (green) cones, in linear light (Viénot 1999)."""
    linear = np.where(color <= 0.04045, color / 12.92, ((color + 0.055) / 1.055) ** 2.4)
    for red, green in ((0.1124, 0.8876), (0.2929, 0.7071)):
        yield np.array([red * linear[0] + green * linear[1]] * 2 + [linear[2]])


@pytest.fixture
def ax():
    return plot.figure()[1]


@pytest.mark.parametrize("name", plot.COLORS)
def test_text_in_every_colour_is_readable_light_and_dark(name):
    paper = rgb("#faf9f6")
    for tinted in ("orange", "blue"):
        assert contrast(rgb(plot.COLORS[name]), np.array(plot.tint(tinted))) >= 4.5
    assert contrast(rgb(plot.COLORS[name]), paper) >= 4.5
    assert contrast(dark(plot.COLORS[name]), dark("#ffffff")) >= 4.5
    assert contrast(dark(plot.COLORS[name]), rgb("#1a1a1a")) >= 4.5


def test_class_colours_differ_for_colour_blind_readers():
    first, second = (rgb(plot.COLORS[color]) for _, color in plot.CLASSES[:2])
    for a, b in zip(colour_blind(first), colour_blind(second), strict=True):
        assert np.linalg.norm(a - b) > 0.15
    assert len({marker for marker, _ in plot.CLASSES}) == len(plot.CLASSES)


def test_png_is_a_palette_at_twice_the_density_with_exact_white():
    fig, ax = plot.figure(3.0, 2.0)
    plot.decision_map(ax, lambda X: (X[:, 0] > 0).astype(int), (-1, 1, -1, 1), fine=20)
    image = Image.open(io.BytesIO(plot.png(fig)))
    pixels = np.asarray(image.convert("RGB"))
    assert (image.mode, image.size, plot.px(fig)) == ("P", (600, 400), (300, 200))
    assert tuple(pixels[0, 0]) == (255, 255, 255)
    for name in ("orange", "blue"):
        assert (abs(pixels - 255 * np.array(plot.tint(name))) < 1).all(axis=-1).sum() > 10_000


def test_the_same_figure_is_the_same_png():
    def draw():
        fig, ax = plot.figure()
        plot.curve(ax, np.arange(9), np.arange(9) ** 2, "$x^2$", at=4)
        return plot.png(fig)

    assert draw() == draw()


def test_show_displays_a_picture_whose_text_names_what_is_drawn(monkeypatch, ax):
    shown = []
    monkeypatch.setattr(plot, "display", shown.append)
    plot.axes(plot.curve(ax, [0, 1], [-1, 1], "rising"), "time (s)", "height (m)")
    assert plot.show(ax.figure) is None
    assert repr(shown[0]) == ("Figure, 640 × 360 px\n  time (s) from −0.05 to 1.05; height (m) from −1.1 to 1.1; "
                              "words: rising")
    assert shown[0]._repr_mimebundle_()[1]["image/png"]["width"] == 640


def test_about_never_shows_a_rounding_error(ax):
    ax.set(xlim=(-3e-17, 1), ylim=(-1e-12, 2))
    assert "from 0 to 1" in plot.about(ax.figure) and "e−" not in plot.about(ax.figure)


def test_decision_line_is_where_g_is_zero(ax):
    ax.set(xlim=(-1, 5), ylim=(-2, 4), aspect="equal")
    plot.decision_line(ax, THETA, "$g = 0$")
    line = ax.lines[0]
    for point in (line.get_xy1(), line.get_xy2()):
        assert THETA[0] + np.dot(THETA[1:], point) == pytest.approx(0)
    plot.png(ax.figure)                 # only drawing settles the aspect
    label = ax.texts[0]
    assert THETA[0] + np.dot(THETA[1:], label.get_position()) == pytest.approx(0)
    assert label.get_rotation() % 360 == pytest.approx(np.degrees(np.arctan2(-1.2, 1)) % 360)


def test_a_line_that_misses_the_axes_gets_no_label(ax):
    ax.set(xlim=(-1, 1), ylim=(-1, 1))
    assert not plot.decision_line(ax, np.array([9.0, 1, 1]), "far").texts


@pytest.mark.parametrize("theta, words", [(THETA, ["$g > 0$", "$g < 0$"]), ([9.0, 1, 1], ["$g > 0$"]),
                                          ([-9.0, 1, 1], ["$g < 0$"])])
def test_half_planes_are_named_where_they_are(ax, theta, words):
    ax.set(xlim=(-1, 4), ylim=(-1, 4))
    plot.half_planes(ax, np.array(theta))
    assert [text.get_text() for text in ax.texts] == words
    for text in ax.texts:
        assert ((theta[0] + np.dot(theta[1:], text.xy)) > 0) == (">" in text.get_text())


def test_half_planes_paint_the_side_they_name():
    fig, ax = plot.figure(2, 2)
    ax.set(xlim=(-1, 1), ylim=(-1, 1), position=(0, 0, 1, 1))
    ax.axis("off")
    fig.set_layout_engine("none")
    plot.half_planes(ax, np.array([0.0, 1, 0]))
    pixels = np.asarray(Image.open(io.BytesIO(plot.png(fig))).convert("RGB"))
    assert pixels[200, 390] == pytest.approx(255 * np.array(plot.tint("blue")), abs=1)
    assert pixels[200, 10] == pytest.approx(255 * np.array(plot.tint("orange")), abs=1)


def test_points_have_one_marker_and_one_colour_a_class(ax, rng):
    X, y = rng.normal(size=(12, 2)), np.repeat([0, 1, 2], 4)
    plot.points(ax, X, y, names=("a", "b", "c"))
    assert len({tuple(group.get_facecolor()[0]) for group in ax.collections}) == 3
    assert len({group.get_paths()[0].vertices.tobytes() for group in ax.collections}) == 3
    np.testing.assert_array_equal(np.vstack([group.get_offsets() for group in ax.collections]), X)
    assert [text.get_text() for text in ax.texts] == ["a", "b", "c"]


def test_limits_hold_the_points_and_keep_right_angles(ax, rng):
    X = rng.normal(size=(30, 2)) * [5, 1]
    plot.limits(ax, X)
    assert ax.get_aspect() == 1
    low, high = plot.box(ax)[[0, 2]]
    assert (low < X.min(axis=0)).all() and (high > X.max(axis=0)).all()


def test_decision_map_of_probabilities_draws_the_half(ax):
    plot.decision_map(ax, lambda X: 1 / (1 + np.exp(-X[:, 0])), (-3, 3, -1, 1), fine=60)
    half = ax.collections[-1]
    assert np.abs(half.get_paths()[0].vertices[:, 0]).max() < 0.01


def test_decision_map_keeps_the_colour_of_a_class_when_another_is_missing(ax):
    plot.decision_map(ax, lambda X: np.where(X[:, 0] > 0, 2, 1), (-1, 1, -1, 1), fine=4)
    shown = ax.images[-1].get_array()
    assert np.allclose(shown[0, 0], plot.tint("blue")) and np.allclose(shown[0, -1], plot.tint("green"))


def test_images_stand_side_by_side_on_one_scale(ax):
    pictures = np.stack([np.full((2, 3), value) for value in (-1.0, 0.5, 2.0)])
    plot.images(ax, pictures, ["a", "b", "c"], columns=2)
    first, second, third = (image.get_extent() for image in ax.images)
    assert first[1] < second[0] and first[2:] == second[2:] and third[3] < first[2] and third[:2] == first[:2]
    assert {image.get_clim() for image in ax.images} == {(-2.0, 2.0)}
    assert [text.get_text() for text in ax.texts] == ["a", "b", "c"]


def test_curve_label_stands_on_the_curve(ax):
    x = np.linspace(0, 2, 21)
    plot.curve(ax, x, x**2, "parabola", at=1.0)
    plot.curve(ax, x, x, "line")
    assert [text.xy for text in ax.texts] == [(1.0, 1.0), (2.0, 2.0)]
    assert ax.texts[0].get_color() == ax.lines[0].get_color() != ax.texts[1].get_color()


@pytest.mark.parametrize("slope", [3, -3, 0])
@pytest.mark.parametrize("below", [False, True])
def test_curve_label_keeps_off_the_line(ax, slope, below):
    x = np.linspace(-1, 1, 21)
    plot.curve(ax, x, slope * x, "a rather long label", at=0.1, below=below)
    FigureCanvasAgg(ax.figure).draw()
    box = ax.transData.inverted().transform(ax.texts[0].get_window_extent().get_points())
    gaps = [y - slope * x for x in box[:, 0] for y in box[:, 1]]
    assert max(gaps) < 0 if below else min(gaps) > 0


def test_arrow_and_segment_end_where_they_should(ax):
    plot.arrow(ax, [1, 1], [2, 0], "$w$")
    plot.segment(ax, [0, 0], [2, 4], "d")
    assert ax.texts[0].xy == pytest.approx([3, 1])
    assert [text.get_text() for text in ax.texts] == ["", "$w$", "d"] and ax.texts[-1].xy == pytest.approx([1, 2])


def test_loss_surface_draws_the_path_it_is_given(ax):
    path = np.array([[2.0, 1], [1, 0.5], [0, 0]])
    plot.loss_surface(ax, lambda theta: theta @ theta, (-2, 2), (-1, 1), path)
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), path)
    assert ax.get_xlim() == (-2, 2)


@pytest.mark.parametrize("log", [False, True])
def test_names_of_learning_curves_do_not_overlap(log):
    fig, ax = plot.figure()
    plot.learning_curves(ax, {str(k): 1.0 + 0.001 * k + np.zeros(9) for k in range(4)}, "loss", log=log)
    FigureCanvasAgg(fig).draw()
    boxes = sorted((text.get_window_extent() for text in ax.texts), key=lambda box: box.y0)
    assert all(low.y1 <= high.y0 + 1 for low, high in itertools.pairwise(boxes))


def test_matrix_writes_every_value_and_its_shape(ax):
    plot.matrix(ax, np.array([[1.0, -0.5], [0, 2]]), "$W$", ".1f")
    assert [text.get_text() for text in ax.texts] == ["1.0", "−0.5", "0.0", "2.0"]
    assert ax.get_title() == "$W$  2 × 2"
    assert ax.yaxis_inverted()


def test_bars_stand_end_to_end_with_their_numbers(ax):
    plot.bars(ax, {"sign": (3, 2), "index": (0, 4), "shape": (1, 0)}, ("now", "later"))
    places = {(round(bar.get_y() + 0.37, 6), bar.get_x(), bar.get_width()) for bar in ax.patches if bar.get_width()}
    assert places == {(0, 0, 3), (0, 3, 2), (1, 0, 4), (2, 0, 1)}
    assert sorted(text.get_text() for text in ax.texts) == sorted(["now", "later", "3", "2", "4", "1"])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["sign", "index", "shape"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]                                            # the first on top


def test_network_writes_values_in_blue_above_and_slopes_in_orange_below(ax):
    values, weights = [np.array([1.0, 2]), np.array([0.5])], [np.array([[3.0], [-4]])]
    plot.network(ax, values, weights, values, weights, [["a", "b"], ["c"]])
    said = {color: sorted(t.get_text() for t in ax.texts if t.get_color() == plot.COLORS[color])
            for color in ("blue", "orange")}
    assert said["blue"] == said["orange"] == ["0.50", "1.00", "2.00", "3.00", "−4.00"]
    assert len(ax.lines) == 2 and ax.lines[0].get_linewidth() < ax.lines[1].get_linewidth()


def records():
    """x and y, a = x y, L = (a + a) + x with an edge past two layers, and an array beside them."""
    x, y = leaf(2.0, "$x$"), leaf(-3.0, "$y$")
    a = x * y
    a.name = "$a$"
    L = (a + a) + x + leaf(np.ones((3, 2)), "$M$").sum() * 1.0
    return to_records(L, backward(L))


def test_graph_writes_values_in_blue_and_gradients_in_orange(ax):
    plot.graph(ax, records())
    said = {color: sorted(t.get_text() for t in ax.texts if t.get_color() == plot.COLORS[color])
            for color in ("blue", "orange")}
    assert said["blue"] == sorted(["2", "−3", "$a$ = −6", "−12", "−10", "3 × 2", "6", "6", "−4"])
    assert said["orange"] == sorted(["−5", "4", "2", "1", "1", "3 × 2", "1", "1", "1"])
    assert [t.get_text() for t in ax.texts].count("1") == 6                   # five gradients, and the unnamed constant


def test_graph_stands_in_layers_and_its_long_edges_go_around():
    place, paths = plot._layers(records())
    assert len({tuple(np.round(at, 6)) for at in place.values()}) == len(place)
    for path in paths.values():
        assert np.diff([place[node][0] for node in path]) == pytest.approx(1.0)
    assert max(map(len, paths.values())) == 4                                 # x goes past a and a + a
    assert plot._layers(records()[:1])[0].keys() == {0}


def test_a_graph_shows_whose_turn_it_is_and_what_is_sent_back(ax):
    x = leaf(3.0, "$x$")
    L = (x * x) * 5.0
    first, second = sweep(L, {L: np.float64(1)})
    plot.graph(ax, to_records(L, step=first))
    plot.graph(other := plot.figure()[1], to_records(L, step=second))
    for axes, said, circles in ((ax, ["5"], 1), (other, ["15", "15"], 1)):
        assert [t.get_text() for t in axes.texts if t.get_color() == plot.COLORS["orange"]] == said
        edges = [t.arrow_patch for t in axes.texts if getattr(t, "arrow_patch", None)]
        assert len(edges) == 4 and sum(e.get_edgecolor()[:3] == rgb_tuple("orange") for e in edges) == len(said)
        assert sum(tuple(c.get_edgecolor()[0, :3]) == rgb_tuple("orange") for c in axes.collections) == circles


def rgb_tuple(name):
    return plot.to_rgb(plot.COLORS[name])


def test_edges_of_a_graph_leave_and_arrive_level():
    path = plot.Level(0.2).connect((0.0, 10.0), (100.0, -40.0))
    assert path.vertices.tolist() == [[0, 10], [50, 30], [50, -20], [100, -40]]
    straight = plot.Level(0.0).connect((0.0, 10.0), (100.0, -40.0)).vertices
    assert straight[0, 1] == straight[1, 1] and straight[2, 1] == straight[3, 1]


def test_texts_of_a_graph_do_not_overlap():
    fig, ax = plot.figure(7.2, 4.2)
    plot.graph(ax, records())
    FigureCanvasAgg(fig).draw()
    boxes = [text.get_window_extent() for text in ax.texts if text.get_text()]
    assert not [1 for a, b in itertools.combinations(boxes, 2) if a.overlaps(b)]


def test_nothing_is_left_for_the_inline_backend(ax):
    from matplotlib import pyplot
    assert not pyplot.get_fignums()
