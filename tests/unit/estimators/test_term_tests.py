"""Wald tests of terms, against their formula on the rows themselves."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2
from scipy.stats import f as f_distribution

from derivata import AdditiveRegressor, Category, Linear, Spline, Surface
from derivata.estimators.term_tests import no_tests, term_tests
from derivata.tables import table_from_frame

N_ROWS = 120


def fitted(family="squared", noise=1.0):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {"x": rng.normal(size=N_ROWS), "u": rng.normal(size=N_ROWS),
         "town": rng.choice(["a", "b", "c"], N_ROWS)}
    )  # fmt: skip
    y = np.sin(X["x"]) + noise * rng.normal(size=N_ROWS)
    if family == "poisson":
        y = rng.poisson(np.exp(np.sin(X["x"])))
    terms = [Spline("x", 7), Linear("u"), Category("town")]
    return AdditiveRegressor(terms=terms, family=family, alpha=1.0).fit(X, y), X


@pytest.mark.parametrize("family", ["squared", "poisson"])
def test_they_are_forms_of_the_effects_over_the_rows(family):
    fit, X = fitted(family)
    model = fit.model_
    rows = model.encoder.design(table_from_frame(X, "`X`")).dense(slice(None))
    for number, span in enumerate(model.encoder.spans):
        Z = rows[:, span] - rows[:, span].mean(axis=0)
        effect = Z @ model.params[0, span]
        spread = Z @ model.covariance[span, span] @ Z.T
        rank = int(np.clip(np.ceil(model.edf[0, span].sum() - 0.05), 1, len(Z.T)))
        values, vectors = np.linalg.eigh(spread)
        along = vectors[:, ::-1][:, :rank].T @ effect
        statistic = float((along**2 / values[::-1][:rank]).sum())
        assert model.tests.statistic[number] == pytest.approx(statistic, rel=1e-6)
        p_value = chi2.sf(statistic, rank)
        if family == "squared":
            freedom = N_ROWS - model.edf.sum()
            p_value = f_distribution.sf(statistic / rank, rank, freedom)
        assert model.tests.p_value[number] == pytest.approx(p_value, rel=1e-5)


def test_one_straight_line_without_a_penalty_has_the_test_of_least_squares():
    rng = np.random.default_rng(0)
    x = rng.normal(size=N_ROWS)
    y = 0.2 * x + rng.normal(size=N_ROWS)
    fit = AdditiveRegressor(terms=[Linear("x")], alpha=0.0).fit(pd.DataFrame({"x": x}), y)
    slope, intercept = np.polyfit(x, y, 1)
    residual = y - slope * x - intercept
    variance = residual @ residual / (N_ROWS - 2) / ((x - x.mean()) @ (x - x.mean()))
    assert fit.model_.tests.statistic[0] == pytest.approx(slope**2 / variance, rel=1e-8)
    truth = f_distribution.sf(slope**2 / variance, 1, N_ROWS - 2)
    assert fit.model_.tests.p_value[0] == pytest.approx(truth, rel=1e-6)


def test_several_outputs_are_tested_together():
    fit, X = fitted()
    model, encoded = fit.model_, fit.model_.encoder.encode(table_from_frame(X, "`X`"))
    width = model.params.shape[1]
    twice = np.zeros((2 * width, 2 * width))
    twice[:width, :width] = twice[width:, width:] = model.covariance
    two = np.tile(model.params, (2, 1)), twice, np.tile(model.edf, (2, 1))
    found = term_tests(encoded, model.encoder, *two, None)
    one = term_tests(encoded, model.encoder, model.params, model.covariance, model.edf, None)
    # Two equal, independent outputs: for terms whose ranks are whole, twice the statistic.
    assert found.statistic[1] == pytest.approx(2.0 * one.statistic[1], rel=1e-8)
    assert found.p_value[0] < one.p_value[0]


def test_of_a_pair_only_what_neither_column_says_alone_is_tested():
    # A curve a level can say what the curve and the levels say: of additive effects that is all.
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.uniform(size=400), "town": rng.choice(["a", "b"], 400)})
    additive = np.sin(6.0 * X["x"]) + (X["town"] == "a")
    terms = [Spline("x", 8), Category("town"), Surface("x", "town", 4)]
    p_values = []
    for extra in (0.0, 1.0):
        y = additive + extra * X["x"] * (X["town"] == "a") + 0.3 * rng.normal(size=400)
        model = AdditiveRegressor(terms=terms).fit(X, y)
        p_values.append(model.model_.tests.p_value[2])
    assert p_values[0] > 0.01 and p_values[1] < 1e-6


def test_of_nothing_nothing_is_known():
    assert np.isnan(no_tests(3).p_value).all() and no_tests(3).statistic.shape == (3,)
