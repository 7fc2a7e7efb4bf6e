"""What a gradient can be diagnosed for: a loss, the letters of its arrays, and how to draw them.

The loss becomes a graph. Its values, replayed with complex numbers, give the true slope without any rule of
differentiation; its rules, one of them altered, give what a slip would give.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from warnings import catch_warnings, simplefilter

import numpy as np

from lib import graph
from lib.diagnose.traced import OPS, traced
from lib.ops import Op
from lib.shapes import check

# What a letter may be called in a model, if it is not known there.
ALIASES = {"lambda": ("lam",), "xtilde": ("Xs",), "x*": ("Xs",), "yhat": ("Yhat", "yhat", "P", "p"), "h": ("H", "A1"),
           "N": ("n",), "m": ("n",), "K": ("k",), "C": ("k",), "t": ("T", "Y", "y"), "o": ("P", "Yhat"),
           "a2": ("P", "Yhat"), "theta": ("theta", "Theta"), "a": ("A1",), "z": ("z", "Z", "Z1"),
           "w": ("w", "W", "W1", "theta", "Theta"), "v": ("v", "V", "W2")}
ANALYTIC = OPS | {"log_sigmoid": Op("ln σ", lambda a: -_log_one_plus_exp(-a), None),        # equal, and complex
                  "softplus": Op("softplus", lambda a: _log_one_plus_exp(a), None),
                  "abs": Op("|·|", lambda a: a * np.sign(a.real), None)}


def _log_one_plus_exp(a):
    """ln(1 + e^a), the larger of the two terms taken out so that nothing overflows."""
    top = np.maximum(a.real, 0.0)
    return top + np.log(np.exp(-top) + np.exp(a - top))


class FormulaError(ValueError):
    """A formula that cannot be read or evaluated, and why."""


def other_names(letter: str) -> tuple[str, ...]:
    """What a letter may be called in a model."""
    return ALIASES.get(letter, ALIASES.get(letter.lower(), ()))


@dataclass(frozen=True, eq=False)
class Model:
    """A loss and how to draw its arrays.

    shapes      the letters of every array, `{"X": "n d", "theta": "d+1", "lam": ""}`; a scalar has none
    loss        a function whose parameters name what it needs
    parameters  what a gradient may be wanted by
    draw        how to draw what is not normal: `{"y": lambda rng, shape, sizes: …}`
    free        the array by which a gradient is judged: never drawn as labels, whatever the reader's looks like
    derived     further names a claim may use, from the values known: `{"Y": lambda v: …}`
    targets     the arrays that hold labels or targets;  penalty: the name of λ
    given       arrays of the reader's own, for the first instance;  plain: what is never drawn anew
    functions   what φ is, for formulas
    written     with "nodes" of `lib.graph`, with "arrays" that can be traced, or so that it gives "values" only
    """

    name: str
    shapes: dict[str, str]
    loss: Callable
    parameters: tuple[str, ...]
    draw: dict[str, Callable] = field(default_factory=dict)
    derived: dict[str, Callable] = field(default_factory=dict)
    targets: tuple[str, ...] = ("y", "Y")
    penalty: str = "lam"
    given: dict = field(default_factory=dict)
    plain: dict = field(default_factory=dict)
    functions: dict[str, str] = field(default_factory=dict)
    written: str = "nodes"
    free: str = ""

    @property
    def letters(self) -> tuple[str, ...]:
        """The letters of the sizes, in the order in which they appear."""
        words = [word.partition("+")[0] for shape in self.shapes.values() for word in shape.split()]
        return tuple(dict.fromkeys(word for word in words if not word.isdigit()))

    @cached_property
    def drawn(self) -> dict[tuple, Instance]:
        """The instances that were drawn before, by sizes and seed: judging a second claim finds their truth known."""
        return {}

    def instance(self, sizes: dict[str, int], seed: int) -> Instance:
        """Every array drawn at these sizes."""
        key = (*sizes.items(), seed)
        if key not in self.drawn:
            rng, arrays = np.random.default_rng(seed), {}
            for name, shape in self.shapes.items():
                draw = self.draw.get(name) or self._like(name)
                arrays[name] = np.asarray(draw(rng, tuple(_length(word, sizes) for word in shape.split()), sizes))
            self.drawn[key] = Instance(self, arrays, sizes)
        return self.drawn[key]

    def _like(self, name):
        """How to draw an array of which the reader does not say it."""
        if name == self.penalty:
            return _positive
        return _like(self.given[name], name == self.free) if name in self.given else _normal

    def measured(self, arrays: dict) -> dict[str, int]:
        """The sizes that these arrays have."""
        return check(self.name, **{name: (np.asarray(arrays[name], dtype=float), shape)
                                   for name, shape in self.shapes.items() if shape})


def _length(word, sizes):
    """The length of an axis: a number, a letter, or a letter plus a number."""
    letter, _, extra = word.partition("+")
    return int(extra or 0) + (int(letter) if letter.isdigit() else sizes[letter])


_normal = lambda rng, shape, sizes: 0.8 * rng.normal(size=shape)
_positive = lambda rng, shape, sizes: rng.uniform(0.1, 0.6, shape)


@dataclass(eq=False)
class Instance:
    """The arrays of a model at one choice of sizes, and everything that follows from them."""

    model: Model
    arrays: dict[str, np.ndarray]
    sizes: dict[str, int]
    found: dict = field(default_factory=dict)              # slopes and other results that are wanted more than once

    def changed(self, **arrays) -> Instance:
        """The same instance with some arrays replaced."""
        return Instance(self.model, self.arrays | arrays, self.sizes)

    @cached_property
    def data(self) -> Instance:
        """The same without the penalty."""
        name = self.model.penalty
        return self.changed(**{name: np.zeros(())}) if np.any(self.arrays.get(name, 0.0)) else self

    @cached_property
    def known(self) -> dict[str, object]:
        """What a loss may name."""
        return self.model.plain | self.arrays | self.sizes

    @cached_property
    def value(self) -> float | np.ndarray:
        """The loss."""
        if self.model.written == "nodes":
            return self.root.value
        return np.asarray(call("loss", self.model.loss, self.known))

    @cached_property
    def leaves(self) -> dict[str, object]:
        """The arrays as leaves of a graph; integers stay what they are."""
        return {name: graph.leaf(value, name) if np.asarray(value).dtype.kind == "f" else value
                for name, value in self.arrays.items()}

    @cached_property
    def root(self) -> graph.Node:
        """The loss as a node."""
        loss = traced(self.model.loss) if self.model.written == "arrays" else self.model.loss
        with np.errstate(all="ignore"):
            return call("loss", loss, self.known | self.leaves)

    @cached_property
    def order(self) -> list[graph.Node]:
        """The nodes of the graph, inputs first. Instances of one model agree in it, place by place."""
        return graph.topological(self.root)

    @cached_property
    def names(self) -> dict[str, object]:
        """What a claim may name: the arrays, the sizes, the named quantities of the forward pass."""
        known = dict(self.known)
        if self.model.written == "nodes":
            known |= {node.name: node.value for node in self.order if node.name}
        for name, find in self.model.derived.items():
            known[name] = find(known)
        return known

    def truth(self, wrt: str) -> np.ndarray:
        """The true gradient by one array, by complex steps: from values of the loss alone, exact to rounding.

        Where these do not exist, as for a loss that gives values only and has kinks, by differences of fourth order.
        NaN where the loss has no value: of a negative number the complex logarithm has one, with a slope of no meaning.
        """
        if wrt not in self.found:
            with np.errstate(all="ignore"):
                found = self._stepped(wrt) if self.model.written == "values" else self._replayed(wrt)
                self.found[wrt] = found if np.isfinite(self.value).all() else found * np.nan
        return self.found[wrt]

    def _replayed(self, wrt):
        leaf, after = self.leaves[wrt], {self.leaves[wrt]}
        moving = [node for node in self.order
                  if any(parent in after for parent in node.parents) and (after.add(node) or True)]

        def loss(moved):
            now = {leaf: moved}
            for node in moving:
                inputs = [now.get(parent, parent.value) for parent in node.parents]
                now[node] = ANALYTIC[node.op].f(*inputs, **node.options)
            return now.get(self.root, self.root.value)

        return complex_slopes(loss, leaf.value)

    def _stepped(self, wrt):
        return slopes(lambda moved: call("loss", self.model.loss, self.known | {wrt: moved}), self.arrays[wrt])


def call(where: str, function: Callable, known: dict):
    """Call a function with what its parameters name."""
    wanted = _parameters(function)
    if any(p.kind is p.VAR_KEYWORD for p in wanted):
        return function(**known)
    missing = [p.name for p in wanted
               if p.name not in known and p.default is p.empty and p.kind is not p.VAR_POSITIONAL]
    if missing:
        near = [*(name for name in known if name.lower() == missing[0].lower()), *other_names(missing[0])]
        alike = "".join(f"did you mean {name}? " for name in [name for name in near if name in known][:1])
        raise NameError(f"{where}: it asks for {', '.join(missing)}, which is not known here; "
                        f"{alike}known are {', '.join(sorted(known))}")
    given = [p for p in wanted if p.name in known]
    first = [known[p.name] for p in given if p.kind is p.POSITIONAL_ONLY]
    return function(*first, **{p.name: known[p.name] for p in given if p.kind is not p.POSITIONAL_ONLY})


@lru_cache(maxsize=64)
def _parameters(function):
    """The parameters of a function."""
    return tuple(inspect.signature(function).parameters.values())


def complex_slopes(f: Callable, x: np.ndarray) -> np.ndarray:
    """∂f/∂x of an analytic f, a scalar or an array:  Im f(x + ih eᵢ) / h, for one entry of x after the other.

    Shapes: x any, f(x) any → the shape of f(x) followed by that of x.
    """
    columns = []
    for at in np.ndindex(x.shape):
        moved = np.array(x, dtype=complex)                       # an array, where x is a number too
        moved[at] += 1e-30j
        columns.append(np.imag(f(moved)) / 1e-30)
    return np.moveaxis(np.array(columns), 0, -1).reshape(np.shape(columns[0]) + x.shape)


def slopes(f: Callable, x: np.ndarray) -> np.ndarray:
    """∂f/∂x of a function of arrays: by complex steps where differences agree with them, else by the differences.

    Shapes: x any, f(x) any → the shape of f(x) followed by that of x.
    """
    differences = _differences(f, x)
    try:
        with np.errstate(all="ignore"), catch_warnings():
            simplefilter("error", np.exceptions.ComplexWarning)                  # an imaginary part thrown away
            exact = complex_slopes(f, x)
    except (TypeError, ValueError, np.exceptions.ComplexWarning):
        return differences
    return exact if np.allclose(exact, differences, rtol=1e-5, atol=1e-6) else differences


def _differences(f, x):
    """Central differences of fourth order:  (8 (f₊₁ − f₋₁) − (f₊₂ − f₋₂)) / 12h, whose error shrinks with h⁴.

    Of four steps h the one that agrees best with the next; NaN where none does, because a kink lies too near.
    """
    def moved(at, step):
        there = x.copy()
        there[at] += step
        return np.asarray(f(there), dtype=float)

    def quotient(at, h):
        return (8 * (moved(at, h) - moved(at, -h)) - (moved(at, 2 * h) - moved(at, -2 * h))) / (12 * h)

    columns = []
    for at in np.ndindex(x.shape):
        found = np.array([quotient(at, h) for h in (1e-2, 1e-3, 1e-4, 1e-5)])
        gaps = np.abs(np.diff(found, axis=0))
        best = gaps.argmin(axis=0)[None]
        slope, gap = (np.take_along_axis(array, best, axis=0)[0] for array in (found[1:], gaps))
        columns.append(np.where(gap <= 1e-6 * (1e-3 + np.abs(slope)), slope, np.nan))
    return np.moveaxis(np.array(columns), 0, -1).reshape(np.shape(columns[0]) + x.shape)


# A loss of the reader's own

TARGETS = "y", "Y", "t", "T", "target", "targets", "labels"


def own(loss: Callable, at: dict, shapes: str = "", draw: dict | None = None, targets: tuple = (),
        penalty: str = "lam", activation: str = "sigmoid") -> Model:
    """A model of a loss and one set of its arrays; others are drawn that look like them.

    shapes  the letters of the arrays, "X: n d, y: n, w: d"; left out, axes of equal length share a letter, and the
            rows of the targets, or of X, are n; a length that stands alone stays. Where the loss refuses other sizes,
            n alone changes, in the end only that of the targets and X; or all instances keep the given sizes.
    """
    arrays = {name: array for name, value in at.items() if (array := _array(name, value)) is not None}
    plain = {name: value for name, value in at.items() if name not in arrays}
    targets = targets or tuple(name for name in TARGETS if name in arrays)
    found = _letters(shapes, arrays) if shapes else _inferred(arrays, targets)
    theta = tuple(name for name, value in arrays.items() if value.dtype.kind == "f" and name != penalty)
    if not theta:
        raise TypeError(f"at: {', '.join(at)} hold no floats to take a gradient by; write them as floats, 1.0 for 1")
    name = getattr(loss, "__name__", "loss").replace("<lambda>", "your loss")
    model = Model(name, found, loss, theta, draw or {}, {}, tuple(targets), penalty, arrays, plain,
                  {"phi": activation}, "values")
    given = Instance(model, arrays, model.measured(arrays))
    for written in ("nodes", "arrays"):
        if _is_graph(Instance(replace(model, written=written), arrays, given.sizes), given, written):
            model = replace(model, written=written)
            break
    else:
        call("loss", loss, given.known)                       # which says what is wrong, if it cannot be evaluated
    kept = lambda names: {name: " ".join(
        word if word == "n" and name in names else str(size)
        for word, size in zip(letters.split(), arrays[name].shape, strict=True)) for name, letters in found.items()}
    models = [model, *(replace(model, shapes=kept(names)) for names in (arrays, (*targets, "X"), ()))]
    return next((each for each in models if _stretches(each, given.sizes)), models[-1])


def _array(name, value):
    """A float as an array of no axes, an array as float64 or integers; None for what stays as it is."""
    if isinstance(value, list | tuple):
        raise TypeError(f"at: {name} is a {type(value).__name__}, expected an array; write np.array({name})")
    if isinstance(value, float | np.floating) or (isinstance(value, np.ndarray) and value.dtype.kind == "f"):
        return np.asarray(value, dtype=float)
    return value if isinstance(value, np.ndarray) and value.dtype.kind in "iub" else None


def _letters(shapes, arrays):
    """{"X": "n d"} from "X: n d, y: n"."""
    parts = [part.partition(":") for part in shapes.split(",")]
    found = {name.strip(): " ".join(letters.split()) for name, _, letters in parts}
    found |= {name: "" for name, value in arrays.items() if name not in found and value.ndim == 0}
    if set(found) != set(arrays):
        raise ValueError(f"shapes: they are of {', '.join(found)}, expected {', '.join(arrays)}, the arrays in `at`")
    return found


def _inferred(arrays, targets):
    """One letter for every length that two axes share; n for the rows of the targets, or of X."""
    rows = next((arrays[name].shape[0] for name in (*targets, "X") if name in arrays and arrays[name].ndim), None)
    sizes = [size for value in arrays.values() for size in value.shape]
    letters = {size: "n" if size == rows else f"size{size}" if size > 1 and sizes.count(size) > 1 else str(size)
               for size in sizes}
    return {name: " ".join(letters[size] for size in value.shape) for name, value in arrays.items()}


def _symmetric(A, positive):
    """A symmetric matrix made from any square one."""
    return A @ A.T + np.eye(len(A)) if positive else A + A.T


def _is_graph(attempt, given, written):
    """Whether the loss, given leaves, returns a node of the right value."""
    try:
        with np.errstate(all="ignore"):
            node = attempt.root
            return isinstance(node, graph.Node) and (written == "nodes" or np.allclose(node.value, given.value))
    except (TypeError, ValueError, AttributeError, IndexError):
        return False


def _stretches(model, sizes):
    """Whether the loss accepts other sizes, larger and smaller."""
    try:
        with np.errstate(all="ignore"):
            sizes = {name: sizes[name] for name in model.letters}
            others = [{name: size + 2 for name, size in sizes.items()}, {name: 2 + k for k, name in enumerate(sizes)}]
            return all(np.isfinite(model.instance(other, 1).value).all() for other in others)
    except (ValueError, IndexError, TypeError):
        return False


def _like(value, free):
    """How to draw an array that looks like this one: labels, one-hot rows, probabilities, positive numbers, or any.

    The entries of a free one vary independently, so it is neither labels nor symmetric. Nor are equal numbers labels.
    """
    numbers = value.dtype.kind == "f"
    if numbers and value.ndim == 2 and len(value) > 1 and np.ptp(value) and np.array_equal(value, value.T):
        positive = bool((np.linalg.eigvalsh(value) > 0).all())                       # symmetric; as A Aᵀ if positive
        return lambda rng, shape, sizes: (_symmetric(rng.normal(size=shape), positive)
                                          + free * 0.1 * rng.normal(size=shape))
    if numbers and (free or np.ptp(value) == 0):
        return _numbers_like(value)
    if value.size > 1 and np.isin(value, (-1, 1)).all() and (value < 0).any():                 # labels −1 and +1
        return lambda rng, shape, sizes: rng.choice(np.array([-1, 1], dtype=value.dtype), shape)
    if value.dtype.kind in "iub":
        top = int(value.max()) + 1
        return lambda rng, shape, sizes: rng.integers(0, max(2, min(
            [top, *(size for letter, size in sizes.items() if letter != "n")])), shape)
    if value.ndim == 2 and np.isin(value, (0, 1)).all() and (value.sum(axis=1) == 1).all():
        return lambda rng, shape, sizes: np.eye(shape[1])[rng.integers(0, shape[1], shape[0])]
    if value.size > 1 and np.isin(value, (0, 1)).all():
        return lambda rng, shape, sizes: rng.integers(0, 2, shape).astype(float)
    if value.ndim and (value > 0).all() and np.allclose(value.sum(axis=-1), 1):
        return lambda rng, shape, sizes: rng.dirichlet(np.ones(shape[-1]), shape[:-1])
    return _numbers_like(value)


def _numbers_like(value):
    """How to draw numbers of the same size, positive ones if these are."""
    if value.size > 1 and (value > 0).all():
        inside = (value < 1).all()
        return lambda rng, shape, sizes: (rng.uniform(0.1, 0.9, shape) if inside else
                                          np.median(value) * np.exp(0.4 * rng.normal(size=shape)))
    if value.size == 1 and value:                       # one number: mostly of its sign, as a width or a rate may be
        return lambda rng, shape, sizes: value * np.exp(0.4 * rng.normal(size=shape)) * (-1) ** (rng.random() < 0.25)
    scale = float(np.sqrt(np.mean(value ** 2))) or 1.0
    return lambda rng, shape, sizes: scale * rng.normal(size=shape)
