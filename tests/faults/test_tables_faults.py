"""Tables that cannot be read, or not as their writer meant; numbered as in the list of faults.

Each is refused with the file, line, column and cure, or repaired with a coded warning.
"""

import gzip
import os
import pickle
import sys
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse

from derivata.errors import (
    DerivataError,
    InvalidData,
    InvalidParameter,
    ShapeMismatch,
    TableError,
    TableWarning,
    UnseenCategoryWarning,
)
from derivata.tables import Table, read_table, table_from_frame
from derivata.tables.columns import Column
from derivata.tables.table_encoder import TableEncoder
from derivata.tables.task_choice import take_target

# Enough rows for two columns of numbers to be told from noise.
EIGHT = [1, 2, 1, 2, 1, 2, 1, 2]


@pytest.fixture
def write(tmp_path):
    def write(content, name="t.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def encoded(encoder, table):
    """The features of a table, without the intercept."""
    return encoder.design(table).dense(slice(None))[:, :-1]


def numbers(**columns):
    return Table(tuple(Column(name, np.array(cells, float)) for name, cells in columns.items()))


# 2, 8, 9, 12: values


@pytest.mark.parametrize("word", ["inf", "-Infinity", "1e400"])
def test_an_infinite_cell_is_named_by_line_and_column_at_fit_and_at_predict(write, word):
    bad = read_table(write(f"a,b\n1,2\n2,{word}\n"))
    with pytest.raises(
        InvalidData, match=r"t.csv`, line 3, column 'b': an infinite value, in 1 of"
    ):
        TableEncoder.fit(bad)
    encoder = TableEncoder.fit(numbers(a=EIGHT, b=EIGHT))
    with pytest.raises(InvalidData, match="line 3, column 'b'"):
        encoder.design(bad)


def test_whole_numbers_that_floats_cannot_tell_apart_are_said(write):
    with pytest.warns(TableWarning, match="column 'id': whole numbers of 2"):
        read_table(write("id,x\n9007199254740993,1\n9007199254740992,2\n"))
    with pytest.warns(TableWarning, match="column 'x0'"):
        table_from_frame(np.array([[2**60 + 1], [2**60]]))


def test_a_whole_number_beyond_every_float_is_named():
    with pytest.raises(InvalidData, match="row 1 .*column 'x0': a whole number of 1329 bits"):
        table_from_frame(np.array([[1], [10**400]], dtype=object))


def test_complex_numbers_are_refused():
    with pytest.raises(InvalidData, match="complex numbers"):
        table_from_frame(np.array([[1j]]))


# 17 to 24: shapes and names


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_17_an_empty_frame_is_refused(library):
    frame = pytest.importorskip(library).DataFrame()
    with pytest.raises(TableError, match="X has no columns"):
        table_from_frame(frame)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_18_a_frame_without_rows_is_refused(library):
    frame = pytest.importorskip(library).DataFrame({"a": [1.0], "b": ["x"]})[:0]
    with pytest.raises(TableError, match="X has columns 'a', 'b' but no rows"):
        table_from_frame(frame)


def test_18_an_array_without_rows_is_refused():
    with pytest.raises(TableError, match="but no rows"):
        table_from_frame(np.empty((0, 2)))


def test_19_an_array_without_columns_is_refused():
    with pytest.raises(TableError, match="no columns"):
        table_from_frame(np.empty((3, 0)))


def test_20_one_dimension_is_refused_with_the_reshape_that_cures_it():
    with pytest.raises(ShapeMismatch, match=r"1 dimensions \(3,\).*reshape\(-1, 1\)"):
        table_from_frame(np.ones(3))


def test_21_three_dimensions_are_refused():
    with pytest.raises(ShapeMismatch, match=r"3 dimensions \(1, 2, 3\), expected 2"):
        table_from_frame(np.ones((1, 2, 3)))


def test_22_columns_of_two_lengths_are_refused():
    with pytest.raises(ShapeMismatch, match="column 'b' has 1 cells but 'a' has 2"):
        numbers(a=[1, 2], b=[1])


def test_23_a_name_that_comes_twice_is_refused(write, tmp_path):
    with pytest.raises(TableError, match="cells 1 and 3 of the header are both 'a'"):
        read_table(write("a,b,a\n1,2,3\n"))
    with pytest.raises(TableError, match="two columns named 'a'"):
        Table((Column("a", np.ones(1)), Column("a", np.ones(1))))
    pd = pytest.importorskip("pandas")
    with pytest.raises(TableError, match="two columns named 'a'"):
        table_from_frame(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    pa = pytest.importorskip("pyarrow")
    twice = pa.table([pa.array([1]), pa.array([2])], names=["a", "a"])
    with pytest.raises(TableError, match="'a'"):
        table_from_frame(twice)


def test_24_names_of_mixed_types_are_refused():
    pd = pytest.importorskip("pandas")
    with pytest.raises(TableError, match="column names of the types int, str"):
        table_from_frame(pd.DataFrame([[1, 2]], columns=["a", 0]))
    with pytest.raises(TableError, match="column names of the types tuple"):
        table_from_frame(pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])))


# 25 to 28: columns at predict, and the target


def test_25_a_renamed_column_is_named_with_the_nearest_there_is():
    encoder = TableEncoder.fit(numbers(age=EIGHT, size=EIGHT))
    with pytest.raises(TableError, match="no column 'age', which.*Did you mean 'Age'"):
        encoder.design(numbers(Age=[1, 2], size=[1, 2]))


def test_25_a_missing_column_is_named():
    encoder = TableEncoder.fit(numbers(age=EIGHT, size=EIGHT))
    with pytest.raises(TableError, match="no column 'age', which.*its cells may be missing"):
        encoder.design(numbers(size=[1, 2]))


def test_25_extra_and_reordered_columns_change_nothing():
    encoder = TableEncoder.fit(numbers(a=EIGHT, b=EIGHT[::-1]))
    plain, shuffled = numbers(a=[1, 2], b=[3, 4]), numbers(c=[0, 0], b=[3, 4], a=[1, 2])
    assert np.array_equal(encoded(encoder, shuffled), encoded(encoder, plain))


def test_26_an_array_after_a_frame_is_told_from_a_misspelling():
    encoder = TableEncoder.fit(numbers(age=EIGHT))
    with pytest.raises(TableError, match="no column 'age'.*An array has no column names"):
        encoder.design(table_from_frame(np.ones((2, 1))))


def test_27_the_target_among_the_features_is_refused():
    table = numbers(x=[1, 2, 3], price=[5, 6, 7], y=[5, 6, 7])
    with pytest.raises(
        TableError, match="column 'price' is equal to the target 'y'.*--drop 'price'"
    ):
        take_target(table, "y")


def test_27_a_table_of_the_target_alone_is_refused():
    with pytest.raises(TableError, match="no column is left"):
        take_target(numbers(y=[5, 6, 7]), "y")


def test_28_an_absent_target_is_named_with_the_nearest_there_is():
    with pytest.raises(TableError, match="no column 'prize'. Did you mean 'price'"):
        take_target(numbers(x=[1], price=[1]), "prize")


def test_28_a_missing_target_is_counted_and_its_first_line_named(write):
    table = read_table(write("x,y\n1,a\n2,\n3,NA\n"))
    with pytest.raises(
        TableError, match=r"line 3: target 'y' is missing there, and in 2 of 3 rows"
    ):
        take_target(table, "y")


def test_28_an_infinite_target_and_a_date_are_refused(write):
    with pytest.raises(TableError, match="line 3: target 'y' is infinite"):
        take_target(read_table(write("x,y\n1,1\n2,inf\n")), "y")
    with pytest.raises(TableError, match="target 'y' holds dates"):
        take_target(read_table(write("x,y\n1,2020-01-01\n2,2020-01-02\n")), "y")


# 29 to 32: kinds of columns


def test_29_dates_of_every_library_are_read_and_times_left_out_with_a_warning():
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    days = pd.to_datetime(["2020-01-01", None, "2020-01-03"])
    frame = pd.DataFrame({"day": days, "span": days - days[0]})
    frame["object"] = [day.date() for day in pd.to_datetime(["2020-01-01"] * 2 + ["2020-02-01"])]
    frame["clock"] = [day.time() for day in pd.date_range("2020-01-01", periods=3, freq="6h")]
    frame["zone"] = days.tz_localize("UTC")
    for table in (
        table_from_frame(frame),
        table_from_frame(pl.from_pandas(frame)),
        table_from_frame(pl.from_pandas(frame).to_arrow()),
    ):
        with pytest.warns(TableWarning, match="columns 'span', 'clock' hold times, durations"):
            encoder = TableEncoder.fit(table)
        assert encoder.columns == ("day", "object", "zone")
        found = dict(zip(encoder.feature_names, encoded(encoder, table).T, strict=True))
        assert found["day=Friday"] == pytest.approx([-1 / 3, -1 / 3, 2 / 3], abs=1e-15)
        assert np.array_equal(found["zone=Friday"], found["day=Friday"])
    stamps = np.array([["2020-01-01"], ["NaT"]], dtype="datetime64[D]")
    column = table_from_frame(stamps)["x0"]
    assert column.kind == "date" and column.missing.tolist() == [False, True]


def test_29_dates_that_are_all_one_day_or_in_no_calendar_are_left_out_and_named(write):
    rows = "".join(f"{i},2020-01-01,31/31/2020\n" for i in range(8))
    with (
        pytest.warns(TableWarning, match="column 'b' holds times, durations or days that"),
        pytest.warns(UserWarning, match="column 'a' holds the same value"),
    ):
        encoder = TableEncoder.fit(read_table(write(f"x,a,b\n{rows}")))
    assert encoder.columns == ("x",)


def test_30_an_unseen_category_is_named(write):
    encoder = TableEncoder.fit(read_table(write("town\nBath\nYork\n")))
    with pytest.warns(UnseenCategoryWarning, match="column 'town' has 'Rome', never seen at fit"):
        assert not encoded(encoder, read_table(write("town\nRome\n"))).any()


def test_30_categories_beyond_the_cap_are_merged_with_a_warning():
    levels = np.array([f"c{i}" for i in range(1_100)] * 2, object)
    with pytest.warns(TableWarning, match="1,100 levels; the 1,000 most frequent"):
        encoder = TableEncoder.fit(Table((Column("c", levels),)))
    assert len(encoder.feature_names) == 1_001


def test_31_a_sparse_matrix_is_no_table_and_told_where_it_belongs():
    with pytest.raises(TableError, match="sparse matrix.*give it to the estimator"):
        table_from_frame(sparse.csr_array(np.eye(2)))


def test_32_ragged_lists_are_refused_with_the_row():
    with pytest.raises(ShapeMismatch, match="row 1 has 1 cells but row 0 has 2"):
        table_from_frame([[1, 2], [3]])


@pytest.mark.parametrize(
    "cells, match",
    [
        ([1, "a"], "int '1' in row 0 and str 'a' in row 1"),
        ([True, 2.5], "bool 'True' in row 0 and float '2.5' in row 1"),
        ([None, b"raw"], "bytes .* in row 1"),
        ([[1], [2, 3]], "list"),
        ([{"a": 1}, {}], "dict"),
        ([1j, 2j], "complex"),
    ],
    ids=str,
)
def test_objects_of_mixed_types_are_refused_with_the_first_row_of_each(cells, match):
    pd = pytest.importorskip("pandas")
    with pytest.raises(TableError, match=f"column 'a' holds .*{match}"):
        table_from_frame(pd.DataFrame({"a": pd.Series(cells, dtype=object)}))


def test_nested_columns_are_refused_by_name():
    pl = pytest.importorskip("polars")
    with pytest.raises(TableError, match="column 'a' holds List"):
        table_from_frame(pl.DataFrame({"a": [[1], [2]]}))


def test_a_lazy_frame_is_told_to_collect():
    pl = pytest.importorskip("polars")
    with pytest.raises(TableError, match=r"\.collect\(\)"):
        table_from_frame(pl.LazyFrame({"a": [1]}))


@pytest.mark.parametrize("thing", [None, 3, "t.csv", {"a": [1]}, {1, 2}], ids=repr)
def test_what_is_no_table_is_refused_by_its_type(thing):
    with pytest.raises(TableError, match="X is of type .*expected a pandas, polars or pyarrow"):
        table_from_frame(thing)


# 86: text files


def test_86_ragged_rows_are_refused_with_the_line_and_the_counts(write):
    with pytest.raises(
        TableError, match=r"t.csv`, line 4: 3 cells, but the header has 2 \(delimiter"
    ):
        read_table(write('a,b\n1,"two\nlines"\n1,2,3\n'))
    with pytest.raises(TableError, match="line 20001: 1 cells"):
        read_table(write("a,b\n" + "1,2\n" * 19_999 + "1\n"))


def test_86_a_nul_byte_is_refused_with_its_line(write):
    with pytest.raises(TableError, match="line 3: a NUL byte"):
        read_table(write(b"a,b\r\n1,2\r\n3,\x004\r\n"))


def test_86_utf16_without_its_mark_is_told_from_other_nuls(write):
    with pytest.raises(TableError, match="UTF-16 without its byte order mark"):
        read_table(write("a,b\n1,2\n3,4\n".encode("utf-16-le") * 60))


def test_86_a_damaged_utf16_file_is_refused(write):
    with pytest.raises(TableError, match="mark of UTF-16 but is not valid"):
        read_table(write("a,b\n1,2\n".encode("utf-16")[:-1]))


def test_86_columns_under_a_title_are_not_read_as_one_column(write):
    with pytest.raises(TableError, match="line 1: one cell, while the lines below hold 3 each"):
        read_table(write("Report of 2020\na,b,c\n1,2,3\n4,5,6\n"))


def test_86_columns_between_blanks_are_not_read_as_one_column(write):
    with pytest.raises(TableError, match="3 columns seem to be separated by blanks"):
        read_table(write("a b c\n1 2 3\n4  5 6\n"))


@pytest.mark.parametrize("delimiter", ["", ",,", '"', "\n"])
def test_86_an_impossible_delimiter_is_refused(write, delimiter):
    with pytest.raises(InvalidParameter, match="`delimiter` is"):
        read_table(write("a,b\n1,2\n"), delimiter=delimiter)


def test_86_a_wrong_delimiter_gives_one_column_that_is_seen_in_the_next_message(write):
    table = read_table(write("a,b\nx,y\n"), delimiter=";")
    with pytest.raises(TableError, match=r"no column 'b'. There are: 'a,b'"):
        table["b"]


def test_86_a_line_of_a_gigabyte_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "t.csv"
    with path.open("wb") as file:
        os.truncate(file.fileno(), 2**30)  # a hole in the file: takes no room on disk
    with pytest.raises(TableError, match="a line of more than 16 MiB"):
        read_table(path)


def test_86_a_cell_beyond_the_limit_is_refused_with_its_line(write):
    with pytest.raises(
        TableError, match="row that begins on line 3 has a cell of more than 131,072"
    ):
        read_table(write("a,b\n1,2\n" + "x" * 200_000 + ",2\n"))


def test_86_a_quote_that_never_ends_is_refused_with_the_line_it_opens_on(write):
    with pytest.raises(TableError, match="row that begins on line 3 has a quoted cell that never"):
        read_table(write('a,b\n1,2\n"oops,4\n5,6\n'))
    with pytest.raises(TableError, match="begins on line 2 has quotes that do not pair"):
        read_table(write('a,b\n"one"two,4\n'))


def test_86_one_stray_word_among_numbers_is_refused_with_line_column_value_and_cure(write):
    path = write("a,b\n" + "1.5,2\n" * 9_000 + "1.5,oops\n" + "1.5,2\n" * 999)
    with pytest.raises(TableError, match=r"line 9002, column 'b': 'oops' is no number") as error:
        read_table(path)
    assert "99.99%" in str(error.value)
    assert "--missing 'oops'" in str(error.value) and "--category 'b'" in str(error.value)
    assert read_table(path, missing=["oops"])["b"].missing.sum() == 1
    assert read_table(path, categories=["b"])["b"].kind == "text"
    assert read_table(path, drop=["b"]).names == ("a",)


def test_86_a_word_for_missing_that_we_do_not_know_is_refused_however_common(write):
    body = "".join(f"{i},unknown\n{i},{i}.5\n" for i in range(300))
    with pytest.raises(TableError, match="line 2, column 'b': 'unknown' is no number"):
        read_table(write("a,b\n" + body))


def test_86_text_at_predict_in_a_numeric_column_is_refused_with_its_line(write):
    encoder = TableEncoder.fit(numbers(a=EIGHT, b=EIGHT))
    with pytest.raises(TableError, match=r"t.csv`, line 2, column 'b': 'x' is a word, but"):
        encoder.design(read_table(write("a,b\n1,x\n2,y\n")))


@pytest.mark.parametrize(
    "content", [b"", b"\n\n \n", b"\xef\xbb\xbf", b"\xff\xfe", gzip.compress(b"", mtime=0)]
)
def test_86_an_empty_file_is_refused(write, content):
    with pytest.raises(TableError, match="is empty"):
        read_table(write(content))


def test_86_a_header_alone_is_refused(write):
    with pytest.raises(TableError, match="column names but no rows"):
        read_table(write("a,b,c\n\n"))


def test_86_names_that_are_empty_are_made_up_and_said(write):
    with pytest.warns(TableWarning, match="1 of 3 cells of the header are empty.*'column_3_'"):
        table = read_table(write("column_3,b,\n1,2,3\n"))
    assert table.names == ("column_3", "b", "column_3_")


def test_86_a_header_of_numbers_may_be_data_and_is_said(write):
    with pytest.warns(TableWarning, match="first line holds only numbers"):
        read_table(write("5.1,3.5,1.4\n4.9,3.0,1.3\n"))
    with pytest.warns(TableWarning, match="first line holds only numbers"):
        read_table(write("1" * 5_000 + ",2\n1,2\n"))  # more digits than `int` reads
    assert read_table(write("2019,2020,2021\n1,2,3\n")).names == ("2019", "2020", "2021")


# 82, 85, 88: what is no text, and where it lies


def test_82_a_gzip_bomb_is_stopped_early(write):
    bomb = gzip.compress(b"0,0\n" * 2**25, compresslevel=6)
    assert len(bomb) < 2**18
    with pytest.raises(TableError, match="as a gzip bomb does; stopped after [68][04] MiB"):
        read_table(write(bomb, "t.csv.gz"))


def test_82_a_well_packed_table_is_no_bomb(write):
    assert read_table(write(gzip.compress(b"a,b\n" + b"0,1\n" * 2**18))).n_rows == 2**18


def test_80_a_cut_or_damaged_gzip_is_refused(write):
    packed = gzip.compress(b"a,b\n" + bytes(str(np.arange(9_999).tolist()), "ascii"))
    with pytest.raises(TableError, match="damaged gzip"):
        read_table(write(packed[:-20]))
    with pytest.raises(TableError, match="damaged gzip"):
        read_table(write(packed[:50] + bytes([packed[50] ^ 255]) + packed[51:]))


@pytest.mark.parametrize(
    "content, match",
    [
        (b"PK\x03\x04" + bytes(40), "zip archive or an Excel workbook"),
        (pickle.dumps({"a": 1}), "pickle, which can run code"),
        (b"\x93NUMPY\x01\x00", "NumPy array"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        (b'[{"a": 1}]', "JSON"),
        (b"BZh91AY&SY", "bzip2"),
        (gzip.compress(gzip.compress(b"a,b\n1,2\n", mtime=0), mtime=0), "compressed twice"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_85_what_is_no_text_is_told_by_its_first_bytes(write, content, match):
    with pytest.raises(TableError, match=match):
        read_table(write(content))


def test_88_a_directory_a_lost_file_a_loop_and_an_impossible_name_are_refused(tmp_path, write):
    write("a\n1\n", "houses.csv")
    with pytest.raises(TableError, match="is a directory"):
        read_table(tmp_path)
    with pytest.raises(TableError, match="there is no file .*Did you mean 'houses.csv'"):
        read_table(tmp_path / "house.csv")
    with pytest.raises(TableError, match="directory does not exist"):
        read_table(tmp_path / "nowhere" / "t.csv")
    with pytest.raises(TableError, match="is no file name|there is no file"):
        read_table("a\0b.csv")
    loop = tmp_path / "loop.csv"
    loop.symlink_to(loop)
    with pytest.raises(TableError, match="cannot be read|there is no file"):
        read_table(loop)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads every file")
def test_88_a_file_that_may_not_be_read_is_refused(write):
    path = write("a\n1\n")
    path.chmod(0)
    with pytest.raises(TableError, match="cannot be read: Permission denied"):
        read_table(path)


@pytest.mark.parametrize("argument", ["missing", "categories", "only", "drop"])
def test_a_string_where_several_are_expected_is_not_taken_letter_by_letter(write, argument):
    with pytest.raises(InvalidParameter, match=rf"`{argument}` is the string 'NA': write \['NA'\]"):
        read_table(write("N,A\n1,2\n"), **{argument: "NA"})


def test_a_name_to_drop_or_to_keep_as_text_that_is_not_there_is_refused(write):
    path = write("age,b\n1,2\n")
    with pytest.raises(TableError, match="no column 'Age'. Did you mean 'age'"):
        read_table(path, categories=["Age"])
    with pytest.raises(TableError, match="no column 'c'"):
        read_table(path, drop=["c"])
    with pytest.raises(TableError, match="no column is left to read"):
        read_table(path, only=["c"])


def test_nothing_left_to_learn_from_is_refused(write):
    with pytest.warns(UserWarning), pytest.raises(TableError, match="no column can be used"):
        TableEncoder.fit(read_table(write("a,b\n1,\n1,\n")))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [b"1", b"2.5", b"a", b'"', b",", b";", b"\t", b"\n", b"\r\n", b"\r", b" ", b"NA",
             b"inf", b"1e400", b"1,5", b"1.234", b"2020-01-01", b"\xf6", b"\xff\xfe",
             b"\xef\xbb\xbf", b"_", b"\0", b"sep=;", b"x,y\n", b"$1"]
        ),
        max_size=40,
    )
)  # fmt: skip
def test_86_whatever_the_bytes_they_give_a_finite_matrix_or_an_error_of_ours(tmp_path, pieces):
    path = tmp_path / "t.csv"
    path.write_bytes(b"".join(pieces))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            table = read_table(path)
            encoder = TableEncoder.fit(table)
        except DerivataError:
            return
        assert np.isfinite(encoded(encoder, table)).all()


# 87: Parquet


@pytest.fixture
def parquet(tmp_path):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")

    def parquet(columns):
        path = tmp_path / "t.parquet"
        pq.write_table(pa.table(columns), path)
        return path

    return parquet


@pytest.mark.parametrize("cells", [[[1], [2, 3]], [{"a": 1}, {"a": 2}], [b"a", b"b"]], ids=str)
def test_87_nested_and_binary_columns_are_refused_by_name(parquet, cells):
    with pytest.raises(TableError, match="t.parquet`, column 'deep' holds"):
        read_table(parquet({"x": [1, 2], "deep": cells}))


def test_87_a_truncated_file_is_refused(parquet):
    path = parquet({"x": list(range(1_000))})
    data = path.read_bytes()
    for cut in (4, 100, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:cut])
        with pytest.raises(TableError, match="no whole Parquet file"):
            read_table(path)


def test_87_a_file_that_only_calls_itself_parquet_is_refused(write):
    pytest.importorskip("pyarrow")
    with pytest.raises(TableError, match="no whole Parquet file"):
        read_table(write("a,b\n1,2\n", "t.parquet"))


def test_87_a_file_without_rows_is_refused(parquet):
    pa = pytest.importorskip("pyarrow")
    with pytest.raises(TableError, match="column 'x' but no rows"):
        read_table(parquet({"x": pa.array([], pa.float64())}))


def test_87_files_whose_schemas_drifted_are_refused_by_column(parquet):
    encoder = TableEncoder.fit(read_table(parquet({"x": [1.5, 2.5] * 4, "y": [1, 2] * 4})))
    with pytest.raises(TableError, match="has no column 'y'.*Did you mean 'Y'"):
        encoder.design(read_table(parquet({"x": [1.5, 2.5], "Y": [1, 2]})))
    with pytest.raises(TableError, match=r"row 0 \(counted from 0\), column 'y': 'one' is a word"):
        encoder.design(read_table(parquet({"x": [1.5, 2.5], "y": ["one", "two"]})))


def test_87_without_pyarrow_the_extra_is_named(write, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(TableError, match=r"pip install 'derivata\[arrow\]'"):
        read_table(write(b"PAR1" + bytes(20), "t.parquet"))
