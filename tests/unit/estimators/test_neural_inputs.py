"""Columns as a network reads them: scaled, clipped, one-hot, embedded, with their gaps."""

import numpy as np
import pandas as pd
import pytest

from derivata.errors import ModelFileError, UnseenCategoryWarning
from derivata.estimators.neural_columns import MOST_ONE_HOT, Embedded, OneHot, ScaledNumber
from derivata.estimators.neural_defaults import default_method
from derivata.estimators.neural_inputs import InputEncoder
from derivata.neural.ensemble import FoldEnsemble
from derivata.neural.holdout import HeldOutChoice
from derivata.tables import Column, table_from_frame


def numbers(values):
    column = Column("x", np.asarray(values, float))
    return ScaledNumber.fit(column).numbers(column.values)


def frame(n_rows=60, seed=0):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "age": rng.uniform(20, 60, n_rows),
            "town": rng.choice(["Bath", "York", "Hull"], n_rows),
            "code": [f"c{i % 20:02d}" for i in range(n_rows)],
            "when": pd.date_range("2024-01-01", periods=n_rows).astype(str),
        }
    )
    table.loc[3, "age"] = np.nan
    return table


def encoder(table):
    return InputEncoder.fit(table_from_frame(table))


def test_numbers_are_scaled_by_their_middle_cells_and_clipped_to_three():
    values = np.arange(101.0)
    u = (values - 50) / values[1:-1].std()
    np.testing.assert_allclose(numbers(values)[:, 0], u / np.sqrt(1 + (u / 3) ** 2))
    wild = ScaledNumber.fit(Column("x", values)).numbers(np.r_[values, 1e300])
    assert wild.max() == pytest.approx(3.0) and 1.0 < np.abs(wild[:101]).max() < 2.0


def test_outliers_by_the_dozen_do_not_rule_the_scale():
    values = np.r_[np.arange(60.0), np.full(10, 1e200)]
    assert np.ptp(numbers(values)[:60]) > 1.0


def test_a_column_that_is_mostly_zero_keeps_what_is_not():
    values = np.zeros(1000)
    values[:80] = np.arange(80.0)
    assert 0.5 < numbers(values)[10:80].max() <= 3.0


@pytest.mark.parametrize(
    "values",
    [
        [0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
        [-1.7e308, 0.0, 1.7e308],
        [1e-310, 2e-310, 3e-310, 4e-310],
        [1e8, 1e8 + 1e-6, 1e8 + 2e-6],
        [2.0**62, 2.0**62 + 2**20, 2.0**63],
    ],
    ids=["mostly zero", "widest", "subnormal", "far from zero", "wide integers"],
)
def test_numbers_of_any_size_become_numbers_of_order_one(values):
    found = numbers(values)
    assert np.isfinite(found).all()
    assert 0.1 < np.abs(found).max() <= 3.0
    order = np.argsort(values, kind="stable")
    assert (np.diff(found[order, 0]) >= 0).all()


def test_scales_do_not_change_what_is_read():
    values = np.random.default_rng(0).standard_normal(40)
    np.testing.assert_allclose(numbers(1e9 * values), numbers(values), rtol=1e-12)


def test_a_gap_is_the_middle_and_has_an_indicator():
    found = numbers([1.0, np.nan, 2.0, 3.0])
    assert found.shape == (4, 2)
    assert found[1, 0] == 0.0 == pytest.approx(found[2, 0], abs=1e-15)
    np.testing.assert_array_equal(found[:, 1], [0, 1, 0, 0])


def test_few_levels_are_one_hot_and_many_are_embedded():
    read = encoder(frame())
    kinds = {one.column: type(one) for one in read.columns}
    assert kinds["town"] is OneHot and kinds["code"] is Embedded
    assert read.levels == (21,) and read.widths == (8,)
    inputs = read.encode(table_from_frame(frame()))
    assert inputs.numbers.shape == (60, read.n_numbers) and inputs.codes.shape == (60, 1)
    assert np.isfinite(inputs.numbers).all()
    assert set(inputs.codes[:, 0]) == set(range(20))
    assert MOST_ONE_HOT < 20


def test_levels_never_seen_are_zeros_and_the_last_code():
    read = encoder(frame())
    table = frame().iloc[:2].assign(town=["Bath", "Rome"], code=["c01", "c99"])
    with pytest.warns(UnseenCategoryWarning):
        inputs = read.encode(table_from_frame(table))
    assert inputs.codes[:, 0].tolist()[1] == 20 > inputs.codes[0, 0]
    town = next(place for place, one in enumerate(read.columns) if one.column == "town")
    start = sum(one.n_numbers for one in read.columns[:town])
    assert inputs.numbers[0, start : start + 3].sum() == 1.0
    assert inputs.numbers[1, start : start + 3].sum() == 0.0


def test_columns_may_come_in_any_order():
    read, table = encoder(frame()), frame()
    one = read.encode(table_from_frame(table))
    other = read.encode(table_from_frame(table[["when", "town", "code", "age"]]))
    np.testing.assert_array_equal(one.numbers, other.numbers)
    np.testing.assert_array_equal(one.codes, other.codes)


def test_an_encoder_survives_its_record():
    read, table = encoder(frame()), table_from_frame(frame())
    again = InputEncoder.from_dict(read.to_dict())
    np.testing.assert_array_equal(again.encode(table).numbers, read.encode(table).numbers)
    assert again.to_dict() == read.to_dict()


@pytest.mark.parametrize(
    "wreck",
    [
        lambda r: r.update(n_numbers=3),
        lambda r: r["columns"][0].update(kind="pickle"),
        lambda r: r["columns"][0].update(spread=0.0),
        lambda r: r["columns"][0].update(spread="wide"),
        lambda r: r["columns"][0].update(extra=1),
        lambda r: r["columns"].__setitem__(0, 7),
        lambda r: r.update(columns=None),
    ],
)
def test_a_damaged_record_is_refused(wreck):
    record = encoder(frame()).to_dict()
    wreck(record)
    with pytest.raises(ModelFileError, match="encoder"):
        InputEncoder.from_dict(record)


@pytest.mark.parametrize(
    ("columns", "tries"), [(99, False), (100, True), (1_000, True), (1_001, False)]
)
def test_the_evidence_of_columns_is_tried_where_numbers_are_many_and_not_too_many(columns, tries):
    table = table_from_frame(
        pd.DataFrame(np.random.default_rng(0).standard_normal((4, columns)))
        .rename(columns=str)
        .assign(word=["a", "b", "a", "c"])  # words become indicators, and count for nothing here
    )
    method = default_method(InputEncoder.fit(table).n_scaled)
    assert isinstance(method, HeldOutChoice) == tries
    if not tries:
        assert isinstance(method, FoldEnsemble)
