"""Theory held against runs: rates, steps predicted and taken, conditioning, cures."""

from dataclasses import replace

import numpy as np
import pytest

from derivata.convergence import (
    Conditioning,
    HeavyBall,
    LookAhead,
    Plain,
    QuadraticModel,
    convergence_of,
    iterations_from_rate,
    minimiser,
    modes,
    observed_rate,
    predict,
    rate,
    rates,
    recurrence_of,
    settled,
    unstable_step,
)
from derivata.convergence.words import count_words, rate_words, step_words
from derivata.curvature.spectrum import Spectrum, spectrum
from derivata.designs import DenseDesign
from derivata.errors import InvalidParameter, ShapeMismatch
from derivata.losses import LogisticLoss, PoissonLoss, SquaredLoss
from derivata.objective import Objective
from derivata.penalties import FREE, GroupRidge, Lasso
from derivata.predictors import LinearPredictor
from derivata.solvers import (
    LBFGS,
    Adam,
    Backtracking,
    Cosine,
    GradientDescent,
    Momentum,
    Nesterov,
    Newton,
)

LINEAR = (GradientDescent(), Momentum(), Nesterov())
KAPPAS = (1.5, 30.0, 1e4)
HYPER = np.zeros(1)


def objective(loss, n_rows=120, n_features=5, seed=0, spread=10.0):
    """Correlated columns of unequal size, a ridge of strength one, a free intercept."""
    rng = np.random.default_rng(seed)
    mixing = np.eye(n_features) + 0.25 * rng.standard_normal((n_features, n_features))
    X = rng.standard_normal((n_rows, n_features)) @ mixing
    X *= np.geomspace(1.0, spread, n_features)
    z = X @ (rng.standard_normal(n_features) / np.geomspace(1.0, spread, n_features)) + 0.3
    if isinstance(loss, SquaredLoss):
        y = z + rng.standard_normal(n_rows)
    elif isinstance(loss, LogisticLoss):
        y = (rng.random(n_rows) < 1.0 / (1.0 + np.exp(-z))).astype(float)
    else:
        y = rng.poisson(np.exp(0.4 * z)).astype(float)
    groups = np.append(np.zeros(n_features, int), FREE)
    design = DenseDesign.from_array(np.column_stack([X, np.ones(n_rows)]))
    predictor = LinearPredictor(design)
    return Objective(loss, predictor, GroupRidge(groups, ("all",)), y, np.ones(n_rows))


def ends(f):
    """Expansions at zero and at the minimiser."""
    start = np.zeros(f.predictor.n_params)
    return f.at(start, HYPER), minimiser(f, start, HYPER)


# rates


@pytest.mark.parametrize("kappa", KAPPAS)
def test_the_best_constants_give_the_rates_of_the_textbooks(kappa):
    found = Spectrum(largest=3.0, smallest=3.0 / kappa, n_flat=0)
    root = np.sqrt(kappa)
    expected = [(kappa - 1) / (kappa + 1), (root - 1) / (root + 1), 1 - 1 / root]
    for solver, rate_expected in zip(LINEAR, expected, strict=True):
        recurrence = recurrence_of(solver.resolved(found))
        # A double root is found to the root of the rounding.
        assert rate(recurrence, found.smallest, found.largest) == pytest.approx(
            rate_expected, abs=1e-6
        )


@pytest.mark.parametrize("recurrence", [Plain(0.3), HeavyBall(0.3, 0.6), LookAhead(0.3, 0.6)])
def test_a_rate_is_the_spectral_radius_of_the_recurrence(recurrence):
    curvature = np.linspace(0.01, 9.0, 50)
    a, b = recurrence.terms(curvature)
    radius = [
        np.abs(np.linalg.eigvals(np.array([[p, q], [1.0, 0.0]]))).max()
        for p, q in zip(a, b, strict=True)
    ]
    assert rates(recurrence, curvature) == pytest.approx(np.array(radius), abs=1e-7)


@pytest.mark.parametrize("recurrence", [Plain(0.3), HeavyBall(0.3, 0.6), LookAhead(0.3, 0.6)])
def test_the_slowest_curvature_is_at_an_end_of_the_range(recurrence):
    curvature = np.linspace(0.05, 6.0, 400)
    assert rates(recurrence, curvature).max() == rate(recurrence, 0.05, 6.0)


@pytest.mark.parametrize("solver", [GradientDescent(), Momentum(beta=0.7), Nesterov(beta=0.7)])
def test_a_step_at_the_bound_neither_comes_nearer_nor_goes_away(solver):
    at_bound = replace(solver, step=solver.bound(5.0))
    assert rate(recurrence_of(at_bound), 5.0, 5.0) == pytest.approx(1.0, abs=1e-12)
    below = replace(solver, step=0.999 * solver.bound(5.0))
    assert rate(recurrence_of(below), 5.0, 5.0) < 1.0


def test_what_is_guaranteed_beyond_quadratics_is_slower_or_nothing():
    found = Spectrum(largest=8.0, smallest=0.5, n_flat=0)
    descent, ball, nesterov = (recurrence_of(solver.resolved(found)) for solver in LINEAR)
    assert descent.guaranteed(0.5, 8.0) == rate(descent, 0.5, 8.0)
    assert ball.guaranteed(0.5, 8.0) is None
    # (1 - 1 / sqrt kappa)^k on the gap is its root on the distance.
    assert nesterov.guaranteed(0.5, 8.0) == pytest.approx(np.sqrt(1.0 - 1.0 / 4.0))
    assert rate(nesterov, 0.5, 8.0) == pytest.approx(1.0 - 1.0 / 4.0, abs=1e-6)
    assert replace(nesterov, momentum=0.9).guaranteed(0.5, 8.0) is None
    f = objective(SquaredLoss(), spread=1.0)
    assert "guaranteed beyond quadratics" in str(convergence_of(f, Nesterov(), hyper=HYPER))


def test_nesterov_keeps_what_is_guaranteed_on_a_loss_that_is_no_quadratic():
    f = objective(LogisticLoss(), spread=1.0)
    start, end = ends(f)
    # Curvature is at most a quarter of the squares plus the penalty, and at least the penalty.
    top = Objective(SquaredLoss(), f.predictor, f.penalty, f.y, f.weight).at(start.params, HYPER)
    largest = 0.25 * spectrum(top).largest + 1.0
    mu = 0.5 * spectrum(end).smallest
    solver = Nesterov().resolved(Spectrum(largest, mu, 0))
    bound = recurrence_of(solver).guaranteed(mu, largest)
    fit = replace(solver, max_iter=2_000).minimize(f, start.params, HYPER)
    assert observed_rate(fit.values, end.value) < bound


def test_a_step_that_changes_has_no_rate():
    assert recurrence_of(GradientDescent(Cosine(0.1, 50))) is None
    assert recurrence_of(GradientDescent(Backtracking())) is None
    assert recurrence_of(Adam()) is None


# the quadratic model


def model(seed=3, size=6, kappa=200.0):
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.standard_normal((size, size)))[0]
    hessian = (basis * np.geomspace(1.0, kappa, size)) @ basis.T
    return QuadraticModel.of(hessian, rng.standard_normal(size), np.full(size, 7.0)), hessian


@pytest.mark.parametrize("recurrence", [Plain(0.009), HeavyBall(0.01, 0.7), LookAhead(0.005, 0.8)])
def test_distances_after_many_steps_are_those_of_one_step_after_the_other(recurrence):
    found, _ = model()
    a, b = recurrence.terms(found.curvature)
    before, here = found.distance, recurrence.first(found.curvature) * found.distance
    for count in range(1, 60):
        assert found.after(recurrence, count) == pytest.approx(here, rel=1e-9, abs=1e-12)
        before, here = here, a * here + b * before
    assert found.after(recurrence, 0) is found.distance


def test_a_flat_direction_is_left_out_of_the_model():
    hessian = np.diag([2.0, 1.0, 0.0])
    found = QuadraticModel.of(hessian, np.ones(3), np.ones(3))
    assert found.curvature.tolist() == [1.0, 2.0] and found.gap(found.distance) == 1.5


def test_beyond_the_steps_looked_at_one_by_one_halving_finds_the_same(monkeypatch):
    found, _ = model()
    exact = found.iterations(Plain(0.004), 1e-9)
    monkeypatch.setattr(modes, "SCANNED", 50)
    assert found.iterations(Plain(0.004), 1e-9) == exact > 50


def test_beyond_the_looks_that_are_paid_for_halving_finds_the_same(monkeypatch):
    found, _ = model()
    exact = found.iterations(Plain(0.004), 1e-9)
    monkeypatch.setattr(modes, "MOST_MULTIPLIED", 0)
    monkeypatch.setattr(modes, "FEWEST_LOOKS", 3)
    assert found.iterations(Plain(0.004), 1e-9) == exact


def test_an_entry_that_no_row_moves_is_left_out_of_the_model():
    hessian = np.diag([2.0, 1.0, 5.0])
    found = QuadraticModel.of(hessian, np.ones(3), np.array([1.0, 1.0, np.inf]))
    assert found.curvature.tolist() == [1.0, 2.0]


def test_a_descent_that_never_arrives_has_no_number_of_steps(monkeypatch):
    found, _ = model()
    assert found.iterations(Plain(0.011), 1e-8) is None  # 2 / L is 0.01
    monkeypatch.setattr(modes, "SCANNED", 5)
    assert found.iterations(Plain(0.01), 1e-8) is None
    assert found.iterations(Plain(0.01), 1e8) == 0


def test_steps_from_a_rate_count_powers():
    assert iterations_from_rate(0.5, 1.0, 0.125) == 3
    assert iterations_from_rate(0.0, 1.0, 0.1) == 1
    assert iterations_from_rate(1.0, 1.0, 0.1) is None
    assert iterations_from_rate(0.9, 0.05, 0.1) == 0


# predicted and taken


@pytest.mark.parametrize("solver", LINEAR)
@pytest.mark.parametrize("spread", [1.0, 30.0])
def test_steps_predicted_for_squared_loss_are_those_taken(solver, spread):
    f = objective(SquaredLoss(), spread=spread)
    start, end = ends(f)
    solver = settled(replace(solver, max_iter=100_000), start, end)
    told = predict(solver, start, end)
    fit = solver.minimize(f, start.params, HYPER)
    assert fit.converged
    # A run rounds otherwise than the model, which near the tolerance may cost a step.
    assert abs(fit.n_iter - told.iterations) <= 2
    assert told.step == solver.step < told.largest_step
    observed = observed_rate(fit.values, end.value)
    assert observed == pytest.approx(told.rate, abs=0.05 * (1 - told.rate) + 0.04)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("solver", LINEAR)
def test_steps_predicted_for_logistic_loss_are_within_a_fifth_of_those_taken(solver, seed):
    f = objective(LogisticLoss(), spread=2.0, seed=seed)
    start, end = ends(f)
    solver = settled(replace(solver, max_iter=100_000), start, end)
    fit = solver.minimize(f, start.params, HYPER)
    told = predict(solver, start, end).iterations
    assert fit.converged and abs(told - fit.n_iter) <= 0.2 * fit.n_iter


def test_from_kappa_every_direction_is_the_slowest():
    f = objective(SquaredLoss(), spread=1.0)
    start, end = ends(f)
    told = predict(settled(GradientDescent(), start, end), start, end)
    assert told.from_kappa >= told.iterations
    # From a start along the slowest eigenvector both say the same.
    vector = np.linalg.eigh(end.hessian)[1][:, 0]
    told = predict(settled(GradientDescent(), start, end), f.at(end.params + vector, HYPER), end)
    assert abs(told.from_kappa - told.iterations) <= 1


@pytest.mark.parametrize("loss", [SquaredLoss(), LogisticLoss(), PoissonLoss()])
def test_newton_takes_about_the_steps_that_it_takes_on_the_line_to_the_minimiser(loss):
    f = objective(loss)
    start, end = ends(f)
    fit = Newton().minimize(f, start.params, HYPER)
    told = predict(Newton(), start, end)
    assert told.order == "quadratic" and told.rate is None
    assert abs(told.iterations - fit.n_iter) <= (0 if isinstance(loss, SquaredLoss) else 2)


def test_nothing_is_predicted_where_no_theory_says():
    f = objective(LogisticLoss())
    start, end = ends(f)
    for solver, says in (
        (Adam(), "no such bound"),
        (LBFGS(), "no bound says"),
        (GradientDescent(Cosine(1e-4, 100)), "the step changes"),
        (GradientDescent(1e-4, batch_size=10), "floor of noise"),
        (object(), "no theory of object"),
    ):
        told = predict(solver, start, end)
        assert told.iterations is None and says in told.basis
    kinked = replace(f, penalty=Lasso().on(np.append(np.zeros(5, int), FREE), 1))
    told = predict(GradientDescent(), kinked.at(start.params, HYPER), kinked.at(end.params, HYPER))
    assert told.iterations is None and "kink" in told.basis


def test_beyond_a_dense_hessian_kappa_alone_is_told(monkeypatch):
    import derivata.convergence.prediction as prediction

    f = objective(SquaredLoss())
    start, end = ends(f)
    monkeypatch.setattr(prediction, "LARGEST_DENSE", 3)
    told = predict(settled(GradientDescent(), start, end), start, end)
    assert told.iterations is None and told.from_kappa > 0 and "kappa alone" in told.basis


def test_constants_for_the_whole_way_stand_on_the_larger_curvature():
    f = objective(LogisticLoss())
    start, end = ends(f)
    first, last = spectrum(start), spectrum(end)
    assert first.largest > last.largest
    solver = settled(GradientDescent(), start, end)
    assert solver.step == pytest.approx(2.0 / (first.largest + last.smallest))
    assert settled(GradientDescent(1e-5), start, end).step == 1e-5


def test_an_unstable_step_is_told_with_its_bound():
    f = objective(SquaredLoss())
    start, end = ends(f)
    largest = spectrum(end).largest
    fault = unstable_step(GradientDescent(2.01 / largest), start, end)
    assert fault.bound == pytest.approx(2.0 / largest) and fault.where == "at the minimiser"
    assert unstable_step(GradientDescent(1.99 / largest), start, end) is None
    assert unstable_step(GradientDescent(Cosine(1.0, 5)), start, end) is None
    told = predict(GradientDescent(2.01 / largest), start, end)
    assert told.iterations is None and told.rate > 1.0 and "goes away" in told.basis


# observed rates


def test_the_observed_rate_is_the_root_of_what_the_gap_falls_by():
    values = 5.0 + 3.0 * 0.81 ** np.arange(60)
    assert observed_rate(values, 5.0) == pytest.approx(0.9, abs=1e-6)


def test_rounding_at_the_end_of_a_run_does_not_count():
    rng = np.random.default_rng(0)
    gaps = 0.25 ** np.arange(60)
    values = 1000.0 + np.where(gaps > 1e-9, gaps, 1e-13 * rng.standard_normal(60))
    assert observed_rate(values, 1000.0) == pytest.approx(0.5, abs=1e-3)


def test_too_few_gaps_have_no_rate_and_a_rising_run_one_above_one():
    assert observed_rate([3.0, 1.0, 0.0], 0.0) is None
    assert observed_rate([0.0] * 9, 0.0) is None
    assert observed_rate(1.21 ** np.arange(30), 0.0) == pytest.approx(1.1)
    assert observed_rate([np.inf, np.nan, 1.0], 0.0) is None


# conditioning


def test_scaling_takes_away_what_units_did_to_kappa():
    f = objective(SquaredLoss(), spread=1e4)
    found = Conditioning.of(ends(f)[1])
    assert found.condition > 1e6 > 1e3 > found.scaled.condition and found.gains_by_scaling
    assert found.condition == found.largest / found.smallest
    assert "with each column in its own unit" in str(found)


def test_a_repeated_column_is_a_flat_direction_unless_a_penalty_holds_it():
    rng = np.random.default_rng(1)
    column = rng.standard_normal(40)
    design = DenseDesign.from_array(np.column_stack([column, column, np.ones(40)]))
    free = GroupRidge(np.full(3, FREE), ())
    f = Objective(SquaredLoss(), LinearPredictor(design), free, column + 1.0, np.ones(40))
    found = Conditioning.of(f.at(np.zeros(3), np.zeros(0)))
    assert found.spectrum.n_flat == 1 and "flat along 1 direction" in str(found)


# the account


def test_before_a_run_theory_is_told_and_after_it_what_happened_too():
    f = objective(SquaredLoss())
    before = convergence_of(f, GradientDescent(max_iter=50_000), hyper=HYPER)
    assert before.n_iter is None and before.prediction.iterations > 0
    assert "observed" not in str(before)
    fit = GradientDescent(max_iter=50_000).minimize(f, np.zeros(6), HYPER)
    after = convergence_of(fit)
    assert after.converged and after.n_iter == fit.n_iter and 0.0 <= after.gap < 1e-6
    assert after.prediction.iterations == pytest.approx(fit.n_iter, abs=2)
    said = str(after)
    for words in ("gradient descent", "kappa = ", "stable below", "predicted", "taken", "stopped"):
        assert words in said


def test_a_function_with_a_gradient_is_told_of_too():
    found = convergence_of(
        lambda w: 0.5 * (w[0] ** 2 + 25.0 * w[1] ** 2),
        GradientDescent(),
        start=[4.0, 1.0],
        gradient=lambda w: np.array([w[0], 25.0 * w[1]]),
    )
    assert found.conditioning.condition == pytest.approx(25.0, rel=1e-6)
    assert found.prediction.rate == pytest.approx(24 / 26, rel=1e-6)


def test_cures_name_what_they_bring():
    f = objective(SquaredLoss(), spread=1e4)
    start = np.zeros(6)
    fit = GradientDescent(max_iter=300).minimize(f, start, HYPER)
    said = " ".join(convergence_of(fit).cures)
    assert "scale the columns: kappa falls from" in said
    assert "raise the limit of steps from 300 to above" in said and "Newton's method" in said
    largest = spectrum(ends(f)[1]).largest
    unstable = GradientDescent(3.0 / largest, allow_unstable=True, max_iter=2_000)
    found = convergence_of(unstable.minimize(f, start, HYPER))
    assert found.diverged and found.observed_rate > 1.0
    assert len(found.cures) == 1 and "2 / L" in found.cures[0]
    small = objective(SquaredLoss(), spread=1.0)
    assert convergence_of(Newton().minimize(small, start, HYPER), Newton()).cures == ()


def test_a_penalty_is_the_cure_for_columns_that_nearly_repeat():
    rng = np.random.default_rng(2)
    column = rng.standard_normal(60)
    X = np.column_stack([column, column + 1e-5 * rng.standard_normal(60)])
    free = GroupRidge(np.full(2, FREE), ())
    design = LinearPredictor(DenseDesign.from_array(X))
    f = Objective(SquaredLoss(), design, free, column, np.ones(60))
    fit = GradientDescent(max_iter=50).minimize(f, np.array([3.0, -9.0]), np.zeros(0))
    assert any("add a penalty" in cure for cure in convergence_of(fit).cures)


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"solver": None}, InvalidParameter, "`solver` is None"),
        ({"hyper": None}, InvalidParameter, "1 strengths (all)"),
        ({"hyper": [0.0, 1.0]}, ShapeMismatch, "`hyper` has shape (2,)"),
        ({"start": [1.0]}, ShapeMismatch, "`start` has shape (1,); expected (6,)"),
        ({"what": 3.0}, InvalidParameter, "`objective` is a float"),
        ({"what": sum, "hyper": None}, InvalidParameter, "`start` is None"),
    ],
)
def test_what_cannot_be_told_of_is_refused(arguments, error, says):
    given = {"what": objective(SquaredLoss()), "solver": GradientDescent(), "hyper": HYPER}
    given |= arguments
    with pytest.raises(error) as caught:
        convergence_of(given.pop("what"), **given)
    assert says in str(caught.value)


def test_words_have_the_digits_that_tell_a_rate_from_one():
    assert rate_words(0.5) == "0.500" and rate_words(0.99942) == "0.999420"
    assert rate_words(None) == "none" and rate_words(1.25) == "1.25"
    assert count_words(12_345) == "12,345" and count_words(74_000_000_000) == "7.4e10"
    assert step_words(1) == "1 step" and step_words(None) == "none steps"
