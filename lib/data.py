"""Data: toy sets from an explicit generator, and three real ones that ship with scikit-learn (no download)."""

from dataclasses import dataclass

import numpy as np
from sklearn import datasets
from sklearn.model_selection import train_test_split

from lib.shapes import check_count, check_not_negative


def line(n: int, rng: np.random.Generator, slope: float = 2.0, intercept: float = -1.0, noise: float = 0.3):
    """A noisy line, for regression:  y = intercept + slope · x + noise, x uniform in [−1, 1].

    Shapes: → X (n, 1), y (n,) float.
    """
    check_count("line", n=n)
    check_not_negative("line", noise=noise)
    X = rng.uniform(-1.0, 1.0, (n, 1))
    return X, intercept + slope * X[:, 0] + noise * rng.standard_normal(n)


def blobs(n: int, rng: np.random.Generator, k: int = 2, spread: float = 0.6):
    """k round clouds, their centres evenly spaced on a circle of radius 2; row i has label i mod k.

    Shapes: → X (n, 2), y (n,) integer labels 0..k−1.
    """
    check_count("blobs", n=n, k=k)
    check_not_negative("blobs", spread=spread)
    y = np.arange(n) % k
    angle = 2 * np.pi * y / k + np.pi / 4
    return 2 * np.column_stack([np.cos(angle), np.sin(angle)]) + spread * rng.standard_normal((n, 2)), y


def xor(n: int, rng: np.random.Generator, spread: float = 0.3):
    """Clouds at the four corners (±1, ±1); label 1 where the signs of the corner differ. No line separates them.

    Shapes: → X (n, 2), y (n,) integer labels 0, 1.
    """
    check_count("xor", n=n)
    check_not_negative("xor", spread=spread)
    corner = np.arange(n)[:, None] // [1, 2] % 2
    return 2.0 * corner - 1.0 + spread * rng.standard_normal((n, 2)), corner[:, 0] ^ corner[:, 1]


def moons(n: int, rng: np.random.Generator, noise: float = 0.15):
    """Two interleaved half circles.

    Shapes: → X (n, 2), y (n,) integer labels 0, 1.
    """
    check_count("moons", n=n)
    check_not_negative("moons", noise=noise)
    return datasets.make_moons(n, noise=noise, random_state=int(rng.integers(2**31)))


def rings(n: int, rng: np.random.Generator, noise: float = 0.08):
    """A ring of radius ½ (label 1) inside one of radius 1 (label 0).

    Shapes: → X (n, 2), y (n,) integer labels 0, 1.
    """
    check_count("rings", n=n)
    check_not_negative("rings", noise=noise)
    return datasets.make_circles(n, noise=noise, factor=0.5, random_state=int(rng.integers(2**31)))


@dataclass(frozen=True)
class Split:
    """Real data, three quarters to train on and one to test on, standardised: (x − mean) / scale.

    mean and scale come from the training rows alone; a feature that never varies has scale 1.
    Shapes: X_train (n, d), y_train (n,), X_test (m, d), y_test (m,), mean (d,), scale (d,).
    """

    X_train: np.ndarray
    y_train: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...]
    mean: np.ndarray
    scale: np.ndarray


def _split(bunch) -> Split:
    """Split by class, always in the same way, then standardise."""
    X_train, X_test, y_train, y_test = train_test_split(
        bunch.data.astype(float), bunch.target.astype(int), test_size=0.25, stratify=bunch.target, random_state=0)
    mean, deviation = X_train.mean(axis=0), X_train.std(axis=0)
    scale = np.where(deviation > 0, deviation, 1.0)
    features, classes = (tuple(map(str, names)) for names in (bunch.feature_names, bunch.target_names))
    return Split((X_train - mean) / scale, y_train, (X_test - mean) / scale, y_test, features, classes, mean, scale)


def breast_cancer() -> Split:
    """569 tumours, 30 measurements of the nuclei of their cells; label 0 malignant, 1 benign."""
    return _split(datasets.load_breast_cancer())


def digits() -> Split:
    """1797 handwritten digits, 8 × 8 pixels in a row of 64; label = digit."""
    return _split(datasets.load_digits())


def iris() -> Split:
    """150 flowers of three kinds, 4 measurements each."""
    return _split(datasets.load_iris())
