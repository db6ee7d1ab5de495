"""Ranges of columns: what pictures are drawn over."""

import numpy as np
import pytest

from derivata.errors import ModelFileError
from derivata.estimators.column_ranges import MOST_LEVELS, ColumnRange, column_ranges
from derivata.tables import Table
from derivata.tables.columns import Column


def test_numbers_are_kept_as_quantiles_of_the_present_cells():
    values = np.append(np.arange(101.0), [np.nan] * 7)
    found = column_ranges(Table((Column("x", values),)), ["x"], ())["x"]
    assert found.quantiles == pytest.approx(np.arange(101.0)) and not found.levels
    assert found.axis(3) == pytest.approx([0.0, 50.0, 100.0])


def test_words_are_kept_most_frequent_first_and_gaps_are_a_level():
    cells = np.array(["b", "a", "b", None, "c", "a", "b", None], dtype=object)
    found = column_ranges(Table((Column("w", cells),)), ["w"], {"w"})["w"]
    assert found.levels == ("b", "a", None, "c") and found.counts == (3, 2, 2, 1)
    assert found.axis(2).tolist() == ["b", "a", None, "c"] and found.axis(2).dtype == object


def test_numbers_that_are_read_as_words_are_spelled_shortest():
    found = column_ranges(Table((Column("x", np.array([2.0, 2.5, 2.0])),)), ["x"], {"x"})["x"]
    assert found.levels == ("2", "2.5")


def test_only_so_many_levels_are_kept():
    cells = np.array([f"w{i}" for i in range(MOST_LEVELS + 5)] + ["w3"], dtype=object)
    found = column_ranges(Table((Column("w", cells),)), ["w"], {"w"})["w"]
    assert len(found.levels) == MOST_LEVELS and found.levels[0] == "w3"


def test_a_column_without_a_number_has_a_range_of_zero():
    found = column_ranges(Table((Column("x", np.full(3, np.nan)),)), ["x"], ())["x"]
    assert found.axis(4).tolist() == [0.0] * 4


def test_a_range_survives_its_record():
    for one in (ColumnRange(quantiles=(0.0, 1.5)), ColumnRange((), ("a", None), (3, 1))):
        assert ColumnRange.from_dict(one.to_dict(), "ranges.x") == one


@pytest.mark.parametrize(
    "record",
    [
        None,
        {},
        {"quantiles": [0.0], "levels": []},
        {"quantiles": ["0"], "levels": [], "counts": []},
        {"quantiles": [float("nan")], "levels": [], "counts": []},
        {"quantiles": [], "levels": [3], "counts": [1]},
        {"quantiles": [], "levels": ["a"], "counts": ["1"]},
        {"quantiles": [], "levels": [], "counts": [], "more": 1},
    ],
    ids=repr,
)
def test_a_malformed_record_is_refused_with_its_path(record):
    with pytest.raises(ModelFileError, match="ranges.x"):
        ColumnRange.from_dict(record, "ranges.x")
