"""Networks tuned without search: decays and inputs by evidence, ensembles, the held-out choice."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

pytest.importorskip("jax")

from derivata.errors import InvalidParameter
from derivata.neural.activations import Tanh
from derivata.neural.ensemble import FoldEnsemble, averaged_losses, fold_rows, row_values
from derivata.neural.evidence_columns import ColumnEvidence
from derivata.neural.evidence_decays import LayerEvidence, guarded_move
from derivata.neural.holdout import HeldOutChoice
from derivata.neural.losses import SquaredError, TwoClasses
from derivata.neural.method import NetworkProblem, OneNetwork
from derivata.neural.network import Inputs, Network
from derivata.neural.proposal import (
    Proposal,
    TuningInterrupted,
    all_rows,
    carried_back,
    with_factors,
)
from derivata.neural.range_test import Growing, RangeTest, chosen_step
from derivata.neural.rows import Rows
from derivata.neural.settings import Training
from derivata.solvers.first_order import Adam

N_ROWS, N_NUMBERS = 96, 6


def problem(y=None, *, loss=None, noise=0.0, n_numbers=N_NUMBERS, **settings):
    """A small problem: by default a product of two of the inputs, standardised, with noise."""
    rng = np.random.default_rng(3)
    loss = SquaredError() if loss is None else loss
    numbers = rng.standard_normal((N_ROWS, n_numbers)).astype(np.float32)
    if y is None:
        y = np.tanh(numbers[:, 0]) + np.tanh(numbers[:, 1]) + noise * rng.standard_normal(N_ROWS)
        y = (y - y.mean()) / y.std()
        if isinstance(loss, TwoClasses):
            y = (y > 0).astype(int)
    network = Network(n_numbers, loss.n_outputs, hidden=(8,), activation=Tanh())
    rows = Rows(
        Inputs(numbers, np.zeros((N_ROWS, 0), np.int32)),
        loss.targets(y),
        np.ones(N_ROWS, np.float32),
    )
    training = Training(solver=Adam(step=1e-2), n_epochs=20, batch_size=32)
    labels = np.asarray(y) if isinstance(loss, TwoClasses) else None
    return NetworkProblem(network, loss, rows, replace(training, **settings), labels=labels)


def noise_targets():
    return np.random.default_rng(8).standard_normal(N_ROWS)


ONE = OneNetwork()
SHORT = LayerEvidence(n_phases=4, n_steps=100)


def test_decays_are_stronger_where_targets_are_noise():
    clean, noise = SHORT.path(problem()), SHORT.path(problem(noise_targets()))
    best = [min(path, key=lambda point: point.criterion) for path in (clean, noise)]
    shares = [point.evidence.effective.sum() for point in best]
    assert np.log(best[1].alpha).mean() > np.log(best[0].alpha).mean() + 0.5
    assert shares[1] < shares[0]


def test_the_same_problem_gives_the_same_decays():
    one, other = (SHORT.propose(problem()).settings.alpha for _ in range(2))
    assert one == other


def test_the_guard_holds_decays_of_layers_together():
    evidence = SHORT.path(problem())[0].evidence
    alpha = np.array([30.0, 30.0])
    free = guarded_move(evidence, alpha, np.log(alpha), 0.0, 10.0)
    held = guarded_move(evidence, alpha, np.log(alpha), 1e6, 10.0)
    assert np.ptp(held) < 1e-3 < np.ptp(free)


def test_a_proposal_by_evidence_uses_all_rows():
    asked = replace(problem(weight_decay=0.1, patience=5), held_out_share=0.2)
    proposed = SHORT.propose(asked).applied(asked)
    assert proposed.held_out_share == 0.0
    assert proposed.settings.patience is None
    assert proposed.settings.weight_decay == 0.0


def test_training_that_diverges_proposes_nothing():
    proposal = SHORT.propose(problem(solver=Adam(step=1e30)))
    assert proposal.settings is None
    assert "finite" in proposal.detail


def test_inputs_that_matter_are_amplified():
    proposal = ColumnEvidence(n_phases=8, n_steps=100, fewest_columns=1).propose(problem(noise=0.1))
    order = np.argsort(-proposal.factors)
    assert set(order[:2]) == {0, 1}
    assert proposal.factors[order[1]] > 3.0 * proposal.factors[order[2]]
    np.testing.assert_allclose(np.mean(proposal.factors**2), 1.0)


def test_few_inputs_get_no_factors():
    proposal = ColumnEvidence().propose(problem())
    assert proposal.settings is None
    assert "40 inputs" in proposal.detail


@pytest.mark.parametrize("scaled", [False, True])
def test_weights_of_multiplied_inputs_carried_back_give_the_same_outputs(scaled):
    asked = problem()
    network = replace(asked.network, scaled=scaled)
    params = network.init(np.random.default_rng(0))
    factors = np.linspace(0.5, 2.0, N_NUMBERS)
    there = network.apply(params, with_factors(asked.rows, factors).inputs)
    back = network.apply(carried_back(network, params, factors), asked.rows.inputs)
    np.testing.assert_allclose(back, there, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("loss", [SquaredError(), TwoClasses()], ids=["numbers", "classes"])
def test_an_ensembles_loss_is_at_most_the_mean_of_its_members(loss):
    asked = replace(problem(loss=loss), held_out_share=0.2)
    fitted = FoldEnsemble(3).fit(asked)
    each = [averaged_losses(asked, [one], asked.rows).mean() for one in fitted.members]
    assert len(each) == 3
    assert averaged_losses(asked, fitted.members, asked.rows).mean() < np.mean(each)
    assert "never saw it" in fitted.notes[0]


def test_the_loss_of_an_average_of_classes_is_that_of_mean_probabilities():
    asked = problem(loss=TwoClasses())
    members = [asked.network.init(np.random.default_rng(seed)) for seed in range(3)]
    outputs = [row_values(asked.network, asked.loss, one, asked.rows)[0] for one in members]
    second = np.mean([1.0 / (1.0 + np.exp(-z[:, 0])) for z in outputs], axis=0)
    expected = -np.log(np.where(asked.labels == 1, second, 1.0 - second))
    np.testing.assert_allclose(averaged_losses(asked, members, asked.rows), expected, rtol=1e-5)


def test_folds_divide_the_rows_and_spread_the_classes():
    asked = problem(loss=TwoClasses())
    folds = fold_rows(asked, 4)
    np.testing.assert_array_equal(np.sort(np.concatenate(folds)), np.arange(N_ROWS))
    shares = [asked.labels[fold].mean() for fold in folds]
    assert np.ptp(shares) < 0.05


def test_members_differ_by_seed_where_no_rows_are_held_out():
    fitted = FoldEnsemble(2).fit(problem(n_epochs=4))
    first, second = (one["layers"][0]["weight"] for one in fitted.members)
    assert not np.array_equal(first, second)
    again = FoldEnsemble(2).fit(problem(n_epochs=4)).members[1]["layers"][0]["weight"]
    np.testing.assert_array_equal(second, again)


def test_an_ensemble_of_one_is_refused():
    with pytest.raises(InvalidParameter, match="at least 2"):
        FoldEnsemble(1)


@dataclass(frozen=True)
class Decay:
    """A tuner that proposes one decay, whatever the data."""

    alpha: float
    name = "a decay"

    def propose(self, problem):
        alpha = np.full(len(problem.network.sizes), self.alpha)
        return Proposal(all_rows(problem.settings, alpha), f"alpha {self.alpha:g}", 0.0)


@dataclass(frozen=True)
class Factor:
    """A tuner that multiplies the inputs."""

    factors: tuple[float, ...]
    name = "factors"

    def propose(self, problem):
        return Proposal(problem.settings, "by hand", factors=np.array(self.factors))


def test_a_proposal_that_harms_is_dropped_and_the_default_is_fitted():
    asked = problem()
    fitted = HeldOutChoice((Decay(1e6),), ONE).fit(asked)
    (trial,) = fitted.record.trials
    assert not trial.kept
    assert trial.difference > 0.0
    assert fitted.record.loss == fitted.record.default_loss
    default = OneNetwork().fit(asked).members[0]["layers"][0]["weight"]
    np.testing.assert_array_equal(fitted.members[0]["layers"][0]["weight"], default)
    assert any("dropped" in note for note in fitted.notes)


def test_a_proposal_that_helps_is_kept_and_fitted_on_all_rows():
    asked = problem(noise_targets(), n_epochs=60)
    fitted = HeldOutChoice((Decay(100.0),), ONE).fit(asked)
    (trial,) = fitted.record.trials
    assert trial.kept
    assert trial.difference < 0.0
    assert fitted.record.n_judges == N_ROWS
    assert fitted.settings.alpha == (100.0, 100.0)
    assert fitted.record.loss == trial.loss < fitted.record.default_loss


def test_the_same_choice_gives_the_same_weights():
    one, other = (HeldOutChoice((SHORT,), ONE).fit(problem(noise=0.5)) for _ in range(2))
    np.testing.assert_array_equal(
        one.members[0]["layers"][0]["weight"], other.members[0]["layers"][0]["weight"]
    )


def test_a_tuner_without_a_proposal_is_recorded():
    record, kept = HeldOutChoice((ColumnEvidence(),), ONE).choose(problem(n_epochs=4))
    assert not kept
    assert "nothing proposed" in str(record)


def test_factors_that_are_kept_are_carried_into_the_weights():
    factors = (3.0, 3.0, 0.01, 0.01, 0.01, 0.01)
    asked = problem(noise=0.1)
    fitted = HeldOutChoice((Factor(factors),), ONE).fit(asked)
    assert fitted.record.trials[0].kept
    scaled = replace(asked, rows=with_factors(asked.rows, np.array(factors)))
    expected = OneNetwork().fit(scaled)
    there = asked.network.apply(expected.members[0], scaled.rows.inputs)
    here = asked.network.apply(fitted.members[0], asked.rows.inputs)
    np.testing.assert_allclose(here, there, rtol=1e-4, atol=1e-5)


def test_of_many_rows_one_division_judges():
    record, _ = HeldOutChoice((Decay(1.0),), ONE, small=50).choose(problem(n_epochs=4))
    assert record.n_judges == N_ROWS // 4


def test_few_rows_are_not_divided_further():
    asked = problem(n_epochs=4)
    few = replace(asked, rows=asked.rows.take(slice(0, 30)))
    fitted = HeldOutChoice((Decay(1.0),), ONE).fit(few)
    assert fitted.record.n_judges == 0
    assert "too few" in fitted.notes[0]


def test_an_ensemble_is_judged_as_an_ensemble():
    asked = replace(problem(noise=0.5, n_epochs=4), held_out_share=0.2)
    fitted = HeldOutChoice((Decay(1.0),), FoldEnsemble(2), n_folds=2).fit(asked)
    assert len(fitted.members) == 2
    assert fitted.record.n_judges == N_ROWS


@dataclass(frozen=True)
class Interrupted:
    """A method, or a tuner, in which the user presses Ctrl-C."""

    name = "interrupted"

    def fit(self, problem):
        fitted = ONE.fit(problem)
        return replace(fitted, history=fitted.history.ended("interrupted"))

    def propose(self, problem):
        raise TuningInterrupted


@pytest.mark.parametrize(
    "choice",
    [HeldOutChoice((Interrupted(),), ONE), HeldOutChoice((Decay(1.0),), Interrupted())],
    ids=["while it is tuned", "while it is fitted"],
)
def test_ctrl_c_while_tuning_returns_an_untuned_fit_that_is_marked(choice):
    fitted = choice.fit(problem(n_epochs=4))
    assert fitted.history.reason == "interrupted"
    assert len(fitted.members) == 1
    assert "interrupted while tuning" in fitted.notes[0]


def test_a_choice_without_folds_is_refused():
    with pytest.raises(InvalidParameter, match="n_folds"):
        HeldOutChoice(n_folds=1)


@pytest.mark.parametrize(
    "made",
    [
        lambda: LayerEvidence(n_phases=0),
        lambda: ColumnEvidence(start=-1.0),
        lambda: RangeTest(smallest=1.0, largest=0.1),
        lambda: HeldOutChoice(ColumnEvidence()),
        lambda: HeldOutChoice(()),
    ],
)
def test_settings_that_make_no_sense_are_refused(made):
    with pytest.raises(InvalidParameter):
        made()


def test_steps_of_a_sweep_grow_by_one_factor():
    steps = Growing(1e-4, 1.0, 5)(np.arange(7))
    np.testing.assert_allclose(steps, [1e-4, 1e-3, 1e-2, 1e-1, 1.0, 1.0, 1.0])


def test_the_chosen_step_is_that_of_the_least_smoothed_loss():
    steps = np.geomspace(1e-5, 1.0, 41)
    losses = 1.0 + (np.log10(steps) + 2.0) ** 2
    losses[3] = 0.0  # one lucky batch
    assert chosen_step(steps, losses) == pytest.approx(1e-2)


def test_a_sweep_proposes_a_step_and_keeps_the_rest():
    asked = problem()
    proposed = RangeTest(n_points=20).propose(asked).applied(asked)
    assert 1e-6 < proposed.settings.solver.step < 1.0
    assert replace(proposed.settings, solver=asked.settings.solver) == asked.settings
