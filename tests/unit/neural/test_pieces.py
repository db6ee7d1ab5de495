"""The parts of training, each by itself: losses, layer, dropout, plans, settings, rows."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from derivata.errors import InvalidParameter
from derivata.neural.dense import dense
from derivata.neural.dropout import dropout, mixed
from derivata.neural.losses import ManyClasses, SquaredError, TwoClasses
from derivata.neural.network import affine
from derivata.neural.plan import Planner
from derivata.neural.rows import held_apart
from derivata.neural.settings import Rates, Training, per_weight, rate_tree
from derivata.solvers.first_order import Adam
from derivata.solvers.schedules import InverseSqrt
from tests.neural_cases import network

LOSSES = pytest.mark.parametrize(
    "loss, y",
    [
        (SquaredError(), np.array([-1.0, 0.3, 2.0, 5.0])),
        (TwoClasses(), np.array([0.0, 1.0, 1.0, 0.0])),
        (ManyClasses(4), np.array([0.0, 3.0, 1.0, 2.0])),
    ],
    ids=lambda value: repr(value) if not isinstance(value, np.ndarray) else "y",
)


@LOSSES
def test_losses_are_those_of_the_rest_of_derivata(loss, y):
    outputs = np.random.default_rng(0).standard_normal((4, loss.n_outputs)) * 3.0
    with jax.enable_x64(True):
        found = loss.rows(jnp.asarray(outputs), jnp.asarray(loss.targets(y), float), 0.0)
    np.testing.assert_allclose(found, loss.classic.at(y, outputs).value, rtol=1e-6)
    assert loss.classic.n_outputs == loss.n_outputs


@pytest.mark.parametrize("loss", [TwoClasses(), ManyClasses(3)], ids=repr)
def test_a_smoothed_target_is_a_mixture_of_all_classes(loss):
    n_classes = getattr(loss, "n_classes", 2)
    outputs = jnp.asarray(np.random.default_rng(0).standard_normal((1, loss.n_outputs)))
    each = [
        float(loss.rows(outputs, jnp.asarray(loss.targets(np.array([c]))), 0.0)[0])
        for c in range(n_classes)
    ]
    smoothed = float(loss.rows(outputs, jnp.asarray(loss.targets(np.array([1]))), 0.3)[0])
    assert smoothed == pytest.approx(0.7 * each[1] + 0.3 * np.mean(each), rel=1e-5)


@pytest.mark.parametrize("n_outputs", [2, 40])
def test_the_dense_layer_has_the_gradient_of_the_plain_one(n_outputs):
    rng = np.random.default_rng(0)
    x, w, b = rng.standard_normal((7, 5)), rng.standard_normal((5, n_outputs)), np.ones(n_outputs)

    def cost(layer):
        return lambda x, w, b: (layer(x, w, b) ** 3).sum()

    with jax.enable_x64(True):
        found = jax.grad(cost(dense), (0, 1, 2))(x, w, b)
        expected = jax.grad(cost(affine), (0, 1, 2))(x, w, b)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_dropout_leaves_out_the_asked_share_and_keeps_the_mean():
    values = jnp.ones((400, 250))
    dropped = np.asarray(dropout(np.uint32(7), np.float32(0.3))(values, 0))
    assert np.mean(dropped == 0) == pytest.approx(0.3, abs=0.01)  # 6 standard deviations
    assert dropped.mean() == pytest.approx(1.0, abs=0.02)
    # Neither rows nor columns share a fate.
    assert np.abs((dropped == 0).mean(axis=0) - 0.3).max() < 0.15
    assert np.abs((dropped == 0).mean(axis=1) - 0.3).max() < 0.15


def test_dropout_differs_by_seed_and_layer_and_is_the_same_for_the_same():
    values = jnp.ones((20, 30))

    def kept(seed, layer):
        return np.asarray(dropout(np.uint32(seed), np.float32(0.5))(values, layer)) > 0

    np.testing.assert_array_equal(kept(1, 0), kept(1, 0))
    for other in (kept(2, 0), kept(1, 1)):
        assert 0.3 < np.mean(kept(1, 0) == other) < 0.7


def test_the_hash_is_one_to_one_on_what_it_was_tried_on():
    places = jnp.arange(100_000, dtype=jnp.uint32)
    assert len(np.unique(np.asarray(mixed(places)))) == 100_000


def planner(n_rows, batch_size, **changes):
    settings = Training(n_epochs=10, batch_size=batch_size, **changes)
    return Planner(settings, n_rows=n_rows, n_params=100, seed=3)


@pytest.mark.parametrize("n_rows, batch_size", [(1, 4), (10, 4), (64, 32), (65, 32), (30, 100)])
def test_every_row_is_dealt_once_an_epoch_and_batches_are_even(n_rows, batch_size):
    plan = planner(n_rows, batch_size).plan(2, 4)
    for epoch in range(2):
        batches = plan.order[epoch, : plan.n_batches]
        sizes = (batches < n_rows).sum(axis=1)
        assert sizes.max() <= batch_size and np.ptp(sizes) <= 1
        assert sorted(batches[batches < n_rows]) == list(range(n_rows))


@pytest.mark.parametrize("n_rows", [1, 9, 17, 200, 1797, 50_000])
def test_a_batch_of_all_rows_is_hardly_padded(n_rows):
    width = planner(n_rows, 100_000).batch_size
    assert n_rows <= width < n_rows + max(8, n_rows / 16)
    assert planner(n_rows, 100_000).n_batches == 1


def test_the_order_of_an_epoch_does_not_depend_on_the_call_it_is_in():
    whole, part = planner(20, 8, dropout=0.1).plan(0, 6), planner(20, 8, dropout=0.1).plan(4, 6)
    np.testing.assert_array_equal(whole.order[4:6], part.order[:2])
    np.testing.assert_array_equal(whole.seed[4:6], part.seed[:2])
    np.testing.assert_array_equal(whole.step[4:6], part.step[:2])
    assert (whole.order[0] != whole.order[1]).any()


def test_the_step_rises_and_falls_along_half_a_cosine():
    steps = Training(solver=Adam(step=0.1), warm_up=0.1, last_step=0.01).steps(1000)
    assert steps[0] == pytest.approx(0.1 / 101)
    assert steps.argmax() == 100 and steps.max() == pytest.approx(0.1)
    assert (np.diff(steps[:100]) > 0).all() and (np.diff(steps[101:]) < 0).all()
    assert steps[-1] == pytest.approx(0.001, rel=0.01)


def test_a_schedule_of_the_solver_is_followed():
    steps = Training(solver=Adam(step=InverseSqrt(0.1))).steps(9)
    np.testing.assert_allclose(steps, 0.1 / np.sqrt(np.arange(1, 10)), rtol=1e-6)


def test_decay_and_rates_reach_the_arrays_they_are_meant_for():
    params = network(scaled=True).init(np.random.default_rng(0))
    decay = per_weight((1.0, 2.0, 3.0), params, "weight_decay")
    assert [float(layer["weight"]) for layer in decay["layers"]] == [1.0, 2.0, 3.0]
    assert not any(layer["bias"] for layer in decay["layers"]) and not decay["embeddings"][0]
    rates = rate_tree(Rates(weight=1, last=2, bias=3, embedding=4, scale=5), params)
    assert [float(layer["weight"]) for layer in rates["layers"]] == [1.0, 1.0, 2.0]
    assert float(rates["layers"][0]["bias"]) == 3.0
    assert (float(rates["embeddings"][0]), float(rates["scale"])) == (4.0, 5.0)
    with pytest.raises(InvalidParameter, match="2 numbers; the network has 3 layers"):
        per_weight((1.0, 2.0), params, "alpha")


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_epochs": 0},
        {"batch_size": 2.5},
        {"patience": 0},
        {"dropout": 1.0},
        {"label_smoothing": -0.1},
        {"weight_decay": np.nan},
        {"alpha": (1.0, -1.0)},
        {"last_step": np.inf},
        {"solver": "adam"},
        {"solver": Adam},
    ],
    ids=repr,
)
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(InvalidParameter, match=f"`({next(iter(wrong))}|step)`"):
        Training(**wrong)


def test_held_out_rows_spread_each_class_and_leave_some_of_it():
    labels = np.repeat([0, 1, 2], [70, 28, 2])
    training, held = held_apart(100, 0.2, np.random.default_rng(0), labels)
    assert sorted([*training, *held]) == list(range(100))
    counts = np.bincount(labels[held], minlength=3)
    assert len(held) == 20 and abs(counts[0] - 14) <= 1 and counts[2] <= 1
    assert set(labels[training]) == {0, 1, 2}


@pytest.mark.parametrize("labels", [None, np.array([0, 1])])
def test_two_rows_are_one_to_train_on_and_one_to_hold_out(labels):
    training, held = held_apart(2, 0.1, np.random.default_rng(0), labels)
    assert len(training) == len(held) == 1
