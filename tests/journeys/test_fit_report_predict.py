"""A user's path: a table on disk, `derivata fit`, the report, `derivata predict` of new rows."""

import csv
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from derivata import TableModel, load
from derivata.cli.main import run
from derivata.cli.run_folder import FILES
from derivata.datasets import csv_text, load_dataset, simulate
from derivata.estimators.families import FAMILIES
from derivata.tables import Table, read_table
from derivata.tables.columns import Column
from tests.unit.test_table_model import family_table

LIMITS = ("lower", "upper")


def houses(n_rows=150, seed=0):
    """A table with gaps, words, a date and an identifier."""
    rng = np.random.default_rng(seed)
    size, town = rng.gamma(9.0, 12.0, n_rows), rng.integers(0, 3, n_rows)
    price = 2000 * size + np.array([0, 40_000, 90_000])[town] + 30_000 * rng.standard_normal(n_rows)
    year = np.where(rng.random(n_rows) < 0.2, np.nan, rng.integers(1900, 2020, n_rows))
    columns = (
        Column("house", np.array([f"H{k}" for k in range(n_rows)], object)),
        Column("size", np.round(size, 1)),
        Column("town", np.array(["Bath", "Rye", "York"], object)[town]),
        Column("year", year),
        Column("sold", np.array([f"2024-01-{k % 28 + 1:02}" for k in range(n_rows)], object)),
        Column("price", np.round(price)),
    )
    return Table(columns)


@pytest.fixture
def write(tmp_path):
    def write(table, name="table.csv"):
        path = tmp_path / name
        path.write_text(csv_text(table))
        return str(path)

    return write


def test_houses_are_fitted_reported_and_predicted(write, tmp_path, capsys):
    table = houses()
    train, new = (
        write(table.take(np.arange(120)), "train.csv"),
        write(table.take(np.arange(120, 150))),
    )
    out = tmp_path / "runs" / "houses"

    assert run(["fit", train, "--target", "price", "--out", str(out)]) == 0
    told = capsys.readouterr()
    assert sorted(path.name for path in out.iterdir()) == sorted(FILES)
    starts = {line[:14].strip() for line in told.out.splitlines()}
    assert starts >= set("table|terms|left out|family|effects|penalties|outer score".split("|"))
    assert "2 numeric, 1 text" in told.out and "left out      house" in told.out
    assert all(line.startswith("warning D") for line in told.err.splitlines())
    assert "warning D302: column 'house' holds a different word in nearly every row" in told.err

    summary = json.loads((out / "summary.json").read_text())
    assert summary["task"]["family"] == "squared" and summary["data"]["rows_fitted"] == 120
    parts = {"size: straight", "size: wiggly", "town: category", "year=(missing): missing"}
    assert parts <= set(summary["tuning"]["penalties"])
    assert summary["metrics"]["r2"] > 0.5
    assert [term["label"] for term in summary["terms"]][:2] == ["size", "town"]
    score = summary["outer_score"]
    assert not score["criterion_is_comparable"] and score["optimism"] is None
    gain = score["score_of_best_constant"] - score["score_a_row"]
    assert score["gain"] == pytest.approx(gain) and gain > 5 * score["gain_standard_error"]
    for name, checksum in summary["files"].items():
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == checksum
    digest = hashlib.sha256(Path(train).read_bytes()).hexdigest()
    assert summary["data"]["sha256"] == digest and digest in (out / "report.html").read_text()

    predictions = tmp_path / "predictions.csv"
    assert run(["predict", str(out), new, "-o", str(predictions)]) == 0
    assert "30 predictions of price" in capsys.readouterr().out
    rows = list(csv.DictReader(predictions.read_text().splitlines()))
    predicted = np.array([float(row["prediction"]) for row in rows])
    truth = table["price"].values[120:]
    assert np.corrcoef(predicted, truth)[0, 1] > 0.7
    model = load(out / "model.derivata")
    assert isinstance(model, TableModel)
    assert np.array_equal(model.predict(table.take(np.arange(120, 150)))["prediction"], predicted)


def test_classes_are_predicted_with_their_probabilities(write, tmp_path, capsys):
    data = load_dataset("iris")
    path, out = write(data.table), str(tmp_path / "run")
    assert run(["fit", path, "--target", "species", "--out", out]) == 0
    told = capsys.readouterr().out
    assert "accuracy" in told and "log-loss" in told and "softmax" in told
    assert run(["predict", f"{out}/model.derivata", path]) == 0  # the file instead of its folder
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    classes = load(f"{out}/model.derivata").classes
    assert list(rows[0]) == ["prediction", *(f"probability:{word}" for word in classes)]
    truth = data.table["species"].values
    right = [row["prediction"] == word for row, word in zip(rows, truth, strict=True)]
    assert np.mean(right) > 0.95
    assert sum(float(rows[0][name]) for name in list(rows[0])[1:]) == pytest.approx(1.0)


def test_counts_are_fitted_with_weights_and_exposure(write, tmp_path, capsys):
    table = simulate("poisson", 200, 3).table
    more = (Column("days", np.full(200, 2.0)), Column("w", np.arange(200.0) % 2))
    path, out = write(Table((*table.columns, *more))), str(tmp_path / "run")
    options = ["--weights", "w", "--exposure", "days", "--drop", "x2", "--json"]
    assert run(["fit", path, "--target", "y", "--out", out, *options]) == 0
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    summary = json.loads(printed)
    assert summary == json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["data"]["rows_fitted"] == 100 and summary["task"]["exposure"] == "days"
    roles = {column["name"]: column["role"] for column in summary["data"]["columns"]}
    assert [name for name, role in roles.items() if role == "feature"] == ["x0", "x1"]
    assert (roles["y"], roles["days"], roles["w"]) == ("target", "exposure", "weights")
    assert roles["x2"] == "dropped"
    assert "d2" in summary["metrics"]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_fitted_reported_and_predicted_with_intervals(
    family, write, tmp_path, capsys
):
    table, options = family_table(family, 120)
    path, out = write(table), tmp_path / "run"
    arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    fitted = run(["fit", path, "--target", "y", "--out", str(out), "--folds", "3", *arguments])
    told = capsys.readouterr()
    assert fitted == 0 and f"family        {family}" in told.out, told.err
    summary = json.loads((out / "summary.json").read_text())
    assert summary["task"]["family"] == family and summary["converged"]
    assert f"{summary['outer_score']['score_a_row']:.2g}"[:3] in told.out
    assert "Effects" in (out / "report.html").read_text()

    assert run(["predict", str(out), path, "--interval-level", "0.8"]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    ends = [name.removeprefix("lower") for name in rows[0] if name.startswith("lower")]
    assert len(rows) == 120 and len(ends) == max(len(summary["task"]["classes"]), 1)
    for end in ends:
        low, high = (np.array([float(r[f"{side}{end}"]) for r in rows]) for side in LIMITS)
        assert (low < high).all()
    assert run(["predict", str(out), path, "--intervals"]) == 0
    wider = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert float(wider[0][f"upper{ends[0]}"]) > float(rows[0][f"upper{ends[0]}"])

    assert run(["summary", str(out)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("y: ") and f"{family} family" in printed and "p-value" in printed


def test_pairs_that_act_together_are_found_and_named(write, tmp_path, capsys):
    rng = np.random.default_rng(0)
    a, b = rng.uniform(-1, 1, (2, 500))
    y = 2.0 * a * b + 0.1 * rng.standard_normal(500)
    path = write(Table((Column("a", a), Column("b", b), Column("y", y))))
    command = ["fit", path, "--target", "y", "--folds", "2"]
    assert run([*command, "--out", str(tmp_path / "with")]) == 0
    assert "pairs         a × b: 1 kept of 1" in capsys.readouterr().out
    summary = json.loads((tmp_path / "with" / "summary.json").read_text())
    assert summary["interactions"] == {"kept": ["a × b"], "looked_at": [["a", "b"]]}
    assert run([*command, "--out", str(tmp_path / "without"), "--interactions", "none"]) == 0
    assert "pairs         " not in capsys.readouterr().out


def test_the_words_for_missing_of_the_fit_hold_at_predict(tmp_path, capsys):
    rng = np.random.default_rng(0)
    lines = [f"{x:.3f},{2 * x + 0.1 * rng.standard_normal():.3f}" for x in rng.standard_normal(60)]
    lines[3] = "unknown,0.5"
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["x,y", *lines]) + "\n")
    out = str(tmp_path / "run")
    assert run(["fit", str(path), "--target", "y", "--out", out, "--missing", "unknown"]) == 0
    capsys.readouterr()
    assert run(["predict", out, str(path)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 61


def test_a_gzip_table_with_semicolons_and_decimal_commas_is_fitted(tmp_path, capsys):
    import gzip

    rng = np.random.default_rng(1)
    x = rng.standard_normal(50)
    text = "x;y\r\n" + "".join(f"{a:.3f};{3 * a + 1:.3f}\r\n".replace(".", ",") for a in x)
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(text.encode()))
    assert run(["fit", str(path), "--target", "y", "--out", str(tmp_path / "run")]) == 0
    model = load(tmp_path / "run" / "model.derivata")
    table = Table((Column("x", np.array([-1.0, 1.0])),))
    assert np.diff(model.predict(table)["prediction"]) == pytest.approx([6.0], abs=1e-2)


def test_the_same_fit_twice_writes_the_same_model(write, tmp_path):
    path = write(houses())
    for name in ("one", "two"):
        assert run(["fit", path, "--target", "price", "--out", str(tmp_path / name)]) == 0
    one, two = (tmp_path / name / "model.derivata" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_the_installed_command_does_the_same_in_a_process_of_its_own(write, tmp_path):
    path, out = write(simulate("logistic", 120, 3).table), str(tmp_path / "run")
    command = [sys.executable, "-m", "derivata.cli.main"]
    fitted = subprocess.run(
        [*command, "fit", path, "--target", "y", "--out", out], capture_output=True, text=True
    )
    assert fitted.returncode == 0 and fitted.stderr == ""  # no progress: it is no terminal
    assert "logistic" in fitted.stdout
    predicted = subprocess.run([*command, "predict", out, path], capture_output=True, text=True)
    assert predicted.returncode == 0 and len(predicted.stdout.splitlines()) == 121
    assert read_table(path).n_rows == 120
