"""Every penalty: each derivative it offers against differences of the one before."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.integrate import quad

from derivata.penalties import GroupRidge
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

    def entries(self, first, second):
        return self.matrix[first, second]


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


def hessian(penalty, params, hyper):
    """The penalty's Hessian in full."""
    diagonal = np.diag(penalty.hessian_diagonal(params, hyper))
    coupling = penalty.coupling(params, hyper)
    assert penalty.is_diagonal == (coupling is None)
    return diagonal if coupling is None else diagonal + coupling


@CASES
def test_hessian_is_the_derivative_of_the_gradient_and_positive(penalty):
    params, hyper = drawn(penalty)
    truth = jacobian(lambda w: penalty.gradient(w, hyper), params)
    found = hessian(penalty, params, hyper)
    assert np.linalg.eigvalsh(found).min() >= -1e-14
    assert relative_error(found, truth) < EXACT
    elsewhere = hessian(penalty, 2.0 * params, hyper)
    assert penalty.curvature_is_constant == np.array_equal(found, elsewhere)


@CASES
def test_hvp_multiplies_one_direction_or_several(penalty):
    params, hyper = drawn(penalty)
    directions = np.random.default_rng(1).standard_normal((penalty.n_params, 3))
    truth = hessian(penalty, params, hyper) @ directions
    assert relative_error(penalty.hvp(params, hyper, directions), truth) < 1e-14
    assert relative_error(penalty.hvp(params, hyper, directions[:, 0]), truth[:, 0]) < 1e-14


@CASES
def test_hyper_gradient_is_the_derivative_of_the_value_by_hyper(penalty):
    params, hyper = drawn(penalty)
    truth = jacobian(lambda h: penalty.value(params, h), hyper)
    assert relative_error(penalty.hyper_gradient(params, hyper), truth) < EXACT


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
        return np.trace(matrix @ hessian(penalty, params, h))

    found = penalty.hessian_vjp(params, hyper, Symmetric(matrix))
    assert relative_error(found, jacobian(trace, hyper)) < EXACT


@CASES
def test_hessian_params_vjp_is_the_derivative_of_a_trace_by_params(penalty):
    params, hyper = drawn(penalty)
    root = np.random.default_rng(1).standard_normal((penalty.n_params, penalty.n_params))
    matrix = root @ root.T
    found = penalty.hessian_params_vjp(params, hyper, Symmetric(matrix))
    truth = jacobian(lambda w: np.trace(matrix @ hessian(penalty, w, hyper)), params)
    assert relative_error(found, truth) < 10 * EXACT


@CASES
def test_logdet_is_that_of_the_priors_integral_with_its_gradient(penalty):
    hyper = drawn(penalty)[1]
    value, gradient = penalty.logdet(hyper)
    truth = jacobian(lambda h: penalty.logdet(h)[0], hyper)
    assert relative_error(gradient, truth) < EXACT
    assert value == pytest.approx(integrated(penalty, hyper), rel=1e-9, abs=1e-9)


def integrated(penalty, hyper):
    """-2 log of the integral of exp(-R) + m log 2 pi, by quadrature.

    R adds up over directions in which params are apart: those of D, completed by the levels.
    """
    if isinstance(penalty, GroupRidge):
        units = np.eye(penalty.n_params)[penalty.penalised]
    else:  # a direction along which one combination moves, and the others stay
        units = np.linalg.pinv(penalty.combinations.toarray()).T
    total = 0.0
    for unit in units:
        density = lambda t, unit=unit: np.exp(-penalty.value(t * unit, hyper))
        integral = 2.0 * quad(density, 0.0, np.inf, epsabs=0.0, epsrel=1e-12, limit=500)[0]
        total += np.log(2.0 * np.pi) - 2.0 * np.log(integral)
    return total


@CASES
def test_merged_strengths_are_one(penalty):
    params, hyper = drawn(penalty)
    if penalty.n_hyper == 0:
        return
    tied = penalty.merged(np.zeros(penalty.n_hyper, dtype=int), ("all",))
    assert tied.hyper_names == ("all",)
    each = np.full(penalty.n_hyper, 0.3)
    assert tied.value(params, np.array([0.3])) == pytest.approx(penalty.value(params, each))


@CASES
def test_a_strength_of_zero_is_no_penalty(penalty):
    params, hyper = drawn(penalty)
    none = np.full(penalty.n_hyper, -np.inf)  # log of zero
    assert penalty.value(params, none) == 0.0
    assert (penalty.gradient(params, none) == 0.0).all()
    assert (penalty.mixed_vjp(params, none, params) == 0.0).all()
    assert (penalty.mixed_jvp(params, none, np.ones(len(hyper))) == 0.0).all()
