"""Table models as objectives: the roles of the columns, and the numbers of the rows."""

import numpy as np
import pandas as pd
import pytest

from derivata import TableModel
from derivata.adapters.own_table import adapt_table
from derivata.errors import InvalidParameter, TableError
from derivata.tables import table_from_frame

N = 150


@pytest.fixture(scope="module")
def counts():
    rng = np.random.default_rng(3)
    table = pd.DataFrame(
        {
            "age": rng.normal(size=N),
            "town": rng.choice(["Bath", "Ely", "York"], N),
            "days": rng.uniform(0.5, 2.0, N),
            "times": rng.integers(0, 3, N),
        }
    )
    rate = np.exp(0.5 * table["age"] + (table["town"] == "Ely"))
    table["claims"] = rng.poisson(table["days"] * rate).astype(float)
    table.loc[[5, 9], "claims"] = np.nan
    model = TableModel.fit(
        table, "claims", exposure="days", weights="times", drop_missing_target=True
    )
    return table, model, adapt_table(model, table)


def test_rows_keep_the_numbers_they_have_in_the_table(counts):
    table, _, fitted = counts
    used = (table["times"] > 0) & table["claims"].notna()
    assert np.array_equal(fitted.kept, np.flatnonzero(used))
    assert np.array_equal(fitted.objective.y, table["claims"][used])
    assert np.array_equal(fitted.objective.weight, table["times"][used])


def test_it_is_at_its_minimum_and_predicts_the_same(counts):
    table, model, fitted = counts
    assert fitted.as_fitted.relative_gradient < 1e-8
    expected = model.predict(table)["prediction"][fitted.kept]
    found = fitted.response.mean(fitted.at_minimum.outputs)
    assert np.allclose(found, expected, rtol=1e-9)


def test_effects_come_of_whole_tables_and_frames(counts):
    table, _, fitted = counts
    of_frame = fitted.shape.effects(table)
    assert np.array_equal(of_frame, fitted.shape.effects(table_from_frame(table)))
    assert fitted.shape.labels == ("age", "town", "days")  # the exposure is a term of its own
    summed = fitted.shape.intercept + of_frame.sum(axis=0)[:, 0]
    assert np.allclose(summed[fitted.kept], fitted.as_fitted.outputs[:, 0])


def test_a_single_row_can_be_judged(counts):
    table, _, fitted = counts
    row = int(fitted.kept[4])
    judged = fitted.judged(table.iloc[[row]])
    assert np.allclose(judged.outputs(fitted.params), fitted.as_fitted.outputs[[4]])


def test_weights_handed_in_multiply_those_of_the_table(counts):
    table, model, fitted = counts
    more = np.full(N, 2.0)
    twice = adapt_table(model, table, None, more).objective.weight
    assert np.array_equal(twice, 2.0 * fitted.objective.weight)


def test_classes_are_those_of_the_model():
    rng = np.random.default_rng(4)
    table = pd.DataFrame({"size": rng.normal(size=N)})
    table["kind"] = np.where(table["size"] + rng.logistic(size=N) > 0, "yes", "no")
    model = TableModel.fit(table, "kind")
    fitted = adapt_table(model, table)
    expected = model.predict(table)["probability:yes"]
    assert np.allclose(fitted.response.mean(fitted.at_minimum.outputs)[:, 1], expected)
    assert list(fitted.response.classes) == ["no", "yes"]


def test_a_target_beside_the_table_and_a_table_without_it_are_refused(counts):
    table, model, _ = counts
    with pytest.raises(InvalidParameter, match=r"`y` is given.*y=None"):
        adapt_table(model, table, table["claims"])
    with pytest.raises(TableError, match="claims"):
        adapt_table(model, table.drop(columns="claims"))
