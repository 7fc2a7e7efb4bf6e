"""Every figure of the book: pure drawing of data already computed; each helper takes an Axes first and returns it.

The style is chosen for a light page and survives the dark page's filter (invert, then turn the hue by 180°):
dark colours that colour-blind readers can tell apart, a marker beside every colour, labels on the lines themselves.
"""
from __future__ import annotations

import io
from collections.abc import Callable
from itertools import pairwise

import matplotlib
import networkx as nx
import numpy as np
from cycler import cycler
from IPython.display import Image, display
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import ConnectionStyle
from matplotlib.path import Path
from matplotlib.patheffects import withStroke
from matplotlib.transforms import ScaledTranslation
from PIL import Image as Pixels

CSS_PX = 100                                          # CSS pixels per inch of figure: 6.4 inches are 640 on the page
# The colours of every figure.
COLORS = {"blue": "#00609f", "orange": "#a84200", "green": "#00704f", "purple": "#943c6f", "grey": "#5a5a5a"}
INK = "#222222"
CLASSES = tuple(zip("so^Dv", ("orange", "blue", "green", "purple", "grey"), strict=True))     # of class 0, 1, 2 ...
HALO = [withStroke(linewidth=3, foreground="white")]

# Set on import, so that no chapter needs an option of Matplotlib's.
matplotlib.rcParams.update({
    "font.size": 10.5, "axes.titlesize": 10.5, "axes.labelsize": 10.5, "xtick.labelsize": 9.5, "ytick.labelsize": 9.5,
    "mathtext.fontset": "dejavuserif", "axes.prop_cycle": cycler(color=list(COLORS.values())), "lines.linewidth": 1.8,
    "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.7, "axes.edgecolor": INK,
    "axes.labelcolor": INK, "text.color": INK, "xtick.color": INK, "ytick.color": INK,
    "xtick.major.width": 0.7, "ytick.major.width": 0.7, "axes.formatter.use_mathtext": True, "svg.hashsalt": "book",
})


class Picture(Image):
    """A PNG drawn at twice the density of the page. Its text says what the axes show, so that nbval can compare it."""

    def __init__(self, fig: Figure):
        self._about = about(fig)
        super().__init__(data=png(fig), format="png", width=px(fig)[0])

    def __repr__(self):
        return self._about


def figure(width: float = 6.4, height: float = 3.6, columns: int = 1):
    """A figure and its Axes (an array of them if columns > 1); 1 inch is 100 CSS pixels."""
    fig = Figure(figsize=(width, height), layout="constrained")     # not pyplot: nothing to close, nothing shown twice
    return fig, fig.subplots(1, columns)


def show(fig: Figure) -> None:
    """Display the figure; the last line of a figure cell."""
    display(Picture(fig))


def px(fig: Figure) -> tuple[int, int]:
    """Width and height on the page, in CSS pixels."""
    return tuple(round(inches * CSS_PX) for inches in fig.get_size_inches())


def png(fig: Figure, colors: int = 64) -> bytes:
    """The figure as a palette PNG with two pixels per CSS pixel: about a quarter of Matplotlib's own size.

    The palette is the commonest colours, so that white and the flat areas stay exactly what they were.
    """
    raw, out = io.BytesIO(), io.BytesIO()
    fig.savefig(raw, format="png", dpi=2 * CSS_PX, facecolor="white")
    pixels = np.asarray(Pixels.open(raw).convert("RGB"), dtype=int)
    codes, where, counts = np.unique(pixels @ [65536, 256, 1], return_inverse=True, return_counts=True)
    rgb = codes[:, None] // [65536, 256, 1] % 256
    palette = rgb[np.argsort(-counts, kind="stable")[:colors]]
    nearest = ((rgb[:, None] - palette) ** 2).sum(axis=-1).argmin(axis=1)
    image = Pixels.fromarray(nearest[where].reshape(pixels.shape[:2]).astype(np.uint8))
    image.putpalette(palette.astype(np.uint8).tobytes())
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def about(fig: Figure) -> str:
    """One line per Axes: its labels, its limits to three digits, the words written in it."""
    span = lambda ends: " to ".join(f"{round(end, 9) + 0.0:.3g}".replace("-", "−") for end in ends)
    lines = []
    for ax in fig.axes:
        words = [text.get_text() for text in [ax.title, *ax.texts] if text.get_text()]
        axis = lambda name, label, ends: f"{label or name} from {span(ends)}"
        lines.append("; ".join([axis("x", ax.get_xlabel(), ax.get_xlim()), axis("y", ax.get_ylabel(), ax.get_ylim()),
                                *(["words: " + ", ".join(words)] if words else [])]))
    return "\n  ".join(["Figure, {} × {} px".format(*px(fig)), *lines])


def axes(ax: Axes, x: str, y: str, title: str = "") -> Axes:
    """Name the two axes, units included."""
    ax.set(xlabel=x, ylabel=y)
    ax.set_title(title, loc="left")
    return ax


def note(ax: Axes, at, text: str, color: str = "", offset=(0, 0), align: str = "center") -> Axes:
    """Text at a point of the plane, shifted by `offset` points."""
    ax.annotate(text, at, offset, textcoords="offset points", ha=align, va="center", path_effects=HALO,
                color=COLORS.get(color, color or INK), annotation_clip=False, zorder=6)
    return ax


def curve(ax: Axes, x, y, label: str = "", at: float | None = None, color: str = "", dashed: bool = False,
          below: bool = False) -> Axes:
    """A line with its label beside it: above it at x = `at` (or below), else at its right end.

    Where the line is steep, "above" is on its upper side, so that the label does not lie on the line.
    """
    line, = ax.plot(x, y, "--" if dashed else "-", color=COLORS.get(color, color or None))
    if label and at is None:
        note(ax, (x[-1], y[-1]), label, line.get_color(), (6, 0), "left")
    elif label:
        reach = 0.03 * np.ptp(x)
        rise = np.diff(np.interp([at - reach, at + reach], x, y))[0] / (np.ptp(y) or 1.0)
        side, lean = (-1 if below else 1), (abs(rise) > 0.03) * int(np.sign(rise))
        note(ax, (at, np.interp(at, x, y)), label, line.get_color(), (-6 * lean * side, (5 if lean else 11) * side),
             ("center", "right", "left")[lean * side])
    return ax


def points(ax: Axes, X: np.ndarray, y: np.ndarray | None = None, names=()) -> Axes:
    """Samples X (n, 2), one marker and one colour a class; a class's name stands beside its outermost point."""
    y = np.zeros(len(X), int) if y is None else np.asarray(y)
    for (marker, color), label in zip(CLASSES, np.unique(y), strict=False):
        ax.scatter(*X[y == label].T, s=30, marker=marker, color=COLORS[color], edgecolors="white", linewidths=0.6,
                   zorder=4)
    for (_, color), label, name in zip(CLASSES, np.unique(y), names, strict=False):
        away = X[y == label] - X.mean(axis=0)
        far = np.argmax(away @ away.mean(axis=0))
        note(ax, X[y == label][far], name, color, (0, 12 if away[far, 1] > 0 else -12))
    return ax


def limits(ax: Axes, X: np.ndarray, margin: float = 0.15, equal: bool = True, names=("$x_1$", "$x_2$")) -> Axes:
    """Limits around the points X (n, 2); equal units on both axes, so that right angles look right."""
    low, high = np.min(X, axis=0), np.max(X, axis=0)
    pad = margin * (np.max(high - low) if equal else high - low) * np.ones(2)
    ax.set(**dict(zip(("xlim", "ylim"), np.transpose([low - pad, high + pad]), strict=True)),
           xlabel=names[0], ylabel=names[1])
    if equal:
        ax.set_aspect("equal")
    return ax


def decision_line(ax: Axes, theta: np.ndarray, label: str = "", color: str = "", dashed: bool = False,
                  at: float = 0.75) -> Axes:
    """The line θ₀ + θ₁x₁ + θ₂x₂ = 0 across the Axes, its label along it at a share of it. Set the limits first."""
    corners = box(ax)
    start, g = -theta[0] * theta[1:] / (theta[1:] @ theta[1:]), theta[0] + corners @ theta[1:]
    line = ax.axline(start, (start[0] - theta[2], start[1] + theta[1]), linestyle="--" if dashed else "-",
                     color=COLORS.get(color, INK), linewidth=1.6, zorder=3)
    sides = zip(corners, np.roll(corners, -1, 0), g, np.roll(g, -1), strict=True)
    ends = sorted(tuple(p + (q - p) * a / (a - b)) for p, q, a, b in sides if a * b < 0)
    if label and len(ends) == 2:
        (x, y), (dx, dy) = ends[0], np.subtract(*ends[::-1])
        angle = np.arctan2(dy, dx)
        off = ScaledTranslation(-np.sin(angle) / 18, np.cos(angle) / 18, ax.figure.dpi_scale_trans)
        ax.text(x + at * dx, y + at * dy, label, color=line.get_color(), ha="center", va="bottom",
                path_effects=HALO, rotation=np.degrees(angle), rotation_mode="anchor", transform_rotates_text=True,
                transform=ax.transData + off, zorder=6)
    return ax


def half_planes(ax: Axes, theta: np.ndarray, name: str = "g") -> Axes:
    """Shade the side where g > 0 and the side where g < 0, and say which is which. Set the limits first."""
    corners = box(ax)
    g = theta[0] + corners @ theta[1:]
    (x0, y0), (x1, y1) = corners[0], corners[2]
    ax.contourf([x0, x1], [y0, y1], g[[0, 1, 3, 2]].reshape(2, 2), levels=[min(g.min(), -1), 0, max(g.max(), 1)],
                colors=[tint("orange"), tint("blue")], zorder=0)
    for corner, sign, color in ((g.argmax(), ">", "blue"), (g.argmin(), "<", "orange")):
        if g[corner] * (1 if sign == ">" else -1) > 0:
            note(ax, corners[corner] + 0.12 * (corners.mean(axis=0) - corners[corner]) * [1.4, 1], f"${name} {sign} 0$",
                 color)
    return ax


def decision_map(ax: Axes, predict: Callable, limits, fine: int = 240) -> Axes:
    """What `predict` says of every point (m, 2) of the rectangle (x₀, x₁, y₀, y₁): a class 0, 1, 2 …, or a probability.

    A class keeps its colour when another one vanishes from the map.
    """
    x, y = np.linspace(*limits[:2], fine), np.linspace(*limits[2:], fine)
    said = np.asarray(predict(np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2))).reshape(fine, fine)
    if said.dtype.kind == "f":
        ax.contourf(x, y, said, np.linspace(0, 1, 11), cmap=DIVERGING, zorder=0)
        ax.contour(x, y, said, [0.5], colors=INK, linewidths=1.2, zorder=2)
    else:
        rgb = np.array([tint(color) for _, color in CLASSES])[said]
        ax.imshow(rgb, extent=limits, origin="lower", aspect="auto", zorder=0)
    ax.set(xlim=limits[:2], ylim=limits[2:])
    return ax


def arrow(ax: Axes, start, vector, label: str = "", color: str = "green") -> Axes:
    """A vector drawn from `start`, its label beyond the tip."""
    start, vector = np.asarray(start, float), np.asarray(vector, float)
    ax.annotate("", start + vector, start, zorder=5,
                arrowprops={"arrowstyle": "-|>", "color": COLORS[color], "lw": 1.8, "shrinkA": 0, "shrinkB": 0})
    return note(ax, start + vector, label, color, 13 * vector / np.linalg.norm(vector)) if label else ax


def segment(ax: Axes, start, end, label: str = "", color: str = "purple") -> Axes:
    """A dashed segment, such as a distance, its label at the middle."""
    ax.plot(*np.transpose([start, end]), ":", color=COLORS[color], zorder=3)
    return note(ax, np.mean([start, end], axis=0), label, color, (10, 8)) if label else ax


def loss_surface(ax: Axes, loss: Callable, xlim, ylim, path=None, names=(r"$\theta_0$", r"$\theta_1$"),
                 fine: int = 60) -> Axes:
    """Contours of loss(θ), θ (2,), at equal shares of the area, and the path of descent (steps, 2).

    The loss is evaluated at `fine` times `fine` points; a narrow valley needs more of them than a bowl.
    """
    x, y = np.linspace(*xlim, fine), np.linspace(*ylim, fine)
    heights = np.array([[loss(np.array([a, b])) for a in x] for b in y])
    levels = np.unique(np.quantile(heights, np.linspace(0.005, 0.99, 13)))
    ax.contourf(x, y, heights, levels, cmap=RISING, extend="both", zorder=0)
    ax.contour(x, y, heights, levels, colors=COLORS["grey"], linewidths=0.4, zorder=1)
    if path is not None:
        path = np.asarray(path)
        ax.plot(*path.T, "o-", color=COLORS["orange"], markersize=3.5, linewidth=1.2, zorder=4)
        note(ax, path[0], "start", "orange", (0, 11))
    ax.set(xlim=xlim, ylim=ylim, xlabel=names[0], ylabel=names[1])
    return ax


def learning_curves(ax: Axes, curves: dict, ylabel: str, log: bool = False, xlabel: str = "step") -> Axes:
    """One line a run, its name at the right end; names that would overlap are moved apart."""
    for (label, values), dashes in zip(curves.items(), ["-", (0, (6, 1.5)), (0, (2, 1.2)), "-.", ":"], strict=False):
        ax.plot(np.arange(len(values)), values, linestyle=dashes, label=label)
    ax.set(xlabel=xlabel, ylabel=ylabel, yscale="log" if log else "linear", xlim=(0, None))
    to_share = ax.transData + ax.transAxes.inverted()
    ends = sorted((to_share.transform(line.get_xydata()[-1])[1], line) for line in ax.lines)
    height = -1.0
    for share, line in ends:
        height = max(share, height + 0.075)
        shift = (height - share) * ax.figure.get_size_inches()[1] * 72 * 0.8
        note(ax, line.get_xydata()[-1], line.get_label(), line.get_color(), (6, shift), "left")
    return ax


def matrix(ax: Axes, M: np.ndarray, label: str = "", fmt: str = ".2f") -> Axes:
    """A small array: its values in cells (blue above zero, orange below), its name and shape above."""
    M = np.atleast_2d(M)
    reach = np.abs(M).max() or 1.0
    ax.pcolormesh(M, cmap=DIVERGING, vmin=-reach, vmax=reach, edgecolors="#bbbbbb", linewidth=0.6)
    for (i, j), value in np.ndenumerate(M):
        ax.text(j + 0.5, i + 0.5, f"{value:{fmt}}".replace("-", "−"), ha="center", va="center")
    ax.set(xticks=[], yticks=[], aspect=0.6)
    ax.invert_yaxis()
    ax.spines[:].set_visible(False)
    ax.set_title(f"{label}  {' × '.join(map(str, M.shape))}".strip())
    return ax


def bars(ax: Axes, counts: dict[str, tuple], parts: tuple[str, ...] = ("",)) -> Axes:
    """A bar for each name, from above, in parts: the numbers of each part in it, what the parts are above the first."""
    left, columns = np.zeros(len(counts)), zip(*counts.values(), strict=True)
    for part, color, numbers in zip(parts, ("blue", "grey", "orange"), columns, strict=False):
        ax.barh(range(len(counts)), numbers, left=left, color=tint(color, 0.35), edgecolor="white", height=0.74)
        for row, (start, number) in enumerate(zip(left, numbers, strict=True)):
            if number:
                ax.text(start + number / 2, row, str(number), color=COLORS[color], ha="center", va="center")
        note(ax, (left[0] + numbers[0] / 2, -0.55), part, color, (0, 6))
        left = left + numbers
    ax.set(yticks=range(len(counts)), yticklabels=counts, xticks=[], ylim=(len(counts) - 0.5, -1.1))
    ax.tick_params(left=False)
    ax.spines[["left", "bottom"]].set_visible(False)
    return ax


def images(ax: Axes, pictures: np.ndarray, names, columns: int = 5) -> Axes:
    """Pictures (m, rows, columns) with their names, on one scale: blue above zero, orange below, white at zero."""
    reach, (_, rows, wide) = np.abs(pictures).max() or 1.0, pictures.shape
    for at, (picture, name) in enumerate(zip(pictures, names, strict=True)):
        x, y = 1.2 * wide * (at % columns), -1.35 * rows * (at // columns)
        ax.imshow(picture, cmap=STRONG, vmin=-reach, vmax=reach, extent=(x, x + wide, y - rows, y))
        note(ax, (x + wide / 2, y), name, offset=(0, 8))
    ax.autoscale()
    ax.set_axis_off()
    return ax


def network(ax: Axes, values, weights, slopes=None, weight_slopes=None, names=()) -> Axes:
    """Units in layers: values[l] (dₗ,) above them, weights[l] (dₗ, dₗ₊₁) on the edges; slopes of the same shapes below.

    What is computed forward is blue, what comes back orange; names[l] holds the names of a layer's units.
    """
    place = {(l, j): (l, (len(layer) - 1) / 2 - j) for l, layer in enumerate(values) for j in range(len(layer))}
    said = lambda value: f"{round(float(value), 2) + 0.0:.2f}".replace("-", "−")
    for l, W in enumerate(weights):
        for (i, j), weight in np.ndenumerate(W):
            ends = np.array([place[l, i], place[l + 1, j]])
            width = 0.6 + 1.6 * abs(weight) / (np.abs(W).max() or 1.0)
            ax.plot(*ends.T, color=COLORS["grey"], linewidth=width, zorder=1)
            at = ends[0] + 0.32 * (ends[1] - ends[0])
            note(ax, at, said(weight), "blue", (0, 7))
            if weight_slopes is not None:
                note(ax, at, said(weight_slopes[l][i, j]), "orange", (0, -7))
    for (l, j), at in place.items():
        ax.scatter(*at, s=620, color="white", edgecolors=INK, linewidths=1.2, zorder=3)
        note(ax, at, names[l][j] if names else "")
        note(ax, at, said(values[l][j]), "blue", (0, 22))
        if slopes is not None:
            note(ax, at, said(slopes[l][j]), "orange", (0, -22))
    low, high = np.min(list(place.values()), axis=0), np.max(list(place.values()), axis=0)
    ax.set(xlim=(low[0] - 0.25, high[0] + 0.25), ylim=(low[1] - 0.4, high[1] + 0.4))
    ax.set_axis_off()
    return ax


def graph(ax: Axes, records: list[dict]) -> Axes:
    """A computation graph from `graph.to_records`: above a node in blue its value, below in orange the gradient by it.

    A circle holds the symbol of an operation; an input is its name, or its value if it has none. Arrays show shapes.
    A node whose turn it is in the sweep is orange, and so is what it sends back along its edges.
    """
    place, paths = _layers(records)
    low, high = np.min(list(place.values()), axis=0), np.max(list(place.values()), axis=0)
    ax.set(xlim=(low[0] - 0.4, high[0] + 0.4), ylim=(low[1] - 0.6, high[1] + 0.6))
    radius = [max(13.5, 2.5 * max(map(len, record["symbol"].split()), default=0)) for record in records]
    for (parent, child), path in paths.items():
        spots, inputs = [place[node] for node in path], records[child]["parents"]
        times = [k for k, other in enumerate(inputs) if other == parent]
        for k, bow in zip(times, np.linspace(0.3, -0.3, len(times)) if len(times) > 1 else [0.0], strict=True):
            _edge(ax, spots, bow, radius[parent], radius[child], (*records[child]["sent"], *[None] * len(inputs))[k])
    for at, size, record in zip((place[i] for i in range(len(records))), radius, records, strict=True):
        symbol, name, turn = record["symbol"], record["name"], "orange" if record["sent"] else ""
        ax.scatter(*at, s=(2 * size - 1) ** 2, color=tint(turn) if turn else "white", linewidths=1.2, zorder=3,
                   edgecolors=COLORS.get(turn, INK) if symbol else "white")
        ax.text(*at, symbol.replace(" ", "\n") or name or _said(record["value"]), ha="center", va="center", zorder=6,
                size=8 if len(symbol) > 3 else None, linespacing=0.9)
        if symbol or name:
            note(ax, at, _said(record["value"], symbol and name), "blue", (0, size + 8.5))
        if record["gradient"] is not None:
            note(ax, at, _said(record["gradient"]), "orange", (0, -size - 8.5))
    ax.set_axis_off()
    return ax


def _edge(ax, spots, bow, shrink_start, shrink_end, sent):
    """An arrow from an input past the given places to its user; back to the input, with the piece, if one is sent."""
    legs = list(pairwise(spots))
    for number, (start, end) in enumerate(legs):
        first, last = number == 0, number == len(legs) - 1
        head = "-|>" if sent is None and last else "<|-" if sent is not None and first else "-"
        ax.annotate("", end, start, zorder=1, arrowprops={
            "arrowstyle": head, "color": COLORS["grey" if sent is None else "orange"], "lw": 1.2,
            "connectionstyle": Level(bow), "shrinkA": shrink_start * first, "shrinkB": shrink_end * last})
    if sent is not None:
        (_, y0), (_, y1) = legs[-1]
        step = 72 * ax.figure.get_size_inches()[0] / np.ptp(ax.get_xlim())         # from layer to layer, in points
        beside = 8 * np.sign(bow) if bow else 8 * (abs(y1 - y0) < 0.2)                 # a steep edge leaves room on it
        note(ax, np.mean(legs[-1], axis=0), _said(sent), "orange", (0, 0.75 * bow * step + beside))


class Level(ConnectionStyle._Base):
    """An edge that leaves and arrives level, clear of what stands above and below a node; a bow parts twins."""

    def __init__(self, bow: float):
        self.bow = bow

    def connect(self, start, end):
        (left, y0), (right, y1) = start, end
        middle, rise = (left + right) / 2, self.bow * (right - left)
        return Path([start, (middle, y0 + rise), (middle, y1 + rise), end], [Path.MOVETO, *[Path.CURVE4] * 3])


def _said(value, name=""):
    """A number to three digits, an array as its shape."""
    shape = " × ".join(map(str, np.shape(value)))
    said = shape or f"{round(float(value), 9) + 0.0:.3g}".replace("-", "−")
    return f"{name} = {said}" if name and not shape else f"{name}: {said}" if name else said


def _layers(records):
    """The place of every node, inputs just before what uses them first, and the places each edge passes on its way."""
    layer = {}
    for i, record in enumerate(records):
        layer[i] = 1 + max((layer[parent] for parent in record["parents"]), default=-1)
    for i, record in enumerate(records):
        if not record["parents"]:
            layer[i] = min((layer[j] for j, other in enumerate(records) if i in other["parents"]), default=1) - 1
    paths = {(parent, child): [parent, *((at, parent, child) for at in range(layer[parent] + 1, layer[child])), child]
             for child, record in enumerate(records) for parent in record["parents"]}
    G, rows, rank = nx.DiGraph(), {}, {}
    G.add_nodes_from(layer)
    for path in paths.values():
        nx.add_path(G, path)
    for node in G:
        rows.setdefault(layer[node] if node in layer else node[0], []).append(node)
    for beside, direction in [(G.predecessors, 1), (G.successors, -1)] * 4:    # each next to the mean of its neighbours
        for at in sorted(rows)[::direction]:
            mean = {node: np.mean([rank.get(other, 0) for other in beside(node)] or [rank.get(node, 0)])
                    for node in rows[at]}
            rows[at].sort(key=mean.get)
            rank |= {node: i - (len(rows[at]) - 1) / 2 for i, node in enumerate(rows[at])}
    place = nx.multipartite_layout(G, subset_key=rows)
    step = np.ptp([x for x, _ in place.values()]) / max(1, len(rows) - 1) or 1.0
    return {node: at / step for node, at in place.items()}, paths


def box(ax: Axes) -> np.ndarray:
    """The corners of the Axes (4, 2), around the rectangle from the lower left."""
    (x0, x1), (y0, y1) = ax.get_xlim(), ax.get_ylim()
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])


def tint(name: str, strength: float = 0.16) -> tuple:
    """A colour of the palette thinned with white, for areas."""
    return tuple(1 - strength * (1 - np.array(to_rgb(COLORS[name]))))


DIVERGING = LinearSegmentedColormap.from_list("book", [tint("orange", 0.5), "white", tint("blue", 0.5)])
RISING = LinearSegmentedColormap.from_list("book rising", ["white", tint("blue", 0.45)])
STRONG = LinearSegmentedColormap.from_list("book strong", [COLORS["orange"], "white", COLORS["blue"]], N=33)
