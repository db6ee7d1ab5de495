"""Functions of numbers, applied to every entry of an array: their derivatives and stable forms.

A kernel is a SymPy expression in the slots t0, t1, ... Where a textbook form overflows or cancels,
the stable one takes its place:

    log(1 + exp t) -> softplus(t)      1 / (1 + exp(-t)) -> sigmoid(t)
    log(sigmoid t) -> -softplus(-t)    sigmoid'(t) -> sigmoid(t) sigmoid(-t)
    log(exp s + exp t) -> logaddexp(s, t)

At a kink the derivative is that of one side, and the derivative of a jump is zero.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import sympy as sp

from derivata.errors import NotAvailable

# SymPy's own annotations do not know that functions are numbers.
Function: Any = sp.Function
# Longer derivatives of one kernel are refused: no one reads them.
MOST_OPERATIONS = 500
SLOT_NAMES = tuple(f"t{number}" for number in range(8))
SLOTS = tuple(sp.Symbol(name, real=True) for name in SLOT_NAMES)


class sigmoid(Function):
    """1 / (1 + exp(-t))."""

    is_real, is_positive = True, True

    @classmethod
    def eval(cls, t: Any) -> Any:
        """A simpler form where there is one."""
        return 1 / (1 + sp.exp(-t)) if t.is_number else None

    def fdiff(self, argindex: int = 1) -> Any:
        """Derivative by an argument."""
        return sigmoid(self.args[0]) * sigmoid(-self.args[0])


class softplus(Function):
    """log(1 + exp t)."""

    is_real, is_positive = True, True

    @classmethod
    def eval(cls, t: Any) -> Any:
        """A simpler form where there is one."""
        return sp.log(1 + sp.exp(t)) if t.is_number else None

    def fdiff(self, argindex: int = 1) -> Any:
        """Derivative by an argument."""
        return sigmoid(self.args[0])


class logaddexp(Function):
    """log(exp s + exp t)."""

    is_real = True

    @classmethod
    def eval(cls, s: Any, t: Any) -> Any:
        """A simpler form where there is one."""
        if s.is_number and t.is_number:
            return sp.log(sp.exp(s) + sp.exp(t))
        if s.is_zero:
            return softplus(t)
        return softplus(s) if t.is_zero else None

    def fdiff(self, argindex: int = 1) -> Any:
        """Derivative by an argument."""
        s, t = self.args
        return sigmoid(s - t) if argindex == 1 else sigmoid(t - s)


class sign(Function):
    """-1, 0 or 1."""

    is_real = True

    @classmethod
    def eval(cls, t: Any) -> Any:
        """A simpler form where there is one."""
        return sp.sign(t) if t.is_number else None

    def fdiff(self, argindex: int = 1) -> Any:
        """Derivative by an argument."""
        return sp.Integer(0)


class absolute(Function):
    """|t|, whose derivative SymPy writes for complex numbers."""

    is_real, is_nonnegative = True, True

    @classmethod
    def eval(cls, t: Any) -> Any:
        """A simpler form where there is one."""
        return sp.Abs(t) if t.is_number else None

    def fdiff(self, argindex: int = 1) -> Any:
        """Derivative by an argument."""
        return sign(self.args[0])


class step(Function):
    """1 where t > 0, else 0."""

    is_real, is_nonnegative = True, True

    @classmethod
    def eval(cls, t: Any) -> Any:
        """A simpler form where there is one."""
        return sp.Integer(int(bool(t > 0))) if t.is_number else None

    def fdiff(self, argindex: int = 1) -> Any:
        """Derivative by an argument."""
        return sp.Integer(0)


class relu(Function):
    """max(t, 0)."""

    is_real, is_nonnegative = True, True

    @classmethod
    def eval(cls, t: Any) -> Any:
        """A simpler form where there is one."""
        return sp.Max(t, 0) if t.is_number else None

    def fdiff(self, argindex: int = 1) -> Any:
        """Derivative by an argument."""
        return step(self.args[0])


class maximum(Function):
    """The larger of s and t."""

    is_real = True

    @classmethod
    def eval(cls, s: Any, t: Any) -> Any:
        """A simpler form where there is one."""
        if s.is_number and t.is_number:
            return sp.Max(s, t)
        if s.is_zero:
            return relu(t)
        return relu(s) if t.is_zero else None

    def fdiff(self, argindex: int = 1) -> Any:
        """Derivative by an argument."""
        s, t = self.args
        return step(s - t) if argindex == 1 else 1 - step(s - t)


class clip(Function):
    """t held between -delta and delta."""

    is_real = True

    @classmethod
    def eval(cls, t: Any, delta: Any) -> Any:
        """A simpler form where there is one."""
        return sp.Max(sp.Min(t, delta), -delta) if t.is_number and delta.is_number else None

    def fdiff(self, argindex: int = 1) -> Any:
        """Derivative by an argument."""
        t, delta = self.args
        if argindex == 1:
            return step(delta - absolute(t))
        return sign(t) * step(absolute(t) - delta)


class huber(Function):
    """t^2 / 2 up to |t| = delta, from there on delta |t| - delta^2 / 2."""

    is_real, is_nonnegative = True, True

    @classmethod
    def eval(cls, t: Any, delta: Any) -> Any:
        """A simpler form where there is one."""
        return _huber(t, delta) if t.is_number and delta.is_number else None

    def fdiff(self, argindex: int = 1) -> Any:
        """Derivative by an argument."""
        t, delta = self.args
        return clip(t, delta) if argindex == 1 else relu(absolute(t) - delta)


class choose(Function):
    """The second where the first is not 0, else the third; the side not chosen has no say."""

    is_real = True

    @classmethod
    def eval(cls, condition: Any, chosen: Any, other: Any) -> Any:
        """A simpler form where there is one."""
        if condition.is_number:
            return other if condition.is_zero else chosen
        return chosen if chosen == other else None

    def _eval_derivative(self, s: Any) -> Any:
        condition, chosen, other = self.args
        return choose(condition, sp.diff(chosen, s), sp.diff(other, s))


@lru_cache(maxsize=4096)
def stable(kernel: Any) -> Any:
    """The kernel with forms that overflow or cancel put into those that do not."""
    if kernel.has(sp.Abs):  # sqrt(t^2) becomes one
        kernel = kernel.replace(sp.Abs, absolute)
    if not kernel.has(sp.exp, sigmoid):
        return kernel
    for found, put in _RULES:
        kernel = kernel.replace(found, put)
    return kernel


@lru_cache(maxsize=4096)
def slope(kernel: Any, slot: Any) -> Any:
    """Derivative of a kernel by one of its slots."""
    derived = sp.diff(stable(kernel), slot)
    if derived.count_ops() > MOST_OPERATIONS:
        raise NotAvailable(
            f"a derivative has more than {MOST_OPERATIONS} operations in one function of numbers; "
            "state the loss with fewer functions inside each other."
        )
    return stable(derived)


def _huber(t: Any, delta: Any) -> Any:
    return t**2 / 2 if abs(t) <= delta else delta * abs(t) - delta**2 / 2


def _is_one_and_exp(part: Any) -> bool:
    return part.is_Add and len(part.args) == 2 and isinstance(part - 1, sp.exp)


def _is_two_exps(part: Any) -> bool:
    return part.is_Add and len(part.args) == 2 and all(isinstance(a, sp.exp) for a in part.args)


def _is_complement(part: Any) -> bool:
    return part.is_Add and len(part.args) == 2 and isinstance(1 - part, sigmoid)


def _log_of(test: Any) -> Any:
    return lambda part: isinstance(part, sp.log) and test(part.args[0])


_RULES = (
    (_log_of(_is_one_and_exp), lambda part: softplus((part.args[0] - 1).args[0])),
    (_log_of(_is_two_exps), lambda part: logaddexp(*(a.args[0] for a in part.args[0].args))),
    (
        lambda part: part.is_Pow and part.exp.is_negative and _is_one_and_exp(part.base),
        lambda part: sigmoid(-(part.base - 1).args[0]) ** (-part.exp),
    ),
    (_is_complement, lambda part: sigmoid(-(1 - part).args[0])),
    (
        _log_of(lambda inner: isinstance(inner, sigmoid)),
        lambda part: -softplus(-part.args[0].args[0]),
    ),
)
