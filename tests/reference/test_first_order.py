"""Every first-order rule against optax and torch: 200 steps in float64, the same to 1e-10."""

from typing import Any

import numpy as np
import pytest

from derivata.solvers import first_order as ours
from derivata.solvers import schedules

N_STEPS = 200
EXACT = 1e-10
rng = np.random.default_rng(0)
ROOT = 0.2 * rng.standard_normal((6, 6))
CURVATURE = ROOT @ ROOT.T + np.diag([0.3, 0.5, 1.0, 1.5, 2.0, 3.0])
MINIMISER = rng.standard_normal(6)
# Far enough that no path arrives: near a minimum the moves of RMSProp are signs of gradients that
# are rounding, and two runs that differ in the last digit part for good.
START = MINIMISER + rng.uniform(8.0, 10.0, 6) * np.array([1, -1, 1, 1, -1, -1])


def gradient(params):
    """Of a quadratic and a quartic, so that curvature changes on the way."""
    away = params - MINIMISER
    return CURVATURE @ away + 0.001 * away**3


def path(solver, steps=N_STEPS):
    params, state, points = START, solver.init(START), []
    for count in range(steps):
        move, state = solver.update(gradient(params), state, params, solver.step_at(count))
        params = params + move
        points.append(params)
    return np.array(points)


# Name, ours, the same in optax, the same in torch.
RULES: dict[str, tuple[Any, Any, Any]] = {
    "gradient descent": (
        ours.GradientDescent(0.02),
        lambda o: o.sgd(0.02),
        lambda t, p: t.optim.SGD(p, 0.02),
    ),
    "momentum": (
        ours.Momentum(0.01, 0.9),
        lambda o: o.sgd(0.01, momentum=0.9),
        lambda t, p: t.optim.SGD(p, 0.01, momentum=0.9),
    ),
    "nesterov": (
        ours.Nesterov(0.01, 0.9),
        lambda o: o.sgd(0.01, momentum=0.9, nesterov=True),
        lambda t, p: t.optim.SGD(p, 0.01, momentum=0.9, nesterov=True),
    ),
    "adagrad as in torch": (
        ours.AdaGrad(0.1),
        None,
        lambda t, p: t.optim.Adagrad(p, 0.1),
    ),
    "adagrad as in optax": (
        ours.AdaGrad(0.1, epsilon=0.0, epsilon_root=1e-7, initial=0.1),
        lambda o: o.adagrad(0.1),
        None,
    ),
    "rmsprop as in torch": (
        ours.RMSProp(0.01),
        None,
        lambda t, p: t.optim.RMSprop(p, 0.01),
    ),
    "rmsprop as in optax": (
        ours.RMSProp(0.01, decay=0.9, epsilon=0.0, epsilon_root=1e-8),
        lambda o: o.rmsprop(0.01),
        None,
    ),
    "rmsprop with the epsilon outside": (
        ours.RMSProp(0.01, decay=0.95),
        lambda o: o.rmsprop(0.01, decay=0.95, eps_in_sqrt=False),
        lambda t, p: t.optim.RMSprop(p, 0.01, alpha=0.95),
    ),
    "rmsprop with momentum": (
        ours.RMSProp(0.002, momentum=0.8),
        lambda o: o.rmsprop(0.002, decay=0.99, eps_in_sqrt=False, momentum=0.8),
        lambda t, p: t.optim.RMSprop(p, 0.002, momentum=0.8),
    ),
    "rmsprop, centred": (
        ours.RMSProp(0.002, centered=True),
        lambda o: o.rmsprop(0.002, decay=0.99, eps_in_sqrt=False, centered=True),
        lambda t, p: t.optim.RMSprop(p, 0.002, centered=True),
    ),
    "rmsprop from an average of one": (
        ours.RMSProp(0.01, initial=1.0, epsilon=0.0, epsilon_root=1e-8),
        lambda o: o.rmsprop(0.01, decay=0.99, initial_scale=1.0),
        None,
    ),
    "adam": (
        ours.Adam(0.03),
        lambda o: o.adam(0.03),
        lambda t, p: t.optim.Adam(p, 0.03),
    ),
    "adam, other settings": (
        ours.Adam(0.03, beta1=0.8, beta2=0.95, epsilon=1e-3),
        lambda o: o.adam(0.03, b1=0.8, b2=0.95, eps=1e-3),
        lambda t, p: t.optim.Adam(p, 0.03, betas=(0.8, 0.95), eps=1e-3),
    ),
    "adam with an epsilon under the root": (
        ours.Adam(0.03, epsilon_root=1e-4),
        lambda o: o.adam(0.03, eps_root=1e-4),
        None,
    ),
    "adamw": (
        ours.AdamW(0.03),
        lambda o: o.adamw(0.03, weight_decay=1e-2),
        lambda t, p: t.optim.AdamW(p, 0.03),
    ),
    "amsgrad as in torch": (
        ours.AMSGrad(0.03, beta2=0.9),
        None,
        lambda t, p: t.optim.Adam(p, 0.03, betas=(0.9, 0.9), amsgrad=True),
    ),
    "amsgrad as in optax": (
        ours.AMSGrad(0.03, beta2=0.9, of_corrected=True),
        lambda o: o.amsgrad(0.03, b2=0.9),
        None,
    ),
}
OPTAX = {name: rule for name, rule in RULES.items() if rule[1] is not None}
TORCH = {name: rule for name, rule in RULES.items() if rule[2] is not None}


def farthest(one, other):
    return float(np.abs(np.asarray(one) - np.asarray(other)).max())


@pytest.fixture(scope="module")
def jax():
    pytest.importorskip("optax")
    module = pytest.importorskip("jax")
    with module.enable_x64(True):
        yield module


def scanned(jax, *pairs):
    """All points of the paths of some (init, update) pairs, in one compiled loop."""

    def one(carry, count):
        following = []
        for (params, state), (_, update) in zip(carry, pairs, strict=True):
            move, state = update(gradient(params), state, params, count)
            following.append((params + move, state))
        return tuple(following), tuple(params for params, _ in following)

    def run(start):
        carry = tuple((start, init(start)) for init, _ in pairs)
        return jax.lax.scan(one, carry, jax.numpy.arange(N_STEPS))[1]

    return jax.jit(run)(jax.numpy.asarray(START))


@pytest.mark.parametrize("rule", OPTAX.values(), ids=list(OPTAX))
def test_two_hundred_steps_are_those_of_optax_and_the_same_compiled(rule, jax):
    import optax

    solver, make, _ = rule
    points, theirs = path(solver), make(optax)
    compiled, other = scanned(
        jax,
        (solver.init, lambda g, s, p, count: solver.update(g, s, p, solver.step_at(count))),
        (theirs.init, lambda g, s, p, count: theirs.update(g, s, p)),
    )
    assert np.abs(points[-1] - START).max() > 0.3  # it has moved
    assert compiled.dtype == other.dtype == "float64"
    assert farthest(points, other) < EXACT
    assert farthest(points, compiled) < EXACT


@pytest.mark.parametrize(
    "solver",
    [
        ours.AdaGrad(0.1),
        ours.RMSProp(0.01, momentum=0.5, centered=True),
        ours.AMSGrad(0.03),
        ours.Nesterov(schedules.WarmUp(10, schedules.Cosine(0.01, 150)), 0.9),
    ],
    ids=lambda solver: type(solver).__name__,
)
def test_a_rule_that_optax_has_not_is_the_same_compiled_with_a_schedule_or_without(solver, jax):
    (compiled,) = scanned(
        jax, (solver.init, lambda g, s, p, count: solver.update(g, s, p, solver.step_at(count)))
    )
    assert farthest(path(solver), compiled) < EXACT


def test_single_precision_stays_single_for_networks():
    module = pytest.importorskip("jax")
    for solver in (ours.Momentum(0.01), ours.AdamW(0.01), ours.AMSGrad(0.01), ours.RMSProp(0.01)):
        weights = module.numpy.ones((3, 2), dtype="float32")
        state = solver.init(weights)
        move, state = module.jit(solver.update)(weights, state, weights, solver.step_at(0))
        assert move.dtype == "float32" and move.shape == (3, 2)
        leaves = module.tree.leaves(state)
        assert all(leaf.dtype == "float32" for leaf in leaves if leaf.ndim)


@pytest.mark.parametrize("rule", TORCH.values(), ids=list(TORCH))
def test_two_hundred_steps_are_those_of_torch(rule):
    torch = pytest.importorskip("torch")
    solver, _, make = rule
    params = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    optimizer = make(torch, [params])
    points = []
    for _ in range(N_STEPS):
        params.grad = torch.tensor(gradient(params.detach().numpy()), dtype=torch.float64)
        optimizer.step()
        points.append(params.detach().numpy().copy())
    assert farthest(path(solver), points) < EXACT


def test_schedules_are_those_of_optax_where_it_has_them(jax):
    import optax

    counts = np.arange(150)
    cosine = schedules.Cosine(0.3, 100, last=0.03)
    theirs = optax.cosine_decay_schedule(0.3, 100, alpha=0.1)
    assert farthest([cosine(int(t)) for t in counts], [theirs(t) for t in counts]) < 1e-15
    warm = schedules.WarmUp(10, cosine)
    rising = optax.linear_schedule(0.3 / 11, 0.3, 10)
    joined = optax.join_schedules([rising, theirs], [10])
    assert farthest([warm(int(t)) for t in counts], [joined(t) for t in counts]) < 1e-15


@pytest.mark.parametrize(
    "schedule",
    [
        schedules.Constant(0.1),
        schedules.InverseSqrt(0.1),
        schedules.InverseTime(0.1, 20),
        schedules.Cosine(0.1, 30, 0.01),
        schedules.WarmUp(5, schedules.Cosine(0.1, 30)),
        schedules.WarmUp(5, schedules.InverseSqrt(0.1)),
    ],
    ids=lambda schedule: type(schedule).__name__,
)
def test_schedules_are_the_same_compiled(schedule, jax):
    counts = np.arange(60)
    compiled = jax.jit(lambda traced: schedule(traced) + 0.0 * traced)(jax.numpy.asarray(counts))
    assert farthest([schedule(int(t)) for t in counts], compiled) < 1e-16
