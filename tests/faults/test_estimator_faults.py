"""Cases 1-55 and 61-66 of the fault list at the estimators' door: named, placed, with a cure.

Each test holds one case: either an error whose message names the column or row and what to do, or
a coded warning, or plainly the right answer. Cases that only files or user code can raise (29 to 30
as text, 56 to 60) are tested where those come in.
"""

import datetime
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse

from derivata import (
    LBFGS,
    HoldOut,
    KFold,
    LeaveOneOut,
    LinearRegressor,
    LogisticClassifier,
    Newton,
    PoissonRegressor,
)
from derivata.errors import (
    BoundWarning,
    CollinearWarning,
    ConstantColumnWarning,
    DerivataError,
    ExtremeValueWarning,
    InvalidData,
    InvalidParameter,
    InvalidTarget,
    InvalidWeight,
    LeverageWarning,
    NotConverged,
    NotConvergedWarning,
    PerfectFitWarning,
    SeparationWarning,
    ShapeMismatch,
)

N, P = 60, 3
TARGETS = {LinearRegressor: "number", LogisticClassifier: "label", PoissonRegressor: "count"}
EACH = pytest.mark.parametrize("model_class", TARGETS, ids=lambda made: made.__name__)

_rng = np.random.default_rng(0)
X = _rng.standard_normal((N, P))
OUTPUTS = X @ [1.0, -1.0, 0.5]
Y = {
    "number": OUTPUTS + 0.3 * _rng.standard_normal(N),
    "label": np.where(OUTPUTS + _rng.logistic(size=N) > 0, "yes", "no"),
    "three": np.array(["a", "b", "c"])[np.digitize(OUTPUTS + _rng.logistic(size=N), [-1, 1])],
    "count": _rng.poisson(np.exp(0.5 * OUTPUTS)),
}
FRAME = pd.DataFrame(X, columns=["age", "size", "price"])


def target(model_class):
    return Y[TARGETS[model_class]]


def fit(model_class, features=X, y=None, **arguments):
    settings = {name: arguments.pop(name) for name in list(arguments) if name in SETTINGS}
    return model_class(**settings).fit(
        features, target(model_class) if y is None else y, **arguments
    )


SETTINGS = set(LogisticClassifier().get_params())


def spoiled(row, column, value, features=X):
    changed = np.array(features, dtype=float)
    changed[row, column] = value
    return changed


def refused(error, *words):
    """The error, and every word of its message."""
    pattern = "".join(f"(?=.*{word})" for word in words)
    return pytest.raises(error, match=f"(?s)^{pattern}")


def warned(category, *words):
    pattern = "".join(f"(?=.*{word})" for word in words)
    return pytest.warns(category, match=rf"(?s)^\[{category.code}\]{pattern}")


def assert_close(model, other, rtol=1e-6):
    np.testing.assert_allclose(model.coef_, other.coef_, rtol=rtol, atol=1e-9)
    np.testing.assert_allclose(model.alpha_, other.alpha_, rtol=rtol)


# Values


@EACH
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_missing_or_infinite_cell_is_named(model_class, value):  # 1, 2
    with refused(InvalidData, f"`X` is {value} in row 3", "'x1'", "Impute it"):
        fit(model_class, spoiled(3, 1, value))
    with refused(InvalidData, f"`X` is {value} in row 3", "'size'", "Impute it"):
        fit(model_class, pd.DataFrame(spoiled(3, 1, value), columns=FRAME.columns))
    model = fit(model_class)
    with refused(InvalidData, f"`X` is {value} in row 5", "'x2'"):
        model.predict(spoiled(5, 2, value))


@EACH
@pytest.mark.parametrize("value", [np.nan, None, pd.NA], ids=str)
@pytest.mark.parametrize("make", [np.array, pd.Series, list], ids=["array", "series", "list"])
def test_a_missing_target_is_named_by_its_row(model_class, value, make):  # 3
    y = target(model_class).astype(object)
    y[5] = value
    with refused(InvalidTarget, "in row 5", "Drop the rows without a target"):
        fit(model_class, y=make(y))


def test_a_missing_target_of_a_typed_series_is_named_by_its_row():  # 3
    counts = pd.Series(Y["count"], dtype="Int64")
    counts[7] = pd.NA
    with refused(InvalidTarget, "in row 7"):
        fit(PoissonRegressor, y=counts)
    with refused(InvalidTarget, "in row 0"):
        fit(LogisticClassifier, y=pl.Series([None, *Y["label"][1:]]))
    labels = pd.Series(Y["label"], dtype="string")
    labels[7] = pd.NA
    with refused(InvalidTarget, "in row 7"):
        fit(LogisticClassifier, y=labels)


@EACH
@pytest.mark.parametrize("value", [1e200, -1e160])
def test_a_cell_too_large_to_be_squared_is_named(model_class, value):  # 4
    with refused(InvalidData, "in row 3", "'x1'", "cannot be squared", "rescale"):
        fit(model_class, spoiled(3, 1, value))


@EACH
def test_the_largest_cell_allowed_is_said_to_rule_its_column(model_class):  # 4
    with warned(ExtremeValueWarning, "column 'x1'", "row 3", "Correct it"):
        model = fit(model_class, spoiled(3, 1, 1e149))
    assert np.isfinite(model.coef_).all()


@EACH
def test_subnormal_numbers_are_a_column_too_small_to_use(model_class):  # 5
    with warned(ConstantColumnWarning, "'x1'", "too small", "another unit"):
        model = fit(model_class, X * [1.0, 1e-310, 1.0])
    assert np.atleast_2d(model.coef_)[0, 1] == 0.0
    assert_close(fit(model_class, spoiled(3, 1, 1e-310)), fit(model_class, spoiled(3, 1, 0.0)))


@EACH
@pytest.mark.parametrize("alpha", ["tune", 0, 1.0])
@pytest.mark.parametrize("ratio", [1e12, 1e-12, 1e100])
def test_units_of_columns_do_not_matter(model_class, alpha, ratio):  # 6
    units = np.array([1.0, ratio, 1.0])
    plain, other = fit(model_class, alpha=alpha), fit(model_class, X * units, alpha=alpha)
    np.testing.assert_allclose(other.coef_ * units, plain.coef_, rtol=1e-8)
    if model_class is LogisticClassifier:
        np.testing.assert_array_equal(other.predict(X * units), plain.predict(X))
    else:
        np.testing.assert_allclose(other.predict(X * units), plain.predict(X), rtol=1e-8)


def test_digits_lost_to_single_precision_are_reported():  # 7
    with warned(ConstantColumnWarning, "'x0', 'x1', 'x2'", "subtract a constant"):
        fit(LinearRegressor, (X + 1e8).astype(np.float32))
    with warned(ExtremeValueWarning, "'age'", "float32", "digits are lost", "float64"):
        fit(LinearRegressor, FRAME.assign(age=(20.0 * X[:, 0] + 1e8).astype(np.float32)))
    # Whole numbers lose nothing.
    years = (2000 + np.arange(N) % 20).astype(np.float16)
    fit(LinearRegressor, np.column_stack([years, years % 3]), alpha=1.0)


def test_a_large_offset_in_double_precision_is_harmless():  # 7
    plain = fit(LinearRegressor, alpha=1.0)
    np.testing.assert_allclose(
        fit(LinearRegressor, X + 1e8, alpha=1.0).coef_, plain.coef_, rtol=1e-6
    )
    with warned(ConstantColumnWarning, "'x0', 'x1', 'x2'", "up to rounding"):
        fit(LinearRegressor, X + 1e15)


def test_integers_that_float64_rounds_are_reported():  # 8
    identifier = 2**60 + 1000 * np.arange(N, dtype=np.int64)
    with warned(ExtremeValueWarning, "'id'", "2\\^53", "leave the column out"):
        fit(LinearRegressor, FRAME.assign(id=identifier * (1 + np.arange(N) % 2)))


def test_an_integer_beyond_float_is_named():  # 9
    rows = [[10**400, 1.0], [1, 2], [3, 4]]
    with refused(InvalidData, "in row 0", "'x0'", "too large", "another unit"):
        LinearRegressor().fit(rows, [1, 2, 3])


@EACH
@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int64, ">i4"])  # 10
def test_integers_of_any_size_are_what_they_say(model_class, dtype):
    whole = np.rint(10.0 * X) + 50.0
    model = fit(model_class, whole.astype(dtype))
    np.testing.assert_array_equal(model.coef_, fit(model_class, whole).coef_)


@EACH
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.longdouble, ">f8"])  # 11
def test_numbers_of_other_precision_are_what_they_say(model_class, dtype):
    narrow = X.astype(dtype)
    model = fit(model_class, narrow)
    np.testing.assert_array_equal(model.coef_, fit(model_class, narrow.astype(float)).coef_)


@EACH
def test_complex_numbers_are_refused(model_class):  # 12
    with refused(InvalidData, "`X`", "complex", "columns of their own") as caught:
        fit(model_class, X.astype(complex))
    assert len(str(caught.value)) < 300
    with refused(InvalidData, "`y`", "complex"):
        fit(model_class, y=np.ones(N, dtype=complex))
    with refused(InvalidWeight, "complex"):
        fit(model_class, sample_weight=np.ones(N, dtype=complex))


@EACH
def test_truth_values_are_zero_and_one(model_class):  # 13
    model = fit(model_class, X > 0)
    np.testing.assert_array_equal(model.coef_, fit(model_class, (X > 0).astype(float)).coef_)
    if model_class is LogisticClassifier:
        truth = fit(model_class, y=Y["label"] == "yes")
        assert truth.classes_.dtype == bool
        np.testing.assert_array_equal(truth.predict(X), fit(model_class).predict(X) == "yes")


@EACH
def test_a_masked_cell_is_named_and_never_unmasked(model_class):  # 14
    mask = np.zeros((N, P), dtype=bool)
    mask[26, 1] = True
    with refused(InvalidData, "`X`", "row 26, column 1", "Impute it"):
        fit(model_class, np.ma.array(X, mask=mask))
    with refused(InvalidData, "`y`", "row 26"):
        fit(model_class, y=np.ma.array(target(model_class), mask=mask[:, 1]))
    with refused(InvalidData, "`sample_weight`", "row 26"):
        fit(model_class, sample_weight=np.ma.array(np.ones(N), mask=mask[:, 1]))
    with refused(InvalidData, "`offset`", "row 26"):
        fit(model_class, offset=np.ma.array(np.ones(N), mask=mask[:, 1]))
    np.testing.assert_array_equal(fit(model_class, np.ma.array(X)).coef_, fit(model_class).coef_)


@EACH
def test_missing_cells_of_nullable_columns_are_named(model_class):  # 15
    column = pd.array([1, pd.NA] * (N // 2), dtype="Int64")
    with refused(InvalidData, "in row 1", "'age'"):
        fit(model_class, FRAME.assign(age=column))
    with refused(InvalidData, "in row 1", "'age'"):
        fit(model_class, FRAME.assign(age=pd.array([True, pd.NA] * (N // 2), dtype="boolean")))
    with refused(InvalidData, "in row 1", "'age'"):
        fit(model_class, pl.from_pandas(FRAME).with_columns(age=pl.Series([1.0, None] * (N // 2))))
    whole = FRAME.assign(age=pd.array(np.arange(N), dtype="Int64"))
    np.testing.assert_array_equal(
        fit(model_class, whole).coef_, fit(model_class, whole.astype(float)).coef_
    )


@EACH
def test_a_read_only_file_map_is_read(model_class, tmp_path):  # 16
    X.tofile(tmp_path / "rows.bin")
    rows = np.memmap(tmp_path / "rows.bin", dtype=float, mode="r", shape=X.shape)
    np.testing.assert_array_equal(fit(model_class, rows).coef_, fit(model_class).coef_)


# Shape and schema


@EACH
@pytest.mark.parametrize(
    "empty",
    [pd.DataFrame(), pl.DataFrame(), np.zeros((N, 0))],
    ids=["pandas", "polars", "no columns"],
)
def test_a_table_without_columns_is_refused(model_class, empty):  # 17, 19
    with refused(InvalidData, "`X` has no columns", "0 feature"):
        fit(model_class, empty)


@EACH
def test_a_table_without_rows_is_refused(model_class):  # 18
    with refused(InvalidData, "`X` has no rows", "filtered out"):
        fit(model_class, FRAME.iloc[:0], y=target(model_class)[:0])
    with refused(InvalidData, "`X` has no rows"):
        fit(model_class, FRAME).predict(FRAME.iloc[:0])


@EACH
@pytest.mark.parametrize("shape", [(N,), (N, P, 1), ()], ids=str)
def test_other_than_two_dimensions_are_refused_with_the_cure(model_class, shape):  # 20, 21
    with refused(InvalidData, "Expected 2D array", "Reshape your data"):
        fit(model_class, np.zeros(shape))
    with refused(ShapeMismatch, "Reshape your data"):
        fit(model_class).predict(X[0])


@EACH
@pytest.mark.parametrize(
    "thing",
    [None, "table.csv", 3.0, (row for row in X)],
    ids=["None", "path", "number", "generator"],
)
def test_what_is_no_table_is_refused(model_class, thing):  # 20
    with refused(InvalidData, "`X` is", "Expected 2D array"):
        fit(model_class, thing)


@EACH
def test_lengths_that_differ_are_named(model_class):  # 22
    with refused(ShapeMismatch, "`X` has 60 rows but `y` has 59"):
        fit(model_class, y=target(model_class)[1:])
    with refused(ShapeMismatch, "`sample_weight` has 5 numbers for 60 rows"):
        fit(model_class, sample_weight=np.ones(5))
    with refused(ShapeMismatch, "`offset` has 5 numbers for 60 rows"):
        fit(model_class, offset=np.ones(5))
    if model_class is PoissonRegressor:
        with refused(ShapeMismatch, "`exposure` has 5 numbers for 60 rows"):
            fit(model_class, exposure=np.ones(5))
    with refused(ShapeMismatch, "`y` has the shape \\(60, 2\\)"):
        fit(model_class, y=np.column_stack([target(model_class)] * 2))


@EACH
def test_offsets_at_predict_are_checked_like_those_at_fit(model_class):  # 22, 51
    model = fit(model_class, offset=np.zeros(N))
    with refused(ShapeMismatch, "`offset` has 3 numbers for 60 rows"):
        model.predict(X, offset=np.ones(3))
    with refused(InvalidWeight, "`offset` is nan in row 0"):
        model.predict(X, offset=np.full(N, np.nan))
    column = model.predict(X, offset=np.ones((N, 1)))
    np.testing.assert_array_equal(column, model.predict(X, offset=np.ones(N)))
    np.testing.assert_array_equal(column, model.predict(X, offset=1.0))


@EACH
def test_a_name_that_two_columns_share_is_named(model_class):  # 23
    with refused(InvalidData, "more than one column named 'age'", "Rename"):
        fit(model_class, FRAME.set_axis(["age", "age", "price"], axis=1))


@EACH
def test_names_that_are_not_all_text_are_refused(model_class):  # 24
    with refused(TypeError, "Feature names", "7 is of type int"):
        fit(model_class, FRAME.set_axis(["age", 7, "price"], axis=1))


@EACH
@pytest.mark.parametrize(
    "change, said",
    [
        (lambda X: X.rename(columns={"age": "years"}), "years.*age"),
        (lambda X: X.drop(columns="price"), "price"),
        (lambda X: X.assign(colour=1.0), "colour"),
        (lambda X: X[["size", "age", "price"]], "same order"),
        (lambda X: pl.from_pandas(X[["size", "age", "price"]]), "same order"),
    ],
    ids=["renamed", "missing", "extra", "reordered", "reordered polars"],
)
def test_other_columns_at_predict_are_named(model_class, change, said):  # 25
    with refused(InvalidData, said):
        fit(model_class, FRAME).predict(change(FRAME))


@EACH
def test_another_number_of_columns_at_predict_is_named(model_class):  # 25
    with refused(InvalidData, "X has 2 features", "3 features"):
        fit(model_class).predict(X[:, :2])


@EACH
def test_an_array_after_a_frame_is_used_with_a_warning(model_class):  # 26
    model = fit(model_class, FRAME)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        found = model.predict(X)
    np.testing.assert_array_equal(found, model.predict(FRAME))


@EACH
@pytest.mark.parametrize("alpha", ["tune", 1.0])
def test_a_column_that_is_the_target_is_named(model_class, alpha):  # 27
    y = target(model_class)
    copy = y == "yes" if y.dtype.kind == "U" else y
    with warned(PerfectFitWarning, "column 'copy' is a copy of the target", "Leave it out"):
        fit(model_class, FRAME.assign(copy=3.0 - 2.0 * copy), alpha=alpha)


@EACH
def test_a_target_that_is_not_given_is_asked_for(model_class):  # 28
    with refused(InvalidData, "requires y to be passed"):
        model_class().fit(X, None)


@EACH
def test_a_column_of_dates_is_named(model_class):  # 29
    days = pd.date_range("2020-01-01", periods=N)
    for column in (days, days.tz_localize("UTC"), days - days[0]):
        with refused(InvalidData, "'day'", "dates or durations", "count of days"):
            fit(model_class, FRAME.assign(day=column))
    frame = pl.from_pandas(FRAME).with_columns(day=pl.Series(days.date.tolist()))
    with refused(InvalidData, "'day'", "dates or durations"):
        fit(model_class, frame)
    with refused(InvalidData, "datetime64", "count of days"):
        fit(model_class, days.to_numpy()[:, None])
    with refused(TypeError, "in row 1", "'x0'", "count of days"):
        fit(model_class, [[1.0]] + [[datetime.date(2020, 1, 1)]] * (N - 1))
    with refused(InvalidTarget, "`y` holds datetime64"):
        fit(model_class, y=days)


@EACH
@pytest.mark.parametrize(
    "make",
    [pd.Series, pd.Categorical, lambda words: pl.Series(words)],
    ids=["text", "category", "polars"],
)
def test_a_cell_of_text_is_named(model_class, make):  # 30
    words = ["u", "v"] * (N // 2)
    frame = FRAME.assign(word=make(words)) if not isinstance(make(words), pl.Series) else None
    if frame is None:
        frame = pl.from_pandas(FRAME).with_columns(word=make(words))
    with refused(InvalidData, "`X` is 'u' in row 0", "'word'", "one-hot"):
        fit(model_class, frame)


def test_a_cell_of_text_in_an_arrow_table_is_named():  # 30
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.Table.from_pandas(FRAME.assign(word=["u", "v"] * (N // 2)))
    with refused(InvalidData, "`X` is 'u' in row 0, column 'word'"):
        fit(LinearRegressor, table)


@EACH
def test_sparse_rows_are_checked_and_read_as_they_are(model_class):  # 31
    rows = sparse.csr_array(X * (np.abs(X) > 0.5))
    model = fit(model_class, rows)
    for value in (np.nan, np.inf, 1e200):
        bad = rows.copy()
        bad[3, 1] = value
        with refused(InvalidData, "in row 3", "'x1'"):
            fit(model_class, bad)
    wide = rows.copy()
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    np.testing.assert_array_equal(fit(model_class, wide).coef_, model.coef_)
    entries, everywhere = rows.tocoo(), np.indices(rows.shape).reshape(2, -1)
    with_zeros = sparse.coo_array((rows.toarray().ravel(), everywhere), rows.shape).tocsr()
    assert with_zeros.nnz == N * P
    np.testing.assert_allclose(fit(model_class, with_zeros).coef_, model.coef_, rtol=1e-9)
    halves = sparse.coo_array(
        (np.tile(entries.data / 2, 2), (np.tile(entries.row, 2), np.tile(entries.col, 2))),
        rows.shape,
    )
    np.testing.assert_array_equal(fit(model_class, halves).coef_, model.coef_)


def test_a_sparse_target_is_refused():  # 31
    with refused(TypeError, "Sparse data was passed for y"):
        fit(LinearRegressor, y=sparse.csr_array(Y["number"][:, None]))


@EACH
def test_a_ragged_list_names_the_row_that_differs(model_class):  # 32
    rows = X.tolist()
    rows[4] = rows[4][:2]
    with refused(ShapeMismatch, "row 4 of `X` has 2 values but row 0 has 3"):
        fit(model_class, rows)


@EACH
def test_one_row_is_refused(model_class):  # 33
    with refused(InvalidData, "(1 sample|one class)"):
        fit(model_class, X[:1], y=np.ones(1))


@EACH
@pytest.mark.parametrize("n_rows", [4, 6, 10])
@pytest.mark.parametrize("groups", [None, "columns"])
def test_a_few_rows_are_fitted(model_class, n_rows, groups):  # 33
    rng = np.random.default_rng(n_rows)
    y = {
        LinearRegressor: rng.standard_normal(n_rows),
        LogisticClassifier: np.arange(n_rows) % 2,
        PoissonRegressor: rng.poisson(3.0, n_rows),
    }[model_class]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BoundWarning)  # the targets are noise
        model = fit(model_class, rng.standard_normal((n_rows, 2)), y, groups=groups)
    assert np.isfinite(model.coef_).all()
    assert model.converged_


@pytest.mark.parametrize("kind", ["number", "label", "three", "count"])
def test_many_more_columns_than_rows_are_fitted(kind):  # 34
    rng = np.random.default_rng(0)
    wide = rng.standard_normal((N, 500))
    outputs = wide[:, :4].sum(axis=1)
    y = {
        "number": outputs,
        "label": outputs > 0,
        "three": np.digitize(outputs, [-1, 1]),
        "count": rng.poisson(np.exp(outputs / 3)),
    }[kind]
    model_class = {"number": LinearRegressor, "count": PoissonRegressor}.get(
        kind, LogisticClassifier
    )
    model = fit(model_class, wide, y)
    assert model.converged_
    assert model.effective_params_ < N * (2 if kind == "three" else 1)
    assert model.score(wide, y) > 0.5


def test_more_columns_than_rows_without_penalty_are_said_to_be_undetermined():  # 34
    wide = np.random.default_rng(0).standard_normal((30, 80))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit(LinearRegressor, wide, Y["number"][:30], alpha=0)
    said = [str(warning.message) for warning in caught]
    assert len(said) == 2
    assert "51 combinations of the 80 columns are not determined by the 30 rows" in said[0]
    assert "[D206]" in said[1] and "more columns than rows" in said[1]


# Statistics


@EACH
@pytest.mark.parametrize("store", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_columns_that_repeat_each_other_are_named(model_class, store):  # 35
    rows = np.column_stack([X, X[:, 0] + X[:, 1]])
    with warned(CollinearWarning, "'x0'", "'x1'", "'x3'", "Drop one"):
        model = fit(model_class, store(rows), alpha=0)
    plain = fit(model_class, alpha=0)
    if model_class is not LogisticClassifier:
        np.testing.assert_allclose(model.predict(rows), plain.predict(X), rtol=1e-6)
    fit(model_class, store(rows), alpha=1.0)  # a penalty settles it: no warning
    fit(model_class, store(rows))


def test_three_classes_name_a_repeated_column_once():  # 35
    rows = np.column_stack([X, X[:, 0]])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit(LogisticClassifier, rows, Y["three"], alpha=0)
    assert len(caught) == 1
    assert "repeat each other" in str(caught[0].message)


def test_sets_of_repeated_columns_are_told_apart():  # 35
    levels = np.eye(3)[np.arange(N) % 3], np.eye(4)[np.arange(N) % 4]
    frame = pd.DataFrame(np.hstack([X, *levels]), columns=list("xyzabcdefg"))
    with warned(CollinearWarning, "('[abc]', ){2}'[abc]'", "('[defg]', ){3}'[defg]'", "; and"):
        fit(LinearRegressor, frame, alpha=0)


@EACH
@pytest.mark.parametrize("apart", [1e-9, 1e-13, 1e-15])
def test_columns_that_nearly_repeat_each_other_are_named(model_class, apart):  # 36
    noise = np.random.default_rng(1).standard_normal(N)
    rows = np.column_stack([X, X[:, 0] + apart * noise])
    with warned(CollinearWarning, "'x0'", "'x3'"):
        model = fit(model_class, rows, alpha=0)
    both = np.atleast_2d(model.coef_)[0, [0, 3]]
    single = np.atleast_2d(fit(model_class, alpha=0).coef_)[0, 0]
    np.testing.assert_allclose(both, single / 2, rtol=1e-4)
    assert fit(model_class, rows).converged_


@EACH
@pytest.mark.parametrize("store", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("value", [0.0, 7.0, 0.1, -1e12])
@pytest.mark.parametrize("alpha", ["tune", 0])
def test_a_constant_column_is_named_and_left_alone(model_class, store, value, alpha):  # 37
    rows = np.column_stack([X, np.full(N, value)])
    with warned(ConstantColumnWarning, "'x3'", "one value only", "its coefficient is 0"):
        model = fit(model_class, store(rows), alpha=alpha)
    assert np.atleast_2d(model.coef_)[0, 3] == 0.0
    plain = fit(model_class, store(X), alpha=alpha)
    np.testing.assert_allclose(np.atleast_2d(model.coef_)[:, :3], np.atleast_2d(plain.coef_), 1e-2)
    # What the column does later makes no difference.
    moved = np.column_stack([X, np.full(N, value + 1.0)])
    np.testing.assert_array_equal(model.predict(store(moved)), model.predict(store(rows)))


def test_a_constant_column_without_intercept_serves_as_one():  # 37
    rows = np.column_stack([X, np.full(N, 3.0)])
    model = fit(LinearRegressor, rows, Y["number"] + 6.0, alpha=0, fit_intercept=False)
    assert model.coef_[3] == pytest.approx(fit(LinearRegressor, alpha=0).intercept_ / 3.0 + 2.0)
    with warned(ConstantColumnWarning, "'x3'"):
        fit(LinearRegressor, rows * [1, 1, 1, 0], fit_intercept=False)


@EACH
def test_nothing_but_constant_columns_gives_the_constant_fit(model_class):  # 37
    with warned(ConstantColumnWarning, "'x0', 'x1'"):
        model = fit(model_class, np.ones((N, 2)))
    np.testing.assert_array_equal(model.coef_, np.zeros_like(model.coef_))
    if model_class is not LogisticClassifier:
        np.testing.assert_allclose(model.predict(np.ones((1, 2))), target(model_class).mean())


def test_complete_separation_is_named_without_penalty_and_settled_with_one():  # 38
    y = X[:, 0] > 0
    with warned(SeparationWarning, "'x0'", "no finite best value", "alpha='tune'"):
        fit(LogisticClassifier, y=y, alpha=0)
    with warned(SeparationWarning, "'x0'"):
        fit(LogisticClassifier, y=np.digitize(X[:, 0], [-0.5, 0.5]), alpha=0)
    with warned(SeparationWarning, "'x0'"):
        fit(LogisticClassifier, y=y, alpha=1e-9)  # as good as none
    for model in (fit(LogisticClassifier, y=y), fit(LogisticClassifier, y=y, alpha=0.01)):
        assert model.converged_
        assert model.score(X, y) == 1.0


@pytest.mark.parametrize("store", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_quasi_separation_names_the_column_at_fault(store):  # 39
    level = (np.arange(N) % 5 == 0).astype(float)
    rows = store(np.column_stack([X, level]))
    y = np.where(level == 1, "yes", Y["label"])
    with warned(SeparationWarning, "columns 'x3'", "no finite best value"):
        fit(LogisticClassifier, rows, y, alpha=0)
    assert np.abs(fit(LogisticClassifier, rows, y).coef_).max() < 20.0
    counts = np.where(level == 1, 0, Y["count"])
    with warned(SeparationWarning, "columns 'x3'"):
        fit(PoissonRegressor, rows, counts, alpha=0)


def test_a_free_column_that_separates_is_to_be_given_a_group():  # 39
    level = (np.arange(N) % 5 == 0).astype(float)
    y = np.where(level == 1, "yes", Y["label"])
    with warned(SeparationWarning, "columns 'x3'", "give columns without a group one"):
        fit(LogisticClassifier, np.column_stack([X, level]), y, groups=["a", "a", "a", None])


def test_one_class_is_refused():  # 40
    for y in (np.ones(N), ["only"] * N):
        with refused(InvalidTarget, "one class only, (1.0|only)"):
            fit(LogisticClassifier, y=y)
    weight = (Y["label"] == "yes").astype(float)
    with refused(InvalidTarget, "one class only, yes", "positive weight"):
        fit(LogisticClassifier, sample_weight=weight)
    with refused(InvalidTarget, "one class only, yes"):
        fit(LogisticClassifier, class_weight={"yes": 1.0, "no": 0.0})


def test_a_third_class_without_weight_is_no_class():  # 40, 53
    y, weight = Y["three"], (Y["three"] != "b").astype(float)
    model = fit(LogisticClassifier, y=y, sample_weight=weight, alpha=1.0)
    assert model.classes_.tolist() == ["a", "c"]
    assert_close(model, fit(LogisticClassifier, X[weight > 0], y[weight > 0], alpha=1.0))


@pytest.mark.parametrize("criterion", [None, KFold(5), HoldOut(), LeaveOneOut()], ids=repr)
def test_a_class_of_one_row_may_be_missing_in_a_fold(criterion):  # 41, 42
    y = Y["label"].astype(object)
    y[17] = "rare"
    model = fit(LogisticClassifier, y=y, criterion=criterion)
    assert model.converged_
    assert np.isfinite(model.coef_).all()
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1.0)


@pytest.mark.parametrize("criterion", [None, KFold(5)], ids=repr)
def test_a_single_positive_row_is_fitted(criterion):  # 42
    model = fit(LogisticClassifier, y=np.arange(N) == 7, criterion=criterion)
    assert model.converged_
    assert model.predict_proba(X)[7, 1] > 1.0 / N


def test_numbers_as_labels_are_refused_with_the_regressor_named():  # 43
    with refused(InvalidTarget, "in row 0", "Unknown label type: continuous", "LinearRegressor"):
        fit(LogisticClassifier, y=Y["number"])
    fit(LogisticClassifier, y=(Y["label"] == "yes").astype(float))  # 0.0 and 1.0 are labels


def test_labels_of_mixed_types_are_named():  # 43
    with refused(InvalidTarget, "type int \\(row 0\\) and str \\(row 3\\)", "astype\\(str\\)"):
        fit(LogisticClassifier, y=[1, 1, 1, "one"] + [1] * (N - 4))
    for labels in (np.array([1, 2], dtype=object), np.array([False, True], dtype=object)):
        model = fit(LogisticClassifier, y=labels[(Y["label"] == "yes").astype(int)])
        assert model.classes_.tolist() == labels.tolist()


@pytest.mark.parametrize("model_class", [LinearRegressor, PoissonRegressor])
def test_text_as_a_number_is_named(model_class):  # 43
    with refused(InvalidTarget, "no number", "in row 0", "LogisticClassifier"):
        fit(model_class, y=Y["label"])


def test_negative_counts_are_named():  # 44
    with refused(InvalidTarget, "`y` is -1.0 in row 9", ">= 0"):
        fit(PoissonRegressor, y=np.where(np.arange(N) == 9, -1.0, Y["count"]))
    with refused(InvalidTarget, "zero in every row"):
        fit(PoissonRegressor, y=np.zeros(N))


def test_an_expected_count_that_overflows_is_reported_by_its_row():  # 45
    model = fit(PoissonRegressor)
    with warned(ExtremeValueWarning, "row 4", "overflows", "units"):
        counts = model.predict(spoiled(4, 0, 1e6))
    assert np.isfinite(counts).all()
    np.testing.assert_array_equal(counts[:4], model.predict(X)[:4])


def test_scores_that_overflow_are_still_probabilities():  # 45
    for y in (Y["label"], Y["three"]):
        model = fit(LogisticClassifier, y=y)
        probability = model.predict_proba(1e149 * X)
        np.testing.assert_allclose(probability.sum(axis=1), 1.0)
        assert np.isfinite(model.predict_log_proba(1e100 * X)).all()


@EACH
@pytest.mark.parametrize("value", [1e3, -1e200])
def test_an_offset_that_overflows_the_link_is_named(model_class, value):  # 45
    offset = np.where(np.arange(N) == 6, value, 0.0)
    if model_class is LinearRegressor and value == 1e3:
        with warned(ExtremeValueWarning, "`y`", "row 6"):  # y less the offset, that is
            fit(model_class, offset=offset, alpha=1.0)
    else:
        with refused(InvalidWeight, "`offset` is", "in row 6", "overflow"):
            fit(model_class, offset=offset, alpha=1.0)


@pytest.mark.parametrize("exposure", [1e-12, 1e-3, 1e5, 1e9, 1e300])
@pytest.mark.parametrize("alpha", ["tune", 1.0])
def test_the_unit_of_exposure_moves_the_intercept_alone(exposure, alpha):  # 45
    plain = fit(PoissonRegressor, alpha=alpha)
    model = fit(PoissonRegressor, exposure=np.full(N, exposure), alpha=alpha)
    assert_close(model, plain)
    assert model.intercept_ == pytest.approx(plain.intercept_ - np.log(exposure), abs=1e-9)
    np.testing.assert_allclose(model.predict(X, exposure=exposure), plain.predict(X), rtol=1e-8)


@pytest.mark.parametrize("offset", [-300.0, 5.0, 300.0])
@EACH
def test_a_constant_offset_moves_the_intercept_alone(model_class, offset):  # 45
    plain, model = fit(model_class), fit(model_class, offset=np.full(N, offset))
    assert_close(model, plain)
    np.testing.assert_allclose(model.intercept_, plain.intercept_ - offset, atol=1e-9)


@pytest.mark.parametrize("size", [1e3, 1e9])
def test_huge_counts_are_fitted(size):  # 45
    model = fit(PoissonRegressor, y=size * Y["count"], alpha=size)
    np.testing.assert_allclose(model.coef_, fit(PoissonRegressor, alpha=1.0).coef_, rtol=1e-6)


def test_a_perfect_fit_is_reported():  # 46
    with warned(PerfectFitWarning, "every target exactly", "error bars are zero"):
        model = fit(LinearRegressor, y=OUTPUTS, alpha=0)
    np.testing.assert_allclose(model.coef_, [1.0, -1.0, 0.5])
    tuned = LinearRegressor().fit(X, OUTPUTS)
    np.testing.assert_allclose(tuned.coef_, [1.0, -1.0, 0.5], rtol=1e-2)


@EACH
def test_a_duplicated_table_is_a_table_of_weight_two(model_class):  # 47
    y = target(model_class)
    settings = {"criterion": LeaveOneOut(), "tol": 1e-10}
    doubled = fit(model_class, np.vstack([X, X]), np.concatenate([y, y]), **settings)
    assert_close(doubled, fit(model_class, sample_weight=np.full(N, 2.0), **settings))


@pytest.mark.parametrize("model_class", [LinearRegressor, PoissonRegressor])
@pytest.mark.parametrize("tuned", [True, False], ids=["tuned", "given"])
def test_a_row_fitted_by_itself_alone_is_named(model_class, tuned):  # 47
    rows = np.column_stack([X, np.arange(N) == 5])
    y = target(model_class) + (model_class is PoissonRegressor)
    settings = {"groups": ["a", "a", "a", None]} if tuned else {"alpha": 0}
    with warned(LeverageWarning, "row 5", "leave-one-out cannot judge it", "penalty"):
        model = fit(model_class, rows, y, **settings)
    assert model.predict(rows)[5] == pytest.approx(y[5], rel=1e-6)
    # With a penalty on the column the row can be judged, and there is nothing to say.
    assert fit(model_class, rows, y).converged_


@EACH
@pytest.mark.parametrize("n_rows", [12, N])
@pytest.mark.parametrize("store", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("intercept", [True, False], ids=["", "no intercept"])
def test_an_outlier_of_a_million_sigma_is_named(model_class, n_rows, store, intercept):  # 48
    rows, y = store(spoiled(3, 0, 1e6)[:n_rows]), target(model_class)[:n_rows]
    with warned(ExtremeValueWarning, "'x0'", "row 3", "Correct it"):
        fit(model_class, rows, y, alpha=1.0, fit_intercept=intercept)


@pytest.mark.parametrize("model_class", [LinearRegressor, PoissonRegressor])
def test_a_target_of_a_million_sigma_is_named(model_class):  # 48
    y = target(model_class).astype(float)
    y[3] = 1e6
    with warned(ExtremeValueWarning, "`y` is 1e\\+06 in row 3", "leave the row out"):
        fit(model_class, y=y, alpha=1.0)


def test_a_rare_level_or_an_outlier_of_no_weight_is_no_outlier():  # 48
    rare = np.column_stack([X, np.arange(N) == 5])
    fit(LinearRegressor, rare, alpha=1.0)
    weight = (np.arange(N) != 3).astype(float)
    fit(LinearRegressor, spoiled(3, 0, 1e6), sample_weight=weight, alpha=1.0)


@pytest.mark.parametrize("scale", [1e200, 1e80, 1e-80, 1e-310])
def test_a_target_of_a_size_that_cannot_be_squared_is_named(scale):  # 4, 5
    with refused(InvalidTarget, "in row 13", "another unit"):
        fit(LinearRegressor, y=scale * Y["number"])


@pytest.mark.parametrize("scale", [1e60, 1e-60])
def test_the_unit_of_the_target_does_not_matter(scale):  # 4, 5
    plain, model = fit(LinearRegressor), fit(LinearRegressor, y=scale * Y["number"])
    assert model.alpha_ == pytest.approx(plain.alpha_, rel=1e-6)
    np.testing.assert_allclose(model.coef_ / scale, plain.coef_, rtol=1e-6)


# Weights and groups


@EACH
@pytest.mark.parametrize(
    "value, said",
    [(-1.0, "is -1.0 in row 3.*>= 0"), (np.nan, "is nan in row 3"), (np.inf, "is inf in row 3")],
)
def test_an_illegal_weight_is_named(model_class, value, said):  # 49, 51
    weight = np.where(np.arange(N) == 3, value, 1.0)
    with refused(InvalidWeight, "`sample_weight`", said):
        fit(model_class, sample_weight=weight)


@EACH
@pytest.mark.parametrize(
    "weight, said",
    [
        (np.zeros(N), "zero in every row"),
        (np.arange(N) == 3, "zero in every row but row 3"),
        (["a"] * N, "is a in row 0"),
        ([None] * N, "in row 0"),
        (np.full(N, 1e200), "between 1e-100 and 1e\\+100.*Divide"),
        (np.full(N, 1e-200), "between 1e-100 and 1e\\+100"),
        (pd.date_range("2020-01-01", periods=N), "datetime64"),
    ],
    ids=["zero", "one row", "text", "missing", "huge", "tiny", "dates"],
)
def test_weights_that_leave_nothing_to_fit_are_refused(model_class, weight, said):  # 50, 51
    with refused(InvalidWeight, "`sample_weight`", said):
        fit(model_class, sample_weight=weight)


@pytest.mark.parametrize("value", [-1.0, np.nan])
def test_an_illegal_class_weight_is_named(value):  # 49, 51
    with refused(InvalidParameter, "`class_weight` is", "for the class no"):
        fit(LogisticClassifier, class_weight={"no": value, "yes": 1.0})


@EACH
@pytest.mark.parametrize("weight", [1e3, 1e12])
def test_a_row_that_holds_nearly_all_weight_is_named(model_class, weight):  # 52
    weights = np.where(np.arange(N) == 3, weight, 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LeverageWarning)  # which is true too
        with warned(ExtremeValueWarning, "row 3 holds \\d+\\.\\d% of all", "units"):
            model = fit(model_class, sample_weight=weights, alpha=1.0)
    assert np.isfinite(model.coef_).all()


@EACH
@pytest.mark.parametrize("cell", [1e6, 1e149])
def test_what_a_row_of_weight_zero_holds_does_not_matter(model_class, cell):  # 53
    weight = (np.arange(N) != 3).astype(float)
    kept = weight > 0
    settings = {"criterion": LeaveOneOut(), "tol": 1e-10}
    zeroed = fit(model_class, spoiled(3, 0, cell), sample_weight=weight, **settings)
    removed = fit(model_class, X[kept], target(model_class)[kept], **settings)
    assert_close(zeroed, removed)


@EACH
def test_more_folds_than_rows_are_refused(model_class):  # 54
    y = {LogisticClassifier: np.arange(8) % 2}.get(model_class, target(model_class)[:8])
    with refused(InvalidParameter, "10 folds need at least 10 rows", "Lower `n_folds`"):
        fit(model_class, X[:8], y, criterion=KFold(10))


@pytest.mark.parametrize(
    "groups, error, said",
    [
        (["a", "a"], ShapeMismatch, "2 labels but X has 3 columns"),
        (["a"] * 4, ShapeMismatch, "Was the intercept counted"),
        ([], ShapeMismatch, "0 labels"),
        ([[0, 1], [2]], ShapeMismatch, "2 labels"),
        ("rows", InvalidParameter, "expected None, 'columns', or one label a column"),
        ({"x0": "a", "x1": "b", "x2": "a"}, InvalidParameter, "is a dict"),
        pytest.param({"a", "b", "c"}, InvalidParameter, "is a set", id="set"),
        ([["a"], ["b"], ["a"]], InvalidParameter, "\\['a'\\] for column 'x0'"),
        ([1, float("nan"), 2], InvalidParameter, "nan for column 'x1'.*None"),
        ([1, pd.NA, 2], InvalidParameter, "NA> for column 'x1'"),
        ([1, "1", 2], InvalidParameter, "print alike"),
    ],
    ids=str,
)
def test_groups_that_are_none_are_refused(groups, error, said):  # 55
    with refused(error, "`groups`", said):
        fit(LinearRegressor, groups=groups)


@pytest.mark.parametrize(
    "alpha, said",
    [
        (-1.0, "is -1.0; penalties must be finite and >= 0"),
        (np.nan, "must be finite"),
        (np.inf, "must be finite"),
        ("auto", "expected 'tune', a number, or one a group"),
        ([1.0, 2.0, 3.0], "shape \\(3,\\).*2, one for each of the groups \\['a', 'b'\\]"),
        ([[1.0, 2.0]], "shape \\(1, 2\\)"),
        ({"a": 1.0}, "names the groups \\['a'\\], but they are \\['a', 'b'\\]"),
        ({"a": 1.0, "b": -2.0}, ">= 0"),
        ({"a": 1.0, "b": "x"}, "expected 'tune'"),
    ],
    ids=str,
)
def test_penalties_that_are_none_are_refused(alpha, said):  # 55, 61
    with refused(InvalidParameter, "`alpha`", said):
        fit(LinearRegressor, alpha=alpha, groups=["a", "b", "a"])


# Solver and tuner


@EACH
def test_no_penalty_and_an_endless_one_are_both_fits(model_class):  # 61
    nothing = fit(model_class, alpha=1e300)
    np.testing.assert_allclose(nothing.coef_, np.zeros_like(nothing.coef_), atol=1e-250)
    np.testing.assert_array_equal(
        fit(model_class, alpha=1e-300).coef_, fit(model_class, alpha=0).coef_
    )


def test_a_penalty_that_ends_on_its_bound_is_named():  # 61
    rng = np.random.default_rng(2)
    noise = rng.standard_normal((N, P)), rng.standard_normal(N)
    with warned(BoundWarning, "group 'useless'", "upper end", "do not help"):
        model = fit(LinearRegressor, *noise, groups=["useless"] * P)
    assert model.tuning_.at_bound == (("useless", "upper"),)


@EACH
def test_targets_that_features_do_not_predict_are_tuned_to_an_end(model_class):  # 62
    rng = np.random.default_rng(3)
    y = {
        LinearRegressor: rng.standard_normal(N),
        LogisticClassifier: rng.random(N) > 0.5,
        PoissonRegressor: rng.poisson(2.0, N),
    }[model_class]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BoundWarning)
        model = fit(model_class, np.random.default_rng(4).standard_normal((N, P)), y)
    assert model.tuning_.converged
    assert np.isfinite(model.tuning_.criterion)


def test_nearly_singular_data_tune_like_their_exact_limit():  # 63
    rows = np.column_stack([X, X[:, 0] + 1e-13 * np.arange(N)])
    exact = np.column_stack([X, X[:, 0]])
    assert_close(fit(LinearRegressor, rows), fit(LinearRegressor, exact), rtol=1e-3)


@EACH
def test_a_fit_stopped_early_says_so(model_class):  # 64
    y = target(model_class)
    if model_class is LinearRegressor:
        settings = {"solver": LBFGS(max_iter=1)}
    else:
        settings = {"max_iter": 1}
    with warned(NotConvergedWarning, "did not converge", "max_iter"):
        model = fit(model_class, y=y, alpha=1.0, **settings)
    assert not model.converged_
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            tuned = fit(model_class, y=y, criterion=LeaveOneOut(), **settings)
        except NotConverged as error:
            assert "max_iter" in str(error)  # no hypergradient could be had
        else:
            # Penalties moved in steps so small that a fit step each was enough, but the last.
            assert not tuned.converged_
            assert "D101" in str(caught[0].message)


def test_convergence_warnings_are_scikit_learns_too():  # 64
    from sklearn.exceptions import ConvergenceWarning

    with pytest.warns(ConvergenceWarning):
        fit(LogisticClassifier, alpha=1.0, max_iter=1)


@EACH
def test_the_same_seed_gives_the_same_bits(model_class):  # 66
    settings = {"groups": "columns", "criterion": KFold(3), "random_state": 7}
    one, other = fit(model_class, **settings), fit(model_class, **settings)
    np.testing.assert_array_equal(one.coef_, other.coef_)
    np.testing.assert_array_equal(one.alpha_, other.alpha_)
    assert one.tuning_.outer == other.tuning_.outer
    third = fit(model_class, **{**settings, "random_state": 8})
    assert third.tuning_.outer != one.tuning_.outer


@pytest.mark.parametrize(
    "settings",
    [{"tol": 0.0}, {"tol": np.nan}, {"max_iter": 0}, {"max_iter": 2.5}, {"random_state": None}],
    ids=str,
)
def test_settings_out_of_range_are_named(settings):
    with pytest.raises(ValueError, match=f"{next(iter(settings))}"):
        fit(LinearRegressor, **settings)


def test_every_error_is_a_value_error_of_derivata():
    for error in (InvalidData, InvalidTarget, InvalidWeight, InvalidParameter, NotConverged):
        assert issubclass(error, DerivataError)
        assert issubclass(error, ValueError)


# Open: each of these is a bug elsewhere, reported; its mark goes with it.


@pytest.mark.parametrize(
    "model_class, value",
    [(LinearRegressor, 1.0), (LinearRegressor, 0.0), (LinearRegressor, 0.1), (PoissonRegressor, 3)],
)
def test_a_constant_target_gives_the_constant_fit(model_class, value):  # 46
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = fit(model_class, y=np.full(N, value))
    assert model.converged_
    np.testing.assert_allclose(model.predict(X), value, atol=1e-9)


def test_two_rows_are_fitted():  # 33, 62
    assert np.isfinite(fit(LinearRegressor, X[:2], Y["number"][:2]).coef_).all()


def test_three_rows_of_two_classes_are_fitted():  # 33, 54
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BoundWarning)
        assert np.isfinite(fit(LogisticClassifier, X[:3], [0, 1, 0]).coef_).all()


def test_as_many_folds_as_rows_are_enough_for_one_penalty():  # 54
    assert np.isfinite(fit(LinearRegressor, X[:6], Y["number"][:6], criterion=KFold(5)).coef_).all()


@pytest.mark.parametrize(
    "settings",
    [{"criterion": "loo"}, {"criterion": KFold}, {"solver": "newton"}, {"solver": Newton}],
    ids=str,
)
def test_a_criterion_or_solver_that_is_none_is_named(settings):
    with refused(InvalidParameter, f"`{next(iter(settings))}`"):
        fit(LinearRegressor, **settings)


@pytest.mark.parametrize(
    "make",
    [
        lambda: KFold(2.5),
        lambda: KFold("5"),
        lambda: HoldOut(0.3, -1),
    ],
    ids=["folds", "text", "seed"],
)
def test_criteria_refuse_what_they_cannot_deal(make):  # 54
    with pytest.raises(InvalidParameter):
        make()


def test_alpha_may_be_given_by_labels_that_are_no_text():  # 55
    model = fit(LinearRegressor, alpha={1: 1.0, 2: 2.0}, groups=[1, 2, 1])
    assert model.alphas_per_group_ == {"1": 1.0, "2": 2.0}


def test_an_integer_alpha_beyond_float_is_refused():  # 9
    with refused(InvalidParameter, "`alpha`"):
        fit(LinearRegressor, alpha=10**400)


def test_counts_of_any_size_are_fitted():  # 45
    np.testing.assert_allclose(
        fit(PoissonRegressor, y=1e15 * Y["count"], alpha=1e15).coef_,
        fit(PoissonRegressor, alpha=1.0).coef_,
        rtol=1e-6,
    )


def test_the_unit_of_exposure_does_not_matter_without_intercept():  # 45
    exposure = np.full(N, 1e6)
    counts = np.random.default_rng(0).poisson(exposure * np.exp(OUTPUTS / 2 - 8.0))
    shifted = np.column_stack([X, np.ones(N)])
    settings = {"fit_intercept": False, "groups": ["a", "a", "a", None]}
    model = fit(PoissonRegressor, shifted, counts, exposure=exposure, **settings)
    other = fit(PoissonRegressor, shifted, counts, **settings)
    np.testing.assert_allclose(model.coef_[:3], other.coef_[:3], rtol=1e-2)


def test_rows_are_named_by_their_place_in_the_users_table():  # 48, 53
    weight = (np.arange(N) != 0).astype(float)
    with warned(ExtremeValueWarning, "'x0'", "row 3"):
        fit(LinearRegressor, spoiled(3, 0, 1e6), sample_weight=weight, alpha=1.0)


def test_a_column_named_like_the_intercept_stays_in_the_summary():  # 23
    frame = FRAME.rename(columns={"price": "(intercept)"})
    summary = fit(LinearRegressor, frame, fit_intercept=False).summary()
    assert summary.names == ["age", "size", "(intercept)"]
