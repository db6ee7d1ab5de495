"""Penalised least squares, tuned by the implicit derivative of exact leave-one-out."""

from __future__ import annotations

from typing import Any, Self

from sklearn.base import RegressorMixin

from derivata.contracts import Array
from derivata.estimators.base import PenalizedLinearModel
from derivata.estimators.offsets import mean_offset, move_intercept
from derivata.estimators.row_values import (
    validate_numbers,
    validate_offset,
    validate_weight,
)
from derivata.estimators.validation import validate_rows
from derivata.losses import SquaredLoss


class LinearRegressor(RegressorMixin, PenalizedLinearModel):
    """Ridge regression with every penalty tuned by the derivative of leave-one-out.

    Minimises sum_i s_i (y_i - x_i w - b)^2 / 2 + sum_g alpha_g / 2 |w_g|^2 over standardised
    columns. For squared loss the leave-one-out criterion is exact.

    Parameters
    ----------
    alpha : "tune", float, or one float a group
        Penalty strengths, equal to scikit-learn's ``Ridge(alpha)`` on standardised columns.
    groups : None, "columns", or one label a column
        Which columns share a penalty. With more than one group in 30 rows, tuning is guarded
        against overfitting the criterion.
    penalty : Lasso, ElasticNet or GroupLasso, optional
        In place of ridge: most coefficients become exactly zero. ``alpha`` is then its strength,
        that of scikit-learn's ``Lasso(alpha)`` times the number of rows. ``TotalVariation()``
        joins neighbours of a group, in the order of the columns; ``SmoothedLasso()`` and
        ``SmoothedVariation()`` are the same with the kink rounded off, and have error bars.
    criterion : LeaveOneOut, KFold or HoldOut, optional
        Default: chosen by predicted cost; ``tuning_.criterion_reason`` says which and why.
    standardize : bool
        Penalise coefficients of columns scaled to unit variance.
    fit_intercept : bool
        Add an intercept; it is never penalised.
    solver : Newton or LBFGS, optional
        Default: chosen by size.
    tol : float
        Largest relative gradient at the end.
    max_iter : int
        Largest number of solver steps a fit.
    random_state : int
        Deals rows to folds, where there are any.

    Attributes
    ----------
    coef_ : array (n_features,)
    intercept_ : float
    alpha_ : float, or array (n_groups,)
    alphas_per_group_ : dict of str to float
    tuning_ : Tuning or None
        How penalties were found, and how far the criterion flatters.
    effective_params_ : float
    dispersion_ : float
        Residual variance.
    n_iter_ : int
        Solver steps, tuning included.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from derivata import LinearRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = LinearRegressor().fit(X, y)
    >>> print(f"{model.alpha_:.2f} {model.tuning_.criterion:.0f}")
    1.84 1500
    """

    _loss_name = "squared"
    _loss_unit = "half squared units"

    def fit(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None) -> Self:
        """Tune the penalties and fit.

        Parameters
        ----------
        X : array-like, frame or sparse matrix (n_samples, n_features)
        y : array-like (n_samples,)
        sample_weight : array-like (n_samples,), optional
            A row of weight 2 counts as two equal rows; weight 0 leaves it out.
        offset : array-like (n_samples,), optional
            Added to the prediction of each row, with coefficient 1.

        Returns
        -------
        self
        """
        self._check_settings()
        X, y = validate_rows(self, X, y, y_numeric=True)
        loss = SquaredLoss()
        loss.validate(y := validate_numbers(y))
        weight = validate_weight(sample_weight, len(y))
        shift = validate_offset(offset, len(y))
        middle = mean_offset(self, shift, weight)
        self._fit(X, y, weight, None if shift is None else shift - middle, loss)
        move_intercept(self, -middle)
        return self

    def predict(self, X: Any, offset: Any = None) -> Array:
        """Predictions, (n_samples,)."""
        outputs = self._outputs(X)
        shift = validate_offset(offset, len(outputs))
        return (outputs if shift is None else outputs + shift)[:, 0]
