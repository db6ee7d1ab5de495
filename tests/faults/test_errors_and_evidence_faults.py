"""Standard errors, evidence and comparisons refuse what they cannot give, and say what can."""

import numpy as np
import pytest
from sklearn.linear_model import (
    Lasso,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    TweedieRegressor,
)
from sklearn.svm import SVC

from derivata.errors import (
    DerivataError,
    InvalidParameter,
    NotAvailable,
    NotConverged,
    ShapeMismatch,
)
from derivata.evaluation.compare import compare
from derivata.evaluation.evidence import evidence
from derivata.evaluation.standard_errors import standard_errors

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 3))
Y = X @ [1.0, -1.0, 0.0] + RNG.standard_normal(60)
COUNTS = RNG.poisson(2.0, 60)
ASKED = [standard_errors, evidence]


@pytest.mark.parametrize("ask", ASKED)
def test_models_that_are_not_known_or_not_fitted_are_named(ask):
    with pytest.raises(InvalidParameter, match="Supported are"):
        ask(SVC().fit(X, COUNTS > 1), X, COUNTS > 1)
    with pytest.raises(InvalidParameter, match="not fitted"):
        ask(Ridge(), X, Y)
    with pytest.raises(InvalidParameter, match="is the class Ridge"):
        ask(Ridge, X, Y)


@pytest.mark.parametrize("ask", ASKED)
def test_rows_of_another_fit_are_refused(ask):
    model = Ridge().fit(X, Y)
    with pytest.raises(DerivataError):
        ask(model, X[:, :2], Y)
    with pytest.raises(NotConverged, match="not the rows"):
        ask(model, X, Y + 100.0 * X[:, 0])


@pytest.mark.parametrize("ask", ASKED)
def test_a_singular_hessian_names_the_columns(ask):
    twice = np.column_stack([X, 2.0 * X[:, 1]])
    with pytest.raises(NotAvailable, match=r"is singular.*'x1', 'x3'"):
        ask(LinearRegression().fit(twice, Y), twice, Y)
    wide = RNG.standard_normal((60, 100))
    with pytest.raises(NotAvailable, match="fewer rows than columns"):
        ask(LinearRegression().fit(wide, Y), wide, Y)
    constant = np.column_stack([X, np.full(60, 3.0)])
    with pytest.raises(NotAvailable, match="hold one value: 'x3'"):
        ask(LinearRegression().fit(constant, Y), constant, Y)


@pytest.mark.parametrize("ask", ASKED)
def test_a_single_column_that_predicts_perfectly_is_no_error_message_of_numpy(ask):
    exact = X @ [1.0, 2.0, 3.0]
    result = ask(Ridge(alpha=1.0).fit(X, exact), X, exact)
    assert "nan" not in str(result)


def test_kinds_and_clusters_that_do_not_fit_are_refused():
    model = Ridge().fit(X, Y)
    with pytest.raises(InvalidParameter, match="`kind` is 'HC0'; expected one of bayes, sandwich"):
        standard_errors(model, X, Y, kind="HC0")
    with pytest.raises(InvalidParameter, match="goes with `kind='cluster'`"):
        standard_errors(model, X, Y, kind="cluster")
    with pytest.raises(InvalidParameter, match="goes with `kind='cluster'`"):
        standard_errors(model, X, Y, clusters=np.arange(60))
    with pytest.raises(ShapeMismatch, match="one label for each of the 60 rows"):
        standard_errors(model, X, Y, kind="cluster", clusters=np.arange(59))
    with pytest.raises(InvalidParameter, match="a single label"):
        standard_errors(model, X, Y, kind="cluster", clusters=["all"] * 60)
    for level in (0.0, 1.0, 95):
        with pytest.raises(InvalidParameter, match="`level` is"):
            standard_errors(model, X, Y).interval(level)
    with pytest.raises(DerivataError):
        standard_errors(model, X, Y).predict_interval(X[:, :2])


def test_errors_of_columns_that_the_same_data_chose_are_not_given():
    with pytest.raises(NotAvailable, match="the same data chose the columns"):
        standard_errors(Lasso(alpha=0.1).fit(X, Y), X, Y)


def test_separated_classes_have_no_errors():
    labels = (X[:, 0] > 0.0).astype(int)
    model = LogisticRegression(C=np.inf, max_iter=10_000, tol=1e-6).fit(X, labels)
    with pytest.raises((NotAvailable, NotConverged)):
        standard_errors(model, X, labels)


def test_evidence_refuses_losses_without_a_density():
    model = TweedieRegressor(power=1.5, alpha=0.1, tol=1e-8, max_iter=1_000).fit(X, COUNTS)
    with pytest.raises(NotAvailable, match="Compare by rows left out instead"):
        evidence(model, X, COUNTS)
    shares = COUNTS + 0.5
    model = PoissonRegressor(alpha=0.1, tol=1e-8).fit(X, shares)
    with pytest.raises(NotAvailable, match="is no count"):
        evidence(model, X, shares)


def test_different_losses_without_densities_need_a_metric():
    tweedie = TweedieRegressor(power=1.5, alpha=0.1, tol=1e-8, max_iter=1_000).fit(X, COUNTS)
    ridge = Ridge().fit(X, COUNTS)
    with pytest.raises(InvalidParameter, match="Give a `metric` that all of them have"):
        compare([tweedie, ridge], X, COUNTS)
    found = compare([tweedie, ridge], X, COUNTS, metric="squared", penalties=False)
    assert found.best_by_evidence is None
    assert any(note.startswith("no evidence: the normalisation") for note in found.models[0].notes)
    assert "no evidence" in str(found)


def test_the_evidence_of_too_many_parameters_is_refused():
    wide = RNG.standard_normal((60, 450))
    model = PoissonRegressor(alpha=1.0, tol=1e-8, max_iter=2_000).fit(wide, COUNTS)
    with pytest.raises(NotAvailable, match="cannot be corrected by sampling"):
        evidence(model, wide, COUNTS)
    assert np.isfinite(evidence(model, wide, COUNTS, correction=False).laplace)
