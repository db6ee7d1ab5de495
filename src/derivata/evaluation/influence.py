"""What rows and groups of rows do to a fitted model: its loss, predictions, coefficients without.

    print(influence(model, X, y))                                 every row
    print(influence(model, X, y, groups="hospital"))              groups, by refits
    print(influence(model, X, y, judged=(X_test, y_test)))        on the loss of other rows

Effects are of removal, after less before: of a loss, negative where the others are better off
without. All rows are priced by one Newton step each, to second order; those that move most, and
those whose step is most in doubt, are fitted without, and so are some of the rest by lot, which
tells how far off the others may be. Groups are always fitted without.

Maths: docs/math/influence.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from derivata.adapters import FittedModel, adapt
from derivata.adapters.inputs import n_rows_of
from derivata.certified.leave_one_out import most_refits
from derivata.contracts import Array
from derivata.errors import InvalidParameter
from derivata.evaluation.doubt import doubt_of, error_of, rows_to_refit, size_of
from derivata.evaluation.effects import Question, question, require_room
from derivata.evaluation.removal_refits import refit_together, refits_alone
from derivata.evaluation.row_groups import groups_of, places_of
from derivata.objective import Objective
from derivata.plain_text import clean, number, plural
from derivata.removal.rows import row_steps

SHOWN = 10
# Of single rows: the share that is refitted, and from where on fewer are, as rows times parameters
# summed over the refits; each is some ten passes of that.
SHARE, MOST_WORK, LEAST_REFITS = 0.1, 1e9, 20


@dataclass(frozen=True, eq=False)
class InfluenceResult:
    """Effects of removing rows or groups; ``print`` it for the largest.

    Attributes
    ----------
    effect : array (m,) or (m, r) or (m, r, n_classes)
        Change of the loss; of the prediction of each of r judged rows; or of each of r
        coefficients. After less before.
    names : tuple of str
        "row 17", or the name of a group: one for each effect.
    rows : tuple of int arrays
        The user's row numbers behind each.
    refitted : bool array (m,)
        Whether an effect is that of a fit without, exact to the solver's tolerance.
    error : float
        What the others may be off by: root mean square, estimated from the rows that were refitted.
        0 where every effect is exact, NaN where nothing was refitted.
    before : array
        What is changed, with all rows.
    on, unit : str
        What was asked, and in words.
    of_what : tuple of str
        Names of the r numbers of an effect.
    model : str
    notes : tuple of str
        What the numbers do not know of, in sentences.
    """

    effect: Array
    names: tuple[str, ...]
    rows: tuple[Array, ...]
    refitted: Array
    error: float
    before: Array
    on: str
    unit: str
    of_what: tuple[str, ...]
    model: str
    notes: tuple[str, ...] = ()

    @property
    def ranked(self) -> Array:
        """Places of the effects, largest first: int (m,)."""
        return np.argsort(-size_of(self.effect), kind="stable")

    def table(self, top: int = SHOWN) -> str:
        """The ``top`` largest effects as text."""
        cells = [("removed", "change", "by")]
        for place in self.ranked[:top]:
            by = "a fit without" if self.refitted[place] else "one step"
            cells.append((self.names[place], self._told(place), by))
        widths = [max(len(line[column]) for line in cells) for column in range(3)]
        return "\n".join(
            f"{name:{widths[0]}}  {change:>{widths[1]}}  {by}".rstrip()
            for name, change, by in cells
        )

    def _told(self, place: int) -> str:
        effect = self.effect[place]
        if effect.ndim == 0:
            return f"{float(effect):+.4g}"
        by_number = np.abs(effect).reshape(len(effect), -1).max(axis=1)
        most = int(by_number.argmax())
        value = effect[most].ravel()
        moved = float(value[np.abs(value).argmax()])
        return f"{moved:+.4g} of {clean(self.of_what[most], 40)}"

    def __str__(self) -> str:
        head = f"{self.model}: change of the {self.unit} when rows are removed"
        if self.before.ndim == 0:
            head += f"; {number(float(self.before))} with all rows"
        exact = int(self.refitted.sum())
        tail = f"{exact:,} of {plural(len(self.names), 'effect')} by fits without"
        if exact < len(self.names):
            told = "unchecked" if np.isnan(self.error) else f"off by about {self.error:.2g}"
            tail += f", the others by one Newton step each, {told}"
        return "\n".join([head, self.table(), f"{tail}.", *self.notes])


def influence(
    model: Any,
    X: Any,
    y: Any,
    *,
    on: str = "loss",
    rows: Any = None,
    groups: Any = None,
    judged: tuple[Any, Any] | None = None,
    sample_weight: Any = None,
    budget: float | int | None = None,
    random_state: int = 0,
) -> InfluenceResult:
    """The effect of removing rows, each alone, or groups of rows.

    Parameters
    ----------
    model : fitted estimator or FittedModel
    X, y, sample_weight
        The rows it was fitted to.
    on : "loss", "prediction" or "coef"
        What a removal changes: a loss in nats, predicted means or probabilities, or coefficients.
    rows : int array, optional
        Rows to remove, each alone; default: every row.
    groups : dict, str or array (n_rows,), optional
        Groups to remove: a dict from names to row numbers, the name of a column of ``X``, or a
        label a row. In place of ``rows``.
    judged : (X, y), optional
        Rows whose mean loss, or whose predictions, are changed. Default: those of the fit; then the
        loss is the summed one of the rows that stay.
    budget : float, int or None
        Refits of single rows, as a share (1.0 for all) or a number. By default a tenth of the rows,
        but of a large table only as many as take seconds. Half goes to the rows with the
        most doubtful steps and the largest effects, half to others by lot. Rows whose step meets
        a kink or a constraint are refitted beyond it, but for a budget of 0.
    random_state : int
        Draws the lots.

    Returns
    -------
    InfluenceResult

    Raises
    ------
    InvalidParameter
        If rows are out of range or there twice, a group is empty or holds every row.
    NotConverged
        If the model is not at its minimum.
    NotAvailable
        If the loss is no sum over rows.

    Notes
    -----
    All rows cost two passes of n p^2 for a loss, and the refits; a group costs a fit from nearby.
    For squared loss and ridge every effect of a row is exact, and nothing is refitted.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> found = influence(Ridge(1.0).fit(X, y), X, y, groups="sex")
    >>> len(found.effect), bool(found.refitted.all())
    (2, True)
    """
    fitted = adapt(model, X, y, sample_weight)
    if rows is not None and groups is not None:
        raise InvalidParameter("`rows` and `groups` were both given; give one of them.")
    with fitted.threads():
        asked = question(on, fitted, None if judged is None else _judged(fitted, judged))
        if groups is not None:
            n_rows = len(fitted.kept) if X is None else n_rows_of(X)
            return _of_groups(fitted, asked, on, groups_of(fitted, groups, X, n_rows))
        places = np.arange(len(fitted.kept)) if rows is None else places_of(fitted, rows)
        require_room(asked.before.size, len(places))
        rng = np.random.default_rng(random_state)
        return _of_rows(fitted, asked, on, places, budget, rng)


def _judged(fitted: FittedModel, judged: Any) -> Objective:
    if not isinstance(judged, tuple | list) or len(judged) not in (2, 3):
        raise InvalidParameter(
            f"`judged` is {judged!r:.60}; expected a pair (X, y) of rows, or (X, y, sample_weight)."
        )
    return fitted.judged(*judged)


def _of_groups(
    fitted: FittedModel, asked: Question, on: str, groups: dict[str, Array]
) -> InfluenceResult:
    """Every group by a fit without it."""
    require_room(asked.before.size, len(groups))
    ends = [refit_together(fitted, places) for places in groups.values()]
    effects = [
        asked.exact(end, places) for (end, _), places in zip(ends, groups.values(), strict=True)
    ]
    reached = [there for _, there in ends]
    lost = [name for name, there in zip(groups, reached, strict=True) if not there]
    return InfluenceResult(
        effect=np.stack(effects),
        names=tuple(groups),
        rows=tuple(fitted.kept[places] for places in groups.values()),
        refitted=np.array(reached),
        error=0.0 if not lost else np.nan,
        before=asked.before,
        on=on,
        unit=asked.unit,
        of_what=asked.of_what,
        model=fitted.name,
        notes=(*fitted.notes, *_no_minimum(lost)),
    )


def _of_rows(
    fitted: FittedModel,
    asked: Question,
    on: str,
    places: Array,
    budget: float | int | None,
    rng: np.random.Generator,
) -> InfluenceResult:
    """Every row by its step; some by fits without."""
    steps = row_steps(fitted.at_minimum, places)
    effect = asked.by_steps(steps)
    doubt = doubt_of(steps, fitted.solver)
    most = _affordable(fitted, len(places)) if budget is None else most_refits(budget, len(places))
    if most:  # a step that moves a kink can be wrong by more than the effect
        most = max(most, int(np.count_nonzero(np.isinf(doubt))))
    sample = rows_to_refit(effect, doubt, most, rng)
    again = np.flatnonzero(sample.chosen)
    params, reached = refits_alone(fitted, places[again])
    differences = np.full(len(places), np.nan)
    for place, there in zip(again[reached], params[reached], strict=True):
        exact = asked.exact(there, places[[place]])
        differences[place] = np.sqrt(np.mean((exact - effect[place]) ** 2))
        effect[place] = exact
    lost = [f"row {fitted.kept[places[place]]}" for place in again[~reached]]
    return InfluenceResult(
        effect=effect,
        names=tuple(f"row {row}" for row in fitted.kept[places]),
        rows=tuple(fitted.kept[places][:, None]),
        refitted=np.isfinite(differences) | (doubt == 0.0),
        error=error_of(sample, doubt, differences),
        before=asked.before,
        on=on,
        unit=asked.unit,
        of_what=asked.of_what,
        model=fitted.name,
        notes=(*fitted.notes, *_no_minimum(lost)),
    )


def _affordable(fitted: FittedModel, n_places: int) -> int:
    """A tenth of the rows, but of a large table no more than take seconds."""
    predictor = fitted.objective.predictor
    pass_of_rows = max(predictor.n_rows * predictor.n_params, 1)
    return min(int(np.ceil(SHARE * n_places)), max(int(MOST_WORK / pass_of_rows), LEAST_REFITS))


def _no_minimum(lost: list[str]) -> tuple[str, ...]:
    if not lost:
        return ()
    shown = ", ".join(lost[:5]) + (", ..." if len(lost) > 5 else "")
    return (
        f"without {shown} the fit has no minimum in reach: that effect is where it stopped, or one "
        "step",
    )
