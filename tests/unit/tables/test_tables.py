"""Reading tables: what comes out is what was written, however it was written."""

import csv
import gzip
import io
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from derivata.errors import TableError, TableWarning
from derivata.tables import Table, read_table, table_from_frame
from derivata.tables.columns import MISSING_WORDS, Column


def write(folder, text, name="t.csv", encoding="utf-8"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


def cells(table, name):
    return table[name].values.tolist()


WORDS = st.text("abü√;,|\t\"'\n .-", max_size=8).map(lambda word: f"w{word}".strip())
NUMBERS = st.floats(-1e15, 1e15, allow_nan=False) | st.integers(1 - 2**53, 2**53 - 1).map(float)


@st.composite
def contents(draw, words=WORDS):
    n_rows = draw(st.integers(1, 12))
    kinds = draw(st.lists(st.sampled_from(["text", "numeric"]), min_size=1, max_size=5))
    columns = []
    for kind in kinds:
        cell = words if kind == "text" else NUMBERS
        values = draw(st.lists(st.none() | cell, min_size=n_rows, max_size=n_rows))
        columns.append(values)
    return columns


def as_csv(columns, delimiter, ending, quoting=csv.QUOTE_MINIMAL):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n", quoting=quoting)
    writer.writerow([f"name {j}" for j in range(len(columns))])
    writer.writerows(zip(*columns, strict=True))
    return out.getvalue().replace("\n", ending)  # those inside cells too


def assert_holds(table, columns):
    assert table.names == tuple(f"name {j}" for j in range(len(columns)))
    for column, expected in zip(table.columns, columns, strict=True):
        if all(value is None or isinstance(value, float) for value in expected):
            expected = np.array([np.nan if value is None else value for value in expected])
            np.testing.assert_array_equal(column.values, expected)  # to the last bit
        else:
            assert column.values.tolist() == expected


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    columns=contents(),
    delimiter=st.sampled_from(",;\t|"),
    ending=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    packed=st.booleans(),
)
def test_a_written_table_is_read_back_whatever_its_delimiter_line_ending_encoding_and_quoting(
    tmp_path, columns, delimiter, ending, encoding, quoting, packed
):
    data = as_csv(columns, delimiter, ending, quoting).encode(encoding)
    path = write(tmp_path, gzip.compress(data) if packed else data)
    assert_holds(read_table(path, delimiter=delimiter), columns)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    columns=contents(words=st.text("abc xyz", max_size=5).map(lambda word: f"w{word}".strip())),
    delimiter=st.sampled_from(",;\t|"),
    ending=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_the_delimiter_is_found_in_any_table_of_plain_cells(tmp_path, columns, delimiter, ending):
    assert_holds(read_table(write(tmp_path, as_csv(columns, delimiter, ending))), columns)


@pytest.mark.parametrize("width", [1, 2, 7, 400])
@pytest.mark.parametrize("n_rows", [1, 65, 5_000])
def test_tables_longer_and_wider_than_a_chunk_are_read_whole(tmp_path, width, n_rows):
    if width * n_rows > 400_000:
        n_rows = 1_000
    values = np.random.default_rng(0).normal(size=(n_rows, width))
    lines = [",".join(f"c{j}" for j in range(width))]
    lines += [",".join(map(repr, row)) for row in values.tolist()]
    table = read_table(write(tmp_path, "\n".join(lines)))
    np.testing.assert_array_equal(np.column_stack([c.values for c in table.columns]), values)
    assert table.lines.tolist() == list(range(2, n_rows + 2))


def test_commas_in_quoted_text_do_not_hide_the_tab_that_separates(tmp_path):
    path = write(tmp_path, "id\tsaid\n1\tHello, you, there\n2\tYes; no; well\n3\tNo\n")
    assert cells(read_table(path), "said") == ["Hello, you, there", "Yes; no; well", "No"]


def test_the_delimiter_line_of_excel_is_obeyed_and_counted(tmp_path):
    table = read_table(write(tmp_path, "sep=|\r\na,b|c\r\n1|2\r\n"))
    assert table.names == ("a,b", "c")
    assert table.lines.tolist() == [3]


def test_decimal_commas_are_read_where_the_delimiter_is_another(tmp_path):
    table = read_table(write(tmp_path, "x;y;word\n1,5;2;a\n-0,25;3;b,5\n1.234,5;-1e-3;c\n"))
    assert cells(table, "x") == [1.5, -0.25, 1234.5]
    assert cells(table, "y") == [2, 3, -0.001]
    assert cells(table, "word") == ["a", "b,5", "c"]


def test_one_column_of_decimal_commas_is_one_column(tmp_path):
    assert cells(read_table(write(tmp_path, "x\n1,5\n2,25\n")), "x") == [1.5, 2.25]


def test_a_decimal_comma_far_down_is_read_though_the_first_chunks_looked_plain(tmp_path):
    body = "x;y\n" + "1;2\n" * 20_000 + "1,5;2\n"
    table = read_table(write(tmp_path, body))
    assert table["x"].values[-1] == 1.5 and table["x"].values[0] == 1


def test_dots_are_thousands_in_a_file_with_decimal_commas_and_that_is_said(tmp_path):
    path = write(tmp_path, "x;y;z\n1,5;1.234;1.5\n2,5;5;2.25\n")
    with pytest.warns(TableWarning, match=r"column 'y': a dot is taken as a thousands separator"):
        table = read_table(path)
    assert cells(table, "y") == [1234, 5]
    assert cells(table, "z") == [1.5, 2.25]  # 1.5 can be no thousands


def test_the_decimal_sign_can_be_stated(tmp_path):
    path = write(tmp_path, 'x,y\n"1,5",a\n"2,5",b\n')
    assert cells(read_table(path, decimal=","), "x") == [1.5, 2.5]


@pytest.mark.parametrize("word", sorted(MISSING_WORDS))
def test_each_missing_word_is_missing_among_numbers_and_among_words(tmp_path, word):
    table = read_table(write(tmp_path, f"x,y,z\n1,a,0\n{word},{word},0\n2, b ,0\n"))
    np.testing.assert_array_equal(table["x"].values, [1, np.nan, 2])
    assert cells(table, "y") == ["a", None, "b"]
    assert table["y"].missing.tolist() == [False, True, False]


def test_a_number_can_be_declared_missing(tmp_path):
    path = write(tmp_path, "x\n1\n-999\n-999.0\n2\n")
    table = read_table(path, missing=MISSING_WORDS | {"-999"})
    np.testing.assert_array_equal(table["x"].values, [1, np.nan, np.nan, 2])


def test_a_word_can_be_declared_not_missing(tmp_path):
    path = write(tmp_path, "country\nNA\nDE\nFR\n")
    assert cells(read_table(path, missing=[""]), "country") == ["NA", "DE", "FR"]


def test_a_column_of_gaps_is_numeric(tmp_path):
    column = read_table(write(tmp_path, "x,y\nNA,1\n,2\n"))["x"]
    assert column.kind == "numeric" and column.missing.all()


def test_true_and_false_are_words_spelled_alike_whoever_wrote_them(tmp_path):
    table = read_table(write(tmp_path, "a,b,c\nTrue,TRUE,yes\nFalse,false,no\n"))
    assert cells(table, "a") == ["true", "false"] == cells(table, "b")
    assert cells(table, "c") == ["yes", "no"]


def test_codes_stay_as_written_if_declared_a_category(tmp_path):
    path = write(tmp_path, "zip,x\n01067,1\n20095,2\n")
    assert cells(read_table(path, categories=["zip"]), "zip") == ["01067", "20095"]


def test_codes_that_repeat_stay_words_though_most_look_like_numbers(tmp_path):
    path = write(tmp_path, "x\n" + "0\n1\n2\n3+\n" * 10)
    with pytest.warns(TableWarning, match=r"75% of its cells are numbers, but line 5 holds '3\+'"):
        assert set(cells(read_table(path), "x")) == {"0", "1", "2", "3+"}


def test_a_column_that_turns_to_text_late_keeps_its_early_cells_as_written(tmp_path):
    path = write(tmp_path, "x\n" + "007\n" * 9_000 + "A1\n" * 9_000)
    with pytest.warns(TableWarning, match="50% of its cells are numbers"):
        column = read_table(path)["x"]
    assert column.values[0] == "007" and column.values[-1] == "A1"


def test_words_with_underscores_between_digits_are_no_numbers(tmp_path):
    assert cells(read_table(write(tmp_path, "x,y\n1_000,1\n2_000,2\n")), "x") == ["1_000", "2_000"]


def test_numbers_with_a_currency_or_a_comma_are_said_to_be_text(tmp_path):
    path = write(tmp_path, 'x,y\n"$1,234.50",1\n$17,2\n')
    with pytest.warns(TableWarning, match=r"'\$1,234.50' on line 2 looks like a number"):
        assert read_table(path)["x"].kind == "text"


@pytest.mark.parametrize(
    "dates",
    [
        ["2020-01-31", "2021-12-01"],
        ["2020-01-31T10:11:12Z", "2020-01-31 10:11"],
        ["31-01-2011", "01-02-2012"],
        ["1/31/2020", "12/1/2021 3:04:05 PM"],
        ["31.01.2020", ""],
    ],
)
def test_dates_are_told_from_words(tmp_path, dates):
    table = read_table(write(tmp_path, "when,x\n" + "".join(f"{date},1\n" for date in dates)))
    assert table["when"].kind == "date"


def test_lines_are_those_an_editor_shows(tmp_path):
    path = write(tmp_path, '\n\na,b\n\n1,"two\nlines"\r\n\r\n2,x\n3,y\n')
    table = read_table(path)
    assert table.lines.tolist() == [5, 8, 9]
    assert table.place(1) == f"`{path}`, line 8"
    assert table.take(np.array([2])).place(0).endswith("line 9")


def test_some_columns_can_be_read_alone_whatever_is_in_the_others(tmp_path):
    path = write(tmp_path, "a,b,c\n" + "1,2,3\n" * 500 + "1,oops,3\n")
    assert read_table(path, drop=["b"]).names == ("a", "c")
    assert read_table(path, only=["c", "d"], drop=["b"]).names == ("c",)


def test_numbers_become_text_in_their_shortest_spelling():
    column = Column("x", np.array([1.0, 2.5, np.nan, -0.1]))
    assert column.as_text().values.tolist() == ["1", "2.5", None, "-0.1"]


def test_the_kind_of_file_is_told_from_its_bytes_not_its_name(tmp_path):
    data = b"a,b\n1,2\n"
    assert read_table(write(tmp_path, gzip.compress(data), "t.csv")).names == ("a", "b")
    assert read_table(write(tmp_path, data, "t.csv.gz")).names == ("a", "b")


def test_windows_letters_are_read_with_a_warning_that_shows_them(tmp_path):
    path = write(tmp_path, "town,x\nKöln,1\nMálaga,2\n", encoding="latin-1")
    with pytest.warns(TableWarning, match=r"0xf6 on line 2\); it is read as Windows-1252.*Köln"):
        assert cells(read_table(path), "town") == ["Köln", "Málaga"]


def test_a_warning_points_to_the_line_that_asked_for_the_table(tmp_path):
    path = write(tmp_path, "a,\n1,2\n")
    with pytest.warns(TableWarning) as caught:
        read_table(path)
    assert caught[0].filename == __file__


def test_columns_can_be_left_out_and_looked_up():
    table = Table((Column("a", np.array([1.0])), Column("b", np.array([2.0]))))
    assert table.without(["a"]).names == ("b",)
    with pytest.raises(TableError, match="no column 'B'. Did you mean 'b'"):
        table["B"]


def test_a_parquet_file_is_read_like_the_frame_it_holds(tmp_path):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"x": [1, None, 3], "s": ["a", None, "b"], "n": [1, 2, 1]}), path)
    table = read_table(path, categories=["n"], drop=["s"])
    np.testing.assert_array_equal(table["x"].values, [1, np.nan, 3])
    assert cells(table, "n") == ["1", "2", "1"]
    assert table.names == ("x", "n")


def frames():
    records = {
        "whole": [1, 2, 3],
        "gaps": [1.5, None, 3.0],
        "flag": [True, False, None],
        "word": ["a", None, "b"],
    }
    pd = pytest.importorskip("pandas")
    pl = pytest.importorskip("polars")
    pa = pytest.importorskip("pyarrow")
    return {
        "pandas": pd.DataFrame(records),
        "pandas nullable": pd.DataFrame(records).convert_dtypes(),
        "pandas object": pd.DataFrame(records, dtype=object),
        "pandas categorical": pd.DataFrame(records).astype({"word": "category"}),
        "pandas arrow": pd.DataFrame(records).convert_dtypes(dtype_backend="pyarrow"),
        "polars": pl.DataFrame(records),
        "polars categorical": pl.DataFrame(records).with_columns(
            pl.col("word").cast(pl.Categorical)
        ),
        "polars enum": pl.DataFrame(records).with_columns(pl.col("word").cast(pl.Enum(["a", "b"]))),
        "pyarrow": pa.table(records),
        "pyarrow dictionary": pa.table(records).set_column(
            3, "word", pa.array(records["word"]).dictionary_encode()
        ),
    }


@pytest.mark.parametrize(
    "kind",
    [
        "pandas",
        "pandas nullable",
        "pandas object",
        "pandas categorical",
        "pandas arrow",
        "polars",
        "polars categorical",
        "polars enum",
        "pyarrow",
        "pyarrow dictionary",
    ],
)
def test_every_kind_of_frame_gives_the_same_table(kind):
    table = table_from_frame(frames()[kind])
    assert table.names == ("whole", "gaps", "flag", "word")
    assert [column.kind for column in table.columns] == ["numeric", "numeric", "text", "text"]
    np.testing.assert_array_equal(table["whole"].values, [1, 2, 3])
    np.testing.assert_array_equal(table["gaps"].values, [1.5, np.nan, 3])
    assert cells(table, "flag") == ["true", "false", None]
    assert cells(table, "word") == ["a", None, "b"]


@pytest.mark.parametrize("dtype", ["bool", "i1", "u1", "i8", "f2", "f4", "f8", "O"])
def test_an_array_of_any_number_type_becomes_float64_columns(dtype):
    array = np.array([[1, 0], [1, 1]]).astype(dtype)
    table = table_from_frame(array)
    assert table.names == ("x0", "x1")
    if dtype != "bool":
        assert cells(table, "x1") == [0, 1]
    assert table["x0"].values.dtype == np.float64


def test_a_table_keeps_no_view_of_the_array_it_came_from():
    array = np.ones((2, 1))
    table = table_from_frame(array)
    array[0, 0] = 5
    assert cells(table, "x0") == [1, 1]


def test_a_masked_cell_is_missing():
    masked = np.ma.masked_array([[1.0, 2.0], [3.0, 4.0]], mask=[[0, 1], [0, 0]])
    assert table_from_frame(masked)["x1"].missing.tolist() == [True, False]


def test_whole_column_numbers_of_a_pandas_frame_become_names():
    pd = pytest.importorskip("pandas")
    assert table_from_frame(pd.DataFrame(np.ones((2, 2)))).names == ("0", "1")


REAL = {
    "abalone": (4177, 9, {"sex"}),
    "adult": (48842, 16, {"workclass", "education", "marital_status", "occupation", "relationship",
                          "race", "sex", "native_country", "income", "split"}),
    "bike_hourly": (17379, 17, {"date"}),
    "california_housing": (20640, 10, {"ocean_proximity"}),
    "concrete": (1030, 9, set()),
    "german_credit": (1000, 21, None),
    "golub_leukemia": (72, 7131, {"label", "split"}),
    "ionosphere": (351, 35, {"label"}),
    "kin8nm": (8192, 9, set()),
    "madelon": (2600, 501, set()),
    "spambase": (4601, 58, set()),
}  # fmt: skip


@pytest.mark.parametrize("name", REAL)
def test_real_tables_are_read_without_a_warning(name, real_table):
    n_rows, n_columns, words = REAL[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = real_table(name)
    assert (table.n_rows, len(table.columns)) == (n_rows, n_columns)
    if words is not None:
        assert {column.name for column in table.columns if column.kind != "numeric"} == words


def test_the_gaps_of_a_real_table_are_counted_as_its_source_does(real_table):
    assert real_table("california_housing")["total_bedrooms"].missing.sum() == 207
    assert sum(int(column.missing.sum()) for column in real_table("adult").columns) == 6465


@pytest.fixture(scope="module")
def real_table():
    """Read a real table that stands beside the repository, where it does."""
    from pathlib import Path

    folder = Path(__file__).parents[4] / "shared" / "data" / "tabular"
    if not folder.is_dir():
        pytest.skip("the real tables in ../shared/data/tabular are not here")
    return lambda name: read_table(folder / f"{name}.csv.gz")
