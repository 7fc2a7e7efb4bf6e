"""How long one evaluation takes: lib beside the libraries that readers know, in one run. `make bench` prints the table.

A row group is a function that returns its contestants by name, "lib" first; add it to GROUPS with its targets. All must
give the same loss and gradient before any is timed; then they take turns, so that whatever else the machine does meets
all of them alike, and a row shows the median turn.
"""

import argparse
import platform
import sys
from collections.abc import Callable
from time import perf_counter
from typing import NamedTuple

import numpy as np
import sklearn
import torch
from sklearn._loss.loss import HalfMultinomialLoss
from sklearn.datasets import load_digits
from sklearn.linear_model._linear_loss import LinearModelLoss
from threadpoolctl import threadpool_limits

from lib import linear
from lib.show import same, table

LIB, TORCH, SKLEARN = "lib", "PyTorch autograd", "scikit-learn"


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


GROUPS = {              # title: (the function above, what lib may take at most, as a share of the other's time)
    "softmax regression, digits 1437 × 64 → 10": (softmax_regression, {TORCH: 0.65, SKLEARN: 1.05}),
}


def medians(contestants: dict[str, Contestant], rounds: int) -> dict[str, float]:
    """The median time of each in microseconds, once their results agree; every round starts with another contestant."""
    expected = contestants[LIB].read(contestants[LIB].run())
    for name, (run, read) in contestants.items():
        for ours, theirs in zip(expected, read(run()), strict=True):
            if not same(theirs, ours):
                raise ValueError(f"{name} computes something else than lib: {theirs}, expected {ours}")
    names, times = list(contestants), {name: [] for name in contestants}
    for turn in range(rounds + 20):                                                      # 20 to warm up
        for name in names[turn % len(names):] + names[:turn % len(names)]:
            start = perf_counter()
            contestants[name].run()
            times[name].append(perf_counter() - start)
    return {name: 1e6 * float(np.median(taken[20:])) for name, taken in times.items()}


def main() -> int:
    """Print the table; the exit status says whether every target is met."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--rounds", type=int, default=2000)
    options.add_argument("--threads", type=int, default=1)
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    rows, missed = [], 0
    with threadpool_limits(chosen.threads):
        for title, (group, targets) in GROUPS.items():
            taken = medians(group(chosen.threads), chosen.rounds)
            for name, median in taken.items():
                share, target = taken[LIB] / median, targets.get(name, np.inf)
                missed += share > target
                verdict = "" if name not in targets else f"≤ {target:g} " + ("met" if share <= target else "missed")
                rows.append((title, name, f"{median:.0f}", f"{share:.2f}", verdict))
    print(f"Python {platform.python_version()}, NumPy {np.__version__}, scikit-learn {sklearn.__version__}, "
          f"PyTorch {torch.__version__}; {chosen.threads} thread(s), {chosen.rounds} rounds, float64\n")
    print(table(rows, ["one loss and gradient", "by", "median µs", "lib / this", "target"]))
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
