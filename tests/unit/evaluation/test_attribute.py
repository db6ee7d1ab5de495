"""Attribution as users meet it: baselines, scales, targets, what is printed, what is refused."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from derivata import AdditiveClassifier, AdditiveRegressor
from derivata.errors import AttributionWarning, InvalidData, InvalidParameter, NotAvailable
from derivata.evaluation.attribute import attribute
from derivata.evaluation.contribution_lines import decimals_of, fixed, signed_bar
from derivata.integrals.gauss_legendre import GaussLegendre
from derivata.integrals.links import Identity
from derivata.integrals.shapes import SmoothOutputs
from tests.unit.integrals.networks import random_shape

DIABETES = load_diabetes(as_frame=True)
X, Y = DIABETES.data, DIABETES.target
IRIS, SPECIES = load_iris(return_X_y=True, as_frame=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[SPECIES]


@pytest.fixture(scope="module")
def ridge():
    return Ridge(0.1).fit(X, Y)


@pytest.fixture(scope="module")
def network():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = MLPClassifier((12, 12), activation="tanh", max_iter=80, random_state=0)
        return make_pipeline(StandardScaler(), model).fit(IRIS, NAMES)


def test_contributions_and_the_baseline_add_up_to_the_prediction(ridge):
    found = attribute(ridge, X[:20], background=X)
    np.testing.assert_allclose(found.baseline_output, Y.mean(), rtol=1e-12)
    total = found.baseline_output + found.values.sum(axis=1)
    np.testing.assert_allclose(total, ridge.predict(X[:20]), rtol=1e-13)
    assert found.values.shape == (20, 10) and found.names == tuple(X.columns)


def test_the_mean_of_a_background_is_the_baseline_of_a_linear_model(ridge):
    found = attribute(ridge, X[:5], background=X)
    for baseline in (X.mean(), X.mean().to_frame().T, X):
        same = attribute(ridge, X[:5], baseline=baseline)
        np.testing.assert_allclose(same.values, found.values, atol=1e-10)


def test_one_row_may_be_given_as_one_line(ridge):
    whole = attribute(ridge, X[3:4], background=X).values
    np.testing.assert_allclose(attribute(ridge, X.iloc[3], background=X).values, whole)
    plain = Ridge(0.1).fit(X.to_numpy(), Y)
    for row in (X.to_numpy()[3], list(X.to_numpy()[3])):
        np.testing.assert_allclose(attribute(plain, row, background=X.to_numpy()).values, whole)


def test_several_baselines_are_averaged(network):
    some = IRIS[::40]
    found = attribute(network, IRIS[:3], baseline=some, on="response")
    each = [
        attribute(network, IRIS[:3], baseline=some[j : j + 1], on="response")
        for j in range(len(some))
    ]
    np.testing.assert_allclose(found.values, np.mean([one.values for one in each], axis=0))
    np.testing.assert_array_equal(found.n_evaluations, sum(one.n_evaluations for one in each))
    assert found.completeness_error.max() < 1e-5 and "4 baselines" in found.method


def test_additive_models_know_their_mean_and_need_no_baseline():
    model = AdditiveRegressor(alpha=1.0, interactions=0).fit(X, Y)
    own, given = attribute(model, X[:4]), attribute(model, X[:4], background=X)
    np.testing.assert_allclose(own.values, given.values, atol=1e-9)
    effects = model.model_.effects(model._outputs(X[:4])[0])[:, :, 0]
    np.testing.assert_allclose(own.values, effects.T, rtol=1e-12)
    beside = attribute(model, X[:4], baseline=X[7:8])
    np.testing.assert_allclose(beside.values, (effects - model_effect(model, 7)).T, atol=1e-9)


def model_effect(model, row):
    return model.model_.effects(model._outputs(X[row : row + 1])[0])[:, :, 0]


def test_several_baselines_of_an_additive_probability_are_averaged_too():
    model = AdditiveClassifier(alpha=1.0, interactions=0).fit(IRIS, NAMES)
    found = attribute(model, IRIS[:2], baseline=IRIS[::60], on="response")
    each = [
        attribute(model, IRIS[:2], baseline=IRIS[j : j + 1], on="response") for j in (0, 60, 120)
    ]
    np.testing.assert_allclose(found.values, np.mean([one.values for one in each], axis=0))
    assert found.completeness_error.max() < 1e-12


def test_a_target_picks_a_class(network):
    every = attribute(network, IRIS[:3])
    assert every.values.shape == (3, 4, 3) and every.output_names == tuple(np.unique(NAMES))
    np.testing.assert_allclose(every.values.sum(axis=2), 0.0, atol=1e-6)  # scores are centred
    one = attribute(network, IRIS[:3], target="virginica")
    np.testing.assert_array_equal(one.values, every.values[:, :, 2])
    np.testing.assert_array_equal(one.values, every.of("virginica").values)
    assert one.scale == "score of virginica"


def test_of_two_classes_the_first_is_the_opposite_of_the_second():
    rows, labels = IRIS[50:], NAMES[50:]
    model = LogisticRegression().fit(rows, labels)
    for on, whole in (("outputs", 0.0), ("response", 1.0)):
        second = attribute(model, rows[:3], background=rows, on=on)
        first = attribute(model, rows[:3], background=rows, on=on, target="versicolor")
        np.testing.assert_array_equal(first.values, -second.values)
        np.testing.assert_allclose(first.output, whole - second.output)
        assert first.completeness_error.max() < 1e-14
    assert (second.scale, first.scale) == ("probability of virginica", "probability of versicolor")


def test_a_log_link_is_explained_on_both_scales():
    model = PoissonRegressor().fit(X, Y)
    logs = attribute(model, X[:3], background=X)
    means = attribute(model, X[:3], background=X, on="response")
    np.testing.assert_allclose(np.exp(logs.output), means.output)
    ratio = means.values / logs.values
    np.testing.assert_allclose(ratio, ratio[:, :1] + 0.0 * ratio, rtol=1e-10)
    assert means.scale == "expected value" and logs.scale == "log of the expected value"


def test_any_smooth_function_is_explained_by_its_gradient():
    shape = SmoothOutputs(
        ("a", "b"),
        lambda x: np.sin(x[:, :1]) * x[:, 1:],
        lambda x: np.stack([np.cos(x[:, 0]) * x[:, 1], np.sin(x[:, 0])], axis=1)[:, None],
        np.asarray,
    )
    found = attribute(shape, [1.0, 2.0], baseline=[0.0, 0.0])
    assert found.completeness_error.max() < 1e-6
    # int_0^1 cos(t) 2 t dt and 2 int_0^1 sin(t) dt
    expected = [2.0 * (np.sin(1.0) + np.cos(1.0) - 1.0), 2.0 * (1.0 - np.cos(1.0))]
    np.testing.assert_allclose(found.values[0], expected, rtol=1e-12)


def test_contributions_that_do_not_add_up_are_warned_of():
    shape = random_shape("selu", Identity(), (6, 40, 1))
    rows = np.random.default_rng(0).normal(size=(5, 6))
    with pytest.warns(AttributionWarning, match=r"of 5 rows do not add up.*max_evaluations"):
        found = attribute(shape, rows, baseline=np.zeros(6), rule=GaussLegendre(max_evaluations=4))
    assert found.completeness_error.max() > 1e-4 and (found.n_evaluations == 4).all()


def test_a_network_of_relu_is_exact_on_real_rows():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = MLPRegressor(hidden_layer_sizes=(30, 30), max_iter=40, random_state=0)
        model.fit(X, (Y - Y.mean()) / Y.std())
    found = attribute(model, X[:50], background=X)
    assert found.completeness_error.max() < 1e-13 and found.method == "exact between the kinks"


def test_a_row_is_printed_with_its_largest_contribution_first(ridge):
    told = str(attribute(ridge, X[3:4], background=X)).splitlines()
    assert told[0] == "prediction; exact: outputs are sums"
    names = [line.split()[0] for line in told[2:15]]
    assert names[0] == "baseline" and names[-2:] == ["sum", "output"]
    assert sorted(names[1:-2]) == sorted(X.columns)
    sizes = [abs(float(line.split()[1])) for line in told[3:13]]
    assert sizes == sorted(sizes, reverse=True)
    assert "completeness error" in told[-1]


def test_many_rows_and_many_classes_are_summarised(ridge, network):
    told = str(attribute(ridge, X[:30], background=X))
    assert "30 rows" in told and "mean size" in told
    told = str(attribute(network, IRIS[:30]))
    assert "each of 3 outputs" in told and "setosa" in told and "a score is" in told
    told = str(attribute(network, IRIS[:1]))
    assert "baseline" in told and "output" in told


def test_many_columns_are_printed_in_a_bounded_table():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(60, 300))
    model = Ridge().fit(rows, rows[:, 0])
    one, many = (str(attribute(model, rows[:m], background=rows)) for m in (1, 9))
    assert len(one.splitlines()) < 40 and "276 others" in one
    assert len(many.splitlines()) < 40 and "276 smaller ones" in many


def test_numbers_line_up_and_bars_go_both_ways():
    assert decimals_of([0.0123, -4.0]) == 3 and decimals_of([]) == 3
    assert decimals_of([1e15]) == -1 and decimals_of([1e-15]) == -1
    assert fixed(1e15, -1, signed=True) == "+1.000e+15"
    assert signed_bar(-1.0, 1.0, width=2) == "██│" and signed_bar(0.01, 1.0, width=2) == "  │▏"
    assert signed_bar(0.0, 1.0, width=2) == "  │" and signed_bar(0.0, 0.0, width=2) == "  │"
    assert signed_bar(-0.01, 1.0, width=2, plain=True) == " -|"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({}, "background=X_train"),
        ({"background": X, "baseline": X}, "both given"),
        ({"background": X, "on": "loss"}, "'outputs' or 'response'"),
        ({"background": X, "target": 1}, "does not classify"),
        ({"background": X[:0]}, "minimum of 1 is required"),
    ],
)
def test_arguments_that_cannot_be_are_refused(more, says, ridge):
    with pytest.raises((InvalidParameter, InvalidData), match=says):
        attribute(ridge, X[:1], **more)


def test_an_unknown_class_is_refused_with_those_there_are(network):
    with pytest.raises(InvalidParameter, match="setosa, versicolor, virginica"):
        attribute(network, IRIS[:1], target="rose")
    with pytest.raises(InvalidParameter, match="there is no output 'rose'"):
        attribute(network, IRIS[:1]).of("rose")


def test_a_response_that_is_none_is_refused():
    from sklearn.svm import LinearSVC

    model = LinearSVC().fit(IRIS, NAMES)
    with pytest.raises(NotAvailable, match="no probabilities"):
        attribute(model, IRIS[:1], background=IRIS, on="response")


@pytest.mark.parametrize(
    "rows",
    [
        X[X.columns[::-1]][:2],
        X.iloc[:2, :5],
        X[:2].rename(columns={"bmi": "b"}),
        X[:2].to_numpy()[0, :3],
    ],
    ids=["reordered", "fewer", "renamed", "short"],
)
def test_rows_of_other_columns_are_refused(rows, ridge):
    with pytest.raises(InvalidData), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an array after a frame is scikit-learn's to warn of
        attribute(ridge, rows, background=X)
    piped = make_pipeline(StandardScaler(), Ridge()).fit(X, Y)
    with pytest.raises(InvalidData, match="cannot transform"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        attribute(piped, rows)


def test_a_cell_that_is_no_number_is_named(ridge):
    rows = X[:3].copy()
    rows.iloc[1, 2] = np.nan
    with pytest.raises(InvalidData, match="row 1, column 'bmi'"):
        attribute(ridge, rows, background=X)


def test_words_reach_models_that_take_them():
    cells = pd.DataFrame({"town": ["Bath", "Rye"] * 30, "size": np.arange(60.0)})
    noise = np.random.default_rng(0).normal(size=60)
    y = cells["size"] + 10.0 * (cells["town"] == "Rye") + noise
    model = AdditiveRegressor(interactions=0).fit(cells, y)
    found = attribute(model, cells.iloc[1])
    assert found.names[found.order()[0]] == "size" and set(found.names) == {"town", "size"}
    assert found.completeness_error.max() < 1e-12
