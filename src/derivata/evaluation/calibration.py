"""Calibration of a fitted model: whether what it predicts comes true as often, on unseen rows.

On its own rows a model looks calibrated that is not, so that by default every row is predicted by a
fit without it (leave-one-out; ``derivata.evaluation.leave_one_out``). Rows that the model was not
fitted to are judged with ``held_out=None``.

Maths: docs/math/scoring.md
"""

from __future__ import annotations

from typing import Any

from derivata.adapters import adapt
from derivata.adapters.fitted import FittedModel
from derivata.contracts import Array
from derivata.errors import InvalidParameter
from derivata.evaluation.leave_one_out import leave_one_out
from derivata.scoring.calibration import Calibration, calibration_of_classes, calibration_of_means

LEAVE_ONE_OUT = "leave_one_out"


def calibration(
    model: Any,
    X: Any,
    y: Any,
    *,
    held_out: str | None = LEAVE_ONE_OUT,
    budget: float | int | None = None,
    random_state: int = 0,
    sample_weight: Any = None,
) -> Calibration:
    """Reliability of predictions, its error, score decompositions and ranking.

    Parameters
    ----------
    model : estimator or FittedModel
        Fitted: derivata's, or scikit-learn's.
    X, y, sample_weight
        The rows that it was fitted to; with ``held_out=None`` any rows.
    held_out : "leave_one_out" or None
        None: predict the rows as they are. Of rows the model was fitted to this flatters it.
    budget : float, int or None
        Refits of leave-one-out at most, as there.
    random_state : int
        Of the refits that are drawn, and of the consistency band.

    Returns
    -------
    Calibration
        Print it. Of two classes the probability of the second, of more that of the predicted one,
        else the mean.

    Raises
    ------
    NotConverged
        If leave-one-out is asked of a model that is at no minimum of its objective.
    InvalidParameter, InvalidData
        If the model is none, or these are not its columns or targets.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-8)).fit(X, y)
    >>> found = calibration(model, X, y)
    >>> round(found.rankings[0].roc.value, 3), round(found.parts[0].score, 3)
    (0.995, 0.02)
    """
    if held_out not in (LEAVE_ONE_OUT, None):
        raise InvalidParameter(
            f"`held_out` is {held_out!r}; expected 'leave_one_out', or None to judge predictions "
            "of these rows as they are."
        )
    fitted = adapt(model, X, y, sample_weight)
    if held_out is None:
        note = "Predictions of the model itself: honest only of rows that it was not fitted to."
        return calibration_of_outputs(fitted, fitted.as_fitted.outputs, random_state).noted(note)
    found = leave_one_out(fitted, X, y, budget=budget, random_state=random_state)
    return calibration_of_outputs(fitted, found.outputs, random_state).noted(
        "Each row is predicted by a fit without it (leave-one-out).", *found.notes
    )


def calibration_of_outputs(
    fitted: FittedModel, outputs: Array, random_state: int = 0
) -> Calibration:
    """Calibration of outputs (n, k) that the rows of a model's objective were given somehow."""
    y, weight = fitted.objective.y, fitted.objective.weight
    predicted, classes = fitted.response.mean(outputs), fitted.response.classes
    if classes is None:
        return calibration_of_means(y, predicted, weight)
    return calibration_of_classes(
        y.astype(int), predicted, classes, weight, random_state=random_state
    )
