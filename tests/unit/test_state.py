"""A fitted model comes back from its saved state as it was, or is refused."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

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
from derivata.errors import InvalidParameter, ModelFileError

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 3))
Z = X @ [1.0, -1.0, 0.5]
NUMBER = Z + 0.3 * RNG.standard_normal(40)
TWO = (Z + RNG.logistic(size=40) > 0).astype(int)
THREE = np.digitize(Z + RNG.logistic(size=40), [-1.0, 1.0])
COUNT = RNG.poisson(np.exp(0.5 * Z))
FRAME = pd.DataFrame(X, columns=["a b", "größe", "(intercept)"])

FITTED = {
    "tuned": lambda: LinearRegressor().fit(X, NUMBER),
    "a penalty a column": lambda: LinearRegressor(groups="columns").fit(X, NUMBER),
    "groups": lambda: LinearRegressor(groups=["a", None, 3]).fit(X, NUMBER),
    "no groups": lambda: LinearRegressor(groups=[None] * 3).fit(X, NUMBER),
    "given penalties": lambda: LinearRegressor({"a": 1.0, "b": 0}, groups=list("aba")).fit(
        X, NUMBER
    ),
    "no penalty": lambda: LinearRegressor(0).fit(X, NUMBER),
    "no intercept": lambda: LinearRegressor(fit_intercept=False).fit(X, NUMBER),
    "names": lambda: LinearRegressor().fit(FRAME, NUMBER),
    "sparse": lambda: LinearRegressor().fit(sparse.csr_array(X), NUMBER),
    "criterion and solver": lambda: LogisticClassifier(
        criterion=KFold(4, 2), solver=LBFGS(1e-9)
    ).fit(X, TWO),
    "hold-out": lambda: LogisticClassifier(criterion=HoldOut(0.3), solver=Newton()).fit(X, TWO),
    "leave-one-out": lambda: LogisticClassifier(criterion=LeaveOneOut()).fit(X, TWO),
    "class weights": lambda: LogisticClassifier(class_weight={0: 1, 1: 2.5}).fit(X, TWO),
    "three classes": lambda: LogisticClassifier().fit(X, np.array(["u", "v", "w"])[THREE]),
    "counts": lambda: PoissonRegressor().fit(X, COUNT, exposure=np.arange(1, 41)),
}


@pytest.mark.parametrize("name", FITTED)
def test_a_model_comes_back_as_it_was(name):
    model = FITTED[name]()
    back = type(model).from_state(model.to_state())
    rows = FRAME if hasattr(model, "feature_names_in_") else X
    np.testing.assert_array_equal(back.predict(rows), model.predict(rows))
    assert set(vars(back)) == set(vars(model))
    assert repr(back) == repr(model)
    assert str(back.summary()) == str(model.summary())
    assert repr(back.tuning_) == repr(model.tuning_)
    assert back.alphas_per_group_ == model.alphas_per_group_
    np.testing.assert_array_equal(back.alpha_, model.alpha_)
    # Saving it again gives the same state.
    assert back.to_state().state == model.to_state().state


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["no", "yes"]),
        np.array(["no", "yes"], dtype=object),
        np.array([False, True]),
        np.array([-1.5, 2.5]).astype(int),
        np.array([1.0, 2.0]),
        np.array([0, 2**63], dtype=np.uint64),
        np.array(["größe\n", "日本"]),
        pd.array(["no", "yes"], dtype="string"),
    ],
    ids=str,
)
def test_class_labels_keep_their_type(labels):
    model = LogisticClassifier(1.0).fit(X, labels[TWO])
    back = LogisticClassifier.from_state(model.to_state())
    assert back.classes_.dtype == model.classes_.dtype
    np.testing.assert_array_equal(back.predict(X), model.predict(X))
    np.testing.assert_array_equal(back.predict_proba(X), model.predict_proba(X))


def test_labels_that_json_would_change_are_refused():
    model = LogisticClassifier(1.0).fit(X, np.array([b"no", b"yes"])[TWO])
    with pytest.raises(InvalidParameter, match=r"labels are of type \|S3.*astype\(str\)"):
        model.to_state()


def test_arguments_become_plain_values():
    model = LinearRegressor(
        np.float32(2.0), groups=pd.Series([1, 1, 2]), random_state=np.int64(3)
    ).fit(X, NUMBER)
    back = LinearRegressor.from_state(model.to_state())
    assert back.get_params()["alpha"] == 2.0
    assert back.get_params()["groups"] == [1, 1, 2]
    assert back.get_params()["random_state"] == 3
    assert back.fit(X, NUMBER).coef_.tolist() == model.coef_.tolist()


class _OwnCriterion:
    name = "mine"

    def subproblems(self, objective):
        return LeaveOneOut().subproblems(objective)


def test_a_criterion_of_the_users_own_is_left_out():
    model = LinearRegressor(criterion=_OwnCriterion()).fit(X, NUMBER)
    back = LinearRegressor.from_state(model.to_state())
    assert back.criterion is None
    assert back.tuning_.criterion_name == "mine"
    np.testing.assert_array_equal(back.predict(X), model.predict(X))


@pytest.mark.parametrize(
    "change",
    [
        lambda saved: replace(saved, state={**saved.state, "n_features_in_": 7}),
        lambda saved: replace(saved, state={**saved.state, "group_names": ["a", "b"]}),
        lambda saved: replace(
            saved, state={k: v for k, v in saved.state.items() if k != "parameters"}
        ),
        lambda saved: replace(
            saved, state={**saved.state, "parameters": {**saved.state["parameters"], "other": 1}}
        ),
        lambda saved: replace(
            saved,
            state={
                **saved.state,
                "parameters": {
                    **saved.state["parameters"],
                    "solver": {"part": "Popen", "fields": {}},
                },
            },
        ),
        lambda saved: replace(
            saved, arrays={k: v for k, v in saved.arrays.items() if k != "output_coef"}
        ),
        lambda saved: replace(saved, arrays={**saved.arrays, "output_intercept": np.zeros(2)}),
    ],
    ids=["features", "groups", "no parameters", "parameter", "part", "no coef", "intercept"],
)
def test_a_state_that_does_not_fit_together_is_refused(change):
    saved = LinearRegressor().fit(X, NUMBER).to_state()
    with pytest.raises(ModelFileError, match="lacks a part or holds a wrong one"):
        LinearRegressor.from_state(change(saved))
