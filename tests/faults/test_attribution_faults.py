"""What can go wrong when a prediction is explained: each fault is named, none is silently wrong."""

import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from derivata import AdditiveRegressor, TableModel
from derivata.adapters import adapt
from derivata.cli.main import run
from derivata.errors import DerivataError, InvalidData, InvalidParameter, ShapeMismatch, TableError
from derivata.evaluation.attribute import attribute
from derivata.integrals.links import Identity
from tests.unit.integrals.networks import random_shape

RNG = np.random.default_rng(0)
X = pd.DataFrame(RNG.normal(size=(80, 3)), columns=["a", "b", "c"])
Y = X["a"] - X["b"] + 0.1 * RNG.normal(size=80)


@pytest.mark.parametrize(
    "model", [GradientBoostingRegressor(n_estimators=2), KNeighborsClassifier()]
)
def test_models_without_a_way_to_integrate_are_refused_naming_those_that_have_one(model):
    model.fit(X, (Y > 0).astype(int))
    for one in (model, make_pipeline(StandardScaler(), model).fit(X, (Y > 0).astype(int))):
        with pytest.raises(InvalidParameter, match="Supported are derivata's Linear.*MLPRegressor"):
            attribute(one, X[:1], background=X)


@pytest.mark.parametrize(
    "model", [Ridge(), LogisticRegression(), MLPRegressor(), AdditiveRegressor()]
)
def test_models_that_are_not_fitted_are_refused(model):
    with pytest.raises(InvalidParameter, match="not fitted"):
        attribute(model, X[:1], background=X)


def test_things_that_are_no_models_are_refused():
    for thing in (None, "ridge", X, object(), Ridge):
        with pytest.raises(InvalidParameter, match="`model` is"):
            attribute(thing, X[:1], background=X)


def test_what_adapt_made_of_a_model_is_refused_for_the_model_itself():
    adapted = adapt(LogisticRegression().fit(X, Y > 0), X, Y > 0)
    with pytest.raises(InvalidParameter, match="hand in the model itself"):
        attribute(adapted, X[:1], background=X)


def test_a_model_of_other_columns_is_refused_whatever_it_is():
    others = X.rename(columns={"a": "z"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        models = [
            Ridge().fit(X, Y),
            MLPRegressor(hidden_layer_sizes=(4,), max_iter=3).fit(X, Y),
            make_pipeline(StandardScaler(), Ridge()).fit(X, Y),
            AdditiveRegressor(alpha=1.0, interactions=0).fit(X, Y),
        ]
    for model in models:
        for rows in (others, X[["c", "b", "a"]], X[["a", "b"]]):
            with pytest.raises((InvalidData, TableError)):
                attribute(model, rows[:2], background=X)
            with pytest.raises((InvalidData, TableError)):
                attribute(model, X[:2], baseline=rows[:1])


def test_a_table_model_takes_columns_by_name_and_names_the_one_that_is_not_there():
    model = TableModel.fit(X.assign(y=Y), "y", interactions=0)
    own = attribute(model, X[:3]).values
    np.testing.assert_array_equal(attribute(model, X[["c", "b", "a"]][:3]).values, own)
    with pytest.raises(TableError, match="has no column 'b'"):
        attribute(model, X[["a", "c"]][:3])


@pytest.mark.parametrize("cell", [np.nan, np.inf, 1e200])
def test_cells_that_are_no_finite_numbers_are_named(cell):
    rows = X[:2].copy()
    rows.loc[1, "b"] = cell
    with pytest.raises(InvalidData, match="row 1, column 'b'"):
        attribute(Ridge().fit(X, Y), rows, background=X)


def test_a_missing_row_is_no_row():
    for rows in (X[:0], X.to_numpy()[:0]):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pytest.raises(DerivataError):
                attribute(Ridge().fit(X, Y), rows, background=X)


def test_a_baseline_of_another_width_is_refused():
    shape = random_shape("relu", Identity())
    with pytest.raises(ShapeMismatch, match="`baseline` has 3 columns and `rows` has 6"):
        attribute(shape, np.zeros((2, 6)), baseline=np.zeros(3))


def test_a_row_at_its_baseline_has_no_contributions():
    for activation in ("relu", "tanh"):
        shape = random_shape(activation, Identity())
        found = attribute(shape, np.ones((2, 6)), baseline=np.ones(6))
        assert not found.values.any() and not found.completeness_error.any()


def test_inputs_far_away_are_still_complete():
    for activation in ("relu", "tanh"):
        shape = random_shape(activation, Identity(), (6, 10, 1))
        rows = 1e6 * np.random.default_rng(0).normal(size=(5, 6))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a step is no smooth function: it is warned of
            found = attribute(shape, rows, baseline=np.zeros(6))
        size = np.abs(found.values).sum(axis=1)
        assert activation == "tanh" or (found.completeness_error < 1e-12 * size).all()
        assert np.isfinite(found.values).all()


def test_a_kink_exactly_at_an_end_or_a_dead_unit_is_no_matter():
    weight = np.array([[1.0, -1.0, 0.0], [0.0, 1.0, 0.0]])
    layers = ((weight, np.array([0.0, 0.0, -1.0])), (np.ones((3, 1)), np.zeros(1)))
    shape = random_shape("relu", Identity())
    shape = type(shape)(("a", "b"), (layers,), "relu", np.asarray)
    rows = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [-1.0, 1.0], [1.0, 1.0]])
    for baseline in ([0.0, 0.0], [1.0, 1.0], [-1.0, -1.0]):
        found = attribute(shape, rows, baseline=baseline)
        assert found.completeness_error.max() < 1e-15


def test_an_output_that_nobody_reads_ends_with_141(tmp_path):
    X.assign(y=Y).to_csv(tmp_path / "t.csv", index=False)
    TableModel.fit(X.assign(y=Y), "y", interactions=0).save(tmp_path / "model.derivata")
    script = (
        f"{sys.executable} -m derivata.cli.main explain {tmp_path} {tmp_path / 't.csv'} "
        + "--row 1 " * 60
    )
    pipe = f"({script}; echo $? > {tmp_path / 'code'}) | true"
    done = subprocess.run(["bash", "-c", pipe], capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    assert int((tmp_path / "code").read_text()) in (0, 141)


def test_names_that_a_terminal_would_obey_are_printed_harmlessly(tmp_path, capsys):
    frame = X.rename(columns={"a": "a\u202e\x1b[31m"}).assign(y=Y)
    TableModel.fit(frame, "y", interactions=0).save(tmp_path / "model.derivata")
    frame.to_csv(tmp_path / "t.csv", index=False)
    assert run(["explain", str(tmp_path), str(tmp_path / "t.csv"), "--row", "1"]) == 0
    told = capsys.readouterr().out
    assert "\x1b" not in told and "\u202e" not in told and "\ufffd" in told
