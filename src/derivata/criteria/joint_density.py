"""The joint density of targets and parameters, with every constant.

    log p(y, w, t) = - sum_i s_i [loss_i(w) / phi + c_i(phi)] - R(w) / phi - log Z(phi),  phi = e^t

F says what of a density depends on the parameters; here is the rest. c_i makes the losses of a row
integrate to one over its target, as minus the log of a density for numbers, of a probability for
counts and classes:

    squared             1/2 log 2 pi phi
    Huber               log [(2 pi phi)^1/2 (2 Phi(k) - 1) + 2 phi / delta exp(-k^2 / 2)],
                        k = delta / phi^1/2
    quantile            log [width B(a (1 - level), a level)],   a = width / phi
    gamma               log Gamma(v) - v log v - (v - 1) log y,   v = 1 / phi
    Poisson, neg. bin.  log y!
    logistic, softmax   0

Z is the integral of the prior exp(-R / phi) over the parameters that R penalises; those that it
leaves free have the improper prior 1, and so has t = log phi where phi is not known (1 / phi for
the scale). Both cancel in comparisons of models that have the same of them, and in no others.

Maths: docs/math/evidence_correction.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import betaln, erfcx, gammaln, ndtr

from derivata.contracts import Array, Loss
from derivata.errors import NotAvailable
from derivata.losses import (
    GammaLoss,
    HuberLoss,
    LogisticLoss,
    NegativeBinomialLoss,
    PoissonLoss,
    QuantileLoss,
    SoftmaxLoss,
    SquaredLoss,
)
from derivata.objective import Objective
from derivata.penalties.block_norm import BlockNorm
from derivata.penalties.smooth import FREE, GroupRidge

LOG_2PI = float(np.log(2.0 * np.pi))


@dataclass(frozen=True, eq=False)
class JointDensity:
    """log p(y, w, log phi) at fixed log penalties.

    Parameters
    ----------
    objective : Objective
    hyper : array (n_hyper,)
        Finite; see ``freed``.
    phi : float or None
        Of the noise; None where it is not known. 1 where the loss has its own scale.
    """

    objective: Objective
    hyper: Array
    phi: float | None

    @property
    def has_scale(self) -> bool:
        """Whether the log of phi is one more coordinate."""
        return self.phi is None

    def constant(self, log_phi: float) -> float:
        """What does not depend on the parameters: - sum_i s_i c_i - log Z."""
        objective, phi = self.objective, float(np.exp(log_phi))
        rows = objective.weight @ log_normaliser(objective.loss, objective.y, phi)
        return -float(rows) - self._log_prior_integral(log_phi)

    def __call__(self, params: Array, log_phi: float = 0.0) -> float:
        """log p at parameters (n_params,)."""
        value = self.objective.at(params, self.hyper).value
        return self.constant(log_phi) - value * float(np.exp(-log_phi))

    def _log_prior_integral(self, log_phi: float) -> float:
        """log of the integral of exp(-R / phi) over what R penalises."""
        penalty, hyper = self.objective.penalty, self.hyper - log_phi  # R is linear in e^hyper
        if isinstance(penalty, BlockNorm):
            return _log_integral_of_absolutes(penalty, hyper)
        if not penalty.is_diagonal:
            raise NotAvailable(
                "the evidence of a penalty on differences of neighbours is not known here: what it "
                "leaves free are no single coefficients. Compare such models by rows left out."
            )
        return 0.5 * (self.n_penalised * LOG_2PI - penalty.logdet(hyper)[0])

    @property
    def n_penalised(self) -> int:
        """Parameters that R penalises."""
        return self.objective.predictor.n_params - len(self.free)

    @property
    def free(self) -> Array:
        """Parameters without a penalty, by index."""
        penalty = self.objective.penalty
        if hasattr(penalty, "penalised"):
            return np.flatnonzero(~penalty.penalised)  # type: ignore[attr-defined]
        unit = penalty.hessian_diagonal(np.zeros(penalty.n_params), np.zeros(penalty.n_hyper))
        return np.flatnonzero(unit == 0.0)


def freed(objective: Objective, hyper: Array) -> tuple[Objective, Array]:
    """The same objective where a strength of zero (log -inf) is no penalty: its group is free.

    Raises
    ------
    NotAvailable
        If a strength of zero belongs to a penalty other than ridge.
    """
    nothing = np.isneginf(hyper)
    if not nothing.any():
        return objective, hyper
    penalty = objective.penalty
    if not isinstance(penalty, GroupRidge):
        raise NotAvailable(
            "a strength of zero is no prior. Fit the model without that penalty, or with ridge."
        )
    numbers = np.append(np.where(nothing, FREE, np.cumsum(~nothing) - 1), FREE)
    names = tuple(name for name, n in zip(penalty.hyper_names, nothing, strict=True) if not n)
    left = GroupRidge(numbers[penalty.groups], names)
    return replace(objective, penalty=left), hyper[~nothing]


def log_normaliser(loss: Loss, y: Array, phi: float = 1.0) -> Array:
    """c_i: loss / phi + c is minus the log of a density or probability of y, (n,).

    Raises
    ------
    NotAvailable
        If the loss is minus the log of no density that is known here, or a target is none of its
        values: a share of a class, a count with a fraction.
    """
    for kind, rule in _NORMALISERS.items():
        if isinstance(loss, kind):
            return rule(loss, y, phi)
    raise NotAvailable(
        f"the normalisation of the loss {loss.name!r} is not known, so it has no absolute "
        "probability of the targets. Known are: "
        + ", ".join(kind.__name__ for kind in _NORMALISERS)
        + ". Compare by rows left out instead, with a common `metric`."
    )


def _normal(loss: Loss, y: Array, phi: float) -> Array:
    return np.full(len(y), 0.5 * (LOG_2PI + np.log(phi)))


def _huber(loss: HuberLoss, y: Array, phi: float) -> Array:
    corner = loss.delta / np.sqrt(phi)
    middle = np.sqrt(2.0 * np.pi * phi) * (2.0 * ndtr(corner) - 1.0)
    tails = 2.0 * phi / loss.delta * np.exp(-0.5 * corner * corner)
    return np.full(len(y), np.log(middle + tails))


def _quantile(loss: QuantileLoss, y: Array, phi: float) -> Array:
    # With s = 1 / (1 + exp(-r / width)) the integral over residuals is a Beta function.
    power = loss.width / phi
    beta = betaln(power * (1.0 - loss.level), power * loss.level)
    return np.full(len(y), np.log(loss.width) + beta)


def _gamma(loss: GammaLoss, y: Array, phi: float) -> Array:
    shape = 1.0 / phi
    return gammaln(shape) - shape * np.log(shape) - (shape - 1.0) * np.log(y)


def _count(loss: Loss, y: Array, phi: float) -> Array:
    if np.any(y % 1):
        raise NotAvailable(
            f"target {y[np.flatnonzero(y % 1)[0]]:g} is no count, so {loss.name} gives it no "
            "probability. Use whole numbers, with an offset for what they were counted over."
        )
    return gammaln(y + 1.0)


def _class(loss: Loss, y: Array, phi: float) -> Array:
    if np.any(y % 1):
        raise NotAvailable(
            f"target {y[np.flatnonzero(y % 1)[0]]:g} is a share, no class, so {loss.name} gives it "
            "no probability. Use labels, with weights."
        )
    return np.zeros(len(y))


_NORMALISERS: dict[type, Callable[..., Array]] = {
    SquaredLoss: _normal,
    HuberLoss: _huber,
    QuantileLoss: _quantile,
    GammaLoss: _gamma,
    PoissonLoss: _count,
    NegativeBinomialLoss: _count,
    LogisticLoss: _class,
    SoftmaxLoss: _class,
}


def _log_integral_of_absolutes(penalty: BlockNorm, hyper: Array) -> float:
    """log of the integral of exp(-a |w| - b w^2 / 2) over each penalised parameter, summed."""
    if not penalty.is_separable:
        raise NotAvailable(
            "the integral of a prior on norms of whole groups is not known here. Compare such "
            "models by rows left out."
        )
    first, second = penalty.strengths(hyper)
    weights = penalty.param_weights[penalty.param_blocks >= 0] * first
    if second == 0.0:
        return float(np.log(2.0 / weights).sum())
    scaled = erfcx(weights / np.sqrt(2.0 * second))
    return float(np.log(np.sqrt(2.0 * np.pi / second) * scaled).sum())
