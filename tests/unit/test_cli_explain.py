"""``derivata explain``: what is printed, written and refused."""

import csv
import json

import numpy as np
import pandas as pd
import pytest

from derivata import TableModel
from derivata.cli.explain_told import told
from derivata.cli.explained import explained_rows
from derivata.cli.main import run
from derivata.cli.run_model import load_table_model, model_file_of
from derivata.errors import InvalidParameter
from derivata.tables import read_table, table_from_frame
from tests.unit.test_cli import HEAVY, modules_after

N_ROWS = 120


def cells(kind):
    """A table with numbers, words and gaps, and a target of some kind."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"size": rng.normal(size=N_ROWS).round(2)})
    frame["town"] = rng.choice(["=Bath", "Rye", "York"], N_ROWS)
    frame["age"] = np.where(rng.random(N_ROWS) < 0.2, np.nan, rng.normal(size=N_ROWS).round(2))
    score = frame["size"] + 1.5 * (frame["town"] == "Rye")
    if kind == "number":
        frame["y"] = (score + 0.3 * rng.normal(size=N_ROWS)).round(3)
    elif kind == "count":
        frame["time"] = rng.uniform(0.5, 2.0, N_ROWS).round(2)
        frame["y"] = rng.poisson(frame["time"] * np.exp(0.5 * score))
    elif kind == "two":
        frame["y"] = np.where(score + rng.logistic(size=N_ROWS) > 0.5, "yes", "no")
    else:
        noisy = score + rng.logistic(size=N_ROWS)
        frame["y"] = np.select([noisy < 0.0, noisy < 1.0], ["low", "middle"], "top")
    return frame


OPTIONS = {"number": {}, "count": {"exposure": "time"}, "two": {}, "three": {}}


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """The paths of a model and of its table, for each kind of target."""
    found = {}
    for kind, options in OPTIONS.items():
        folder = tmp_path_factory.mktemp(kind)
        frame = cells(kind)
        frame.to_csv(folder / "table.csv", index=False)
        table = read_table(folder / "table.csv")
        model = TableModel.fit(table, "y", interactions=0, **options)
        model.save(folder / "model.derivata")
        found[kind] = str(folder), str(folder / "table.csv")
    return found


def explain(capsys, fitted, kind, *options):
    assert run(["explain", *fitted[kind], *options]) == 0
    heard = capsys.readouterr()
    assert heard.err == ""
    return heard.out


def test_help_imports_nothing_heavy():
    assert not modules_after("explain", "--help") & set(HEAVY)


def test_contributions_of_a_number_add_up_on_the_screen(fitted, capsys):
    lines = explain(capsys, fitted, "number", "--row", "3").splitlines()
    assert lines[0].endswith("table.csv` (line 4)") and lines[0].startswith("row 3 of ")
    assert lines[1].startswith("predicted y: ")
    table = [line.rsplit("  ", 1) if "│" in line else [line] for line in lines[4:-2]]
    values = [float(line[0].split()[-1].replace(",", "")) for line in table]
    baseline, *each, total, prediction = values
    assert sum(each) == pytest.approx(total, abs=2e-3 * len(each))
    assert baseline + total == pytest.approx(prediction, abs=2e-3)
    row = cells("number").iloc[2]
    assert any(f"town = {row['town']}" in line for line in lines)
    assert any(f"size = {row['size']:.6g}" in line for line in lines)
    assert "(completeness error)" in lines[-1]


def test_a_gap_is_shown_as_missing(fitted, capsys):
    row = int(np.flatnonzero(cells("number")["age"].isna())[0]) + 1
    told = explain(capsys, fitted, "number", "--row", str(row))
    assert "age = missing" in told and "age=(missing): yes" in told


def test_rows_are_printed_in_the_order_asked_for(fitted, capsys):
    told = explain(capsys, fitted, "number", "--row", "7", "--row", "2")
    heads = [line.split(" of ")[0] for line in told.splitlines() if line.startswith("row ")]
    assert heads == ["row 7", "row 2"]


def test_a_log_link_shows_factors_means_and_the_exposure(fitted, capsys):
    told = explain(capsys, fitted, "count", "--row", "1")
    assert "effects on the log of the expected value" in told and "× " in told
    assert f"time = {cells('count')['time'][0]:.6g}" in told
    lines = told.splitlines()
    ends = [line for line in lines if line.startswith(("baseline", "prediction"))]
    prediction = float(lines[1].split()[-1].replace(",", ""))
    assert float(ends[1].split("= ")[1].replace(",", "")) == pytest.approx(prediction, rel=1e-3)


def test_two_classes_show_odds_and_probabilities(fitted, capsys):
    second = explain(capsys, fitted, "two", "--row", "1")
    first = explain(capsys, fitted, "two", "--row", "1", "--class", "no")
    assert "log-odds of “yes”" in second and "log-odds of “no”" in first
    shares = [
        next(line for line in told.splitlines() if line.startswith("prediction")).split("= ")[1]
        for told in (second, first)
    ]
    numbers = [float(share.removesuffix(" %")) for share in shares]
    assert sum(numbers) == pytest.approx(100.0, abs=1.1)


def test_of_many_classes_the_predicted_one_is_explained_or_one_that_is_named(fitted, capsys):
    told = explain(capsys, fitted, "three", "--row", "1")
    predicted = told.splitlines()[1].removeprefix("predicted y: ")
    assert f"score of “{predicted}”" in told and "a score is" in told
    assert "score of “top”" in explain(capsys, fitted, "three", "--row", "1", "--class", "top")


@pytest.mark.parametrize("kind", ["count", "two", "three"])
def test_the_response_is_shared_out_on_its_own_scale(kind, fitted, capsys):
    told = explain(capsys, fitted, kind, "--row", "4", "--response", "--json")
    row = json.loads(told)["rows"][0]
    total = sum(one["contribution"] for one in row["contributions"])
    assert row["baseline_output"] + total == pytest.approx(row["output"], abs=1e-12)
    if kind == "count":
        assert row["output"] == pytest.approx(row["prediction"], rel=1e-12)
    else:
        assert 0.0 < row["output"] < 1.0


@pytest.mark.parametrize("kind", OPTIONS)
def test_json_holds_every_term_with_its_cells(kind, fitted, capsys):
    record = json.loads(explain(capsys, fitted, kind, "--row", "2", "--json"))
    frame, row = cells(kind), record["rows"][0]
    assert record["target"] == "y" and row["row"] == 2 and row["line"] == 3
    read = {name: value for one in row["contributions"] for name, value in one["columns"].items()}
    assert read["town"] == frame["town"][1] and read["size"] == frame["size"][1]
    total = row["baseline_output"] + sum(one["contribution"] for one in row["contributions"])
    assert total == pytest.approx(row["output"], abs=1e-12)
    assert row["completeness_error"] < 1e-12


@pytest.mark.parametrize("kind", OPTIONS)
def test_a_csv_file_holds_every_row(kind, fitted, tmp_path, capsys):
    out = tmp_path / "out.csv"
    told = explain(capsys, fitted, kind, "-o", str(out))
    assert told == f"{out}: {N_ROWS} predictions explained\n"
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert [row["row"] for row in rows] == [str(k + 1) for k in range(N_ROWS)]
    for row in rows[:3]:
        each = [float(v) for name, v in row.items() if name.startswith("contribution:")]
        assert float(row["baseline_output"]) + sum(each) == pytest.approx(float(row["output"]))


def test_a_csv_file_of_some_rows_beside_what_is_printed(fitted, tmp_path, capsys):
    out = tmp_path / "out.csv"
    told = explain(capsys, fitted, "number", "--row", "5", "-o", str(out))
    assert "1 prediction explained" in told and "row 5 of" in told
    assert len(out.read_text().splitlines()) == 2
    assert explain(capsys, fitted, "number", "--row", "5", "-o", "-") == out.read_text()


def test_cells_that_a_spreadsheet_would_run_are_written_harmlessly(tmp_path, capsys):
    frame = cells("two").rename(columns={"size": "=size"})
    frame["y"] = frame["y"].map({"yes": "=1+1", "no": "no"})
    frame.to_csv(tmp_path / "table.csv", index=False)
    TableModel.fit(frame, "y", interactions=0).save(tmp_path / "model.derivata")
    assert run(["explain", str(tmp_path), str(tmp_path / "table.csv"), "-o", "-"]) == 0
    told = capsys.readouterr().out
    cells_ = [cell for row in csv.reader(told.splitlines()) for cell in row]
    assert "'=1+1" in cells_ and not any(cell.startswith(("=", "@")) for cell in cells_)


def test_few_terms_are_named_and_the_others_summed(fitted, capsys):
    lines = explain(capsys, fitted, "number", "--row", "3", "--top", "1").splitlines()
    assert sum("│" in line for line in lines) == 1
    assert any(line.startswith("3 other terms") for line in lines)


@pytest.mark.parametrize("kind", OPTIONS)
def test_a_terminal_of_ascii_gets_text_of_ascii(kind, fitted):
    folder, path = fitted[kind]
    model = load_table_model(model_file_of(folder))
    explained = explained_rows(model, read_table(path), [3])
    text = told(explained, 0, 20, plain=True)
    assert text.isascii() and "|" in text


def test_an_exposure_that_is_not_there_is_a_unit(fitted, tmp_path, capsys):
    cells("count").drop(columns="time").to_csv(tmp_path / "new.csv", index=False)
    assert run(["explain", fitted["count"][0], str(tmp_path / "new.csv"), "--row", "1"]) == 0
    heard = capsys.readouterr()
    assert "time: a unit" in heard.out and "for a unit of exposure" in heard.err


def test_a_frame_without_lines_is_explained_too():
    frame = cells("number")
    model = TableModel.fit(frame, "y", interactions=0)
    explained = explained_rows(model, table_from_frame(frame), [1])
    assert told(explained, 0, 5).startswith("row 1 of X\n")


@pytest.mark.parametrize("number", [0, -1, N_ROWS + 1])
def test_rows_that_are_not_there_end_with_2(number, fitted, capsys):
    assert run(["explain", *fitted["number"], "--row", str(number)]) == 2
    heard = capsys.readouterr()
    assert heard.out == "" and f"has {N_ROWS} rows" in heard.err and f"is {number}," in heard.err


@pytest.mark.parametrize(
    ("kind", "options", "says"),
    [
        ("number", [], "no row is given"),
        ("number", ["--row", "first"], "not a valid integer"),
        ("number", ["--row", "1", "--top", "0"], "--top"),
        ("number", ["--row", "1", "--class", "yes"], "does not classify"),
        ("three", ["--row", "1", "--class", "rose"], "low, middle, top"),
    ],
)
def test_a_wrong_command_line_ends_with_2(kind, options, says, fitted, capsys):
    assert run(["explain", *fitted[kind], *options]) == 2
    assert says in capsys.readouterr().err


def test_a_table_without_a_column_of_the_model_ends_with_3(fitted, tmp_path, capsys):
    cells("number").drop(columns="town").to_csv(tmp_path / "new.csv", index=False)
    assert run(["explain", fitted["number"][0], str(tmp_path / "new.csv"), "--row", "1"]) == 3
    assert "has no column 'town'" in capsys.readouterr().err


def test_a_file_that_is_no_model_ends_with_3(fitted, tmp_path, capsys):
    assert run(["explain", str(tmp_path), fitted["number"][1], "--row", "1"]) == 3
    assert "model.derivata" in capsys.readouterr().err


def test_an_input_is_not_overwritten(fitted, capsys):
    path = fitted["number"][1]
    assert run(["explain", *fitted["number"], "-o", path]) == 4
    assert "is an input of this command" in capsys.readouterr().err


def test_columns_in_another_order_and_others_are_no_matter(fitted, tmp_path, capsys):
    frame = cells("number")
    frame[["y", "age", "town", "size"]].assign(more=1).to_csv(tmp_path / "new.csv", index=False)
    code = run(["explain", fitted["number"][0], str(tmp_path / "new.csv"), "--row", "3", "--json"])
    assert code == 0
    new = json.loads(capsys.readouterr().out)["rows"]
    old = json.loads(explain(capsys, fitted, "number", "--row", "3", "--json"))["rows"]
    assert new == old


def test_explained_rows_refuse_what_the_command_line_would():
    model = TableModel.fit(cells("number"), "y", interactions=0)
    with pytest.raises(InvalidParameter, match="from 1, the first row below the header, to 120"):
        explained_rows(model, table_from_frame(cells("number")), [121])
