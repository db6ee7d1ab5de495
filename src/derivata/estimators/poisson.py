"""Penalised Poisson regression of counts with exposures, tuned by the implicit derivative."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from scipy.special import xlogy
from sklearn.base import RegressorMixin

from derivata.contracts import Array
from derivata.errors import (
    ExtremeValueWarning,
    InvalidTarget,
    warn,
)
from derivata.estimators.base import PenalizedLinearModel
from derivata.estimators.offsets import LARGEST_LOG, log_mean_exposure, move_intercept
from derivata.estimators.row_values import (
    validate_exposure,
    validate_numbers,
    validate_offset,
    validate_weight,
)
from derivata.estimators.validation import validate_rows
from derivata.losses import PoissonLoss

# exp(709) is the largest double.
LARGEST_EXPONENT = 709.0
# Smaller rates are a matter of the unit of the exposure.
SMALLEST_COUNT = 1e-9


class PoissonRegressor(RegressorMixin, PenalizedLinearModel):
    """Poisson regression of counts, log link, with penalties tuned and exposures.

    Minimises sum_i s_i (mu_i - y_i log mu_i) + sum_g alpha_g / 2 |w_g|^2 over standardised columns,
    mu_i = exposure_i exp(x_i w + b).

    Parameters
    ----------
    alpha, groups, criterion, standardize, fit_intercept, solver, tol, max_iter, random_state
        As in ``LinearRegressor``; alpha = n_samples * scikit-learn's ``PoissonRegressor(alpha)``.

    Attributes
    ----------
    coef_ : array (n_features,)
    intercept_ : float
    alpha_, alphas_per_group_, tuning_, effective_params_, n_iter_
        As in ``LinearRegressor``.
    """

    _loss_name = "poisson"

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        exposure: Any = None,
        offset: Any = None,
    ) -> Self:
        """Tune the penalties and fit.

        Parameters
        ----------
        X : array-like, frame or sparse matrix (n_samples, n_features)
        y : array-like (n_samples,)
            Counts, >= 0 (not rates: give what they were counted over as ``exposure``).
        sample_weight : array-like (n_samples,), optional
        exposure : array-like (n_samples,), optional
            Positive; the mean is proportional to it.
        offset : array-like (n_samples,), optional
            Added to the log of the mean.

        Returns
        -------
        self
        """
        self._check_settings()
        X, y = validate_rows(self, X, y, y_numeric=True)
        loss = PoissonLoss()
        loss.validate(y := validate_numbers(y, SMALLEST_COUNT))
        weight = validate_weight(sample_weight, len(y))
        if not (y * weight).any():
            raise InvalidTarget("`y` is zero in every row, so its mean has no logarithm to fit.")
        shift = log_scale(exposure, offset, len(y))
        middle = log_mean_exposure(self, shift, weight)
        self._fit(X, y, weight, None if shift is None else shift - middle, loss)
        move_intercept(self, -middle)
        return self

    def predict(self, X: Any, exposure: Any = None, offset: Any = None) -> Array:
        """Expected counts, (n_samples,); per unit of exposure if none is given."""
        outputs = self._outputs(X)
        shift = log_scale(exposure, offset, len(outputs))
        log_mean = (outputs if shift is None else outputs + shift)[:, 0]
        row = int(np.argmax(log_mean))
        if log_mean[row] > LARGEST_EXPONENT:
            warn(
                f"the expected count of row {row} is exp({log_mean[row]:.4g}), which overflows; "
                "the largest number is given instead. Are its columns in the units of the fit?",
                ExtremeValueWarning,
            )
        return np.exp(np.minimum(log_mean, LARGEST_EXPONENT))

    def score(self, X: Any, y: Any, sample_weight: Any = None, exposure: Any = None) -> float:
        """D^2, the share of the Poisson deviance explained: 1 is perfect, 0 is the mean rate.

        With exposures the null model is one rate for all, as scikit-learn's is one mean for all.
        """
        expected = self.predict(X, exposure)
        y = np.asarray(y, dtype=float)
        weight = validate_weight(sample_weight, len(y))
        over = np.ones(len(y)) if exposure is None else np.asarray(exposure, dtype=float)
        null = over * (weight @ y) / (weight @ over)
        explained = weight @ (_poisson_deviance(y, null) - _poisson_deviance(y, expected))
        return float(explained / (weight @ _poisson_deviance(y, null)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = True
        return tags


def _poisson_deviance(y: Array, mean: Array) -> Array:
    """Half of it would be the loss less its smallest value; 0 log 0 is 0."""
    return 2.0 * (xlogy(y, y) - xlogy(y, mean) - y + mean)


def log_scale(exposure: Any, offset: Any, n_rows: int) -> Array | None:
    """log(exposure) + offset as (n_rows, 1), or None."""
    parts = [validate_exposure(exposure, n_rows), validate_offset(offset, n_rows, LARGEST_LOG)]
    given = [part for part in parts if part is not None]
    return np.sum(given, axis=0) if given else None
