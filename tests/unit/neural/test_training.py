"""Training: the steps are the solver's, the same arguments give the same bits, the best is kept."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from derivata.errors import InvalidData
from derivata.neural import epochs
from derivata.neural.losses import ManyClasses, SquaredError, TwoClasses
from derivata.neural.plan import Planner
from derivata.neural.seeds import WEIGHTS, generator
from derivata.neural.settings import Rates, Training
from derivata.neural.training import train
from derivata.solvers.first_order import Adam, AdamW, Momentum, RMSProp
from tests.neural_cases import network, rows

# One batch size and one number of epochs a call, so that few programs are compiled.
QUICK = Training(solver=Adam(step=1e-2), n_epochs=6, batch_size=16)


def leaves(params):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(params)]


def assert_same(one, other):
    for left, right in zip(leaves(one), leaves(other), strict=True):
        np.testing.assert_array_equal(left, right)


def in_float64(tree):
    return jax.tree.map(lambda a: a.astype(float) if a.dtype.kind == "f" else a, tree)


def trained_by_hand(net, loss, data, settings, seed):
    """The same training in float64, step by step, with the solver's own pair of functions."""
    planner = Planner(settings, data.n_rows, net.n_params, seed)
    plan = planner.plan(0, settings.n_epochs)
    flat, tree = jax.tree.flatten(in_float64(net.init(generator(seed, WEIGHTS))))
    extras = [
        [float(one) for one in jax.tree.leaves(values)]
        for values in (
            epochs.per_weight(settings.alpha, tree.unflatten(flat), "alpha"),
            epochs.per_weight(settings.weight_decay, tree.unflatten(flat), "weight_decay"),
            epochs.rate_tree(settings.rates, tree.unflatten(flat)),
        )
    ]

    def cost(params, part):
        each = loss.rows(net.apply(params, part.inputs), part.targets, settings.label_smoothing)
        return jnp.mean(part.weight * each)

    states = [settings.solver.init(leaf) for leaf in flat]
    with jax.enable_x64(True):
        gradient = jax.jit(jax.grad(cost))
        for epoch in range(settings.n_epochs):
            for batch in range(plan.n_batches):
                chosen = plan.order[epoch, batch]
                part = in_float64(data.take(chosen[chosen < data.n_rows]))
                slopes = jax.tree.leaves(gradient(tree.unflatten(flat), part))
                step = float(plan.step[epoch, batch])
                for place, (alpha, decay, rate) in enumerate(zip(*extras, strict=True)):
                    slope = np.asarray(slopes[place]) + alpha / data.n_rows * flat[place]
                    move, states[place] = settings.solver.update(
                        slope, states[place], flat[place], step * rate
                    )
                    flat[place] = flat[place] + move - step * decay * flat[place]
    return tree.unflatten(flat)


@pytest.mark.parametrize(
    "loss, settings",
    [
        (SquaredError(), QUICK),
        (
            ManyClasses(3),
            Training(
                solver=Adam(step=1e-2, beta1=0.8, beta2=0.95),
                n_epochs=6,
                batch_size=16,
                weight_decay=(0.1, 0.2, 0.0),
                alpha=(1.0, 2.0, 3.0),
                label_smoothing=0.1,
                rates=Rates(bias=0.3, last=0.5, embedding=2.0),
            ),
        ),
        (TwoClasses(), Training(solver=Momentum(step=0.05), n_epochs=6, batch_size=16)),
    ],
    ids=["squared", "many classes, every setting", "two classes, momentum"],
)
def test_training_takes_the_steps_of_the_solver(loss, settings):
    net, data = network(loss), rows(loss, 48, weighted=True)  # batches of one size
    found = train(net, loss, data, settings, seed=5).params
    expected = trained_by_hand(net, loss, data, settings, seed=5)
    for one, other in zip(leaves(found), leaves(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-3, atol=2e-4)  # float32, 24 steps


def test_weight_decay_with_adam_is_adamw():
    net, data = network(), rows()
    ours = Training(solver=Adam(step=1e-2), n_epochs=6, batch_size=16, weight_decay=0.1)
    theirs = Training(solver=AdamW(step=1e-2, weight_decay=0.1), n_epochs=6, batch_size=16)
    one, other = (train(net, SquaredError(), data, s).params["layers"] for s in (ours, theirs))
    # AdamW decays biases too, which start at zero and stay small.
    np.testing.assert_allclose(one[0]["weight"], other[0]["weight"], atol=2e-3)


def test_the_same_arguments_give_the_same_bits_and_another_seed_others():
    net, data = network(), rows()
    one, same, other = (train(net, SquaredError(), data, QUICK, seed=s).params for s in (1, 1, 2))
    assert_same(one, same)
    assert (one["layers"][0]["weight"] != other["layers"][0]["weight"]).any()


def test_numbers_that_change_compile_nothing_anew():
    net, data = network(), rows()
    train(net, SquaredError(), data, QUICK)
    before = epochs.run_epochs._cache_size()
    changed = Training(
        solver=Adam(step=3e-3, beta1=0.8, beta2=0.99, epsilon=1e-6),
        n_epochs=9,
        batch_size=16,
        weight_decay=(0.1, 0.2, 0.3),
        label_smoothing=0.2,
        warm_up=0.2,
        rates=Rates(bias=0.1),
    )
    train(net, SquaredError(), data, changed, seed=9)
    train(net, SquaredError(), rows(n_rows=60, seed=3), changed)
    assert epochs.run_epochs._cache_size() == before


def test_the_loss_falls_and_the_history_has_every_epoch():
    settings = Training(solver=Adam(step=1e-2), n_epochs=60, batch_size=16)
    found = train(network(), SquaredError(), rows(), settings).history
    assert found.n_epochs == len(found.loss) == len(found.step) == 60
    assert found.loss[-1] < 0.2 * found.loss[0]
    assert found.reason == "finished" and "all epochs" in found.why
    assert len(found.held_out_loss) == 0 and found.best_epoch == -1


def test_the_weights_of_the_best_epoch_are_kept():
    net, data, judges = network(), rows(), rows(seed=8, n_rows=40, weighted=True)
    settings = Training(solver=Adam(step=5e-2), n_epochs=60, batch_size=16, warm_up=0.0)
    found = train(net, SquaredError(), data, settings, held_out=judges)
    history = found.history
    assert history.best_epoch == history.held_out_loss.argmin() < 59
    outputs = net.apply(found.params, judges.inputs)
    loss = np.average(0.5 * (outputs[:, 0] - judges.targets[:, 0]) ** 2, weights=judges.weight)
    assert loss == pytest.approx(history.held_out_loss.min(), rel=1e-5)


def test_patience_ends_training_early_with_the_same_best_weights():
    net, data, judges = network(), rows(), rows(seed=8, n_rows=40)
    settings = Training(solver=Adam(step=5e-2), n_epochs=200, batch_size=16, warm_up=0.0)
    impatient = Training(
        solver=Adam(step=5e-2), n_epochs=200, batch_size=16, warm_up=0.0, patience=64
    )
    whole = train(net, SquaredError(), data, settings, held_out=judges)
    short = train(net, SquaredError(), data, impatient, held_out=judges)
    assert short.history.reason == "no improvement"
    assert short.history.n_epochs < whole.history.n_epochs
    np.testing.assert_array_equal(short.history.loss, whole.history.loss[: short.history.n_epochs])


def test_a_row_of_weight_two_counts_as_two_rows_over_all_rows():
    net, data = network(hidden=(8,), levels=(), widths=()), rows(n_rows=20)
    data = data._replace(inputs=data.inputs._replace(codes=data.inputs.codes[:, :0]))
    weight = np.ones(20)
    weight[:4] = 2.0
    settings = Training(solver=Adam(step=1e-2), n_epochs=20, batch_size=64)
    one = data._replace(weight=(weight / weight.mean()).astype(np.float32))
    two = data.take(np.r_[np.arange(20), np.arange(4)])
    found, expected = (train(net, SquaredError(), each, settings).params for each in (one, two))
    for left, right in zip(leaves(found), leaves(expected), strict=True):
        np.testing.assert_allclose(left, right, atol=2e-4)


def test_dropout_changes_training_but_not_prediction():
    net, data = network(), rows()
    settings = Training(solver=Adam(step=1e-2), n_epochs=6, batch_size=16, dropout=0.5)
    one, same = (train(net, SquaredError(), data, settings, seed=1) for _ in range(2))
    assert_same(one.params, same.params)
    plain = train(net, SquaredError(), data, QUICK, seed=1)
    assert (one.params["layers"][0]["weight"] != plain.params["layers"][0]["weight"]).any()


def test_training_goes_on_from_given_weights():
    net, data = network(), rows()
    start = net.init(np.random.default_rng(99))
    one, other = (train(net, SquaredError(), data, QUICK, start=start, seed=s) for s in (1, 2))
    assert (one.params["layers"][0]["weight"] != other.params["layers"][0]["weight"]).any()
    still = Training(solver=Adam(step=1e-30), n_epochs=6, batch_size=16)
    found = train(net, SquaredError(), data, still, start=start).params
    np.testing.assert_allclose(found["layers"][0]["weight"], start["layers"][0]["weight"])
    np.testing.assert_allclose(found["embeddings"][0], start["embeddings"][0])


def test_solvers_without_a_count_train_too():
    settings = Training(solver=RMSProp(step=3e-3), n_epochs=30, batch_size=16)
    history = train(network(), SquaredError(), rows(), settings).history
    assert history.loss[-1] < 0.5 * history.loss[0]


def test_who_watches_sees_the_history_grow():
    seen = []
    settings = Training(solver=Adam(step=1e-2), n_epochs=130, batch_size=16)
    train(network(), SquaredError(), rows(), settings, watch=lambda h: seen.append(h.n_epochs))
    assert seen == [64, 128, 130]


def test_no_rows_are_refused():
    data = rows()
    for held_out in (None, data.take(slice(0))):
        with pytest.raises(InvalidData, match="has no row"):
            taken = data.take(slice(0)) if held_out is None else data
            train(network(), SquaredError(), taken, QUICK, held_out=held_out)


@pytest.mark.gpu
def test_training_runs_on_whatever_device_jax_finds():
    data = rows(TwoClasses())
    settings = Training(solver=Adam(step=1e-2), n_epochs=40, batch_size=16)
    found = train(network(TwoClasses()), TwoClasses(), data, settings, held_out=data)
    assert found.history.loss[-1] < 0.7 * found.history.loss[0]
    assert all(np.isfinite(leaf).all() for leaf in leaves(found.params))
    assert jax.devices()[0].platform in ("cpu", "gpu", "tpu", "METAL")
