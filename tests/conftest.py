"""What every test file may use."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")         # before NumPy: a process that is forked behind a fence gets no threads

import numpy as np
import pytest
from xdist.scheduler import LoadScopeScheduling


@pytest.fixture
def rng():
    """A generator that starts the same in every test."""
    return np.random.default_rng(7)


@pytest.fixture
def strict():
    """Floating point that complains: overflow, division by zero and invalid operations are errors in the test."""
    with np.errstate(all="raise", under="ignore"):
        yield


class ByNotebook(LoadScopeScheduling):
    """A file, or the cells of a notebook, go to one worker together; a notebook's negative control goes by itself."""

    def _split_scope(self, nodeid):
        return nodeid if "test_negative" in nodeid else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config, log):
    """No worker is left with all the notebooks' controls at the end."""
    return ByNotebook(config, log)
