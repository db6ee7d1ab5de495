"""How rows are dealt to folds, and what hold-outs ask for."""

import numpy as np
import pytest

from derivata.criteria import HoldOut, KFold
from derivata.criteria.resampling import deal_folds, hold_out_partials
from derivata.errors import InvalidParameter
from tests.cases import LOSSES, problem
from tests.differences import jacobian, relative_error


@pytest.mark.parametrize("n_rows", [5, 7, 48, 101])
@pytest.mark.parametrize("n_folds", [2, 3, 5])
def test_folds_are_of_equal_size_within_one_row(n_rows, n_folds):
    y = np.random.default_rng(0).standard_normal(n_rows)
    sizes = np.bincount(deal_folds(y, n_folds, 0), minlength=n_folds)
    assert sizes.sum() == n_rows and np.ptp(sizes) <= 1


def test_folds_are_balanced_over_the_target():
    y = np.sort(np.random.default_rng(0).exponential(1.0, 500))
    folds = deal_folds(y, 5, 0)
    means = np.bincount(folds, y) / np.bincount(folds)
    # Rows dealt at random would differ by about 2 / sqrt(100).
    assert np.ptp(means) < 0.05


def test_classes_are_spread_evenly():
    y = np.repeat([0.0, 1.0, 2.0], [50, 30, 20])
    folds = deal_folds(y, 5, 0)
    for label, count in ((0, 10), (1, 6), (2, 4)):
        assert (np.bincount(folds[y == label], minlength=5) == count).all()


@pytest.mark.parametrize("n_folds", [3, 5])
@pytest.mark.parametrize("seed", range(5))
def test_no_training_part_lacks_a_class_of_as_many_rows_as_folds(n_folds, seed):
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(6.0), n_folds + rng.integers(0, 4, 6))
    y = rng.permutation(y)
    folds = deal_folds(y, n_folds, seed)
    for fold in range(n_folds):
        assert len(np.unique(y[folds != fold])) == 6


def test_no_training_part_lacks_a_class_of_two_rows_in_two_folds():
    for seed in range(20):
        y = np.repeat([0.0, 1.0, 2.0, 3.0], [3, 2, 2, 4])
        folds = deal_folds(y, 2, seed, classes=True)
        for fold in range(2):
            assert len(np.unique(y[folds != fold])) == 4


def test_dealing_is_decided_by_the_seed_alone():
    y = np.random.default_rng(0).integers(0, 3, 60).astype(float)
    assert np.array_equal(deal_folds(y, 5, 7), deal_folds(y.copy(), 5, 7))
    assert not np.array_equal(deal_folds(y, 5, 7), deal_folds(y, 5, 8))


def test_dealing_does_not_depend_on_the_scale_of_the_target():
    y = np.random.default_rng(0).standard_normal(60)
    assert np.array_equal(deal_folds(y, 5, 7), deal_folds(1e6 * y + 3.0, 5, 7))


def test_kfold_judges_every_row_once_on_a_fit_without_it():
    objective = problem(LOSSES["squared"], 47, 3)
    parts = KFold(5).subproblems(objective)
    assert len(parts) == 5 and KFold(5).name == "5-fold"
    trained = [len(part.objective.y) for part in parts]
    judged = [part.judged.n_rows for part in parts]
    assert sum(judged) == 47
    assert all(t + j == 47 for t, j in zip(trained, judged, strict=True))
    left = np.concatenate([np.setdiff1d(objective.y, part.objective.y) for part in parts])
    assert np.array_equal(np.sort(left), np.sort(objective.y))


@pytest.mark.parametrize("share", [0.1, 0.2, 0.25, 1 / 3, 0.5, 0.75, 0.9])
def test_hold_out_keeps_its_share(share):
    objective = problem(LOSSES["squared"], 120, 3)
    (part,) = HoldOut(share).subproblems(objective)
    assert part.judged.n_rows == pytest.approx(120 * share, abs=1)
    assert len(part.objective.y) == 120 - part.judged.n_rows


@pytest.mark.parametrize("share", [0.3, 0.4, 0.65])
def test_hold_out_keeps_a_share_that_is_no_unit_fraction(share):
    objective = problem(LOSSES["squared"], 120, 3)
    (part,) = HoldOut(share).subproblems(objective)
    assert part.judged.n_rows == pytest.approx(120 * share, abs=1)


def test_settings_that_make_no_sense_are_refused_with_their_value():
    for share in (0.0, 1.0, -0.2, float("nan")):
        with pytest.raises(InvalidParameter, match=r"`share` is .*\(0, 1\)"):
            HoldOut(share)
    with pytest.raises(InvalidParameter, match="`n_folds` is 1; expected at least 2"):
        KFold(1)
    with pytest.raises(InvalidParameter, match="5 folds need at least 5 rows, but there are 4"):
        KFold(5).subproblems(problem(LOSSES["squared"], 4, 2))


@pytest.mark.parametrize("case", LOSSES.values(), ids=list(LOSSES))
def test_held_out_partials_are_derivatives_of_the_summed_loss(case):
    valid = problem(case, 40, 4)
    params = 0.3 * np.random.default_rng(8).standard_normal(valid.predictor.n_params)
    partials = hold_out_partials(valid, params)
    outputs = valid.outputs(params)
    assert partials.value == pytest.approx(
        float(valid.weight @ valid.loss.at(valid.y, outputs).value), rel=1e-14
    )
    truth = jacobian(lambda w: hold_out_partials(valid, w).value, params)
    assert relative_error(partials.by_params, truth) < 1e-8
    assert not partials.by_hyper.any()


def test_a_class_of_one_row_is_never_held_out_but_a_lone_number_is():
    y = np.r_[np.zeros(9), np.ones(9), 2.0]
    assert deal_folds(y, 3, 0, classes=True)[-1] == -1
    assert deal_folds(y, 3, 0)[-1] >= 0
