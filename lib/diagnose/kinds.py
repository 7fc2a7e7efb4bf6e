"""The kinds of slip: their names and numbers, in the order of the tests, and what is said of each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lib.show import number

Slip = tuple[str, str]          # the name of a kind, and where it happened


class Kind(NamedTuple):
    """The number of a kind, what it is in a few words, and the sentence for the reader; {detail} says where."""

    number: str
    brief: str
    sentence: str


# The kinds by name, in the order in which they are asked for.
KINDS: dict[str, Kind] = {
    "correct": Kind("0", "correct", "Your gradient is right: it is the slope of the loss in every entry.{detail}"),
    "sign": Kind("1", "the sign",
        "The sign is wrong{detail}."),
    "factor-two": Kind("2", "a factor 2 or ½",
        "Your gradient is {detail}. Look where the 2 of a square went, or the ½ in front of it."),
    "log-base": Kind("3", "the base of the logarithm",
        "Your gradient is {detail}. The derivative of ln u is 1/u; only that of log₂ u carries 1/ln 2."),
    "constant": Kind("4", "a constant factor",
        "Your gradient is {detail}, on every instance: one constant factor was picked up or lost."),
    "update": Kind("4b", "the update for the gradient",
        "This is the parameter after a step of descent, {detail}, and not the gradient."),
    "sum-not-mean": Kind("5", "1/n",
        "Your gradient is n times too large{detail}: the 1/n of the mean over the rows was dropped."),
    "averaged-twice": Kind("6", "1/n twice",
        "Your gradient is n times too small{detail}: it was divided by the number of rows once too often."),
    "wrong-count": Kind("6b", "the number divided by",
        "Your gradient is {detail} the true one: it was divided by the number of something else than the rows, or by "
        "too many numbers."),
    "transposed": Kind("7", "a transpose",
        "The numbers stand in the wrong places: {detail}."),
    "wrong-shape": Kind("8", "the shape", "{detail}."),
    "penalty": Kind("9", "the penalty", "{detail}."),
    "path-missing": Kind("10", "a path that was left out",
        "One of two paths is missing: {detail}. A quantity that is used twice gets two gradients back, and they add."),
    "normaliser-constant": Kind("10b", "the normaliser",
        "The normaliser of the softmax was treated as a constant. Every score stands in it, so a gradient by a score "
        "has a second path, through the normaliser, whatever the label is."),
    "term-missing": Kind("10c", "a term that was lost", "A term was lost: {detail}."),
    "term-extra": Kind("10d", "a term too many", "There is a term too many: {detail}."),
    "permuted": Kind("11", "the order of the entries", "The numbers stand in the wrong order: {detail}."),
    "wrong-index": Kind("12", "an index", "One factor carries the wrong index: {detail}."),
    "other-parameter": Kind("12b", "another array", "An array from another place was used: {detail}."),
    "unsummed": Kind("13", "the sum over the rows",
        "One gradient for every row is still there: the sum over the rows, which is your first axis, is missing."),
    "wrong-exponent": Kind("14", "a factor twice or not at all", "A factor has the wrong exponent: {detail}."),
    "summed-index": Kind("15", "a sum over a free index",
        "{detail}, and all entries along it became equal. An index of the parameter is free: it is never summed."),
    "delta-missing": Kind("15b", "a Kronecker delta",
        "Your array is right wherever the true one is not zero, and should be zero elsewhere: a Kronecker delta was "
        "lost."),
    "broadcast": Kind("16", "a table n × n",
        "Every prediction was compared with every target: (n, 1) minus (n,) broadcasts to a table (n, n)."),
    "summed-early": Kind("16b", "a sum taken too early",
        "The rows were summed too early: a product of two sums stands where a sum of products belongs."),
    "phi-for-slope": Kind("17a", "φ for φ′", "The activation φ stands where its slope φ′ belongs, at {detail}."),
    "slope-missing": Kind("17b", "φ′",
        "The slope φ′ was left out, at {detail}: on the way back through an activation one multiplies by φ′(z)."),
    "slope-of-z": Kind("17c", "φ′ written with z for a",
        "The slope is written with z where the output a belongs, at {detail}: it is a (1 − a) for the sigmoid and "
        "1 − a² for tanh, with a = φ(z)."),
    "slope-at-output": Kind("17d", "φ′(a) for φ′(z)",
        "The slope is taken at the output, φ′(a), and belongs at the pre-activation, φ′(z), at {detail}."),
    "slope-of-other": Kind("17e", "the slope of another activation",
        "The slope of another activation was used: {detail}."),
    "diagonal-only": Kind("18", "the off-diagonal of the softmax",
        "Only the diagonal of the softmax's Jacobian was kept: raising one score lowers all the other probabilities."),
    "target-ignored": Kind("19", "the target",
        "Your gradient does not change when the targets change, and the true one does: the target was lost on the "
        "way."),
    "zero": Kind("20", "zero",
        "Your gradient is zero in every entry of every instance, and the true one is not: terms cancel that should "
        "not, or a factor 0 crept in."),
    "wrong-output": Kind("21", "the residual", "The residual compares the target with the wrong quantity: {detail}."),
    "exponent-sign": Kind("22", "a sign inside an exponent",
        "A sign inside an exponent is wrong, at {detail}."),
    "other-loss": Kind("23", "the gradient of another loss",
        "This is the gradient of squared error, p (1 − p) included. With cross-entropy that factor cancels, and p − y "
        "is left."),
    "unexplained": Kind("–", "unexplained",
        "Your gradient is not the slope of the loss, and no slip on the list explains it, nor a factor together with "
        "one slip.{detail}"),
}


FACTORS = "sign", "factor-two", "log-base", "constant", "sum-not-mean", "averaged-twice"
CONSTANTS = {2.0: ("factor-two", "2 times"), 0.5: ("factor-two", "half"),
             1 / np.log(2): ("log-base", "1/ln 2 = 1.4427 times"), np.log(2): ("log-base", "ln 2 = 0.6931 times")}


def factor_slips(k, p, where="", rate=None, n=None):
    """The slips in a factor k nᵖ; where n is the same in all instances, k may hold it."""
    if n not in (None, 1) and np.isclose(abs(k), [n, 1 / n], rtol=1e-6).any():
        k, p = np.sign(k), 1 if abs(k) > 1 else -1
    look = ". Look for a residual written the wrong way round, y − ŷ for ŷ − y, or for a minus sign lost on the way"
    slips = [("sign", where + look)] if k < 0 else []
    slips += [("sum-not-mean" if p > 0 else "averaged-twice", where)] if p else []
    if not np.isclose(abs(k), 1, rtol=1e-6):
        kind, words = next((named for value, named in CONSTANTS.items() if np.isclose(abs(k), value, rtol=1e-6)),
                           ("constant", f"{number(abs(k))} times"))
        rates = rate is not None and np.isclose(abs(k), rate, rtol=1e-6)
        why = " (your learning rate, which belongs to the update)" if rates else ""
        slips.append((kind, f"{words}{why} the true one{where}"))
    return slips


def penalty_words(q, r, penalised):
    """What became of the penalty's gradient."""
    if r:
        return "The penalty's gradient carries a factor n or 1/n: it is added once, not once for every row"
    if not penalised:
        return "A penalty's gradient stands beside it, and this parameter, or this loss, has no penalty"
    if np.isclose(q, 0, atol=1e-6):
        return "The penalty's gradient 2λW is missing; if your loss has no penalty, say lam=0"
    if np.isclose(q, 0.5):
        return "The penalty λ‖W‖² has the gradient 2λW, and yours is half of it"
    if np.isclose(q, -1):
        return "The penalty's gradient 2λW has the wrong sign"
    return f"The penalty's gradient 2λW is multiplied by {number(q, 4)}"
