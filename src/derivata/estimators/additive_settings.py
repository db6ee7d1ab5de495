"""The arguments of an additive estimator, checked and resolved."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral
from typing import Any

from derivata.contracts import Array
from derivata.errors import InvalidParameter
from derivata.estimators.additive_tuning import AdditiveSettings
from derivata.estimators.families import FAMILIES, Family, choose_family, family_named
from derivata.estimators.formula import terms_from_formula
from derivata.tables import Table
from derivata.terms import Term

REGRESSION_FAMILIES = tuple(name for name in FAMILIES if name not in ("logistic", "softmax"))


def resolve_settings(estimator: Any) -> AdditiveSettings:
    """The settings of an additive estimator.

    Raises
    ------
    InvalidParameter               naming the argument, what it is and what was expected
    """
    estimator._validate_params()
    _require(estimator, "n_basis", lambda v: 4 <= v <= 200, "an integer from 4 to 200")
    _require(estimator, "tol", lambda v: v > 0, "a positive number")
    _require(estimator, "max_iter", lambda v: v >= 1, "an integer >= 1")
    _require(estimator, "random_state", lambda v: v >= 0, "an integer >= 0")
    most = estimator.interactions
    sound = most is None or most == "auto"
    if not sound and (isinstance(most, bool) or not isinstance(most, Integral) or most < 0):
        raise InvalidParameter(
            f"`interactions` is {most!r}; expected 'auto', a number of pairs, or None."
        )
    criterion = estimator.criterion
    if criterion is not None and (
        isinstance(criterion, type) or not hasattr(criterion, "subproblems")
    ):
        raise InvalidParameter(
            f"`criterion` is {criterion!r}; expected an object: `LeaveOneOut()`, or None."
        )
    if most == "auto" and estimator.terms is not None:
        most = None  # whoever names the terms gets those
    return AdditiveSettings(
        terms=_terms(estimator.terms),
        interactions=most if most is None or isinstance(most, str) else int(most),
        alpha=estimator.alpha,
        criterion=criterion,
        n_basis=estimator.n_basis,
        tol=estimator.tol,
        max_iter=estimator.max_iter,
        random_state=estimator.random_state,
    )


def with_formula(settings: AdditiveSettings, estimator: Any, table: Table) -> AdditiveSettings:
    """The settings with the terms of the estimator's formula, if it has one.

    Raises
    ------
    NotAvailable, InvalidParameter, TableError
        If formulaic is not installed, a piece of the formula is no term, or a column is not there.
    """
    if not isinstance(estimator.terms, str):
        return settings
    kinds = {column.name: column.kind for column in table.columns}
    return replace(settings, terms=terms_from_formula(estimator.terms, kinds))


def resolve_family(estimator: Any, y: Array, exposure: Any) -> tuple[Family, str, bool]:
    """The family of a regressor, why, and whether counts may turn out overdispersed.

    Raises
    ------
    InvalidParameter               for an unknown family, or one of classes
    """
    family = estimator.family
    if not isinstance(family, str):
        if not hasattr(family, "restated"):
            raise InvalidParameter(f"`family` is {family!r:.60}; expected a name or a Family.")
        return family, "given by the user.", False
    if family == "auto":
        chosen, reason = choose_family(y, exposure=None if exposure is None else "exposure")
        if chosen.classifies:
            return family_named("squared"), "numbers for a regressor.", False
        return chosen, reason, chosen.name == "poisson"
    if family not in REGRESSION_FAMILIES:
        raise InvalidParameter(
            f"`family` is {family!r}; expected 'auto' or one of {', '.join(REGRESSION_FAMILIES)}. "
            "For classes use AdditiveClassifier."
        )
    return family_named(family, level=estimator.level), "given by the user.", False


def _terms(terms: Any) -> tuple[Term, ...] | None:
    if terms is None or isinstance(terms, str):  # a formula is read once the columns are known
        return None
    if not hasattr(terms, "__iter__"):
        raise InvalidParameter(
            f"`terms` is {terms!r:.60}; expected a list of terms, `[Spline('age')]`, or a formula, "
            "`'s(age) + city'`."
        )
    found = tuple(terms)
    if not found:
        raise InvalidParameter("`terms` is empty; name at least one term, or leave it out.")
    for term in found:
        if isinstance(term, type) or not hasattr(term, "columns") or not hasattr(term, "fit"):
            raise InvalidParameter(
                f"`terms` holds {term!r:.60}; expected terms such as `Spline('age')`."
            )
    return found


def _require(estimator: Any, name: str, legal: Any, expected: str) -> None:
    value = getattr(estimator, name)
    if isinstance(value, bool) or not legal(value):
        raise InvalidParameter(f"`{name}` is {value!r}; it must be {expected}.")
