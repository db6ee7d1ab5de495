"""The page of `derivata converge`: what it shows, and that nothing breaks out of it."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from derivata.comparison import compare_solvers
from derivata.convergence import Conditioning
from derivata.estimators.table_task import TableTask
from derivata.losses import LogisticLoss
from derivata.report.contours import contour
from derivata.report.convergence import comparison_page, convergence_page
from derivata.report.convergence_charts import Descended, gap_chart, path_map
from derivata.report.convergence_record import ConvergenceRecord
from derivata.report.record import Said
from derivata.solvers import Adam, GradientDescent, Momentum, Newton
from tests.unit.test_convergence import HYPER, ends, objective


def a_record(comparison, conditioning, **changed):
    return (
        ConvergenceRecord(
            comparison=comparison,
            as_raw=conditioning,
            as_scaled=conditioning,
            steps_raw=None,
            steps_scaled=120,
            scale=True,
            task=TableTask("y", "logistic", "it has two values."),
            names=("a", "b"),
            n_rows=120,
            alpha=1.0,
            tol=1e-8,
            file_name="t.csv",
            end_gradient=1e-12,
            is_separated=False,
            warnings=(Said("D302", "something was mended"),),
            seconds=0.2,
        )
        if not changed
        else replace(a_record(comparison, conditioning), **changed)
    )


@pytest.fixture(scope="module")
def record():
    f = objective(LogisticLoss(), spread=2.0)
    solvers = [GradientDescent(max_iter=60), Momentum(), Adam(0.05, max_iter=50), Newton()]
    return a_record(compare_solvers(f, solvers, hyper=HYPER), Conditioning.of(ends(f)[1]))


@pytest.fixture(scope="module")
def bowl():
    """Two parameters, one run of which diverges."""
    solvers = [GradientDescent(), GradientDescent(0.3, allow_unstable=True), Newton()]
    f = lambda w: 0.5 * (w[0] ** 2 + 9.0 * w[1] ** 2)
    slope = lambda w: np.array([w[0], 9.0 * w[1]])
    found = compare_solvers(f, solvers, start=[3.0, 1.0], gradient=slope)
    return a_record(found, found.conditioning)


def test_the_page_tells_theory_and_practice_of_every_run(record):
    page = convergence_page(record)
    for words in ("gradient descent", "momentum", "Adam", "Newton", "arrived", "not yet"):
        assert words in page
    for heading in ("Theory and practice", "The way down", "Curvature", "Why each stopped"):
        assert f"<h2>{heading}</h2>" in page
    assert page.count("<svg") == 2 and "Paths" not in page
    assert "D302" in page and "something was mended" in page
    assert "raise the limit of steps" in page


def test_two_parameters_are_drawn_over_contours(bowl):
    page = convergence_page(bowl)
    assert page.count("<svg") == 3 and page.count('class="contour"') == 11
    assert "diverged" in page and "<h2>Paths</h2>" in page


def test_a_comparison_of_a_function_has_a_page_too(bowl):
    page = comparison_page(bowl.comparison, "a <bowl>", ("slope", "height"))
    assert "Minimising <bdi>a &lt;bowl&gt;</bdi>" in page and "2 parameters" in page
    assert "slope" in page and "height" in page and page.count("<svg") == 3
    assert ">w0<" in comparison_page(bowl.comparison)


def test_a_path_of_tiny_steps_is_drawn_to_its_end():
    bowl = lambda w: 0.5 * (w[0] ** 2 + 9.0 * w[1] ** 2)
    slope = lambda w: np.array([w[0], 9.0 * w[1]])
    solver = GradientDescent(1e-3, max_iter=20_000, tol=1e-4)
    found = compare_solvers(bowl, [solver], start=[3.0, 1.0], gradient=slope)
    page = str(path_map(found, ("a", "b")))
    points = [[float(v) for v in point.split(",")] for point in points_of(page)]
    ring = re.search(r'd="M([\d.]+) ([\d.]+)h0" class="dot large soft"', page)
    assert ring and points[-1] == pytest.approx([float(ring[1]), float(ring[2])], abs=2.0)
    assert 100 < len(points) <= 250


def test_the_page_runs_nothing_loads_nothing_and_stays_small(record, bowl):
    for one in (record, bowl):
        page = convergence_page(one)
        assert "<script" not in page and "http" not in re.sub(r"http-equiv", "", page)
        assert len(page) < 300_000
        assert not re.search(
            r"[^-]\b(nan|inf)\b", re.sub(r"<style>.*?</style>", "", page, flags=re.S)
        )


def test_names_cannot_break_out_of_the_page(record):
    evil = "<script>alert(1)</script>\x1b[31m\u202e"
    told = replace(
        record,
        task=TableTask(evil, "logistic", evil),
        names=(evil, "b"),
        file_name=evil,
        warnings=(Said("D302", evil),),
    )
    page = convergence_page(told)
    assert "<script" not in page and "\x1b" not in page and "\u202e" not in page
    assert "&lt;script&gt;" in page


def test_without_a_minimiser_the_page_says_so(record):
    told = replace(record, end_gradient=1e-3)
    assert not told.has_minimiser and "found no minimiser" in convergence_page(told)
    assert "found no minimiser" not in convergence_page(record)


def test_the_record_as_json_is_strict_and_bounded(record, bowl):
    for one in (record, bowl):
        found = json.loads(one.to_json(), parse_constant=lambda word: pytest.fail(word))
        assert len(found["runs"]) == len(one.comparison.runs)
        for run in found["runs"]:
            assert set(run["steps"]) == {"taken", "predicted", "predicted_from_kappa"}
            assert len(run["trace"]["gap"]) <= 400
    assert found["runs"][1]["ended"] == "diverged"


def points_of(drawn):
    """The points of the line of colour a."""
    found = re.search(r'points="([^"]*)" class="line a"', drawn)
    assert found
    return found[1].split()


def test_a_long_run_is_drawn_with_few_points():
    steps = np.arange(1.0, 100_001.0)
    line = Descended("a", "a", steps, np.exp(-1e-4 * steps))
    drawn = str(gap_chart([line], 1.0, "gradients taken", "t"))
    points = points_of(drawn)
    assert 100 < len(points) < 250
    first, last = ([float(v) for v in points[k].split(",")] for k in (0, -1))
    assert first[0] < last[0] and first[1] < last[1]


def test_a_run_that_reaches_rounding_at_once_is_drawn_down_to_it():
    line = Descended("a", "a", np.array([1.0, 2.0]), np.array([5.0, 0.0]))
    assert len(points_of(str(gap_chart([line], 5.0, "x", "t")))) == 2


def test_runs_without_a_finite_gap_leave_an_empty_chart():
    line = Descended("a", "a", np.array([1.0, 2.0]), np.array([np.nan, np.inf]))
    assert "polyline" not in str(gap_chart([line], 0.0, "x", "t"))


def test_a_contour_of_a_bowl_is_a_circle():
    x = np.linspace(-2.0, 2.0, 81)
    values = x[None, :] ** 2 + x[:, None] ** 2
    pieces = np.array(contour(x, x, values, 1.0))
    radius = np.hypot(pieces[:, [0, 2]], pieces[:, [1, 3]])
    assert radius == pytest.approx(1.0, abs=2e-3)
    length = np.hypot(pieces[:, 0] - pieces[:, 2], pieces[:, 1] - pieces[:, 3]).sum()
    assert length == pytest.approx(2.0 * np.pi, rel=1e-3)


def test_contours_of_a_saddle_do_not_cross_and_holes_are_left_out():
    x = np.linspace(-1.0, 1.0, 4)
    values = x[None, :] * x[:, None]
    pieces = contour(x, x, values, 0.05)
    assert all((a * b > 0.0) and (c * d > 0.0) for a, b, c, d in pieces)
    assert contour(x, x, np.full((4, 4), np.nan), 0.0) == []
