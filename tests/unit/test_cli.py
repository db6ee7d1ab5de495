"""The command line's parts: lazy commands, exit codes, the run's folder, CSV cells, warnings."""

import json
import os
import subprocess
import sys
import warnings

import click
import numpy as np
import pytest
from click.testing import CliRunner

from derivata import __version__
from derivata.cli import fit
from derivata.cli.console import heard_warnings, shown_progress
from derivata.cli.csv_output import csv_chunks, text_cell, write_chunks
from derivata.cli.exit_codes import CannotWrite
from derivata.cli.main import COMMANDS, EXIT_CODES, cli, run
from derivata.cli.run_folder import FILES, run_folder
from derivata.errors import TableWarning, warn
from derivata.estimators.families import FAMILIES

HEAVY = ("numpy", "scipy", "sklearn", "narwhals", "rich", "safetensors", "pandas", "markupsafe")


def modules_after(*arguments):
    """The modules that a command line has imported by its end, in a process of its own."""
    code = (
        "import sys\nfrom derivata.cli.main import run\n"
        f"run({list(arguments)!r})\nprint('\\n' + ' '.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["fit", "--help"],
        ["predict", "-h"],
        ["summary", "-h"],
        ["demo", "--help"],
    ],
)
def test_help_imports_nothing_heavy(arguments):
    assert not modules_after(*arguments) & set(HEAVY)


def test_help_of_the_group_imports_no_command():
    assert not modules_after("--help") & {module for module, _ in COMMANDS.values()}


def test_help_lists_every_command_and_exit_code(capsys):
    assert run(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(f"\n  {name}" in told for name in COMMANDS)
    for line in EXIT_CODES.splitlines():
        assert line.strip("\b ") in told


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_that_fits_a_terminal(name):
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0 and f"derivata {name}" in result.output.replace("cli", "derivata")
    assert max(map(len, result.output.splitlines())) <= 100


def test_version_is_printed(capsys):
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"derivata {__version__}\n"


@pytest.mark.parametrize("given", [{}, {"OMP_NUM_THREADS": "3"}, {"OPENBLAS_NUM_THREADS": "4"}])
def test_linear_algebra_uses_one_thread_unless_the_user_asks_for_more(given):
    variables = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"]
    code = (
        "import os\nfrom derivata.cli.main import main\nmain(['--version'])\n"
        f"print(*(os.environ[name] for name in {variables}))"
    )
    environment = {name: value for name, value in os.environ.items() if name not in variables}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment | given
    )
    wanted = given.get("OMP_NUM_THREADS", "1")
    expected = {name: wanted for name in variables} | given
    assert done.stdout.splitlines()[-1].split() == [expected[name] for name in variables]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nonsense"], "No such command"),
        (["fit"], "Missing argument 'TABLE'"),
        (["fit", "t.csv", "--out", "r"], "Missing option '--target'"),
        (
            ["fit", "t.csv", "--target", "y", "--out", "r", "--family", "cauchy"],
            "'cauchy' is not one",
        ),
        (["fit", "t.csv", "--target", "y", "--out", "r", "--level", "1"], "not in the range"),
        (
            ["fit", "t.csv", "--target", "y", "--out", "r", "--interactions", "-3"],
            "none of 'auto', 'none' and a number of pairs",
        ),
        (
            ["fit", "t.csv", "--target", "y", "--out", "r", "--interactions", "some"],
            "'some' is none of",
        ),
        (["predict", "r", "t.csv", "--interval-level", "0"], "not in the range"),
        (["summary"], "Missing argument 'RUN'"),
        (["fit", "t.csv", "--target", "y", "--out", "r", "--folds", "1"], "not in the range"),
        (["fit", "t.csv", "--target", "y", "--out", "r", "--colour"], "No such option"),
    ],
)
def test_a_wrong_command_line_ends_with_2(arguments, says, capsys):
    assert run(arguments) == 2
    told = capsys.readouterr()
    assert says in told.err and told.out == ""


def test_the_families_of_the_command_line_are_those_there_are():
    """The command line may not import them, so it lists their names itself."""
    assert fit.FAMILIES == ("auto", *FAMILIES)


@pytest.mark.parametrize(("given", "means"), [("auto", "auto"), ("none", None), ("0", 0), ("7", 7)])
def test_interactions_are_a_number_a_word_or_none(given, means):
    assert fit.PairCount().convert(given, None, None) == means


# the run's folder


def save(text):
    return lambda path: path.write_text(text)


def contents(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_a_run_is_written_with_the_checksums_of_its_files(tmp_path):
    with run_folder(tmp_path / "a" / "b", force=False) as folder:
        summary = folder.write(save("model"), "<html>", {"x": 1})
    assert sorted(contents(tmp_path / "a" / "b")) == sorted(FILES)
    assert summary["x"] == 1 and set(summary["files"]) == {"model.derivata", "report.html"}
    assert json.loads((tmp_path / "a" / "b" / "summary.json").read_text()) == summary


def test_a_folder_without_a_run_may_hold_other_things(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with run_folder(tmp_path, force=False) as folder:
        folder.write(save("model"), "<html>", {})
    assert contents(tmp_path)["notes.txt"] == "mine"


def test_a_run_that_is_there_is_replaced_only_by_force(tmp_path):
    with run_folder(tmp_path, force=False) as folder:
        folder.write(save("old"), "<html>", {})
    with pytest.raises(CannotWrite, match="holds a run already .*--force"):
        with run_folder(tmp_path, force=False):
            pass
    with run_folder(tmp_path, force=True) as folder:
        assert contents(tmp_path)["model.derivata"] == "old"  # until the new one is complete
        folder.write(save("new"), "<html>", {})
    assert contents(tmp_path)["model.derivata"] == "new"


def test_a_folder_that_gets_no_run_is_removed_with_the_parents_made_for_it(tmp_path):
    with pytest.raises(ZeroDivisionError):
        with run_folder(tmp_path / "a" / "b", force=False):
            assert (tmp_path / "a" / "b").is_dir()
            raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_litter_of_a_killed_run_is_cleared_by_the_next(tmp_path):
    (tmp_path / ".report.html.0a1b2c3d.new").write_text("half")
    with run_folder(tmp_path, force=False) as folder:
        folder.write(save("model"), "<html>", {})
    assert sorted(contents(tmp_path)) == sorted(FILES)


# what it says


def test_each_warning_is_one_line_and_said_once(capsys):
    with heard_warnings() as heard:
        for _ in range(3):
            warn("two\nlines", TableWarning)
        warn("another", TableWarning)
    assert heard == [("D302", "two lines"), ("D302", "another")]
    assert capsys.readouterr().err == "warning D302: two lines\nwarning D302: another\n"


def test_warnings_of_other_packages_are_not_for_users(capsys, monkeypatch):
    monkeypatch.delenv("DERIVATA_DEBUG", raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        with heard_warnings() as heard:
            warnings.warn("for developers", RuntimeWarning, stacklevel=1)
    assert heard == [] and capsys.readouterr().err == ""


def test_progress_is_silent_where_nobody_looks_on(capsys):
    with shown_progress() as report:
        report("fitting", 1, 2)
    assert capsys.readouterr() == ("", "")


# CSV


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-2+3", "@SUM(A1)", "\tx", "\rx", "-", "+-1"])
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(text):
    assert text_cell(text).lstrip('"').startswith("'" + text[0])


@pytest.mark.parametrize("text", ["-1", "+2.5", "-1e-5", "-.5", "3+", "a=b", "", "’", "1-2"])
def test_numbers_and_harmless_text_are_not_changed(text):
    assert text_cell(text) == text


def test_cells_with_commas_quotes_and_line_ends_are_quoted():
    assert text_cell('a,"b"\nc') == '"a,""b""\nc"'
    assert text_cell(" a") == '" a"'


def test_numbers_are_read_back_equal_and_a_missing_one_is_empty():
    values = np.array([0.1, -1e-300, np.pi, np.nan, 1e22])
    header, *lines = "".join(csv_chunks({"prediction": values})).splitlines()
    assert header == "prediction" and lines[3] == ""
    again = np.array([float(line or "nan") for line in lines])
    assert np.array_equal(again, values, equal_nan=True)


def test_many_rows_come_in_chunks():
    columns = {"a": np.zeros(50_001), "b": np.full(50_001, "x", object)}
    chunks = list(csv_chunks(columns))
    assert len(chunks) == 4 and sum(chunk.count("\n") for chunk in chunks) == 50_002


def test_output_to_a_device_is_written_as_it_comes():
    write_chunks(["a\n"], "/dev/null")


def test_an_unwritable_output_is_said_with_its_cure(tmp_path):
    with pytest.raises(CannotWrite, match="does not exist. Create it first"):
        write_chunks(["a\n"], str(tmp_path / "no" / "x.csv"))
    assert isinstance(CannotWrite("x"), click.ClickException)
