"""Solvers side by side: what is counted, timed and told."""

import numpy as np
import pytest

from derivata.comparison import compare_solvers, ended, names_of
from derivata.convergence.trace import watched
from derivata.errors import InvalidParameter, ShapeMismatch
from derivata.losses import LogisticLoss, SquaredLoss
from derivata.solvers import LBFGS, Adam, Backtracking, FitResult, GradientDescent, Momentum, Newton
from tests.unit.test_convergence import HYPER, objective


@pytest.fixture(scope="module")
def comparison():
    """Five solvers on a logistic loss."""
    solvers = [
        GradientDescent(max_iter=100),
        Momentum(),
        Adam(0.05, max_iter=200),
        LBFGS(),
        Newton(),
    ]
    return compare_solvers(objective(LogisticLoss(), spread=2.0), solvers, hyper=HYPER)


def test_a_descent_takes_one_gradient_a_step_and_one_at_the_start(comparison):
    descent = comparison.runs[0]
    assert descent.fit.n_iter == 100
    assert descent.trace.n_evaluations == pytest.approx(101)
    assert descent.trace.evaluations.tolist() == list(range(1, 102))


def test_newton_takes_a_hessian_a_step(comparison):
    newton = comparison.runs[-1]
    assert newton.trace.n_hessians >= newton.fit.n_iter > 1
    assert newton.trace.n_evaluations <= newton.fit.n_iter + 2


def test_a_trace_has_the_values_of_the_run_and_time_that_goes_on(comparison):
    descent = comparison.runs[0]
    assert descent.trace.values == pytest.approx(np.array(descent.fit.values), rel=1e-12)
    for run in comparison.runs:
        assert (np.diff(run.trace.seconds) >= 0.0).all()
        assert 0.0 <= run.trace.seconds[-1] <= run.seconds
        assert len(run.gaps) == len(run.trace.values) and run.trace.params is None
        assert (run.gaps >= 0.0).all() and run.gaps[0] == pytest.approx(comparison.start_gap)


@pytest.mark.parametrize("solver", [GradientDescent(max_iter=50), LBFGS(), Newton()])
def test_watching_a_run_changes_no_bit_of_it(solver):
    f = objective(LogisticLoss())
    counting, _ = watched(f, HYPER)
    alone = solver.minimize(f, np.zeros(6), HYPER)
    seen = solver.minimize(counting, np.zeros(6), HYPER)
    assert np.array_equal(alone.expansion.params, seen.expansion.params)
    assert alone.values == seen.values


def test_batches_count_by_their_share_of_the_rows():
    f = objective(SquaredLoss())
    solver = GradientDescent(1e-6, batch_size=30, max_iter=3)
    trace = compare_solvers(f, [solver], hyper=HYPER).runs[0].trace
    # Three passes of four batches, and the gradient of all rows before, between and after.
    assert trace.n_evaluations == pytest.approx(3 + 4)
    assert len(trace.values) == 4


def test_products_with_the_hessian_are_no_gradients():
    f = objective(LogisticLoss())
    counting, watch = watched(f, HYPER)
    expansion = counting.at(np.zeros(6), HYPER)
    expansion.hvp(np.ones(6))
    assert watch.trace().n_products == 1.0 and watch.trace().n_evaluations == 0.0
    assert expansion.gradient is expansion.gradient
    assert watch.trace().n_evaluations == 1.0


def test_the_table_tells_each_solver_with_theory_beside_practice(comparison):
    said = str(comparison)
    for words in ("gradient descent", "momentum", "Adam", "L-BFGS", "Newton", "kappa = "):
        assert words in said
    assert "superlinear" in said and "quadratic" in said and "not yet" in said
    assert "max_iter = 100 reached" in said
    assert len(said.splitlines()) == 1 + 6 + 1 + 5


def test_the_best_value_is_that_of_the_minimiser(comparison):
    f = objective(LogisticLoss(), spread=2.0)
    end = f.at(comparison.minimiser, HYPER)
    assert end.relative_gradient < 1e-10
    assert comparison.best == pytest.approx(end.value, abs=1e-9)
    assert comparison.landscape is None


def test_two_parameters_have_paths_and_a_landscape():
    def bowl(w):
        return 0.5 * (w[0] ** 2 + 9.0 * (w[1] - 1.0) ** 2)

    slope = lambda w: np.array([w[0], 9.0 * (w[1] - 1.0)])
    found = compare_solvers(bowl, [GradientDescent(), Newton()], start=[3.0, 2.0], gradient=slope)
    land = found.landscape
    assert land is not None
    assert land.values[5, 7] == pytest.approx(bowl([land.x[7], land.y[5]]))
    for run in found.runs:
        path = run.trace.params
        assert path is not None and path[0].tolist() == [3.0, 2.0]
        assert path[-1] == pytest.approx([0.0, 1.0], abs=1e-4)
        assert land.x[0] < path[:, 0].min() < land.x[-1]


def test_a_step_that_diverges_is_run_only_where_that_is_allowed():
    f = objective(SquaredLoss(), spread=1.0)
    with pytest.raises(InvalidParameter, match="diverges from"):
        compare_solvers(f, [GradientDescent(1.0)], hyper=HYPER)
    found = compare_solvers(f, [GradientDescent(1.0, allow_unstable=True)], hyper=HYPER)
    run = found.runs[0]
    assert ended(run.fit) == "diverged" and run.gaps[-1] > 1e6 * found.start_gap
    assert "diverged" in str(found)


def test_two_of_a_kind_get_names_that_tell_them_apart():
    assert names_of([Adam(0.1), Adam(0.01), Newton(), Newton()]) == [
        "Adam (step 0.1)",
        "Adam (step 0.01)",
        "Newton",
        "Newton 2",
    ]
    assert names_of([GradientDescent(), GradientDescent(Backtracking())]) == [
        "gradient descent",
        "gradient descent (Backtracking)",
    ]


def test_progress_names_each_solver_as_it_begins():
    heard = []
    solvers = [Momentum(), Newton()]
    compare_solvers(
        objective(SquaredLoss(), spread=1.0),
        solvers,
        hyper=HYPER,
        progress=lambda *said: heard.append(said),
    )
    assert heard == [("momentum", 0, 2), ("Newton", 1, 2)]


class Interrupted:
    """A solver that hears Ctrl-C at once."""

    tol = 1e-8

    def minimize(self, f, params, hyper):
        reason = "interrupted after 0 steps"
        return FitResult(f.at(params, hyper), False, 0, reason, interrupted=True)


def test_an_interrupt_ends_the_comparison_with_the_runs_so_far():
    f = objective(SquaredLoss(), spread=1.0)
    found = compare_solvers(f, [Newton(), Interrupted(), Newton()], hyper=HYPER)
    assert [ended(run.fit) for run in found.runs] == ["arrived", "interrupted"]
    assert found.runs[1].convergence.cures == ("start again from where it stopped.",)


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"solvers": []}, InvalidParameter, "`solvers` is empty"),
        ({"hyper": None}, InvalidParameter, "Give the log of each"),
        ({"start": np.zeros(4)}, ShapeMismatch, r"expected \(6,\)"),
    ],
)
def test_what_cannot_be_compared_is_refused(arguments, error, says):
    given = {"solvers": [Newton()], "hyper": HYPER} | arguments
    with pytest.raises(error, match=says):
        compare_solvers(objective(SquaredLoss()), **given)
