"""A user's path: a table on disk, `derivata fit`, `derivata explain`, and the same from Python."""

import json
import subprocess
import sys

import numpy as np

from derivata import load
from derivata.cli.main import run
from derivata.datasets import csv_text
from derivata.evaluation.attribute import attribute
from derivata.tables import read_table
from tests.journeys.test_fit_report_predict import houses


def test_a_house_is_fitted_predicted_and_explained(tmp_path, capsys):
    path, out = tmp_path / "houses.csv", tmp_path / "run"
    path.write_text(csv_text(houses()))
    assert run(["fit", str(path), "--target", "price", "--out", str(out)]) == 0
    assert run(["predict", str(out), str(path), "-o", str(tmp_path / "predicted.csv")]) == 0
    capsys.readouterr()

    assert run(["explain", str(out), str(path), "--row", "17", "--row", "3", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    predicted = (tmp_path / "predicted.csv").read_text().splitlines()
    for row in record["rows"]:
        np.testing.assert_allclose(row["prediction"], float(predicted[row["row"]]), rtol=1e-12)
        total = sum(one["contribution"] for one in row["contributions"])
        assert abs(row["baseline_output"] + total - row["prediction"]) < 1e-6

    assert run(["explain", str(out), str(path), "--row", "17"]) == 0
    told = capsys.readouterr().out
    largest = max(record["rows"][0]["contributions"], key=lambda one: abs(one["contribution"]))
    lines = told.splitlines()
    first = lines[next(k for k, line in enumerate(lines) if line.startswith("baseline")) + 1]
    assert first.startswith(largest["term"])

    # The same from Python, of rows in a frame of another library or a table.
    model = load(out / "model.derivata")
    table = read_table(path)
    found = attribute(model, table.take(np.array([16, 2])))
    for values, row in zip(found.values, record["rows"], strict=True):
        np.testing.assert_allclose(values, [one["contribution"] for one in row["contributions"]])
    dearest = int(np.argmax(table["price"].values))
    beside = attribute(model, table.take(np.array([16])), baseline=table.take(np.array([dearest])))
    change = model.predict(table)["prediction"][[16, dearest]]
    np.testing.assert_allclose(beside.values.sum(), change[0] - change[1])


def test_the_installed_command_explains_in_a_process_of_its_own(tmp_path):
    path, out = tmp_path / "houses.csv", tmp_path / "run"
    path.write_text(csv_text(houses(80)))
    assert run(["fit", str(path), "--target", "price", "--out", str(out)]) == 0
    command = [sys.executable, "-m", "derivata.cli.main", "explain", str(out), str(path)]
    done = subprocess.run(
        [*command, "--row", "1"],
        capture_output=True,
        env={"PYTHONIOENCODING": "ascii", "PATH": ""},
        check=True,
    )
    assert done.stdout.isascii() and b"|" in done.stdout and b"baseline" in done.stdout
