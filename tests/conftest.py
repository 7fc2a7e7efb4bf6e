"""What every test file may use."""

import numpy as np
import pytest


@pytest.fixture
def rng():
    """A generator that starts the same in every test."""
    return np.random.default_rng(7)


@pytest.fixture
def strict():
    """Floating point that complains: overflow, division by zero and invalid operations are errors in the test."""
    with np.errstate(all="raise", under="ignore"):
        yield
