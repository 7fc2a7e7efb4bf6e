"""Data: shapes, labels, variation, and the same rows every time."""

import numpy as np
import pytest

from lib import data

TOYS = {"blobs": data.blobs, "xor": data.xor, "moons": data.moons, "rings": data.rings}
REAL = {"breast_cancer": (data.breast_cancer, 426, 143, 30, 2), "digits": (data.digits, 1347, 450, 64, 10),
        "iris": (data.iris, 112, 38, 4, 3)}


def test_a_line_without_noise_is_a_line(rng):
    X, y = data.line(20, rng, slope=3.0, intercept=1.0, noise=0.0)
    assert X.shape == (20, 1) and y == pytest.approx(1.0 + 3.0 * X[:, 0])
    assert X.std() > 0.3


@pytest.mark.parametrize("name", TOYS)
def test_toys(name, rng):
    X, y = TOYS[name](60, rng)
    assert (X.shape, X.dtype, y.shape, y.dtype.kind) == ((60, 2), np.float64, (60,), "i")
    assert np.bincount(y).tolist() == [30, 30]
    assert (X.std(axis=0) > 0.3).all()


@pytest.mark.parametrize("name", [*TOYS, "line"])
def test_the_generator_decides(name):
    draw = {**TOYS, "line": data.line}[name]
    first, again = (draw(30, np.random.default_rng(3)) for _ in range(2))
    assert (first[0] == again[0]).all() and (first[1] == again[1]).all()
    rng = np.random.default_rng(3)
    assert (draw(30, rng)[0] != draw(30, rng)[0]).any()


def test_the_pictures_are_as_described(rng):
    X, y = data.xor(40, rng, spread=0.0)
    assert (np.abs(X) == 1.0).all() and (y == (X[:, 0] != X[:, 1])).all()
    assert len(np.unique(X, axis=0)) == 4
    X, y = data.rings(40, rng, noise=0.0)
    assert np.linalg.norm(X, axis=1) == pytest.approx(np.where(y == 1, 0.5, 1.0))
    X, y = data.blobs(9, rng, k=3, spread=0.0)
    assert np.linalg.norm(X, axis=1) == pytest.approx(np.full(9, 2.0))
    assert np.bincount(y).tolist() == [3, 3, 3] and len(np.unique(X.round(9), axis=0)) == 3


@pytest.mark.parametrize("name", REAL)
def test_real_data_are_split_and_standardised(name):
    load, n, m, d, k = REAL[name]
    split = load()
    assert (split.X_train.shape, split.X_test.shape) == ((n, d), (m, d))
    assert (split.y_train.shape, split.y_test.shape) == ((n,), (m,))
    assert (split.X_train.dtype, split.y_train.dtype.kind) == (np.float64, "i")
    assert len(split.feature_names) == d and len(split.class_names) == k
    assert split.X_train.mean(axis=0) == pytest.approx(np.zeros(d), abs=1e-12)
    varies = split.X_train.std(axis=0) > 0
    assert varies.sum() > 0.9 * d and split.X_train.std(axis=0)[varies] == pytest.approx(np.ones(varies.sum()))
    assert (split.scale[~varies] == 1.0).all() and np.isfinite(split.X_test).all()
    shares = [np.bincount(y, minlength=k) / len(y) for y in (split.y_train, split.y_test)]
    assert shares[0] == pytest.approx(shares[1], abs=0.03)
    assert (load().X_train == split.X_train).all()


def test_the_training_rows_alone_set_the_scale():
    split = data.breast_cancer()
    assert np.abs(split.X_test.mean(axis=0)).max() > 0.01
    assert split.class_names == ("malignant", "benign")
    raw = split.X_train * split.scale + split.mean
    assert raw.mean(axis=0) == pytest.approx(split.mean) and 6 < raw[:, 0].min() < raw[:, 0].max() < 30    # radius


@pytest.mark.parametrize("name", [*TOYS, "line"])
def test_bad_input_is_named(name, rng):
    draw = {**TOYS, "line": data.line}[name]
    with pytest.raises(ValueError, match=f"{name}: n = 0, expected a whole number"):
        draw(0, rng)
    with pytest.raises(ValueError, match=f"{name}: (noise|spread) = -1, expected a number that is zero or positive"):
        draw(10, rng, **{"spread" if name in ("blobs", "xor") else "noise": -1})
