"""LaTeX formulas with indices, read into SymPy: put into SymPy's own notation, sign by sign, and read by its parser.

SymPy's LaTeX grammar takes a(1 − a) for a function of 1 − a, and stops at `x_{i1}` and at `\\hat{y}_i`. Here are read,
too: layers and samples in the corner, `w^{(2)}_{jk}` and `p^{(i)}_k`; inputs with a one in front, `x^*_{ij}`; labels as
indices, `\\delta_{k y_i}`; conditions, `[z_{ij} > 0]` and `[j \\ne 0]`. What cannot be read is quoted in the error.
"""

from __future__ import annotations

import re

import sympy
from sympy import IndexedBase, Symbol
from sympy.parsing.sympy_parser import parse_expr

from lib.diagnose.instances import FormulaError

GREEK = ("alpha|beta|gamma|delta|epsilon|varepsilon|zeta|eta|theta|kappa|lambda|mu|nu|xi|pi|rho|sigma|tau|phi|varphi|"
         "chi|psi|omega|Gamma|Delta|Theta|Lambda|Phi|Psi|Sigma|Omega|ell")
NAME = (rf"(?:\\(?:wide)?(?P<accent>hat|bar|tilde)\s*\{{?\s*)?(?P<letter>"
        rf"(?P<euler>e(?=\s*\^)(?!\s*\^\s*\{{?\s*[(\[]\s*\d))|\\(?:{GREEK})(?![a-zA-Z])|[a-zA-Z])\s*(?(accent)\}}?)"
        r"(?(euler)|(?P<marks>(?:\s*(?:'|\^\{?\\prime\}?|\^\s*\{?(?:\s*[(\[]\s*\w+\s*[)\]])+\s*\}?|"
        r"\^\s*\{?\s*(?:\*|\\ast)\s*\}?|_\s*\{[^{}]*\}|_\s*[a-zA-Z0-9]))*))")
TOKEN = re.compile(rf"(?P<name>{NAME})|(?P<sign>\\[a-zA-Z]+|\\.|\d+\.?\d*|\S)")
FUNCTIONS = {r"\exp": "exp", r"\ln": "log", r"\log": "log", r"\tanh": "tanh", r"\sin": "sin", r"\cos": "cos",
             r"\tan": "tan", r"\sinh": "sinh", r"\cosh": "cosh", r"\arctan": "atan", r"\sqrt": "sqrt"}
NAMED = {r"\sigma": "sigma", r"\phi": "phi", r"\varphi": "phi", "f": "f", "g": "g"}     # functions, if ( follows
IGNORED = {r"\left", r"\right", r"\big", r"\Big", r"\bigl", r"\bigr", r"\Bigl", r"\Bigr", r"\,", r"\;", r"\!", r"\ ",
           r"\:", r"\quad", r"\qquad", r"\displaystyle", r"\limits", r"\nolimits", "&", "$", "\\\\"}
TIMES = {r"\cdot": "*", r"\times": "*", "*": "*", "/": "/", r"\div": "/"}
INDICATORS = {r"\mathbb", r"\mathbf", r"\mathds"}                # before a 1
INDEX = re.compile(r"\\[a-zA-Z]+'*|[a-zA-Z]_[a-zA-Z0-9]|[a-zA-Z]'*|\d")
OPEN = {"(": ")", "[": "]", "{": "}", r"\{": r"\}", "|": "|"}
EQUAL, ABOVE, REACHES = "KroneckerDelta({0}, {1})", "Heaviside({0} - ({1}), 0)", "Heaviside({0} - ({1}), 1)"
BELOW, WITHIN = "Heaviside({1} - ({0}), 0)", "Heaviside({1} - ({0}), 1)"
CONDITIONS = {"=": EQUAL, r"\ne": f"(1 - {EQUAL})", r"\neq": f"(1 - {EQUAL})", ">": ABOVE, "<": BELOW, r"\ge": REACHES,
              r"\geq": REACHES, r"\le": WITHIN, r"\leq": WITHIN}
ENDS = {"", ")", "]", "}", r"\}", "|", "+", "-", ",", *CONDITIONS}
MATRIX = {r"\top", r"\odot", r"\circ", r"\mathbf", r"\intercal", r"\mathrm", r"\text", r"\begin", r"\nabla"}


def read(tex: str) -> sympy.Expr:
    """The formula as SymPy holds it, nothing evaluated."""
    return _Latex(tex).read()


class _Latex:
    """Descent through sums, products, powers and brackets; every method returns text in SymPy's notation."""

    def __init__(self, tex):
        self.tex, self.at, self.known = tex.replace("−", "-").replace("·", r"\cdot ").rstrip(" $.,;"), 0, {}
        self.tokens = [match for match in TOKEN.finditer(self.tex) if match.group() not in IGNORED]

    def read(self):
        text = self.sum()
        if self.peek():
            self.stop("it closes nothing, or has no meaning here")
        return _plain(parse_expr(text, local_dict=dict(self.known), evaluate=False))

    def peek(self):
        """The next sign or name."""
        return self.tokens[self.at].group() if self.at < len(self.tokens) else ""

    def begins(self, pattern):
        """Whether what follows looks like this."""
        return self.peek() and re.match(pattern, self.tex[self.tokens[self.at].start():])

    def take(self, wanted=""):
        """Step over the next sign, which must be the wanted one."""
        sign = self.peek()
        if not sign or (wanted and sign != wanted):
            self.stop(f"expected {wanted or 'more'}")
        self.at += 1
        return sign

    def given(self, *signs):
        """Step over the next sign if it is one of these."""
        return self.take() if self.peek() in signs else ""

    def stop(self, why):
        """Quote what could not be read."""
        place = self.tokens[self.at].start() if self.at < len(self.tokens) else len(self.tex)
        rest, before = self.tex[place:place + 24], self.tex[:place].strip()[-24:]
        raise FormulaError(f"formula: could not read {f'“{rest}”' if rest else 'on'}"
                           f"{f' after “{before}”' if before else ''}: {why}")

    def sum(self):
        """Products with + and − between them."""
        text = self.given("+", "-") + self.product()
        while self.peek() in ("+", "-"):
            text += f" {self.take()} {self.product()}"
        return text

    def product(self):
        """Powers, with or without a sign between them."""
        text = self.power()
        while self.peek() not in ENDS:
            operator = TIMES[self.take()] if self.peek() in TIMES else "*"
            minus = self.given("-")
            text += f"{operator}({minus}{self.power()})"
        return text

    def power(self):
        """A factor and its exponent."""
        text = self.factor()
        while self.given("^"):
            if self.begins(r"\{?\s*(T\b|\\top)"):
                self.stop("matrix notation is not read; write the entries with indices, such as x_{ij}")
            text = f"({text})**({self.group()})"
        return text

    def group(self):
        """What stands in brackets, or the next factor alone."""
        return self.bracket() if self.peek() in OPEN else self.factor()

    def bracket(self):
        """What stands in brackets of any form; a condition, as in [i = j] or 1{z > 0}, is 1 if it holds, else 0."""
        closing = OPEN[self.take()]
        text = self.sum()
        if condition := CONDITIONS.get(self.given(*CONDITIONS)):
            sides = [self.keep(_index(self.known[side].name)) if isinstance(self.known.get(side), Symbol) else side
                     for side in (text, self.sum())]
            text = condition.format(*sides)
        self.take(closing)
        return f"Abs({text})" if closing == "|" else f"({text})"

    def factor(self):
        """A number, a name, a bracket, a fraction, a function of something, or a sum."""
        sign = self.peek()
        if sign in (r"\frac", r"\tfrac", r"\dfrac"):
            self.take()
            return f"(({self.group()})/({self.group()}))"
        if sign in (r"\sum", r"\prod"):
            return self.total({r"\sum": "Sum", r"\prod": "Product"}[self.take()])
        if sign in FUNCTIONS:
            return self.function(FUNCTIONS[self.take()])
        if sign in INDICATORS and self.begins(r"\\\w+\s*\{?\s*[1I](?![a-zA-Z0-9])"):
            self.take()
            self.group()
            self.given("_")
            return self.bracket() if self.peek() in OPEN else self.stop("expected a condition, as in [i = j]")
        if sign in OPEN:
            return self.bracket()
        if sign.replace(".", "", 1).isdigit():
            return f"Rational('{self.take()}')"
        if self.at < len(self.tokens) and self.tokens[self.at]["name"]:
            return self.name()
        matrix = sign in MATRIX
        self.stop("matrix notation and words are not read; write the entries with indices, such as x_{ij}" if matrix
                  else "this is not known here")

    def function(self, name):
        r"""A function of SymPy, of the bracket or the power that follows: \ln p_i, \sin x^2, \tanh^2 z, \log_2(u)."""
        base = self.group() if self.given("_") else ""
        power = f"**({self.group()})" if self.given("^") else ""
        of = self.group() if self.peek() in OPEN else self.power()
        return f"({name}({of}){f'/log({base})' if base else ''}){power}"

    def total(self, kind):
        r"""A sum with its letters and limits, \sum_i or \sum_{i=1}^{n}; the rest of the product belongs to it."""
        if not self.given("_"):
            self.stop(r"a sum needs its letter, as in \sum_i")
        braces, letters, low, high = self.given("{"), [], "", ""
        while self.peek() not in ("=", "}", "") and (braces or not letters):
            if not self.given(","):
                letters.append(self.take().strip())
        if braces:
            low = self.sum() if self.given("=") else ""
            self.take("}")
        if self.given("^"):
            high = self.group()
        text = self.given("-", "+") + self.product()
        for letter in reversed(letters):
            ends = (low or self.keep(Symbol(f"first_{letter}")), high or self.keep(Symbol(f"last_{letter}")))
            text = f"{kind}({text}, ({self.keep(_index(letter))}, {', '.join(ends)}))"
        return text

    def name(self):
        """A symbol, an entry of an array, δ of two indices, or a function with the bracket that follows it."""
        token = self.tokens[self.at]
        letter, marks = token["letter"], token["marks"] or ""
        if token["euler"]:
            self.at += 1
            self.take("^")
            return f"exp({self.group()})"
        self.at += 1
        below = re.findall(r"_\s*(?:\{([^{}]*)\}|(\w))", marks)
        above = re.sub(r"_\s*\{[^{}]*\}", "", marks)
        corner = re.findall(r"[(\[]\s*(\w+)", above)                 # a number is that of a layer, a letter of a sample
        places = [_index(i) for i in corner if not i.isdigit()]
        places += [_index(i) for part in below for i in INDEX.findall("".join(part))]
        prime = "'" in above or "prime" in above
        if letter in NAMED and self.peek() in ("(", "[") and not places:
            return self.keep(sympy.Function(NAMED[letter] + ("_prime" if prime else ""))) + self.bracket()
        star = "*" if re.search(r"\*|\\ast", above) else ""
        name = letter.lstrip("\\") + (token["accent"] or "") + "".join(filter(str.isdigit, corner)) + star
        if name == "delta" and len(places) == 2:
            return f"KroneckerDelta({self.keep(places[0])}, {self.keep(places[1])})"
        return self.keep(IndexedBase(name)[tuple(places)] if places else Symbol(name))

    def keep(self, what):
        """A word that stands for a SymPy object."""
        for word, other in self.known.items():
            if other == what:
                return word
        word = f"known{len(self.known)}"
        self.known[word] = what
        return word


def _plain(expr):
    """The expression without factors 1, which SymPy's parser leaves behind a fraction."""
    if not expr.args or isinstance(expr, sympy.Indexed | sympy.Tuple):
        return expr
    args = [_plain(arg) for arg in expr.args]
    if isinstance(expr, sympy.Mul):
        args = [arg for arg in args if arg != 1] or [sympy.Integer(1)]
        return args[0] if len(args) == 1 else sympy.Mul(*args, evaluate=False)
    return expr.func(*args, evaluate=False) if isinstance(expr, sympy.Add | sympy.Pow) else expr.func(*args)


def _index(name):
    """An index letter, a number, or a label, as in p_{i y_i}."""
    name, _, below = name.strip().lstrip("\\").partition("_")
    if below:
        return IndexedBase(name)[_index(below)]
    return sympy.Integer(name) if name.isdigit() else Symbol(name, integer=True)
