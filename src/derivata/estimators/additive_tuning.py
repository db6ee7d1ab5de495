"""An additive model's penalties and the shape of its family, found in turns.

    tune at the shape  ->  fit  ->  estimate the shape at the fit  ->  ... until it settles

Maths: docs/math/additive.md
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from derivata.contracts import Array, Criterion, Design
from derivata.criteria.resampling import KFold
from derivata.curvature.inverse import invert
from derivata.curvature.iterative import IterativeInverse
from derivata.estimators.families import Family
from derivata.estimators.log_alphas import log_alphas
from derivata.objective import Expansion, Objective
from derivata.penalties.smooth import FREE, GroupRidge
from derivata.predictors.linear import LinearPredictor
from derivata.solvers.lbfgs import LBFGS
from derivata.solvers.newton import Newton
from derivata.tables import Table
from derivata.tables.encoded_table import EncodedTable
from derivata.tables.table_encoder import TableEncoder
from derivata.terms import Term
from derivata.tuning import TuneResult, tune
from derivata.tuning.by_evidence import can_have_evidence, tune_by_evidence
from derivata.tuning.guard import Guard
from derivata.tuning.guarded import tune_guarded

# While penalties move, as for the linear models.
ROUGH = Newton(tol=1e-4, max_iter=100, precision=5e-2)
# Rounds of tuning, fits between them, and the relative change of a shape that asks for one more.
SHAPE_ROUNDS, SHAPE_FITS, MOVED = 3, 5, 0.1


@dataclass(frozen=True)
class AdditiveSettings:
    """What to fit and how; see ``AdditiveRegressor``."""

    terms: Sequence[Term] | None
    interactions: str | int | None
    alpha: Any
    criterion: Criterion | None
    n_basis: int
    tol: float
    max_iter: int
    random_state: int
    progress: Callable[[str], None] = lambda what: None


@dataclass(frozen=True, eq=False)
class TrainingData:
    """The training rows."""

    table: Table
    y: Array
    weight: Array
    offset: Array | None


@dataclass(frozen=True, eq=False)
class TunedTerms:
    """A model whose penalties and shape are found, before its last fit."""

    encoder: TableEncoder
    encoded: EncodedTable
    family: Family
    objective: Objective
    hyper: Array
    start: Array
    result: TuneResult | None
    criterion_name: str
    criterion_reason: str


def objective_of(
    design: Design, rows: TrainingData, encoder: TableEncoder, family: Family
) -> Objective:
    """The family's loss of the training rows, with a penalty for each part of each term."""
    loss = family.loss()
    names = list(dict.fromkeys(encoder.penalty_names))
    number = {name: i for i, name in enumerate(names)}
    groups = np.array([*(number[name] for name in encoder.penalty_names), FREE])
    penalty = GroupRidge(np.tile(groups, loss.n_outputs), tuple(names))
    offset = None if rows.offset is None else rows.offset[:, None]
    predictor = LinearPredictor(design, loss.n_outputs)
    return Objective(loss, predictor, penalty, rows.y, rows.weight, offset)


def _kinds(encoder: TableEncoder) -> Array:
    """The kind of each penalty: what part of a term it is of."""
    part_of = dict(zip(encoder.penalty_names, encoder.parts, strict=True))
    parts = list(dict.fromkeys(part_of.values()))
    return np.array([parts.index(part) for part in part_of.values()], dtype=np.intp)


def tune_terms(
    rows: TrainingData,
    encoder: TableEncoder,
    encoded: EncodedTable,
    family: Family,
    settings: AdditiveSettings,
    start: Array | None = None,
) -> TunedTerms:
    """Penalties and shape in turns, until the shape has settled."""
    design = encoded.design()
    objective = objective_of(design, rows, encoder, family)
    tuned = _find_penalties(objective, encoder, encoded, family, settings, start, None)
    for _ in range(SHAPE_ROUNDS if family.shape else 0):
        before = tuned.family
        tuned = _with_shape_settled(tuned, rows, design)
        if tuned.result is None or not _has_moved(before, tuned.family):
            break
        again = _find_penalties(
            tuned.objective, encoder, encoded, tuned.family, settings, tuned.hyper, tuned.start
        )
        tuned = replace(again, result=_added(tuned.result, again.result))
    return tuned


def tune_at_shape(
    rows: TrainingData,
    encoder: TableEncoder,
    encoded: EncodedTable,
    family: Family,
    settings: AdditiveSettings,
    start: Array,
) -> TunedTerms:
    """Penalties alone, from ``start``; losses and evidence can then be compared with others'."""
    objective = objective_of(encoded.design(), rows, encoder, family)
    return _find_penalties(objective, encoder, encoded, family, settings, start, None)


def _added(before: TuneResult, after: TuneResult | None) -> TuneResult | None:
    """The later result, with the evaluations and steps of both; paths are of other shapes."""
    if after is None:
        return None
    return replace(
        after,
        n_evaluations=before.n_evaluations + after.n_evaluations,
        n_solver_steps=before.n_solver_steps + after.n_solver_steps,
    )


def _with_shape_settled(tuned: TunedTerms, rows: TrainingData, design: Design) -> TunedTerms:
    """The family's shape at these penalties: fitted and estimated in turns, without tuning."""
    for _ in range(SHAPE_FITS):
        fit = ROUGH.minimize(tuned.objective, tuned.start, tuned.hyper).expansion
        following = tuned.family.restated(rows.y, fit.outputs, rows.weight, effective_params(fit))
        settled = tuned.family.settled(following)
        objective = objective_of(design, rows, tuned.encoder, following)
        tuned = replace(tuned, family=following, objective=objective, start=fit.params)
        if settled:
            break
    return tuned


def _has_moved(before: Family, after: Family) -> bool:
    """Whether the shape has changed so much that penalties may change too."""
    return any(
        abs(after.shape[name] - value) > MOVED * abs(value) for name, value in before.shape.items()
    )


def effective_params(expansion: Expansion) -> float | None:
    """How many parameters the data decide, or None where that cannot be had."""
    inverse = invert(expansion)
    if isinstance(inverse, IterativeInverse):
        return None
    return len(expansion.params) - float(expansion.penalty_diagonal @ inverse.diagonal())


def _find_penalties(
    objective: Objective,
    encoder: TableEncoder,
    encoded: EncodedTable,
    family: Family,
    settings: AdditiveSettings,
    start: Array | None,
    params: Array | None,
) -> TunedTerms:
    names = objective.penalty.hyper_names
    zeros = np.zeros(objective.predictor.n_params) if params is None else params
    if not (isinstance(settings.alpha, str) and settings.alpha == "tune"):
        hyper = log_alphas(settings.alpha, names)
        return TunedTerms(encoder, encoded, family, objective, hyper, zeros, None, "", "")
    criterion, kinds = settings.criterion, _kinds(encoder)
    shared = {"kinds": kinds, "params": params, "random_state": settings.random_state}
    if criterion is None and can_have_evidence(objective):
        found = tune_by_evidence(
            objective, ROUGH, start=start, dispersion=family.known_dispersion, **shared
        )
        result, name, reason = found.result, found.criterion.name, found.reason
    elif criterion is None:
        name, result = _tune_in_folds(objective, kinds, settings)
        reason = f"the {objective.predictor.n_params:,} coefficients are too many for a Hessian"
    else:
        result = tune_guarded(objective, criterion, ROUGH, start=start, **shared)
        name, reason = criterion.name, "given by the user"
    full = zeros if result.full_params is None else result.full_params
    return TunedTerms(encoder, encoded, family, objective, result.hyper, full, result, name, reason)


def _tune_in_folds(
    objective: Objective, kinds: Array, settings: AdditiveSettings
) -> tuple[str, TuneResult]:
    """One penalty a kind, by folds: nothing larger than the design is ever formed."""
    criterion = KFold(3, settings.random_state)
    result = tune(objective, criterion, LBFGS(1e-4), ties=Guard(np.inf, kinds).ties())
    return criterion.name, replace(result, guard_strength=np.inf)
