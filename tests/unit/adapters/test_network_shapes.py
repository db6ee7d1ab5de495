"""Shapes of derivata's networks, whose weights here are random: nothing is trained."""

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from derivata.errors import InvalidData, TableError
from derivata.estimators.additive_rows import feature_table
from derivata.estimators.neural import MLPClassifier, MLPRegressor
from derivata.estimators.neural_inputs import InputEncoder
from derivata.estimators.neural_model import NetworkModel
from derivata.evaluation.attribute import attribute
from derivata.neural.activations import GELU, Mish, ReLU, SiLU, Tanh
from derivata.neural.losses import ManyClasses, SquaredError, TwoClasses
from derivata.neural.network import Network

N_ROWS = 60


def cells():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(N_ROWS, 2)), columns=["a", "b"])
    frame.loc[::7, "b"] = np.nan
    frame["few"] = rng.choice(["x", "y", "z"], N_ROWS)
    frame["many"] = [f"level {k % 15}" for k in range(N_ROWS)]
    return frame


def random_model(loss, activation, n_members=2, scaled=False, hidden=(10, 8)):
    """An estimator as a fit would leave it."""
    model = MLPRegressor() if isinstance(loss, SquaredError) else MLPClassifier()
    encoder = InputEncoder.fit(feature_table(model, cells(), reset=True))
    network = Network(
        encoder.n_numbers,
        loss.n_outputs,
        hidden,
        encoder.levels,
        encoder.widths,
        activation,
        scaled,
    )
    members = []
    for seed in range(n_members):
        rng = np.random.default_rng(seed)
        member = network.init(rng, rng.normal(size=loss.n_outputs).astype(np.float32))
        member["layers"][-1]["weight"] *= np.float32(10.0)
        if scaled:
            member["scale"] = rng.uniform(0.5, 2.0, network.n_inputs).astype(np.float32)
        members.append(member)
    model.model_ = NetworkModel(encoder, network, loss, tuple(members), 5.0, 3.0)
    if isinstance(loss, SquaredError):
        return model
    model.model_ = NetworkModel(encoder, network, loss, tuple(members))
    model.classes_ = np.array(["p", "q", "r"])[: 2 if isinstance(loss, TwoClasses) else 3]
    return model


@pytest.mark.parametrize("activation", [ReLU(), Tanh(), SiLU(), GELU(), Mish()], ids=repr)
@pytest.mark.parametrize("n_members", [1, 3])
@pytest.mark.parametrize("scaled", [False, True])
def test_numbers_are_explained_as_they_are_predicted(activation, n_members, scaled):
    model, frame = random_model(SquaredError(), activation, n_members, scaled), cells()
    found = attribute(model, frame[:8])
    np.testing.assert_allclose(found.output, model.predict(frame[:8]), rtol=1e-12)
    assert found.names == ("a", "b", "few", "many")
    limit = 1e-12 if isinstance(activation, ReLU) else 1e-5
    assert found.completeness_error.max() < limit


@pytest.mark.parametrize("loss", [TwoClasses(), ManyClasses(3)], ids=repr)
@pytest.mark.parametrize("activation", [ReLU(), SiLU()], ids=repr)
@pytest.mark.parametrize("n_members", [1, 3])
def test_classes_are_explained_as_they_are_predicted(loss, activation, n_members):
    model, frame = random_model(loss, activation, n_members), cells()
    outputs = attribute(model, frame[:6])
    shares = attribute(model, frame[:6], on="response")
    np.testing.assert_allclose(outputs.output, model.decision_function(frame[:6]), atol=1e-12)
    probability = model.predict_proba(frame[:6])
    expected = probability[:, 1] if isinstance(loss, TwoClasses) else probability
    np.testing.assert_allclose(shares.output, expected, atol=1e-14)
    for found in (outputs, shares):
        assert found.completeness_error.max() < 1e-5


def test_a_column_that_does_not_move_adds_nothing():
    model, frame = random_model(SquaredError(), ReLU()), cells()
    for name in frame.columns:
        moved = frame.iloc[[3]].copy()
        moved[name] = frame[name][5]
        found = attribute(model, moved, baseline=frame.iloc[3])
        others = [j for j, other in enumerate(found.names) if other != name]
        np.testing.assert_allclose(found.values[0, others], 0.0, atol=1e-12)
        change = model.predict(moved) - model.predict(frame.iloc[[3]])
        np.testing.assert_allclose(found.values[0].sum(), change[0], atol=1e-12)


def test_the_middle_of_numbers_and_no_level_is_the_baseline():
    model = random_model(SquaredError(), ReLU())
    frame = cells()[:1]
    middle = {column.column: getattr(column, "middle", "never seen") for column in
              model.model_.encoder.columns}  # fmt: skip
    found = attribute(model, frame)
    with pytest.warns(match="never seen at fit"):
        expected = model.predict(frame.assign(**middle))
    # An unseen level is no level; the gap of `b` is another number.
    np.testing.assert_allclose(found.baseline_output, expected, rtol=1e-12)
    assert "every number in its middle" in found.notes[0]


def test_a_background_is_the_mean_of_what_the_network_reads():
    model, frame = random_model(SquaredError(), ReLU()), cells()
    found = attribute(model, frame[:2], background=frame)
    assert found.completeness_error.max() < 1e-12
    assert not np.allclose(found.values, attribute(model, frame[:2]).values)


def test_a_network_without_hidden_layers_is_linear():
    model = random_model(SquaredError(), ReLU(), hidden=())
    found = attribute(model, cells()[:5])
    assert found.completeness_error.max() < 1e-12 and (found.n_evaluations == 2).all()


def test_other_columns_are_refused():
    model, frame = random_model(SquaredError(), ReLU()), cells()
    for rows in (frame[["b", "a", "few", "many"]], frame[["a", "b", "few"]]):
        with pytest.raises((InvalidData, TableError)):
            attribute(model, rows)


def test_a_network_at_the_end_of_a_pipeline_keeps_the_names():
    frame = cells()
    model = random_model(SquaredError(), ReLU())
    pipeline = make_pipeline(FunctionTransformer(feature_names_out="one-to-one"), model)
    pipeline[0].fit(frame)
    found = attribute(pipeline, frame[:3])
    assert found.names == ("a", "b", "few", "many")
    np.testing.assert_allclose(found.values, attribute(model, frame[:3]).values)
