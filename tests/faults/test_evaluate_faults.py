"""`derivata evaluate` with rows, summaries, folders and moments that are not as they should be."""

import hashlib
import json
import os
import signal

import numpy as np
import pytest

from derivata import TableModel, load
from derivata.cli import fit_analyses
from derivata.cli.evaluating import EVALUATION_FILES
from derivata.cli.main import _terminate, run
from derivata.datasets import csv_text
from derivata.files.run_lock import run_lock
from derivata.tables import Table, read_table
from derivata.tables.columns import Column


def cells(n_rows=90, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(n_rows)
    y = np.round(2.0 * x + rng.standard_normal(n_rows), 3)
    return Table(
        (Column("x", x), Column("s", rng.integers(0, 3, n_rows).astype(float)), Column("y", y))
    )


@pytest.fixture
def folder(tmp_path):
    """A model of a weighted table with rows of weight 0 and rows without a target."""
    table = cells()
    y = table["y"].values.copy()
    y[[5, 20]] = np.nan
    text = csv_text(Table((table["x"], table["s"], Column("y", y)))).replace("nan", "")
    (tmp_path / "t.csv").write_text(text)
    options = {"weights": "s", "drop_missing_target": True, "interactions": None}
    model = TableModel.fit(read_table(tmp_path / "t.csv"), "y", **options)
    model.save(tmp_path / "model.derivata")
    return tmp_path


def evaluate(folder, *options, table="t.csv"):
    return run(["evaluate", str(folder), str(folder / table), *options])


def found(folder):
    return json.loads((folder / "evaluation.json").read_text())


def test_rows_without_a_target_or_a_weight_are_left_out_and_lines_stay_those_of_the_file(folder):
    assert evaluate(folder) == 0
    record = found(folder)
    assert record["data"]["is_training_table"]
    judged = record["data"]["rows_judged"]
    table = read_table(folder / "t.csv")
    weight, y = table["s"].values, table["y"].values
    assert judged == np.count_nonzero((weight > 0) & ~np.isnan(y)) < 90
    largest = record["influence"]["largest"][0]["removed"]
    row = int(largest.removeprefix("row "))
    assert weight[row] > 0 and not np.isnan(y[row])
    page = (folder / "evaluation.html").read_text()
    assert f"is on line {row + 2};" in page


@pytest.mark.parametrize(
    "summary",
    [
        "{",
        "[]",
        "null",
        '{"outer_score": null}',
        '{"outer_score": []}',
        '{"outer_score": {"why_not": "too few"}}',
        '{"outer_score": {"score_a_row": "a", "standard_error": 1, "folds": 5}}',
        '{"outer_score": {"score_a_row": NaN, "standard_error": 1, "folds": 5}}',
        '{"data": 3}',
        "\x00\xff",
    ],
)
def test_a_summary_that_is_broken_promises_nothing(summary, folder, capsys):
    (folder / "summary.json").write_bytes(summary.encode("latin-1"))
    assert evaluate(folder) == 0
    assert "no outer score to compare" in capsys.readouterr().out
    assert found(folder)["score"]["promised"] is None


def test_a_model_that_is_at_no_minimum_is_written_without_scores_and_ends_with_5(folder, capsys):
    # The checksum says that these are the rows of the fit, and the model does not stand there.
    table = read_table(folder / "t.csv")
    model = TableModel.fit(table, "y", interactions=None, weights="s", drop_missing_target=True)
    other = cells(model.n_rows, seed=3)
    columns = (other["x"], Column("s", np.ones(model.n_rows)), other["y"])
    (folder / "other.csv").write_text(csv_text(Table(columns)))
    sha256 = hashlib.sha256((folder / "other.csv").read_bytes()).hexdigest()
    (folder / "summary.json").write_text(json.dumps({"data": {"sha256": sha256}}))
    assert evaluate(folder, table="other.csv") == 5
    told = capsys.readouterr().out
    assert "There is no score" in told and "from the minimum of its objective" in told
    assert found(folder)["leave_one_out"]["why_not"]
    assert "could not be judged without themselves" in (folder / "evaluation.html").read_text()


def test_a_folder_that_another_process_writes_ends_with_4(folder, capsys):
    with run_lock(folder):
        assert evaluate(folder) == 4
    assert "is being written by" in capsys.readouterr().err
    assert not any((folder / name).exists() for name in EVALUATION_FILES)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_the_evaluation_that_was_there(number, code, folder, monkeypatch, capsys):
    assert evaluate(folder) == 0
    before = {name: (folder / name).read_bytes() for name in EVALUATION_FILES}

    def interrupted(*given, **more):
        os.kill(os.getpid(), number)

    monkeypatch.setattr(fit_analyses, "evidence", interrupted)
    if number == signal.SIGTERM:
        signal.signal(number, _terminate)
    try:
        assert evaluate(folder, "--force") == code
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    assert {name: (folder / name).read_bytes() for name in EVALUATION_FILES} == before
    assert not list(folder.glob(".*.new")) and not list(folder.glob(".*.tmp"))


def test_a_folder_that_gets_no_evaluation_is_not_made(folder, capsys):
    assert evaluate(folder, "--out", str(folder / "new" / "er"), table="missing.csv") == 3
    assert not (folder / "new").exists()


def test_a_model_file_may_stand_anywhere(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "my model.bin"
    elsewhere.write_bytes((folder / "model.derivata").read_bytes())
    assert run(["evaluate", str(elsewhere), str(folder / "t.csv")]) == 0
    assert (elsewhere.parent / "evaluation.html").exists()


def test_a_target_that_is_missing_in_a_new_table_is_named(folder, capsys):
    (folder / "new.csv").write_text("x,s\n1,1\n2,1\n")
    assert evaluate(folder, table="new.csv") == 3
    assert "'y'" in capsys.readouterr().err


def test_a_table_of_no_other_columns_than_needed_is_enough(folder):
    more = cells(40, seed=5)
    columns = (Column("junk", np.array(["?"] * 40, object)), *more.columns)
    (folder / "new.csv").write_text(csv_text(Table(columns)))
    assert evaluate(folder, table="new.csv") == 0


@pytest.mark.parametrize("kept", [("c",), ("b", "c"), ("a", "c")])
def test_a_new_table_may_lack_classes(kept, tmp_path):
    def table(n_rows, seed):
        rng = np.random.default_rng(seed)
        x = rng.standard_normal(n_rows)
        y = np.array(["a", "b", "c"], object)[
            np.clip((x + rng.logistic(size=n_rows) + 1.5).astype(int), 0, 2)
        ]
        return Table((Column("x", x), Column("y", y)))

    TableModel.fit(table(200, 0), "y").save(tmp_path / "model.derivata")
    new = table(150, 1)
    new = new.take(np.flatnonzero(np.isin(new["y"].values, kept)))
    (tmp_path / "new.csv").write_text(csv_text(new))
    assert evaluate(tmp_path, table="new.csv") == 0
    record = found(tmp_path)
    predicted = load(tmp_path / "model.derivata").predict(new)
    right = float(np.mean(predicted["prediction"] == new["y"].values))
    assert record["metrics"]["accuracy"] == pytest.approx(right)
    ranked = {one["class"] for one in record["calibration"]["rankings"]}
    assert ranked == (set(kept) if len(kept) > 1 else set())


@pytest.mark.parametrize("n_rows", [1, 2, 4, 7])
def test_a_few_new_rows_are_judged_as_far_as_they_go(n_rows, folder):
    (folder / "new.csv").write_text(csv_text(cells(n_rows, seed=10)))
    table = read_table(folder / "new.csv")
    assert evaluate(folder, table="new.csv") == 0
    assert found(folder)["data"]["rows_judged"] == np.count_nonzero(table["s"].values)


def test_counts_that_are_all_zero_can_be_judged(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.standard_normal(120)
    table = Table((Column("x", x), Column("y", rng.poisson(np.exp(0.5 * x)).astype(float))))
    TableModel.fit(table, "y", family="poisson").save(tmp_path / "model.derivata")
    (tmp_path / "new.csv").write_text("x,y\n0.1,0\n0.3,0\n-1,0\n0.2,0\n-2,0\n1.5,0\n")
    assert evaluate(tmp_path, table="new.csv") == 0
    assert found(tmp_path)["data"]["rows_judged"] == 6


def test_a_word_for_a_target_that_is_a_number_is_named_by_line(folder, capsys):
    (folder / "new.csv").write_text("x,s,y\n1,1,high\n2,1,low\n")
    assert evaluate(folder, table="new.csv") == 3
    said = capsys.readouterr().err
    assert "line 2" in said and "'high'" in said
