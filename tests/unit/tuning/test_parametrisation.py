"""The user's numbers behind log strengths."""

import numpy as np
import pytest

from derivata.tuning.parametrisation import each_strength, one_for_all, strength_and_share
from tests.differences import jacobian, relative_error

HYPER = np.log([2.0, 0.5, 30.0])
CASES = {
    "each": each_strength(("a", "b", "c"), HYPER),
    "alpha": one_for_all("alpha", 0.1, HYPER),
    "C": one_for_all("C", 4.0, HYPER, power=-1),
    "elastic net": strength_and_share("alpha", 0.1, 0.3, np.log(7.0)),
    "elastic net by C": strength_and_share("C", 4.0, 0.3, np.log(7.0), power=-1),
}


@pytest.mark.parametrize("hypers", CASES.values(), ids=CASES)
def test_the_jacobian_is_that_of_the_strengths_by_log_values(hypers):
    by_logs = lambda logs: hypers.hyper(np.exp(logs))
    truth = jacobian(by_logs, np.log(hypers.values))
    assert relative_error(hypers.jacobian(hypers.values), truth) < 1e-9


def test_values_as_they_are_give_the_strengths_as_they_are():
    for name in ("each", "alpha", "C"):
        np.testing.assert_allclose(CASES[name].hyper(CASES[name].values), HYPER)
    net = CASES["elastic net"]
    np.testing.assert_allclose(np.exp(net.hyper(net.values)), [0.3 * 7.0, 0.7 * 7.0])


def test_ten_per_cent_more_of_c_is_a_strength_divided_by_it():
    hypers = CASES["C"]
    np.testing.assert_allclose(hypers.hyper(hypers.moved(0, 1.1)), HYPER - np.log(1.1))


def test_a_strength_of_zero_stays_zero_and_is_no_hyperparameter():
    hypers = each_strength(("a", "b", "c"), np.array([1.0, -np.inf, 2.0]))
    assert hypers.names == ("a", "c")
    moved = hypers.hyper(hypers.moved(1, 2.0))
    np.testing.assert_allclose(moved, [1.0, -np.inf, 2.0 + np.log(2.0)])
    assert hypers.jacobian(hypers.values).shape == (3, 2)
