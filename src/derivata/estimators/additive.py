"""Additive models: smooth effects of numbers, categories and their interactions, all tuned.

    outputs = intercept + sum_j f_j(column j) + sum_jk f_jk(columns j and k) + offset

Declarations only: the fit is ``additive_fit``, the fitted value ``additive_model``.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from derivata.contracts import Array, Criterion
from derivata.errors import ExtremeValueWarning, InvalidParameter, InvalidTarget, warn
from derivata.estimators.additive_fit import fit_additive
from derivata.estimators.additive_messages import warn_about_additive
from derivata.estimators.additive_model import AdditiveModel
from derivata.estimators.additive_rows import feature_table, target_rows
from derivata.estimators.additive_settings import (
    resolve_family,
    resolve_settings,
    with_formula,
)
from derivata.estimators.additive_state import read_additive, write_additive
from derivata.estimators.additive_tuning import AdditiveSettings
from derivata.estimators.exposure import log_scale, middle_of
from derivata.estimators.families import FAMILIES, Family, LogisticFamily, SoftmaxFamily
from derivata.estimators.row_values import (
    typed_labels,
    validate_labels,
    validate_numbers,
    validate_weight,
)
from derivata.estimators.term_effect import TermEffect, term_effect
from derivata.estimators.term_summary import TermSummary, summarize_terms
from derivata.files.model_state import ModelState
from derivata.persistence import save
from derivata.tables import Table
from derivata.tables.table_encoder import N_BASIS
from derivata.terms import Term

# exp(709) is the largest double.
LARGEST_EXPONENT = 709.0
# Logarithms of means are not followed further down; smaller amounts are a matter of their unit.
SMALLEST_AMOUNT = 1e-9
# Targets that differ by less of their size than this are equal, but for the rounding of a fit.
SAME = 1e-10


class _AdditiveEstimator(BaseEstimator):
    """What regressors and classifiers share: everything but the target and the predictions."""

    terms: Any
    n_features_in_: int
    model_: AdditiveModel

    # scikit-learn checks these in `_validate_params`; what is finer is checked where it is used.
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "terms": "no_validation",
        "interactions": "no_validation",
        "alpha": [str, Real, dict, "array-like"],
        "criterion": "no_validation",
        "n_basis": [Integral],
        "tol": [Real],
        "max_iter": [Integral],
        "random_state": [Integral],
    }

    def _fit(
        self,
        settings: AdditiveSettings,
        table: Table,
        y: Array,
        weight: Array,
        offset: Array | None,
        family: Family,
        *,
        family_is_free: bool = False,
    ) -> None:
        settings = with_formula(settings, self, table)
        kept, used = np.flatnonzero(weight), table
        if len(kept) < len(weight):  # a row of weight zero is no row, also where folds are dealt
            used, y, weight = table.take(kept), y[kept], weight[kept]
            offset = None if offset is None else offset[kept]
        middle = middle_of(offset, weight, family)
        shift = None if offset is None else offset - middle
        model = fit_additive(
            used, y, weight, shift, family, settings, family_is_free=family_is_free
        )
        model.params[:, -1] -= middle
        self.model_ = model
        self._publish()
        outputs = model.outputs(used)
        if offset is not None:
            outputs = outputs + offset[:, None]
        warn_about_additive(model, table, kept, y, outputs)

    def _publish(self) -> None:
        model = self.model_
        self.terms_ = model.encoder.terms
        self.family_ = model.family
        self.alphas_ = model.alphas
        self.tuning_ = model.tuning
        self.dispersion_ = model.dispersion
        self.effective_params_ = model.effective_params
        self.n_iter_ = model.n_iter
        self.converged_, self.convergence_ = model.converged, model.reason

    def _outputs(self, X: Any) -> tuple[Table, Array]:
        check_is_fitted(self, "model_")
        table = feature_table(self, X, reset=False)
        return table, self.model_.outputs(table)

    def partial_effect(self, term: str, n_points: int = 101, level: float = 0.95) -> TermEffect:
        """The effect of one term, with a band.

        Parameters
        ----------
        term : str                     its label: a column's name, or ``"a × b"``
        n_points : int                 of a curve; a surface has the square root of it a side
        level : float                  probability of the band, pointwise

        Returns
        -------
        TermEffect
        """
        check_is_fitted(self, "model_")
        return term_effect(self.model_, term, n_points, level)

    def summary(self) -> TermSummary:
        """Strength, effective parameters, share of variation and a test of each term.

        Returns
        -------
        TermSummary                    ``print`` it for a table
        """
        check_is_fitted(self, "model_")
        return summarize_terms(self.model_)

    def to_state(self) -> ModelState:
        """All that the fitted model remembers, as names, JSON and arrays."""
        check_is_fitted(self, "model_")
        return write_additive(self)

    @classmethod
    def from_state(cls, state: ModelState) -> Self:
        """The model that ``to_state`` wrote."""
        return read_additive(cls, state)

    def save(self, path: Any) -> None:
        """Save to one file, which ``derivata.load`` reads; see ``derivata.persistence``."""
        save(self, path)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags


class AdditiveRegressor(RegressorMixin, _AdditiveEstimator):
    """Numbers, counts and amounts by smooth effects, categories and interactions, all tuned.

    Columns of numbers become splines, words become categories, dates become a trend and a season;
    each part of each effect has a penalty of its own, found by the derivative of the evidence. What
    the data do not support is shrunk to nothing. Missing cells need no treatment.

    Parameters
    ----------
    terms : sequence of Term or str, optional
        ``[Spline("age"), Category("city"), Product("a", "b")]``, or a formula,
        ``"s(age) + city + a:b"``, for which formulaic is needed; default: told from the columns.
    family : str or Family
        "squared", "huber", "poisson", "negative-binomial", "gamma", "tweedie", "quantile", or
        "auto": told from the target, with the reason in ``family_reason_``.
    level : float, optional
        Of the family "quantile"; default .5.
    interactions : "auto", int or None
        At most so many pairs of columns get a surface, if it proves worth having; "auto": as many
        as the rows allow, or none if ``terms`` are given; None or 0: none.
    alpha : "tune", float, or dict of float
        Penalty strengths, all or by the names in ``alphas_``.
    criterion : LeaveOneOut, KFold or HoldOut, optional
        What to tune by in place of evidence.
    n_basis : int
        Basis functions of a spline that is told from its column, at most.
    tol : float
        Largest relative gradient at the end.
    max_iter : int
        Largest number of solver steps a fit.
    random_state : int
        Deals rows to folds, where there are any.

    Attributes
    ----------
    model_ : AdditiveModel
        The fitted value: terms, coefficients, covariance.
    terms_ : tuple of FittedTerm
    family_ : Family
        With its shape (theta, power, scale).
    family_reason_ : str
    alphas_ : dict of str to float
        Penalty strengths by "label: part".
    tuning_ : Tuning or None
    dispersion_ : float
    effective_params_ : float or None

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from derivata import AdditiveRegressor
    >>> data = load_diabetes(as_frame=True)
    >>> model = AdditiveRegressor().fit(data.data, data.target)
    >>> print(f"{model.score(data.data, data.target):.2f}")
    0.55
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **_AdditiveEstimator._parameter_constraints,
        "family": "no_validation",
        "level": [None, Real],
    }

    def __init__(
        self,
        terms: Sequence[Term] | str | None = None,
        *,
        family: Any = "squared",
        level: float | None = None,
        interactions: Any = "auto",
        alpha: Any = "tune",
        criterion: Criterion | None = None,
        n_basis: int = N_BASIS,
        tol: float = 1e-8,
        max_iter: int = 100,
        random_state: int = 0,
    ):
        self.terms = terms
        self.family = family
        self.level = level
        self.interactions = interactions
        self.alpha = alpha
        self.criterion = criterion
        self.n_basis = n_basis
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        exposure: Any = None,
        offset: Any = None,
    ) -> Self:
        """Choose and fit the terms, tune every penalty, and look for interactions.

        Parameters
        ----------
        X : frame or array (n_samples, n_columns)
            Numbers and words; missing cells welcome.
        y : array-like (n_samples,)
        sample_weight : array-like (n_samples,), optional
            A row of weight 2 counts as two equal rows; weight 0 leaves it out.
        exposure : array-like (n_samples,), optional
            Positive; the mean is proportional to it (log-link families).
        offset : array-like (n_samples,), optional
            Added to the outputs.

        Returns
        -------
        self
        """
        settings = resolve_settings(self)
        table = feature_table(self, X, reset=True)
        y = validate_numbers(target_rows(table, y))
        family, self.family_reason_, free = resolve_family(self, y, exposure)
        family.validate(y)
        if family.takes_exposure:
            validate_numbers(y, SMALLEST_AMOUNT)
        weight = validate_weight(sample_weight, len(y))
        offset = log_scale(family, exposure, offset, len(y))
        self._fit(settings, table, y, weight, offset, family, family_is_free=free)
        if self.model_.family_note:
            self.family_reason_ = self.model_.family_note
        return self

    def predict(self, X: Any, exposure: Any = None, offset: Any = None) -> Array:
        """Expected values, or the quantile, (n_samples,); per unit of exposure if none is given."""
        outputs = self._shifted(X, exposure, offset)[1]
        return self.family_.mean(outputs)

    def predict_interval(
        self, X: Any, level: float = 0.95, exposure: Any = None, offset: Any = None
    ) -> Array:
        """Bounds between which a new observation lies with probability ``level``.

        Accounts for the uncertainty of the effects, of their penalties and for the noise of the
        family (of a quantile: the first two only). Given that the family is right.

        Returns
        -------
        array (n_samples, 2)
        """
        if not 0.0 < level < 1.0:
            raise InvalidParameter(f"`level` is {level!r}; expected a number in (0, 1).")
        table, outputs = self._shifted(X, exposure, offset)
        variance = self.model_.output_variance(table)[:, 0, 0]
        noise = self.model_.noise_dispersion
        bounds = self.family_.interval(outputs, variance, noise, level)
        return np.column_stack(bounds)

    def score(self, X: Any, y: Any, sample_weight: Any = None, exposure: Any = None) -> float:
        """The share of the deviance explained, D^2: R^2 for the squared family.

        Of targets that are all equal (or, with exposures, all rates) nothing can be explained: then
        1 if predictions are equal to them too, else 0, as for scikit-learn's R^2.
        """
        table, outputs = self._shifted(X, exposure, None)
        y = validate_numbers(target_rows(table, y))
        weight, family = validate_weight(sample_weight, len(y)), self.family_
        null = np.full((len(y), 1), family.loss().null_outputs(y, weight)[0])
        shift, over = log_scale(family, exposure, None, len(y)), np.ones(len(y))
        if shift is not None:
            over = np.exp(shift)
            null = np.log(over * (weight @ y) / (weight @ over))[:, None]
        rates, expected = (y / over)[weight > 0], (family.mean(outputs) / over)[weight > 0]
        size = SAME * float(np.abs(rates).max(initial=0.0))
        if np.ptp(rates) <= size:
            return float((np.abs(expected - rates) <= size).all())
        explained = weight @ family.deviance(y, outputs)
        return float(1.0 - explained / (weight @ family.deviance(y, null)))

    def _shifted(self, X: Any, exposure: Any, offset: Any) -> tuple[Table, Array]:
        table, outputs = self._outputs(X)
        shift = log_scale(self.family_, exposure, offset, len(outputs))
        if shift is not None:
            outputs = outputs + shift[:, None]
        if self.family_.takes_exposure:
            row = int(np.argmax(outputs[:, 0]))
            if outputs[row, 0] > LARGEST_EXPONENT:
                warn(
                    f"the expected value of row {row} is exp({outputs[row, 0]:.4g}), which "
                    "overflows; the largest number is given instead. Are its columns in the units "
                    "of the fit?",
                    ExtremeValueWarning,
                )
                outputs = np.minimum(outputs, LARGEST_EXPONENT)
        return table, outputs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        kind = FAMILIES.get(self.family) if isinstance(self.family, str) else self.family
        tags.target_tags.positive_only = bool(getattr(kind, "takes_exposure", False))
        return tags


class AdditiveClassifier(ClassifierMixin, _AdditiveEstimator):
    """Classes by smooth effects, categories and interactions, all tuned.

    Parameters
    ----------
    terms, interactions, alpha, criterion, n_basis, tol, max_iter, random_state
        As in ``AdditiveRegressor``.

    Attributes
    ----------
    classes_ : array (n_classes,)
    model_, terms_, family_, alphas_, tuning_, effective_params_
        As in ``AdditiveRegressor``; outputs are the log-odds of the second class, or contrasts of
        the classes' scores.
    """

    def __init__(
        self,
        terms: Sequence[Term] | str | None = None,
        *,
        interactions: Any = "auto",
        alpha: Any = "tune",
        criterion: Criterion | None = None,
        n_basis: int = N_BASIS,
        tol: float = 1e-8,
        max_iter: int = 100,
        random_state: int = 0,
    ):
        self.terms = terms
        self.interactions = interactions
        self.alpha = alpha
        self.criterion = criterion
        self.n_basis = n_basis
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Choose and fit the terms, tune every penalty, and look for interactions.

        Parameters
        ----------
        X : frame or array (n_samples, n_columns)
            Numbers and words; missing cells welcome.
        y : array-like (n_samples,)
            Class labels.
        sample_weight : array-like (n_samples,), optional

        Returns
        -------
        self
        """
        settings = resolve_settings(self)
        table = feature_table(self, X, reset=True)
        y = target_rows(table, typed_labels(y))
        if y.dtype.kind not in "biuSU":
            check_classification_targets(y := validate_labels(y))
        weight = validate_weight(sample_weight, len(y))
        self.classes_ = np.unique(y[weight > 0])
        n_classes = len(self.classes_)
        if n_classes < 2:
            only = ", ".join(str(label) for label in self.classes_)
            raise InvalidTarget(
                f"`y` has one class only, {only or 'and none of them'}, in rows of positive "
                "weight: the classifier needs samples of at least 2 classes in the data."
            )
        codes = np.minimum(np.searchsorted(self.classes_, y), n_classes - 1).astype(float)
        family = LogisticFamily() if n_classes == 2 else SoftmaxFamily(n_classes)
        self._fit(settings, table, codes, weight, None, family)
        return self

    def predict_proba(self, X: Any) -> Array:
        """Class probabilities, (n_samples, n_classes)."""
        outputs = self._outputs(X)[1]
        probabilities = self.family_.mean(outputs)
        if probabilities.ndim == 2:
            return probabilities
        return np.column_stack([1.0 - probabilities, probabilities])

    def predict_log_proba(self, X: Any) -> Array:
        """Logs of the class probabilities, (n_samples, n_classes)."""
        return np.log(np.maximum(self.predict_proba(X), np.finfo(float).tiny))

    def decision_function(self, X: Any) -> Array:
        """Log-odds (n_samples,) of the second of two classes, or scores (n_samples, n_classes)."""
        outputs = self._outputs(X)[1]
        if len(self.classes_) == 2:
            return outputs[:, 0]
        return outputs @ SoftmaxFamily(len(self.classes_)).loss().contrasts

    def predict(self, X: Any) -> Array:
        """The most probable class of each row, (n_samples,)."""
        scores = self.decision_function(X)
        winner = (scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)
        return self.classes_[winner]

    def predict_interval(self, X: Any, level: float = 0.95) -> tuple[Array, Array]:
        """Bounds of the class probabilities, each (n_samples, n_classes).

        Accounts for the uncertainty of the effects and of their penalties.
        """
        if not 0.0 < level < 1.0:
            raise InvalidParameter(f"`level` is {level!r}; expected a number in (0, 1).")
        table, outputs = self._outputs(X)
        covariance = self.model_.output_variance(table)
        if len(self.classes_) > 2:
            return self.family_.interval(outputs, covariance, 1.0, level)
        lower, upper = self.family_.interval(outputs, covariance[:, 0, 0], 1.0, level)
        if lower.ndim == 2:
            return lower, upper
        return np.column_stack([1 - upper, lower]), np.column_stack([1 - lower, upper])
