"""Real tables raise no false alarm: every warning of a fit is listed here, and is true."""

import warnings

import numpy as np
import pytest
from scipy import sparse

from derivata import LinearRegressor, LogisticClassifier, PoissonRegressor
from tests.reference.real_tables import real_table

CLASSES = (
    "breast_cancer",
    "wine",
    "iris",
    "spambase",
    "ionosphere",
    "german_credit",
    "adult",
)
NUMBERS = ("diabetes", "concrete", "california_housing", "abalone", "kin8nm")
COUNTS = ("bike_hourly", "fremtpl2")
MODELS = {
    **dict.fromkeys(CLASSES, LogisticClassifier),
    **dict.fromkeys(NUMBERS, LinearRegressor),
    **dict.fromkeys(COUNTS, PoissonRegressor),
}

# The second column of ionosphere is zero in every row.
TUNED = {"ionosphere": ["D203 'x1'"]}

# Without a penalty, one-hot columns repeat each other (each set adds up to one), classes separate
# (breast cancer, wine and setosa are known for it; a level or a word that only one class has is
# enough), and the one district on an island in the sample has a column of its own.
UNPENALISED = {
    "breast_cancer": ["D201 'worst area'"],
    "wine": ["D201 'color_intensity'"],
    "iris": ["D201 'petal length (cm)'"],
    "spambase": ["D201 'word_857'"],
    "ionosphere": ["D203 'x1'", "D201 'x0'"],
    "german_credit": ["D202 repeat each other"],
    "adult": ["D202 repeat each other", "D201 separate the targets"],
    "california_housing": ["D202 'ocean_proximity_<1H OCEAN'", "D205 row 2514"],
    "abalone": ["D202 'sex_M'"],
    "fremtpl2": ["D202 'VehGas_Diesel'", "D201 'Region_R21'"],
}


def warnings_of(name, X=None, **settings):
    """Code and first culprit of each warning of a fit."""
    table = real_table(name)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = MODELS[name](**settings)
        model.fit(table.X if X is None else X(table.X), table.y, **table.fit_arguments)
    return [str(warning.message) for warning in caught], model


def assert_listed(found, listed):
    assert len(found) == len(listed), found
    for message, entry in zip(found, listed, strict=True):
        code, culprit = entry.split(" ", 1)
        assert message.startswith(f"[{code}]")
        assert culprit in message


@pytest.mark.parametrize("name", MODELS)
def test_a_tuned_fit_of_a_real_table_gives_only_true_warnings(name):
    found, model = warnings_of(name)
    assert_listed(found, TUNED.get(name, []))
    assert model.converged_


@pytest.mark.parametrize("name", MODELS)
def test_a_fit_at_a_given_penalty_gives_only_true_warnings(name):
    found, model = warnings_of(name, alpha=1.0)
    assert_listed(found, TUNED.get(name, []))
    assert model.converged_


@pytest.mark.parametrize("name", MODELS)
def test_a_fit_without_penalty_gives_only_true_warnings(name):
    found, model = warnings_of(name, alpha=0)
    assert_listed(found, UNPENALISED.get(name, []))
    assert model.converged_


@pytest.mark.parametrize("name", ["breast_cancer", "ionosphere", "german_credit", "fremtpl2"])
def test_sparse_storage_of_a_real_table_gives_the_same_warnings_and_fit(name):
    found, model = warnings_of(name, alpha=1.0)
    store = lambda X: sparse.csr_array(X.to_numpy(float))
    stored, sparse_model = warnings_of(name, X=store, alpha=1.0)
    assert len(stored) == len(found)  # but columns have no names
    np.testing.assert_allclose(sparse_model.coef_, model.coef_, rtol=1e-5, atol=1e-9)


def test_digits_have_three_constant_columns_and_nothing_else_to_say():
    table = real_table("digits")
    with pytest.warns(UserWarning) as caught:
        model = LogisticClassifier(alpha=1.0).fit(table.X, table.y)
    assert len(caught) == 1
    assert "'pixel_0_0', 'pixel_4_0', 'pixel_4_7' holds one value only" in str(caught[0].message)
    constant = [table.X.columns.get_loc(f"pixel_{end}") for end in ("0_0", "4_0", "4_7")]
    np.testing.assert_array_equal(model.coef_[:, constant], 0.0)


def test_a_hundred_times_more_columns_than_rows_are_tuned_and_predict():
    table = real_table("golub_leukemia")
    train = np.arange(len(table.y)) % 3 != 0
    with pytest.warns(UserWarning, match=r"^\[D204\] a single value rules column"):
        model = LogisticClassifier().fit(table.X[train], table.y[train])
    assert model.converged_
    assert model.score(table.X[~train], table.y[~train]) > 0.9
