"""The parts of the deriver, each by itself."""

import numpy as np
import pytest
import sympy as sp

from derivata.symbolic import kernels
from derivata.symbolic.canonical import sum_key
from derivata.symbolic.collect import collected
from derivata.symbolic.differentiate import derivative, simplified
from derivata.symbolic.interpret import FUNCTIONS, interpreted
from derivata.symbolic.operations import OPERATIONS
from derivata.symbolic.parse import parse
from derivata.symbolic.syntax import checked_tree
from derivata.symbolic.verify import DerivationFailed, require_derivative, require_equal

SHAPES = {"X": "nd", "y": "n", "w": "d", "A": "dd"}
T = kernels.SLOTS[0]


@pytest.mark.parametrize(
    "one, other",
    [
        ("w@A@w", "sum(outer(w, w)*A)"),
        ("y@X@w", "w@X.T@y"),
        ("trace(X@X.T)", "trace(X.T@X)"),
        ("sum(X@w)", "sum(X*w)"),
        ("2*(y@y) + w@w", "w@w + 2*(y@y)"),
        ("sum(log(1 + exp(w)))", "sum(softplus(w))"),
        ("w@A.T@w", "w@A@w"),
        ("sum(sum(X, axis=0))", "sum(X)"),
    ],
)
def test_equal_sums_have_one_key(one, other):
    assert sum_key(parse(one, SHAPES)) == sum_key(parse(other, SHAPES))


@pytest.mark.parametrize(
    "one, other",
    [
        ("w@A@A@w", "w@A@A.T@w"),
        ("sum(X)", "sum(X, axis=0)@w"),
        ("trace(A@A)", "trace(A@A.T)"),
        ("sum(w)**2", "sum(w**2)"),
        ("logsumexp(X@w)", "sum(softplus(X@w))"),
    ],
)
def test_other_sums_have_other_keys(one, other):
    assert sum_key(parse(one, SHAPES)) != sum_key(parse(other, SHAPES))


def test_terms_that_cancel_are_dropped():
    assert parse("w@A@w - sum(outer(w, w)*A)", SHAPES).terms == ()


def test_the_gradient_of_a_trace_of_a_square_is_not_zero():
    gradient = derivative(parse("trace(A.T@A)", SHAPES), "A", "dd")
    assert len(gradient.terms) == 1 and gradient.terms[0].coefficient == 2


def test_a_constant_under_a_sum_counts_its_rows():
    assert simplified(parse("sum(X*0 + 1)", SHAPES)).constant == parse("n*d", SHAPES).constant


def test_terms_that_share_a_matrix_are_brought_under_one():
    total = derivative(parse("sum(exp(X@w)) - y@(X@w) + w@w", SHAPES), "w", "d")
    assert len(total.terms) == 3 and len(collected(total).terms) == 2


@pytest.mark.parametrize(
    "kernel",
    [
        kernels.sigmoid(T),
        kernels.softplus(T),
        kernels.relu(T),
        kernels.huber(T, sp.Rational(1, 2)),
        kernels.clip(T, sp.Rational(1, 2)),
        kernels.logaddexp(T, 2 * T),
        kernels.maximum(T, T**2),
        kernels.choose(kernels.step(T), T**2, T**3),
        kernels.absolute(T) ** 3,
        kernels.stable(sp.sqrt(T**2)),
    ],
    ids=str,
)
def test_the_slope_of_a_kernel_is_that_of_its_values(kernel):
    from derivata.symbolic import forms
    from derivata.symbolic.compiled import compiled
    from derivata.symbolic.emit_numpy import function_code
    from derivata.symbolic.kernel_forms import kernel_form

    def function(of):
        return compiled(function_code("f", kernel_form(of, [forms.Name("t", 1)]), {"t": "n"}), "f")

    t = np.array([-2.3, -0.7, -0.2, 0.3, 0.8, 3.1])
    slope, step = np.broadcast_to(function(kernels.slope(kernel, T))(t), t.shape), 1e-6
    differences = (function(kernel)(t + step) - function(kernel)(t - step)) / (2 * step)
    np.testing.assert_allclose(slope, differences, rtol=1e-8, atol=1e-8)


def test_the_slope_of_a_jump_is_zero():
    assert kernels.slope(kernels.step(T), T) == 0
    assert kernels.slope(kernels.sign(T), T) == 0


@pytest.mark.parametrize(
    "kernel, put",
    [
        (sp.log(1 + sp.exp(T)), kernels.softplus(T)),
        (1 / (1 + sp.exp(-T)), kernels.sigmoid(T)),
        (1 - kernels.sigmoid(T), kernels.sigmoid(-T)),
        (sp.log(kernels.sigmoid(T)), -kernels.softplus(-T)),
        (sp.log(sp.exp(T) + sp.exp(T**2)), kernels.logaddexp(T, T**2)),
    ],
    ids=str,
)
def test_forms_that_overflow_are_known(kernel, put):
    assert kernels.stable(kernel) in (put, put.func(*put.args[::-1]))


def test_every_operation_can_be_interpreted():
    assert set(OPERATIONS) == set(FUNCTIONS)


def test_a_formula_is_interpreted_as_numpy_does():
    w, A = np.array([1.0, -2.0]), np.array([[2.0, 1.0], [0.0, 3.0]])
    tree = checked_tree("w@A@w + sum(max(A, axis=1)) - norm(A[:, None] + w)**2/d + min(w)")
    truth = w @ A @ w + A.max(1).sum() - (A[:, None] + w).__pow__(2).sum() / 2 + w.min()
    assert interpreted(tree, {"w": w, "A": A, "d": 2}) == pytest.approx(truth, rel=1e-15)


def test_a_wrong_derivative_is_never_let_through():
    w = np.array([1.0, 2.0])
    require_derivative("it", lambda w: w @ w, w, 2 * w)
    for wrong in (2 * w + [0, 1e-5], -2 * w, w, [2 * w]):
        with pytest.raises(DerivationFailed, match="report the formula"):
            require_derivative("it", lambda w: w @ w, w, wrong)
    with pytest.raises(DerivationFailed, match="it is 1, expected 2"):
        require_equal("it", 1.0, 2.0)


def test_a_wrong_rule_is_found_before_a_formula_is_shown(monkeypatch):
    from derivata.symbolic.derive import derive

    monkeypatch.setattr(kernels.huber, "fdiff", lambda self, argindex=1: self.args[0])
    kernels.slope.cache_clear()
    try:
        with pytest.raises(DerivationFailed, match="the gradient by w is .* so it is not shown"):
            derive("sum(huber(w, 0.1))", "w", {"w": "d"})
    finally:
        kernels.slope.cache_clear()


def test_a_tie_of_symmetric_entries_is_not_taken_for_a_fault():
    from derivata.symbolic.derive import derive

    derive("max(max(A*s, axis=1))", ("A", "s"), {"A": "dd", "s": ""})
