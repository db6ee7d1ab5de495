"""Formulas drawn by a grammar: each is derived rightly, or refused for a reason."""

import random

import pytest

from derivata.errors import InvalidParameter
from derivata.symbolic.derive import derive

SHAPES = {"X": "nd", "Y": "nk", "W": "dk", "A": "dd", "y": "n", "w": "d", "v": "k", "s": ""}
MATRICES = {"n": "X", "d": "W"}
# Each with what keeps its argument inside its domain.
FUNCTIONS = {
    **{name: "{}" for name in ("tanh", "sigmoid", "softplus", "abs", "relu", "square", "huber")},
    "exp": "-({})**2/4",
    "sqrt": "1 + ({})**2",
    "log": "1 + ({})**2",
    "log1p": "({})**2",
}
# A formula may cancel, or be the same for all values of an operand.
REASONS = ("no operand", "does not change", "0 whatever")


class Grammar:
    """Draws a formula of a given shape."""

    def __init__(self, seed):
        self.draw = random.Random(seed)

    def formula(self, shape, depth):
        if depth <= 0:
            return self.leaf(shape)
        kind = self.draw.randrange(4)
        if kind == 0:
            name, domain = self.draw.choice(sorted(FUNCTIONS.items()))
            return f"{name}({domain.format(self.formula(shape, depth - 1))})"
        if kind == 1:
            other = self.formula(self.draw.choice([shape, "", shape[-1:]]), depth - 1)
            sign = self.draw.choice(["+", "-", "*"])
            return f"({self.formula(shape, depth - 1)} {sign} {other})"
        if kind == 2:
            below = self.formula(shape, depth - 2)
            return f"(({self.formula(shape, depth - 1)})/(1 + ({below})**2))"
        return [self.number, self.vector, self.matrix][len(shape)](shape, depth - 1)

    def leaf(self, shape):
        names = [name for name, its in SHAPES.items() if its == shape]
        if names:
            return self.draw.choice(names)
        if shape in ("dn", "kn", "kd"):
            return self.leaf(shape[::-1]) + ".T"
        return f"outer({self.leaf(shape[0])}, {self.leaf(shape[1])})"

    def number(self, shape, depth):
        i, j = self.draw.choice("ndk"), self.draw.choice("ndk")
        return self.draw.choice(
            [
                lambda: f"({self.formula(i, depth)}@{self.formula(i, depth)})",
                lambda: f"sum({self.formula(i, depth)})",
                lambda: f"mean({self.formula(i + j, depth)})",
                lambda: f"logsumexp({self.formula(i, depth)})",
                lambda: f"trace({self.formula(i + i, depth)})",
                lambda: f"norm(1 + {self.formula(i, depth)})",
                lambda: f"max({self.formula(i, depth)})",
                lambda: "logdet(eye(d) + A@A.T + outer(w, w))",
            ]
        )()

    def vector(self, i, depth):
        j = self.draw.choice("ndk")
        return self.draw.choice(
            [
                lambda: f"({self.formula(i + j, depth)}@{self.formula(j, depth)})",
                lambda: f"({self.formula(j, depth)}@{self.formula(j + i, depth)})",
                lambda: f"sum({self.formula(i + j, depth)}, axis=1)",
                lambda: f"mean({self.formula(j + i, depth)}, axis=0)",
                lambda: f"logsumexp({self.formula(i + j, depth)}, axis=1)",
                lambda: f"max({self.formula(i + j, depth)}, axis=1)",
                lambda: f"softmax({self.formula(i, depth)})",
                lambda: f"diag({self.formula(i + i, depth)})",
                lambda: f"where({self.formula(i, depth)} > 0, {self.formula(i, depth)}, s)",
            ]
        )()

    def matrix(self, shape, depth):
        i, k = shape
        j = self.draw.choice("ndk")
        return self.draw.choice(
            [
                lambda: f"({self.formula(i + j, depth)}@{self.formula(j + k, depth)})",
                lambda: f"outer({self.formula(i, depth)}, {self.formula(k, depth)})",
                lambda: f"{self.formula(k + i, depth)}.T",
                lambda: f"softmax({self.formula(shape, depth)}, axis=0)",
                lambda: f"({self.formula(i, depth)}[:, None] - {self.formula(k, depth)})",
                lambda: (
                    f"(1 - mean({self.formula(shape, depth)}, axis=1, keepdims=True))"
                    f" * {self.formula(shape, depth)}"
                ),
            ]
        )()


@pytest.mark.parametrize("seed", range(4))
def test_random_formulas_are_derived_rightly(seed):
    grammar, n_derived = Grammar(seed), 0
    while n_derived < 40:
        text = grammar.formula("", grammar.draw.choice([2, 3, 4]))
        wrt = [name for name in SHAPES if name in text]
        wrt = tuple(grammar.draw.sample(wrt, min(2, len(wrt))))
        try:
            derive(text, wrt, SHAPES)  # tried on random data by itself
            n_derived += 1
        except InvalidParameter as error:
            assert any(w in str(error) for w in ("no operand", "does not change", "0 whatever")), (
                text
            )
