"""The implicit function theorem, apart from any criterion (those are in tests/contracts)."""

from dataclasses import replace

import numpy as np
import pytest

from derivata.contracts import Partials
from derivata.curvature import invert
from derivata.designs import DenseDesign
from derivata.implicit import (
    hypergradient,
    outputs_by_hyper,
    params_by_hyper,
    params_by_noise,
    value_and_hypergradient,
)
from derivata.predictors import LinearPredictor
from derivata.solvers import Newton
from tests.cases import LOSSES, problem
from tests.differences import jacobian, relative_error

HYPER = np.array([0.4, 1.2])


def minimiser(hyper):
    objective = problem(LOSSES["logistic"], 48, 4)
    return Newton(tol=1e-13).minimize(objective, np.zeros(5), hyper).expansion


def partials(value, by_params, by_hyper):
    return Partials(value, by_params, by_hyper, np.zeros(0), np.zeros((0, 1)))


def test_a_function_of_params_alone_moves_through_the_minimiser():
    target = np.arange(5.0)
    at = minimiser(HYPER)
    by_params = at.params - target
    found = hypergradient(at, partials(0.0, by_params, np.zeros(2)), invert(at))
    truth = jacobian(lambda h: 0.5 * np.sum((minimiser(h).params - target) ** 2), HYPER, step=5e-3)
    assert relative_error(found, truth) < 1e-8


def test_the_direct_part_is_added():
    at = minimiser(HYPER)
    inverse = invert(at)
    direct = np.array([3.0, -4.0])
    without = hypergradient(at, partials(0.0, np.ones(5), np.zeros(2)), inverse)
    total = hypergradient(at, partials(0.0, np.ones(5), direct), inverse)
    assert relative_error(total, without + direct) < 1e-14


def test_pricing_one_function_of_params_agrees_with_the_derivative_of_all_of_them():
    at = minimiser(HYPER)
    inverse = invert(at)
    moves = params_by_hyper(at, inverse)
    assert moves.shape == (5, 2)
    rows = [hypergradient(at, partials(0.0, unit, np.zeros(2)), inverse) for unit in np.eye(5)]
    assert relative_error(moves, np.stack(rows)) < 1e-13


def test_at_a_minimiser_the_objective_itself_moves_only_directly():
    # The envelope theorem: grad F = 0, so dF/dhyper is the penalty's own derivative.
    at = minimiser(HYPER)
    found = value_and_hypergradient(at, partials(at.value, at.gradient, np.zeros(2)), invert(at))
    assert found[0] == pytest.approx(at.value, rel=1e-15)
    assert np.abs(found[1]).max() < 1e-10


def test_outputs_move_with_hyper_as_those_of_refits():
    at = minimiser(HYPER)
    truth = jacobian(lambda h: minimiser(h).outputs, HYPER, step=5e-3)
    assert relative_error(outputs_by_hyper(at, invert(at)), truth) < 1e-8


@pytest.mark.parametrize("loss", ["squared", "logistic", "poisson"])
def test_noise_in_a_column_moves_the_fit_as_second_differences_of_refits_do(loss):
    objective = problem(LOSSES[loss], 20, 3)  # weights and an offset
    column, step = 1, 1e-2
    start = np.zeros(4)
    base = Newton(tol=1e-13).minimize(objective, start, HYPER).expansion

    def refit(row, error):
        X = objective.predictor.design.columns.copy()
        X[column, row] += error
        moved = replace(objective, predictor=LinearPredictor(DenseDesign(X)))
        return Newton(tol=1e-13).minimize(moved, base.params, HYPER).expansion.params

    noisy = params_by_noise(base, np.eye(4)[column], base.params[column])
    second = np.zeros(4)
    for row in range(20):
        ends = {k: refit(row, k * step) for k in (-2, -1, 1, 2)}
        first = (8.0 * (ends[1] - ends[-1]) - (ends[2] - ends[-2])) / (12.0 * step)
        assert relative_error(noisy.factor[:, row], first) < 1e-7
        bend = 16.0 * (ends[1] + ends[-1]) - (ends[2] + ends[-2]) - 30.0 * base.params
        second += bend / (12.0 * step**2)
    assert relative_error(noisy.bias, 0.5 * second) < 1e-5


def test_a_perfect_fit_is_judged_though_all_that_is_left_is_rounding():
    objective = problem(LOSSES["squared"], 48, 4, offset=False)
    exact = replace(objective, y=objective.outputs(np.arange(1.0, 6.0))[:, 0])
    hyper = np.full(2, -40.0)
    at = Newton(tol=1e-13).minimize(exact, np.zeros(5), hyper).expansion
    by_params = 1e-12 * np.ones(5)
    value, _ = value_and_hypergradient(at, partials(1e-31, by_params, np.zeros(2)), invert(at))
    assert abs(value) < 1e-20
