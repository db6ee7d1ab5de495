"""What an integral along a path gives: a share of the change of each output for each input.

    f(x) - f(b) = sum_j IG_j,      IG_j = (x_j - b_j) int_0^1 d_j f(b + t (x - b)) dt

Completeness is the sentence on the left: it is the check of the integral, and its error is kept.

Source: Sundararajan, Taly & Yan (2017), Axiomatic attribution for deep networks, ICML, section 3.
Maths: docs/math/attribution.md
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array


@dataclass(frozen=True, eq=False)
class PathIntegral:
    """Integrated gradients of m rows.

    Attributes
    ----------
    values : array (m, c, q)       what each of c inputs or terms adds to each of q outputs
    start, end : array (m, q)      what is explained, at the baseline and at the row
    n_evaluations : int array (m,)
        Gradients that were evaluated along each path.
    method : str                   in words
    """

    values: Array
    start: Array
    end: Array
    n_evaluations: Array
    method: str

    @property
    def completeness_error(self) -> Array:
        """How far the contributions of each row are from adding up, (m, q)."""
        return np.abs(self.values.sum(axis=1) - (self.end - self.start))


def mean_integral(each: Iterable[PathIntegral]) -> PathIntegral:
    """The average over baselines of the same rows, one after another: expected gradients."""
    several = iter(each)
    first = next(several)
    values, start, spent, count = first.values, first.start, first.n_evaluations, 1
    for one in several:
        count += 1
        values, start, spent = values + one.values, start + one.start, spent + one.n_evaluations
    if count == 1:
        return first
    method = f"{first.method}; the mean over {count:,} baselines"
    return PathIntegral(values / count, start / count, first.end, spent, method)
