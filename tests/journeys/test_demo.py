"""`derivata demo`: bundled tables through the public command line, beside scikit-learn."""

import json

from derivata.cli.main import run


def test_the_demo_compares_both_models_and_writes_the_runs(tmp_path, capsys):
    out = tmp_path / "demo"
    assert run(["demo", "--out", str(out), "--table", "diabetes", "--table", "iris"]) == 0
    told = capsys.readouterr().out
    assert "RidgeCV" in told and "LogisticRegressionCV" in told
    assert told.count("outer score") == 2 and told.count("tuned and fitted in") == 2
    for name, family in (("diabetes", "squared"), ("iris", "softmax")):
        assert (out / f"{name}.csv").exists() and (out / name / "report.html").exists()
        summary = json.loads((out / name / "summary.json").read_text())
        assert summary["task"]["family"] == family


def test_the_demo_may_be_run_again(tmp_path, capsys):
    for _ in range(2):
        assert run(["demo", "--out", str(tmp_path), "--table", "iris"]) == 0
