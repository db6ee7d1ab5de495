"""Every term: what it was asked for, what it learnt, and that what it learnt can be saved."""

import copy
import json

import numpy as np
import pytest

from derivata.errors import InvalidData, InvalidParameter, ModelFileError, ShapeMismatch
from derivata.terms import KINDS, term_from_dict
from tests.cases import TERMS

CASES = pytest.mark.parametrize("term", TERMS.values(), ids=list(TERMS))
N_ROWS = 300


def words(*values):
    return np.array(values, object)


def draw(n_rows=N_ROWS, seed=0, gaps=True):
    """Cells of all columns that the terms read; every fifth or so is missing."""
    rng = np.random.default_rng(seed)
    x, z = rng.gamma(2.0, size=n_rows), rng.normal(size=n_rows)
    city = rng.choice(words("Bath", "York", "Rome"), n_rows, p=[0.6, 0.3, 0.1])
    shop = rng.choice(words("A", "B"), n_rows)
    days = np.datetime64("2020-02-20") + rng.integers(0, 1200, n_rows)
    day = words(*days.astype(str))
    seconds = days.astype("datetime64[s]") + rng.integers(0, 86400, n_rows)
    stamp = words(*seconds.astype(str))
    cells = {"x": x, "z": z + 0.3 * x, "city": city, "shop": shop, "day": day, "stamp": stamp}
    if gaps:
        for values in cells.values():
            values[rng.random(n_rows) < 0.2] = None if values.dtype == object else np.nan
    return cells


def taken(cells, rows):
    return {name: values[rows] for name, values in cells.items()}


@CASES
def test_names_parts_and_features_match_one_another(term):
    fitted, cells = term.fit(draw()), draw(seed=1)
    block = fitted.block(cells)
    assert block.shape == (N_ROWS, len(fitted.names)) and block.dtype == np.float64
    assert len(fitted.parts) == len(fitted.names) == len(set(fitted.names)) > 0
    assert fitted.columns == term.columns and set(fitted.texts) <= set(fitted.columns)
    assert set(fitted.texts) == {c for c in term.columns if cells[c].dtype == object}
    for column in term.columns:
        assert column in fitted.label and all(column in name for name in fitted.names)
    # Features of a part stand side by side, so that a penalty is one slice.
    assert len(set(fitted.parts)) == 1 + sum(
        a != b for a, b in zip(fitted.parts, fitted.parts[1:], strict=False)
    )


@CASES
def test_the_block_is_finite_for_gaps_and_far_beyond_the_training_rows(term):
    fitted = term.fit(draw())
    cells = draw(seed=1)
    cells["x"], cells["z"] = 1e6 * cells["x"] - 1e3, -1e9 * cells["z"]
    cells["day"][:] = "2150-12-31"
    assert np.isfinite(fitted.block(cells)).all()
    lost = {
        name: np.full(3, None if values.dtype == object else np.nan, values.dtype)
        for name, values in cells.items()
    }
    block = fitted.block(lost)
    assert np.isfinite(block).all()
    if not {"missing", "category"} & set(fitted.parts) and "city" not in fitted.columns:
        assert not block.any()


@CASES
def test_a_row_has_the_same_features_in_any_company(term):
    fitted, cells = term.fit(draw()), draw(seed=1)
    block = fitted.block(cells)
    for rows in (np.arange(7), np.array([5, 3, 3, 299]), np.arange(0)):
        np.testing.assert_array_equal(fitted.block(taken(cells, rows)), block[rows])


@CASES
def test_nothing_changes_the_cells_or_the_block(term):
    cells = draw()
    before = copy.deepcopy(cells)
    fitted = term.fit(cells)
    block = fitted.block(cells)
    for name, values in cells.items():
        np.testing.assert_array_equal(values, before[name])
    np.testing.assert_array_equal(fitted.block(cells), block)


@CASES
def test_a_weight_of_k_is_k_rows_and_a_weight_of_zero_is_none(term):
    cells, counts = draw(), np.arange(N_ROWS) % 4
    repeated = taken(cells, np.repeat(np.arange(N_ROWS), counts))
    weighted, plain = term.fit(cells, counts.astype(float)), term.fit(repeated)
    assert weighted.names == plain.names
    # Sums in another order, then eigenvectors of their matrix.
    np.testing.assert_allclose(weighted.block(repeated), plain.block(repeated), rtol=0, atol=1e-10)


@CASES
def test_a_saved_term_gives_the_same_block_to_the_bit(term):
    fitted, cells = term.fit(draw()), draw(seed=1)
    loaded = term_from_dict(json.loads(json.dumps(fitted.to_dict())))
    assert loaded == fitted and type(loaded) is type(fitted)
    assert hash(loaded) == hash(fitted)
    np.testing.assert_array_equal(loaded.block(cells), fitted.block(cells))


def test_every_fitted_term_is_a_case():
    assert {type(term.fit(draw())) for term in TERMS.values()} == set(KINDS.values())


def damaged(record, path="term"):
    """Every record that differs from a good one in one place, with that place."""
    if isinstance(record, dict):
        yield f"{path} + key", record | {"more": 0}
        for key in record:
            yield f"{path} - {key}", {k: v for k, v in record.items() if k != key}
            for where, wrong in damaged(record[key], f"{path}.{key}"):
                yield where, record | {key: wrong}
    if isinstance(record, list):
        yield f"{path} + a list", [*record, [0]]
        yield f"{path} + an object", [*record, {}]
        for i in {0, len(record) - 1} if record else ():
            for where, wrong in damaged(record[i], f"{path}[{i}]"):
                yield where, [*record[:i], wrong, *record[i + 1 :]]
    for wrong in ({}, {"": 0}, 7 if not isinstance(record, int | float) else "7"):
        yield f"{path} = {wrong!r}", wrong
    if isinstance(record, int | float) and not isinstance(record, bool):
        for wrong in (None, True, float("nan"), float("inf"), 10**400):
            yield f"{path} = {wrong!r:.9}", wrong


@CASES
def test_a_damaged_record_is_refused_with_its_path(term):
    record = term.fit(draw()).to_dict()
    places = 0
    for where, wrong in damaged(record):
        places += 1
        with pytest.raises(ModelFileError, match="terms"):
            term_from_dict(wrong, "terms[3]")
            pytest.fail(f"taken although damaged at {where}")
    assert places > 10


@CASES
@pytest.mark.parametrize("jitter", [0.0, 1e-15, 1e-9, 1e-3])
@pytest.mark.parametrize("level", [0.0, 1.0, 1e8, 1e-300, 1e300])
def test_a_constant_or_nearly_constant_column_is_refused_by_name_or_finite(term, level, jitter):
    cells = draw()
    for name in ("x", "z"):
        cells[name] = level * (1 + jitter * np.sign(cells[name] - 1.0))
    for name in ("city", "shop", "day", "stamp"):
        cells[name][:] = cells[name][0]
    try:
        fitted = term.fit(cells)
    except InvalidData as refusal:
        assert any(repr(column) in str(refusal) for column in term.columns)
    else:
        assert np.isfinite(fitted.block(cells)).all()
        assert np.abs(fitted.block(cells)).max() < 1e3


@CASES
def test_a_column_of_gaps_is_refused_by_name_or_finite(term):
    cells = {
        name: np.full(9, None if values.dtype == object else np.nan, values.dtype)
        for name, values in draw().items()
    }
    try:
        fitted = term.fit(cells)
    except InvalidData as refusal:
        assert any(repr(column) in str(refusal) for column in term.columns)
    else:
        assert np.isfinite(fitted.block(cells)).all()


@CASES
def test_a_column_that_is_not_there_is_named(term):
    fitted = term.fit(draw())
    for column in term.columns:
        cells = {name: values for name, values in draw().items() if name != column}
        with pytest.raises(InvalidData, match=f"no column {column!r}"):
            fitted.block(cells)
        if "missing" not in fitted.parts:
            with pytest.raises(InvalidData, match=f"no column {column!r}"):
                term.fit(cells)


@CASES
def test_words_for_numbers_numbers_for_words_and_infinities_are_refused(term):
    fitted = term.fit(draw())
    for column in term.columns:
        cells = draw(gaps=False)
        if column in fitted.texts:
            wrong = np.ones(N_ROWS)
        else:
            infinite = cells | {column: np.r_[np.inf, np.ones(N_ROWS - 1)]}
            with pytest.raises(InvalidData, match=f"row 0, column {column!r}: an infinite value"):
                fitted.block(infinite)
            wrong = np.full(N_ROWS, "1", object)
        with pytest.raises(InvalidData, match=f"column {column!r} holds"):
            fitted.block(cells | {column: wrong})


@CASES
def test_weights_of_another_length_are_refused(term):
    if isinstance(term, type(TERMS["missing"])):
        return  # it learns nothing
    with pytest.raises(ShapeMismatch, match=r"weight has shape \(2,\)"):
        term.fit(draw(), np.ones(2))
    with pytest.raises(InvalidData, match="no row with a positive weight"):
        term.fit(draw(), np.zeros(N_ROWS))


@CASES
def test_a_name_that_is_no_word_is_refused(term):
    kind, fields = type(term), vars(term)
    for key in {"column", "first", "second"} & set(fields):
        with pytest.raises(InvalidParameter, match="a column is 3, expected its name"):
            kind(**fields | {key: 3})
    if "second" in fields:
        with pytest.raises(InvalidParameter, match="named twice"):
            kind(**fields | {"second": fields["first"]})
