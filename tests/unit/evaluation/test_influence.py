"""Effects of removing rows and groups, against scikit-learn's own refits without them."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Lasso, LogisticRegression, PoissonRegressor, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from derivata import LinearRegressor
from derivata.adapters import adapt
from derivata.evaluation.influence import influence


def data(seed=0, n=80, p=4):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) + 0.5 * rng.standard_normal((n, 1))
    return X, X @ np.array([1.0, -0.5, 0.0, 0.7])[:p], rng


def numbers(seed=0, **sizes):
    X, z, rng = data(seed, **sizes)
    return X, z + rng.standard_normal(len(z))


def classes(n_classes=2, seed=0):
    X, z, rng = data(seed)
    return X, np.digitize(z + rng.logistic(size=len(z)), np.linspace(-1, 1, n_classes + 1)[1:-1])


def without(model, X, y, rows):
    keep = np.setdiff1d(np.arange(len(y)), rows)
    return clone(model).fit(X[keep], y[keep])


def log_loss(model, X, y):
    return -np.log(model.predict_proba(X)[np.arange(len(y)), y]).mean()


def squared(model, X, y):
    return 0.5 * np.mean((y - model.predict(X)) ** 2)


LOGISTIC = LogisticRegression(tol=1e-10, max_iter=10_000)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_groups_change_the_loss_of_other_rows_as_refits_do(n_classes):
    X, y = classes(n_classes)
    train, test = slice(0, 60), slice(60, 80)
    model = clone(LOGISTIC).fit(X[train], y[train])
    groups = {"first": [0, 1, 2], "of one class": np.flatnonzero(y[train] == 0)[:5], "one": [7]}
    found = influence(model, X[train], y[train], groups=groups, judged=(X[test], y[test]))
    base = log_loss(model, X[test], y[test])
    for effect, rows in zip(found.effect, groups.values(), strict=True):
        truth = log_loss(without(LOGISTIC, X[train], y[train], rows), X[test], y[test]) - base
        assert effect == pytest.approx(truth, rel=1e-3, abs=1e-7)
    assert found.names == ("first", "of one class", "one")
    assert found.refitted.all() and found.error == 0.0
    assert "fits without" in str(found) and "of one class" in str(found)


def test_every_row_of_a_ridge_is_exact_without_a_refit():
    X, y = numbers()
    model = Ridge(2.0).fit(X, y)
    found = influence(model, X, y, budget=0)
    assert found.refitted.all() and found.error == 0.0
    for row in (0, 9, 33):
        other = without(model, X, y, [row])
        keep = np.arange(80) != row
        residuals = [(y - each.predict(X))[keep] ** 2 for each in (other, model)]
        assert found.effect[row] == pytest.approx(0.5 * (residuals[0] - residuals[1]).sum())
    coef = influence(model, X, y, on="coef", rows=[9, 33])
    other = without(model, X, y, [33])
    change = np.append(other.coef_ - model.coef_, other.intercept_ - model.intercept_)
    assert coef.of_what[-1] == "(intercept)"
    np.testing.assert_allclose(coef.effect[1], change, atol=1e-10)
    predicted = influence(model, X, y, on="prediction", rows=[33])
    np.testing.assert_allclose(predicted.effect[0], other.predict(X) - model.predict(X), atol=1e-9)


def test_effects_on_probabilities_are_differences_of_probabilities():
    X, y = classes(3)
    model = clone(LOGISTIC).fit(X, y)
    found = influence(model, X, y, on="prediction", rows=[5], judged=(X[:7], y[:7]), budget=1.0)
    truth = without(model, X, y, [5]).predict_proba(X[:7]) - model.predict_proba(X[:7])
    assert found.effect.shape == (1, 7, 3)
    np.testing.assert_allclose(found.effect[0], truth, atol=1e-6)
    two = clone(LOGISTIC).fit(X, y > 0)
    found = influence(two, X, y > 0, on="prediction", rows=[5], budget=1.0)
    truth = without(two, X, y > 0, [5]).predict_proba(X) - two.predict_proba(X)
    np.testing.assert_allclose(found.effect[0], truth[:, 1], atol=1e-6)


@pytest.mark.parametrize("judges_others", [True, False])
def test_the_error_told_is_about_that_of_the_rows_that_were_not_refitted(judges_others):
    X, y = classes()
    model = clone(LOGISTIC).fit(X[:60], y[:60])
    judged = (X[60:], y[60:]) if judges_others else None
    exact = influence(model, X[:60], y[:60], judged=judged, budget=1.0)
    assert exact.refitted.all() and exact.error == 0.0
    ratios = []
    for seed in range(20):
        found = influence(model, X[:60], y[:60], judged=judged, budget=0.2, random_state=seed)
        left = ~found.refitted
        np.testing.assert_allclose(found.effect[~left], exact.effect[~left], rtol=1e-9)
        wrong = np.sqrt(np.mean((found.effect - exact.effect)[left] ** 2))
        ratios.append(found.error / wrong)
        assert wrong < 0.02 * np.sqrt(np.mean(exact.effect**2))
    assert 0.5 < np.median(ratios) < 3.0
    assert min(ratios) > 0.2
    unchecked = influence(model, X[:60], y[:60], judged=judged, budget=0)
    assert np.isnan(unchecked.error) and "unchecked" in str(unchecked)


def test_a_lasso_refits_rows_whose_removal_moves_its_active_set():
    X, y = numbers(n=40, p=4)
    X = np.column_stack([X, np.random.default_rng(1).standard_normal((40, 12))])
    model = Lasso(0.12, tol=1e-12, max_iter=100_000).fit(X, y)
    found = influence(model, X, y, on="coef", budget=1.0)
    # scikit-learn divides the loss by the number of rows, so the same penalty has another alpha.
    same = Lasso(0.12 * 40 / 39, tol=1e-12, max_iter=100_000)
    moved = 0
    for row in range(0, 40, 3):
        truth = without(same, X, y, [row]).coef_ - model.coef_
        moved += ((truth + model.coef_ == 0.0) != (model.coef_ == 0.0)).any()
        np.testing.assert_allclose(found.effect[row, :-1], truth, atol=1e-5)
    assert moved > 3


def test_rows_with_weights_are_removed_whole():
    X, y = numbers(n=40)
    weight = np.random.default_rng(0).integers(0, 4, 40).astype(float)
    model = PoissonRegressor(alpha=0.1, tol=1e-10, max_iter=10_000)
    y = np.exp(0.3 * y)
    fitted = clone(model).fit(X, y, sample_weight=weight)
    kept = np.flatnonzero(weight)
    found = influence(fitted, X, y, on="coef", sample_weight=weight, budget=1.0)
    assert [int(rows[0]) for rows in found.rows] == kept.tolist()
    place = int(weight[kept].argmax())
    without_it = weight.copy()
    without_it[kept[place]] = 0.0
    # scikit-learn divides by the weight, so its penalty changes with the rows: ours does not.
    scaled = PoissonRegressor(
        alpha=0.1 * weight.sum() / without_it.sum(), tol=1e-10, max_iter=10_000
    ).fit(X, y, sample_weight=without_it)
    np.testing.assert_allclose(found.effect[place, :-1], scaled.coef_ - fitted.coef_, atol=1e-5)
    assert found.names[place] == f"row {kept[place]}"


def test_a_column_of_the_table_names_groups():
    X, y = numbers()
    table = pd.DataFrame(X, columns=list("abcd")).assign(ward=np.arange(80) % 4)
    model = Ridge(1.0).fit(table, y)
    by_column = influence(model, table, y, groups="ward")
    by_label = influence(model, table, y, groups=(np.arange(80) % 4).astype(str))
    np.testing.assert_allclose(by_column.effect, by_label.effect)
    assert by_column.names == ("0", "1", "2", "3")
    labels = np.where(np.arange(80) < 3, None, "there")
    assert influence(model, table, y, groups={"a": [1], "b": [2]}).names == ("a", "b")
    with_missing = influence(model, table, y, groups=np.where(labels == "there", "x", "missing"))
    assert with_missing.names == ("missing", "x")
    plain = Ridge(1.0).fit(np.round(X), y)
    assert len(influence(plain, np.round(X), y, groups="x1").effect) > 1


def test_a_model_of_our_own_and_a_pipeline_answer_alike():
    X, y = numbers()
    ours = LinearRegressor(alpha=2.0).fit(X, y)
    theirs = make_pipeline(StandardScaler(), Ridge(2.0)).fit(X, y)
    rows = np.array([3, 5])
    a, b = (influence(each, X, y, rows=rows) for each in (ours, theirs))
    np.testing.assert_allclose(a.effect, b.effect, rtol=1e-6)
    again = influence(adapt(theirs, X, y), None, None, rows=rows)
    np.testing.assert_array_equal(again.effect, b.effect)


def test_the_table_lists_the_largest_effects_first_and_the_same_seed_gives_the_same_bits():
    X, y = classes()
    model = clone(LOGISTIC).fit(X, y)
    found, again = (influence(model, X, y) for _ in range(2))
    np.testing.assert_array_equal(found.effect, again.effect)
    first = found.ranked[0]
    assert np.abs(found.effect[first]) == np.abs(found.effect).max()
    lines = found.table(3).splitlines()
    assert len(lines) == 4 and lines[1].startswith(f"row {first} ")
    coef = influence(model, X, y, on="coef")
    assert any(name in coef.table(1) for name in coef.of_what)


def test_a_group_without_which_nothing_holds_the_fit_is_said_to_be_one():
    X = np.linspace(-1, 1, 12)[:, None]
    y = (X[:, 0] > 0).astype(int)
    y[5], y[6] = 1, 0  # without both, the classes are apart and nothing is penalised
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(X, y)
    found = influence(model, X, y, groups={"both": [5, 6], "one": [3]})
    assert found.refitted.tolist() == [False, True]
    assert np.isnan(found.error)
    assert "without both the fit has no minimum in reach" in str(found)


def test_a_large_table_is_refitted_no_more_than_is_affordable(monkeypatch):
    X, y = load_diabetes(return_X_y=True)
    model = LogisticRegression().fit(X, y > 140)
    assert influence(model, X, y > 140).refitted.sum() == 45
    monkeypatch.setattr("derivata.evaluation.influence.MOST_WORK", 1.0)
    assert influence(model, X, y > 140).refitted.sum() == 20
