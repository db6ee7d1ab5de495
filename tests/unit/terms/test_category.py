"""Categories: a feature a level, the rare and the new ones named."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from derivata.errors import TableWarning, UnseenCategoryWarning
from derivata.terms import Category, FittedCategory
from derivata.terms import category as category_module


def words(*values):
    return np.array(values, object)


def fit(*values, weight=None):
    return Category("x").fit({"x": words(*values)}, weight)


def block(fitted, *values):
    return fitted.block({fitted.column: words(*values)})


def test_levels_are_sorted_by_weight_then_name():
    assert fit("b", "c", "a", "c").levels == ("c", "a", "b")
    assert fit("b", "c", "a", "c", weight=np.array([9.0, 1, 1, 1])).levels == ("b", "c", "a")


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 4)), min_size=1).filter(
        lambda pairs: any(count for _, count in pairs)
    )
)
def test_a_weight_of_k_is_k_rows(pairs):
    values, counts = words(*(value for value, _ in pairs)), np.array([count for _, count in pairs])
    assert Category("x").fit({"x": values}, counts.astype(float)) == Category("x").fit(
        {"x": np.repeat(values, counts)}
    )


def test_each_row_is_one_level_and_a_gap_is_one_too():
    fitted = fit("b", None, "b", "a")
    assert fitted.names == ("x=b", "x=a", "x=(missing)")
    assert block(fitted, "a", "b", None).tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1]]


@pytest.mark.parametrize(
    ("fitted", "cells"),
    [
        (FittedCategory("x", ("Bath", "York")), words("York", "Bath", "Bath")),
        (FittedCategory("x", (), has_missing=True), words(None, None)),
        (FittedCategory("x", ("Bath",), True, has_other=True), words("Bath", None, "Oslo")),
    ],
)
def test_the_entries_are_those_of_the_block(fitted, cells):
    rows, columns, ones = fitted.entries({"x": cells})
    rebuilt = np.zeros((len(cells), len(fitted.names)))
    rebuilt[rows, columns] = ones
    np.testing.assert_array_equal(rebuilt, fitted.block({"x": cells}))


def test_a_level_never_seen_is_zeros_and_named_with_its_count():
    fitted = fit("Bath", "York")
    match = r"column 'x' has 'Rome', 'Oslo', never seen at fit, in 3 of 4 rows"
    with pytest.warns(UnseenCategoryWarning, match=match):
        found = block(fitted, "Rome", "Bath", "Oslo", "Rome")
    assert found.sum(axis=1).tolist() == [0, 1, 0, 0]


def test_a_gap_where_the_fit_saw_none_is_zeros_and_said():
    with pytest.warns(UnseenCategoryWarning, match="a missing cell, never seen at fit, in 1 of 1"):
        assert not block(fit("Bath"), None).any()


def test_levels_beyond_the_cap_share_one(monkeypatch):
    monkeypatch.setattr(category_module, "MAX_LEVELS", 2)
    with pytest.warns(TableWarning, match="column 'x' has 4 levels; the 2 most frequent"):
        fitted = fit("a", "a", "b", "b", "c", "d", None)
    assert fitted.names == ("x=a", "x=b", "x=(missing)", "x=(other)")
    # A level never seen may be one of those merged, so it is no cause for a warning.
    assert block(fitted, "d", "new", None, "a").argmax(axis=1).tolist() == [3, 3, 2, 0]


def test_levels_spelled_like_ours_keep_names_apart():
    assert len(set(fit("(missing)", None, "((missing))").names)) == 3
