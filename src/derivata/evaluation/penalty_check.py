"""Whether evidence and leave-one-out would choose penalties alike: a check of the evidence.

Both are minimised over a common factor of the model's penalties, from those it has. On rows that
are nearly separable Laplace's approximation is poor and the evidence then picks a bad penalty,
which rows left out tell.

Maths: docs/math/comparing_models.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from derivata.adapters.fitted import FittedModel
from derivata.contracts import Array, Criterion
from derivata.criteria import Evidence, LeaveOneOut
from derivata.curvature.inverse import invert
from derivata.errors import DerivataError
from derivata.evaluation.evidence import proper_expansion
from derivata.evaluation.family_of import known_scale
from derivata.objective import Expansion
from derivata.tuning import tune

# Half a decade.
LARGEST_RATIO = 10.0**0.5
# A worse score at the evidence's penalty than this share of the best is named as such.
CLEAR_LOSS = 0.01


@dataclass(frozen=True)
class Penalties:
    """Factors of a model's penalties.

    Attributes
    ----------
    by_evidence, by_leave_one_out : float  factors at which either is best
    score_by_evidence, score_by_leave_one_out : float
        Leave-one-out's mean loss at both
    """

    by_evidence: float
    by_leave_one_out: float
    score_by_evidence: float
    score_by_leave_one_out: float

    @property
    def disagree(self) -> bool:
        """Whether they are more than half a decade apart."""
        ratio = self.by_evidence / self.by_leave_one_out
        return bool(max(ratio, 1.0 / ratio) > LARGEST_RATIO)

    @property
    def words(self) -> str:
        """One sentence or two."""
        told = (
            f"the evidence would multiply the penalties by {self.by_evidence:.3g}, leave-one-out "
            f"by {self.by_leave_one_out:.3g}; the loss of rows left out is "
            f"{self.score_by_evidence:.4g} and {self.score_by_leave_one_out:.4g}."
        )
        worse = self.score_by_evidence - self.score_by_leave_one_out
        if worse > CLEAR_LOSS * abs(self.score_by_leave_one_out):
            return told + " Do not trust the evidence of this model."
        return told + " The rows hardly feel the difference."


def check_penalties(fitted: FittedModel) -> Penalties | None:
    """Where evidence and leave-one-out would put a common factor; None where either has no say.

    Of smooth penalties only; where there is no penalty, or a fit on the way has no minimum, None.
    """
    try:
        expansion = proper_expansion(fitted)
        if not len(expansion.hyper) or hasattr(expansion.objective.penalty, "prox"):
            return None
        by_evidence = _best(fitted, expansion, Evidence(known_scale(fitted)))
        by_left_out = _best(fitted, expansion, LeaveOneOut())
        scores = [_left_out(fitted, expansion, move) for move in (by_evidence, by_left_out)]
    except DerivataError:
        return None
    return Penalties(float(np.exp(by_evidence)), float(np.exp(by_left_out)), *scores)


def _best(fitted: FittedModel, expansion: Expansion, criterion: Criterion) -> float:
    """The move of all log penalties together at which a criterion is least."""
    found = tune(
        expansion.objective,
        criterion,
        fitted.solver,
        start=expansion.hyper,
        params=expansion.params,
        ties=np.ones((len(expansion.hyper), 1)),
        judge_optimism=False,
    )
    return float((found.hyper - expansion.hyper)[0])


def _left_out(fitted: FittedModel, expansion: Expansion, move: float) -> float:
    objective = expansion.objective
    hyper: Array = expansion.hyper + move
    fit = fitted.solver.minimize(objective, expansion.params, hyper).expansion
    (part,) = LeaveOneOut().subproblems(objective)
    value = part.judge(fit, invert(fit)).value
    return value / float(objective.weight.sum())
