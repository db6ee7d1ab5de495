import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest
from sklearn.base import TransformerMixin
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures, StandardScaler

from derivata.adapters import adapt
from derivata.adapters.adapt import ADAPTERS
from derivata.criteria.leave_one_out import leave_one_out_outputs
from derivata.curvature.inverse import invert

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 3))
Y = X @ [1.0, -1.0, 0.5] + RNG.standard_normal(40)


def test_a_fitted_model_is_handed_through():
    found = adapt(Ridge().fit(X, Y), X, Y)
    assert adapt(found, None, None) is found


def test_a_subclass_of_the_users_is_what_its_parent_is():
    class Mine(TransformerMixin, Ridge):
        def transform(self, X):
            return X

    assert adapt(Mine().fit(X, Y), X, Y).name == "Mine(alpha=1)"


def test_every_name_in_the_table_is_a_class_of_its_library():
    places = [
        "sklearn.linear_model",
        "sklearn.neural_network",
        "sklearn.pipeline",
        "sklearn.model_selection",
        "sklearn.experimental.enable_halving_search_cv",
    ]
    import_module(places.pop())
    theirs = [import_module(place) for place in places]
    ours = import_module("derivata")
    for library, name in ADAPTERS:
        homes = theirs if library == "sklearn" else [ours]
        assert any(hasattr(home, name) for home in homes), name


def test_importing_the_door_loads_no_library_behind_it():
    script = "import sys, derivata.adapters; print([m for m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "'sklearn'" not in run.stdout and "'jax'" not in run.stdout


def test_rows_of_weight_zero_are_left_out_and_the_others_keep_their_numbers():
    weight = np.where(np.arange(40) % 4 == 0, 0.0, 1.0)
    found = adapt(Ridge().fit(X, Y, weight), X, Y, weight)
    assert found.kept.tolist() == np.flatnonzero(weight).tolist()
    assert found.objective.predictor.n_rows == 30
    assert found.distance < 1e-6


def test_leave_one_out_of_an_adapted_ridge_is_that_of_refits():
    found = adapt(Ridge(alpha=2.0).fit(X, Y), X, Y)
    expansion = found.at_minimum
    without = found.response.mean(leave_one_out_outputs(expansion, invert(expansion)))
    for row in (0, 17, 39):
        left = np.arange(40) != row
        refit = Ridge(alpha=2.0).fit(X[left], Y[left])
        assert without[row] == pytest.approx(refit.predict(X[[row]])[0], rel=1e-12)


def test_a_pipeline_names_coefficients_as_its_transformers_do():
    model = make_pipeline(PolynomialFeatures(2, include_bias=False), StandardScaler(), Ridge())
    found = adapt(model.fit(X, Y), X, Y)
    assert found.columns == ("x0", "x1", "x2")
    assert found.coefficients.names[3:5] == ("x0^2", "x0 x1")
    assert found.shape.columns == found.coefficients.names[:-1]
    assert "PolynomialFeatures, StandardScaler" in found.notes[0]
    assert found.name == "Pipeline(PolynomialFeatures, StandardScaler, Ridge(alpha=1))"
    linear = found.shape.inputs(X) @ found.shape.weight.T + found.shape.intercept
    np.testing.assert_allclose(linear[:, 0], model.predict(X), rtol=1e-10)


def test_transformers_without_names_leave_numbers():
    model = make_pipeline(FunctionTransformer(lambda rows: rows[:, :2]), Ridge()).fit(X, Y)
    assert adapt(model, X, Y).coefficients.names == ("x0", "x1", "(intercept)")


def test_steps_that_pass_through_are_no_steps():
    model = make_pipeline("passthrough", Ridge()).fit(X, Y)
    found = adapt(model, X, Y)
    assert found.name == "Ridge(alpha=1)" and found.notes == ()


def test_columns_of_a_frame_and_their_classes_are_named():
    import pandas as pd

    frame = pd.DataFrame(X, columns=["age", "bmi", "dose"])
    labels = np.digitize(Y, [-0.5, 0.5])
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(frame, labels)
    found = adapt(model, frame, labels)
    assert found.coefficients.names[:5] == (
        "0: age",
        "0: bmi",
        "0: dose",
        "0: (intercept)",
        "1: age",
    )
    assert found.columns == ("age", "bmi", "dose")
    assert found.response.classes.tolist() == [0, 1, 2]


def test_a_search_is_its_best_model_and_says_that_it_chose():
    search = GridSearchCV(make_pipeline(StandardScaler(), Ridge()), {"ridge__alpha": [0.1, 5.0]})
    found = adapt(search.fit(X, Y), X, Y)
    assert found.is_tuned
    assert "GridSearchCV chose its settings from these rows" in found.notes[-1]


def test_text_that_a_pipeline_turns_into_counts_is_taken():
    texts = ["good film", "bad film", "good plot", "bad plot", "good", "bad"] * 4
    labels = np.array([1, 0, 1, 0, 1, 0] * 4)
    model = make_pipeline(CountVectorizer(), LogisticRegression(tol=1e-8)).fit(texts, labels)
    found = adapt(model, texts, labels)
    assert found.coefficients.names == ("bad", "film", "good", "plot", "(intercept)")
    assert found.distance < 1e-2
