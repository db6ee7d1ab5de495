"""Penalised logistic regression of two or more classes, tuned by the implicit derivative."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from derivata.contracts import Array, Criterion
from derivata.errors import (
    InvalidParameter,
    InvalidTarget,
    InvalidWeight,
)
from derivata.estimators.base import PenalizedLinearModel
from derivata.estimators.offsets import LARGEST_LOG, mean_offset, move_intercept
from derivata.estimators.row_values import (
    typed_labels,
    validate_labels,
    validate_offset,
    validate_weight,
)
from derivata.estimators.validation import validate_rows
from derivata.losses import LogisticLoss, SoftmaxLoss
from derivata.tuning import Solver


class LogisticClassifier(ClassifierMixin, PenalizedLinearModel):
    """Logistic regression of two or more classes with every penalty tuned by the derivative.

    Minimises sum_i s_i (-log P(y_i)) + sum_g alpha_g / 2 |w_g|^2 over standardised columns; more
    than two classes share one multinomial (softmax) likelihood.

    Parameters
    ----------
    alpha : "tune", float, or one float a group
        alpha = 1 / C of scikit-learn's ``LogisticRegression`` on standardised columns.
    groups, penalty, criterion, standardize, fit_intercept, solver, tol, max_iter, random_state
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
        penalty: Any = None,
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
            penalty=penalty,
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
        middle = mean_offset(self, shift, weight)
        self._fit(X, codes.astype(float), weight, None if shift is None else shift - middle, loss)
        move_intercept(self, -middle)
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
