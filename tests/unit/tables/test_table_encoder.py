"""The encoder: a table becomes a design, the same one whatever form the table comes in."""

import json

import numpy as np
import pytest

from derivata.errors import (
    ConstantColumnWarning,
    InvalidData,
    InvalidParameter,
    ModelFileError,
    TableError,
    TableWarning,
)
from derivata.tables import Table, read_table, table_from_frame
from derivata.tables.columns import Column
from derivata.tables.table_encoder import TableEncoder
from derivata.terms import Category, Date, Linear, Missing, Product, Spline, Surface


def column(name, *values):
    if all(value is None or isinstance(value, str) for value in values):
        return Column(name, np.array(values, object))
    return Column(name, np.array([np.nan if value is None else value for value in values], float))


def example():
    return Table(
        (
            column("age", 30, None, 50, 40),
            column("town", "Bath", "York", None, "Bath"),
            column("size", 1, 2, 3, 5),
        )
    )


TERMS = (Linear("age"), Missing("age"), Category("town"), Linear("size"))


def drawn(n_rows=120, seed=0):
    """A table of every kind of column, with gaps."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n_rows).round(1)
    x[rng.random(n_rows) < 0.1] = np.nan
    town = rng.choice(["Bath", "York", "Hull"], n_rows).astype(object)
    town[rng.random(n_rows) < 0.1] = None
    days = np.datetime64("2020-01-01") + rng.integers(0, 1500, n_rows)
    return Table(
        (
            Column("x", x),
            Column("z", rng.integers(0, 9, n_rows).astype(float)),
            Column("town", town),
            Column("day", np.datetime_as_string(days).astype(object), is_date=True),
        )
    )


ALL = (
    Spline("x", 8),
    Missing("x"),
    Category("town"),
    Date("day"),
    Surface("x", "z", 4),
    Product("town", "z"),
)


def features(encoder, table):
    """Features by name, without the intercept."""
    X = encoder.design(table).dense(slice(None))
    assert X.shape == (table.n_rows, len(encoder.feature_names) + 1)
    assert (X[:, -1] == 1.0).all()
    return dict(zip(encoder.feature_names, X[:, :-1].T, strict=True))


# Names and numbers of features.


def test_features_of_numbers_are_centred_and_those_of_words_are_not():
    encoder = TableEncoder.fit(example(), TERMS)
    assert encoder.feature_names == (
        "age", "age=(missing)", "town=Bath", "town=York", "town=(missing)", "size",
    )  # fmt: skip
    found = features(encoder, example())
    # Gaps are at the mean; scaled by standard deviations of the present cells and of all.
    assert found["age"] == pytest.approx(np.array([-10.0, 0.0, 10.0, 0.0]) / 200**0.5 * 3**0.5)
    assert found["age=(missing)"] == pytest.approx([-0.25, 0.75, -0.25, -0.25])
    assert found["town=Bath"].tolist() == [1, 0, 0, 1]
    assert found["town=(missing)"].tolist() == [0, 0, 1, 0]
    assert found["size"] == pytest.approx(np.array([-1.75, -0.75, 0.25, 2.25]) / 2.1875**0.5)


def test_features_of_one_part_of_one_term_share_a_penalty():
    encoder = TableEncoder.fit(drawn(), (Spline("x", 6), Category("town"), Spline("z", 5)))
    names = list(dict.fromkeys(encoder.penalty_names))
    assert names == [
        "x: straight", "x: wiggly", "town: category", "z: straight", "z: wiggly",
    ]  # fmt: skip
    assert encoder.parts[:5] == ("straight", "wiggly", "wiggly", "wiggly", "wiggly")
    assert [encoder.penalty_names[span.start] for span in encoder.spans] == [
        "x: straight", "town: category", "z: straight",
    ]  # fmt: skip
    assert [term.label for term in encoder.terms] == ["x", "town", "z"]
    assert encoder.columns == ("x", "town", "z") and encoder.texts == {"town"}


def test_every_feature_of_numbers_has_mean_zero_over_the_weighted_training_rows():
    table = drawn()
    weight = np.random.default_rng(1).uniform(0.1, 3.0, table.n_rows)
    encoder = TableEncoder.fit(table, ALL, weight)
    found = features(encoder, table)
    for name, values in found.items():
        if not name.startswith("town=") or "×" in name:
            assert weight @ values / weight.sum() == pytest.approx(0.0, abs=1e-12), name


# The table's form does not matter.


@pytest.mark.parametrize("terms", [None, ALL], ids=["inferred", "given"])
def test_column_order_and_extra_columns_do_not_matter(terms):
    table = drawn()
    encoder = TableEncoder.fit(table, terms)
    shuffled = Table((*table.columns[::-1], Column("extra", np.zeros(table.n_rows))))
    one, other = (encoder.design(each).dense(slice(None)) for each in (table, shuffled))
    np.testing.assert_array_equal(one, other)


def test_rows_are_encoded_one_by_one():
    table = drawn()
    encoder = TableEncoder.fit(table, ALL)
    whole = encoder.design(table).dense(slice(None))
    rows = np.array([5, 77, 5])
    part = encoder.design(table.take(rows)).dense(slice(None))
    np.testing.assert_allclose(part, whole[rows], rtol=0, atol=1e-13)


def test_a_weight_of_two_is_a_row_given_twice():
    table, weight = drawn(60), np.resize([1.0, 2.0, 1.0], 60)
    weighted = TableEncoder.fit(table, ALL, weight)
    repeated = TableEncoder.fit(table.take(np.repeat(np.arange(60), weight.astype(int))), ALL)
    one, other = (each.design(table).dense(slice(None)) for each in (weighted, repeated))
    np.testing.assert_allclose(one, other, atol=1e-9)


def test_a_frame_and_its_csv_file_give_one_design(tmp_path):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(
        {
            "x": [1.5, None, 2.0, 3.0] * 5,
            "flag": [True, False] * 10,
            "word": ["a", None, "b", "b"] * 5,
            "day": pd.date_range("2020-01-01", periods=20),
        }
    )
    frame.to_csv(tmp_path / "t.csv", index=False)
    table = table_from_frame(frame)
    encoder = TableEncoder.fit(table)
    read = read_table(tmp_path / "t.csv")
    one, other = (encoder.design(each).dense(slice(None)) for each in (table, read))
    np.testing.assert_array_equal(one, other)


def test_numbers_at_predict_match_the_words_that_were_fitted():
    encoder = TableEncoder.fit(Table((column("code", "1", "2", "3+"),)))
    found = features(encoder, Table((Column("code", np.array([2.0, 1.0])),)))
    assert found["code=2"].tolist() == [1, 0] and found["code=1"].tolist() == [0, 1]


def test_numbers_that_a_category_names_are_read_as_words():
    table = Table((column("code", 1, 2, 2.5, 2),))
    encoder = TableEncoder.fit(table, [Category("code")])
    assert encoder.feature_names == ("code=2", "code=1", "code=2.5")
    assert features(encoder, table)["code=2"].tolist() == [0, 1, 0, 1]


def test_gaps_alone_at_predict_are_gaps_in_any_column():
    encoder = TableEncoder.fit(example(), TERMS)
    gaps = Table(tuple(Column(name, np.array([np.nan])) for name in encoder.columns))
    found = {name: float(values[0]) for name, values in features(encoder, gaps).items()}
    assert found["town=(missing)"] == 1.0 and found["age=(missing)"] == 0.75
    assert found["age"] == found["size"] == pytest.approx(0.0, abs=1e-15)


def test_a_level_never_seen_adds_nothing():
    encoder = TableEncoder.fit(example(), [Category("town")])
    with pytest.warns(UserWarning, match="never seen at fit"):
        found = features(encoder, Table((column("town", "Rome", "Bath"),)))
    assert [values[0] for values in found.values()] == [0.0, 0.0, 0.0]


# Which columns are used.


def test_a_column_of_one_number_and_gaps_is_its_gaps():
    assert TableEncoder.fit(Table((column("x", 1, None, 1),))).feature_names == ("x=(missing)",)


def test_constant_columns_are_left_out_and_named_together():
    table = Table((column("a", 1, 1), column("b", "x", "x"), column("c", 1, 2)))
    with pytest.warns(ConstantColumnWarning, match="columns 'a', 'b' hold the same value"):
        assert TableEncoder.fit(table).columns == ("c",)


def test_empty_columns_are_left_out_and_named():
    table = Table((column("a", None, None, None), column("c", 1, 2, 3)))
    with pytest.warns(TableWarning, match="column 'a' holds no cell present"):
        assert TableEncoder.fit(table).columns == ("c",)


def test_identifiers_are_left_out_but_short_lists_of_names_are_not():
    names = [f"id{i}" for i in range(21)]
    numbers = Column("c", np.arange(21.0))
    with pytest.warns(TableWarning, match="column 'id' holds a different word"):
        assert TableEncoder.fit(Table((column("id", *names), numbers))).columns == ("c",)
    short = Table((column("id", *names[:20]), numbers.take(np.arange(20))))
    assert TableEncoder.fit(short).columns == ("id", "c")


def test_free_text_is_left_out_though_a_few_cells_repeat():
    texts = [f"review {i}" for i in range(1_500)] + ["good"] * 100
    table = Table((column("said", *texts), Column("c", np.arange(1_600.0))))
    with pytest.warns(TableWarning, match="free text"):
        assert TableEncoder.fit(table).columns == ("c",)


def test_terms_that_are_given_are_taken_as_they_are():
    table = Table((column("a", 1, 1, 1), column("b", 1, 2, 3)))
    assert TableEncoder.fit(table, [Linear("a")]).columns == ("a",)


# What is refused.


def test_a_table_with_nothing_to_learn_from_is_refused():
    with (
        pytest.warns(ConstantColumnWarning),
        pytest.raises(TableError, match="no column can be used as a feature; 1 were left out"),
    ):
        TableEncoder.fit(Table((column("a", 1, 1),)))
    with pytest.raises(TableError, match="no row with a positive weight"):
        TableEncoder.fit(example().take(np.zeros(4, dtype=bool)))


def test_terms_of_absent_columns_are_refused_with_the_nearest_name():
    with pytest.raises(TableError, match="no column 'Age'.*Did you mean 'age'"):
        TableEncoder.fit(example(), [Linear("Age")])


def test_two_features_of_one_name_are_refused():
    with pytest.raises(TableError, match="two features are called 'age'"):
        TableEncoder.fit(example(), [Linear("age"), Linear("age")])


@pytest.mark.parametrize("term", ["age", 3, None], ids=str)
def test_what_is_no_term_is_refused(term):
    with pytest.raises(InvalidParameter, match="`terms` holds .* such as `Spline"):
        TableEncoder.fit(example(), [term])


def test_infinite_numbers_are_refused_by_row_and_column():
    table = Table((column("x", 1, np.inf, 2),))
    with pytest.raises(InvalidData, match="row 1 .*column 'x': an infinite value"):
        TableEncoder.fit(table)


# More terms, fewer terms.


def test_terms_can_be_joined_and_taken_away():
    table = drawn()
    encoder = TableEncoder.fit(table, (Spline("x", 6), Category("town")))
    more = TableEncoder.fit(table, (Surface("x", "z", 3),))
    joined = encoder.joined(more)
    assert [term.label for term in joined.terms] == ["x", "town", "x × z"]
    parts = [each.design(table).dense(slice(None))[:, :-1] for each in (encoder, more)]
    whole = joined.design(table).dense(slice(None))
    np.testing.assert_array_equal(whole[:, :-1], np.hstack(parts))
    encoded = encoder.encode(table).joined(more.encode(table)).design().dense(slice(None))
    np.testing.assert_array_equal(encoded, whole)
    less = joined.without(["x"])
    assert [term.label for term in less.terms] == ["town", "x × z"]
    np.testing.assert_array_equal(
        less.design(table).dense(slice(None)), whole[:, len(encoder.terms[0].names) :]
    )


def test_constraints_act_on_the_features_of_their_term():
    table = drawn()
    terms = (Linear("z"), Spline("x", 6, monotone="increasing"), Category("town"))
    encoder = TableEncoder.fit(table, terms)
    constraints = encoder.constraints()
    span = encoder.spans[1]
    assert constraints.shape[1] == len(encoder.feature_names) + 1
    np.testing.assert_array_equal(constraints[:, span], encoder.terms[1].constraints())
    assert not np.delete(constraints, np.arange(span.start, span.stop), axis=1).any()
    assert len(TableEncoder.fit(table, (Spline("x", 6),)).constraints()) == 0


# Records.


def test_the_encoder_survives_json():
    table = drawn()
    encoder = TableEncoder.fit(table, ALL)
    copy = TableEncoder.from_dict(json.loads(json.dumps(encoder.to_dict())))
    assert copy.terms == encoder.terms and copy.feature_names == encoder.feature_names
    one, other = (each.design(table).dense(slice(None)) for each in (encoder, copy))
    np.testing.assert_array_equal(one, other)


MISSING = {"kind": "missing", "column": "a"}
TOWN = {
    "kind": "category", "column": "a", "levels": ["b"], "has_missing": False, "has_other": False,
}  # fmt: skip


@pytest.mark.parametrize(
    "record",
    [
        None,
        {},
        {"terms": {}, "center": []},
        {"terms": [], "center": []},
        {"terms": [{}], "center": [0.0]},
        {"terms": [MISSING]},
        {"terms": [MISSING], "center": []},
        {"terms": [MISSING], "center": [0.0, 0.0]},
        {"terms": [MISSING], "center": ["0"]},
        {"terms": [MISSING], "center": [float("nan")]},
        {"terms": [MISSING], "center": [0.0], "more": 1},
        {"terms": [MISSING] * 2, "center": [0.0] * 2},
        {"terms": [MISSING, TOWN], "center": [0.0, 0.0]},
    ],
    ids=repr,
)
def test_a_malformed_record_is_refused(record):
    with pytest.raises(ModelFileError, match="encoder"):
        TableEncoder.from_dict(record)
