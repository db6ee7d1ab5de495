"""The implicit function theorem, apart from any criterion (those are in tests/contracts)."""

import numpy as np
import pytest

from derivata.contracts import Partials
from derivata.curvature import invert
from derivata.implicit import hypergradient, params_by_hyper, value_and_hypergradient
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
