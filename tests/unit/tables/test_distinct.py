"""Distinct cells: what rows have in common is looked at once."""

import numpy as np
import pytest

from derivata.tables.distinct import PARTS, DistinctCells


def words(*cells):
    return np.array(cells, dtype=object)


def test_codes_and_distinct_cells_give_the_column_back():
    cells = {"x": np.array([3.0, 1.0, 3.0, np.nan, np.nan]), "w": words("b", None, "b", "a", None)}
    distinct = DistinctCells(cells)
    numbers, texts = distinct.of(("x",)), distinct.of(("w",))
    np.testing.assert_array_equal(numbers.cells["x"][numbers.codes], cells["x"])
    assert numbers.n_codes == 3  # all gaps are one
    assert texts.cells["w"][texts.codes].tolist() == cells["w"].tolist()
    assert texts.n_codes == 3 and texts.cells["w"].dtype == object


def test_pairs_are_those_that_occur():
    rng = np.random.default_rng(0)
    cells = {
        "x": rng.integers(0, 5, 60).astype(float),
        "y": rng.integers(0, 7, 60).astype(float),
        "w": rng.choice(["a", "b", None], 60).astype(object),
    }
    cells["x"][::9] = np.nan
    for columns in (("x", "y"), ("x", "w"), ("w", "x"), ("x", "w", "y")):
        found = DistinctCells(cells).of(columns)
        rows = {tuple(str(cells[name][i]) for name in columns) for i in range(60)}
        assert found.n_codes == len(rows)
        assert set(found.cells) == set(columns)
        for name in columns:
            assert list(map(str, found.cells[name][found.codes])) == list(map(str, cells[name]))


def test_each_tuple_of_columns_is_told_apart_once():
    distinct = DistinctCells({"x": np.arange(4.0), "y": np.zeros(4)})
    assert distinct.of(("x", "y")) is distinct.of(("x", "y"))
    assert distinct.of(("x",)) is distinct.of(("x",))


def test_minus_zero_is_zero():
    found = DistinctCells({"x": np.array([0.0, -0.0, 1.0])}).of(("x",))
    assert found.n_codes == 2


def test_coarse_pairs_are_rounded_to_medians_of_equal_parts_and_single_columns_are_not():
    rng = np.random.default_rng(0)
    x = rng.normal(size=5_000)
    x[:50] = np.nan
    cells = {"x": x, "y": rng.integers(0, 10, 5_000).astype(float)}
    distinct = DistinctCells(cells, coarse=True)
    assert distinct.of(("x",)).n_codes == 4_951
    pairs = distinct.of(("x", "y"))
    assert pairs.n_codes <= (PARTS + 1) * 10
    # A column of few values keeps them, gaps stay gaps, and ranks move by a part at most.
    np.testing.assert_array_equal(pairs.cells["y"][pairs.codes], cells["y"])
    rounded = pairs.cells["x"][pairs.codes]
    np.testing.assert_array_equal(np.isnan(rounded), np.isnan(x))
    ranks = np.searchsorted(np.sort(x[50:]), np.stack([x[50:], rounded[50:]])) / 4_950
    assert np.abs(ranks[0] - ranks[1]).max() <= 1.0 / PARTS


def test_words_are_never_rounded():
    letters = np.array([f"w{i}" for i in range(100)] * 3, dtype=object)
    cells = {"w": letters, "x": np.arange(300.0)}
    pairs = DistinctCells(cells, coarse=True).of(("w", "x"))
    assert pairs.cells["w"][pairs.codes].tolist() == letters.tolist()


@pytest.mark.parametrize("n_rows", [0, 1])
def test_no_row_and_one_row_are_told_apart_too(n_rows):
    cells = {"x": np.zeros(n_rows), "w": np.full(n_rows, "a", dtype=object)}
    for coarse in (False, True):
        found = DistinctCells(cells, coarse).of(("x", "w"))
        assert found.n_codes == n_rows == len(found.codes)
