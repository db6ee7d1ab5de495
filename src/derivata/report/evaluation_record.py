"""Everything that an evaluation found: what the screen, ``evaluation.json`` and the page all tell.

An analysis that could not be made is a `Refused` with the sentence that says why, in the place of
its result; one that has no meaning for the table at hand is None.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from derivata.evaluation.evidence import EvidenceResult
from derivata.evaluation.influence import InfluenceResult
from derivata.evaluation.label_errors import LabelErrors
from derivata.evaluation.leave_one_out import LeaveOneOutResult
from derivata.evaluation.predictive_spread import PredictiveSpread
from derivata.evaluation.sensitivity import Sensitivity
from derivata.evaluation.term_errors import TermErrors
from derivata.report.record import RunRecord
from derivata.scoring.calibration import Calibration

# Standard errors of a difference that are taken for more than chance.
SURE = 2.0


@dataclass(frozen=True)
class Refused:
    """Why there is no result, in a sentence."""

    reason: str


@dataclass(frozen=True)
class Promise:
    """What the fit said of unseen rows: its outer score.

    Attributes
    ----------
    score, standard_error : float  mean loss a row
    n_folds : int
    """

    score: float
    standard_error: float
    n_folds: int

    @classmethod
    def of(cls, summary: dict[str, Any]) -> Promise | None:
        """The promise of a run's summary; None without outer folds, or of another make."""
        told = summary.get("outer_score")
        try:
            score, error = float(told["score_a_row"]), float(told["standard_error"])  # type: ignore[index]
            n_folds = int(told["folds"])  # type: ignore[index]
        except (KeyError, TypeError, ValueError):
            return None
        return cls(score, error, n_folds) if math.isfinite(score + error) else None

    def z(self, score: float, standard_error: float) -> float:
        """How many standard errors of the difference a score is above what was promised."""
        noise = math.hypot(standard_error, self.standard_error)
        return (score - self.score) / noise if noise > 0 else 0.0

    def in_words(self, score: float, standard_error: float) -> str:
        """``as promised``; ``worse than promised by 3.1 standard errors``."""
        z = self.z(score, standard_error)
        if abs(z) <= SURE:
            return "as promised"
        side = "worse" if z > 0 else "better"
        return f"{side} than promised by {abs(z):.1f} standard errors"


@dataclass(frozen=True, eq=False)
class EvaluationRecord:
    """One evaluation.

    Attributes
    ----------
    run : RunRecord
        The rows of the table with their predictions in ``outer``: of the training table by fits
        without the row, of another by the model itself.
    is_training : bool
        Whether the table is the one that the model was fitted to.
    recognised : str               how that was told, a sentence
    run_name : str                 the run's folder or model file
    has_report : bool              whether report.html lies beside the page
    promise : Promise or None      the outer score of the fit, if its summary is there
    calibration : of Calibration
    spread : of PredictiveSpread   None of classes
    leave_one_out, influence, groups, label_errors, errors, evidence, sensitivity
        Of the training table alone; label errors of classes alone.
    seconds : dict of str to float by analysis
    """

    run: RunRecord
    is_training: bool
    recognised: str
    run_name: str
    has_report: bool
    promise: Promise | None
    calibration: Calibration | Refused
    spread: PredictiveSpread | Refused | None
    leave_one_out: LeaveOneOutResult | Refused | None = None
    influence: InfluenceResult | Refused | None = None
    groups: InfluenceResult | Refused | None = None
    label_errors: LabelErrors | Refused | None = None
    evidence: EvidenceResult | Refused | None = None
    sensitivity: Sensitivity | Refused | None = None
    errors: TermErrors | Refused | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def score(self) -> tuple[float, float]:
        """Mean loss a row of the judged rows, and its standard error; NaN if none was judged."""
        outer = self.run.outer
        if outer is None:
            return float("nan"), float("nan")
        return outer.score.score, outer.score.standard_error

    @property
    def verdict(self) -> str:
        """The score against what was promised; "" if nothing was, or nothing was judged."""
        if self.promise is None or self.run.outer is None:
            return ""
        return self.promise.in_words(*self.score)
