"""Every penalty: each derivative it offers against differences of the one before."""

from dataclasses import dataclass

import numpy as np
import pytest

from tests.cases import PENALTIES
from tests.differences import jacobian, relative_error, slope

CASES = pytest.mark.parametrize("penalty", PENALTIES.values(), ids=list(PENALTIES))
# Differences of fourth order are exact to about 1e-12 here; penalties are of order one.
EXACT = 1e-10


@dataclass(frozen=True)
class Symmetric:
    """A full matrix in the place of a sandwich."""

    matrix: np.ndarray

    def diagonal(self):
        return np.diagonal(self.matrix)


def drawn(penalty):
    rng = np.random.default_rng(0)
    return rng.standard_normal(penalty.n_params), rng.standard_normal(penalty.n_hyper)


@CASES
def test_names_and_sizes_agree(penalty):
    assert len(penalty.hyper_names) == penalty.n_hyper
    params, hyper = drawn(penalty)
    assert penalty.gradient(params, hyper).shape == (penalty.n_params,)
    assert penalty.hessian_diagonal(params, hyper).shape == (penalty.n_params,)


@CASES
def test_gradient_is_the_derivative_of_the_value(penalty):
    params, hyper = drawn(penalty)
    truth = jacobian(lambda w: penalty.value(w, hyper), params)
    assert relative_error(penalty.gradient(params, hyper), truth) < EXACT


@CASES
def test_hessian_is_diagonal_and_the_derivative_of_the_gradient(penalty):
    params, hyper = drawn(penalty)
    truth = jacobian(lambda w: penalty.gradient(w, hyper), params)
    diagonal = penalty.hessian_diagonal(params, hyper)
    assert (diagonal >= 0.0).all()
    assert relative_error(np.diag(diagonal), truth) < EXACT


@CASES
def test_hvp_multiplies_one_direction_or_several(penalty):
    params, hyper = drawn(penalty)
    directions = np.random.default_rng(1).standard_normal((penalty.n_params, 3))
    truth = np.diag(penalty.hessian_diagonal(params, hyper)) @ directions
    assert relative_error(penalty.hvp(params, hyper, directions), truth) < 1e-15
    assert relative_error(penalty.hvp(params, hyper, directions[:, 0]), truth[:, 0]) < 1e-15


@CASES
def test_mixed_jvp_is_the_derivative_of_the_gradient_by_hyper(penalty):
    params, hyper = drawn(penalty)
    direction = np.random.default_rng(1).standard_normal(penalty.n_hyper)
    truth = slope(lambda h: penalty.gradient(params, h), hyper, direction)
    assert relative_error(penalty.mixed_jvp(params, hyper, direction), truth) < EXACT


@CASES
def test_mixed_vjp_is_the_transpose_of_mixed_jvp(penalty):
    params, hyper = drawn(penalty)
    cotangent = np.random.default_rng(1).standard_normal(penalty.n_params)
    truth = [cotangent @ penalty.mixed_jvp(params, hyper, unit) for unit in np.eye(len(hyper))]
    assert relative_error(penalty.mixed_vjp(params, hyper, cotangent), np.array(truth)) < 1e-14


@CASES
def test_hessian_vjp_is_the_derivative_of_a_trace(penalty):
    params, hyper = drawn(penalty)
    root = np.random.default_rng(1).standard_normal((penalty.n_params, penalty.n_params))
    matrix = root @ root.T

    def trace(h):
        return np.trace(matrix @ np.diag(penalty.hessian_diagonal(params, h)))

    found = penalty.hessian_vjp(params, hyper, Symmetric(matrix))
    assert relative_error(found, jacobian(trace, hyper)) < EXACT


@CASES
def test_a_strength_of_zero_is_no_penalty(penalty):
    params, hyper = drawn(penalty)
    none = np.full(penalty.n_hyper, -np.inf)  # log of zero
    assert penalty.value(params, none) == 0.0
    assert (penalty.gradient(params, none) == 0.0).all()
    assert (penalty.mixed_vjp(params, none, params) == 0.0).all()
    assert (penalty.mixed_jvp(params, none, np.ones(len(hyper))) == 0.0).all()
