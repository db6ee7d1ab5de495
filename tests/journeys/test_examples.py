"""Every example runs, as its reader would run it, without a warning."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))


def run_example(path):
    run = subprocess.run(
        [sys.executable, "-W", "error", str(path)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    return run.stdout


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_and_tells_what_it_finds(path):
    assert len(run_example(path).splitlines()) > 3


def test_the_line_is_found_in_the_steps_that_kappa_predicts():
    path = next(path for path in EXAMPLES if path.stem == "linear_regression_by_descent")
    said = run_example(path)
    assert "313 steps to 1e-08" in said and "gradient descent: 314 steps" in said
    assert "y = 2.0218 x + 0.2433" in said
    assert said.count("2.0218") == 2  # as least squares itself
    assert said.count("1.762673") == 2  # the penalised slope, and by its formula
