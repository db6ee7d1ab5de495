"""Rows with predictions to be judged: of each by a fit without it, or of all by the model itself.

Both come as ``OuterFolds``, so that the report's sections on where predictions go wrong read them
as they read those of outer folds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from derivata.adapters import FittedModel
from derivata.cli.evaluated_rows import classes_of
from derivata.cli.fit_analyses import refits_of
from derivata.contracts import Array
from derivata.estimators.outer_folds import OuterFolds, least_losses, mean_with_error
from derivata.estimators.table_model import TableModel
from derivata.estimators.table_task import TrainingRows
from derivata.evaluation.leave_one_out import LeaveOneOutResult, leave_one_out
from derivata.evaluation.predictive_spread import (
    PredictiveSpread,
    predictive_spread,
    variance_without,
)
from derivata.scoring.calibration import (
    Calibration,
    calibration_of_classes,
    calibration_of_means,
)
from derivata.tuning import OuterScore


@dataclass(frozen=True, eq=False)
class JudgedRows:
    """A model with the rows of a table.

    Parameters
    ----------
    model : TableModel
    rows : TrainingRows
    random_state : int
    """

    model: TableModel
    rows: TrainingRows
    random_state: int

    def by_the_model(self) -> tuple[Array, OuterFolds]:
        """Predictions of the model itself, and what they are worth."""
        predicted, losses = self.model.judge(self.rows)
        losses = losses - least_losses(self.model.model.family, self.rows)
        return predicted, self._outer(predicted, losses, np.zeros(self.rows.n_rows, dtype=np.intp))

    def distributions(self, outputs: Array, *, left_out: bool) -> PredictiveSpread:
        """Coverage, PIT and CRPS at outputs: of fits without each row, or of the model."""
        value, rows = self.model.model, self.rows
        weight = rows.weights_or_ones()
        variance = value.output_variance(rows.features)[:, 0, 0]
        if left_out:
            variance = variance_without(
                value.family, rows.y, self.outputs(), variance, value.dispersion, weight
            )
        return predictive_spread(
            value.family,
            rows.y,
            outputs,
            variance,
            value.noise_dispersion,
            weight,
            has_exposure=rows.exposure is not None,
        )

    def calibration(self, predicted: Array) -> Calibration:
        """Of predictions (n,), or class probabilities (n, n_classes)."""
        weight = self.rows.weights_or_ones()
        if not self.model.task.classifies:
            return calibration_of_means(self.rows.y, predicted, weight)
        codes = np.searchsorted(classes_of(self.model), self.rows.y)
        return calibration_of_classes(
            codes, predicted, self.model.classes, weight, random_state=self.random_state
        )

    def outputs(self) -> Array:
        """The model's own outputs, exposures included, (n, k)."""
        outputs = self.model.model.outputs(self.rows.features)
        exposure = self.rows.exposure
        return outputs if exposure is None else outputs + np.log(exposure)[:, None]

    def left_out(self, fitted: FittedModel) -> LeaveOneOutResult:
        """Leave-one-out with losses as scores have them: 0 for a prediction that is the target."""
        found = leave_one_out(
            fitted, None, None, budget=refits_of(fitted), random_state=self.random_state
        )
        least = least_losses(self.model.model.family, self.rows)
        weight, losses = self.rows.weights_or_ones(), found.per_row - least
        mean = float(np.average(least, weights=weight))
        finite = np.isfinite(losses)
        return replace(
            found,
            score=found.score - mean,
            standard_error=mean_with_error(losses[finite], weight[finite])[1],
            fitted_score=found.fitted_score - mean,
            per_row=losses,
        )

    def outer_of(self, found: LeaveOneOutResult) -> OuterFolds:
        """Predictions of each row without it, in the form that outer folds have."""
        predicted = self.model.model.family.mean(found.outputs)
        return self._outer(predicted, found.per_row, np.arange(self.rows.n_rows))

    def _outer(self, predicted: Array, losses: Array, fold: Array) -> OuterFolds:
        """Rows without a finite loss count as not judged."""
        fold = np.where(np.isfinite(losses), fold, -1)
        judged = fold >= 0
        weight = self.rows.weights_or_ones()[judged]
        score = OuterScore(*mean_with_error(losses[judged], weight), float("nan"))
        return OuterFolds(score, int(fold.max()) + 1, fold, predicted, losses, 0)
