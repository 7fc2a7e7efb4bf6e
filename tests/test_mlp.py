"""Networks: a pass by hand, and every gradient the slope of its loss."""

import numpy as np
import pytest

from lib import mlp
from lib.activations import ACTIVATIONS
from lib.gradcheck import check_gradient

TARGETS = {"linear": np.array([[1.0, -2.0, 0.5], [0.0, 1.5, -1.0], [2.0, 0.25, 1.0], [-1.0, -1.0, 3.0]]),
           "sigmoid": np.array([0, 1, 1, 0]), "softmax": np.array([0, 2, 1, 2])}
HIDDEN = [name for name in ACTIVATIONS if name != "step"]


def network(hidden, head, rng):
    """A network 4–5–3–k with biases that are not zero."""
    net = mlp.init((4, 5, 3, 1 if head == "sigmoid" else 3), rng, hidden, head)
    return mlp.unpack(net, mlp.pack(net) + 0.1 * rng.standard_normal(net.parameter_count))


def test_every_head_has_targets():
    assert TARGETS.keys() == mlp.HEADS.keys()


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("head", mlp.HEADS)
@pytest.mark.parametrize("lam", [0.0, 0.3])
def test_the_gradient_is_the_slope(hidden, head, lam, rng):
    net, X, y = network(hidden, head, rng), rng.standard_normal((4, 4)), TARGETS[head]

    def loss(vector):
        return mlp.loss(mlp.unpack(net, vector), X, y, lam)

    def grad(vector):
        moved = mlp.unpack(net, vector)
        return mlp.pack(mlp.backward(moved, mlp.forward(moved, X), y, lam))

    report = check_gradient(loss, grad, mlp.pack(net))
    assert report.ok, report
    assert not check_gradient(loss, lambda vector: 1.001 * grad(vector), mlp.pack(net)).ok
