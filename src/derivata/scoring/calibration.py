"""All that predictions and outcomes say of each other: reliability, its error, parts, ranking.

Of two classes what is judged is the probability of the second. Of more it is the probability of the
class that was predicted, against whether it was right; ranking is each class against the rest, and
Brier's score the sum over classes of their own, halved so that it is the usual one for two. Of
numbers it is the mean.

Maths: docs/math/scoring.md
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from derivata.contracts import Array
from derivata.plain_text import number, percent, plural
from derivata.scoring.calibration_error import CalibrationError, calibration_error
from derivata.scoring.checked import checked_probabilities, checked_rows
from derivata.scoring.ranking import (
    Area,
    Steps,
    average_precision,
    precision_recall_area,
    ranking_steps,
    roc_area,
    roc_partial_area,
)
from derivata.scoring.reliability import (
    BAND_SAMPLES,
    Decomposition,
    ReliabilityCurve,
    brier,
    consistency_band,
    decomposition,
    log_loss,
    reliability_curve,
    squared,
)

# Standard errors that are taken for more than chance.
SURE = 2.0
# The partial ROC area is that of this rate of false positives, the usual choice.
MOST_FALSE = 0.1
# Beyond so many rows a band is narrow.
MANY_ROWS = 20_000
# More classes than this are ranked for the commonest of them alone.
MOST_RANKED = 12


@dataclass(frozen=True, eq=False)
class Ranking:
    """How well the probability of one class tells its rows from the others.

    Attributes
    ----------
    label : str                    of the class
    share : float                  of the rows, by weight: what precision is without any order
    roc : Area                     with DeLong's standard error
    roc_partial : float            up to a tenth of false positives, standardised to 1/2 ... 1
    average_precision : Area       the sum of steps
    precision_recall : float       the exact area
    steps : Steps                  the curves themselves
    """

    label: str
    share: float
    roc: Area
    roc_partial: float
    average_precision: Area
    precision_recall: float
    steps: Steps


@dataclass(frozen=True, eq=False)
class Calibration:
    """What predictions are worth, from rows that were judged.

    Attributes
    ----------
    of : str
        What is judged: "the probability of yes", "the mean".
    y, predicted, weight : array (n,)
        Outcomes (0 and 1, or numbers), predictions and weights.
    curve : ReliabilityCurve
    band : (at, low, high) or None
        Where the curve of calibrated probabilities would lie, 90 % at each point; None of numbers.
    error : CalibrationError
    parts : tuple of Decomposition
        Brier's score and of two classes the log-loss; the squared error of numbers.
    rankings : tuple of Ranking
        One of two classes, each class of more; none of numbers.
    notes : tuple of str
        Which rows these are.
    """

    of: str
    y: Array
    predicted: Array
    weight: Array
    curve: ReliabilityCurve
    band: tuple[Array, Array, Array] | None
    error: CalibrationError
    parts: tuple[Decomposition, ...]
    rankings: tuple[Ranking, ...] = ()
    notes: tuple[str, ...] = ()

    def noted(self, *notes: str) -> Calibration:
        """The same with more said of its rows."""
        return replace(self, notes=(*self.notes, *notes))

    def verdict(self) -> str:
        """Whether predictions are calibrated, in a sentence."""
        size, most = (self._in_units(end) for end in (self.error.root, self.error.interval()[1]))
        if self.error.z <= SURE:
            return f"{_capital(self.of)} is off by no more than chance explains (at most {most})."
        return (
            f"{_capital(self.of)} is off by {size} (root mean square; at most {most}), more than "
            "chance explains."
        )

    def _in_units(self, size: float) -> str:
        return percent(size) if self.band is not None else number(size, 2)

    def __str__(self) -> str:
        lines = [f"calibration of {self.of}, {plural(len(self.y), 'row')}"]
        lines += [f"  {note}" for note in self.notes]
        low, high = self.error.interval()
        rows = [
            (
                "calibration error",
                f"{self.error.root:.4g} (95 %: {low:.3g} to {high:.3g})",
                "root mean square of share observed - predicted, without the bias of bins",
            )
        ]
        for part in self.parts:
            rows += [
                (part.name, f"{part.score:.4g}", f"one constant: {part.uncertainty:.4g}"),
                ("  miscalibration", f"{part.miscalibration:.3g}", "what recalibrating would gain"),
                ("  discrimination", f"{part.discrimination:.3g}", "what telling rows apart gains"),
            ]
        for one in self.rankings:
            name = f" of {one.label}" if len(self.rankings) > 1 else ""
            rows += [
                (f"ROC area{name}", str(one.roc), "a hit above another row; 0.5: no order"),
                (
                    f"average precision{name}",
                    str(one.average_precision),
                    f"no order: {one.share:.3g}",
                ),
            ]
        first, second = (max(len(row[k]) for row in rows) for k in (0, 1))
        lines += [f"  {a:{first}}  {b:{second}}  {c}" for a, b, c in rows]
        return "\n".join([*lines, self.verdict()])


def calibration_of_classes(
    codes: Array,
    probability: Array,
    labels: Any,
    weight: Array | None = None,
    *,
    random_state: int = 0,
) -> Calibration:
    """Reliability, its error and ranking of class probabilities.

    Parameters
    ----------
    codes : int array (n,)         the class of each row, 0 ... K - 1
    probability : array (n, K)
    labels : sequence (K,)
    weight : array (n,), optional
    random_state : int             of the consistency band

    Returns
    -------
    Calibration
    """
    hits = (codes[:, None] == np.arange(probability.shape[1])).astype(float)
    two = probability.shape[1] == 2
    if two:
        hit, p, of = hits[:, 1], probability[:, 1], f"the probability of {labels[1]}"
    else:
        winner = probability.argmax(axis=1)
        rows = np.arange(len(codes))
        hit, p = hits[rows, winner], probability[rows, winner]
        of = "the probability of the predicted class"
    hit, p, own = checked_probabilities(hit, np.clip(p, 0.0, 1.0), weight)
    every = range(probability.shape[1])
    each = [
        decomposition(hits[:, k], probability[:, k], weight, score=brier, name="Brier score")
        for k in (every if not two else (1,))
    ]
    parts = [_summed(each, 1.0 if two else 0.5)]
    if two:
        parts.append(decomposition(hit, p, own, score=log_loss, name="log-loss"))
    return Calibration(
        of=of,
        y=hit,
        predicted=p,
        weight=own,
        curve=reliability_curve(hit, p, own),
        band=_band(p, own, random_state),
        error=calibration_error(hit, p, own),
        parts=tuple(parts),
        rankings=tuple(_rankings(hits, probability, labels, weight, (1,) if two else every)),
    )


def calibration_of_means(y: Array, mean: Array, weight: Array | None = None) -> Calibration:
    """Reliability and its error of predicted means.

    Parameters
    ----------
    y, mean : array (n,)
    weight : array (n,), optional

    Returns
    -------
    Calibration                    without a band: no distribution is assumed
    """
    y, mean, weight = checked_rows(y, mean, weight)
    return Calibration(
        of="the mean",
        y=y,
        predicted=mean,
        weight=weight,
        curve=reliability_curve(y, mean, weight),
        band=None,
        error=calibration_error(y, mean, weight),
        parts=(decomposition(y, mean, weight, score=squared, name="squared error"),),
    )


def _rankings(
    hits: Array, probability: Array, labels: Any, weight: Array | None, classes: Any
) -> list[Ranking]:
    """Of each class that has rows and is not all of them, the commonest first kept."""
    weights = np.ones(len(hits)) if weight is None else weight
    share = weights @ hits / weights.sum()
    chosen = [k for k in classes if 0.0 < share[k] < 1.0]
    chosen = sorted(sorted(chosen, key=lambda k: -share[k])[:MOST_RANKED])
    return [
        Ranking(
            label=str(labels[k]),
            share=float(share[k]),
            roc=roc_area(hits[:, k], probability[:, k], weight),
            roc_partial=roc_partial_area(
                hits[:, k], probability[:, k], weight, most_false=MOST_FALSE
            )[1],
            average_precision=average_precision(hits[:, k], probability[:, k], weight),
            precision_recall=precision_recall_area(hits[:, k], probability[:, k], weight),
            steps=ranking_steps(hits[:, k], probability[:, k], weight),
        )
        for k in chosen
    ]


def _band(p: Array, weight: Array, random_state: int) -> tuple[Array, Array, Array]:
    """The consistency band; of very many rows, where it is narrow, from fewer samples."""
    n_samples = BAND_SAMPLES if len(p) <= MANY_ROWS else BAND_SAMPLES // 4
    return consistency_band(p, weight, random_state=random_state, n_samples=n_samples)


def _summed(each: list[Decomposition], factor: float) -> Decomposition:
    def total(name: str) -> float:
        return factor * sum(getattr(one, name) for one in each)

    return Decomposition(
        each[0].name,
        total("score"),
        total("miscalibration"),
        total("discrimination"),
        total("uncertainty"),
    )


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
