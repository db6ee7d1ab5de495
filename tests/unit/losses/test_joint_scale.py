import numpy as np
import pytest
from scipy.optimize import brentq
from sklearn.linear_model._huber import _huber_loss_and_gradient

from derivata.errors import InvalidParameter
from derivata.losses.joint_scale import JointHuberLoss, best_scale

RNG = np.random.default_rng(0)


def test_the_loss_is_half_scikit_learns_over_its_unit():
    y, scale = RNG.standard_t(2.0, 40), 0.8
    theirs, _ = _huber_loss_and_gradient(
        np.array([0.3, scale]), np.ones((40, 1)), y, 1.35, 0.0, np.ones(40)
    )
    outputs = np.broadcast_to([0.3, scale], (40, 2))
    assert JointHuberLoss(1.35, 0.7).at(y, outputs).value.sum() == pytest.approx(0.5 * theirs / 0.7)


@pytest.mark.parametrize("epsilon", [1.1, 1.35, 3.0, 50.0])
def test_the_best_scale_balances_clipped_squares(epsilon):
    residual = RNG.standard_t(2.0, 60)
    weight = np.resize([0.0, 0.5, 1.0, 2.0], 60)

    def excess(scale):
        clipped = np.minimum((residual / scale) ** 2, epsilon**2)
        return weight @ clipped - weight.sum()

    truth = brentq(excess, 1e-6, 1e6, xtol=1e-14)
    assert best_scale(residual, weight, epsilon) == pytest.approx(truth, rel=1e-10)


def test_a_constant_target_has_no_scale_and_a_null_output_all_the_same():
    assert best_scale(np.zeros(5), np.ones(5), 1.35) == 0.0
    null = JointHuberLoss().null_outputs(np.full(5, 3.0), np.ones(5))
    assert null[0] == 3.0 and 0.0 < null[1] < 1e-9


@pytest.mark.parametrize(("epsilon", "unit"), [(0.9, 1.0), (np.nan, 1.0), (1.35, 0.0)])
def test_settings_beyond_their_range_are_refused(epsilon, unit):
    with pytest.raises(InvalidParameter):
        JointHuberLoss(epsilon, unit)


def test_rows_are_jointly_convex_across_the_tip():
    y = np.zeros(4_000)
    one, other = RNG.standard_normal((2, 4_000, 2))
    loss = JointHuberLoss()
    middle = loss.at(y, 0.5 * (one + other)).value
    ends = 0.5 * (loss.at(y, one).value + loss.at(y, other).value)
    assert (middle <= ends + 1e-14).all()
