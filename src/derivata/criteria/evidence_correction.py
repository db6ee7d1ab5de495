"""The absolute log evidence of a fit: Laplace's, and what Laplace's approximation is off by.

    log p(y)   log of the integral of exp(L(v)) over v = (w, log phi),     L = log p(y, w, log phi)
    Laplace    L(v*) + d / 2 log 2 pi - 1/2 log det A,     A = -L'' at the mode v*: H / phi for w
    exact      E exp(L(v* + A^-1/2 u) - L(v*) + |u|^2 / 2),      u ~ N(0, I)

For squared loss, a linear predictor and a ridge penalty all integrals are closed: with m free
parameters, n the summed weight and the prior 1 / phi,

    p(y) = (2 pi)^(-(n - m) / 2) (det+ Lambda / det H)^(1/2) Gamma((n - m) / 2) F^(-(n - m) / 2)

Otherwise the expectation is taken by a product of Gauss-Hermite rules up to ``LARGEST_RULE``
coordinates, of five points in each or more; its error is told by the rule of two points less.
Beyond, by importance sampling (``importance_sample``), about where a normal distribution is nearest
to the posterior (``normal_approximation``): the mode is in many dimensions far from where the mass
is. Models of which that normal is not known begin at the mode.

Source: Naylor & Smith (1982), Applied Statistics 31, 214-225 (quadrature at the mode).
Maths: docs/math/evidence_correction.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import gammaln, roots_hermitenorm

from derivata.contracts import Array
from derivata.criteria.importance_sample import log_det, root_of, sample_integral
from derivata.criteria.joint_density import LOG_2PI, JointDensity
from derivata.criteria.normal_approximation import (
    has_normal_approximation,
    normal_approximation,
)
from derivata.curvature.face import FaceExpansion
from derivata.curvature.inverse import invert
from derivata.errors import NotAvailable
from derivata.objective import Expansion
from derivata.penalties.block_norm import BlockNorm

# Points of the rule in each of 1, 2, ... coordinates: at most 3,125 in all.
RULE_POINTS = (31, 21, 13, 7, 5)
LARGEST_RULE = len(RULE_POINTS)
# Beyond this many coordinates a sampler of thousands of draws has no chance.
LARGEST_SAMPLED = 400
# The standard deviation of exp(-|w|) is this many times that of its nearest normal.
BESIDE_KINK = 1.13
# Differences of this size in log phi, for the curvature of L along it.
SCALE_STEP = 1e-3
CONSTRAINED = (
    "the evidence of a monotone or convex term is not known: the prior's integral over the curves "
    "that are allowed is not. Compare by rows left out."
)
# Evidence needs a minimiser.
LARGEST_GRADIENT = 1e-3


@dataclass(frozen=True)
class IntegratedEvidence:
    """The log evidence of one fit, in nats.

    Attributes
    ----------
    laplace : float or None
        By Laplace's approximation; None where the mode lies at a kink.
    log_evidence : float
        Corrected.
    error : float
        Of it: an estimate for a rule, one standard error for a sample; 0 where exact.
    how : str
        A phrase: "exact", or by which rule or sample.
    effective_sample_size, pareto_shape : float
        Of a sample; NaN otherwise.
    is_trusted : bool
    """

    laplace: float | None
    log_evidence: float
    error: float
    how: str
    effective_sample_size: float = np.nan
    pareto_shape: float = np.nan
    is_trusted: bool = True


@dataclass(frozen=True, eq=False)
class _Mode:
    """Where L is largest over v, L there, and a root of A^-1."""

    point: Array
    value: float
    root: Array

    @property
    def laplace(self) -> float:
        size = len(self.point)
        return self.value + 0.5 * size * LOG_2PI + log_det(self.root)


def integrate_evidence(
    expansion: Expansion,
    *,
    phi: float | None = None,
    correct: bool = True,
    n_samples: int = 4_000,
    random_state: int = 0,
) -> IntegratedEvidence:
    """The log evidence of a fit with every constant, and its error.

    Parameters
    ----------
    expansion : Expansion
        At a minimiser; log penalties finite (``joint_density.freed``).
    phi : float, optional
        The noise's scale where it is known of a loss that leaves it out; default: integrated, with
        the prior 1 / phi.
    correct : bool
        False: Laplace's approximation alone, with an unknown error (NaN) where it is one.
    n_samples : int
        Of the importance sample, each a pass over the rows.
    random_state : int

    Raises
    ------
    NotConverged
        If the expansion is not at a minimiser.
    NotAvailable
        If the loss or the prior has no known normalisation, the Hessian is singular (a flat prior
        on a flat likelihood has no integral), or there are too many parameters.
    """
    expansion.require_minimiser(LARGEST_GRADIENT, "the evidence")
    if isinstance(expansion, FaceExpansion):
        raise NotAvailable(CONSTRAINED)
    objective = expansion.objective
    scale_is_free = objective.loss.scale_is_free
    joint = JointDensity(objective, expansion.hyper, phi if scale_is_free else 1.0)
    kinked = isinstance(objective.penalty, BlockNorm)
    if not kinked and objective.is_quadratic and objective.penalty.curvature_is_constant:
        exact = _exact(expansion, joint)
        return IntegratedEvidence(exact, exact, 0.0, "exact: every integral is closed")
    mode = _mode(expansion, joint, kinked)
    laplace = None if kinked else mode.laplace
    if not correct:
        if laplace is None:
            raise NotAvailable(
                "a prior with a kink has no approximation by Laplace. Leave `correction` on."
            )
        return IntegratedEvidence(laplace, laplace, np.nan, "Laplace's approximation, unchecked")
    density = _density(joint)
    if len(mode.point) <= LARGEST_RULE and not kinked:
        correction, error = _by_rule(density, mode)
        how = f"Gauss-Hermite, {RULE_POINTS[len(mode.point) - 1]} points a dimension"
        return IntegratedEvidence(laplace, mode.laplace + correction, error, how)
    if len(mode.point) > LARGEST_SAMPLED:
        raise NotAvailable(
            f"the evidence of {len(mode.point):,} parameters cannot be corrected by sampling (at "
            f"most {LARGEST_SAMPLED}). Take Laplace's, `correction=False`, or compare by rows left "
            "out."
        )
    middle, root, is_nearest = _proposal(expansion, joint, mode)
    rng = np.random.default_rng(random_state)
    sample = sample_integral(density, middle, root, n_samples, rng, is_nearest=is_nearest)
    return IntegratedEvidence(
        laplace,
        sample.value,
        sample.error,
        f"importance sampling, {sample.n_draws:,} draws of a multivariate t",
        sample.effective_sample_size,
        sample.pareto_shape,
        sample.is_trusted,
    )


def _exact(expansion: Expansion, joint: JointDensity) -> float:
    """Squared loss, linear, ridge: normal given phi; Student's t with phi integrated."""
    half = 0.5 * (float(expansion.objective.weight.sum()) - len(joint.free))
    log_det = _inverse(expansion).logdet()
    if not joint.has_scale:
        log_phi = float(np.log(joint.phi))  # type: ignore[arg-type]
        size = len(expansion.params)
        value = joint.constant(log_phi) - expansion.value / np.exp(log_phi)
        return value + 0.5 * size * (LOG_2PI + log_phi) - 0.5 * log_det
    if half <= 0.0:
        raise NotAvailable(
            f"there are {float(expansion.objective.weight.sum()):g} rows for {len(joint.free)} "
            "parameters without a penalty: nothing is left to tell the noise from."
        )
    inner = 0.5 * (expansion.objective.penalty.logdet(joint.hyper)[0] - log_det)
    fitted = float(gammaln(half)) - half * float(np.log(max(expansion.value, 1e-300)))
    return inner - half * LOG_2PI + fitted


def _mode(expansion: Expansion, joint: JointDensity, kinked: bool) -> _Mode:
    """The mode over (w, log phi); at w the two do not curve together, as grad F = 0."""
    if kinked:
        root = np.linalg.inv(np.linalg.cholesky(_rounded_hessian(expansion, joint))).T
    else:
        inverse = _inverse(expansion)
        matrix = inverse.solve(np.asfortranarray(np.eye(len(expansion.params))))
        root = root_of(matrix)
    if not joint.has_scale:
        log_phi = float(np.log(joint.phi))  # type: ignore[arg-type]
        value = joint.constant(log_phi) - expansion.value * float(np.exp(-log_phi))
        return _Mode(expansion.params, value, np.exp(0.5 * log_phi) * root)

    # F is measured from its least value, which is large for some losses; the constant makes up.
    def minus(log_phi: float) -> float:
        return expansion.value * float(np.exp(-log_phi)) - joint.constant(log_phi)

    start = float(np.log(max(expansion.nat, 1e-300)))
    found = minimize_scalar(minus, bracket=(start - 0.5, start + 0.5))
    log_phi = float(found.x)  # type: ignore[attr-defined]
    ahead, here, behind = (minus(log_phi + step) for step in (SCALE_STEP, 0.0, -SCALE_STEP))
    curvature = (ahead - 2.0 * here + behind) / SCALE_STEP**2
    size = len(expansion.params) + 1
    full = np.zeros((size, size))
    full[:-1, :-1] = np.exp(0.5 * log_phi) * root
    full[-1, -1] = 1.0 / np.sqrt(max(curvature, 1e-12))
    return _Mode(np.append(expansion.params, log_phi), -here, full)


def _inverse(expansion: Expansion):  # noqa: ANN202
    inverse = invert(expansion)
    if inverse.null_space is not None:
        raise NotAvailable(
            f"the Hessian is singular in {inverse.null_space.shape[1]} directions that carry no "
            "penalty: a flat prior on a flat likelihood has no integral. Drop columns that repeat "
            "each other, or give them a penalty."
        )
    return inverse


def _rounded_hessian(expansion: Expansion, joint: JointDensity) -> Array:
    """Of F with each absolute value rounded off at the width of its prior: a rough start."""
    penalty: BlockNorm = expansion.objective.penalty  # type: ignore[assignment]
    unit = 1.0 if joint.phi == 1.0 else expansion.nat
    first, second = penalty.strengths(expansion.hyper)
    held = penalty.penalised
    strength = np.where(held, first * penalty.param_weights, 1.0)
    width = unit / strength
    rounded = strength * width**2 / (expansion.params**2 + width**2) ** 1.5
    diagonal = np.where(held, rounded + second, 0.0)
    return expansion.gram + np.diag(diagonal)


def _density(joint: JointDensity) -> Callable[[Array], Array]:
    """L at each row of points (m, d)."""
    if not joint.has_scale:
        log_phi = float(np.log(joint.phi))  # type: ignore[arg-type]
        constant, unit = joint.constant(log_phi), float(np.exp(-log_phi))
        value = lambda v: constant - unit * joint.objective.at(v, joint.hyper).value
    else:
        value = lambda v: joint(v[:-1], float(v[-1]))

    def all_values(points: Array) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):
            values = np.array([value(point) for point in points])
        return np.where(np.isfinite(values), values, -np.inf)

    return all_values


def _by_rule(density: Callable[[Array], Array], mode: _Mode) -> tuple[float, float]:
    """The correction by a product rule, and how far the rule of two points less is from it."""
    n_points = RULE_POINTS[len(mode.point) - 1]
    fine, coarse = (_rule(density, mode, n) for n in (n_points, n_points - 2))
    return fine, abs(fine - coarse)


def _rule(density: Callable[[Array], Array], mode: _Mode, n_points: int) -> float:
    nodes, weights = roots_hermitenorm(n_points)
    size = len(mode.point)
    u = np.array(list(product(nodes, repeat=size)))
    log_weights = np.log(np.array(list(product(weights, repeat=size)))).sum(axis=1)
    values = density(mode.point + u @ mode.root.T) - mode.value
    total = np.logaddexp.reduce(log_weights + values + 0.5 * np.einsum("ij,ij->i", u, u))
    return float(total) - 0.5 * size * LOG_2PI


def _proposal(expansion: Expansion, joint: JointDensity, mode: _Mode) -> tuple[Array, Array, bool]:
    """Where draws lie, a root of their covariance, and whether that is the nearest normal's.

    log phi is as at the mode.
    """
    if not has_normal_approximation(expansion):
        return mode.point, mode.root, False
    size = len(expansion.params)
    log_phi = mode.point[size] if joint.has_scale else np.log(joint.phi)  # type: ignore[arg-type]
    inner = mode.root[:size, :size]
    middle, covariance = normal_approximation(expansion, inner @ inner.T, float(np.exp(log_phi)))
    root = mode.root.copy()
    root[:size, :size] = root_of(covariance)
    if isinstance(expansion.objective.penalty, BlockNorm):
        root[:size, :size] *= BESIDE_KINK
    return np.append(middle, mode.point[size:]), root, True
