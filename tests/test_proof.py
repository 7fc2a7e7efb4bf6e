"""Zero or not zero: what SymPy can show about a difference."""

import pytest
from sympy import exp, log, sqrt, symbols, tanh

from lib.proof import is_zero

a, b = symbols("a b", real=True)
c = symbols("c", positive=True)

ZERO = {
    "nothing": a - a,
    "fractions": 1 / (1 + a) - (1 - a) / (1 - a**2),
    "powers of e": exp(-a) / (1 + exp(-a)) - 1 / (1 + exp(a)),
    "sums in exponents": exp(2 * a + b) - exp(a) ** 2 * exp(b),
    "halves in exponents": 1 / exp(a / 2) - exp(a / 2) / exp(a),
    "tanh": tanh(a) - (1 - exp(-2 * a)) / (1 + exp(-2 * a)),
    "roots": sqrt(c**2) - c,
    "logarithms": log(c**2) - 2 * log(c),
}


@pytest.mark.parametrize("name", ZERO)
def test_zero_is_found_and_a_small_error_is_not_zero(name):
    assert is_zero(ZERO[name])
    assert not is_zero(ZERO[name] + a / 10**6)
    assert not is_zero((1 + exp(a)) * ZERO[name] + exp(-a))
