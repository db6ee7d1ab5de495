"""Penalised linear models of numbers, classes and counts, tuned by the implicit derivative."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from scipy.special import xlogy
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from derivata.contracts import Array, Criterion
from derivata.errors import (
    ExtremeValueWarning,
    InvalidParameter,
    InvalidTarget,
    InvalidWeight,
    warn,
)
from derivata.estimators.base import PenalizedLinearModel
from derivata.estimators.row_values import (
    typed_labels,
    validate_exposure,
    validate_labels,
    validate_numbers,
    validate_offset,
    validate_weight,
)
from derivata.estimators.validation import validate_rows
from derivata.losses import LogisticLoss, PoissonLoss, SoftmaxLoss, SquaredLoss
from derivata.tuning import Solver

# An offset beyond this would overflow the exponential of a log or logit link.
LARGEST_LOG = 500.0
# exp(709) is the largest double.
LARGEST_EXPONENT = 709.0
# Smaller rates are a matter of the unit of the exposure.
SMALLEST_COUNT = 1e-9


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
        middle = _mean_offset(self, shift, weight)
        self._fit(X, y, weight, None if shift is None else shift - middle, loss)
        _move_intercept(self, -middle)
        return self

    def predict(self, X: Any, offset: Any = None) -> Array:
        """Predictions, (n_samples,)."""
        outputs = self._outputs(X)
        shift = validate_offset(offset, len(outputs))
        return (outputs if shift is None else outputs + shift)[:, 0]


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
        shift = _log_scale(exposure, offset, len(y))
        middle = _log_mean_exposure(self, shift, weight)
        self._fit(X, y, weight, None if shift is None else shift - middle, loss)
        _move_intercept(self, -middle)
        return self

    def predict(self, X: Any, exposure: Any = None, offset: Any = None) -> Array:
        """Expected counts, (n_samples,); per unit of exposure if none is given."""
        outputs = self._outputs(X)
        shift = _log_scale(exposure, offset, len(outputs))
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


class LogisticClassifier(ClassifierMixin, PenalizedLinearModel):
    """Logistic regression of two or more classes with every penalty tuned by the derivative.

    Minimises sum_i s_i (-log P(y_i)) + sum_g alpha_g / 2 |w_g|^2 over standardised columns; more
    than two classes share one multinomial (softmax) likelihood.

    Parameters
    ----------
    alpha : "tune", float, or one float a group
        alpha = 1 / C of scikit-learn's ``LogisticRegression`` on standardised columns.
    groups, criterion, standardize, fit_intercept, solver, tol, max_iter, random_state
        As in ``LinearRegressor``.
    class_weight : None, "balanced" or dict
        Multiplies ``sample_weight``, as in scikit-learn.

    Attributes
    ----------
    classes_ : array (n_classes,)
    coef_ : array (1, n_features) or (n_classes, n_features)
    intercept_ : array (1,) or (n_classes,)
    alpha_, alphas_per_group_, tuning_, effective_params_, n_iter_
        As in ``LinearRegressor``.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from derivata import LogisticClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = LogisticClassifier().fit(X, y)
    >>> print(f"{model.alpha_:.2f} {model.tuning_.criterion:.4f}")
    1.50 0.0749
    """

    _loss_name = "logistic"
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **PenalizedLinearModel._parameter_constraints,
        "class_weight": [None, str, dict],
    }

    def __init__(
        self,
        alpha: Any = "tune",
        *,
        groups: Any = None,
        criterion: Criterion | None = None,
        class_weight: Any = None,
        standardize: bool = True,
        fit_intercept: bool = True,
        solver: Solver | None = None,
        tol: float = 1e-8,
        max_iter: int = 100,
        random_state: int = 0,
    ):
        super().__init__(
            alpha,
            groups=groups,
            criterion=criterion,
            standardize=standardize,
            fit_intercept=fit_intercept,
            solver=solver,
            tol=tol,
            max_iter=max_iter,
            random_state=random_state,
        )
        self.class_weight = class_weight

    def fit(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None) -> Self:
        """Tune the penalties and fit.

        Parameters
        ----------
        X : array-like, frame or sparse matrix (n_samples, n_features)
        y : array-like (n_samples,)
            Class labels.
        sample_weight : array-like (n_samples,), optional
        offset : array-like (n_samples,), optional
            Added to the log-odds; two classes only.

        Returns
        -------
        self
        """
        self._check_settings()
        X, y = validate_rows(self, X, typed_labels(y))
        if y.dtype.kind not in "biuSU":  # plain integers and words need no closer look
            check_classification_targets(y := validate_labels(y))
        weight = validate_weight(sample_weight, len(y))
        weight = self._class_weighted(y, weight)
        # A class whose rows all have weight zero is not there; nor are its rows, so any code does.
        self.classes_ = np.unique(y[weight > 0])
        codes = np.minimum(np.searchsorted(self.classes_, y), len(self.classes_) - 1)
        self._require_classes(codes, weight)
        n_classes = len(self.classes_)
        shift = validate_offset(offset, len(y), LARGEST_LOG)
        if n_classes == 2:
            loss = LogisticLoss()
        else:
            loss = SoftmaxLoss(n_classes)
            if shift is not None:
                raise InvalidTarget(
                    f"`offset` shifts the log-odds of two classes, but `y` has {n_classes}."
                )
        middle = _mean_offset(self, shift, weight)
        self._fit(X, codes.astype(float), weight, None if shift is None else shift - middle, loss)
        _move_intercept(self, -middle)
        return self

    def _class_weighted(self, y: Array, weight: Array) -> Array:
        if self.class_weight is None:
            return weight
        factors = compute_sample_weight(self.class_weight, y)
        bad = np.flatnonzero(~(np.isfinite(factors) & (factors >= 0.0)))
        if len(bad):
            raise InvalidParameter(
                f"`class_weight` is {factors[bad[0]]} for the class {y[bad[0]]}; it must be a "
                "finite number >= 0."
            )
        return weight * factors

    def _require_classes(self, codes: Array, weight: Array) -> None:
        present = np.bincount(codes, weight, minlength=len(self.classes_)) > 0
        if present.sum() < 2:
            only = ", ".join(str(label) for label in self.classes_[present])
            raise InvalidTarget(
                f"`y` has one class only, {only or 'and none of them'}, in rows of positive "
                "weight: the classifier needs samples of at least 2 classes in the data."
            )

    def _publish(self) -> None:
        """Scores of all classes from contrasts: coef = Q^T (contrast coefficients)."""
        contrasts = self._class_contrasts()
        self.coef_ = contrasts.T @ self._output_coef
        self.intercept_ = contrasts.T @ self._output_intercept

    def _class_contrasts(self) -> Array:
        n_classes = len(self.classes_)
        return np.ones((1, 1)) if n_classes == 2 else SoftmaxLoss(n_classes).contrasts

    def decision_function(self, X: Any, offset: Any = None) -> Array:
        """Log-odds (n_samples,) of the second of two classes, or scores (n_samples, n_classes)."""
        check_is_fitted(self)
        scores = self._outputs(X) @ self._class_contrasts()
        shift = validate_offset(offset, len(scores), LARGEST_LOG)
        if len(self.classes_) == 2:
            return (scores if shift is None else scores + shift)[:, 0]
        if shift is not None:
            raise InvalidWeight(
                f"`offset` shifts the log-odds of two classes, but there are {len(self.classes_)}."
            )
        return scores

    def predict_proba(self, X: Any, offset: Any = None) -> Array:
        """Class probabilities, (n_samples, n_classes)."""
        return np.exp(self.predict_log_proba(X, offset))

    def predict_log_proba(self, X: Any, offset: Any = None) -> Array:
        """Logs of the class probabilities, (n_samples, n_classes)."""
        scores = self.decision_function(X, offset)
        if len(self.classes_) == 2:
            return -np.logaddexp(0.0, np.column_stack([scores, -scores]))
        shifted = scores - scores.max(axis=1, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))

    def predict(self, X: Any, offset: Any = None) -> Array:
        """The most probable class of each row, (n_samples,)."""
        scores = self.decision_function(X, offset)
        winner = (scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)
        return self.classes_[winner]

    def _summary_rows(self) -> tuple[Array, Array | None, list[str]]:
        coef = np.column_stack([self.coef_, self.intercept_])
        labels = [""] if len(self.classes_) == 2 else [f"{label}: " for label in self.classes_]
        return coef, self._standard_errors(self._class_contrasts()), labels


def _poisson_deviance(y: Array, mean: Array) -> Array:
    """Half of it would be the loss less its smallest value; 0 log 0 is 0."""
    return 2.0 * (xlogy(y, y) - xlogy(y, mean) - y + mean)


def _mean_offset(model: PenalizedLinearModel, offset: Array | None, weight: Array) -> float:
    """The constant part of an offset, which an intercept takes up: the search then starts near."""
    if offset is None or not model.fit_intercept:
        return 0.0
    return float(np.average(offset[:, 0], weights=weight))


def _log_mean_exposure(model: PenalizedLinearModel, offset: Array | None, weight: Array) -> float:
    """Likewise for a log link, where a constant fit to exposures has a closed form."""
    if offset is None or not model.fit_intercept:
        return 0.0
    largest = float(offset[weight > 0.0].max())
    below = np.minimum(offset[:, 0] - largest, 0.0)  # rows of weight zero may lie above
    return largest + float(np.log(np.average(np.exp(below), weights=weight)))


def _move_intercept(model: PenalizedLinearModel, by: float) -> None:
    model._output_intercept = model._output_intercept + by
    model._publish()


def _log_scale(exposure: Any, offset: Any, n_rows: int) -> Array | None:
    """log(exposure) + offset as (n_rows, 1), or None."""
    parts = [validate_exposure(exposure, n_rows), validate_offset(offset, n_rows, LARGEST_LOG)]
    given = [part for part in parts if part is not None]
    return np.sum(given, axis=0) if given else None
