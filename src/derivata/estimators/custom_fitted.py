"""What a fitted loss of a user's own tells: predictions, leave-one-out, influence, errors."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
from sklearn.utils.validation import check_is_fitted

from derivata.contracts import Array, Loss
from derivata.designs.standardized import Standardized
from derivata.errors import NotAvailable, NotConverged
from derivata.estimators.base import PenalizedLinearModel
from derivata.estimators.custom_analysis import (
    LeaveOneOutRows,
    Removed,
    left_out_rows,
    removed,
    standard_errors,
)
from derivata.estimators.row_values import validate_numbers, validate_weight
from derivata.estimators.summary import Summary
from derivata.estimators.validation import validate_rows
from derivata.files.model_state import ModelState
from derivata.losses.identity import IdentityLoss
from derivata.objective import Expansion, Objective


class FittedLoss(PenalizedLinearModel):
    """Base of ``LossEstimator``: all that follows from a fit, whatever its predictor."""

    loss: Any
    predictor: Any
    param_names_: list[str]
    param_values_: Array
    _at: tuple[type[Expansion], Objective, Array, Array]
    _kept: Array
    _param_groups: list[str]
    _rows: Standardized | None

    def _keep_expansion(self, expansion: Expansion) -> None:
        # Not the expansion itself, which keeps inverses and other arrays of p x p.
        self._at = (type(expansion), expansion.objective, expansion.params, expansion.hyper)

    def _expansion(self) -> Expansion:
        check_is_fitted(self, "_at")
        kind, objective, params, hyper = self._at
        return kind(objective, params, hyper)

    def _in_units(self, params: Array) -> Array:
        """Parameters of the fit as the user knows them: linear, (n_params,) -> (n_params,)."""
        if self._rows is None:
            return params
        k = self._at[1].predictor.n_outputs
        coef, intercept = self._rows.coefficients(params.reshape(k, -1))
        columns = [coef, intercept[:, None]] if self.fit_intercept else [coef]
        return np.concatenate(columns, axis=1).ravel()

    def _publish(self) -> None:
        self.coef_, self.intercept_ = self._output_coef, self._output_intercept
        if len(self.coef_) == 1:
            self.coef_, self.intercept_ = self.coef_[0], float(self.intercept_[0])

    def _outputs(self, X: Any, offset: Array | None = None) -> Array:
        if self.predictor is None:
            return super()._outputs(X, offset)
        check_is_fitted(self)
        if isinstance(self.loss, IdentityLoss):
            raise NotAvailable(
                "predictions need outputs of rows, and a loss given as a whole has none. Compute "
                "them from `params_` with your own function."
            )
        predictor: Any = self._at[1].predictor
        return predictor.of(validate_rows(self, X, reset=False)).predict(self._at[2])

    def predict(self, X: Any) -> Array:
        """Outputs of the predictor, (n_samples,), or (n_samples, n_outputs)."""
        outputs = self._outputs(X)
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Minus the mean loss of a row: the larger the better; 0 is no bound."""
        check_is_fitted(self)
        outputs = self._outputs(X)
        numbers = validate_numbers(np.asarray(y))
        loss: Loss = self._at[1].loss
        loss.validate(numbers)
        weight = validate_weight(sample_weight, len(numbers))
        return -float(np.average(loss.at(numbers, outputs).value, weights=weight))

    def leave_one_out(self) -> LeaveOneOutRows:
        """Outputs and loss of every row from a fit without it, by one Newton step, no refit."""
        return left_out_rows(self._expansion(), self._kept)

    def influence(self, rows: Any) -> Removed:
        """What removing each of some rows, alone, does to parameters and outputs."""
        return removed(self._expansion(), self._kept, rows, self._in_units, together=False)

    def group_influence(self, rows: Any) -> Removed:
        """What removing some rows together does, by Newton steps to the fit without them."""
        return removed(self._expansion(), self._kept, rows, self._in_units, together=True)

    def standard_errors(self, kind: str = "posterior") -> Array:
        """Standard errors of ``param_values_``, (n_params,).

        Parameters
        ----------
        kind : "posterior" or "sandwich"
            "posterior": standard deviations given the data, with the loss a likelihood and the
            penalty a prior. "sandwich": of the estimate over new samples of rows, whatever the
            noise, the bias of the penalty aside. See ``derivata.covariance``.
        """
        return standard_errors(self._expansion(), kind, self._in_units)

    def summary(self) -> Summary:
        """Parameters with posterior standard errors; ``print`` it for a table."""
        check_is_fitted(self)
        if self.predictor is None:
            return super().summary()
        try:
            errors, reason = self.standard_errors(), ""
        except (NotConverged, NotAvailable) as error:
            errors, reason = None, str(error).rstrip(".")
        return Summary(
            names=self.param_names_,
            coef=self.param_values_,
            standard_error=errors,
            group=self._param_groups,
            alphas=self.alphas_per_group_,
            effective_params=self.effective_params_,
            n_rows=self._n_rows,
            dispersion=self.dispersion_,
            loss=self._loss_name,
            tuning=self._tuning_line(),
            no_errors=reason,
        )

    def save(self, path: Any) -> NoReturn:
        """Refused: a loss or a predictor is code, and model files hold none."""
        self.to_state()

    def to_state(self) -> NoReturn:
        """Refused: a loss or a predictor is code, and model files hold none."""
        raise NotAvailable(
            "a LossEstimator holds code (its loss, its predictor), which a model file does not. "
            "Keep `param_values_` or `coef_`, or pickle it where you trust the reader."
        )

    @classmethod
    def from_state(cls, state: ModelState) -> NoReturn:
        """Refused likewise."""
        raise NotAvailable("no model file holds a LossEstimator, which is code.")
