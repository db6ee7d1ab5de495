"""Every loss against differences to its third derivative, and where numbers are extreme."""

import numpy as np
import pytest

from derivata.errors import InvalidTarget
from tests.cases import JOINT_LOSSES, LOSSES
from tests.differences import relative_error, slope

ALL = LOSSES | JOINT_LOSSES
CASES = pytest.mark.parametrize("case", ALL.values(), ids=list(ALL))
N_ROWS = 60


def drawn(case, seed=0):
    """Targets and outputs away from kinks."""
    rng = np.random.default_rng(seed)
    outputs = 1.2 * rng.standard_normal((N_ROWS, case.loss.n_outputs))
    y = case.targets(rng, outputs)
    smooth = case.from_kink(y, outputs) > 0.02
    assert smooth.sum() > N_ROWS / 2
    return y[smooth], outputs[smooth]


def by_outputs(case, y, outputs, quantity):
    """Differences of a per-row quantity by each output: its shape, then outputs last."""
    units = np.eye(outputs.shape[1])
    return np.stack([slope(lambda z: quantity(case.loss.at(y, z)), outputs, u) for u in units], -1)


@CASES
def test_gradient_is_the_derivative_of_the_value(case):
    y, outputs = drawn(case)
    truth = by_outputs(case, y, outputs, lambda rows: rows.value)
    assert relative_error(case.loss.at(y, outputs).gradient, truth) < 1e-9


@CASES
def test_hessian_is_the_derivative_of_the_gradient(case):
    y, outputs = drawn(case)
    truth = by_outputs(case, y, outputs, lambda rows: rows.gradient)
    hessian = case.loss.at(y, outputs).hessian
    assert relative_error(hessian, truth) < 1e-9
    assert (hessian == hessian.transpose(0, 2, 1)).all()


@CASES
def test_third_derivatives_contract_the_derivative_of_the_hessian(case):
    y, outputs = drawn(case)
    k = outputs.shape[1]
    matrices = np.random.default_rng(1).standard_normal((len(y), k, k))
    matrices = matrices + matrices.transpose(0, 2, 1)
    change = by_outputs(case, y, outputs, lambda rows: rows.hessian)
    truth = np.einsum("nab,nabc->nc", matrices, change)
    third = case.loss.at(y, outputs).third(matrices)
    assert relative_error(np.zeros((len(y), k)) if third is None else third, truth) < 1e-9


@CASES
def test_cubic_is_the_third_derivative_along_one_direction(case):
    y, outputs = drawn(case)
    directions = np.random.default_rng(2).standard_normal(outputs.shape)
    squares = directions[:, :, None] * directions[:, None, :]
    rows = case.loss.at(y, outputs)
    third = rows.third(squares)
    truth = np.zeros(len(y)) if third is None else np.einsum("nk,nk->n", third, directions)
    # The same formula in another order: rounding alone, in units of the largest row.
    assert np.abs(rows.cubic(directions) - truth).max() <= 1e-13 * max(np.abs(truth).max(), 1.0)


@CASES
def test_every_row_is_convex(case):
    y, outputs = drawn(case)
    outputs = np.concatenate([outputs, 1e2 * outputs])
    values = np.linalg.eigvalsh(case.loss.at(np.tile(y, 2), outputs).hessian)
    # Softmax sums probabilities of order one, so its curvature is exact to rounding of one.
    assert (values[:, 0] >= -1e-15 * np.maximum(1.0, values[:, -1])).all()


@CASES
@pytest.mark.parametrize("size", [1e1, 1e2, 1e3])
def test_extreme_outputs_give_finite_numbers_without_a_warning(case, size):
    y, outputs = drawn(case)
    outputs = size * np.sign(outputs)
    rows = case.loss.at(y, outputs)
    matrices = np.ones((len(y), outputs.shape[1], outputs.shape[1]))
    third = rows.third(matrices)
    for quantity in (rows.value, rows.gradient, rows.hessian, 0.0 if third is None else third):
        assert np.isfinite(quantity).all()


@CASES
def test_asking_in_any_order_gives_the_same_bits(case):
    y, outputs = drawn(case)
    matrices = np.ones((len(y), outputs.shape[1], outputs.shape[1]))
    forward, backward = case.loss.at(y, outputs), case.loss.at(y, outputs.copy())
    first = (forward.value, forward.gradient, forward.hessian, forward.third(matrices))
    last = (backward.third(matrices), backward.hessian, backward.gradient, backward.value)
    for one, other in zip(first, reversed(last), strict=True):
        assert (one is None and other is None) or np.array_equal(one, other)


@CASES
def test_the_outputs_given_are_not_changed(case):
    y, outputs = drawn(case)
    kept_y, kept = y.copy(), outputs.copy()
    rows = case.loss.at(y, outputs)
    rows.value, rows.gradient, rows.hessian, rows.third(rows.hessian)
    assert np.array_equal(outputs, kept) and np.array_equal(y, kept_y)


@CASES
def test_null_outputs_minimise_the_loss_of_a_constant(case):
    y, _ = drawn(case)
    weight = np.random.default_rng(2).choice([0.0, 0.5, 1.0, 2.5], len(y))
    null = case.loss.null_outputs(y, weight)
    assert null.shape == (case.loss.n_outputs,)

    def total(constant):
        outputs = np.broadcast_to(constant, (len(y), len(constant)))
        return float(weight @ case.loss.at(y, outputs).value)

    gradient = case.loss.at(y, np.broadcast_to(null, (len(y), len(null)))).gradient
    if case.null_is_best:
        # A sum of some tens of terms, each exact to rounding.
        assert np.abs(weight @ gradient).max() < 1e-12 * np.abs(weight @ np.abs(gradient)).max()
    else:
        # The weighted median: at least half of the weight pulls either way, so the minimiser of
        # Huber's loss lies within delta of it, where no step of delta can lower the sum.
        step = np.array(case.null_steps)
        assert total(null) <= min(total(null - step), total(null + step))


@CASES
def test_rows_of_weight_zero_have_no_part_in_the_null_outputs(case):
    y, _ = drawn(case)
    weight = np.where(np.arange(len(y)) % 3 == 0, 0.0, 1.0)
    kept = weight > 0
    found = case.loss.null_outputs(y, weight)
    # The sums run over other rows, so in another order of rounding.
    np.testing.assert_allclose(found, case.loss.null_outputs(y[kept], weight[kept]), rtol=1e-13)


@CASES
def test_no_output_gives_a_row_less_than_its_saturated_loss_and_some_give_that(case):
    y, outputs = drawn(case)
    least = case.loss.saturated(y)
    assert least.shape == y.shape
    for size in (0.1, 1.0, 10.0):
        values = case.loss.at(y, size * outputs).value
        # Values that cancel to the least are exact to rounding of their terms, some tens.
        assert (values >= least - 1e-13).all()
    assert np.abs(case.loss.at(y, best_outputs(case, y)).value - least).max() < 1e-13


def best_outputs(case, y):
    """Outputs at which each row's loss is smallest, or as near to that limit as exp(-60) is."""
    if case.best is not None:
        return case.best(y)
    if case.loss.n_outputs > 1:  # softmax: towards the certainty of its own class
        return 60.0 * case.loss.contrasts[:, y.astype(int)].T
    low, high = np.full(len(y), -60.0), np.full(len(y), 60.0)
    for _ in range(100):  # the gradient rises with the output: bisection finds its zero
        middle = 0.5 * (low + high)
        rising = case.loss.at(y, middle[:, None]).gradient[:, 0] > 0
        low, high = np.where(rising, low, middle), np.where(rising, middle, high)
    return middle[:, None]


@CASES
def test_legal_targets_pass_and_the_first_illegal_row_is_named(case):
    y, _ = drawn(case)
    case.loss.validate(y)
    for illegal in (*case.illegal, np.nan, np.inf):
        wrong = y.copy()
        wrong[[5, 9]] = illegal
        with pytest.raises(InvalidTarget, match="in row 5"):
            case.loss.validate(wrong)


@CASES
def test_constant_curvature_is_claimed_only_where_it_is_so(case):
    y, outputs = drawn(case)
    same = np.ptp(case.loss.at(y, outputs).hessian) == 0.0
    assert case.loss.curvature_is_constant == same
