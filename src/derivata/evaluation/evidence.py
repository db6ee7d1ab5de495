"""The evidence of a fitted model: the log probability of its targets, with its own error.

    log p(y | X, penalties) = log of the integral over parameters of likelihood times prior

Laplace's approximation first, then what it is off by (``criteria.evidence_correction``). Parameters
without a penalty have the improper prior 1 per unit of the user's coefficient, and a free scale of
the noise 1 / phi: values compare only with those of models that have the same of both, which
``compare`` sees to.

Maths: docs/math/evidence_correction.md
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import fill
from typing import Any

import numpy as np

from derivata.adapters.adapt import adapt
from derivata.adapters.fitted import FittedModel
from derivata.criteria.evidence_correction import (
    CONSTRAINED,
    IntegratedEvidence,
    integrate_evidence,
)
from derivata.criteria.jacobian import require_rows
from derivata.criteria.joint_density import JointDensity, freed
from derivata.curvature.active import ActiveExpansion
from derivata.errors import NotAvailable
from derivata.evaluation.determined import dense_map, require_determined
from derivata.evaluation.family_of import known_scale
from derivata.objective import Expansion
from derivata.solvers.constrained import ConstrainedNewton

DISTRUST = (
    "Do not trust this evidence: the sample's weights are too uneven, by its effective size or its "
    "Pareto shape. Raise `n_samples`, or compare by rows left out."
)
# What an output is a function of the mean of, by the loss's name: flat priors of coefficients mean
# the same only where this is the same.
_LINKS = {
    "squared": "identity",
    "huber": "identity",
    "quantile": "identity",
    "logistic": "log-odds",
    "softmax": "log-odds",
    "poisson": "log",
    "negative-binomial": "log",
    "gamma": "log",
    "tweedie": "log",
}


@dataclass(frozen=True)
class ImproperPriors:
    """Flat priors of a model: equal ones have equal, unknown constants.

    Attributes
    ----------
    coefficients : frozenset of str    that no penalty holds
    link : str                         what they are coefficients of; "" if there are none
    scale : str                        the loss whose phi has the prior 1 / phi; "" if none has
    """

    coefficients: frozenset[str]
    link: str
    scale: str

    def __str__(self) -> str:
        parts = [f"flat for {name}" for name in sorted(self.coefficients)[:6]]
        if len(self.coefficients) > 6:
            parts.append(f"and {len(self.coefficients) - 6} more")
        if self.scale:
            parts.append("1 / phi for the noise's scale")
        return ", ".join(parts) if parts else "none"


@dataclass(frozen=True)
class EvidenceResult:
    """The log evidence of a model, in nats; ``print`` it for the words.

    Attributes
    ----------
    name : str
    log_evidence : float               corrected
    laplace : float or None            by Laplace's approximation alone; None at a kink (lasso)
    correction : float or None         log_evidence - laplace
    error : float                      of ``log_evidence``; 0 where exact, NaN where unknown
    how : str                          by which rule or sample
    effective_sample_size : float      of a sample; NaN otherwise
    pareto_shape : float               of the sample's weights: above .7 they are not to be trusted
    is_trusted : bool
    improper : ImproperPriors
    notes : tuple of str
    """

    name: str
    log_evidence: float
    laplace: float | None
    correction: float | None
    error: float
    how: str
    effective_sample_size: float
    pareto_shape: float
    is_trusted: bool
    improper: ImproperPriors
    notes: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"log evidence of {self.name}: {self.log_evidence:.4f} nats"]
        if self.error > 0.0:
            lines[0] += f", error {self.error:.2g}"
        if self.laplace is not None and self.correction is not None:
            lines.append(
                f"by Laplace's approximation {self.laplace:.4f}; corrected by "
                f"{self.correction:+.4f} ({self.how})"
            )
        else:
            lines.append(f"by {self.how}")
        if np.isfinite(self.effective_sample_size):
            lines.append(
                f"effective sample size {self.effective_sample_size:,.0f}, Pareto shape "
                f"{self.pareto_shape:.2f}"
            )
        lines.append(f"improper priors: {self.improper}")
        return "\n".join([*lines, "", *(fill(note, 100) for note in self.notes)])


def evidence(
    model: Any,
    X: Any,
    y: Any,
    *,
    correction: bool = True,
    n_samples: int = 4_000,
    random_state: int = 0,
    sample_weight: Any = None,
) -> EvidenceResult:
    """The log probability of the targets under a fitted model, its parameters integrated out.

    Parameters
    ----------
    model : estimator or FittedModel
        Of derivata or scikit-learn. Its penalties are taken as given: those at which it was fitted.
    X, y, sample_weight
        What it was fitted to.
    correction : bool
        False: Laplace's approximation alone.
    n_samples : int
        Draws of the importance sample, beyond five parameters; each is a pass over the rows.
    random_state : int

    Returns
    -------
    EvidenceResult

    Raises
    ------
    NotAvailable
        If the loss has no known density, the prior no known integral (group lasso, total
        variation), the Hessian is singular (naming the columns), or there are too many parameters.
    NotConverged
        If the model is not at a minimum.

    Notes
    -----
    Exact for squared loss with a ridge penalty. Accuracy of the others: docs/math.
    Maths: docs/math/evidence_correction.md
    """
    fitted = adapt(model, X, y, sample_weight)
    with fitted.threads():
        return _evidence(fitted, correction, n_samples, random_state)


def _evidence(
    fitted: FittedModel, correction: bool, n_samples: int, random_state: int
) -> EvidenceResult:
    require_rows(fitted.objective, "the evidence")
    if isinstance(fitted.solver, ConstrainedNewton):
        raise NotAvailable(CONSTRAINED)
    expansion = proper_expansion(fitted)
    if not isinstance(expansion, ActiveExpansion):
        require_determined(fitted, expansion, "the evidence")
    integrated = integrate_evidence(
        expansion,
        phi=known_scale(fitted),
        correct=correction,
        n_samples=n_samples,
        random_state=random_state,
    )
    joint = JointDensity(expansion.objective, expansion.hyper, known_scale(fitted))
    improper = _improper(fitted, joint)
    volume = _log_volume(fitted, joint)
    laplace = integrated.laplace
    return EvidenceResult(
        name=fitted.name,
        log_evidence=integrated.log_evidence + volume,
        laplace=None if laplace is None else laplace + volume,
        correction=None if laplace is None else integrated.log_evidence - laplace,
        error=integrated.error,
        how=integrated.how,
        effective_sample_size=integrated.effective_sample_size,
        pareto_shape=integrated.pareto_shape,
        is_trusted=integrated.is_trusted,
        improper=improper,
        notes=tuple(_notes(fitted, expansion, integrated, improper)),
    )


def proper_expansion(fitted: FittedModel) -> Expansion:
    """The model at its minimum, with a strength of zero written as no penalty."""
    expansion = fitted.at_minimum
    objective, hyper = freed(expansion.objective, expansion.hyper)
    if objective is expansion.objective:
        return expansion
    return objective.at(expansion.params, hyper)


def _improper(fitted: FittedModel, joint: JointDensity) -> ImproperPriors:
    loss, free = joint.objective.loss, joint.free
    names: frozenset[str] = frozenset()
    if len(free) and fitted.coefficients is not None:
        touched = (dense_map(fitted.coefficients)[:, free] != 0.0).any(axis=1)
        names = frozenset(np.array(fitted.coefficients.names, dtype=object)[touched])
    elif len(free):
        names = frozenset(f"parameter {number}" for number in free)
    scaled = loss.scale_is_free and joint.has_scale
    link = _LINKS.get(loss.name, loss.name) if names else ""
    return ImproperPriors(names, link, loss.name if scaled else "")


def _log_volume(fitted: FittedModel, joint: JointDensity) -> float:
    """log of the volume of the free coefficients, in the user's units, over that of params."""
    free = joint.free
    if not len(free) or fitted.coefficients is None:
        return 0.0
    moved = dense_map(fitted.coefficients)[:, free]
    return 0.5 * float(np.linalg.slogdet(moved.T @ moved)[1])


def _notes(
    fitted: FittedModel,
    expansion: Expansion,
    integrated: IntegratedEvidence,
    improper: ImproperPriors,
) -> list[str]:
    notes = []
    if improper.coefficients or improper.scale:
        notes.append(
            "A flat prior has no constant of its own: this value compares only with those of "
            "models that have the same improper priors."
        )
    if len(expansion.hyper):
        how = "were tuned on the same rows" if fitted.is_tuned else "are those given"
        notes.append(
            f"Penalties count as known; they {how}. A model of many tuned penalties is flattered "
            "by about half a nat for each."
        )
    if not expansion.objective.predictor.is_linear:
        notes.append(
            "Outputs bend with the parameters: this is the probability near one mode. Others, as "
            "those of permuted units, are not counted."
        )
    if not integrated.is_trusted:
        notes.append(DISTRUST)
    return notes + list(fitted.notes)
