"""What a gradient can be diagnosed for: a loss written as a graph, the letters of its arrays, and how to draw them.

A model is written once, with the functions of `lib.graph`. Its values, replayed with complex numbers, give the true
slope without any rule of differentiation; its rules, one of them altered, give what a slip would give.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from lib import graph
from lib.mlp import check_name
from lib.ops import OPS, Op
from lib.shapes import check

ANALYTIC = OPS | {"log_sigmoid": Op("ln σ", lambda a: -np.log(1 + np.exp(-a)), None),      # equal, and complex
                  "softplus": Op("softplus", lambda a: np.log(1 + np.exp(a)), None)}
ACTIVATIONS = {"sigmoid": graph.sigmoid, "tanh": graph.tanh, "relu": graph.relu, "softplus": graph.softplus,
               "identity": graph.copy}
SCALES = {"half mean": lambda n: 1 / (2 * n), "mean": lambda n: 1 / n, "half sum": lambda n: 0.5, "sum": lambda n: 1.0}


@dataclass(frozen=True, eq=False)
class Model:
    """A loss and how to draw its arrays.

    shapes      the letters of every array, {"X": "n d", "W": "d k", "lam": ""}; a scalar has none
    loss        loss(**arrays) → a node of `lib.graph`, or a number if it is written with NumPy
    parameters  what a gradient may be wanted by
    draw        how to draw what is not normal: {"y": lambda rng, shape, sizes: …}
    derived     further names a claim may use, from the values known: {"Y": lambda v: one_hot(v["y"], …)}
    targets     the arrays that hold labels or targets;  penalty: the name of λ
    given       arrays of the reader's own, which the first instance uses
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
    traced: bool = True
    plain: dict = field(default_factory=dict)

    @property
    def letters(self) -> tuple[str, ...]:
        """The letters of the sizes, in the order in which they appear."""
        words = [word.partition("+")[0] for shape in self.shapes.values() for word in shape.split()]
        return tuple(dict.fromkeys(word for word in words if not word.isdigit()))

    def instance(self, sizes: dict[str, int], seed: int) -> Instance:
        """Draw every array at these sizes."""
        rng, arrays = np.random.default_rng(seed), {}
        for name, shape in self.shapes.items():
            lengths = tuple(_length(word, sizes) for word in shape.split())
            draw = self.draw.get(name) or _DRAW.get(name, _normal)
            arrays[name] = draw(rng, lengths, sizes)
        return Instance(self, arrays, sizes)


    def measured(self, arrays: dict) -> dict[str, int]:
        """The sizes that these arrays have."""
        return check(self.name, **{name: (np.asarray(arrays[name], dtype=float), shape)
                                   for name, shape in self.shapes.items() if shape})


def _length(word, sizes):
    """The length of an axis: a number, a letter, or a letter plus a number."""
    letter, _, extra = word.partition("+")
    return int(extra or 0) + (int(letter) if letter.isdigit() else sizes[letter])


_normal = lambda rng, shape, sizes: 0.8 * rng.normal(size=shape)
_DRAW = {"lam": lambda rng, shape, sizes: rng.uniform(0.1, 0.6)}


@dataclass(eq=False)
class Instance:
    """The arrays of a model at one choice of sizes, and everything that follows from them."""

    model: Model
    arrays: dict[str, np.ndarray]
    sizes: dict[str, int]

    def changed(self, **arrays) -> Instance:
        """The same instance with some arrays replaced."""
        return Instance(self.model, self.arrays | arrays, self.sizes)

    @cached_property
    def leaves(self) -> dict[str, object]:
        """The arrays as leaves of a graph; integers stay what they are."""
        return {name: graph.leaf(value, name) if np.asarray(value).dtype.kind == "f" else value
                for name, value in self.arrays.items()}

    @property
    def loss(self) -> float:
        """The value of the loss."""
        return self.root.value if self.model.traced else call("loss", self.model.loss, self.arrays | self.sizes)

    @cached_property
    def root(self) -> graph.Node:
        """The loss as a node."""
        return call("loss", self.model.loss, self.leaves | self.sizes)

    @cached_property
    def order(self) -> list[graph.Node]:
        """The nodes of the graph, inputs first. Instances of one model agree in it, place by place."""
        return graph.topological(self.root)

    @cached_property
    def data(self) -> Instance:
        """The same without the penalty."""
        unpenalised = self.model.penalty not in self.arrays or not np.any(self.arrays[self.model.penalty])
        return self if unpenalised else self.changed(**{self.model.penalty: 0.0})

    @cached_property
    def values(self) -> dict[str, object]:
        """What a claim may name: the arrays, the sizes, the named quantities of the forward pass."""
        known = self.model.plain | self.arrays | self.sizes
        if self.model.traced:
            known |= {node.name: node.value for node in self.order if node.name}
        for name, find in self.model.derived.items():
            known[name] = find(known)
        return known

    def truth(self, wrt: str) -> np.ndarray:
        """The true gradient by one array, by complex steps: from values of the loss alone, exact to rounding."""
        slopes = self.__dict__.setdefault("_slopes", {})
        if wrt not in slopes:
            slopes[wrt] = self._replayed(wrt) if self.model.traced else self._stepped(wrt)
        return slopes[wrt]

    def _replayed(self, wrt):
        leaf, after = self.leaves[wrt], set()
        for node in self.order:
            if node is self.leaves[wrt] or any(parent in after for parent in node.parents):
                after.add(node)
        moving = [node for node in self.order if node in after and node is not leaf]

        def loss(moved):
            now = {leaf: moved}
            for node in moving:
                inputs = [now.get(parent, parent.value) for parent in node.parents]
                now[node] = ANALYTIC[node.op].f(*inputs, **node.options)
            return now.get(self.root, self.root.value)

        return complex_slopes(loss, leaf.value)

    def _stepped(self, wrt):
        loss = lambda moved: call("loss", self.model.loss, self.arrays | self.sizes | {wrt: moved})
        return slopes(loss, self.arrays[wrt])

    def rules(self, wrt: str) -> np.ndarray:
        """The gradient by the rules of the graph."""
        return graph.backward(self.root)[self.leaves[wrt]]


def call(where: str, function: Callable, known: dict):
    """Call a function with what its parameters name."""
    wanted = inspect.signature(function).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in wanted):
        return function(**known)
    missing = [p.name for p in wanted
               if p.name not in known and p.default is p.empty and p.kind is not p.VAR_POSITIONAL]
    if missing:
        raise TypeError(f"{where}: it asks for {', '.join(missing)}, which nothing here is called; "
                        f"known are {', '.join(sorted(known))}")
    return function(**{p.name: known[p.name] for p in wanted if p.name in known})


def complex_slopes(f: Callable, x: np.ndarray) -> np.ndarray:
    """∂f/∂x of an analytic f, scalar or array: Im f(x + ih eᵢ) / h, one column an entry of x.

    Shapes: x any, f(x) any → the shape of f(x) followed by that of x.
    """
    columns = []
    for at in np.ndindex(x.shape):
        moved = x.astype(complex)
        moved[at] += 1e-30j
        columns.append(np.imag(f(moved)) / 1e-30)
    return np.moveaxis(np.array(columns), 0, -1).reshape(np.shape(columns[0]) + x.shape)


def slopes(f: Callable, x: np.ndarray) -> np.ndarray:
    """∂f/∂x of a function written with NumPy: by complex steps if they agree with differences, else by differences.

    Shapes: x any, f(x) any → the shape of f(x) followed by that of x.
    """
    differences = _differences(f, x)
    try:
        with np.errstate(all="ignore"):
            exact = complex_slopes(lambda z: np.asarray(f(z), dtype=complex), x)
    except (TypeError, ValueError, np.exceptions.ComplexWarning):
        return differences
    return exact if np.allclose(exact, differences, rtol=1e-5, atol=1e-6) else differences


def _differences(f, x, h=1e-3):
    """Central differences of fourth order: (8 (f₊₁ − f₋₁) − (f₊₂ − f₋₂)) / 12h, an error of h⁴."""
    columns = []
    for at in np.ndindex(x.shape):
        def moved(steps, at=at):
            there = x.copy()
            there[at] += steps * h
            return np.asarray(f(there), dtype=float)
        columns.append((8 * (moved(1) - moved(-1)) - (moved(2) - moved(-2))) / (12 * h))
    return np.moveaxis(np.array(columns), 0, -1).reshape(np.shape(columns[0]) + x.shape)


# A loss of the reader's own

def own(loss: Callable, at: dict, shapes: str = "", draw: dict | None = None, targets: tuple = (), penalty: str = "lam",
        ) -> Model:
    """A model of a loss and one set of its arrays; others are drawn that look like them.

    shapes  the letters of the arrays, "X: n d, y: n, w: d"; left out, axes of equal length share a letter, and the
            rows of the targets, or of X, are n. Where the loss refuses other sizes, all instances keep the given ones.
    """
    at = {name: np.asarray(value, dtype=float) if isinstance(value, float) else value for name, value in at.items()}
    arrays = {name: value for name, value in at.items() if isinstance(value, np.ndarray)}
    plain = {name: value for name, value in at.items() if name not in arrays}
    targets = targets or tuple(name for name in ("y", "Y", "t", "T", "target", "targets", "labels") if name in arrays)
    found = _letters(shapes) if shapes else _inferred(arrays, targets)
    if set(found) != set(arrays):
        raise ValueError(f"shapes: it speaks of {', '.join(found)}, expected {', '.join(arrays)}")
    theta = tuple(name for name, value in arrays.items() if value.dtype.kind == "f")
    drawn = {name: _like(value) for name, value in arrays.items()} | _DRAW | (draw or {})
    given = lambda **known: call("loss", loss, plain | known)
    model = Model(getattr(loss, "__name__", "loss").replace("<lambda>", "your loss"), found, given, theta, drawn, {},
                  targets, penalty, arrays, plain=plain)
    sizes = model.measured(arrays)
    model = replace(model, traced=_is_traced(Instance(model, arrays, sizes)))
    try:
        other = model.instance({letter: size + 2 for letter, size in sizes.items()}, 1)
        fits = np.isfinite(other.loss)
    except (ValueError, IndexError, TypeError):
        fits = False
    return model if fits else replace(model, shapes={name: " ".join(map(str, v.shape)) for name, v in arrays.items()})


def _letters(shapes):
    """{"X": "n d"} from "X: n d, y: n"."""
    parts = [part.partition(":") for part in shapes.split(",")]
    return {name.strip(): " ".join(letters.split()) for name, _, letters in parts}


def _inferred(arrays, targets):
    """One letter for every length; n for the rows of the targets, or of X."""
    rows = next((arrays[name].shape[0] for name in (*targets, "X") if name in arrays and arrays[name].ndim), None)
    letters = {}
    for size in (size for value in arrays.values() for size in value.shape):
        letters.setdefault(size, "n" if size == rows else "1" if size == 1 else f"s{size}")
    return {name: " ".join(letters[size] for size in value.shape) for name, value in arrays.items()}


def _like(value):
    """How to draw an array that looks like this one: labels, one-hot rows, probabilities, positive numbers, or any."""
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
    if (value > 0).all():
        inside = (value < 1).all()
        return lambda rng, shape, sizes: (rng.uniform(0.1, 0.9, shape) if inside else
                                          np.median(value) * np.exp(0.4 * rng.normal(size=shape)))
    scale = float(np.sqrt(np.mean(value ** 2))) or 1.0
    return lambda rng, shape, sizes: scale * rng.normal(size=shape)


def _is_traced(instance):
    """Whether the loss takes and returns nodes of `lib.graph`."""
    try:
        return isinstance(instance.root, graph.Node)
    except (TypeError, ValueError, AttributeError):
        return False


# The models of the book

def _call_it(name, node):
    """Name a node, so that a claim may use its value."""
    node.name = name
    return node


def _squares(*weights):
    """The sum of all squared weights."""
    return sum(((W ** 2).sum() for W in weights[1:]), (weights[0] ** 2).sum())


def network(head: str = "softmax", hidden: str = "sigmoid", depth: int = 2, scale: str = "", bias: bool = True,
            base: float = np.e) -> Model:
    """A network of `depth` layers, its names W1, b1, Z1, A1 … as in `lib.mlp`; the output is Yhat or P.

    head    "linear", "sigmoid" or "softmax", with the loss that belongs to it; "sigmoid squared" for squared error
    scale   what stands before the sum over the rows: "mean", "half mean", "sum" or "half sum"; by default as in `lib`
    base    of the logarithm
    """
    check_name("network", ACTIVATIONS, hidden=hidden)
    factor, phi = _factor("network", head, scale, base), ACTIVATIONS[hidden]
    widths = ["d", *("h" if depth == 2 else f"h{l}" for l in range(1, depth)), "1" if "sigmoid" in head else "k"]
    shapes = {"X": "n d"} | ({"Y": "n k"} if head == "linear" else {"y": "n"})
    for l in range(1, depth + 1):
        shapes |= {f"W{l}": f"{widths[l - 1]} {widths[l]}"} | ({f"b{l}": widths[l]} if bias else {})

    def loss(X, lam, n, y=None, Y=None, k=1, **theta):
        A = X
        for l in range(1, depth + 1):
            Z = A @ theta[f"W{l}"]
            Z = _call_it(f"Z{l}", Z + theta[f"b{l}"] if bias else Z)
            A = _call_it(f"A{l}", phi(Z)) if l < depth else Z
        total = _rows_loss(head, Z, Y if y is None else y if head == "softmax" else y[:, None], k) * factor(n)
        return total + lam * _squares(*(theta[f"W{l}"] for l in range(1, depth + 1))) if _given(lam) else total

    theta = tuple(name for name in shapes if name[0] in "Wb")
    return Model(f"network, {hidden} hidden, {head} head", shapes | {"lam": ""}, loss, (*theta, "X"),
                 _labels(head), _outputs(head, f"Z{depth}"))


def regression(head: str = "softmax", scale: str = "", base: float = np.e) -> Model:
    """One layer with the bias in its first row, as in `lib.linear`: theta (d+1,), or Theta (d+1, k) for softmax."""
    factor = _factor("regression", head, scale, base)
    name, letters, z = ("Theta", "d+1 k", "Z") if head == "softmax" else ("theta", "d+1", "z")

    def loss(X, y, lam, n, k=1, **known):
        theta = known[name]
        Z = _call_it(z, graph.constant(np.hstack([np.ones((n, 1)), X.value])) @ theta)
        total = _rows_loss(head, Z, y, k) * factor(n)
        return total + lam * (theta[1:] ** 2).sum() if _given(lam) else total

    derived = _outputs(head, z) | {"Xs": lambda v: np.hstack([np.ones((v["n"], 1)), v["X"]])}
    return Model(f"{head} regression", {"X": "n d", "y": "n", name: letters, "lam": ""}, loss, (name,),
                 _labels(head), derived)


def _factor(where, head, scale, base):
    """What stands before the sum over the rows, as a function of n."""
    check_name(where, {"linear": 0, "sigmoid": 0, "softmax": 0, "sigmoid squared": 0}, head=head)
    squared = head in ("linear", "sigmoid squared")
    check_name(where, SCALES, scale=scale or "mean")
    scaled = SCALES[scale or ("half mean" if squared else "mean")]
    return lambda n: scaled(n) / (1.0 if squared else np.log(base))


def _labels(head):
    """How to draw y."""
    return {} if head == "linear" else {"y": lambda rng, shape, sizes: rng.integers(0, sizes.get("k", 2), shape)}


def _outputs(head, scores):
    """What a claim may call the output and the targets of a head, beside Yhat: P and the one-hot Y, or p."""
    flat = scores == "z"
    if head == "softmax":
        return {"P": lambda v: _softmax(v[scores]), "Y": lambda v: np.eye(v["k"])[v["y"]]}
    if head == "linear":
        return {"yhat": lambda v: v["z"]} if flat else {}
    column = {} if flat else {"Y": lambda v: v["y"][:, None].astype(float)}
    return {"p" if flat else "P": lambda v: 1 / (1 + np.exp(-v[scores]))} | column


def _given(lam):
    """Whether λ, a number or a leaf, is not zero."""
    return bool(np.any(getattr(lam, "value", lam)))


def _rows_loss(head, Z, y, k):
    """The sum of the losses of the rows."""
    if head == "softmax":
        return -(np.eye(k)[y] * graph.log_softmax(Z)).sum()
    t = y.astype(float) if isinstance(y, np.ndarray) else y
    if head == "sigmoid":
        return -(t * graph.log_sigmoid(Z) + (1 - t) * graph.log_sigmoid(-Z)).sum()
    return ((_call_it("Yhat", graph.copy(Z) if head == "linear" else graph.sigmoid(Z)) - t) ** 2).sum()


def _softmax(Z):
    """Row by row."""
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    return E / E.sum(axis=1, keepdims=True)


def residual(hidden: str = "sigmoid", scale: str = "half mean") -> Model:
    """The block of `lib.residual`: Z1 = X W1, H = φ(Z1), Z2 = H + X, Yhat = Z2 W2, squared error against T."""
    check_name("residual", ACTIVATIONS, hidden=hidden)
    factor = _factor("residual", "linear", scale, np.e)

    def loss(X, T, W1, W2, n):
        Z1 = _call_it("Z1", X @ W1)
        Z2 = _call_it("Z2", _call_it("H", ACTIVATIONS[hidden](Z1)) + X)
        return ((_call_it("Yhat", Z2 @ W2) - T) ** 2).sum() * factor(n)

    shapes = {"X": "n d", "T": "n k", "W1": "d d", "W2": "d k"}
    return Model(f"residual block, {hidden} hidden", shapes, loss, ("W1", "W2", "X"), targets=("T",))


def cross_entropy(head: str = "softmax", scale: str = "mean", base: float = np.e) -> Model:
    """A loss by the scores: Z (n, k) under softmax, or z (n,) under a sigmoid."""
    factor, (name, letters) = _factor("loss", head, scale, base), ("Z", "n k") if head == "softmax" else ("z", "n")
    loss = lambda y, n, k=1, **scores: _rows_loss(head, scores[name], y, k) * factor(n)
    return Model(f"cross-entropy of a {head}", {name: letters, "y": "n"}, loss, (name,),
                 _labels(head), _outputs(head, name))


MODELS: dict[str, Callable[..., Model]] = {
    "logistic": lambda **given: regression("sigmoid", **given),
    "softmax": lambda **given: regression("softmax", **given),
    "least-squares": lambda **given: regression("linear", **given),
    "mlp-softmax": lambda **given: network("softmax", **given),
    "mlp-sigmoid": lambda **given: network("sigmoid", **given),
    "mlp-linear": lambda **given: network("linear", **given),
    "mlp-sigmoid-squared": lambda **given: network("sigmoid squared", **given),
    "residual": residual,
    "softmax-cross-entropy": lambda **given: cross_entropy("softmax", **given),
    "binary-cross-entropy": lambda **given: cross_entropy("sigmoid", **given),
}
