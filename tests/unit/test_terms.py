"""Terms: what a column becomes, and that it survives being saved."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from derivata.errors import InvalidData, ModelFileError, TableWarning, UnseenCategoryWarning
from derivata.terms import Category, Linear, Missing, term_from_dict
from derivata.terms import category as category_module


def words(*values):
    return np.array(values, object)


TERMS = [
    Linear("age", 41.5),
    Missing("age"),
    Category("town", ("Bath", "York")),
    Category("town", (), has_missing=True),
    Category("town", ("Bath",), has_missing=True, has_other=True),
]


@pytest.mark.parametrize("term", TERMS, ids=repr)
def test_a_term_survives_json(term):
    assert term_from_dict(json.loads(json.dumps(term.to_dict()))) == term


@pytest.mark.parametrize("term", TERMS, ids=repr)
def test_a_block_has_one_finite_column_a_name_and_agrees_with_its_entries(term):
    values = np.array([1.0, np.nan, 0.0])
    if term.group == "category":
        values = words("Bath", *([None] if term.has_missing else []), "Bath")
        if not term.levels:
            values = words(None, None)
    block = term.block(values)
    assert block.shape == (len(values), len(term.names)) and block.dtype == np.float64
    assert np.isfinite(block).all()
    rows, columns, cells = term.entries(values)
    rebuilt = np.zeros_like(block)
    rebuilt[rows, columns] = cells
    np.testing.assert_array_equal(rebuilt, block)
    assert np.all(cells != 0)


def test_a_gap_is_filled_with_the_weighted_mean():
    values = np.array([1.0, np.nan, 4.0])
    assert Linear.fit("x", values).fill == 2.5
    term = Linear.fit("x", values, np.array([2.0, 7.0, 1.0]))
    assert term.fill == 2.0
    assert term.block(values).tolist() == [[1.0], [2.0], [4.0]]
    assert term.names == ("x",)


@given(
    st.lists(st.tuples(st.integers(-1000, 1000), st.integers(0, 4)), min_size=1).filter(
        lambda pairs: any(count for _, count in pairs)
    )
)
def test_a_weight_of_k_is_k_rows(pairs):
    values, counts = (np.array(part, float) for part in zip(*pairs, strict=True))
    repeated = np.repeat(values, counts.astype(int))
    assert Linear.fit("x", values, counts).fill == pytest.approx(
        Linear.fit("x", repeated).fill, rel=1e-12, abs=1e-12
    )
    levels = Category.fit("x", values.astype(str).astype(object), counts).levels
    kept = [level for level in levels if level in set(repeated.astype(str))]
    assert kept == list(Category.fit("x", repeated.astype(str).astype(object)).levels)


@pytest.mark.parametrize("size", [5e-324, 1e-310, 1.0, 1e200, 1.7e308])
def test_the_mean_of_extreme_numbers_neither_overflows_nor_vanishes(size):
    assert Linear.fit("x", np.full(9, size)).fill == pytest.approx(size, rel=1e-15)


def test_the_mean_of_ordinary_numbers_is_exact():
    assert Linear.fit("x", np.array([0.1, 0.2, 0.4])).fill == (0.1 + 0.2 + 0.4) / 3


def test_a_column_without_numbers_has_no_mean_and_is_named():
    with pytest.raises(InvalidData, match="column 'x' has no cell with a number"):
        Linear.fit("x", np.array([np.nan, np.nan]))


def test_missing_marks_the_gaps():
    term = Missing.fit("x", np.array([1.0, np.nan]))
    assert term.block(np.array([np.nan, 0.0])).tolist() == [[1.0], [0.0]]
    assert term.names == ("x=(missing)",)


def test_levels_are_sorted_by_weight_then_name():
    values = words("b", "c", "a", "c")
    assert Category.fit("x", values).levels == ("c", "a", "b")
    assert Category.fit("x", values, np.array([9.0, 1, 1, 1])).levels == ("b", "c", "a")


def test_each_row_is_one_level_and_a_gap_is_one_too():
    term = Category.fit("x", words("b", None, "b", "a"))
    assert term.names == ("x=b", "x=a", "x=(missing)")
    block = term.block(words("a", "b", None))
    assert block.tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1]]


def test_a_level_never_seen_is_zeros_and_named_with_its_count():
    term = Category.fit("town", words("Bath", "York"))
    match = r"column 'town' has 'Rome', 'Oslo', never seen at fit, in 3 of 4 rows"
    with pytest.warns(UnseenCategoryWarning, match=match):
        block = term.block(words("Rome", "Bath", "Oslo", "Rome"))
    assert block.sum(axis=1).tolist() == [0, 1, 0, 0]


def test_a_gap_where_the_fit_saw_none_is_zeros_and_said():
    with pytest.warns(UnseenCategoryWarning, match="a missing cell, never seen at fit, in 1 of 1"):
        assert not Category("town", ("Bath",)).block(words(None)).any()


def test_levels_beyond_the_cap_share_one(monkeypatch):
    monkeypatch.setattr(category_module, "MAX_LEVELS", 2)
    with pytest.warns(TableWarning, match="column 'x' has 4 levels; the 2 most frequent"):
        term = Category.fit("x", words("a", "a", "b", "b", "c", "d", None))
    assert term.names == ("x=a", "x=b", "x=(missing)", "x=(other)")
    # A level never seen may be one of those merged, so it is no cause for a warning.
    assert term.block(words("d", "new", None, "a")).argmax(axis=1).tolist() == [3, 3, 2, 0]


def test_levels_spelled_like_ours_keep_names_apart():
    term = Category.fit("x", words("(missing)", None, "((missing))"))
    assert len(set(term.names)) == 3


BAD = [
    None,
    [],
    {},
    {"kind": "spline"},
    {"kind": ["linear"]},
    {"kind": "linear", "column": "x"},
    {"kind": "linear", "column": 1, "fill": 0.0},
    {"kind": "linear", "column": "x", "fill": None},
    {"kind": "linear", "column": "x", "fill": True},
    {"kind": "linear", "column": "x", "fill": float("nan")},
    {"kind": "linear", "column": "x", "fill": 10**400},
    {"kind": "linear", "column": "x", "fill": 0.0, "more": 1},
    {"kind": "missing", "column": None},
    {"kind": "category", "column": "x", "levels": "ab", "has_missing": False, "has_other": False},
    {"kind": "category", "column": "x", "levels": [1], "has_missing": False, "has_other": False},
    {"kind": "category", "column": "x", "levels": [], "has_missing": False, "has_other": False},
    {
        "kind": "category",
        "column": "x",
        "levels": ["a"] * 2,
        "has_missing": False,
        "has_other": False,
    },
    {"kind": "category", "column": "x", "levels": ["a"], "has_missing": 0, "has_other": False},
    {
        "kind": "category",
        "column": "x",
        "levels": [str(i) for i in range(1001)],
        "has_missing": False,
        "has_other": False,
    },
]


@pytest.mark.parametrize("record", BAD, ids=lambda record: repr(record)[:60])
def test_a_malformed_record_is_refused_with_its_path(record):
    with pytest.raises(ModelFileError, match=r"terms\[7\]"):
        term_from_dict(record, "terms[7]")
