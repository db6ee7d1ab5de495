"""From a fitted model of this package, as loaded from its file, to every answer of evaluation."""

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from derivata import (
    AdditiveClassifier,
    AdditiveRegressor,
    LinearRegressor,
    LogisticClassifier,
    PoissonRegressor,
    TableModel,
    load,
)
from derivata.adapters import adapt
from derivata.evaluation.attribute import attribute
from derivata.evaluation.calibration import calibration
from derivata.evaluation.influence import influence
from derivata.evaluation.leave_one_out import leave_one_out
from derivata.evaluation.sensitivity import sensitivity
from derivata.evaluation.standard_errors import standard_errors
from derivata.penalties import Lasso
from derivata.terms import Category, Spline

N = 60
RNG = np.random.default_rng(11)
X = pd.DataFrame({"age": RNG.normal(size=N), "dose": RNG.normal(size=N)})
MEAN = np.sin(X["age"].to_numpy()) - 0.5 * X["dose"].to_numpy()
NUMBERS = MEAN + 0.3 * RNG.standard_normal(N)
COUNTS = RNG.poisson(np.exp(MEAN)).astype(float)
SCORES = np.column_stack([MEAN, -MEAN, np.zeros(N)])
LABELS = np.array(["ash", "birch", "cedar"])[
    np.argmax(2.0 * SCORES + RNG.gumbel(size=SCORES.shape), axis=1)
]
TABLE = X.assign(town=RNG.choice(["Bath", "York"], N), days=RNG.uniform(0.5, 2.0, N))
TABLE["claims"] = RNG.poisson(TABLE["days"] * np.exp(MEAN)).astype(float)
RISING = [Spline("age", monotone="increasing"), Spline("dose")]
FITS = {
    "linear": lambda: (LinearRegressor().fit(X, NUMBERS), X, NUMBERS),
    "lasso": lambda: (LinearRegressor(2.0, penalty=Lasso()).fit(X, NUMBERS), X, NUMBERS),
    "counts": lambda: (PoissonRegressor().fit(X, COUNTS), X, COUNTS),
    "3 classes": lambda: (LogisticClassifier().fit(X, LABELS), X, LABELS),
    "additive": lambda: (AdditiveRegressor(interactions=None).fit(X, NUMBERS), X, NUMBERS),
    "rising": lambda: (AdditiveRegressor(RISING).fit(X, NUMBERS), X, NUMBERS),
    "additive, 3 classes": lambda: (
        AdditiveClassifier([Spline("age", n_basis=5), Spline("dose", n_basis=5)]).fit(X, LABELS),
        X,
        LABELS,
    ),
    "table": lambda: (
        TableModel.fit(TABLE, "claims", exposure="days", terms=[Spline("age"), Category("town")]),
        TABLE,
        None,
    ),
}


@pytest.mark.parametrize("name", FITS)
def test_a_model_from_its_file_answers_every_question(name, tmp_path):
    model, rows, y = FITS[name]()
    model.save(tmp_path / "model")
    model = load(tmp_path / "model")
    fitted = adapt(model, rows, y)
    found = leave_one_out(fitted, rows, y)
    assert abs(found.score - _refitted(fitted)) <= 3.0 * found.approximation_error + 1e-3
    for words in (
        found,
        influence(model, rows, y, rows=[3]),
        sensitivity(model, rows, y),
        calibration(model, rows, y),
        attribute(model, rows[:2], background=rows),
    ):
        assert len(str(words).splitlines()) > 2
    if name != "lasso":
        assert "estimate" in str(standard_errors(model, rows, y))


def test_a_model_at_the_end_of_a_pipeline_is_found():
    model = make_pipeline(StandardScaler(), LinearRegressor(1.0)).fit(X, NUMBERS)
    fitted = adapt(model, X, NUMBERS)
    assert np.allclose(fitted.response.mean(fitted.at_minimum.outputs), model.predict(X))


def _refitted(fitted):
    """The mean loss of each row by a fit without it."""
    start, losses = fitted.at_minimum, []
    for row in range(len(fitted.kept)):
        out = np.arange(len(fitted.kept)) == row
        fit = fitted.solver.minimize(fitted.objective.without(out), start.params, start.hyper)
        own = fitted.objective.take(np.flatnonzero(out))
        losses.append(own.at(fit.expansion.params, start.hyper).loss_value)
    return float(np.mean(losses))
