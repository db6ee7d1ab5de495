"""Rows, groups and labels that cannot be judged: each ends in words that name the cure."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPRegressor

from derivata.errors import (
    InvalidData,
    InvalidParameter,
    InvalidTarget,
    NotAvailable,
    NotConverged,
    ShapeMismatch,
)
from derivata.evaluation.influence import influence
from derivata.evaluation.label_errors import label_errors

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 3))
Y = X @ [1.0, 0.0, -1.0] + RNG.standard_normal(40)
LABELS = np.where(Y > 0, "yes", "no")
TABLE = pd.DataFrame(X, columns=["a", "b", "c"])
RIDGE = Ridge(1.0).fit(X, Y)
FRAMED = LogisticRegression().fit(TABLE, LABELS)


@pytest.mark.parametrize("rows", [[], [40], [-1], [1.5], [2, 2], [True, False], [[1, 2]], ["a"]])
def test_rows_that_are_no_rows_are_refused(rows):
    with pytest.raises(InvalidParameter, match="`rows`"):
        influence(RIDGE, X, Y, rows=rows)


def test_a_row_of_no_weight_has_no_influence_to_ask_for():
    weight = np.ones(40)
    weight[3] = 0.0
    model = Ridge(1.0).fit(X, Y, sample_weight=weight)
    with pytest.raises(InvalidParameter, match="whose weight is not zero"):
        influence(model, X, Y, rows=[3], sample_weight=weight)


@pytest.mark.parametrize(
    ("groups", "told"),
    [
        ({}, "empty"),
        ({"a": []}, "groups\\['a'\\].* is empty"),
        ({"a": [99]}, "groups\\['a'\\]"),
        ({"a": [1, 1]}, "twice"),
        ({"a": np.arange(40)}, "every row"),
        (np.zeros(40), "every row"),
        ("nowhere", "no column of `X`"),
    ],
)
def test_groups_that_are_none_are_refused(groups, told):
    with pytest.raises(InvalidParameter, match=told):
        influence(RIDGE, X, Y, groups=groups)


def test_labels_of_groups_must_be_one_a_row():
    with pytest.raises(ShapeMismatch, match="one label for each of the 40 rows"):
        influence(RIDGE, X, Y, groups=np.arange(39))


def test_settings_that_contradict_each_other_are_refused():
    with pytest.raises(InvalidParameter, match="both given"):
        influence(RIDGE, X, Y, rows=[1], groups={"a": [2]})
    with pytest.raises(InvalidParameter, match="'loss', 'prediction', 'coef'"):
        influence(RIDGE, X, Y, on="params")
    with pytest.raises(InvalidParameter, match="`judged` has no part"):
        influence(RIDGE, X, Y, on="coef", judged=(X, Y))
    with pytest.raises(InvalidParameter, match="expected a pair"):
        influence(RIDGE, X, Y, judged=X)
    with pytest.raises(InvalidParameter, match="`budget`"):
        influence(RIDGE, X, Y, budget=-0.5)


def test_judged_rows_with_other_columns_or_classes_are_refused():
    with pytest.raises(InvalidData):
        influence(RIDGE, X, Y, judged=(X[:, :2], Y))
    with pytest.raises(InvalidData):
        influence(FRAMED, TABLE, LABELS, judged=(TABLE[["b", "a", "c"]], LABELS))
    with pytest.raises(InvalidTarget, match="not fitted to"):
        influence(FRAMED, TABLE, LABELS, judged=(TABLE, np.where(Y > 1, "perhaps", "no")))
    with pytest.raises(InvalidTarget, match="not fitted to"):
        label_errors(FRAMED, TABLE, np.where(Y > 1, "perhaps", "no"))


def test_models_that_are_no_classifiers_have_no_labels():
    with pytest.raises(NotAvailable, match="influence"):
        label_errors(RIDGE, X, Y)


def test_networks_have_no_named_coefficients():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = MLPRegressor(
            hidden_layer_sizes=(2,), alpha=5.0, solver="lbfgs", max_iter=5000, tol=1e-12
        ).fit(X, Y)
    with pytest.raises(NotAvailable, match="on='prediction'"):
        influence(model, X, Y, on="coef")


def test_a_fit_that_stopped_early_is_refused():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(max_iter=1, C=100.0).fit(X, LABELS)
    for ask in (influence, label_errors):
        with pytest.raises(NotConverged):
            ask(model, X, LABELS)
