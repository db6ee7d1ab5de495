"""Which criterion tunes when the user names none, and that the reason is said."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_breast_cancer

from derivata import KFold, LinearRegressor, LogisticClassifier
from derivata.criteria.choice import choose_criterion
from derivata.designs import DenseDesign, SparseDesign
from derivata.losses import LogisticLoss, SoftmaxLoss, SquaredLoss
from derivata.objective import Objective
from derivata.penalties import GroupRidge
from derivata.predictors import LinearPredictor


def objective_of(n_rows, n_columns, loss=None):
    """Only its size matters; storage that takes no room."""
    loss = loss or SquaredLoss()
    if n_rows * n_columns > 1e7:
        design = SparseDesign(sparse.csr_array((n_rows, n_columns)))
    else:
        design = DenseDesign(np.zeros((n_columns, n_rows)))
    predictor = LinearPredictor(design, loss.n_outputs)
    groups = np.zeros(n_columns * loss.n_outputs, dtype=int)
    penalty = GroupRidge(groups, ("all",))
    return Objective(loss, predictor, penalty, np.zeros(n_rows), np.ones(n_rows))


@pytest.mark.parametrize(
    "n_rows, n_columns, loss, name",
    [
        (569, 30, LogisticLoss(), "leave-one-out"),
        (100_000, 50, LogisticLoss(), "leave-one-out"),
        (72, 7129, LogisticLoss(), "leave-one-out"),  # the dual is small
        (1797, 64, SoftmaxLoss(10), "leave-one-out"),
        (2000, 64, SoftmaxLoss(50), "5-fold"),  # 3136 parameters, leverages of 49 x 49
        (150, 4, SoftmaxLoss(3), "leave-one-out"),
        (20_000, 8_000, SquaredLoss(), "5-fold"),  # neither H nor its dual can be stored
        (7_000, 5_000, SquaredLoss(), "5-fold"),
    ],
)
def test_leave_one_out_is_chosen_until_it_costs_several_times_as_much(
    n_rows, n_columns, loss, name
):
    criterion, reason = choose_criterion(objective_of(n_rows, n_columns, loss))
    assert criterion.name == name
    assert "leave-one-out" in reason


def test_the_reason_is_kept_by_the_fitted_model():
    X, y = load_breast_cancer(return_X_y=True)
    tuning = LogisticClassifier().fit(X, y).tuning_
    assert tuning.criterion_name == "leave-one-out"
    assert "predicted to take" in tuning.criterion_reason
    given = LogisticClassifier(criterion=KFold(4)).fit(X, y).tuning_
    assert given.criterion_name == "4-fold"
    assert given.criterion_reason == "given by the user"


def test_where_single_rows_decide_folds_take_over_and_say_why():
    X = np.random.default_rng(0).standard_normal((60, 3))
    tuning = LogisticClassifier().fit(X, np.arange(60) == 7).tuning_
    assert tuning.criterion_name == "5-fold"
    assert "single rows decide" in tuning.criterion_reason


def test_leave_one_out_and_folds_agree_about_well_behaved_data():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 6))
    y = X @ rng.standard_normal(6) + rng.standard_normal(300)
    one, folds = (
        LinearRegressor(criterion=criterion).fit(X, y).tuning_.criterion
        for criterion in (None, KFold(10))
    )
    assert one == pytest.approx(folds, rel=0.03)
