"""How long one evaluation takes: lib beside the libraries that readers know, in one run. `make bench` prints the table.

A row group is a function that returns its contestants by name, "lib" first; add it to GROUPS with its targets. All must
give the same loss and gradient (when training: reach the same accuracy) before any is timed; then they take turns, so
that whatever else the machine does meets all of them alike, and a row shows the median turn.
"""

import argparse
import math
import platform
import sys
import warnings
from collections.abc import Callable
from functools import partial
from itertools import chain
from time import perf_counter
from typing import NamedTuple

import autograd
import autograd.numpy as anp
import numpy as np
import sklearn
import torch
from autograd.scipy.special import expit, logsumexp
from sklearn._loss.loss import HalfMultinomialLoss
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model._linear_loss import LinearModelLoss
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from lib import data, graph, linear, mlp, train
from lib.graph import backward, constant, leaf
from lib.shapes import one_hot
from lib.show import same, table

LIB, TORCH, SKLEARN, BARE = "lib", "PyTorch autograd", "scikit-learn", "the matrix products alone"
HAND, HIPS, SCALARS = "lib.mlp, derived by hand", "HIPS autograd", "an engine of Python scalars"


class Contestant(NamedTuple):
    """What is timed, and how to read its result as (loss, gradient in the layout of lib), which is not timed."""

    run: Callable
    read: Callable = lambda result: result


def softmax_regression(threads: int) -> dict[str, Contestant]:
    """Loss and gradient of softmax regression with a penalty, at parameters drawn at random."""
    digits = load_digits()
    X, y, lam, k = digits.data[:1437] / 16, digits.target[:1437].astype(int), 0.01, 10
    Theta = 0.1 * np.random.default_rng(7).standard_normal((X.shape[1] + 1, k))

    X_torch, y_torch = torch.from_numpy(X), torch.from_numpy(y)
    b, W = (torch.from_numpy(part.copy()).requires_grad_() for part in (Theta[0], Theta[1:]))

    def autograd():
        b.grad = W.grad = None
        loss = torch.nn.functional.cross_entropy(torch.addmm(b, X_torch, W), y_torch) + lam * W.square().sum()
        loss.backward()
        return loss, b.grad, W.grad

    model = LinearModelLoss(base_loss=HalfMultinomialLoss(n_classes=k), fit_intercept=True)
    coef, y_float = np.asfortranarray(np.roll(Theta, -1, axis=0).T), y.astype(float)     # its bias stands last

    return {
        LIB: Contestant(lambda: linear.softmax_loss_and_grad(Theta, X, y, lam)),
        TORCH: Contestant(autograd, lambda result: (result[0].item(), np.vstack([g.numpy() for g in result[1:]]))),
        SKLEARN: Contestant(lambda: model.loss_gradient(coef, X, y_float, l2_reg_strength=2 * lam, n_threads=threads),
                            lambda result: (result[0], np.roll(result[1].T, 1, axis=0))),
    }


def problem(widths: tuple[int, ...], n: int) -> tuple:
    """Rows, labels and a network at random: sigmoid hidden layers, softmax head; digits if it has 64 inputs."""
    rng, digits = np.random.default_rng(7), load_digits()
    X, y = rng.random((n, widths[0])), rng.integers(0, widths[-1], n)
    if widths[0] == 64:
        X, y = digits.data[:n] / 16, digits.target[:n].astype(int)
    return X, y, mlp.init(widths, rng)


def packed(parts):
    """W[1] row by row, b[1], W[2], b[2], …: the layout of mlp.pack."""
    return np.concatenate([np.asarray(part).ravel() for part in parts])


def network(widths: tuple[int, ...], n: int, threads: int) -> dict[str, Contestant]:
    """Loss and gradient of a network."""
    (X, y, net), L = problem(widths, n), len(widths) - 1

    X_torch, y_torch = torch.from_numpy(X), torch.from_numpy(y)
    layers = [tuple(torch.from_numpy(part.copy()).requires_grad_() for part in (net.W[l], net.b[l])) for l in net.W]

    def autograd():
        A = X_torch
        for l, (W, b) in enumerate(layers, start=1):
            W.grad = b.grad = None
            Z = torch.addmm(b, A, W)
            A = torch.sigmoid(Z) if l < L else None
        loss = torch.nn.functional.cross_entropy(Z, y_torch)
        loss.backward()
        return loss, layers

    model = MLPClassifier(widths[1:-1], activation="logistic", solver="sgd", alpha=0.0, batch_size=n)
    model.partial_fit(X, y, classes=np.arange(widths[-1]))
    model.coefs_, model.intercepts_ = ([part[l].copy() for l in net.W] for part in (net.W, net.b))
    buffers = [X, *(np.empty((n, d)) for d in widths[1:])], [np.empty((n, d)) for d in widths[1:]], *(
        [np.empty_like(part) for part in parts] for parts in (model.coefs_, model.intercepts_))
    Y, trace = one_hot(y, widths[-1]), mlp.forward(net, X)
    value, gradients = mlp.loss_and_grad(net, X, y)

    def products():
        Z = {l: trace.A[l - 1] @ net.W[l] for l in net.W}
        dA = {l - 1: gradients.dZ[l] @ net.W[l].T for l in range(L, 1, -1)}
        return Z, dA, {l: trace.A[l - 1].T @ gradients.dZ[l] for l in net.W}

    return {
        LIB: Contestant(lambda: mlp.loss_and_grad(net, X, y), lambda result: (result[0], mlp.pack(result[1]))),
        TORCH: Contestant(autograd, lambda result: (result[0].item(), packed(p.grad for p in chain(*result[1])))),
        SKLEARN: Contestant(lambda: model._backprop(X, Y, None, *buffers),
                            lambda result: (result[0], packed(chain(*zip(*result[1:], strict=True))))),
        BARE: Contestant(products, lambda result: (value, mlp.pack(gradients._replace(dW=result[2])))),
    }


def engine(n: int, threads: int) -> dict[str, Contestant]:
    """The same through the engine, from the rows of its table: nodes built, swept and dropped in every evaluation."""
    (X, y, net), rows = problem(SMALL, n), np.arange(n)
    others, params = network(SMALL, n, threads), [net.W[1], net.b[1], net.W[2], net.b[2]]
    data, leaves = constant(X), [leaf(part) for part in params]

    def ours():
        W1, b1, W2, b2 = leaves
        Z = graph.affine(graph.sigmoid(graph.affine(data, W1, b1)), W2, b2)
        loss = -graph.log_softmax(Z)[rows, y].mean()
        return loss, backward(loss)

    def theirs(params):
        W1, b1, W2, b2 = params
        Z = expit(X @ W1 + b1) @ W2 + b2
        return -anp.mean((Z - logsumexp(Z, axis=1, keepdims=True))[rows, y])

    loss_and_grad = autograd.value_and_grad(theirs)
    return {
        LIB: Contestant(ours, lambda result: (result[0].value, packed(result[1][part] for part in leaves))),
        HAND: others[LIB],
        TORCH: others[TORCH],
        HIPS: Contestant(lambda: loss_and_grad(params), lambda result: (result[0], packed(result[1]))),
    }


class Scalar:
    """A node of a scalar engine: its value, and its parents with the rates at which they move it."""

    __slots__ = ("edges", "grad", "value")

    def __init__(self, value, *edges):
        self.value, self.edges, self.grad = value, edges, 0.0

    def __add__(self, other):
        return Scalar(self.value + other.value, (self, 1.0), (other, 1.0))

    def __mul__(self, other):
        return Scalar(self.value * other.value, (self, other.value), (other, self.value))

    def through(self, f, slope):
        """f of this node, where slope(x, f(x)) is its rate."""
        y = f(self.value)
        return Scalar(y, (self, slope(self.value, y)))

    def backward(self):
        """Leave ∂self/∂node in every node's grad: in the order in which they were made, from the last to the first."""
        order, met, stack = [], set(), [self]
        while stack:
            node = stack.pop()
            if node is None:
                order.append(stack.pop())
            elif node not in met:
                met.add(node)
                stack += [node, None, *(parent for parent, _ in node.edges)]
        self.grad = 1.0
        for node in reversed(order):
            for parent, rate in node.edges:
                parent.grad += rate * node.grad


def scalars(n: int, threads: int) -> dict[str, Contestant]:
    """The same through an engine whose nodes are single numbers, as a list of lists of Python objects."""
    X, y, net = problem(SMALL, n)

    def layer(rows, W, b):
        return [[sum((a * w for a, w in zip(row, column, strict=True)), bias)
                 for column, bias in zip(zip(*W, strict=True), b, strict=True)] for row in rows]

    def theirs():
        W1, W2 = ([[Scalar(w) for w in row] for row in W.tolist()] for W in net.W.values())
        b1, b2 = ([Scalar(b) for b in part.tolist()] for part in net.b.values())
        A = [[z.through(lambda z: 1 / (1 + math.exp(-z)), lambda z, a: a * (1 - a)) for z in row]
             for row in layer([[Scalar(x) for x in row] for row in X.tolist()], W1, b1)]
        loss = Scalar(0.0)
        for row, label in zip(layer(A, W2, b2), y, strict=True):
            total = sum((z.through(math.exp, lambda z, e: e) for z in row), Scalar(0.0))
            loss += total.through(math.log, lambda t, _: 1 / t) + row[label] * Scalar(-1.0)
        loss *= Scalar(1 / n)
        loss.backward()
        return loss, [*chain(*W1), *b1, *chain(*W2), *b2]

    return {LIB: engine(n, threads)[LIB],
            SCALARS: Contestant(theirs, lambda result: (result[0].value, packed(p.grad for p in result[1])))}


def scalar_chain(length: int, threads: int) -> dict[str, Contestant]:
    """x ← x w + w, over and over: what a node costs when there is nothing to compute."""
    ours, theirs = leaf(0.5), torch.tensor(0.5, dtype=torch.float64, requires_grad=True)

    def value(w):
        x = w
        for _ in range(length // 2):
            x = x * w + w
        return x

    def run():
        root = value(ours)
        return root.value, backward(root)[ours]

    def autograd():
        theirs.grad = None
        root = value(theirs)
        root.backward()
        return root, theirs.grad

    return {LIB: Contestant(run), TORCH: Contestant(autograd, lambda result: (result[0].item(), result[1].item()))}


def training(threads: int) -> dict[str, Contestant]:
    """20 epochs on digits, in batches of 32, to an accuracy of 97 % on the test rows."""
    digits, epochs = data.digits(), 20
    X, y = digits.X_train, digits.y_train

    def ours():
        net = mlp.init((X.shape[1], 32, 10), np.random.default_rng(7))
        return train.minibatch(mlp.loss_and_grad, net, X, y, 0.5, epochs, 32, np.random.default_rng(7)).net

    def theirs():
        model = MLPClassifier((32,), activation="logistic", solver="sgd", alpha=0.0, batch_size=32, momentum=0.0,
                              learning_rate_init=0.5, max_iter=epochs, n_iter_no_change=epochs, random_state=7)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return model.fit(X, y)

    def reached(labels):
        return (np.mean(labels == digits.y_test) >= 0.97,)

    return {LIB: Contestant(ours, lambda net: reached(mlp.predict(net, digits.X_test))),
            SKLEARN: Contestant(theirs, lambda model: reached(model.predict(digits.X_test)))}


class Group(NamedTuple):
    """The function above, what lib may take at most as a share of another's time, threads, share of the rounds."""

    contestants: Callable
    targets: dict[str, float]
    threads: int = 1
    rounds: float = 1.0


SMALL, LARGE = (64, 32, 10), (784, 512, 512, 10)
GROUPS = {
    "softmax regression, digits 1437 × 64 → 10": Group(softmax_regression, {TORCH: 0.65, SKLEARN: 1.05}),
    "network 64–32–10, digits, 128 rows": Group(partial(network, SMALL, 128), {TORCH: 0.5, SKLEARN: 0.8}),
    "network 64–32–10, digits, 1437 rows": Group(partial(network, SMALL, 1437), {TORCH: 0.5, SKLEARN: 0.8}),
    "network 784–512–512–10, 256 rows": Group(partial(network, LARGE, 256), {TORCH: 0.6, BARE: 1.25}, 2, 0.05),
    "engine, 64–32–10, digits, 128 rows": Group(partial(engine, 128), {HAND: 1.8, TORCH: 0.8, HIPS: 0.35}),
    "engine, 64–32–10, digits, 1437 rows": Group(partial(engine, 1437), {HAND: 1.4, TORCH: 0.6, HIPS: 0.6}),
    "engine, 64–32–10, 128 rows, scalar by scalar": Group(partial(scalars, 128), {SCALARS: 0.001}, 1, 0.001),
    "engine, a chain of 1000 scalar nodes": Group(partial(scalar_chain, 1000), {TORCH: 1.0}, 1, 0.1),
    "20 epochs, 64–32–10 on digits to 97 %": Group(training, {SKLEARN: 1.0}, 1, 0.005),
}


def keep_memory() -> None:
    """Let the allocator keep what is freed, as it does in any process that has once freed a large array.

    Otherwise the system takes the memory back after each evaluation and hands it out again as zeros, page by page, and
    a row would time that, and differ with the rows before it.
    """
    np.ones(30 * 2**17)         # 30 MiB, just below the size that glibc never keeps


def medians(contestants: dict[str, Contestant], rounds: int) -> dict[str, float]:
    """The median time of each in microseconds, once their results agree.

    Every round has an order of its own: what runs before leaves its arrays, or none of ours, in the cache.
    """
    expected = contestants[LIB].read(contestants[LIB].run())
    for name, (run, read) in contestants.items():
        for ours, theirs in zip(expected, read(run()), strict=True):
            if not same(theirs, ours):
                raise ValueError(f"{name} computes something else than lib: {theirs}, expected {ours}")
    times, rng = {name: [] for name in contestants}, np.random.default_rng(7)
    warm_up = min(20, rounds)
    for _ in range(rounds + warm_up):
        for name in rng.permutation(list(contestants)):
            start = perf_counter()
            contestants[name].run()
            times[name].append(perf_counter() - start)
    return {name: 1e6 * float(np.median(taken[warm_up:])) for name, taken in times.items()}


def main() -> int:
    """Print the table; the exit status says whether every target is met."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--rounds", type=int, default=2000)
    options.add_argument("--threads", type=int, help="the same for every row")
    options.add_argument("--only", default="", help="rows whose title contains this")
    chosen = options.parse_args()
    keep_memory()
    rows, missed = [], 0
    for title, (group, targets, threads, rounds) in GROUPS.items():
        if chosen.only not in title:
            continue
        threads = chosen.threads or threads
        torch.set_num_threads(threads)
        with threadpool_limits(threads):
            taken = medians(group(threads), max(1, round(rounds * chosen.rounds)))
        for name, median in taken.items():
            share, target = taken[LIB] / median, targets.get(name, np.inf)
            missed += share > target
            verdict = "" if name not in targets else f"≤ {target:g} " + ("met" if share <= target else "missed")
            rows.append((title, name, str(threads), f"{median:.0f}", f"{share:.2g}", verdict))
    print(f"Python {platform.python_version()}, NumPy {np.__version__}, scikit-learn {sklearn.__version__}, "
          f"PyTorch {torch.__version__}; {chosen.rounds} rounds, float64\n")
    print(table(rows, ["one loss and gradient", "by", "threads", "median µs", "lib / this", "target"]))
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
