"""Gradients with planted slips, written in NumPy and apart from `lib.diagnose`, for measuring what it names.

`network` and `block` are gradients with holes: a slip changes one piece. `mistakes` and `correct` go through kinds,
models and parameters; the seed of the tool leads to other sizes and arrays. Run as a program, this prints the figures.
"""

import time
from collections.abc import Callable, Iterator
from multiprocessing import Pool
from typing import NamedTuple

import numpy as np

from lib.diagnose import _named, diagnose
from lib.diagnose.case import Case


class Planted(NamedTuple):
    """A claim with what it is about, the kind that was planted, and the claim without the structural slip."""

    kind: str
    claim: Callable
    wrt: str
    model: str
    options: dict
    without: Callable | None = None


def sigma(z):
    return 1 / (1 + np.exp(-z))


def softmax(Z):
    E = np.exp(Z)
    return E / E.sum(axis=1, keepdims=True)


PHI = {"sigmoid": sigma, "tanh": np.tanh, "softplus": lambda z: np.log1p(np.exp(z)),
       "relu": lambda z: np.maximum(z, 0), "identity": lambda z: z}
SLOPE = {"sigmoid": lambda z: sigma(z) * (1 - sigma(z)), "tanh": lambda z: 1 - np.tanh(z) ** 2, "softplus": sigma,
         "relu": lambda z: (z > 0) * 1.0, "identity": np.ones_like}
FROM_Z = SLOPE | {"sigmoid": lambda z: z * (1 - z), "tanh": lambda z: 1 - z ** 2}


def local(hidden, z, slip):
    """What stands where φ′(z) belongs."""
    return {"phi-for-slope": lambda: PHI[hidden](z), "slope-missing": lambda: np.ones_like(z),
            "slope-of-z": lambda: FROM_Z[hidden](z), "slope-at-output": lambda: SLOPE[hidden](PHI[hidden](z)),
            }.get(slip, lambda: SLOPE[hidden](z))()


def network(v, wrt, head, hidden="sigmoid", depth=2, scale="", slip="", of_loss=None):
    """The gradient of the data part of a network by W1, b1 …, with a slip inside, and another in that of the loss."""
    W = {l: v[f"W{l}"] for l in range(1, depth + 1)}
    b = {l: v[f"b{l}"] for l in range(1, depth + 1)}
    Z, A = {}, {0: v["X"]}
    for l in W:
        Z[l] = A[l - 1] @ W[l] + b[l]
        flip = slip == "exponent-sign" and hidden == "sigmoid"
        A[l] = PHI[hidden](-Z[l] if flip else Z[l]) if l < depth else Z[l]
    scores = Z[depth]
    if slip == "wrong-output" and hidden != "relu":
        hiddens = 1 / A[depth - 1]
        scores = hiddens @ W[depth] + b[depth]
    if slip == "wrong-output, layer":
        scores = Z[depth - 1]
    D = residual(v, scores, head, of_loss or slip) / (1 if "sum" in scale else len(v["X"])) * (2 if scale in ("mean", "sum") and (
        head in ("linear", "sigmoid squared")) else 1)
    for l in range(depth, 0, -1):
        if wrt == f"W{l}":
            left = Z[l - 1] if slip == "other-parameter" and l > 1 else A[l - 1]
            if slip == "unsummed":
                return left[:, :, None] * D[:, None, :]
            return np.outer(left.sum(0), D.sum(0)) if slip == "summed-early" else left.T @ D
        if wrt == f"b{l}":
            return D if slip == "unsummed" else D.sum(axis=0)
        back = D @ (W[l] if slip == "wrong-shape" else W[l].T)
        if slip == "wrong-exponent" and l == depth:
            back = D @ (W[l].T ** 2)
        if l > 1:
            D = back * local(hidden, Z[l - 1], slip) * (-1 if slip == "exponent-sign" and hidden == "sigmoid" else 1)
    return back


def residual(v, scores, head, slip):
    """∂(sum of losses)/∂scores, of halved squares or of cross-entropy."""
    Y = v["Y"] if "Y" in v else v["y"][:, None]
    if slip == "broadcast":
        Y = np.broadcast_to(Y.mean(axis=0), Y.shape)
    P = {"softmax": softmax, "sigmoid": sigma, "sigmoid squared": sigma, "linear": lambda z: z}[head](scores)
    if head == "softmax":
        return {"diagonal-only": -Y * (1 - P), "normaliser-constant": -Y, "target-ignored": P,
                "wrong-exponent, normaliser": np.exp(scores) - Y, "other-loss": (P - Y) * P * (1 - P)}.get(slip, P - Y)
    slope = local("sigmoid", scores, slip.removesuffix(", head")) if head == "sigmoid squared" else 1.0
    if slip.endswith(", head") is False and head == "sigmoid squared":
        slope = SLOPE["sigmoid"](scores)
    R = {"target-ignored": P, "wrong-exponent, residual": (P - Y) ** 2}.get(slip, P - Y) * slope
    return R * P * (1 - P) if slip == "other-loss" and head == "sigmoid" else R


def block(v, wrt, hidden="sigmoid", slip=""):
    """The gradient of a residual block, half the mean squared error."""
    Z1 = v["X"] @ v["W1"]
    flip = -1 if slip == "exponent-sign" and hidden == "sigmoid" else 1
    H = PHI[hidden](flip * Z1)
    Z2 = H + v["X"]
    T = np.broadcast_to(v["T"].mean(0), v["T"].shape) if slip == "broadcast" else v["T"]
    out = (1 / H + v["X"] if slip == "wrong-output" else Z2) @ v["W2"]
    D = (out - T) / len(T)
    if wrt == "W2":
        left = {"other-parameter": H}.get(slip, Z2)
        return left[:, :, None] * D[:, None, :] if slip == "unsummed" else left.T @ D
    dZ2 = D @ v["W2"].T
    dZ1 = dZ2 * flip * local(hidden, Z1, slip)
    if wrt == "W1":
        return v["X"][:, :, None] * dZ1[:, None, :] if slip == "unsummed" else v["X"].T @ dZ1
    if slip == "path-missing":
        return dZ1 @ v["W1"].T
    if slip == "path-missing, block":
        return dZ2
    return dZ1 @ (v["W1"] if slip == "transposed, inside" else v["W1"].T) + dZ2


def one_layer(v, model, slip=""):
    """The gradient of the data part of one layer with its bias in the first row, or of a loss by its scores."""
    by_scores, softmax_head = model.endswith("cross-entropy"), "softmax" in model
    w = {"Xs": np.eye(1)} if by_scores else v
    Z = v["Z" if softmax_head else "z"]
    if slip == "exponent-sign" and not model.startswith("least"):
        Z = -Z
    head = "softmax" if softmax_head else "linear" if model.startswith("least") else "sigmoid"
    D = residual(v | {"Y": v["Y"] if softmax_head else v["y"]}, Z, head, slip) / len(v["y"])
    if by_scores:
        return D
    if slip == "unsummed":
        return w["Xs"][:, :, None] * D[:, None, :] if D.ndim == 2 else w["Xs"] * D[:, None]
    if slip == "summed-early":
        return np.multiply.outer(w["Xs"].sum(axis=0), D.sum(axis=0))
    return w["Xs"].T @ D


INSIDE = ["phi-for-slope", "slope-missing", "slope-of-z", "slope-at-output", "diagonal-only", "normaliser-constant",
          "target-ignored", "wrong-exponent", "wrong-exponent, normaliser", "wrong-exponent, residual", "other-loss",
          "broadcast", "exponent-sign", "wrong-output", "wrong-output, layer", "other-parameter", "unsummed",
          "summed-early", "wrong-shape", "path-missing", "path-missing, block", "transposed, inside",
          "phi-for-slope, head", "slope-missing, head", "slope-of-z, head", "slope-at-output, head"]
OUTSIDE = {          # what is done to a right gradient of the data part
    "sign": lambda g, n: -g, "factor-two": lambda g, n: 2 * g, "factor-two, half": lambda g, n: g / 2,
    "log-base": lambda g, n: g / np.log(2), "log-base, ln 2": lambda g, n: g * np.log(2),
    "constant": lambda g, n: 0.3 * g, "sum-not-mean": lambda g, n: n * g, "averaged-twice": lambda g, n: g / n,
    "zero": lambda g, n: 0 * g, "transposed": lambda g, n: g.T,
    "permuted": lambda g, n: g[::-1], "permuted, columns": lambda g, n: np.roll(g, 1, axis=-1),
    "summed-index": lambda g, n: np.broadcast_to(g.sum(axis=0), g.shape),
    "summed-index, last": lambda g, n: np.broadcast_to(g.sum(axis=-1, keepdims=True), g.shape),
    "wrong-shape, row": lambda g, n: g[None], "wrong-shape, flat": lambda g, n: np.concatenate([g.ravel(), [0.0]]),
}
PENALTY = {"penalty": 0.0, "penalty, half": 0.5, "penalty, sign": -1.0, "penalty, thrice": 3.0}
MODELS = [("mlp-softmax", "softmax", {}), ("mlp-softmax", "softmax", {"hidden": "tanh"}),
          ("mlp-softmax", "softmax", {"hidden": "softplus", "depth": 3}), ("mlp-sigmoid", "sigmoid", {}),
          ("mlp-sigmoid", "sigmoid", {"hidden": "tanh", "depth": 3}), ("mlp-linear", "linear", {}),
          ("mlp-linear", "linear", {"hidden": "tanh", "scale": "mean"}), ("mlp-linear", "linear", {"scale": "sum"}),
          ("mlp-linear", "linear", {"hidden": "relu"}),
          ("mlp-sigmoid-squared", "sigmoid squared", {}), ("residual", "", {}), ("residual", "", {"hidden": "tanh"}),
          *((name, "", {}) for name in ("logistic", "softmax", "least-squares", "softmax-cross-entropy",
                                        "binary-cross-entropy"))]
PARAMETERS = {"residual": ["W1", "W2", "X"], "logistic": ["theta"], "softmax": ["Theta"], "least-squares": ["theta"],
              "softmax-cross-entropy": ["Z"], "binary-cross-entropy": ["z"]}


def gradient(v, wrt, model, head, options, slip=""):
    """The data part of the gradient of one of these models."""
    if model in PARAMETERS and model != "residual":
        return one_layer(v, model, slip)
    return block(v, wrt, slip=slip, **options) if model == "residual" else network(v, wrt, head, slip=slip, **options)


def parameters(model, options):
    """What a gradient may be wanted by."""
    if model in PARAMETERS:
        return PARAMETERS[model]
    depth = options.get("depth", 2)
    return [f"{name}{l}" for l in range(1, depth + 1) for name in "Wb"] + ["X"]


def rows(v):
    """The number of samples."""
    return v["n"]


def penalised(wrt, model):
    """Whether a penalty stands in the loss for this parameter."""
    return wrt in ("theta", "Theta") or (wrt[0] == "W" and model != "residual")


def penalty(v, wrt, model):
    """Its gradient: of weights only."""
    if not penalised(wrt, model):
        return 0.0
    g = 2 * v["lam"] * v[wrt]
    return g if wrt[0] == "W" else np.concatenate([0 * g[:1], g[1:]])


def mistakes() -> Iterator[Planted]:
    """Every slip in every model by every parameter, where it makes a difference there."""
    for model, head, options in MODELS:
        for wrt in parameters(model, options):
            about = wrt, model, options
            right = lambda v, a=(wrt, model, head, options): gradient(v, *a)
            pen = lambda v, a=(wrt, model): penalty(v, *a)
            for slip in INSIDE:
                def claim(slip=slip, a=(wrt, model, head, options), pen=pen, **v):
                    g = gradient(v, *a, slip=slip)
                    return g if slip == "unsummed" else g + pen(v)
                yield Planted(named(slip, pen, wrt, model), claim, *about)
                if slip in ("phi-for-slope", "slope-missing", "diagonal-only", "broadcast", "wrong-output"):
                    for factor in ("sign", "sum-not-mean", "factor-two"):
                        def claim(slip=slip, factor=factor, a=(wrt, model, head, options), pen=pen, **v):
                            return OUTSIDE[factor](gradient(v, *a, slip=slip), rows(v)) + pen(v)
                        def without(factor=factor, right=right, pen=pen, **v):
                            return OUTSIDE[factor](right(v), rows(v)) + pen(v)
                        yield Planted(f"{factor} + {slip}", claim, *about, without)
            for slip, change in OUTSIDE.items():
                def claim(change=change, right=right, pen=pen, **v):
                    return change(right(v) + pen(v), rows(v))
                yield Planted(slip.partition(",")[0], claim, *about)
            if penalised(wrt, model):
                for q in PENALTY.values():
                    yield Planted("penalty", lambda q=q, right=right, pen=pen, **v: right(v) + q * pen(v), *about)
                    yield Planted("factor-two + penalty", lambda q=q, right=right, pen=pen, **v: (
                        2 * right(v) + q * pen(v)), *about)
            elif model != "residual" and "entropy" not in model:
                yield Planted("penalty", lambda right=right, w=wrt, **v: right(v) + 2 * v["lam"] * v[w], *about)


def named(slip, pen, wrt, model):
    """The kind of a slip, with the penalty where a sum over rows leaves it out."""
    kind = slip.partition(",")[0]
    return f"{kind} + penalty" if slip == "unsummed" and penalised(wrt, model) else kind


FOREIGN = {          # mistakes that are on no list: they must be given no name
    "squared": lambda g, v: g * np.abs(g), "shifted": lambda g, v: g + 0.01, "root": lambda g, v: np.sign(g) * np.abs(g) ** 0.5,
    "one entry": lambda g, v: g + 0.1 * (np.arange(g.size).reshape(g.shape) == 0),
    "clipped": lambda g, v: np.clip(g, -0.03, 0.03), "uneven": lambda g, v: g * (1 + 0.1 * np.cos(np.arange(g.size)).reshape(g.shape)),
    "first row": lambda g, v: g * (np.arange(len(g)).reshape(-1, *[1] * (g.ndim - 1)) > 0),
    "sorted": lambda g, v: np.sort(g, axis=0), "n - 1": lambda g, v: g * v["n"] / (v["n"] - 1),
    "root n": lambda g, v: g * v["n"] ** 0.5, "sine": lambda g, v: np.sin(3 * g)}


TWO = [("phi-for-slope", "broadcast"), ("slope-missing", "broadcast"), ("slope-of-z", "diagonal-only"),
       ("slope-at-output", "normaliser-constant"), ("phi-for-slope", "other-loss")]


def foreign() -> Iterator[Planted]:
    """Mistakes of other kinds."""
    for model, head, options in MODELS:
        for wrt in parameters(model, options):
            a = (wrt, model, head, options)
            for change in FOREIGN.values():
                def claim(change=change, a=a, **v):
                    return change(gradient(v, *a), v) + penalty(v, *a[:2])
                yield Planted("unexplained", claim, wrt, model, options)
            for inside, of_loss in TWO if wrt in ("W1", "b1") and model != "residual" and (
                    options.get("hidden") in (None, "tanh")) else ():
                def claim(inside=inside, of_loss=of_loss, a=a, **v):
                    wrt, model, head, options = a
                    return network(v, wrt, head, slip=inside, of_loss=of_loss, **options) + penalty(v, wrt, model)
                def without(inside=inside, a=a, **v):
                    wrt, model, head, options = a
                    return network(v, wrt, head, slip=inside, **options) + penalty(v, wrt, model)
                yield Planted("unexplained", claim, wrt, model, options, without)


WAYS = [lambda g, pen, n: g + pen, lambda g, pen, n: pen + g, lambda g, pen, n: -(-g - pen),
        lambda g, pen, n: pen - (-1) * g, lambda g, pen, n: (n * g + n * pen) / n, lambda g, pen, n: 0.5 * (2 * g + 2 * pen),
        lambda g, pen, n: np.array((g + pen).tolist()), lambda g, pen, n: g / 3 + 2 * g / 3 + pen,
        lambda g, pen, n: np.exp(np.log(np.abs(g) + 1)) * np.sign(g) - np.sign(g) + pen,
        lambda g, pen, n: (g.T + np.transpose(pen)).T]


def correct() -> Iterator[Planted]:
    """Right gradients, in ten ways of writing."""
    for model, head, options in MODELS:
        for wrt in parameters(model, options):
            for way in WAYS:
                def claim(way=way, a=(wrt, model, head, options), **v):
                    return way(gradient(v, *a), penalty(v, *a[:2]), rows(v))
                yield Planted("correct", claim, wrt, model, options)


def effect(planted: Planted, at) -> str | None:
    """The kind that a planted slip has at an instance; None where it makes no difference there."""
    true = at.truth(planted.wrt)
    try:
        value, plain = planted.claim(**at.names), planted.without and planted.without(**at.names)
    except ValueError:
        return "wrong-shape" if planted.kind == "wrong-output" and "sigmoid" in planted.model else planted.kind
    if planted.kind == "unexplained" and true.size == 1:
        return None                                            # of a single number, anything is a factor
    if value.shape != true.shape:
        return "wrong-shape" if planted.kind == "wrong-output" else planted.kind
    if np.abs(value - true).max() < 1e-12 or (plain is not None and np.abs(value - plain).max() < 1e-9):
        return None
    return "zero" if np.abs(value).max() < 1e-12 else planted.kind


def judge(which: str, seed: int, model: int) -> list[tuple]:
    """Every verdict on one model: the kind planted, the kind named, the seconds it took."""
    found = []
    for planted in {"mistakes": mistakes, "correct": correct, "foreign": foreign}[which]():
        if (planted.model, planted.options) != (MODELS[model][0], MODELS[model][2]):
            continue
        kind = planted.kind
        if which != "correct":
            case = Case(_named(planted.model, planted.options), planted.claim, planted.wrt, seed)
            kind = effect(planted, case.instances(1)[0])
        if kind is not None:
            start = time.perf_counter()
            verdict = diagnose(planted.claim, model=planted.model, wrt=planted.wrt, seed=seed, **planted.options)
            found.append((kind, verdict.kind, time.perf_counter() - start))
    return found


def main() -> int:
    """Print the figures, and fail if one is missed."""
    start, jobs = time.perf_counter(), [("mistakes", 0, model) for model in range(len(MODELS))]
    jobs += [("foreign", 0, model) for model in range(len(MODELS))]
    jobs += [("correct", seed, model) for seed in range(1, 18) for model in range(len(MODELS))]
    with Pool() as pool:
        parts = pool.starmap(judge, jobs, chunksize=1)
    wrong, right, others = ([verdict for job, part in zip(jobs, parts, strict=True) if job[0] == which for verdict in part]
                            for which in ("mistakes", "correct", "foreign"))
    named = sum(planted == kind for planted, kind, _ in wrong)
    astray = sum(kind not in (planted, "unexplained") for planted, kind, _ in wrong)
    given = sum(kind != "unexplained" for _, kind, _ in others)
    alarms = sum(kind != "correct" for _, kind, _ in right)
    median = sorted(seconds for *_, seconds in wrong + right)[len(wrong + right) // 2]
    print(f"{len(wrong)} planted slips: {named} named rightly ({named / len(wrong):.2%}), {astray} wrongly, the others "
          f"unexplained\n{len(others)} mistakes of no kind: {given} given a name\n{len(right)} right gradients: {alarms} false alarms\n"
          f"median {median * 1000:.0f} ms a verdict, {time.perf_counter() - start:.0f} s in all")
    return int(named < 0.98 * len(wrong) or astray > 0 or alarms > 0 or given > 0 or len(wrong) < 2000 or len(right) < 10000)


if __name__ == "__main__":
    raise SystemExit(main())
