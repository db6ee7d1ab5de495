"""Fitting an additive model: terms, penalties, the family's shape, interactions, error bars.

    outputs = intercept + sum_j f_j(columns of term j) + offset,    F = sum_i s_i loss_i + penalties

1. Terms are fitted to the columns; each part of each term gets a penalty of its own.
2. Penalties are tuned and the family's shape is estimated (``additive_tuning``).
3. Pairs of columns get surfaces, if they prove worth having (``additive_surfaces``).
4. The fit is brought to full tolerance; the Hessian is inverted once for all error bars.

Maths: docs/math/additive.md
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from derivata.contracts import Array, HessianInverse
from derivata.covariance import penalty_spread
from derivata.curvature.face import FaceExpansion
from derivata.curvature.inverse import invert
from derivata.curvature.iterative import IterativeInverse
from derivata.errors import InvalidParameter
from derivata.estimators.additive_model import AdditiveModel
from derivata.estimators.additive_surfaces import with_interactions
from derivata.estimators.additive_tuning import (
    ROUGH,
    AdditiveSettings,
    TrainingData,
    TunedTerms,
    effective_params,
    tune_terms,
)
from derivata.estimators.column_ranges import column_ranges
from derivata.estimators.families import (
    Family,
    NegativeBinomialFamily,
    PoissonFamily,
    overdispersed,
)
from derivata.estimators.term_strengths import term_strengths
from derivata.estimators.term_tests import no_tests, term_tests
from derivata.estimators.threads import fitting_threads
from derivata.estimators.tuning_record import tuning_record
from derivata.objective import Expansion, Objective
from derivata.solvers.constrained import ConstrainedNewton
from derivata.solvers.lbfgs import LBFGS
from derivata.solvers.newton import Newton
from derivata.tables import Table
from derivata.tables.table_encoder import TableEncoder
from derivata.tuning import Solver
from derivata.tuning.by_evidence import can_have_evidence

# A covariance of more parameters than this (72 MB) is not kept, and there are no error bars.
LARGEST_COVARIANCE = 3_000


def fit_additive(
    table: Table,
    y: Array,
    weight: Array,
    offset: Array | None,
    family: Family,
    settings: AdditiveSettings,
    *,
    family_is_free: bool = False,
) -> AdditiveModel:
    """Fit and tune an additive model.

    Parameters
    ----------
    table : Table                  features, n_rows > 0
    y : array (n_rows,)            as the family's loss wants it
    weight : array (n_rows,)       > 0
    offset : array (n_rows,) or None
    family : Family
    settings : AdditiveSettings
    family_is_free : bool
        Whether Poisson may become negative binomial where counts are overdispersed.

    Returns
    -------
    AdditiveModel
    """
    rows = TrainingData(table, y, weight, offset)
    n_outputs = family.loss().n_outputs
    encoder = TableEncoder.fit(table, settings.terms, weight, settings.n_basis, n_outputs)
    encoded = encoder.encode(table)
    family = family.started(y, weight)
    with fitting_threads(len(y), encoded.n_features):
        tuned = tune_terms(rows, encoder, encoded, family, settings)
        changed = _other_family(tuned, rows) if family_is_free else None
        note = ""
        if changed is not None:
            family, note = changed
            tuned = tune_terms(rows, encoder, encoded, family.started(y, weight), settings)
        tuned, pairs = with_interactions(tuned, rows, settings)
        model = _finish(tuned, rows, settings)
    return replace(model, family_note=note, pairs=tuple(pairs))


def _other_family(tuned: TunedTerms, rows: TrainingData) -> tuple[Family, str] | None:
    """Negative binomial, where counts that were read as Poisson's vary clearly more."""
    if not isinstance(tuned.family, PoissonFamily):
        return None
    fit = ROUGH.minimize(tuned.objective, tuned.start, tuned.hyper).expansion
    clearly, sentence = overdispersed(rows.y, fit.outputs, rows.weight, effective_params(fit))
    return (NegativeBinomialFamily(), sentence) if clearly else None


def _finish(tuned: TunedTerms, rows: TrainingData, settings: AdditiveSettings) -> AdditiveModel:
    """The last fit, to full tolerance, with its error bars."""
    encoder, objective = tuned.encoder, tuned.objective
    solver = last_solver(encoder, objective, settings.tol, settings.max_iter)
    fit = solver.minimize(objective, tuned.start, tuned.hyper)
    expansion, inverse = fit.expansion, invert(fit.expansion)
    k = objective.predictor.n_outputs
    known = not isinstance(inverse, IterativeInverse)
    edf = None
    if known:
        edf = _effective_each(expansion, inverse).reshape(k, -1)
    total = None if edf is None else float(edf.sum())
    dispersion = tuned.family.dispersion(rows.y, expansion.outputs, rows.weight, total)
    params = expansion.params.reshape(k, -1)
    strengths = term_strengths(tuned.encoded, params, rows.weight)
    result = tuned.result
    covariance, tests = None, no_tests(len(encoder.terms))
    if edf is not None and objective.predictor.n_params <= LARGEST_COVARIANCE:
        covariance = dispersion * inverse.solve(np.eye(objective.predictor.n_params))
        freedom = None
        if objective.loss.scale_is_free:
            freedom = max(float(rows.weight.sum()) - float(edf.sum()), 1.0)
        tests = term_tests(tuned.encoded, encoder, params, covariance, edf, freedom)
        if result is not None and result.hyper_covariance is not None:
            covariance = covariance + penalty_spread(expansion, inverse, result.hyper_covariance)
    tuning = None
    if result is not None:
        tuning = tuning_record(result, tuned.criterion_name, tuned.criterion_reason)
    names = objective.penalty.hyper_names
    return AdditiveModel(
        encoder=encoder,
        family=tuned.family,
        params=params,
        covariance=covariance,
        edf=edf,
        alphas={name: float(np.exp(h)) for name, h in zip(names, tuned.hyper, strict=True)},
        dispersion=dispersion,
        noise_dispersion=tuned.family.noise_dispersion(
            rows.y, expansion.outputs, rows.weight, total
        ),
        strengths=strengths,
        tests=tests,
        ranges=column_ranges(rows.table, encoder.columns, encoder.texts),
        tuning=tuning,
        n_rows=len(rows.y),
        n_iter=max(fit.n_iter + (result.n_solver_steps if result else 0), 1),
        converged=fit.converged,
        reason=fit.reason,
    )


def last_solver(encoder: TableEncoder, objective: Objective, tol: float, max_iter: int) -> Solver:
    """What brings a fit at known penalties to full tolerance: within the cone of shaped terms.

    Raises
    ------
    InvalidParameter               for a shaped term with more than one output a row
    """
    constraints = encoder.constraints()
    if not len(constraints):
        if can_have_evidence(objective):
            return Newton(tol, max_iter, 1e-6)
        return LBFGS(tol, max(max_iter, 1_000))
    if objective.predictor.n_outputs > 1:
        raise InvalidParameter(
            "a monotone or convex term needs one output a row, but there are more than two classes."
        )
    return ConstrainedNewton(constraints, tol, max_iter)


def _effective_each(expansion: Expansion, inverse: HessianInverse) -> Array:
    """How far the data decide each parameter, (P,): the diagonal of H^-1 J^T W J."""
    if isinstance(expansion, FaceExpansion):  # pinned directions are decided by neither
        return np.diagonal(inverse.solve(expansion.gram)).copy()
    return 1.0 - expansion.penalty_diagonal * inverse.diagonal()
