"""What users pass in becomes float64 arrays; what cannot is named (tests/faults has those)."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator

from derivata.errors import ExtremeValueWarning, InvalidData, InvalidTarget
from derivata.estimators.bad_input import missing_rows, names_of
from derivata.estimators.row_values import (
    typed_labels,
    validate_exposure,
    validate_labels,
    validate_numbers,
    validate_offset,
    validate_weight,
)
from derivata.estimators.validation import column_names, validate_rows


def test_rows_become_float64_and_the_estimator_remembers_their_names():
    estimator = BaseEstimator()
    rows = validate_rows(estimator, pd.DataFrame({"a": [1, 2], "b": [True, False]}))
    assert rows.dtype == np.float64
    assert rows.tolist() == [[1.0, 1.0], [2.0, 0.0]]
    assert estimator.n_features_in_ == 2
    assert column_names(estimator, 2) == ["a", "b"]
    assert column_names(BaseEstimator(), 2) == ["x0", "x1"]


def test_sparse_rows_become_csr_without_duplicates():
    coo = sparse.coo_matrix(([1.0, 2.0, 3.0], ([0, 0, 1], [1, 1, 0])), shape=(2, 2))
    rows = validate_rows(BaseEstimator(), coo)
    assert isinstance(rows, sparse.csr_array)
    assert rows.has_canonical_format
    assert rows.toarray().tolist() == [[0.0, 3.0], [3.0, 0.0]]


def test_rows_to_predict_are_stored_by_row_whatever_they_came_from():
    # The last bit of a matrix product depends on how its operands lie in memory.
    estimator = BaseEstimator()
    X = np.arange(6.0).reshape(3, 2)
    validate_rows(estimator, X)
    for rows in (np.asfortranarray(X), X[::-1][::-1], X.astype(np.float32)):
        assert validate_rows(estimator, rows, reset=False).flags.c_contiguous


def test_the_first_bad_cell_is_named_in_row_order():
    X = np.ones((4, 3))
    X[3, 0] = X[1, 2] = np.nan
    with pytest.raises(InvalidData, match="row 1, column 'x2'"):
        validate_rows(BaseEstimator(), X)
    with pytest.raises(InvalidData, match="row 1, column 'x2'"):
        validate_rows(BaseEstimator(), sparse.csr_array(X))


def test_an_error_of_a_wide_table_stays_short():
    X = np.full((200, 300), "word", dtype=object)
    with pytest.raises(InvalidData) as caught:
        validate_rows(BaseEstimator(), X)
    assert len(str(caught.value)) < 300


def test_names_come_from_tables_of_every_library():
    frame = pd.DataFrame({"a": [1.0], "b": [2.0]})
    assert names_of(frame) == ["a", "b"]
    assert names_of(pl.from_pandas(frame)) == ["a", "b"]
    assert names_of(frame.to_numpy()) is None
    assert names_of(sparse.csr_array(frame.to_numpy())) is None
    assert names_of([[1.0, 2.0]]) is None
    pyarrow = pytest.importorskip("pyarrow")
    assert names_of(pyarrow.Table.from_pandas(frame)) == ["a", "b"]


@pytest.mark.parametrize(
    "y, rows",
    [
        ([1.0, np.nan], [1]),
        (np.array([None, "a", pd.NA, pd.NaT, float("nan")], dtype=object), [0, 2, 3, 4]),
        (["a", "b"], []),
        ([1, 2], []),
        (np.array(["nan", "None"], dtype=object), []),
    ],
    ids=str,
)
def test_missing_values_of_any_kind_are_found(y, rows):
    assert missing_rows(np.asarray(y)).tolist() == rows


# One value a row


def test_numbers_come_as_arrays_columns_and_scalars():
    for weight in ([1, 2], np.array([[1.0], [2.0]]), pd.Series([1, 2]), pl.Series([1, 2])):
        assert validate_weight(weight, 2).tolist() == [1.0, 2.0]
    assert validate_weight(None, 2).tolist() == [1.0, 1.0]
    assert validate_weight(3.0, 2).tolist() == [3.0, 3.0]
    assert validate_offset(None, 2) is None
    assert validate_offset(0.5, 2).tolist() == [[0.5], [0.5]]
    assert validate_exposure([1.0, np.e], 2).tolist() == [[0.0], [1.0]]


def test_weights_given_are_not_changed():
    weight = np.array([1.0, 2.0])
    validate_weight(weight, 2)[0] = 5.0
    assert weight.tolist() == [1.0, 2.0]


def test_a_ruling_row_needs_others_to_rule():
    with pytest.warns(ExtremeValueWarning, match="row 2 holds 99.1%"):
        validate_weight([1.0, 1.0, 1e3, *[1.0] * 7], 10)
    validate_weight([1.0, 1e3], 2)  # two rows of which one counts more are no accident


@pytest.mark.parametrize(
    "labels, kind",
    [
        (["a", "b"], "O"),
        ([True, False], "b"),
        ([1, 2], "i"),
        ([1.0, 2], "f"),
    ],
    ids=str,
)
def test_labels_in_an_object_array_get_the_type_they_have(labels, kind):
    found = validate_labels(np.array(labels, dtype=object))
    assert found.dtype.kind == kind
    assert found.tolist() == labels


def test_a_list_of_labels_keeps_what_numpy_would_turn_into_text():
    for labels in (["a", float("nan")], [1, "a"], ["a", None]):
        with pytest.raises(InvalidTarget, match="row [01]"):
            validate_labels(np.asarray(typed_labels(labels)))
    assert typed_labels(["a", "b"]) == ["a", "b"]
    assert typed_labels([1, 2.0]) == [1, 2.0]


def test_numbers_of_a_target_are_bounded_by_what_can_be_squared_twice():
    assert validate_numbers(np.array([0, 0])).tolist() == [0.0, 0.0]
    assert validate_numbers(np.array([1e-69, -1e70]))[1] == -1e70
    for largest in (1e71, 1e-71):
        with pytest.raises(InvalidTarget, match="row 1"):
            validate_numbers(np.array([0.0, -largest]))
    # Infinity is the loss's to refuse, by its row.
    assert np.isinf(validate_numbers(np.array([np.inf]))[0])
