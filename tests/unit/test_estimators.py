"""The three linear models: what they keep, predict and print, and that they are reproducible."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine

from derivata import (
    LBFGS,
    HoldOut,
    KFold,
    LeaveOneOut,
    LinearRegressor,
    LogisticClassifier,
    Newton,
    PoissonRegressor,
)

# The last column is noise, whose penalty may well end on its bound, and be said to.
pytestmark = pytest.mark.filterwarnings("ignore::derivata.errors.BoundWarning")

N, P = 120, 4
RNG = np.random.default_rng(0)
X = RNG.standard_normal((N, P)) * [1.0, 10.0, 0.1, 1.0] + [0.0, 5.0, 0.0, -3.0]
Z = (X - X.mean(axis=0)) / X.std(axis=0) @ [1.0, -0.7, 0.4, 0.0]
Y = {
    "number": 3.0 + Z + 0.5 * RNG.standard_normal(N),
    "two": np.where(Z + RNG.logistic(size=N) > 0, "yes", "no"),
    "three": np.array(["a", "b", "c"])[np.digitize(Z + RNG.logistic(size=N), [-1.0, 1.0])],
    "count": RNG.poisson(np.exp(0.5 * Z + 0.5)),
}
CASES = {
    "number": LinearRegressor,
    "two": LogisticClassifier,
    "three": LogisticClassifier,
    "count": PoissonRegressor,
}
CASE = pytest.mark.parametrize("kind", CASES)
REAL = {
    "breast cancer": (LogisticClassifier, load_breast_cancer),
    "wine": (LogisticClassifier, load_wine),
    "diabetes": (LinearRegressor, load_diabetes),
    "digits": (LogisticClassifier, load_digits),
}


def fit(kind, features=X, **arguments):
    names = CASES[kind]().get_params()
    settings = {name: arguments.pop(name) for name in list(arguments) if name in names}
    return CASES[kind](**settings).fit(features, Y[kind], **arguments)


# What is kept


@CASE
def test_fitted_attributes_have_the_shapes_of_scikit_learns(kind):
    model = fit(kind)
    shape = {"number": (P,), "two": (1, P), "three": (3, P), "count": (P,)}[kind]
    assert model.coef_.shape == shape
    assert np.shape(model.intercept_) == shape[:-1]
    assert isinstance(model.alpha_, float)
    assert model.alphas_per_group_ == {"all": model.alpha_}
    assert model.n_iter_ >= 1
    assert model.converged_
    assert "relative gradient" in model.convergence_ or "lowers" in model.convergence_
    assert 1.0 < model.effective_params_ < 1.0 + (P + 1) * max(shape[0] - 1, 1)
    tuning = model.tuning_
    assert tuning.converged
    assert tuning.hypergradient_norm < 1e-3
    criteria = [step.criterion for step in tuning.path]
    assert criteria == sorted(criteria, reverse=True)
    assert tuning.criterion == pytest.approx(criteria[-1] / N, rel=1e-3)


@CASE
def test_a_given_penalty_is_used_and_nothing_is_tuned(kind):
    model = fit(kind, alpha={"a": 2.0, "b": 0.0}, groups=["a", "b", "a", None])
    assert model.tuning_ is None
    assert model.alphas_per_group_ == {"a": 2.0, "b": 0.0}
    np.testing.assert_array_equal(model.alpha_, [2.0, 0.0])
    # A free column and a column of penalty zero are the same.
    other = fit(kind, alpha=2.0, groups=["a", None, "a", None])
    np.testing.assert_allclose(model.coef_, other.coef_, rtol=1e-6, atol=1e-12)


@CASE
def test_columns_that_share_a_group_share_a_penalty(kind):
    model = fit(kind, groups=["a", "b", "a", "b"])
    assert set(model.alphas_per_group_) == {"a", "b"}
    each = [model.alphas_per_group_[g] for g in "abab"]
    other = fit(kind, groups="columns", alpha=each)
    np.testing.assert_allclose(model.coef_, other.coef_, rtol=1e-6, atol=1e-10)


@CASE
def test_groups_that_do_not_help_are_shrunk_more(kind):
    noise = np.random.default_rng(1).standard_normal((N, 20))
    model = fit(kind, np.hstack([X[:, :3], noise]), groups=["signal"] * 3 + ["noise"] * 20)
    assert model.alphas_per_group_["noise"] > 10.0 * model.alphas_per_group_["signal"]


# What is predicted


@CASE
@pytest.mark.parametrize("store", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_predictions_are_those_of_the_coefficients(kind, store):
    model = fit(kind, store(X))
    outputs = X @ np.atleast_2d(model.coef_).T + model.intercept_
    if kind == "number":
        np.testing.assert_allclose(model.predict(store(X)), outputs[:, 0])
    elif kind == "count":
        np.testing.assert_allclose(model.predict(store(X)), np.exp(outputs[:, 0]))
    else:
        scores = np.column_stack([0 * outputs, outputs]) if kind == "two" else outputs
        share = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(model.predict_proba(store(X)), share, rtol=1e-9, atol=1e-15)
        np.testing.assert_allclose(model.predict_log_proba(store(X)), np.log(share), rtol=1e-9)
        np.testing.assert_array_equal(
            model.predict(store(X)), model.classes_[scores.argmax(axis=1)]
        )


@pytest.mark.parametrize("kind", ["number", "two", "count"])
def test_an_offset_is_a_column_whose_coefficient_is_one(kind):
    offset = np.sin(np.arange(N))
    model = fit(kind, offset=offset, alpha=1.0)
    moved = model.predict_proba if kind == "two" else model.predict
    outputs = X @ np.atleast_2d(model.coef_)[0] + np.ravel(model.intercept_)[0] + offset
    link = {"number": lambda z: z, "count": np.exp, "two": lambda z: 1.0 / (1.0 + np.exp(-z))}[kind]
    found = moved(X, offset=offset)
    np.testing.assert_allclose(found[:, 1] if kind == "two" else found, link(outputs))


def test_exposure_multiplies_the_expected_count():
    exposure = np.random.default_rng(1).uniform(0.5, 4.0, N)
    model = fit("count", exposure=exposure)
    np.testing.assert_allclose(model.predict(X, exposure=exposure), exposure * model.predict(X))
    logged = fit("count", offset=np.log(exposure))
    np.testing.assert_allclose(logged.coef_, model.coef_, rtol=1e-9)
    # Both together multiply and add.
    both = fit("count", exposure=np.sqrt(exposure), offset=np.log(exposure) / 2.0)
    np.testing.assert_allclose(both.coef_, model.coef_, rtol=1e-9)


def test_scores_of_all_classes_sum_to_zero():
    model = fit("three")
    np.testing.assert_allclose(model.coef_.sum(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(model.intercept_.sum(), 0.0, atol=1e-12)


def test_the_order_of_classes_does_not_matter():
    model = fit("three")
    other = LogisticClassifier().fit(
        X, np.array(["c", "a", "b"])[np.searchsorted("a b c".split(), Y["three"])]
    )
    np.testing.assert_allclose(other.coef_[[2, 0, 1]], model.coef_, rtol=1e-3, atol=1e-6)


# Standardising


@CASE
def test_units_of_columns_change_coefficients_by_their_ratio(kind):
    units = np.array([1e3, 1e-6, 1.0, 7.0])
    model, other = fit(kind), fit(kind, X * units)
    np.testing.assert_allclose(other.coef_ * units, model.coef_, rtol=1e-8)
    np.testing.assert_allclose(other.alpha_, model.alpha_, rtol=1e-8)


@CASE
def test_the_origin_of_columns_moves_the_intercept_alone(kind):
    model, other = fit(kind), fit(kind, X + [1e3, -1e3, 0.0, 1.0])
    np.testing.assert_allclose(other.coef_, model.coef_, rtol=1e-7)
    assert not np.allclose(other.intercept_, model.intercept_)


@CASE
def test_sparse_and_dense_storage_give_the_same_fit_at_the_same_penalty(kind):
    rows = X * (np.abs(X) > 0.5 * X.std(axis=0))
    dense, stored = fit(kind, rows, alpha=1.0), fit(kind, sparse.csr_array(rows), alpha=1.0)
    np.testing.assert_allclose(stored.coef_, dense.coef_, rtol=1e-6)
    np.testing.assert_allclose(stored.intercept_, dense.intercept_, rtol=1e-6)


# Solvers and criteria


@CASE
@pytest.mark.parametrize("solver", [Newton(1e-10), LBFGS(1e-10)], ids=["newton", "lbfgs"])
def test_every_solver_finds_the_same_minimum(kind, solver):
    model, other = fit(kind, alpha=1.0, tol=1e-10), fit(kind, alpha=1.0, solver=solver)
    np.testing.assert_allclose(other.coef_, model.coef_, rtol=1e-6, atol=1e-9)


@CASE
@pytest.mark.parametrize("criterion", [LeaveOneOut(), KFold(8), HoldOut(0.3)], ids=repr)
def test_every_criterion_finds_a_penalty_of_the_same_order(kind, criterion):
    model = fit(kind, criterion=criterion)
    assert model.tuning_.criterion_name == criterion.name
    # The criterion is flat over decades: what is compared is what the fit predicts.
    reference = fit(kind)
    apart = np.atleast_2d(model.coef_ - reference.coef_) * X.std(axis=0)
    size = np.abs(np.atleast_2d(reference.coef_) * X.std(axis=0)).max()
    assert np.abs(apart).max() < 0.5 * size


# Summaries


@CASE
def test_a_summary_names_every_coefficient(kind):
    frame = pd.DataFrame(X, columns=["age", "größe", "<b>", "x 4"])
    model = fit(kind, frame, groups=["a", None, "a", "b"])
    summary = model.summary()
    names = [*frame.columns, "(intercept)"]
    expected = [f"{c}: {name}" for c in "abc" for name in names] if kind == "three" else names
    assert summary.names == expected
    assert summary.group[:5] == ["a", "", "a", "b", ""]
    coef = np.column_stack([np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_)])
    np.testing.assert_array_equal(summary.coef, coef.ravel())
    assert (summary.standard_error > 0.0).all()
    printed = str(summary)
    assert "größe" in printed
    assert "tuned by" in printed
    assert f"{N:,} rows" in printed


def test_a_summary_says_what_was_not_tuned():
    assert "penalties given, not tuned" in str(fit("number", alpha=1.0).summary())


def test_more_penalty_means_less_uncertainty_about_the_posterior():
    errors = [fit("number", alpha=alpha).summary().standard_error[0] for alpha in (0.0, 10.0, 1e3)]
    assert errors[0] > errors[1] > errors[2]


# Reproducible


@CASE
@pytest.mark.parametrize("groups", [None, "columns"])
def test_the_same_rows_give_the_same_bits(kind, groups):
    one, other = (fit(kind, groups=groups, criterion=KFold(3, 1)) for _ in range(2))
    np.testing.assert_array_equal(one.coef_, other.coef_)
    np.testing.assert_array_equal(one.alpha_, other.alpha_)
    assert repr(one.tuning_) == repr(other.tuning_)


@CASE
def test_the_global_seed_has_no_part(kind):
    np.random.seed(0)  # noqa: NPY002
    one = fit(kind, groups="columns")
    np.random.seed(1)  # noqa: NPY002
    np.testing.assert_array_equal(fit(kind, groups="columns").coef_, one.coef_)


@pytest.mark.parametrize("name", REAL)
@pytest.mark.filterwarnings("ignore:.*one value only")  # three pixels of digits
def test_the_number_of_threads_changes_rounding_alone(name):
    threadpoolctl = pytest.importorskip("threadpoolctl")
    model_class, load = REAL[name]
    rows, y = load(return_X_y=True)
    fits = []
    for threads in (1, 2, 2):
        with threadpoolctl.threadpool_limits(threads):
            fits.append(model_class(alpha=1.0).fit(rows[:900], y[:900]))
    one, two, again = (model.coef_ for model in fits)
    np.testing.assert_array_equal(two, again)
    # BLAS adds in another order on two threads once arrays are large (digits: 4e-15 apart).
    np.testing.assert_allclose(one, two, rtol=0, atol=1e-10 * np.abs(one).max())


@CASE
def test_the_order_of_rows_changes_rounding_alone(kind):
    order = np.random.default_rng(5).permutation(N)
    model = fit(kind, criterion=LeaveOneOut())
    other = CASES[kind](criterion=LeaveOneOut()).fit(X[order], Y[kind][order])
    np.testing.assert_allclose(other.coef_, model.coef_, rtol=1e-6, atol=1e-9)
