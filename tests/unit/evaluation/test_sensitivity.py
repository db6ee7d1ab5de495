"""What hyperparameters decide, against refits by scikit-learn itself and by this package."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import (
    ElasticNet,
    HuberRegressor,
    Lasso,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
)
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from derivata.adapters import FittedModel, Response, adapt
from derivata.criteria import Evidence, HoldOut, KFold, LeaveOneOut
from derivata.evaluation.sensitivity import sensitivity
from derivata.solvers import Newton
from tests.cases import CRITERIA, LOSSES, problem

NEAR = 0.02


def data(seed=0, n=70, p=4):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) + 0.5 * rng.standard_normal((n, 1))
    z = X @ np.array([1.0, -0.5, 0.0, 0.7])[:p]
    return X, z, rng


def numbers(seed=0, **sizes):
    X, z, rng = data(seed, **sizes)
    return X, z + rng.standard_normal(len(z))


def classes(n_classes=2, seed=0):
    X, z, rng = data(seed)
    return X, np.digitize(z + rng.logistic(size=len(z)), np.linspace(-1, 1, n_classes + 1)[1:-1])


def own(objective, hyper):
    """A model of this package's parts alone."""
    fit = Newton(tol=1e-12).minimize(objective, np.zeros(objective.predictor.n_params), hyper)
    return FittedModel(
        name="a fit",
        objective=objective,
        params=fit.expansion.params,
        hyper=hyper,
        kept=np.arange(len(objective.y)),
        columns=(),
        response=Response(lambda outputs: outputs[:, 0]),
        solver=Newton(),
        judged=lambda X, y, sample_weight=None: objective,
    )


@pytest.mark.parametrize("criterion", CRITERIA, ids=str)
@pytest.mark.parametrize("loss", ["squared", "logistic", "softmax of 4", "poisson"])
def test_the_predicted_change_at_one_per_cent_is_that_of_refits(loss, criterion):
    # Weights, an offset, a free intercept, two strengths.
    model = own(problem(LOSSES[loss], 48, 4), np.array([0.4, 1.2]))
    made = sensitivity(model, np.zeros((48, 0)), model.objective.y, criterion=CRITERIA[criterion])
    assert [each.name for each in made.hyper] == ["even", "odd"]
    for each in made.hyper:
        assert [moved.factor for moved in each.moved] == [0.9, 0.99, 1.01, 1.1]
        for moved in (each.at(0.99), each.at(1.01)):
            assert moved.predicted == pytest.approx(moved.refitted, rel=NEAR)
            assert not moved.leaps


def test_leave_one_out_of_a_ridge_and_its_slope_are_those_of_fits_without_each_row():
    X, y = numbers(n=30)

    def mean_loss(alpha):
        total = 0.0
        for row in range(len(y)):
            kept = np.arange(len(y)) != row
            model = Ridge(alpha=alpha).fit(X[kept], y[kept])
            total += 0.5 * (y[row] - model.predict(X[[row]])[0]) ** 2
        return total / len(y)

    made = sensitivity(Ridge(alpha=3.0).fit(X, y), X, y)
    alpha = made.hyper[0]
    assert (alpha.name, alpha.value) == ("alpha", 3.0)
    assert made.value == pytest.approx(mean_loss(3.0), rel=1e-9)
    step = 1e-4
    truth = (mean_loss(3.0 * np.exp(step)) - mean_loss(3.0 * np.exp(-step))) / (2.0 * step)
    assert alpha.slope == pytest.approx(truth, rel=1e-6)
    assert alpha.elasticity == pytest.approx(truth / made.value, rel=1e-6)
    for moved in alpha.moved:
        truth = mean_loss(3.0 * moved.factor) - made.value
        assert moved.refitted == pytest.approx(truth, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "make", "drawn"),
    [
        ("alpha", lambda v: Ridge(alpha=v), numbers()),
        ("alpha", lambda v: ElasticNet(alpha=v / 10, l1_ratio=0.5, tol=1e-12), numbers()),
        ("C", lambda v: LogisticRegression(C=v, tol=1e-10, max_iter=5000), classes()),
        ("C", lambda v: LogisticRegression(C=v, tol=1e-10, max_iter=5000), classes(3)),
        ("alpha", lambda v: PoissonRegressor(alpha=v, tol=1e-10, max_iter=5000), None),
        ("alpha", lambda v: HuberRegressor(alpha=v, tol=1e-10, max_iter=5000), numbers()),
    ],
    ids=["ridge", "elastic net", "logistic", "three classes", "poisson", "huber"],
)
def test_predictions_move_as_those_of_scikit_learns_refits(name, make, drawn):
    if drawn is None:
        X, z, rng = data()
        drawn = X, rng.poisson(np.exp(0.5 * z)).astype(float)
    X, y = drawn
    made = sensitivity(make(1.0).fit(X, y), X, y, criterion=KFold(3), measurement_error={})
    assert made.hyper[0].name == name

    def predicted(value):
        model = make(value).fit(X, y)
        made = model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X)
        return made.reshape(len(X), -1)

    step = 1e-2
    truth = (predicted(np.exp(step)) - predicted(np.exp(-step))) / (2.0 * step)
    found = made.predictions_by_hyper[:, :, 0]
    assert found.shape == truth.shape
    np.testing.assert_allclose(found, truth, atol=2e-4 * np.abs(truth).max() + 1e-7)
    assert made.hyper[0].prediction_max == pytest.approx(np.abs(truth).max(), rel=1e-3)
    assert made.hyper[0].prediction_rms == pytest.approx(np.sqrt((truth**2).mean()), rel=1e-3)


def test_the_l1_ratio_of_an_elastic_net_moves_predictions_as_refits_do():
    X, y = numbers()
    fit = lambda ratio: ElasticNet(alpha=0.1, l1_ratio=ratio, tol=1e-12).fit(X, y).predict(X)
    model = ElasticNet(alpha=0.1, l1_ratio=0.5, tol=1e-12).fit(X, y)
    made = sensitivity(model, X, y)
    assert [each.name for each in made.hyper] == ["alpha", "l1_ratio"]
    assert [each.value for each in made.hyper] == [0.1, 0.5]
    step = 1e-3
    truth = (fit(0.5 * np.exp(step)) - fit(0.5 * np.exp(-step))) / (2.0 * step)
    np.testing.assert_allclose(made.predictions_by_hyper[:, 0, 1], truth, atol=1e-5)
    for each in made.hyper:
        assert each.at(1.01).predicted == pytest.approx(each.at(1.01).refitted, rel=NEAR)


def test_an_l1_ratio_is_not_taken_to_one_or_beyond():
    X, y = numbers()
    made = sensitivity(ElasticNet(alpha=0.1, l1_ratio=0.95, tol=1e-12).fit(X, y), X, y)
    assert [moved.factor for moved in made.hyper[1].moved] == [0.9, 0.99, 1.01]


def test_a_refit_with_another_active_set_names_the_columns():
    X, y = numbers(3, n=40)
    frame = pd.DataFrame(X, columns=["w", "x", "y", "z"])
    largest = np.abs((X - X.mean(0)).T @ (y - y.mean())).max() / len(y)
    # A first column is in the model, and leaves it at alpha 5 % higher.
    model = Lasso(alpha=0.95 * largest, tol=1e-12).fit(frame, y)
    made = sensitivity(model, frame, y)
    assert [each.leaps for each in made.hyper[0].moved] == [False, False, False, True]
    (name,) = made.hyper[0].at(1.1).left
    assert model.coef_[list(frame.columns).index(name)] != 0.0
    assert f"{name} left; no prediction holds beyond such a leap" in str(made)
    near = made.hyper[0].at(1.01)
    assert near.predicted == pytest.approx(near.refitted, rel=NEAR)


def test_leave_one_out_is_doubted_where_a_newton_step_will_not_do():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((25, 60))
    y = X[:, 0] + 0.3 * rng.standard_normal(25)
    lasso = Lasso(alpha=0.05, tol=1e-10, max_iter=100_000).fit(X, y)
    made = sensitivity(lasso, X, y, measurement_error={})
    assert "The active set changes for" in str(made) and "see `criterion=KFold()`" in str(made)
    assert "see `criterion" not in str(sensitivity(lasso, X, y, criterion=KFold(3)))
    wide = rng.standard_normal((80, 12))
    labels = (wide[:, 0] + 0.5 * rng.standard_normal(80) > 0).astype(int)
    nearly = LogisticRegression(C=100.0, tol=1e-9, max_iter=5000).fit(wide, labels)
    assert "may be off by" in str(sensitivity(nearly, wide, labels))
    ridge = sensitivity(Ridge(alpha=5.0).fit(X, y), X, y)
    assert "see `criterion" not in str(ridge)


def test_a_row_that_crosses_the_kink_of_hubers_loss_is_counted():
    X, z, rng = data(2, n=160)
    y = z + rng.standard_t(2.0, len(z))
    made = sensitivity(HuberRegressor(alpha=60.0, tol=1e-10, max_iter=5000).fit(X, y), X, y)
    moved = made.hyper[0].moved
    assert any(each.n_crossed for each in moved)
    for each in moved:
        if not each.n_crossed:
            assert each.predicted == pytest.approx(each.refitted, rel=0.05)


def test_a_model_without_a_penalty_says_so_and_its_columns_are_judged_all_the_same():
    X, y = numbers()
    made = sensitivity(LinearRegression().fit(X, y), X, y)
    assert made.hyper == ()
    assert len(made.columns) == 4
    assert "no penalty" in str(made)
    assert made.outputs_by_hyper.shape == (70, 1, 0)


def test_strengths_of_zero_are_no_hyperparameters():
    objective = problem(LOSSES["logistic"], 48, 4)
    hyper = np.array([0.4, -np.inf])
    made = sensitivity(own(objective, hyper), np.zeros((48, 0)), objective.y, criterion=Evidence())
    assert [each.name for each in made.hyper] == ["even"]
    assert made.hyper[0].at(1.01).predicted == pytest.approx(
        made.hyper[0].at(1.01).refitted, rel=NEAR
    )


def test_a_row_of_weight_two_counts_as_two_rows():
    X, y = numbers()
    weight = np.ones(len(y))
    weight[:10] = 2.0
    twice = np.concatenate([np.arange(len(y)), np.arange(10)])
    one = sensitivity(Ridge(alpha=2.0).fit(X, y, sample_weight=weight), X, y, sample_weight=weight)
    two = sensitivity(Ridge(alpha=2.0).fit(X[twice], y[twice]), X[twice], y[twice])
    assert one.value == pytest.approx(two.value, rel=1e-9)
    assert one.hyper[0].slope == pytest.approx(two.hyper[0].slope, rel=1e-7)
    assert one.hyper[0].curvature == pytest.approx(two.hyper[0].curvature, rel=1e-5)


def test_effective_parameters_fall_as_those_of_refits_do():
    X, y = numbers()
    centred = X - X.mean(0)
    squares = np.linalg.svd(centred, compute_uv=False) ** 2
    made = sensitivity(Ridge(alpha=5.0).fit(X, y), X, y)
    truth = -(squares * 5.0 / (squares + 5.0) ** 2).sum()
    assert made.hyper[0].effective_params == pytest.approx(truth, rel=1e-5)


def test_the_standard_error_of_a_slope_is_how_far_it_is_from_that_of_new_rows():
    X, z, _ = data(99, n=100_000)
    spread, truth = X.T @ X / len(X), np.array([1.0, -0.5, 0.0, 0.7])

    def risk(model):  # over new rows, the noise aside
        off = model.coef_ - truth
        return 0.5 * (off @ spread @ off + model.intercept_**2)

    misses, errors = [], []
    for seed in range(100):
        X, y = numbers(seed, n=150)
        fit = lambda alpha: Ridge(alpha=alpha).fit(X, y)  # noqa: B023
        alpha = sensitivity(fit(20.0), X, y, measurement_error={}, n_refitted=0).hyper[0]
        slope = (risk(fit(20.0 * np.exp(0.01))) - risk(fit(20.0 * np.exp(-0.01)))) / 0.02
        misses.append(alpha.slope - slope)
        errors.append(alpha.slope_error)
    assert np.std(misses) == pytest.approx(np.mean(errors), rel=0.25)


def test_words_tell_a_minimum_from_a_slope_and_from_nothing():
    X, y = numbers(n=60)
    at = lambda alpha: sensitivity(Ridge(alpha=alpha).fit(X, y), X, y).hyper[0].verdict
    assert at(1e-6).startswith("flat")
    assert at(300.0).startswith("on a slope: a smaller alpha would lower it; it was not tuned")
    weak = sensitivity(LogisticRegression(C=0.01).fit(*classes()), *classes()).hyper[0].verdict
    assert weak.startswith("on a slope: a larger C")


def test_a_value_at_the_criterions_minimum_says_so():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 30))
    y = X @ rng.standard_normal(30) / 5.0 + rng.standard_normal(40)

    def judged(alpha, **settings):
        model = Ridge(alpha=alpha).fit(X, y)
        return sensitivity(model, X, y, criterion=Evidence(), measurement_error={}, **settings)

    best = min(np.geomspace(1, 1000, 200), key=lambda alpha: judged(alpha, n_refitted=0).value)
    alpha = judged(best).hyper[0]
    assert alpha.verdict == "at its minimum"
    assert alpha.curvature > 0.0
    assert judged(0.05 * best).hyper[0].verdict.startswith("on a slope: a larger alpha")


def test_rows_choose_whose_derivatives_are_kept_by_the_users_numbers():
    X, y = numbers()
    weight = np.ones(len(y))
    weight[[0, 3]] = 0.0
    model = Ridge(alpha=2.0).fit(X, y, sample_weight=weight)
    every = sensitivity(model, X, y, sample_weight=weight)
    some = sensitivity(model, X, y, sample_weight=weight, rows=[1, 5])
    assert every.rows[0] == 1 and len(every.rows) == 68
    np.testing.assert_array_equal(some.rows, [1, 5])
    where = np.searchsorted(every.rows, [1, 5])
    np.testing.assert_array_equal(some.outputs_by_hyper, every.outputs_by_hyper[where])


def test_of_many_hyperparameters_the_ones_that_matter_are_refitted():
    objective = problem(LOSSES["squared"], 48, 4)
    model = own(objective, np.array([0.4, 1.2]))
    X = np.zeros((48, 0))
    every = sensitivity(model, X, objective.y)
    one = sensitivity(model, X, objective.y, n_refitted=1)
    refitted = [bool(each.moved) for each in one.hyper]
    assert sum(refitted) == 1
    sizes = [abs(each.at(1.1).refitted) for each in every.hyper]
    assert refitted.index(True) == int(np.argmax(sizes))
    assert "1 hyperparameter of 2 refitted" in str(one)


def test_a_pipeline_and_a_search_are_told_by_the_users_numbers():
    X, y = classes()
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=0.3)).fit(X, y)
    made = sensitivity(pipeline, X, y, criterion=HoldOut(0.3))
    assert (made.hyper[0].name, made.hyper[0].value) == ("C", 0.3)
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 0.3]}, cv=3).fit(X, y)
    made = sensitivity(search, X, y)
    assert made.hyper[0].value in (0.1, 0.3)


def test_same_numbers_each_time_and_a_fitted_model_will_do():
    X, y = numbers()
    model = Ridge(alpha=2.0).fit(X, y)
    first, second = str(sensitivity(model, X, y)), str(sensitivity(model, X, y))
    assert first == second
    fitted = adapt(model, X, y)
    made = sensitivity(fitted, X, y)
    assert made.hyper[0].slope == pytest.approx(sensitivity(model, X, y).hyper[0].slope, rel=1e-12)
    named = replace(fitted, is_tuned=True)
    assert sensitivity(named, X, y, criterion=LeaveOneOut()).criterion == "leave-one-out"
