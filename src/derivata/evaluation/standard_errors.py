"""Standard errors of a fitted model's coefficients and predictions, with what they mean.

    bayes      phi H^-1                 of the coefficients given the data, shrinkage included
    sandwich   H^-1 (sum g g^T) H^-1    of the estimate over new rows, whatever the noise
    cluster    H^-1 (sum G G^T) H^-1    of the estimate over new clusters of rows

The covariances are those of ``derivata.covariance``; here they get names, the user's units, a
reference distribution and words. Squared loss has Student's t with n - df degrees of freedom
("bayes") and clusters that with one less than there are; all else is normal.

Maths: docs/math/standard_errors.md
"""

from __future__ import annotations

from typing import Any

import numpy as np

from derivata.adapters.adapt import adapt
from derivata.adapters.fitted import FittedModel
from derivata.adapters.inputs import n_rows_of
from derivata.contracts import Array
from derivata.covariance import (
    cluster_covariance,
    dispersion,
    effective_params,
    hyper_covariance,
    penalty_spread,
    posterior_covariance,
    sandwich_covariance,
)
from derivata.covariance import standard_errors as errors_of
from derivata.criteria import Evidence
from derivata.criteria.joint_density import JointDensity, freed
from derivata.curvature.active import ActiveExpansion
from derivata.curvature.chain import ChainExpansion
from derivata.curvature.exact import invert_exact
from derivata.curvature.face import FaceExpansion
from derivata.errors import InvalidParameter, NotAvailable, ShapeMismatch
from derivata.estimators.families import SquaredFamily
from derivata.evaluation.determined import dense_map, param_names, require_determined
from derivata.evaluation.family_of import family_of, known_scale
from derivata.evaluation.standard_errors_result import ErrorsBasis, StandardErrors
from derivata.objective import Expansion

MEANING = {
    "bayes": (
        "posterior standard deviations, taking the loss for minus a log-likelihood and the "
        "penalty for a prior: how far the truth may be from the estimate"
    ),
    "sandwich": (
        "standard deviations of the estimate over new samples of independent rows, whatever the "
        "noise is like"
    ),
    "cluster": (
        "standard deviations of the estimate over new samples of clusters, whose rows may depend "
        "on each other in any way"
    ),
}
BAYES_NOTE = (
    "The penalty is a prior, so errors contain the shrinkage and z is no test: no p-value is given "
    "where a coefficient is penalised."
)
SAMPLING_NOTE = (
    "The penalty pulls estimates towards zero, and these errors do not know of that bias: "
    "intervals are of the shrunken coefficient's expectation, and there are no p-values."
)
GIVEN_NOTE = (
    "Penalties are taken as known; `hyper_uncertainty=True` adds what is not known of them."
)
SPREAD_NOTE = (
    "What is not known of the penalties is included, to first order, by the curvature of the "
    "evidence."
)
UNTUNED_NOTE = "The penalties were given; here they count as if the rows had chosen them."
HELD_NOTE = (
    "Curves that a constraint holds (monotone, convex) count as known in the directions held."
)
CHOSEN = (
    "standard errors of a sparse penalty are not given: the same data chose the columns, and "
    "errors of those left would not know of it. Use a ridge penalty, or refit on other rows "
    "without a penalty, with the columns that were chosen."
)


def standard_errors(
    model: Any,
    X: Any,
    y: Any,
    *,
    kind: str = "bayes",
    clusters: Any = None,
    hyper_uncertainty: bool = False,
    sample_weight: Any = None,
) -> StandardErrors:
    """How well the coefficients of a fitted model are known.

    Parameters
    ----------
    model : estimator or FittedModel
        Of derivata or scikit-learn.
    X, y, sample_weight
        What it was fitted to.
    kind : "bayes", "sandwich" or "cluster"
    clusters : array (n_rows,), optional
        A label a row, for kind "cluster".
    hyper_uncertainty : bool
        Add D C D^T, D = d coef / d log penalties and C the inverse curvature of minus the log
        evidence there: two refits a penalty.

    Returns
    -------
    StandardErrors

    Raises
    ------
    NotAvailable
        If the Hessian is singular or classes are separated, naming the columns; if the penalty
        selects columns (lasso); or if there are too many parameters.
    NotConverged
        If the model is not at a minimum.
    InvalidParameter, ShapeMismatch
        For another kind, or clusters that do not fit.

    Notes
    -----
    Without a penalty these are statsmodels' to 1e-8: of OLS, Logit and Poisson, "HC0", and
    "cluster" with its small-sample factor. Cost: n p^2 + p^3.
    Maths: docs/math/standard_errors.md
    """
    if kind not in MEANING:
        raise InvalidParameter(f"`kind` is {kind!r}; expected one of {', '.join(MEANING)}.")
    if (kind == "cluster") != (clusters is not None):
        raise InvalidParameter(
            "`clusters`, a label a row, goes with `kind='cluster'`: give both or neither."
        )
    fitted = adapt(model, X, y, sample_weight)
    labels = None if clusters is None else _labels(clusters, fitted, X)
    sample = None if y is None else np.asarray(y).ravel()[fitted.kept[:1]]
    with fitted.threads():
        return _errors(_fit(fitted, sample), kind, labels, hyper_uncertainty)


def _errors(
    fit: ErrorsBasis, kind: str, labels: Array | None, hyper_uncertainty: bool
) -> StandardErrors:
    fitted, expansion, inverse = fit.fitted, fit.expansion, fit.inverse
    freedom = np.inf
    if labels is not None:
        covariance = cluster_covariance(expansion, labels, inverse)
        freedom = float(len(np.unique(labels)) - 1)
    elif kind == "bayes":
        covariance = posterior_covariance(expansion, inverse, phi=fit.phi)
        if isinstance(family_of(expansion.objective.loss), SquaredFamily):
            freedom = max(float(expansion.objective.weight.sum()) - fit.edf, 1.0)
    else:
        covariance = sandwich_covariance(expansion, inverse)
    notes = [f"Errors are {MEANING[kind]}."]
    penalised = expansion.penalty_diagonal != 0.0
    if penalised.any():
        notes.append(BAYES_NOTE if kind == "bayes" else SAMPLING_NOTE)
    if isinstance(expansion, FaceExpansion):
        notes.append(HELD_NOTE)
    if hyper_uncertainty and len(expansion.hyper):
        criterion = Evidence(known_scale(fitted))
        known = hyper_covariance(expansion, fitted.solver, criterion)
        covariance = covariance + penalty_spread(expansion, inverse, known)
        notes.append(SPREAD_NOTE + ("" if fitted.is_tuned else " " + UNTUNED_NOTE))
    elif len(expansion.hyper):
        notes.append(GIVEN_NOTE)
    return _in_units(fit, covariance, kind, freedom, tuple(notes) + fitted.notes)


def _fit(fitted: FittedModel, sample: Any) -> ErrorsBasis:
    at_minimum = fitted.at_minimum
    if isinstance(at_minimum, (ActiveExpansion, ChainExpansion)):
        raise NotAvailable(CHOSEN)
    objective, hyper = freed(at_minimum.objective, at_minimum.hyper)
    expansion = at_minimum
    if objective is not at_minimum.objective:
        expansion = objective.at(at_minimum.params, hyper)
    require_determined(fitted, expansion, "a standard error")
    inverse = invert_exact(expansion)
    # One Newton step more squares the distance that is left, which the errors' last digits show.
    step = objective.at(expansion.params - inverse.solve(expansion.gradient), expansion.hyper)
    if type(expansion) is Expansion and step.relative_gradient < expansion.relative_gradient:
        expansion, inverse = step, invert_exact(step)
    edf = effective_params(expansion, inverse)
    phi, noise = fitted.dispersion, fitted.dispersion
    family = family_of(objective.loss)
    given = (objective.y, expansion.outputs, objective.weight, edf)
    if phi is None:
        phi = dispersion(expansion, inverse) if family is None else family.dispersion(*given)
        noise = phi if family is None else family.noise_dispersion(*given)
    return ErrorsBasis(fitted, expansion, inverse, edf, phi, float(noise or phi), sample)


def _in_units(
    fit: ErrorsBasis, covariance: Array, kind: str, freedom: float, notes: tuple[str, ...]
) -> StandardErrors:
    fitted, expansion = fit.fitted, fit.expansion
    free = np.zeros(len(expansion.params), dtype=bool)
    free[JointDensity(expansion.objective, expansion.hyper, None).free] = True
    coefficients = fitted.coefficients
    if coefficients is None:
        names, coef, mapped = tuple(param_names(fitted)), expansion.params, covariance
        is_free = free
    else:
        matrix = dense_map(coefficients)
        names, coef = coefficients.names, coefficients.of(expansion.params)
        mapped = matrix @ covariance @ matrix.T
        is_free = ~(matrix[:, ~free] != 0.0).any(axis=1)
    # A sampling error beside a penalty is off by a bias that the free coefficients share.
    is_test = is_free if kind == "bayes" or free.all() else np.zeros(len(names), dtype=bool)
    return StandardErrors(
        names=tuple(names),
        coef=coef,
        errors=errors_of(mapped),
        covariance=mapped,
        kind=kind,
        freedom=freedom,
        is_test=is_test,
        phi=fit.phi,
        notes=notes,
        _at=fit,
        _of_params=covariance,
    )


def _labels(clusters: Any, fitted: FittedModel, X: Any) -> Array:
    """Labels of the rows of the objective, from those of the user's rows."""
    labels = np.asarray(clusters)
    n_rows = len(fitted.kept) if X is None else n_rows_of(X)
    if labels.shape != (n_rows,):
        raise ShapeMismatch(
            f"`clusters` has shape {labels.shape}; expected one label for each of the {n_rows:,} "
            "rows of `X`."
        )
    return labels[fitted.kept] if X is not None else labels
