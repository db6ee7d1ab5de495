"""How well scores rank: areas under the ROC and the precision-recall curve, exact, with errors.

Rows with equal scores are one step: the curve goes straight through them, so the order in a file
never matters. With T(c), F(c) the weight of hits and of others that score at least c, P and N
all of them,

    ROC                 (F / N, T / P)            area = P(score of a hit > of another) + ties / 2
    precision-recall    (T / P, T / (T + F))      joined as T and F move in proportion

A straight step of counts is a hyperbola of precision, so areas are integrals of

    (t + x) / (t + x + f + h x),   h = dF / dT

in closed form (Davis & Goadrich 2006); a straight line between two precisions would promise what no
threshold gives. ``average_precision`` is the sum of steps, precision at each threshold, as
scikit-learn has it: nearly the same, without the pieces between.

Standard errors treat rows as a sample. DeLong's for the ROC area: with V of a hit the share of
others below it, and of another the share of hits above it,

    variance = Var(V of hits) / n_hits + Var(V of others) / n_others

For average precision the infinitesimal jackknife, sum over rows of (s dA / ds)^2.

Sources: DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44, 837-845; Davis & Goadrich (2006),
ICML 23, 233-240, doi:10.1145/1143844.1143874; McClish (1989), Med. Decis. Making 9, 190-195 (the
standardised partial area).
Maths: docs/math/scoring.md
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array
from derivata.errors import InvalidParameter
from derivata.scoring.checked import checked_hits, effective_rows


@dataclass(frozen=True, eq=False)
class Steps:
    """Weights of hits and of others that score at least each distinct score, from none to all.

    Attributes
    ----------
    hits, others : array (m + 1,)  cumulated from the highest score down, first 0
    scores : array (m,)            descending
    place : int array (n,)         which score each row has
    """

    hits: Array
    others: Array
    scores: Array
    place: Array

    @property
    def roc(self) -> tuple[Array, Array]:
        """False positive and true positive rates, (m + 1,) each."""
        return self.others / self.others[-1], self.hits / self.hits[-1]

    @property
    def precision_recall(self) -> tuple[Array, Array]:
        """Recall and precision, (m + 1,) each; at none, the precision of the first step."""
        taken = self.hits + self.others
        precision = self.hits[1:] / taken[1:]
        return self.hits / self.hits[-1], np.concatenate([precision[:1], precision])


@dataclass(frozen=True)
class Area:
    """An area under a curve, with its standard error."""

    value: float
    standard_error: float

    def __str__(self) -> str:
        return f"{self.value:.4f} +- {self.standard_error:.2g}"


def ranking_steps(hit: Array, score: Array, weight: Array | None = None) -> Steps:
    """The steps that both curves are made of.

    Parameters
    ----------
    hit : array (n,)               0 or 1, both there
    score : array (n,)             larger: more likely a hit; only its order matters
    weight : array (n,), optional

    Returns
    -------
    Steps                          of the rows whose weight is above zero
    """
    return _steps(*checked_hits(hit, score, weight))


def roc_area(hit: Array, score: Array, weight: Array | None = None) -> Area:
    """The area under the ROC curve with DeLong's standard error.

    Parameters
    ----------
    hit, score, weight             as `ranking_steps`

    Returns
    -------
    Area                           exact: 1/2 for no order, 1 for a perfect one; O(n log n)
    """
    hit, score, weight = checked_hits(hit, score, weight)
    steps = _steps(hit, score, weight)
    all_hits, all_others = steps.hits[-1], steps.others[-1]
    middle_hits = 0.5 * (steps.hits[1:] + steps.hits[:-1])
    middle_others = 0.5 * (steps.others[1:] + steps.others[:-1])
    below = 1.0 - (middle_others / all_others)[steps.place]  # of a hit: others it beats
    above = (middle_hits / all_hits)[steps.place]  # of another: hits that beat it
    ours, theirs = hit == 1.0, hit == 0.0
    value = float(weight[ours] @ below[ours]) / all_hits
    variance = _mean_variance(below[ours], weight[ours]) + _mean_variance(
        above[theirs], weight[theirs]
    )
    return Area(float(value), math.sqrt(variance))


def roc_partial_area(
    hit: Array, score: Array, weight: Array | None = None, *, most_false: float = 0.1
) -> tuple[float, float]:
    """The area left of a false positive rate, exact, and McClish's standardised one.

        standardised = (1 + (area - least) / (most - least)) / 2,   least = r^2 / 2,   most = r

    Parameters
    ----------
    hit, score, weight             as `ranking_steps`
    most_false : float             r, in (0, 1]

    Returns
    -------
    area, standardised : float     the second is 1/2 for no order and 1 for a perfect one
    """
    if not 0.0 < most_false <= 1.0:
        raise InvalidParameter(f"`most_false` is {most_false!r}; expected a rate in (0, 1].")
    x, y = ranking_steps(hit, score, weight).roc
    inside = np.minimum(x, most_false)
    width = np.diff(x)
    # The height at the right end of each piece, cut where the rate ends.
    share = np.divide(np.diff(inside), width, out=np.zeros_like(width), where=width > 0)
    ends = y[:-1] + share * np.diff(y)
    area = float(np.sum(np.diff(inside) * 0.5 * (y[:-1] + ends)))
    least = 0.5 * most_false**2
    return area, 0.5 * (1.0 + (area - least) / (most_false - least))


def precision_recall_area(
    hit: Array, score: Array, weight: Array | None = None, *, least_recall: float = 0.0
) -> float:
    """The area under precision over recalls from ``least_recall`` to 1, exact, over their range.

    Parameters
    ----------
    hit, score, weight             as `ranking_steps`
    least_recall : float           in [0, 1); 0: the whole area

    Returns
    -------
    area : float                   mean precision over these recalls; no order: share of hits
    """
    if not 0.0 <= least_recall < 1.0:
        raise InvalidParameter(f"`least_recall` is {least_recall!r}; expected a recall in [0, 1).")
    steps = ranking_steps(hit, score, weight)
    start = least_recall * steps.hits[-1]
    t, f = steps.hits, steps.others
    gained, lost = np.diff(t), np.diff(f)
    rising = gained > 0
    t, f, gained, lost = t[:-1][rising], f[:-1][rising], gained[rising], lost[rising]
    ratio = lost / gained
    begun = np.clip(start - t, 0.0, gained)
    whole = _precision_integral(t, f, ratio, gained) - _precision_integral(t, f, ratio, begun)
    return float(whole.sum() / (steps.hits[-1] - start))


def average_precision(hit: Array, score: Array, weight: Array | None = None) -> Area:
    """The precision at each hit's threshold, averaged over hits, with its standard error.

    Parameters
    ----------
    hit, score, weight             as `ranking_steps`

    Returns
    -------
    Area
    """
    hit, score, weight = checked_hits(hit, score, weight)
    steps = _steps(hit, score, weight)
    t, f = steps.hits[1:], steps.others[1:]
    hits, taken = np.diff(steps.hits), t + f
    value = float(hits @ (t / taken)) / float(t[-1])
    # dA / ds of a row reaches every threshold at or below its score.
    more = np.cumsum((hits * f / taken**2)[::-1])[::-1]
    less = np.cumsum((hits * t / taken**2)[::-1])[::-1]
    own = np.where(hit == 1.0, (t / taken - value + more)[steps.place], -less[steps.place])
    slope = weight * own / float(t[-1])
    return Area(value, math.sqrt(float(slope @ slope)))


def _steps(hit: Array, score: Array, weight: Array) -> Steps:
    scores, place = np.unique(-score, return_inverse=True)
    ours, theirs = weight * hit, weight * (1.0 - hit)
    cumulated = [np.append(0.0, np.cumsum(np.bincount(place, each))) for each in (ours, theirs)]
    return Steps(cumulated[0], cumulated[1], -scores, place)


def _precision_integral(t: Array, f: Array, ratio: Array, x: Array) -> Array:
    """Integral of (t + u) / (t + f + (1 + h) u) over u from 0 to x."""
    slope = 1.0 + ratio
    base = t + f
    # (t + u) / (base + slope u) = 1 / slope + (t - base / slope) / (base + slope u)
    grown = np.log1p(np.divide(slope * x, base, out=np.zeros_like(x), where=base > 0))
    return (x + (t - base / slope) * grown) / slope


def _mean_variance(values: Array, weight: Array) -> float:
    """The variance of a weighted mean over a sample of rows; 0 for one row."""
    n = effective_rows(weight)
    if n <= 1.0 + 1e-12:
        return 0.0
    mean = float(weight @ values) / float(weight.sum())
    spread = weight * (values - mean)
    return float(spread @ spread) / float(weight.sum()) ** 2 * n / (n - 1.0)
