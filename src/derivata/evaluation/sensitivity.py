"""How a fitted model answers to what was set by hand: hyperparameters, and columns as measured.

For every hyperparameter: the derivative of a criterion (leave-one-out by default) by its log, exact
by the implicit function theorem; its curvature; the elasticity d log A / d log value; how far every
prediction moves; and refits at +-1 % and +-10 % beside what slope and curvature predict. For every
numeric column: what errors of measurement do to predictions, to the held-out loss, and to the
column's coefficient.

Maths: docs/math/sensitivity.md
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any

import numpy as np

from derivata.adapters.adapt import adapt
from derivata.adapters.fitted import FittedModel
from derivata.adapters.hyperparameters import hyperparameters_of
from derivata.contracts import Array, Criterion
from derivata.criteria import LeaveOneOut
from derivata.criteria.left_out import leave_out
from derivata.criteria.support import support_changes
from derivata.criteria.trust import leave_one_out_error
from derivata.curvature.active import ActiveExpansion
from derivata.curvature.inverse import invert
from derivata.errors import InvalidParameter
from derivata.evaluation.measurement_error import ColumnSensitivity, Judge
from derivata.evaluation.moved_columns import Columns, rows_of_targets
from derivata.evaluation.prediction_moves import PredictionMoves
from derivata.evaluation.sensitivity_result import HyperSensitivity, Moved, Sensitivity
from derivata.evaluation.sensitivity_words import verdict_of
from derivata.objective import Expansion, Objective
from derivata.plain_text import number, plural
from derivata.tuning.parametrisation import Parametrisation
from derivata.tuning.problem import Problem
from derivata.tuning.response import (
    CriterionResponse,
    HyperResponse,
    judged_weights,
    problem_of,
    respond,
    spread_of,
)

N_REFITTED = 10
NO_PENALTY = (
    "The model has no penalty, so it has no hyperparameter that predictions or scores could depend "
    "on."
)


def sensitivity(
    model: Any,
    X: Any,
    y: Any,
    *,
    criterion: Criterion | None = None,
    rows: Any = None,
    measurement_error: Any = None,
    n_refitted: int = N_REFITTED,
    sample_weight: Any = None,
) -> Sensitivity:
    """How a criterion and every prediction move with each hyperparameter and each column.

    Parameters
    ----------
    model : estimator or FittedModel
        Fitted; of derivata or of scikit-learn.
    X, y, sample_weight
        What it was fitted to.
    criterion : Criterion, optional
        ``LeaveOneOut()`` (the default), ``Evidence()``, ``KFold()`` or ``HoldOut()``.
    rows : int array, optional
        Rows whose predictions' derivatives are kept; default: all of weight above zero.
    measurement_error : dict of str to float, optional
        Standard deviation of the error of each column to be looked at, in the column's unit; by
        default one per cent of its standard deviation, of every column of more than two numbers.
    n_refitted : int
        Hyperparameters that get a curvature and refits: those that move the criterion most.

    Returns
    -------
    Sensitivity

    Raises
    ------
    InvalidParameter
        If the model is not fitted or of an unknown kind, or ``rows``, ``criterion`` or
        ``measurement_error`` names what is not there.
    NotConverged
        If the model is not at a minimum of its objective, or its rows are fitted with certainty.
    NotAvailable
        If the criterion has no derivative for this penalty; says which has.

    Notes
    -----
    A derivative costs one solve; each refitted hyperparameter six fits of the criterion.
    """
    _require(criterion, n_refitted)
    fitted = adapt(model, X, y, sample_weight)
    places = _places(fitted, rows)
    start = fitted.at_minimum
    objective, hyper, hypers = hyperparameters_of(model, fitted)
    chosen = LeaveOneOut() if criterion is None else criterion
    problem = problem_of(chosen.subproblems(objective), fitted.solver, len(hyper))
    response = respond(problem, hypers, start.params, n_refitted)
    scale = _scale(problem, response)
    full = _fit_of_all(problem, response, start.params, objective)
    moves = PredictionMoves.of(fitted, full, hypers)
    judged = tuple(
        _hyper(fitted, scale, hypers, place, known, moves)
        for place, known in enumerate(response.along)
    )
    base = full.outputs
    if isinstance(chosen, LeaveOneOut):
        base = leave_out(full, invert(full))[1].outputs
    columns, notes = _columns(fitted, full, X, y, base, moves.output_errors, measurement_error)
    return Sensitivity(
        model=fitted.name,
        criterion=chosen.name,
        in_nats=scale.in_nats,
        value=scale.value,
        standard_error=scale.error,
        hyper=judged,
        columns=columns,
        rows=fitted.kept[places],
        outputs_by_hyper=moves.outputs[places],
        predictions_by_hyper=moves.predictions[places],
        notes=(
            *fitted.notes,
            *_notes(hypers, judged, n_refitted),
            *_distrust(chosen, full),
            *notes,
        ),
    )


def _require(criterion: Any, n_refitted: Any) -> None:
    if criterion is not None and not hasattr(criterion, "subproblems"):
        raise InvalidParameter(
            f"`criterion` is {criterion!r:.80}; expected LeaveOneOut(), KFold(), HoldOut() or "
            "Evidence()."
        )
    if not isinstance(n_refitted, Integral) or n_refitted < 0:
        raise InvalidParameter(f"`n_refitted` is {n_refitted!r}; expected an integer >= 0.")


def _places(fitted: FittedModel, rows: Any) -> Array:
    """Where the user's rows are among those of the objective."""
    if rows is None:
        return np.arange(len(fitted.kept))
    numbers = np.atleast_1d(np.asarray(rows))
    sound = numbers.dtype.kind in "iu" and numbers.ndim == 1 and len(numbers) > 0
    place = np.searchsorted(fitted.kept, numbers) if sound else numbers
    if not sound or (place >= len(fitted.kept)).any() or (fitted.kept[place] != numbers).any():
        raise InvalidParameter(
            f"`rows` is {rows!r:.80}; expected numbers of rows of `X` whose weight is above zero, "
            f"from 0 to {int(fitted.kept[-1]):,}."
        )
    return place


def _fit_of_all(
    problem: Problem, response: CriterionResponse, params: Array, objective: Objective
) -> Expansion:
    """The fit of all rows, to the precision of the problem's solver."""
    part = problem.parts[0]
    if len(problem.parts) == 1 and part.objective is objective:
        return response.base.fits[0].expansion
    return problem.solver.minimize(objective, params, response.base.hyper).expansion


@dataclass(frozen=True)
class _Scale:
    """What turns sums over rows into what is shown."""

    unit: float
    in_nats: bool
    value: float
    error: float


def _scale(problem: Problem, response: CriterionResponse) -> _Scale:
    base = response.base
    if all(part.in_nats for part in problem.parts):
        return _Scale(1.0, True, base.criterion, float("nan"))
    unit = 1.0 / problem.judged_weight
    losses = np.concatenate([judged.row_losses for judged in base.partials])[:, None]
    error = unit * float(spread_of(losses, judged_weights(problem))[0])
    return _Scale(unit, False, unit * base.criterion, error)


def _hyper(
    fitted: FittedModel,
    scale: _Scale,
    hypers: Parametrisation,
    place: int,
    known: HyperResponse,
    moves: PredictionMoves,
) -> HyperSensitivity:
    """One hyperparameter in the units of what is shown."""
    unit, slope = scale.unit, scale.unit * known.slope
    predictions = np.abs(moves.predictions[:, :, place])
    relative = np.abs(moves.outputs[:, :, place]) / moves.output_errors
    moved = tuple(
        Moved(
            factor=refit.factor,
            first_order=unit * float(np.log(refit.factor)) * known.slope,
            predicted=unit * known.predicted(refit.factor),
            refitted=unit * refit.change,
            entered=_names(fitted, refit.leaps.entered),
            left=_names(fitted, refit.leaps.left),
            n_crossed=refit.leaps.n_crossed,
            n_bounds=refit.leaps.n_bounds,
            n_minima=refit.leaps.n_minima,
        )
        for refit in known.refits
    )
    made = HyperSensitivity(
        name=hypers.names[place],
        value=float(hypers.values[place]),
        slope=slope,
        slope_error=float("nan") if scale.in_nats else unit * known.slope_error,
        curvature=unit * known.curvature,
        elasticity=slope / abs(scale.value) if scale.value else float("nan"),
        in_errors=slope / scale.error if scale.error > 0.0 else float("nan"),
        prediction_rms=_rms(predictions),
        prediction_max=float(predictions.max(initial=0.0)),
        prediction_rms_errors=_rms(relative),
        prediction_max_errors=float(relative.max(initial=0.0)),
        effective_params=known.effective_params,
        moved=moved,
        verdict="",
    )
    return replace(made, verdict=verdict_of(made, scale.error, is_tuned=fitted.is_tuned))


def _names(fitted: FittedModel, columns: tuple[int, ...]) -> tuple[str, ...]:
    """Columns of the design by name, where the model has one for each."""
    known = fitted.coefficients
    names = {} if known is None else dict(enumerate(known.names))
    return tuple(names.get(column, f"column {column}") for column in columns)


def _rms(values: Array) -> float:
    return float(np.sqrt(np.mean(values * values))) if values.size else 0.0


def _distrust(criterion: Criterion, full: Expansion) -> tuple[str, ...]:
    """What speaks against leave-one-out by a Newton step here."""
    if not isinstance(criterion, LeaveOneOut):
        return ()
    if isinstance(full, ActiveExpansion) and full.objective.predictor.n_outputs == 1:
        changes = support_changes(full, invert(full))
        if not changes.tolerable:
            return (
                f"The active set changes for {changes.share:.0%} of the rows when they are left "
                "out, which leave-one-out by a Newton step does not know: see `criterion=KFold()`.",
            )
    error = leave_one_out_error(full, invert(full))
    if error.tolerable:
        return ()
    return (
        f"Leave-one-out by a Newton step may be off by {number(error.error, 2)} of the "
        f"{number(abs(error.change), 2)} that leaving rows out changes in all: see "
        "`criterion=KFold()`.",
    )


def _columns(
    fitted: FittedModel,
    full: Expansion,
    X: Any,
    y: Any,
    base: Array,
    output_errors: Array,
    measurement_error: Any,
) -> tuple[tuple[ColumnSensitivity, ...], tuple[str, ...]]:
    """The sensitivity to each column, and what is to be said of columns."""
    columns = Columns.of(X, fitted.columns, fitted.kept)
    kind = type(X).__name__
    if columns is None and measurement_error is not None:
        raise InvalidParameter(
            f"`measurement_error` is given, but `X` is a {kind}, whose columns cannot be moved one "
            "by one. Hand in an array or a frame."
        )
    if columns is None:
        told = f"Columns of a {kind} are not looked at: hand in an array or a frame"
        return (), (f"{told} for the effect of errors of measurement.",)
    targets = rows_of_targets(y, fitted.kept)
    judge = Judge(fitted, full, columns, targets, base, output_errors)
    made = judge.all(columns.errors(measurement_error))
    notes = []
    if measurement_error is None and made:
        notes.append("Errors of measurement: one per cent of each column's standard deviation.")
    if measurement_error is None and columns.left_out:
        n = len(columns.left_out)
        notes.append(f"{plural(n, 'column')} without numbers of more than two values left out.")
    return made, tuple(notes)


def _notes(
    hypers: Parametrisation, judged: tuple[HyperSensitivity, ...], n_refitted: int
) -> tuple[str, ...]:
    if not len(hypers):
        return (NO_PENALTY,)
    if len(judged) > n_refitted:
        return (
            f"{plural(n_refitted, 'hyperparameter')} of {len(judged)} refitted: those that move "
            "the criterion most. Raise `n_refitted` for more.",
        )
    return ()
