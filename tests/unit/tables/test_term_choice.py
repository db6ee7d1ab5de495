"""Terms told from columns where the user names none."""

import numpy as np
import pytest

from derivata.errors import TableWarning
from derivata.tables.columns import Column
from derivata.tables.term_choice import (
    MOST_COEFFICIENTS,
    MOST_FUNCTIONS,
    ROWS_A_COLUMN,
    ROWS_A_FUNCTION,
    SMALLEST_BASIS,
    infer_terms,
)
from derivata.terms import Category, Date, Linear, Missing, Spline


def numbers(name, *values):
    return Column(name, np.array(values, dtype=float))


def kinds(terms):
    return [(type(term), term.columns) for term in terms]


def test_each_kind_of_column_becomes_the_term_of_its_kind():
    columns = (
        numbers("curve", *range(40)),
        numbers("few", *[0, 1, 2, 1] * 10),
        Column("word", np.array(["a", "b"] * 20, dtype=object)),
        Column("day", np.array(["2020-01-01", "2020-02-01"] * 20, dtype=object), is_date=True),
    )
    assert kinds(infer_terms(columns, 40, 20)) == [
        (Spline, ("curve",)), (Linear, ("few",)), (Category, ("word",)), (Date, ("day",)),
    ]  # fmt: skip


def test_gaps_of_numbers_get_a_term_beside_the_column():
    gaps = [np.nan, *range(1, 40)]
    columns = (numbers("curve", *gaps), numbers("one", *[np.nan, 7] * 20))
    assert kinds(infer_terms(columns, 40, 20)) == [
        (Spline, ("curve",)), (Missing, ("curve",)), (Missing, ("one",)),
    ]  # fmt: skip


def test_gaps_of_words_are_a_level_and_need_no_term():
    column = Column("word", np.array(["a", None] * 20, dtype=object))
    assert kinds(infer_terms((column,), 40, 20)) == [(Category, ("word",))]


def test_distinct_numbers_are_counted_beyond_the_first_thousands():
    values = [0.0] * 3_000 + [1.0, 2.0, 3.0]
    assert kinds(infer_terms((numbers("x", *values),), 3_003, 20)) == [(Spline, ("x",))]
    assert kinds(infer_terms((numbers("x", *values[:-1]),), 3_002, 20)) == [(Linear, ("x",))]


@pytest.mark.parametrize(
    ("n_rows", "n_columns", "most", "expected"),
    [
        (10_000, 1, 20, 20),
        (10_000, 1, 4, 4),
        (12 * ROWS_A_FUNCTION, 1, 20, 12),
        (ROWS_A_FUNCTION, 1, 20, SMALLEST_BASIS),
        (10_000, MOST_FUNCTIONS // 10, 20, 10),
        (10_000, MOST_FUNCTIONS // 4, 20, SMALLEST_BASIS),
    ],
)
def test_the_basis_is_as_large_as_rows_and_columns_allow(n_rows, n_columns, most, expected):
    columns = tuple(numbers(f"x{j}", *range(10)) for j in range(n_columns))
    terms = infer_terms(columns, n_rows, most)
    assert {term.n_basis for term in terms} == {expected}


def test_of_too_many_columns_curves_stay_straight_and_it_is_said():
    columns = tuple(numbers(f"x{j}", *range(20)) for j in range(6))
    assert {type(t) for t in infer_terms(columns, 6 * ROWS_A_COLUMN, 20)} == {Spline}
    with pytest.warns(TableWarning, match="6 columns of numbers for 23 rows are too many"):
        terms = infer_terms(columns, 6 * ROWS_A_COLUMN - 1, 20)
    assert {type(term) for term in terms} == {Linear}


def test_of_too_many_coefficients_for_all_outputs_curves_stay_straight_and_it_is_said():
    columns = tuple(numbers(f"x{j}", *range(10)) for j in range(60))
    fits = MOST_COEFFICIENTS // (60 * SMALLEST_BASIS)
    assert {type(t) for t in infer_terms(columns, 10_000, 20, fits)} == {Spline}
    with pytest.warns(TableWarning, match=rf"60 columns of numbers for {fits + 1} outputs"):
        terms = infer_terms(columns, 10_000, 20, fits + 1)
    assert {type(term) for term in terms} == {Linear}


def test_many_columns_of_few_values_are_straight_anyway_and_nothing_is_said():
    columns = tuple(numbers(f"x{j}", *[0, 1] * 10) for j in range(30))
    assert {type(term) for term in infer_terms(columns, 20, 20)} == {Linear}
