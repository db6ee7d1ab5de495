"""Leave-one-out of a fitted model: its score on rows that it has not seen, and how sure that is.

Every row is predicted by a fit without it: by one Newton step from the fit at hand, and by a refit
where that may not do. ``derivata.certified.leave_one_out`` says how the error of this is known.

Maths: docs/math/certified_leave_one_out.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from derivata.adapters import adapt
from derivata.adapters.fitted import FittedModel
from derivata.certified.leave_one_out import Certified, Metric, certify
from derivata.contracts import Array
from derivata.errors import InvalidParameter

# Rows that a printed result names.
NAMED_ROWS = 5


@dataclass(frozen=True, eq=False)
class LeaveOneOutResult:
    """Leave-one-out of a model.

    Attributes
    ----------
    model, metric : str
        As printed.
    score : float
        The weighted mean of the metric, each row predicted by a fit without it; smaller is better.
    standard_error : float
        Of the score, over rows as draws from a population.
    approximation_error : float
        Standard error of the score against what refits without each row would give; rounding where
        that was proved, NaN where nothing was refitted, infinite where some refit has no minimum.
    fitted_score : float
        The metric of the model on its own rows.
    per_row : array (n_rows,)
        The metric of each row. Its mean is the score but for what a sample of refits corrects.
    outputs : array (n_rows, n_outputs)
        Behind it, before the inverse link.
    rows : int array (n_rows,)
        The number of each in the data handed in: those of weight zero have no part in it.
    refitted : int array
        Numbers, in the data handed in, of rows that were refitted.
    change : array (n_rows,)
        What leaving a row out does to its own metric.
    notes : tuple of str
        What the numbers do not know of, in sentences.
    """

    model: str
    metric: str
    score: float
    standard_error: float
    approximation_error: float
    fitted_score: float
    per_row: Array
    outputs: Array
    rows: Array
    refitted: Array
    change: Array
    notes: tuple[str, ...] = ()

    @property
    def optimism(self) -> float:
        """How much better the model looks on its own rows: score less ``fitted_score``."""
        return self.score - self.fitted_score

    @property
    def n_refits(self) -> int:
        """Rows refitted."""
        return len(self.refitted)

    def __str__(self) -> str:
        most = np.argsort(-np.abs(self.change))[:NAMED_ROWS]
        named = ", ".join(f"{self.rows[i]} ({self.change[i]:+.3g})" for i in most)
        error = self.approximation_error
        lines = [
            f"leave-one-out of {self.model}, {self.metric}, {len(self.per_row):,} rows",
            _line("score", _number(self.score), "mean, each row predicted by a fit without it"),
            _line("standard error", _number(self.standard_error), "if other rows had been drawn"),
            _line(
                "approximation error",
                "unknown" if np.isnan(error) else f"{error:.1g}",
                "of the score, against refits without each row",
            ),
            _line("on its own rows", _number(self.fitted_score), "the model on the rows it saw"),
            _line("optimism", _number(self.optimism), "how much better it looks on those"),
            _line("rows refitted", f"{self.n_refits:,}", self._others()),
            f"  rows that change most when left out: {named}",
        ]
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])

    def _others(self) -> str:
        if self.n_refits == len(self.per_row):
            return "all of them"
        if self.n_refits or np.isnan(self.approximation_error):
            return "the others by one Newton step"
        return "one Newton step is exact here"


def leave_one_out(
    model: Any,
    X: Any,
    y: Any,
    *,
    metric: str | Callable[[Any, Array], Array] = "loss",
    budget: float | int | None = None,
    random_state: int | None = 0,
    sample_weight: Any = None,
) -> LeaveOneOutResult:
    """Judge a fitted model by predicting each of its rows from all others.

    Parameters
    ----------
    model : estimator or FittedModel
        Fitted: derivata's, or scikit-learn's.
    X, y, sample_weight
        The rows that it was fitted to. A row of weight s stands for s equal observations, of which
        one is left out; the score is the weighted mean.
    metric : str or callable
        "loss", what the model was fitted by, in nats a row where that is a likelihood; of
        classifiers "log_loss", "brier", "error"; of the others "squared", "absolute"; or a callable
        ``(y, prediction) -> one number a row`` of targets as handed in and predicted means
        (probabilities, a column a class). Smaller is better.
    budget : float, int or None
        Refits at most, a share of the rows (float) or a number (int). By default as many as it
        takes until the approximation error is negligible: below a two-thousandth of the optimism
        (a hundredth, where each refit is a fit of its own). 0 gives the Newton step alone, in the
        time of one more step of the fit, with an unknown error.
    random_state : int or None
        Of the rows that are refitted at random.

    Returns
    -------
    LeaveOneOutResult
        Print it.

    Raises
    ------
    NotConverged
        If the model is at no minimum of its objective, naming the gradient.
    InvalidParameter
        If the model is not fitted or not supported, or the metric or the budget is none.
    InvalidData
        If these are not columns or targets that the model knows.

    Notes
    -----
    Squared error and a linear model are exact without refits. Penalties, powers, transformers
    before the model and other choices are taken as they are, without asking what they would have
    been without a row.

    Source: Rad & Maleki (2020), J. R. Statist. Soc. B 82, 965-996 (the Newton step).
    Maths: docs/math/certified_leave_one_out.md
    """
    fitted = adapt(model, X, y, sample_weight)
    chosen = _metric_of(fitted, metric)
    with fitted.threads():
        certified = certify(fitted.at_minimum, fitted.solver, chosen, budget, random_state)
    named = metric if isinstance(metric, str) else getattr(metric, "__name__", "your metric")
    if named == "loss":
        named = f"{fitted.objective.loss.name} loss"
    return LeaveOneOutResult(
        model=fitted.name,
        metric=named,
        score=certified.score,
        standard_error=certified.standard_error,
        approximation_error=certified.approximation_error,
        fitted_score=certified.fitted_score,
        per_row=certified.per_row,
        outputs=certified.outputs,
        rows=fitted.kept,
        refitted=fitted.kept[certified.refitted],
        change=certified.per_row - certified.fitted,
        notes=_notes(fitted, certified),
    )


def _metric_of(fitted: FittedModel, metric: Any) -> Metric | None:
    if isinstance(metric, str):
        return None if metric == "loss" else fitted.response.metric(metric)
    if not callable(metric):
        raise InvalidParameter(
            f"`metric` is {metric!r}; expected a name such as 'loss', or a callable "
            "(y, prediction) -> one number a row."
        )
    response = fitted.response

    def judge(y: Array, outputs: Array) -> Array:
        labels = response.classes[y.astype(int)] if response.is_classifier else y
        return np.asarray(metric(labels, response.mean(outputs)), dtype=float)

    return judge


def _notes(fitted: FittedModel, certified: Certified) -> tuple[str, ...]:
    notes = list(fitted.notes)
    if fitted.is_tuned:
        notes.append(
            "hyperparameters were chosen from these same rows; the score does not know of that and "
            "is too good by as much as the choice adapted to them."
        )
    if np.isnan(certified.approximation_error):
        notes.append(
            "no row was refitted, so nobody knows the approximation error; leave `budget` out to "
            "have it."
        )
    if len(certified.failed):
        rows = ", ".join(str(row) for row in fitted.kept[certified.failed[:NAMED_ROWS]])
        why = "its class, its level or its column has no other row, and no penalty holds the "
        found = f"the fit has no minimum ({why}coefficient)"
        if not fitted.objective.predictor.is_linear:
            found = "no minimum was reached from that of all rows"
        notes.append(
            f"without row {rows} {found}: the score is not known. Raise the penalty, or leave such "
            "rows out."
        )
    return tuple(notes)


def _line(what: str, figure: str, words: str) -> str:
    return f"  {what:<20} {figure:>10}  {words}"


def _number(value: float) -> str:
    return f"{value:.4g}"
