"""Rows whose label is probably wrong, most doubtful first.

    print(label_errors(model, X, y))

Each label is judged by a fit of the other rows that allows for wrong labels among them; see
``derivata.removal.labels`` for the model.

Maths: docs/math/influence.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from derivata.adapters import FittedModel, adapt
from derivata.contracts import Array
from derivata.errors import NotAvailable
from derivata.plain_text import clean, percent, plural
from derivata.removal.labels import fit_labels

SHOWN = 10
NOTE = (
    "A probability holds as far as the model does: rows that it cannot describe look mislabelled\n"
    "too. Look at them before changing a label."
)


@dataclass(frozen=True, eq=False)
class LabelErrors:
    """What the other rows say of each label; ``print`` it for the most doubtful.

    Arrays but ``rows`` are in the order of the user's rows of weight above zero, ``kept``.

    Attributes
    ----------
    rows : int array (n,)
        The user's row numbers, most doubtful first.
    kept : int array (n,)
        The user's row numbers in their own order.
    score : array (n,)
        Log-odds, in nats, that a label is wrong: above zero where that is likelier than not.
    probability : array (n,)
        The same as a probability.
    labels, suggested : array (n,)
        The label given, and the likeliest other one.
    rate : float
        The share of labels that is estimated to be wrong.
    name : str
        Of the model.
    """

    rows: Array
    kept: Array
    score: Array
    probability: Array
    labels: Any
    suggested: Any
    rate: float
    name: str

    @property
    def likely(self) -> Array:
        """Row numbers of labels more likely wrong than right, most doubtful first."""
        count = int((self.probability > 0.5).sum())
        return self.rows[:count]

    def table(self, top: int = SHOWN) -> str:
        """The ``top`` most doubtful labels as text."""
        places = np.searchsorted(self.kept, self.rows[:top])
        cells = [
            (f"{row}", clean(str(label), 20), clean(str(other), 20), percent(float(share)))
            for row, label, other, share in zip(
                self.kept[places],
                self.labels[places],
                self.suggested[places],
                self.probability[places],
                strict=True,
            )
        ]
        columns = list(zip(("row", "label", "perhaps", "wrong with"), *cells, strict=True))
        widths = [max(len(cell) for cell in column) for column in columns]
        return "\n".join(
            "  ".join(f"{cell:>{width}}" for cell, width in zip(line, widths, strict=True))
            for line in zip(*columns, strict=True)
        )

    def __str__(self) -> str:
        found = plural(len(self.likely), "label")
        head = (
            f"{self.name}: {found} of {len(self.kept):,} more likely wrong than right; "
            f"{percent(self.rate)} of all are estimated to be wrong"
        )
        return f"{head}\n{self.table()}\n{NOTE}"


def label_errors(model: Any, X: Any, y: Any, *, sample_weight: Any = None) -> LabelErrors:
    """Rank the rows of a classifier by how doubtful their labels are.

    Parameters
    ----------
    model : fitted classifier or FittedModel
    X, y, sample_weight
        The rows it was fitted to.

    Returns
    -------
    LabelErrors

    Raises
    ------
    NotAvailable
        If the model is no classifier, or its targets are shares.
    NotConverged
        If it is not at its minimum.

    Notes
    -----
    Costs 5 to 30 warm fits and leverage passes for each of up to five strengths of the penalties.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> X, y = load_iris(return_X_y=True)
    >>> y[7] = 2
    >>> model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    >>> print(label_errors(model, X, y).table(1))
    row  label  perhaps  wrong with
      7      2        0    100.00 %
    """
    fitted = adapt(model, X, y, sample_weight)
    classes = _classes(fitted)
    with fitted.threads():
        found = fit_labels(fitted.at_minimum, fitted.solver, len(classes))
    score = found.log_odds
    ranked = np.argsort(-score, kind="stable")
    return LabelErrors(
        rows=fitted.kept[ranked],
        kept=fitted.kept,
        score=score,
        probability=found.probability,
        labels=classes[found.labels],
        suggested=classes[found.suggested],
        rate=found.rate,
        name=fitted.name,
    )


def _classes(fitted: FittedModel) -> Any:
    """Labels by number, or ``NotAvailable`` where targets are no labels."""
    targets = fitted.objective.y
    if fitted.response.classes is None or (targets != np.floor(targets)).any():
        raise NotAvailable(
            f"{fitted.name} predicts numbers, not classes: no label of it can be wrong. Rows that "
            "pull a fit most are found by `influence(model, X, y)`."
        )
    return np.asarray(fitted.response.classes)
