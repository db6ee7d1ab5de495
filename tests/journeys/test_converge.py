"""A user's path: a table on disk, `derivata converge`, its page and its JSON."""

import errno
import json
import os
from dataclasses import replace

import numpy as np
import pytest

from derivata.cli.converge import SOLVERS as CHOICES
from derivata.cli.converging import PAGE, SOLVERS, SUMMARY
from derivata.cli.main import run
from derivata.solvers import Newton


@pytest.fixture
def write(tmp_path):
    def write(columns, name="table.csv"):
        path = tmp_path / name
        rows = zip(*columns.values(), strict=True)
        lines = [",".join(columns), *(",".join(str(cell) for cell in row) for row in rows)]
        path.write_text("\n".join(lines) + "\n")
        return str(path)

    return write


def houses(n_rows=120, seed=0):
    """Sizes in square centimetres, so that columns are of very different size."""
    rng = np.random.default_rng(seed)
    size, rooms = rng.gamma(9.0, 120.0, n_rows), rng.integers(1, 7, n_rows)
    town = np.array(["Bath", "Rye", "York"])[rng.integers(0, 3, n_rows)]
    price = 0.3 * size + 20.0 * rooms + 30.0 * (town == "Rye") + 10 * rng.standard_normal(n_rows)
    return {"size": size.round(2), "rooms": rooms, "town": town, "price": price.round(3)}


def converge(path, *options, target="price"):
    return run(["converge", path, "--target", target, *options])


def test_a_table_is_told_of_on_the_screen(write, capsys):
    assert converge(write(houses())) == 0
    told = capsys.readouterr()
    assert told.err == ""
    for words in ("120 rows, 4 columns", "squared", "raw", "scaled", "largest stable step"):
        assert words in told.out
    for name in ("gradient descent", "momentum", "Nesterov", "RMSProp", "Adam", "L-BFGS", "Newton"):
        assert f"\n{name}" in told.out
    assert "Scaling the columns takes kappa from" in told.out


def test_what_is_predicted_is_what_happens_and_both_are_written(write, tmp_path, capsys):
    out = tmp_path / "run"
    assert converge(write(houses()), "--out", str(out)) == 0
    assert sorted(path.name for path in out.iterdir()) == sorted([PAGE, SUMMARY])
    assert "Theory and practice" in (out / PAGE).read_text()
    found = json.loads((out / SUMMARY).read_text())
    assert found["family"] == "squared" and found["n_rows"] == 120
    assert found["columns"] == ["size", "rooms", "town=Rye", "town=York"]
    raw, scaled = found["conditioning"]["raw"], found["conditioning"]["scaled"]
    assert raw["kappa"] > 1e4 > 50 > scaled["kappa"]
    assert raw["gradient_descent_steps"] > 1e4
    runs = {run["solver"]: run for run in found["runs"]}
    for name in ("gradient descent", "momentum", "Nesterov"):
        steps = runs[name]["steps"]
        assert runs[name]["ended"] == "arrived" and runs[name]["step"] is not None
        assert abs(steps["taken"] - steps["predicted"]) <= 2
        rate = runs[name]["rate"]
        assert rate["observed"] == pytest.approx(rate["predicted"], abs=0.08)
    assert runs["Newton"]["steps"] == {"taken": 1, "predicted": 1, "predicted_from_kappa": None}
    assert runs["Newton"]["hessians"] >= 1


def test_columns_as_they_are_show_what_scaling_would_save(write, capsys):
    options = ("--no-scale", "--solver", "gradient-descent", "--solver", "newton")
    assert converge(write(houses()), *options, "--max-iter", "200", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert not found["scaled"]
    descent, newton = found["runs"]
    assert descent["ended"] == "not yet" and descent["steps"]["predicted"] > 1e4
    assert any(cure.startswith("scale the columns") for cure in descent["cures"])
    assert newton["ended"] == "arrived" and newton["cures"] == []


def test_an_unstable_step_is_refused_with_its_bound_and_shown_only_by_force(
    write, tmp_path, capsys
):
    path, out = write(houses()), tmp_path / "run"
    options = ("--step", "0.012", "--solver", "gradient-descent")
    assert converge(path, *options, "--out", str(out)) == 2
    told = capsys.readouterr()
    assert told.out == "" and not out.exists()
    assert "`--step` is 0.012, but gradient descent diverges from 0.01" in told.err
    assert "2 / L" in told.err and "`--force`" in told.err

    assert converge(path, *options, "--out", str(out), "--force") == 0
    assert "diverged" in capsys.readouterr().out
    found = json.loads((out / SUMMARY).read_text())["runs"][0]
    assert found["ended"] == "diverged" and found["rate"]["observed"] > 1.0
    assert found["rate"]["observed"] == pytest.approx(found["rate"]["predicted"], rel=0.01)
    assert found["step"] > found["largest_step"]
    gaps = [gap for gap in found["trace"]["gap"] if gap is not None]
    assert gaps[-1] > 1e6 * gaps[0]


@pytest.mark.parametrize(
    ("target", "family"),
    [("class", "logistic"), ("count", "poisson"), ("kind", "softmax"), ("amount", "gamma")],
)
def test_the_loss_is_that_of_the_target(write, capsys, target, family):
    rng = np.random.default_rng(1)
    n_rows = 150
    x, z = rng.standard_normal(n_rows), rng.standard_normal(n_rows)
    mean = np.exp(0.5 * x)
    columns = {
        "class": np.where(rng.random(n_rows) < 1 / (1 + np.exp(-x)), "yes", "no"),
        "count": rng.poisson(2.0 * mean),
        "kind": np.array(["a", "b", "c"])[
            np.argmax(rng.gumbel(size=(n_rows, 3)) + x[:, None] * [0, 1, 2], axis=1)
        ],
        "amount": rng.gamma(1.5, mean).round(5),
    }
    table = {"x": x.round(4), "z": z.round(4), "y": columns[target]}
    given = ("--family", family) if family == "gamma" else ()
    assert converge(write(table), *given, "--json", target="y") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["family"] == family
    runs = {run["solver"]: run for run in found["runs"]}
    for name in ("gradient descent", "momentum", "Nesterov", "L-BFGS", "Newton"):
        assert runs[name]["ended"] == "arrived", runs[name]["reason"]
    for name in ("Nesterov", "Newton"):
        steps = runs[name]["steps"]
        assert abs(steps["taken"] - steps["predicted"]) <= max(2, 0.2 * steps["taken"])


def test_gaps_words_and_dates_become_numbers(write, capsys):
    rng = np.random.default_rng(2)
    n_rows = 60
    x = rng.standard_normal(n_rows)
    table = {
        "x": ["" if k % 7 == 0 else f"{value:.4f}" for k, value in enumerate(x)],
        "word": ["" if k % 11 == 0 else "ab"[k % 2] for k in range(n_rows)],
        "day": [f"2024-01-{k % 28 + 1:02}" for k in range(n_rows)],
        "same": ["1"] * n_rows,
        "y": (2 * x + rng.standard_normal(n_rows)).round(4),
    }
    assert converge(write(table), "--solver", "newton", "--json", target="y") == 0
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert found["columns"] == ["x", "x=(missing)", "word=b", "word=None", "day"]
    assert "warning D203" in told.err and "same" in told.err
    assert [said["code"] for said in found["warnings"]] == ["D203"]


def test_a_single_column_is_drawn_with_its_paths(write, tmp_path, capsys):
    x = np.linspace(-10.0, 10.0, 100)
    y = 2.0 * x + 3.0 * np.random.default_rng(0).standard_normal(100)
    out = tmp_path / "run"
    path = write({"x": x.round(4), "y": y.round(4)})
    assert converge(path, "--no-scale", "--alpha", "0", "--out", str(out), target="y") == 0
    page = (out / PAGE).read_text()
    assert "<h2>Paths</h2>" in page and 'class="contour"' in page


def test_separated_classes_have_no_minimiser_and_the_exit_code_says_so(write, tmp_path, capsys):
    x = np.linspace(-1.0, 1.0, 40)
    table = {"x": x.round(3), "y": np.where(x > 0.0, "b", "a")}
    path, out = write(table), tmp_path / "run"
    options = ("--solver", "momentum", "--max-iter", "50", "--out", str(out))
    assert converge(path, "--alpha", "0", *options, target="y") == 5
    told = capsys.readouterr()
    assert "F has no minimiser" in told.out and "Add a penalty" in told.out
    assert "F has no minimiser" in (out / PAGE).read_text()
    found = json.loads((out / SUMMARY).read_text())
    assert found["runs"][0]["steps"]["predicted"] is None
    assert "no minimiser" in found["runs"][0]["basis"]
    assert converge(path, "--alpha", "1", "--force", *options, target="y") == 0


def test_an_interrupt_writes_nothing_and_ends_with_its_code(write, tmp_path, capsys, monkeypatch):
    class Interrupted(Newton):
        def minimize(self, objective, params, hyper):
            return replace(super().minimize(objective, params, hyper), interrupted=True)

    monkeypatch.setitem(SOLVERS, "newton", lambda tol, most, step: Interrupted(tol, most))
    out = tmp_path / "run"
    assert converge(write(houses()), "--solver", "newton", "--out", str(out)) == 130
    told = capsys.readouterr()
    assert told.out == "" and "interrupted" in told.err and not out.exists()


def test_files_of_an_older_run_are_replaced_together_or_not_at_all(
    write, tmp_path, capsys, monkeypatch
):
    path, out = write(houses()), tmp_path / "run"
    options = ("--solver", "newton", "--out", str(out))
    assert converge(path, *options) == 0
    before = {file.name: file.read_bytes() for file in out.iterdir()}
    replace_file, done = os.replace, []

    def full_disk(source, target):
        if str(target).endswith(SUMMARY) and str(source).endswith(".new"):
            raise OSError(errno.ENOSPC, "No space left on device")
        done.append(target)
        replace_file(source, target)

    monkeypatch.setattr(os, "replace", full_disk)
    assert converge(path, *options, "--alpha", "5", "--force") == 4
    assert any(str(target).endswith(PAGE) for target in done)
    assert {file.name: file.read_bytes() for file in out.iterdir()} == before


def test_a_run_in_the_folder_is_replaced_only_by_force(write, tmp_path, capsys):
    path, out = write(houses()), tmp_path / "run"
    options = ("--solver", "newton", "--out", str(out))
    assert converge(path, *options) == 0
    assert converge(path, *options) == 4
    assert "holds a run already" in capsys.readouterr().err
    assert converge(path, *options, "--force") == 0


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (("--solver", "sgd"), 2, "sgd"),
        (("--step", "-1"), 2, "--step"),
        (("--alpha", "-1"), 2, "--alpha"),
        (("--tol", "0"), 2, "--tol"),
        (("--drop", "size", "--drop", "rooms", "--drop", "town"), 3, "no column"),
        (("--family", "poisson"), 3, ">= 0"),
    ],
)
def test_what_cannot_be_run_ends_with_its_code_and_a_word(write, capsys, options, code, says):
    table = houses()
    table["price"] = table["price"] - 500.0
    assert converge(write(table), *options) == code
    told = capsys.readouterr()
    assert told.out == "" and says in told.err and "Traceback" not in told.err


def test_names_from_the_table_cannot_steer_a_terminal_or_a_page(write, tmp_path, capsys):
    table = houses()
    table["<b>\x1b[31m"] = table.pop("rooms")
    out = tmp_path / "run"
    assert converge(write(table), "--out", str(out)) == 0
    assert "\x1b" not in capsys.readouterr().out
    page = (out / PAGE).read_text()
    assert "\x1b" not in page and "<b>\ufffd" not in page and "&lt;b&gt;" in page


def test_the_command_line_offers_the_solvers_that_there_are():
    assert tuple(SOLVERS) == CHOICES
