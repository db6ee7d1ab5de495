"""The absolute log evidence against closed formulas and brute-force quadrature."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad
from scipy.special import logsumexp

from derivata.criteria.evidence_correction import integrate_evidence
from derivata.criteria.importance_sample import pareto_shape
from derivata.criteria.joint_density import JointDensity, freed, log_normaliser
from derivata.criteria.normal_approximation import normal_approximation
from derivata.curvature.inverse import invert
from derivata.designs import DenseDesign
from derivata.errors import NotAvailable, NotConverged
from derivata.losses import (
    GammaLoss,
    HuberLoss,
    LogisticLoss,
    NegativeBinomialLoss,
    PoissonLoss,
    QuantileLoss,
    SoftmaxLoss,
    SquaredLoss,
    TweedieLoss,
)
from derivata.objective import Objective
from derivata.penalties import FREE, ElasticNet, GroupLasso, GroupRidge, Lasso, SmoothedAbsolute
from derivata.predictors import LinearPredictor
from derivata.solvers import Newton
from derivata.solvers.proximal import ProximalNewton
from tests.cases import LOSSES, problem


def fitted(loss, X, y, *, alpha=1.0, free=False, penalty=None, weight=None):
    """The fit of all columns under one penalty, the last column free if asked."""
    groups = np.zeros(X.shape[1], dtype=int)
    if free:
        groups[-1] = FREE
    made = GroupRidge(groups, ("a",)) if penalty is None else penalty.on(groups, loss.n_outputs)
    weight = np.ones(len(y)) if weight is None else weight
    predictor = LinearPredictor(DenseDesign.from_array(X), loss.n_outputs)
    objective = Objective(loss, predictor, made, y, weight)
    solver = Newton(tol=1e-11) if penalty is None else ProximalNewton(tol=1e-9)
    start = np.zeros(predictor.n_params)
    hyper = np.full(made.n_hyper, np.log(alpha))
    return solver.minimize(objective, start, hyper).expansion


def by_brute_force(log_density, middle, spread, n_points=121, reach=9.0):
    """log of the integral over a rectangle of ``reach`` spreads about the middle.

    ``log_density`` takes points (m, d).
    """
    steps = np.linspace(-reach, reach, n_points)
    axes = [m + s * steps for m, s in zip(middle, spread, strict=True)]
    grid = np.array(np.meshgrid(*axes, indexing="ij")).reshape(len(axes), -1).T
    cell = np.prod([axis[1] - axis[0] for axis in axes])
    return logsumexp(log_density(grid)) + np.log(cell)


def spread_of(expansion):
    return np.sqrt(np.diagonal(np.linalg.inv(expansion.hessian)))


@pytest.mark.parametrize("n, p", [(12, 3), (6, 9)])
def test_squared_loss_of_known_noise_has_the_normal_density_of_its_targets(n, p):
    rng = np.random.default_rng(0)
    X, alpha, phi = rng.standard_normal((n, p)), 0.7, 1.8
    y = X @ rng.standard_normal(p) + rng.standard_normal(n)
    found = integrate_evidence(fitted(SquaredLoss(), X, y, alpha=alpha), phi=phi)
    covariance = phi * (np.eye(n) + X @ X.T / alpha)
    wanted = stats.multivariate_normal(np.zeros(n), covariance).logpdf(y)
    assert abs(found.log_evidence - wanted) < 1e-9
    assert found.error == 0.0 and found.laplace == found.log_evidence


def test_squared_loss_of_unknown_noise_integrates_it_and_the_free_intercept():
    rng = np.random.default_rng(1)
    X = np.column_stack([rng.standard_normal((9, 2)), np.ones(9)])
    y = X @ [1.0, -0.5, 2.0] + 0.7 * rng.standard_normal(9)
    found = integrate_evidence(fitted(SquaredLoss(), X, y, alpha=0.5, free=True))
    prior = np.eye(9) + X[:, :2] @ X[:, :2].T / 0.5

    def log_density(points):
        normal = stats.multivariate_normal(np.zeros(9), prior)
        scaled = (y - points[:, :1]) * np.exp(-0.5 * points[:, 1:])
        return normal.logpdf(scaled) - 4.5 * points[:, 1]

    wanted = by_brute_force(log_density, [y.mean(), -1.0], [0.6, 0.5], 161)
    assert abs(found.log_evidence - wanted) < 1e-5


def test_a_weight_of_two_is_two_rows():
    rng = np.random.default_rng(2)
    X, y = rng.standard_normal((8, 2)), rng.integers(0, 2, 8).astype(float)
    weight = 1.0 + np.arange(8) % 2
    twice = np.repeat(np.arange(8), weight.astype(int))
    one = integrate_evidence(fitted(LogisticLoss(), X, y, weight=weight))
    other = integrate_evidence(fitted(LogisticLoss(), X[twice], y[twice]))
    assert abs(one.log_evidence - other.log_evidence) < 1e-10


@pytest.mark.parametrize("alpha", [0.02, 1.0])
@pytest.mark.parametrize(
    "loss, draw",
    [
        (LogisticLoss(), lambda rng, z: (rng.random(len(z)) < 1 / (1 + np.exp(-z))).astype(float)),
        (PoissonLoss(), lambda rng, z: rng.poisson(np.exp(z)).astype(float)),
        (NegativeBinomialLoss(1.5), lambda rng, z: rng.poisson(np.exp(z)).astype(float)),
    ],
    ids=lambda each: getattr(each, "name", ""),
)
def test_two_parameters_have_the_integral_of_brute_force(loss, draw, alpha):
    rng = np.random.default_rng(3)
    X = np.column_stack([rng.standard_normal(12), np.ones(12)])
    y = draw(rng, X @ [1.0, 0.3])
    end = fitted(loss, X, y, alpha=alpha)
    found = integrate_evidence(end)
    w = end.params
    wanted = by_brute_force(
        lambda v: _direct(loss, X, y, v) + stats.norm(0, alpha**-0.5).logpdf(v).sum(axis=1),
        w,
        2.5 * spread_of(end),
        161,
        6.0,
    )
    assert abs(found.log_evidence - wanted) <= max(3.0 * found.error, 2e-5)
    assert abs(found.laplace - wanted) > 100 * abs(found.log_evidence - wanted)


def _direct(loss, X, y, points):
    """The log-likelihood at points (m, d) as SciPy's distributions have it."""
    z = points @ X.T
    if loss.name == "logistic":
        return stats.bernoulli.logpmf(y, 1 / (1 + np.exp(-z))).sum(axis=1)
    mean = np.exp(z)
    if loss.name == "poisson":
        return stats.poisson.logpmf(y, mean).sum(axis=1)
    return stats.nbinom.logpmf(y, loss.theta, loss.theta / (loss.theta + mean)).sum(axis=1)


def test_gamma_amounts_integrate_their_scale():
    rng = np.random.default_rng(4)
    X = rng.standard_normal((25, 1))
    y = rng.gamma(3.0, np.exp(0.5 * X[:, 0]) / 3.0)
    end = fitted(GammaLoss(), X, y, alpha=2.0)
    found = integrate_evidence(end)

    def log_density(points):
        shape = np.exp(-points[:, 1:])
        scale = np.exp(points[:, :1] * X[:, 0]) / shape
        rows = stats.gamma.logpdf(y, shape, scale=scale).sum(axis=1)
        return rows + stats.norm.logpdf(points[:, 0], 0, np.sqrt(0.5 / shape[:, 0]))

    wanted = by_brute_force(log_density, [end.params[0], -1.0], [0.15, 0.3], 161)
    assert abs(found.log_evidence - wanted) < max(3 * found.error, 1e-4)


def test_six_parameters_are_sampled_to_the_error_stated():
    objective = replace(problem(LOSSES["logistic"], 40, 6, weighted=False, offset=False))
    hyper = np.log([0.5, 1.0])
    end = Newton(tol=1e-11).minimize(objective, np.zeros(7), hyper).expansion
    runs = [integrate_evidence(end, random_state=seed) for seed in range(8)]
    values = np.array([run.log_evidence for run in runs])
    errors = np.array([run.error for run in runs])
    truth = integrate_evidence(end, n_samples=60_000, random_state=99)
    assert truth.is_trusted and truth.error < 0.003
    assert np.abs(values - truth.log_evidence).max() < 4 * errors.mean()
    assert abs(truth.log_evidence - truth.laplace) > 10 * truth.error  # Laplace's is off by more
    again = integrate_evidence(end, random_state=0)
    assert again.log_evidence == values[0]  # the same seed, the same bits


def test_three_classes_are_sampled_from_the_mode():
    objective = problem(LOSSES["softmax of 4"], 60, 2, weighted=False, offset=False)
    end = Newton(tol=1e-11).minimize(objective, np.zeros(9), np.log([1.0, 1.0])).expansion
    one, other = (integrate_evidence(end, random_state=seed, n_samples=3_000) for seed in (0, 1))
    assert one.is_trusted
    assert abs(one.log_evidence - other.log_evidence) < 5 * (one.error + other.error)


@pytest.mark.parametrize("penalty", [Lasso(), ElasticNet(0.7)], ids=["lasso", "elastic net"])
@pytest.mark.parametrize("alpha", [0.5, 8.0])
def test_a_prior_of_absolute_values_has_the_integral_of_brute_force(penalty, alpha):
    rng = np.random.default_rng(5)
    X = rng.standard_normal((15, 2))
    y = (rng.random(15) < 1 / (1 + np.exp(-X @ [1.0, 0.0]))).astype(float)
    end = fitted(LogisticLoss(), X, y, alpha=alpha, penalty=penalty)
    found = integrate_evidence(end, n_samples=20_000)
    first, second = end.objective.penalty.strengths(end.hyper)
    normal = quad(lambda w: np.exp(-first * abs(w) - 0.5 * second * w * w), -np.inf, np.inf)[0]

    def log_density(v):
        prior = -first * np.abs(v).sum(axis=1) - 0.5 * second * (v * v).sum(axis=1)
        return _direct(LogisticLoss(), X, y, v) + prior - 2 * np.log(normal)

    wanted = by_brute_force(log_density, [0.0, 0.0], [1 / alpha, 1 / alpha], 401, 12.0)
    assert found.laplace is None and found.is_trusted
    assert abs(found.log_evidence - wanted) < 4 * found.error + 1e-3


@pytest.mark.parametrize(
    "loss, outputs",
    [
        (SquaredLoss(), 0.3),
        (HuberLoss(0.8), 0.3),
        (QuantileLoss(0.8, 0.4), 0.3),
        (GammaLoss(), 0.3),
    ],
    ids=lambda each: getattr(each, "name", ""),
)
def test_losses_of_numbers_integrate_to_one(loss, outputs):
    z, phi = np.array([[outputs]]), 0.6

    def density(y):
        y = np.array([y])
        log = loss.at(y, z).value / phi + log_normaliser(loss, y, phi)
        return float(np.exp(-log)[0])

    below = 1e-12 if loss.name == "gamma" else -np.inf
    total = sum(quad(density, *ends, limit=300)[0] for ends in ((below, 0.3), (0.3, np.inf)))
    assert abs(total - 1.0) < 1e-8


@pytest.mark.parametrize("loss", [PoissonLoss(), NegativeBinomialLoss(1.5)], ids=lambda e: e.name)
def test_losses_of_counts_sum_to_one(loss):
    y = np.arange(400.0)
    log = loss.at(y, np.full((400, 1), 0.8)).value + log_normaliser(loss, y)
    assert abs(np.exp(-log).sum() - 1.0) < 1e-10


def test_losses_of_classes_sum_to_one():
    for loss, labels in ((LogisticLoss(), 2), (SoftmaxLoss(4), 4)):
        y = np.arange(float(labels))
        z = np.full((labels, loss.n_outputs), 0.4)
        log = loss.at(y, z).value + log_normaliser(loss, y)
        assert abs(np.exp(-log).sum() - 1.0) < 1e-12


def test_what_has_no_density_is_refused_and_says_why():
    y = np.array([0.5, 1.0])
    for loss, told in (
        (TweedieLoss(1.5), "normalisation of the loss 'tweedie' is not known"),
        (PoissonLoss(), "0.5 is no count"),
        (LogisticLoss(), "0.5 is a share"),
    ):
        with pytest.raises(NotAvailable, match=told):
            log_normaliser(loss, y)


def test_priors_and_points_without_an_integral_are_refused():
    rng = np.random.default_rng(6)
    X, y = rng.standard_normal((12, 4)), rng.integers(0, 2, 12).astype(float)
    groups = fitted(LogisticLoss(), X, y, penalty=Lasso())
    blocks = GroupLasso().on(np.array([0, 0, 1, 1]), 1)
    grouped = replace(groups.objective, penalty=blocks)
    end = ProximalNewton(tol=1e-9).minimize(grouped, np.zeros(4), np.zeros(1)).expansion
    with pytest.raises(NotAvailable, match="norms of whole groups"):
        integrate_evidence(end)
    with pytest.raises(NotAvailable, match="a prior with a kink"):
        integrate_evidence(groups, correct=False)
    chain = SmoothedAbsolute.of_chains(np.zeros(4, dtype=int), ("variation",), 0.7)
    steps = replace(groups.objective, penalty=chain)
    end = Newton(tol=1e-9).minimize(steps, np.zeros(4), np.zeros(1)).expansion
    with pytest.raises(NotAvailable, match="differences of neighbours"):
        integrate_evidence(end)
    ridge = fitted(LogisticLoss(), X, y)
    with pytest.raises(NotConverged, match="needs a minimiser"):
        integrate_evidence(ridge.objective.at(ridge.params + 1.0, ridge.hyper))
    twice = np.column_stack([X[:, 0], X[:, 0]])
    free = Objective(
        LogisticLoss(),
        LinearPredictor(DenseDesign.from_array(twice)),
        GroupRidge(np.array([FREE, FREE]), ()),
        y,
        np.ones(12),
    )
    flat = Newton(tol=1e-9).minimize(free, np.zeros(2), np.zeros(0)).expansion
    with pytest.raises(NotAvailable, match="the Hessian is singular in 1 directions"):
        integrate_evidence(flat)


def test_a_strength_of_zero_is_no_penalty():
    objective = problem(LOSSES["logistic"], 30, 4)
    left, hyper = freed(objective, np.array([-np.inf, 0.3]))
    assert hyper.tolist() == [0.3] and left.penalty.hyper_names == ("odd",)
    assert left.penalty.groups.tolist() == [FREE, 0, FREE, 0, FREE]
    params = np.linspace(-1, 1, 5)
    assert left.at(params, hyper).value == objective.at(params, np.array([-np.inf, 0.3])).value
    assert JointDensity(left, hyper, 1.0).n_penalised == 2
    same = freed(objective, np.zeros(2))[0]
    assert same is objective


def test_the_nearest_normal_has_the_moments_of_a_posterior():
    rng = np.random.default_rng(7)
    X = rng.standard_normal((30, 1))
    y = (rng.random(30) < 1 / (1 + np.exp(-2.0 * X[:, 0]))).astype(float)
    end = fitted(LogisticLoss(), X, y, alpha=0.1)
    middle, spread = normal_approximation(end, invert(end).solve(np.eye(1)), 1.0)
    grid = np.linspace(-4, 12, 4001)
    log = np.array([-end.objective.at(np.array([w]), end.hyper).value for w in grid])
    weight = np.exp(log - logsumexp(log))
    mean = float(weight @ grid)
    variance = float(weight @ (grid - mean) ** 2)
    assert abs(middle[0] - mean) < 0.02
    assert abs(end.params[0] - mean) > 0.05  # the mode is elsewhere
    assert abs(spread[0, 0] / variance - 1) < 0.2


def test_the_pareto_shape_is_that_of_the_tail_drawn():
    rng = np.random.default_rng(8)
    for shape in (0.2, 0.9):
        drawn = stats.genpareto(shape).rvs((20, 4_000), random_state=rng) + 1.0
        found = np.mean([pareto_shape(np.log(weights)) for weights in drawn])
        assert abs(found - shape) < 0.1  # drawn towards 1/2, by design
    assert pareto_shape(np.zeros(100)) == -np.inf
