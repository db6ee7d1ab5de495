"""The exact Hessian and its inverse, where it is a minimum's and where it is not."""

import numpy as np
import pytest

from derivata.curvature import invert
from derivata.curvature.exact import invert_exact, newton_step
from derivata.curvature.indefinite import IndefiniteInverse
from derivata.curvature.inverse import CholeskyInverse, invert_dense
from derivata.curvature.iterative import IterativeInverse
from derivata.errors import NotConverged
from tests.cases import LOSSES, problem
from tests.differences import relative_error

HYPER = np.array([0.4, 1.2])


def indefinite(seed=0, n=6):
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.standard_normal((n, n)))[0]
    values = np.array([-2.0, -0.5, 0.1, 1.0, 3.0, 10.0])
    matrix = (basis * values) @ basis.T
    return 0.5 * (matrix + matrix.T)


def test_a_linear_predictor_has_one_hessian_and_one_inverse():
    expansion = problem(LOSSES["logistic"], 48, 4).at(np.zeros(5), HYPER)
    assert invert_exact(expansion) is invert(expansion)
    np.testing.assert_array_equal(expansion.exact_hessian, expansion.hessian)
    truth = -np.linalg.solve(expansion.hessian, expansion.gradient)
    assert relative_error(newton_step(expansion), truth) < 1e-12


def test_a_negative_direction_is_said_and_everything_refused():
    expansion = problem(LOSSES["logistic"], 48, 5).at(np.zeros(6), HYPER)
    inverse = invert_dense(expansion, indefinite())
    assert isinstance(inverse, IndefiniteInverse) and inverse.null_space is None
    assert inverse.reason == "indefinite: 2 directions of the Hessian are negative"
    for ask in (
        lambda: inverse.solve(np.ones(6)),
        inverse.leverage,
        lambda: inverse.sandwich(np.ones((48, 1, 1))),
        inverse.logdet,
        inverse.diagonal,
        lambda: inverse.entries(np.arange(2), np.arange(2)),
    ):
        with pytest.raises(
            NotConverged, match="2 negative directions .* moves parameter .* saddle"
        ):
            ask()


def test_the_step_downhill_falls_along_every_direction():
    matrix, rng = indefinite(), np.random.default_rng(1)
    inverse = IndefiniteInverse(matrix)
    for _ in range(20):
        gradient = rng.standard_normal(6)
        assert gradient @ inverse.downhill(gradient) > 0.0
    assert inverse.escape @ matrix @ inverse.escape < 0.0
    definite = matrix @ matrix
    found = IndefiniteInverse(definite).downhill(np.ones(6))
    assert relative_error(found, np.linalg.solve(definite, np.ones(6))) < 1e-8


def test_rounding_below_zero_counts_as_flat_and_not_as_negative():
    rng = np.random.default_rng(0)
    half = rng.standard_normal((6, 4))
    expansion = problem(LOSSES["logistic"], 48, 5).at(np.zeros(6), HYPER)
    inverse = invert_dense(expansion, half @ half.T)
    assert not isinstance(inverse, IndefiniteInverse | CholeskyInverse)
    assert inverse.null_space is not None and inverse.null_space.shape == (6, 2)


def test_a_hessian_that_is_not_finite_is_refused():
    expansion = problem(LOSSES["logistic"], 48, 5).at(np.zeros(6), HYPER)
    with pytest.raises(NotConverged, match="not finite"):
        invert_dense(expansion, np.full((6, 6), np.nan))


def test_conjugate_gradients_solve_with_the_exact_hessian_too():
    pytest.importorskip("jax")
    from derivata.solvers import Newton
    from tests.unit.predictors.test_autodiff import problem as network_problem

    objective = network_problem("logistic")
    end = Newton().minimize(objective, objective.predictor.reference, HYPER).expansion
    right = np.random.default_rng(0).standard_normal(len(end.params))
    exact = invert_exact(end).solve(right)
    iterative = IterativeInverse(end, 1e-12, gauss_newton=False)
    assert relative_error(iterative.solve(right), exact) < 1e-8
    assert not invert_exact(end, IterativeInverse(end)).gauss_newton
    assert relative_error(invert(end).solve(right), exact) > 1e-3
