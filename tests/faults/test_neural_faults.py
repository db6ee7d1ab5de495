"""Bad input to neural networks: named, survived, and nothing good is lost."""

import os
import signal
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from derivata.errors import (
    ConstantColumnWarning,
    DerivataError,
    InvalidData,
    InvalidParameter,
    InvalidTarget,
    InvalidWeight,
    ModelFileError,
    ShapeMismatch,
    StoppedWarning,
    TableError,
    TableWarning,
    UnseenCategoryWarning,
)
from derivata.estimators.neural import MLPClassifier, MLPRegressor
from derivata.files.model_file import read_state, write_state
from derivata.files.model_state import ModelState
from derivata.neural.activations import SiLU
from derivata.neural.ensemble import FoldEnsemble
from derivata.neural.method import OneNetwork
from derivata.neural.settings import Training
from derivata.persistence import load
from derivata.solvers.first_order import Adam, GradientDescent
from derivata.solvers.schedules import Constant

BRIEF = Training(solver=Adam(step=1e-2), n_epochs=30, batch_size=32)
REGRESSOR = {"hidden": (8,), "training": BRIEF, "method": OneNetwork()}


def regressor(**changes):
    return MLPRegressor(**(REGRESSOR | changes))


def classifier(**changes):
    return MLPClassifier(**(REGRESSOR | changes))


def data(n_rows=40, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_rows, 3))
    return X, X[:, 0] - 0.5 * X[:, 1] + 0.1 * rng.standard_normal(n_rows)


def classes(n_rows=40):
    X, y = data(n_rows)
    return X, np.where(y > 0, "yes", "no")


# Values


@pytest.mark.parametrize("value", [1e200, -1e308, 1e-310], ids=str)
def test_a_cell_of_any_size_leaves_the_rest_of_the_fit_alone(value):
    X, y = data()
    wild = X.copy()
    wild[7, 2] = value
    model = regressor().fit(wild, y)
    assert np.isfinite(model.predict(wild)).all()
    assert model.score(np.delete(wild, 7, 0), np.delete(y, 7)) > 0.1


def test_missing_cells_are_welcome_at_fit_and_at_predict():
    X, y = data()
    gappy = X.copy()
    gappy[[3, 9], [0, 1]] = np.nan
    model = regressor().fit(gappy, y)
    assert np.isfinite(model.predict(gappy)).all()
    assert np.isfinite(model.predict(np.full((2, 3), np.nan))).all()
    assert np.isfinite(regressor().fit(X, y).predict(gappy)).all()


def test_an_infinite_cell_is_named():
    X, y = data()
    X[7, 2] = np.inf
    with pytest.raises(InvalidData, match="infinity"):
        regressor().fit(X, y)
    with pytest.raises(InvalidData, match="row 7.*'c'.*infinite"):
        regressor().fit(pd.DataFrame(X, columns=["a", "b", "c"]), y)


def test_wide_integers_are_said_to_be_rounded():
    X, y = data()
    wide = pd.DataFrame(X, columns=["a", "b", "c"]).assign(c=2**62 + 2**20 * np.arange(40))
    with pytest.warns(TableWarning, match="'c'.*2\\^53"):
        model = regressor().fit(wide, y)
    with pytest.warns(TableWarning, match="2\\^53"):
        assert np.isfinite(model.predict(wide)).all()


@pytest.mark.parametrize("dtype", ["float16", "float32", "int8", "uint8", "bool"])
def test_narrow_types_are_read_as_numbers(dtype):
    X, y = data()
    narrow = X > 0 if dtype == "bool" else (10 * np.abs(X)).astype(dtype)
    assert np.isfinite(regressor().fit(narrow, y).predict(narrow)).all()


@pytest.mark.parametrize(
    "spoil, error, words",
    [
        (lambda X: X + 1j, InvalidData, "omplex"),
        (lambda X: np.ma.masked_greater(X, 1.0), InvalidData, "masked"),
        (lambda X: sparse.csr_array(X), InvalidData, "sparse"),
        (lambda X: X[:, :0], DerivataError, "0 feature|no columns"),
        (lambda X: X[:0], DerivataError, "0 sample|no rows"),
        (lambda X: X[:, 0], DerivataError, "2D|shape"),
        (lambda X: X[None], DerivataError, "2D|shape|dim"),
    ],
    ids=["complex", "masked", "sparse", "no columns", "no rows", "1-D", "3-D"],
)
def test_tables_that_are_none_are_refused(spoil, error, words):
    X, y = data()
    with pytest.raises(error, match=words):
        regressor().fit(spoil(X), y)


def test_constant_columns_are_left_out_and_said():
    X, y = data()
    X[:, 1] = 3.0
    with pytest.warns(ConstantColumnWarning, match="'x1'"):
        model = regressor().fit(X, y)
    X[:, 1] = 1e6
    assert np.isfinite(model.predict(X)).all()


def test_a_table_without_any_usable_column_is_refused():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConstantColumnWarning)
        with pytest.raises(TableError, match="no column can be used"):
            regressor().fit(np.ones((10, 2)), np.arange(10.0))


# Targets


def test_one_class_is_refused_with_its_name():
    X, _ = classes()
    with pytest.raises(InvalidTarget, match="one class only, yes"):
        classifier().fit(X, np.full(40, "yes"))


def test_one_class_left_by_weights_is_refused():
    X, y = classes()
    with pytest.raises(InvalidTarget, match="one class only"):
        classifier().fit(X, y, (y == "yes").astype(float))


def test_one_row_is_refused():
    X, y = data()
    with pytest.raises(InvalidTarget, match="n_samples = 1"):
        regressor().fit(X[:1], y[:1])


def test_two_rows_are_enough():
    X, y = data()
    assert np.isfinite(regressor().fit(X[:2], y[:2]).predict(X)).all()
    labels = np.array(["a", "b"])
    assert np.isfinite(classifier(held_out=0.5).fit(X[:2], labels).predict_proba(X)).all()


def test_a_class_of_one_row_is_kept_to_train_on():
    X, y = classes(60)
    y = y.astype("<U6")
    y[5] = "single"
    model = classifier(held_out=0.3).fit(X, y)
    assert model.predict_proba(X).shape == (60, 3)


def test_a_constant_target_is_predicted():
    X, _ = data()
    np.testing.assert_allclose(regressor().fit(X, np.full(40, 7.5)).predict(X), 7.5)


@pytest.mark.parametrize("scale", [1e-60, 1e60])
def test_targets_of_any_size_are_standardised(scale):
    X, y = data()
    small, plain = (regressor().fit(X, s * y).predict(X) / s for s in (scale, 1.0))
    np.testing.assert_allclose(small, plain, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_targets_that_are_no_number_are_named(value):
    X, y = data()
    y[11] = value
    with pytest.raises(InvalidTarget, match="row 11"):
        regressor().fit(X, y)


def test_continuous_labels_and_missing_ones_are_refused():
    X, y = data()
    with pytest.raises(InvalidTarget, match="continuous"):
        classifier().fit(X, y)
    labels = classes()[1].astype(object)
    labels[4] = None
    with pytest.raises(InvalidTarget, match="row 4"):
        classifier().fit(X, labels)


def test_lengths_that_differ_are_refused():
    X, y = data()
    with pytest.raises(DerivataError, match="inconsistent numbers of samples"):
        regressor().fit(X, y[:-1])
    with pytest.raises(ShapeMismatch, match="39 numbers for 40 rows"):
        regressor().fit(X, y, np.ones(39))


@pytest.mark.parametrize(
    "weight, words",
    [(-1.0, "must be >= 0"), (np.nan, "finite"), (0.0, "zero in every row")],
    ids=["negative", "NaN", "all zero"],
)
def test_impossible_weights_are_refused(weight, words):
    X, y = data()
    weights = np.full(40, weight) if weight == 0 else np.r_[weight, np.ones(39)]
    with pytest.raises(InvalidWeight, match=words):
        regressor().fit(X, y, weights)


def test_rows_of_weight_zero_are_no_rows_even_where_they_are_wild():
    X, y = data()
    wild, far = X.copy(), y.copy()
    wild[:5], far[:5] = 1e30, 1e20
    weight = np.r_[np.zeros(5), np.ones(35)]
    one = regressor().fit(wild, far, weight).predict(X)
    np.testing.assert_array_equal(one, regressor().fit(X[5:], y[5:]).predict(X))


# Columns at predict


def test_missing_renamed_and_extra_columns_are_named():
    X, y = data()
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    model = regressor().fit(frame, y)
    for other in (frame.drop(columns="b"), frame.rename(columns={"b": "z"}), frame.assign(d=1.0)):
        with pytest.raises(DerivataError, match="[Ff]eature|column"):
            model.predict(other)


def test_words_where_numbers_were_are_named():
    X, y = data()
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    model = regressor().fit(frame, y)
    with pytest.raises(TableError, match="column 'b': 'many' is a word"):
        model.predict(frame.assign(b="many"))


def test_unseen_levels_are_said_and_predicted():
    X, y = data()
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    frame["town"] = np.where(X[:, 2] > 0, "Bath", "York")
    model = regressor().fit(frame, y)
    with pytest.warns(UnseenCategoryWarning, match="'Rome'"):
        assert np.isfinite(model.predict(frame.assign(town="Rome"))).all()


# Settings


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"hidden": 8}, "hidden"),
        ({"hidden": (0,)}, "hidden"),
        ({"hidden": (8.5,)}, "hidden"),
        ({"held_out": 1.0}, "held_out"),
        ({"held_out": "some"}, "held_out"),
        ({"method": OneNetwork}, "method"),
        ({"method": "ensemble"}, "method"),
        ({"training": "fast"}, "training"),
        ({"activation": "relu"}, "activation"),
        ({"activation": SiLU}, "activation"),
        ({"random_state": -1}, "random_state"),
        ({"verbose": "yes"}, "verbose"),
    ],
    ids=str,
)
def test_impossible_arguments_are_named(changes, words):
    X, y = data()
    with pytest.raises(ValueError, match=words):
        regressor(**changes).fit(X, y)


def test_class_weights_that_are_no_weights_are_named():
    X, y = classes()
    with pytest.raises(InvalidParameter, match="class_weight.*-1"):
        classifier(class_weight={"yes": -1.0, "no": 1.0}).fit(X, y)


# What happens on the way


def test_divergence_is_told_with_its_step_and_finite_weights_are_kept():
    X, y = data()
    wild = Training(solver=GradientDescent(step=Constant(1e4)), n_epochs=30, batch_size=32)
    with pytest.warns(
        StoppedWarning, match=r"diverged: in step \d+ \(epoch \d+\).*layers.*smaller"
    ):
        model = regressor(training=wild).fit(X, y)
    assert model.history_.reason == "diverged" and not model.interrupted_
    assert np.isfinite(model.predict(X)).all()


class _Interrupting(OneNetwork):
    """Presses Ctrl-C after the first epochs."""

    def fit(self, problem):
        object.__setattr__(problem, "watch", lambda _: os.kill(os.getpid(), signal.SIGINT))
        return super().fit(problem)


class _InterruptingEnsemble(FoldEnsemble):
    """The default, and Ctrl-C while the first network is trained."""

    def __init__(self):
        super().__init__(4)

    def fit(self, problem):
        object.__setattr__(problem, "watch", lambda _: os.kill(os.getpid(), signal.SIGINT))
        return super().fit(problem)


def test_ctrl_c_gives_the_best_so_far_and_marks_it(tmp_path):
    X, y = data()
    long = Training(solver=Adam(step=1e-2), n_epochs=150, batch_size=32)
    path = tmp_path / "training.derivata"
    with pytest.warns(StoppedWarning, match="after 64 of 150 epochs.*go on from the checkpoint"):
        model = regressor(training=long, method=_Interrupting(), checkpoint=path).fit(X, y)
    assert model.interrupted_ and model.n_iter_ == 64
    assert np.isfinite(model.predict(X)).all()
    resumed = regressor(training=long, checkpoint=path).fit(X, y)
    whole = regressor(training=long).fit(X, y)
    np.testing.assert_array_equal(resumed.predict(X), whole.predict(X))
    assert not resumed.interrupted_ and resumed.n_iter_ == 150


def test_an_ensemble_goes_on_where_it_was_interrupted(tmp_path):
    X, y = data()
    whole = regressor(method=None).fit(X, y)
    path = tmp_path / "training.derivata"
    with pytest.warns(StoppedWarning, match="interrupted"):
        part = regressor(method=_InterruptingEnsemble(), checkpoint=path).fit(X, y)
    assert part.interrupted_ and len(part.model_.members) < len(whole.model_.members)
    resumed = regressor(method=None, checkpoint=path).fit(X, y)
    np.testing.assert_array_equal(resumed.predict(X), whole.predict(X))
    assert len(list(tmp_path.iterdir())) == len(whole.model_.members)


def test_a_checkpoint_of_other_data_is_refused_and_left_alone(tmp_path):
    X, y = data()
    path = tmp_path / "training.derivata"
    regressor(checkpoint=path).fit(X, y)
    before = path.read_bytes()
    with pytest.raises(ModelFileError, match="its data differs"):
        regressor(checkpoint=path).fit(X, y + 0.1 * X[:, 0] ** 2)
    assert path.read_bytes() == before


def test_without_jax_a_fit_says_what_to_install(monkeypatch):
    X, y = data()
    for name in [name for name in sys.modules if name.startswith("derivata.neural.training")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(DerivataError, match=r"pip install 'derivata\[jax\]'"):
        regressor().fit(X, y)


def test_no_bar_is_drawn_where_standard_error_is_no_terminal(capsys):
    X, y = data()
    regressor(verbose=True).fit(X, y)
    assert capsys.readouterr() == ("", "")


# Files


def saved(tmp_path):
    X, y = data()
    path = tmp_path / "model.derivata"
    regressor().fit(X, y).save(path)
    return path, read_state(path)


@pytest.mark.parametrize(
    "wreck",
    [
        lambda s, a: s["network"].update(activation="os.system"),
        lambda s, a: s["network"].update(hidden=[9]),
        lambda s, a: s["network"].update(n_numbers=4),
        lambda s, a: s.update(loss="many"),
        lambda s, a: s.update(n_members=0),
        lambda s, a: s.update(n_members=2),
        lambda s, a: s.pop("encoder"),
        lambda s, a: s["encoder"]["columns"].pop(),
        lambda s, a: s["history"].update(reason="magic"),
        lambda s, a: a.pop("members/0/layers/1/bias"),
        lambda s, a: a.update({"history/loss": np.zeros((2, 2))}),
    ],
    ids=range(11),
)
def test_a_model_file_that_lies_is_refused(tmp_path, wreck):
    path, state = saved(tmp_path)
    parts, arrays = dict(state.state), dict(state.arrays)
    wreck(parts, arrays)
    write_state(path, ModelState(state.kind, parts, arrays))
    with pytest.raises(ModelFileError):
        load(path)
