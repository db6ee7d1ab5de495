"""A loss that is no longer a number: found to the step, with the last good weights."""

import jax
import numpy as np
import pytest

from derivata.neural.losses import SquaredError
from derivata.neural.settings import Training
from derivata.neural.training import train
from derivata.solvers.first_order import GradientDescent
from derivata.solvers.schedules import Constant
from tests.neural_cases import network, rows


def settings(step, n_epochs=6):
    return Training(solver=GradientDescent(step=Constant(step)), n_epochs=n_epochs, batch_size=16)


def first_bad_step(net, data, step):
    """By training with ever fewer epochs of one batch: the truth, slowly."""
    weights = None
    for n_steps in range(1, 60):
        whole = Training(
            solver=GradientDescent(step=Constant(step)), n_epochs=n_steps, batch_size=64
        )
        found = train(net, SquaredError(), data, whole)
        if found.divergence is not None:
            return n_steps, weights
        weights = found.params
    raise AssertionError("it did not diverge")


def test_the_bad_step_is_found_and_the_weights_before_it_are_kept():
    net, data = network(), rows()
    step, weights = first_bad_step(net, data, 30.0)
    whole = Training(solver=GradientDescent(step=Constant(30.0)), n_epochs=50, batch_size=64)
    found = train(net, SquaredError(), data, whole)
    assert found.history.reason == "diverged"
    assert found.divergence.step == step == found.divergence.epoch
    for one, other in zip(jax.tree.leaves(found.params), jax.tree.leaves(weights), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_message_names_step_epoch_and_parameter():
    found = train(network(), SquaredError(), rows(), settings(1e3))
    text = str(found.divergence)
    assert f"step {found.divergence.step}" in text and "of size 1e+03" in text
    assert found.divergence.name.startswith(("layers.", "embeddings."))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(found.params))


def test_the_best_weights_are_kept_where_rows_are_held_out():
    judges = rows(seed=8, n_rows=40)
    # Three good epochs of four batches, then steps that are far too long.
    solver = GradientDescent(step=_Jump(12))
    found = train(
        network(),
        SquaredError(),
        rows(),
        Training(solver=solver, n_epochs=6, batch_size=16),
        held_out=judges,
    )
    assert found.history.reason == "diverged"
    assert found.divergence.step > 12
    history = found.history
    assert history.n_epochs == len(history.held_out_loss) == found.divergence.epoch - 1 >= 3
    outputs = network().apply(found.params, judges.inputs)
    loss = 0.5 * np.mean((outputs[:, 0] - judges.targets[:, 0]) ** 2)
    assert loss == pytest.approx(history.held_out_loss[history.best_epoch], rel=1e-5)
    assert history.best_epoch == history.held_out_loss.argmin()


def test_a_row_that_is_not_finite_is_found_in_the_step_that_meets_it():
    data = rows()
    data.inputs.numbers[17, 2] = np.nan
    found = train(network(), SquaredError(), data, settings(1e-2))
    assert 1 <= found.divergence.step <= 4 and found.divergence.epoch == 1
    assert found.divergence.name == "layers.0.weight" or "embeddings" in found.divergence.name
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(found.params))


class _Jump:
    """A small step for so many steps, and a huge one after."""

    def __init__(self, n_steps):
        self.n_steps = n_steps

    def __call__(self, count):
        return np.where(np.asarray(count) < self.n_steps, 1e-2, 1e6)


@pytest.mark.parametrize("step", [1e2, 1e6])
def test_training_that_diverges_at_once_keeps_finite_weights(step):
    found = train(network(), SquaredError(), rows(), settings(step))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(found.params))
