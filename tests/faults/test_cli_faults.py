"""What can go wrong on the command line; numbered as in the list of faults.

Each ends with its documented exit code and one paragraph on the standard error, never a traceback,
and leaves no half-written run.
"""

import errno
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pytest

from derivata import LinearRegressor, load
from derivata.cli import fitting
from derivata.cli.main import main, run
from derivata.cli.run_folder import FILES
from derivata.datasets import csv_text, simulate
from derivata.files.run_lock import run_lock
from derivata.report import RunRecord

COMMAND = [sys.executable, "-m", "derivata.cli.main"]


@pytest.fixture
def table(tmp_path):
    """The path of a table that can be fitted."""
    path = tmp_path / "table.csv"
    path.write_text(csv_text(simulate("squared", 60, 3).table))
    return str(path)


@pytest.fixture
def write(tmp_path):
    def write(content, name="t.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write


def fit(path, out, *options, target="y"):
    return run(["fit", path, "--target", target, "--out", str(out), *options])


def refused(capsys, code, expected, says):
    """Check an exit code and that one paragraph says why."""
    told = capsys.readouterr()
    assert code == expected, told.err
    assert told.out == "" and "Traceback" not in told.err
    lines = told.err.splitlines()
    assert lines[-1].startswith("derivata: ") and says in lines[-1], told.err
    assert all(line.startswith("warning D") for line in lines[:-1])


ROWS = "".join(f"{k},{(7 * k) % 11},{k % 2}\n" for k in range(20))
DATES = ROWS.replace(",1\n", ",2024-01-02\n").replace(",0\n", ",2024-01-03\n")
WEIGHTED, COUNTS = ["--weights", "b"], ["--family", "poisson"]


# 1-4, 17-19, 22, 23, 27-29, 40, 44: tables that cannot be fitted


@pytest.mark.parametrize(
    ("content", "options", "says"),
    [
        ("", [], "t.csv"),
        ("a,b,y\n", [], "no rows"),
        ("y\n1\n2\n3\n", [], "no column is left"),
        ("a,b,y\n" + ROWS + "1,2\n", [], "line 22"),
        ("a,b,Y\n" + ROWS, [], "has no column 'y'. Did you mean 'Y'"),
        ("a,b,y\n" + ROWS + "1,2,\n", [], "line 22: target 'y' is missing"),
        ("a,b,y\n" + ROWS.replace("3,10,", "3,inf,"), [], "line 5, column 'b': an infinite value"),
        ("a,b,y\n" + ROWS.replace(",1\n", ",0\n"), [], "is 0 in every row"),
        ("a,b,y\n1,2,0.5\n", [], "nothing to learn"),
        ("a,b,y\n" + ROWS, ["--drop", "c"], "has no column 'c'"),
        ("a,b,y\n" + ROWS, ["--weights", "c"], "has no column 'c'"),
        ("a,b,y\n" + ROWS.replace("3,10,", "3,-1,"), WEIGHTED, "line 5: `weights` 'b' is -1"),
        ("a,b,y\n" + ROWS, ["--exposure", "a"], "line 2: `exposure` 'a' is 0"),
        ("a,b,y\n" + ROWS.replace("3,10,1", "3,10,-4"), COUNTS, "line 5: target 'y' is -4"),
        ("a,b,y\n" + DATES, [], "target 'y' holds dates"),
        ("a,a,y\n" + ROWS, [], "cells 1 and 2 of the header are both 'a'"),
        (b"PK\x03\x04 rest", [], "zip"),
        (b"\x80\x04\x95 pickle", [], "pickle"),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_fitted_ends_with_3(content, options, says, write, tmp_path, capsys):
    refused(capsys, fit(write(content), tmp_path / "run", *options), 3, says)
    assert not (tmp_path / "run").exists()


def test_a_missing_file_ends_with_3(tmp_path, capsys):
    refused(capsys, fit(str(tmp_path / "no.csv"), tmp_path / "run"), 3, "no.csv")


def test_columns_with_two_roles_end_with_2(table, tmp_path, capsys):
    refused(capsys, fit(table, tmp_path / "run", "--weights", "y"), 2, "it can be one only")
    refused(
        capsys, fit(table, tmp_path / "run", "--exposure", "x0", "--family", "squared"), 3, "'x0'"
    )


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--level", "0.9"], "only a quantile has a level"),
        (["--family", "huber", "--exposure", "x0"], "only amounts on a log scale"),
    ],
)
def test_options_that_do_not_go_together_end_with_2(options, says, tmp_path, write, capsys):
    path = write("x0,a,y\n" + "".join(f"{k % 5 + 1},{k},{k % 7}.5\n" for k in range(40)))
    refused(capsys, fit(path, tmp_path / "run", *options), 2, says)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("family", "value", "says"),
    [
        ("gamma", "0", "line 5: target 'y' is 0, but"),
        ("tweedie", "-1", "line 5: target 'y' is -1, but"),
        ("negative-binomial", "-2", "line 5: target 'y' is -2, but"),
        ("quantile", "big", "is the word"),
        ("huber", "inf", "infinite"),
    ],
)
def test_a_target_that_is_none_of_the_family_is_named_by_line(
    family, value, says, write, tmp_path, capsys
):
    rows = [f"{k},{k % 7 + 1}" for k in range(40)]
    rows[3] = f"3,{value}"
    path = write("a,y\n" + "\n".join(rows) + "\n")
    refused(capsys, fit(path, tmp_path / "run", "--family", family), 3, says)


def test_a_target_given_as_a_dropped_column_is_said_to_be_missing(table, tmp_path, capsys):
    refused(capsys, fit(table, tmp_path / "run", "--drop", "y"), 3, "has no column 'y'")


# 25, 26, 29, 30: tables that a model does not fit


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("a,y", "has no column 'b', which the model was fitted with. Add it"),
        ("x0,x1,x2", "no column is left to read of columns 'x0', 'x1', 'x2'; expected some of"),
        ("y", "no column"),
    ],
)
def test_a_table_without_a_column_of_the_model_ends_with_3(header, says, write, tmp_path, capsys):
    path, out = write("a,b,y\n" + ROWS), str(tmp_path / "run")
    assert fit(path, out) == 0
    capsys.readouterr()
    rows = "\n".join(",".join("1" * len(header.split(","))) for _ in range(3))
    code = run(["predict", out, write(f"{header}\n{rows}\n", "new.csv")])
    refused(capsys, code, 3, says)


def test_a_word_in_a_numeric_column_is_named_by_line_at_predict(write, tmp_path, capsys):
    path, out = write("a,b,y\n" + ROWS), str(tmp_path / "run")
    assert fit(path, out) == 0
    capsys.readouterr()
    refused(capsys, run(["predict", out, write("a,b\n1,big\n2,big\n", "new.csv")]), 3, "line 2")


def test_an_unseen_category_is_predicted_with_a_warning(write, tmp_path, capsys):
    rows = "".join(f"{'pq'[k % 2]},{k % 7},{k % 5 + 0.5}\n" for k in range(40))
    path, out = write("town,a,y\n" + rows), str(tmp_path / "run")
    assert fit(path, out) == 0
    capsys.readouterr()
    assert run(["predict", out, write("town,a\nz,1\n", "new.csv")]) == 0
    told = capsys.readouterr()
    assert told.err.startswith("warning D301: column 'town' has 'z', never seen at fit")
    assert len(told.out.splitlines()) == 2


@pytest.mark.parametrize("content", [b"", b"junk", b"\x80\x04\x95pickle", None])
def test_a_file_that_is_no_model_ends_with_3(content, table, tmp_path, capsys):
    path = tmp_path / "model.derivata"
    if content is not None:
        path.write_bytes(content)
    refused(capsys, run(["predict", str(tmp_path), table]), 3, "model.derivata")
    refused(capsys, run(["summary", str(tmp_path)]), 3, "model.derivata")


def test_a_model_of_an_array_is_refused_with_the_reason(table, tmp_path, capsys):
    path = tmp_path / "array.derivata"
    LinearRegressor(alpha=1.0).fit(np.eye(4), np.arange(4.0)).save(path)
    refused(capsys, run(["predict", str(path), table]), 3, "fitted to an array")
    refused(capsys, run(["summary", str(path)]), 3, "fitted to an array")


# 69: signals


@contextmanager
def progress_that(kills, at):
    """In place of the progress bar: a signal when a phase begins."""

    def report(what, done, steps):
        if what == at:
            os.kill(os.getpid(), kills)

    yield report


PHASES = ["reading", "tuning and fitting", "outer fold", "writing the report"]


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_in_any_phase_leaves_the_run_that_was_there(
    phase, number, code, table, tmp_path, capsys, monkeypatch
):
    out = tmp_path / "run"
    assert fit(table, out) == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    capsys.readouterr()
    monkeypatch.setattr(fitting, "shown_progress", lambda: progress_that(number, phase))
    held = signal.getsignal(signal.SIGTERM)
    try:
        for folder in (out, tmp_path / "new"):
            arguments = ["fit", table, "--target", "y", "--out", str(folder), "--force"]
            assert main(arguments) == code
            assert capsys.readouterr().err.splitlines()[-1].startswith("derivata: ")
    finally:
        signal.signal(signal.SIGTERM, held)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert not (tmp_path / "new").exists()


def test_a_signal_between_two_renames_waits_for_the_last(table, tmp_path, monkeypatch, capsys):
    out, replace = tmp_path / "run", os.replace

    def replace_and_interrupt(source, target):
        replace(source, target)
        if str(target).endswith("model.derivata"):
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(os, "replace", replace_and_interrupt)
    assert fit(table, out) == 130
    assert sorted(path.name for path in out.iterdir()) == sorted(FILES)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_process_that_is_signalled_ends_with_its_code(number, code, table, tmp_path):
    script = (
        "import os, signal, sys\nfrom derivata.cli import fitting\n"
        "from derivata.cli.main import main\n"
        f"fitting.build_report = lambda record: os.kill(os.getpid(), {int(number)})\n"
        f"sys.exit(main(['fit', {table!r}, '--target', 'y', '--out', {str(tmp_path / 'run')!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == code and "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("nth", [0, 3, 5])
def test_a_process_killed_at_a_rename_leaves_whole_files_and_no_lock(nth, table, tmp_path):
    """Three renames put each file aside whole, three more put them in place."""
    out = tmp_path / "run"
    script = (
        "import os, signal, sys\nfrom derivata.cli.main import main\n"
        "replace, count = os.replace, [0]\n"
        "def killing(source, target):\n"
        f"    if count[0] == {nth}: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    count[0] += 1\n    replace(source, target)\n"
        "os.replace = killing\n"
        f"main(['fit', {table!r}, '--target', 'y', '--out', {str(out)!r}])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True)
    assert done.returncode == -signal.SIGKILL
    written = {path.name for path in out.iterdir()} & set(FILES)
    assert written == set(FILES[: max(nth - 3, 0)])
    if "model.derivata" in written:
        load(out / "model.derivata")
    assert fit(table, out, "--force") == 0
    assert sorted(path.name for path in out.iterdir()) == sorted(FILES)


# 72: two processes


def test_a_folder_that_another_process_writes_ends_with_4(table, tmp_path, capsys):
    out = tmp_path / "run"
    out.mkdir()
    with run_lock(out):
        refused(capsys, fit(table, out), 4, "is being written by")
    assert fit(table, out) == 0


def test_a_run_that_is_there_ends_with_4_unless_forced(table, tmp_path, capsys):
    out = tmp_path / "run"
    assert fit(table, out) == 0
    capsys.readouterr()
    refused(capsys, fit(table, out), 4, "replace the run with `--force`")
    assert fit(table, out, "--force") == 0


# 73: a full or broken disk


@pytest.mark.parametrize("step", ["fsync", "replace", "open"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_fails_at_any_step_leaves_the_run_that_was_there(
    step, number, table, tmp_path, capsys, monkeypatch
):
    out, real = tmp_path / "run", getattr(os, step)
    assert fit(table, out) == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    for nth in range(20):
        calls = [0]

        def failing(*args, _calls=calls, _nth=nth, **kwargs):
            _calls[0] += 1
            if _calls[0] == _nth + 1:
                raise OSError(number, os.strerror(number))
            return real(*args, **kwargs)

        capsys.readouterr()
        monkeypatch.setattr(os, step, failing)
        code = fit(table, out, "--force", "--random-state", "1")
        monkeypatch.setattr(os, step, real)
        if calls[0] <= nth:  # beyond the last call: nothing failed
            assert code == 0 and nth >= 3
            return
        after = {path.name: path.read_bytes() for path in out.iterdir()}
        assert (code == 0) == (after.keys() == before.keys() and after != before)
        if code:
            refused(capsys, code, 4, "cannot")
            assert after == before
        else:  # a folder that could not be flushed is no reason to fail
            before = after
    raise AssertionError("more than 20 calls: raise the limit")


# 74: a folder that cannot be written


def test_a_read_only_place_ends_with_4_before_anything_is_fitted(
    table, tmp_path, capsys, monkeypatch
):
    def refuse(*args, **kwargs):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(fitting, "read_table", None)  # would fail if it came to that
    monkeypatch.setattr(os, "mkdir", refuse)
    refused(capsys, fit(table, tmp_path / "a" / "run"), 4, "does not allow writing")
    monkeypatch.undo()
    (tmp_path / "file").write_text("mine")
    refused(capsys, fit(table, tmp_path / "file"), 4, "is a file. Give a folder")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_in_the_place_of_a_file_ends_with_4(table, tmp_path, capsys):
    (tmp_path / "run" / "report.html").mkdir(parents=True)
    refused(capsys, fit(table, tmp_path / "run", "--force"), 4, "is a folder, where a run has")


def test_predictions_never_overwrite_what_they_are_made_from(table, tmp_path, capsys):
    assert fit(table, tmp_path / "run") == 0
    capsys.readouterr()
    model = str(tmp_path / "run" / "model.derivata")
    for out in (table, model):
        refused(capsys, run(["predict", model, table, "-o", out]), 4, "is an input of this command")
    refused(
        capsys, run(["predict", model, table, "-o", str(tmp_path / "no" / "p.csv")]), 4, "Create it"
    )
    assert load(model).n_rows == 60


# 77: input that changes


def test_a_table_that_changes_while_it_is_read_ends_with_3(table, tmp_path, capsys, monkeypatch):
    read = fitting.read_table

    def read_and_change(path, **options):
        found = read(path, **options)
        with open(path, "a") as file:
            file.write("\n")
        return found

    monkeypatch.setattr(fitting, "read_table", read_and_change)
    refused(capsys, fit(table, tmp_path / "run"), 3, "changed while it was read")


# 79: the reader of the output


def test_a_closed_output_is_silent(tmp_path):
    path, out = tmp_path / "long.csv", tmp_path / "run"
    path.write_text(csv_text(simulate("squared", 20_000, 1).table))
    assert fit(str(path), out) == 0
    predict = f'"{sys.executable}" -m derivata.cli.main predict "{out}" "{path}"'
    line = predict + " | head -n 1; exit ${PIPESTATUS[0]}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (141, "prediction\n", "")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437"])
def test_a_terminal_that_lacks_letters_is_served(encoding, write, tmp_path):
    rows = "".join(f"{k % 7},{k % 7 + k % 2}.5\n" for k in range(30))
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    done = subprocess.run(
        [*COMMAND, "fit", write("温度,größe\n" + rows), "--drop", "x", "--out", "/dev/null/x"],
        capture_output=True,
        env=environment,
    )
    assert done.returncode == 2 and b"--target" in done.stderr
    arguments = ["--target", "größe", "--out", str(tmp_path / "温度")]
    done = subprocess.run(
        [*COMMAND, "fit", str(tmp_path / "t.csv"), *arguments],
        capture_output=True,
        env=environment,
    )
    assert done.returncode == 0 and b"Traceback" not in done.stderr
    assert b"outer score" in done.stdout


def test_control_characters_in_names_do_not_reach_the_terminal(write, tmp_path, capsys):
    rows = "".join(f"{k % 7},{k},{k % 5}.5\n" for k in range(30))
    path = write('a,"\x1b[31mred",y\n' + rows)
    assert fit(path, tmp_path / "run", "--drop", "\x1b[31mred") == 0
    assert fit(path, tmp_path / "other", "--drop", "\x1b[2J") == 3
    assert fit(path, tmp_path / "\x1b[31mrun") == 0
    assert run(["summary", str(tmp_path / "\x1b[31mrun")]) == 0
    told = capsys.readouterr()
    assert "\x1b" not in told.out + told.err and "31mred (as asked)" in told.out


# 92: formulas in an output


def test_a_class_that_is_a_formula_is_harmless_in_the_predictions(write, tmp_path, capsys):
    rows = "".join(f"{k % 7 - 3 * (k % 2)},{['=1+1', '-2'][k % 2]}\n" for k in range(60))
    path, out = write("a,y\n" + rows), str(tmp_path / "run")
    assert fit(path, out) == 0
    capsys.readouterr()
    assert run(["predict", out, path]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "prediction,probability:-2,probability:=1+1"
    assert {line.split(",")[0] for line in told[1:]} == {"'=1+1", "-2"}


# faults of our own


def test_a_fit_that_did_not_converge_is_written_and_ends_with_5(
    table, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(RunRecord, "converged", property(lambda self: False))
    assert fit(table, tmp_path / "run", "--json") == 5
    assert json.loads(capsys.readouterr().out)["converged"] is False
    assert (tmp_path / "run" / "model.derivata").exists()


def test_a_fault_of_our_own_ends_with_1_and_says_how_to_report_it(
    table, tmp_path, capsys, monkeypatch
):
    def fail(record):
        raise RuntimeError("a bug")

    monkeypatch.setattr(fitting, "build_report", fail)
    monkeypatch.delenv("DERIVATA_DEBUG", raising=False)
    refused(capsys, fit(table, tmp_path / "run"), 1, "RuntimeError: a bug. Run it again with")
    assert not (tmp_path / "run").exists()
    monkeypatch.setenv("DERIVATA_DEBUG", "1")
    with pytest.raises(RuntimeError, match="a bug"):
        fit(table, tmp_path / "run")


def test_too_little_memory_is_said_with_its_cure(table, tmp_path, capsys, monkeypatch):
    def fail(record):
        raise MemoryError("Unable to allocate 8 TiB")

    monkeypatch.setattr(fitting, "build_report", fail)
    refused(capsys, fit(table, tmp_path / "run"), 3, "not enough memory for this table")
