"""Bad input to leave-one-out: one named error each, and never a number that looks sound."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge

from derivata.errors import DerivataError, InvalidData, InvalidParameter, NotConverged
from derivata.evaluation.leave_one_out import leave_one_out


def draw(n_rows=50):
    rng = np.random.default_rng(4)
    X = rng.normal(size=(n_rows, 3))
    return X, X[:, 0] + rng.normal(size=n_rows)


def test_an_unfitted_and_an_unsupported_model_are_refused():
    X, y = draw()
    with pytest.raises(InvalidParameter, match="fit"):
        leave_one_out(Ridge(), X, y)
    with pytest.raises(InvalidParameter, match="Supported"):
        leave_one_out(RandomForestRegressor(2).fit(X, y), X, y)


def test_other_columns_other_rows_and_unseen_classes_are_refused():
    X, y = draw()
    model = Ridge().fit(X, y)
    with pytest.raises(DerivataError):
        leave_one_out(model, X[:, :2], y)
    with pytest.raises(DerivataError):
        leave_one_out(model, X, y[:-1])
    with pytest.raises(NotConverged, match="not the rows"):
        leave_one_out(model, X, y + 100.0 * X[:, 1])
    labels = np.where(y > 0, "a", "b")
    classifier = LogisticRegression().fit(X, labels)
    labels[3] = "c"
    with pytest.raises(InvalidData, match="c"):
        leave_one_out(classifier, X, labels)


def test_a_target_that_the_loss_cannot_have_is_refused():
    X, y = draw()
    model = PoissonRegressor().fit(X, np.exp(y))
    with pytest.raises(InvalidData):
        leave_one_out(model, X, y)


def test_a_metric_that_raises_or_gives_nonsense_is_not_hidden():
    X, y = draw()
    model = Ridge().fit(X, y)

    def broken(y, prediction):
        raise RuntimeError("my metric")

    with pytest.raises(RuntimeError, match="my metric"):
        leave_one_out(model, X, y, metric=broken)
    with pytest.raises(InvalidParameter, match="one number a row"):
        leave_one_out(model, X, y, metric=lambda y, prediction: 1.0)
    with pytest.raises(InvalidParameter, match="not a number for row 0"):
        leave_one_out(model, X, y, metric=lambda y, prediction: np.nan * y)


def test_two_equal_rows_and_one_column_of_zeros_are_no_trouble():
    X, y = draw()
    X[1], y[1], X[:, 2] = X[0], y[0], 0.0
    found = leave_one_out(Ridge().fit(X, y), X, y)
    assert np.isfinite(found.score) and found.approximation_error < 1e-6


def test_counts_whose_mean_overflows_give_no_warning_and_an_honest_score():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 2))
    y = rng.poisson(np.exp(1.0 + X[:, 0])).astype(float)
    X[0], y[0] = [60.0, 0.0], 0.0  # far out: without it, its mean would be exp(60)
    model = PoissonRegressor(alpha=1e-6, tol=1e-10, max_iter=100_000).fit(X, y)
    found = leave_one_out(model, X, y)
    assert found.score > 1e15 and found.approximation_error < 1e-3 * found.score
