"""Straight terms and the gaps beside them: mean 0, deviation 1, whatever the unit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from derivata.errors import InvalidData
from derivata.terms import Linear, Missing


def test_a_column_is_standardised_and_a_gap_is_the_average():
    x = np.array([1.0, np.nan, 4.0])
    fitted = Linear("x").fit({"x": x})
    assert fitted.block({"x": x}).tolist() == [[-1.0], [0.0], [1.0]]
    weighted = Linear("x").fit({"x": x}, np.array([2.0, 7.0, 1.0]))
    np.testing.assert_allclose(
        weighted.block({"x": x})[:, 0], [-1 / np.sqrt(2), 0.0, np.sqrt(2)], rtol=1e-15
    )
    assert fitted.names == ("x",) and fitted.parts == ("straight",)


@given(
    st.lists(st.tuples(st.integers(-1000, 1000), st.integers(0, 4)), min_size=1).filter(
        lambda pairs: any(count for _, count in pairs)
    )
)
def test_a_weight_of_k_is_k_rows(pairs):
    x, counts = (np.array(part, float) for part in zip(*pairs, strict=True))
    repeated = {"x": np.repeat(x, counts.astype(int))}
    np.testing.assert_allclose(
        Linear("x").fit({"x": x}, counts).block(repeated),
        Linear("x").fit(repeated).block(repeated),
        rtol=0,
        atol=1e-12,
    )


@pytest.mark.parametrize("size", [5e-324, 1e-310, 1e-200, 1.0, 1e200, 8e307])
def test_extreme_numbers_neither_overflow_nor_vanish(size):
    x = size * np.array([-1.0, 0, 1])
    block = Linear("x").fit({"x": x}).block({"x": x})[:, 0]
    np.testing.assert_allclose(block, np.sqrt(1.5) * np.array([-1, 0, 1]), rtol=1e-15)


def test_a_column_of_a_large_number_plus_a_little_keeps_its_digits():
    x = np.arange(10) / 1024
    np.testing.assert_array_equal(
        Linear("x").fit({"x": 1e8 + x}).block({"x": 1e8 + x}),
        Linear("x").fit({"x": x}).block({"x": x}),
    )


def test_a_constant_column_is_zeros():
    x = np.array([3.0, np.nan, 3.0])
    assert not Linear("x").fit({"x": x}).block({"x": x}).any()


def test_a_column_without_numbers_is_named():
    with pytest.raises(InvalidData, match="column 'x' has no cell with a number and a positive"):
        Linear("x").fit({"x": np.array([np.nan, 1.0])}, np.array([1.0, 0.0]))


def test_a_range_that_no_float_holds_is_refused():
    with pytest.raises(InvalidData, match="column 'x' goes from -1.7e.308 to 1.7e.308"):
        Linear("x").fit({"x": 1.7e308 * np.array([-1.0, 1.0])})


def test_missing_marks_the_gaps():
    fitted = Missing("x").fit({"x": np.array([1.0, np.nan])})
    assert fitted.block({"x": np.array([np.nan, 0.0])}).tolist() == [[1.0], [0.0]]
    assert fitted.names == ("x=(missing)",) and fitted.parts == ("missing",)
