"""The encoder: a table becomes a matrix, the same one whatever form the table comes in."""

import json

import numpy as np
import pytest
from scipy import sparse

from derivata.errors import ConstantColumnWarning, ModelFileError, TableError, TableWarning
from derivata.tables import Table, table_encoder, table_from_frame
from derivata.tables.columns import Column
from derivata.tables.table_encoder import TableEncoder


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


def test_features_are_named_and_grouped_by_kind():
    encoder = TableEncoder.fit(example())
    assert encoder.feature_names == (
        "age", "age=(missing)", "town=Bath", "town=York", "town=(missing)", "size",
    )  # fmt: skip
    assert encoder.group_names == ("numeric", "category", "missing")
    assert encoder.groups.tolist() == [0, 2, 1, 1, 1, 0]
    assert encoder.feature_columns == ("age", "age", "town", "town", "town", "size")
    assert encoder.columns == ("age", "town", "size")
    assert encoder.categories == ("town",)
    assert encoder.transform(example()).tolist() == [
        [30, 0, 1, 0, 0, 1],
        [40, 1, 0, 1, 0, 2],
        [50, 0, 0, 0, 1, 3],
        [40, 0, 1, 0, 0, 5],
    ]


def test_groups_that_are_not_there_take_no_number():
    encoder = TableEncoder.fit(Table((column("town", "Bath", "York"), column("x", 1, 2))))
    assert encoder.group_names == ("numeric", "category")
    assert encoder.groups.tolist() == [1, 1, 0]
    only = TableEncoder.fit(Table((column("town", "Bath", "York"),)))
    assert only.group_names == ("category",) and only.groups.tolist() == [0, 0]


def test_column_order_and_extra_columns_do_not_matter():
    encoder, table = TableEncoder.fit(example()), example()
    shuffled = Table((*table.columns[::-1], column("extra", "a", "b", "c", "d")))
    np.testing.assert_array_equal(encoder.transform(shuffled), encoder.transform(table))


def test_a_row_of_weight_zero_counts_as_absent():
    table = example()
    weight = np.array([1.0, 0.0, 2.0, 1.0])
    assert TableEncoder.fit(table, weight) == TableEncoder.fit(
        table.take(np.array([0, 2, 3])), weight[[0, 2, 3]]
    )


def test_dropped_columns_are_not_looked_at():
    encoder = TableEncoder.fit(example(), drop=["town", "age"])
    assert encoder.feature_names == ("size",)
    with pytest.raises(TableError, match="no column 'Town'. Did you mean 'town'"):
        TableEncoder.fit(example(), drop=["Town"])


def test_a_column_of_one_number_and_gaps_is_its_gaps():
    encoder = TableEncoder.fit(Table((column("x", 1, None, 1),)))
    assert encoder.feature_names == ("x=(missing)",)


def test_constant_columns_are_left_out_and_named_together():
    table = Table((column("a", 1, 1), column("b", "x", "x"), column("c", 1, 2)))
    with pytest.warns(ConstantColumnWarning, match="columns 'a', 'b' hold the same value"):
        assert TableEncoder.fit(table).columns == ("c",)


def test_empty_columns_are_left_out_and_named():
    table = Table((column("a", None, None, None), Column("c", np.array([1.0, 2, 3]))))
    with pytest.warns(TableWarning, match="column 'a' holds no cell present"):
        assert TableEncoder.fit(table).columns == ("c",)


def test_dates_are_left_out_and_named():
    when = Column("when", np.array(["2020-01-01", "2020-01-02"], object), is_date=True)
    with pytest.warns(TableWarning, match="column 'when' holds dates"):
        assert TableEncoder.fit(Table((when, column("c", 1, 2)))).columns == ("c",)


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


def test_numbers_at_predict_match_the_words_that_were_fitted():
    encoder = TableEncoder.fit(Table((column("code", "1", "2", "3+"),)))
    assert encoder.transform(Table((Column("code", np.array([2.0, 1.0])),))).tolist() == [
        [0, 1, 0],
        [1, 0, 0],
    ]


def test_gaps_alone_at_predict_are_gaps_in_any_column():
    encoder = TableEncoder.fit(example())
    gaps = Table(tuple(Column(name, np.array([np.nan])) for name in encoder.columns))
    assert encoder.transform(gaps).tolist() == [[40, 1, 0, 0, 1, 2.75]]


def test_the_encoder_survives_json():
    encoder = TableEncoder.fit(example())
    assert TableEncoder.from_dict(json.loads(json.dumps(encoder.to_dict()))) == encoder


@pytest.mark.parametrize(
    "record",
    [
        None,
        {},
        {"terms": {}},
        {"terms": []},
        {"terms": [{}]},
        {"terms": [], "more": 1},
        {"terms": [{"kind": "missing", "column": "a"}] * 2},
        {"terms": [{"kind": "missing", "column": "a"},
                   {"kind": "category", "column": "a", "levels": ["b"], "has_missing": False,
                    "has_other": False}]},
    ],
    ids=repr,
)  # fmt: skip
def test_a_malformed_record_is_refused(record):
    with pytest.raises(ModelFileError, match="encoder"):
        TableEncoder.from_dict(record)


def test_a_large_matrix_is_sparse_if_mostly_zeros_and_equal_to_the_dense_one(monkeypatch):
    rng = np.random.default_rng(0)
    town = rng.choice([f"t{i}" for i in range(30)], 200).astype(object)
    table = Table(
        (
            Column("town", town),
            Column("x", rng.normal(size=200)),
            Column("z", np.r_[np.zeros(199), 1]),
        )
    )
    encoder = TableEncoder.fit(table)
    dense = encoder.transform(table)
    monkeypatch.setattr(table_encoder, "DENSE_BYTES", 0)
    X = encoder.transform(table)
    assert isinstance(X, sparse.csr_array) and X.indices.dtype == np.int32
    assert X.has_canonical_format and np.all(X.data != 0)
    np.testing.assert_array_equal(X.toarray(), dense)
    full = TableEncoder.fit(table, drop=["town"])
    assert isinstance(full.transform(table), np.ndarray)
    np.testing.assert_array_equal(full.transform(table), dense[:, 30:])


def test_a_frame_and_its_csv_file_give_one_matrix(tmp_path):
    pd = pytest.importorskip("pandas")
    from derivata.tables import read_table

    frame = pd.DataFrame(
        {"x": [1.5, None, 2.0], "flag": [True, False, True], "word": ["a", None, "b"]}
    )
    frame.to_csv(tmp_path / "t.csv", index=False)
    table = table_from_frame(frame)
    encoder = TableEncoder.fit(table)
    np.testing.assert_array_equal(
        encoder.transform(read_table(tmp_path / "t.csv")), encoder.transform(table)
    )
