"""`leave_one_out`: what a user hands in, gets back and reads."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LassoCV, LogisticRegression, Ridge

from derivata.adapters import adapt
from derivata.errors import InvalidParameter, NotConverged
from derivata.estimators import LinearRegressor, LogisticClassifier
from derivata.evaluation.leave_one_out import LeaveOneOutResult, leave_one_out


def draw(n_rows=60, n_columns=4):
    rng = np.random.default_rng(2)
    X = rng.normal(size=(n_rows, n_columns))
    return X, X[:, 0] - X[:, 1] + rng.normal(size=n_rows)


def classes(n_rows=60):
    X, z = draw(n_rows)
    return X, np.where(z > 0.3, "b", "a")


def test_ridge_is_its_textbook_formula():
    X, y = draw()
    model = Ridge(2.0).fit(X, y)
    found = leave_one_out(model, X, y, metric="squared")
    centred = X - X.mean(axis=0)
    hat = centred @ np.linalg.solve(centred.T @ centred + 2.0 * np.eye(4), centred.T) + 1 / 60
    residual = (y - model.predict(X)) / (1 - np.diagonal(hat))
    np.testing.assert_allclose(found.per_row, residual**2, rtol=1e-9)
    assert found.score == pytest.approx(np.mean(residual**2))
    assert found.standard_error == pytest.approx((residual**2).std(ddof=1) / np.sqrt(60))
    assert found.fitted_score == pytest.approx(np.mean((y - model.predict(X)) ** 2))
    assert found.n_refits == 0 and found.optimism > 0.0


def test_it_prints_what_each_number_means():
    X, y = classes()
    text = str(leave_one_out(LogisticRegression().fit(X, y), X, y))
    for words in (
        "leave-one-out of LogisticRegression",
        "logistic loss, 60 rows",
        "mean, each row predicted by a fit without it",
        "approximation error",
        "of the score, against refits without each row",
        "optimism",
        "rows refitted",
        "rows that change most when left out",
    ):
        assert words in text
    assert max(map(len, text.splitlines())) < 120


def test_one_step_alone_says_that_nobody_knows_its_error():
    X, y = classes()
    found = leave_one_out(LogisticRegression().fit(X, y), X, y, budget=0)
    assert np.isnan(found.approximation_error)
    assert "unknown" in str(found) and any("no row was refitted" in note for note in found.notes)


def test_tuning_on_the_same_rows_is_told():
    X, y = draw()
    found = leave_one_out(LassoCV(cv=3).fit(X, y), X, y)
    assert any("hyperparameters were chosen from these same rows" in note for note in found.notes)


def test_metrics_by_name_and_by_call_agree():
    X, y = classes()
    model = LogisticRegression().fit(X, y)

    def halved(labels, probability):
        assert set(labels) == {"a", "b"} and probability.shape == (60, 2)
        return (probability[:, 1] - (labels == "b")) ** 2

    named, called = (leave_one_out(model, X, y, metric=m) for m in ("brier", halved))
    assert named.score == pytest.approx(called.score)
    assert called.metric == "halved"
    assert leave_one_out(model, X, y, metric="log_loss").score == pytest.approx(
        leave_one_out(model, X, y).score
    )


def test_rows_of_weight_zero_have_no_part_and_others_keep_their_numbers():
    X, y = classes()
    weight = np.ones(60)
    weight[:10] = 0.0
    model = LogisticRegression().fit(X, y, sample_weight=weight)
    found = leave_one_out(model, X, y, sample_weight=weight)
    np.testing.assert_array_equal(found.rows, np.arange(10, 60))
    assert found.refitted.min() >= 10
    rest = leave_one_out(LogisticRegression().fit(X[10:], y[10:]), X[10:], y[10:])
    assert found.score == pytest.approx(rest.score, rel=1e-8)


def test_models_of_our_own():
    X, y = draw()
    fitted = LinearRegressor().fit(X, y)
    found = leave_one_out(fitted, X, y, metric="squared")
    assert isinstance(found, LeaveOneOutResult) and found.score > found.fitted_score
    X, y = classes()
    found = leave_one_out(LogisticClassifier().fit(X, y), X, y)
    assert found.score > found.fitted_score > 0.0


def test_a_model_adapted_before_is_taken():
    X, y = classes()
    model = LogisticRegression().fit(X, y)
    adapted = adapt(model, X, y)
    assert leave_one_out(adapted, None, None).score == leave_one_out(model, X, y).score


def test_a_fit_that_stopped_early_is_refused_with_its_gradient():
    X, y = classes()
    adapted = adapt(LogisticRegression().fit(X, y), X, y)
    early = replace(adapted, params=np.zeros_like(adapted.params))
    with pytest.raises(NotConverged, match=r"relative gradient as fitted is \d\.\de"):
        leave_one_out(early, X, y)


def test_rows_that_leave_no_minimum_are_named():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=30), np.arange(30) == 7]).astype(float)
    y = X[:, 0] + rng.normal(size=30)
    found = leave_one_out(Ridge(0.0).fit(X, y), X, y)
    assert found.approximation_error == np.inf
    assert any("without row 7 the fit has no minimum" in note for note in found.notes)


@pytest.mark.parametrize("metric", ["auc", 3, None])
def test_metrics_that_are_none_are_refused(metric):
    X, y = classes()
    with pytest.raises(InvalidParameter, match="`metric` is"):
        leave_one_out(LogisticRegression().fit(X, y), X, y, metric=metric)
