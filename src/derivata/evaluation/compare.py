"""Models of the same targets side by side: evidence, and rows left out.

    P(model | y) = evidence / sum of evidences        equal odds before
    difference   = mean of (l_i - l_i of the best),   its error the root of (variance / n)

The evidence is the better judge of structure (a degree, a subset) where some model is right; rows
left out are the better judge of predictions, whatever is right, and know how sure they are. The two
ask different questions, so where their answers differ it is said, with what speaks for either.

Maths: docs/math/comparing_models.md
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from derivata.adapters.adapt import adapt
from derivata.adapters.fitted import FittedModel
from derivata.contracts import Array
from derivata.covariance import dispersion
from derivata.criteria.joint_density import log_normaliser
from derivata.curvature.inverse import invert
from derivata.errors import DerivataError, InvalidParameter, NotAvailable, ShapeMismatch
from derivata.evaluation.compared_models import ComparedModel, Comparison, disagreements
from derivata.evaluation.evidence import DISTRUST, EvidenceResult, ImproperPriors, evidence
from derivata.evaluation.leave_one_out import leave_one_out
from derivata.evaluation.penalty_check import Penalties, check_penalties

LOG_DENSITY = "minus log density"


def compare(
    models: Mapping[str, Any] | Sequence[Any],
    X: Any,
    y: Any,
    *,
    metric: str | Callable[..., Array] | None = None,
    correction: bool = True,
    n_samples: int = 4_000,
    budget: float | int | None = None,
    penalties: bool = True,
    random_state: int = 0,
    sample_weight: Any = None,
) -> Comparison:
    """Compare fitted models of the same targets.

    Parameters
    ----------
    models : list of models, or dict of name to model or to (model, X)
        Fitted to the same rows of y, each perhaps to columns of its own: powers, subsets.
    X : array, frame or None
        Columns of the models that come without; None if all bring theirs.
    y : array (n_rows,)
    metric : str or callable, optional
        Of rows left out, as for ``leave_one_out``. Default: the loss where all models have the
        same, else minus the log of the predictive density, where the losses are densities.
    correction, n_samples : as ``evidence``
    budget : as ``leave_one_out``
    penalties : bool
        Also look where evidence and leave-one-out would put the common factor of the penalties of
        each model: some ten fits a model.
    random_state : int
    sample_weight : array (n_rows,), optional

    Returns
    -------
    Comparison

    Raises
    ------
    InvalidParameter
        For fewer than two models, or different losses without a common ``metric``.
    ShapeMismatch
        If models were fitted to different rows.

    Notes
    -----
    Evidences compare where improper priors are the same: the same free coefficients of the same
    link, and the same loss if its scale is free. Otherwise there are no probabilities, and the
    notes say why. Densities of numbers and probabilities of counts compare as the latter's density
    over unit steps.
    Maths: docs/math/comparing_models.md
    """
    fits = _fits(models, X, y, sample_weight)
    largest = max((fit.fitted for fit in fits), key=lambda fitted: len(fitted.params))
    with largest.threads():
        return _compare(fits, metric, y, correction, n_samples, budget, penalties, random_state)


def _compare(
    fits: list[_Named],
    metric: Any,
    y: Any,
    correction: bool,
    n_samples: int,
    budget: Any,
    penalties: bool,
    random_state: int,
) -> Comparison:
    told, score_rows = _metric(fits, metric, y, budget, random_state)
    scored = [score_rows(fit) for fit in fits]
    notes: list[list[str]] = [[] for _ in fits]
    found: list[EvidenceResult | None] = []
    checked: list[Penalties | None] = []
    for fit, own in zip(fits, notes, strict=True):
        found.append(_evidence(fit, own, correction, n_samples, random_state))
        checked.append(check_penalties(fit.fitted) if penalties else None)
    chances, refused = _probabilities(found)
    best = int(np.argmin([score for score, _ in scored]))
    weight = fits[0].fitted.objective.weight
    lines = tuple(
        ComparedModel(
            fit.name,
            result,
            float(chance),
            score,
            _error(rows, weight),
            score - scored[best][0],
            _error(rows - scored[best][1], weight),
            rows,
            check,
            tuple(own),
        )
        for fit, result, chance, (score, rows), check, own in zip(
            fits, found, chances, scored, checked, notes, strict=True
        )
    )
    by_evidence = None if refused else int(np.argmax(chances))
    return Comparison(
        lines,
        told,
        None if by_evidence is None else lines[by_evidence].name,
        lines[best].name,
        tuple(disagreements(lines, by_evidence, best)),
        tuple(refused),
    )


@dataclass(frozen=True, eq=False)
class _Named:
    name: str
    fitted: FittedModel
    X: Any
    y: Any


def _fits(models: Any, X: Any, y: Any, sample_weight: Any) -> list[_Named]:
    """Every model adapted, under a name of its own, on the same rows."""
    if isinstance(models, Mapping):
        pairs = [(str(name), model) for name, model in models.items()]
    elif isinstance(models, Sequence) and not isinstance(models, str):
        pairs = [("", model) for model in models]
    else:
        pairs = []
    if len(pairs) < 2:
        raise InvalidParameter(
            f"`models` is {models!r:.60}; expected two or more fitted models, in a list or in a "
            "dict of name to model, or to (model, X)."
        )
    fits: list[_Named] = []
    for name, given in pairs:
        model, own = given if isinstance(given, tuple) else (given, X)
        if own is None and not isinstance(model, FittedModel):
            raise InvalidParameter(f"`X` is None, but the model {name!r} comes without an X.")
        fitted = adapt(model, own, y, sample_weight)
        name = name or fitted.name
        taken = {fit.name for fit in fits}
        if name in taken:
            name = next(f"{name} #{n}" for n in range(2, 10**6) if f"{name} #{n}" not in taken)
        fits.append(_Named(name, fitted, own, y))
    first = fits[0]
    for fit in fits[1:]:
        if not np.array_equal(fit.fitted.kept, first.fitted.kept):
            raise ShapeMismatch(
                f"{fit.name} has {len(fit.fitted.kept):,} rows and {first.name} has "
                f"{len(first.fitted.kept):,}, or others: models compare on the same rows only. "
                "Were rows with missing cells dropped for one of them?"
            )
    return fits


def _metric(
    fits: list[_Named], metric: Any, y: Any, budget: Any, random_state: int
) -> tuple[str, Callable[[_Named], tuple[float, Array]]]:
    """Its name, and what scores a model: the score and the rows behind it."""
    first = fits[0].fitted.objective
    same = all(
        fit.fitted.objective.loss == first.loss and np.array_equal(fit.fitted.objective.y, first.y)
        for fit in fits
    )
    if metric is None and not same:
        _require_densities(fits)

    def scored(fit: _Named) -> tuple[float, Array]:
        asked = "loss" if metric is None else metric
        left = leave_one_out(
            fit.fitted, fit.X, y, metric=asked, budget=budget, random_state=random_state
        )
        if metric is not None or same:
            return left.score, left.per_row
        rows = _minus_log_density(fit.fitted, left.outputs)
        return float(np.average(rows, weights=fit.fitted.objective.weight)), rows

    if metric is None:
        return ("loss" if same else LOG_DENSITY), scored
    return (metric if isinstance(metric, str) else getattr(metric, "__name__", "metric")), scored


def _require_densities(fits: list[_Named]) -> None:
    for fit in fits:
        objective = fit.fitted.objective
        try:
            log_normaliser(objective.loss, objective.y)
        except NotAvailable as error:
            losses = ", ".join(sorted({fit.fitted.objective.loss.name for fit in fits}))
            known = "'log_loss'" if fit.fitted.response.is_classifier else "'squared'"
            raise InvalidParameter(
                f"the models have different losses ({losses}), and `metric` is None: {error} Give "
                f"a `metric` that all of them have, such as {known}."
            ) from error


def _minus_log_density(fitted: FittedModel, outputs: Array) -> Array:
    """Of each target at outputs of a fit without it, the scale of the noise as at the fit."""
    objective, phi = fitted.objective, 1.0
    if objective.loss.scale_is_free:
        expansion = fitted.at_minimum
        phi = fitted.dispersion or dispersion(expansion, invert(expansion))
    losses = objective.loss.at(objective.y, outputs).value
    return losses / phi + log_normaliser(objective.loss, objective.y, phi)


def _evidence(
    fit: _Named, notes: list[str], correction: bool, n_samples: int, random_state: int
) -> EvidenceResult | None:
    try:
        result = evidence(
            fit.fitted,
            fit.X,
            fit.y,
            correction=correction,
            n_samples=n_samples,
            random_state=random_state,
        )
    except DerivataError as error:
        notes.append(f"no evidence: {error}")
        return None
    if not result.is_trusted:
        notes.append(DISTRUST)
    return result


def _probabilities(found: list[EvidenceResult | None]) -> tuple[Array, list[str]]:
    """Of the models, given equal odds before; or NaN, and why there are none."""
    nothing = np.full(len(found), np.nan)
    sound = [result for result in found if result is not None]
    if len(sound) < len(found):
        return nothing, ["Probabilities of models need an evidence of each."]
    priors = [result.improper for result in sound]
    if any(prior != priors[0] for prior in priors):
        return nothing, [
            "Evidences do not compare: improper priors differ, whose constants are arbitrary "
            f"({_parted(priors)}). Compare by rows left out, or penalise the same coefficients in "
            "each."
        ]
    logs = np.array([result.log_evidence for result in sound])
    return np.exp(logs - np.logaddexp.reduce(logs)), []


def _parted(priors: list[ImproperPriors]) -> str:
    """What some of them have and others do not."""
    coefficients = [prior.coefficients for prior in priors]
    some = sorted(frozenset.union(*coefficients) - frozenset.intersection(*coefficients))
    parts = [f"{', '.join(some[:6])} without a penalty in some of them"] if some else []
    for name, values in (
        ("link", {prior.link for prior in priors if prior.link}),
        ("scale of the noise", {prior.scale or "none" for prior in priors}),
    ):
        if len(values) > 1:
            parts.append(f"{name}: {', '.join(sorted(values))}")
    return "; ".join(parts)


def _error(rows: Array, weight: Array) -> float:
    """Standard error of a weighted mean over rows."""
    if not np.any(rows):
        return 0.0
    mean = np.average(rows, weights=weight)
    total = float(weight.sum())
    variance = float(weight @ (rows - mean) ** 2) / max(total - 1.0, 1.0)
    return float(np.sqrt(variance / total))
