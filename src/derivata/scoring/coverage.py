"""Whether predicted distributions are as wide as they should be: coverage, and where outcomes fall.

    coverage    the weighted share of outcomes inside their intervals, against the level
    PIT         F(y), which is uniform if F is right

For counts F jumps at y; the probability between P(Y < y) and P(Y <= y) is spread evenly, so that a
histogram of it is still flat if F is right, without anything drawn at random (Czado, Gneiting &
Held 2009). With u the PIT of a row, or the middle of its jump, the mean tells bias and the spread
tells width:

    mean u = 1/2        above: outcomes are higher than predicted
    12 Var u = 1        above: distributions are too narrow; below: too wide

Both come with standard errors over rows. For jumps the variance within them is added.

Source: Czado, Gneiting & Held (2009), Biometrics 65, 1254-1261,
doi:10.1111/j.1541-0420.2009.01191.x.
Maths: docs/math/scoring.md
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array
from derivata.errors import InvalidData, InvalidParameter
from derivata.scoring.checked import checked_rows, effective_rows

TENTHS = 10


@dataclass(frozen=True)
class Coverage:
    """The share of outcomes inside intervals.

    Attributes
    ----------
    level : float                  that they were made for
    expected : float               what the share should be: the level, or more of whole numbers
    share : float                  what it is
    standard_error : float         of the share
    mean_width : float             of the intervals
    """

    level: float
    expected: float
    share: float
    standard_error: float
    mean_width: float

    @property
    def z(self) -> float:
        """Standard errors from what is expected, those that it would have itself."""
        return (self.share - self.expected) / self.standard_error if self.standard_error else 0.0

    def __str__(self) -> str:
        return (
            f"{100 * self.level:g} % intervals{self._of_whole_numbers()} hold "
            f"{100 * self.share:.1f} % "
            f"+- {100 * self.standard_error:.1f} %"
        )

    def _of_whole_numbers(self) -> str:
        if abs(self.expected - self.level) < 5e-4:
            return ""
        return f" (of whole numbers {100 * self.expected:.1f} %)"


@dataclass(frozen=True, eq=False)
class Pit:
    """Where outcomes fall in their predicted distributions.

    Attributes
    ----------
    shares : array (10,)           weighted share of outcomes in each tenth; 0.1 each if right
    share_error : float            standard error of one tenth's share if it is 0.1
    mean, mean_error : float       1/2 if predictions are not biased
    spread, spread_error : float   12 times the variance; 1 if widths are right
    chi_square : float             squared deviations of the tenths over their variance; about 9
    """

    shares: Array
    share_error: float
    mean: float
    mean_error: float
    spread: float
    spread_error: float
    chi_square: float

    def in_words(self) -> str:
        """What is wrong with the distributions, if anything surely is."""
        said = []
        if abs(self.mean - 0.5) > 2.0 * self.mean_error:
            said.append("too low" if self.mean > 0.5 else "too high")
        if abs(self.spread - 1.0) > 2.0 * self.spread_error:
            said.append("too narrow" if self.spread > 1.0 else "too wide")
        if not said:
            return "Predicted distributions show neither bias nor a wrong width beyond chance."
        return f"Predicted distributions are {' and '.join(said)}."


def interval_coverage(
    y: Array,
    lower: Array,
    upper: Array,
    level: float,
    weight: Array | None = None,
    probability: Array | None = None,
) -> Coverage:
    """The share of outcomes inside [lower, upper].

    Parameters
    ----------
    y, lower, upper : array (n,)
    level : float                  that the intervals were made for
    weight : array (n,), optional
    probability : array (n,), optional
        That each interval has by its distribution: intervals between whole numbers have more than
        the level. Default: the level.

    Returns
    -------
    Coverage
    """
    if not 0.0 < level < 1.0:
        raise InvalidParameter(f"`level` is {level!r}; expected a probability, such as 0.95.")
    width = np.asarray(upper, float) - np.asarray(lower, float)
    inside = (np.asarray(lower) <= y) & (np.asarray(y) <= upper)
    weights = np.ones(len(width)) if weight is None else np.asarray(weight, float)
    expected = level if probability is None else float(np.average(probability, weights=weights))
    inside, width, weight = checked_rows(inside, width, weight)
    share, mean_width = (float(np.average(each, weights=weight)) for each in (inside, width))
    error = math.sqrt(expected * (1.0 - expected) / effective_rows(weight))
    return Coverage(level, expected, share, error, mean_width)


def pit(below: Array, up_to: Array, weight: Array | None = None) -> Pit:
    """The histogram of F(y) and its first two moments.

    Parameters
    ----------
    below, up_to : array (n,)      P(Y < y) and P(Y <= y); equal where F does not jump
    weight : array (n,), optional

    Returns
    -------
    Pit

    Raises
    ------
    InvalidData                    probabilities outside 0 to 1, or in the wrong order
    """
    below, up_to, weight = checked_rows(below, up_to, weight)
    wrong = (below < -1e-9) | (up_to > 1.0 + 1e-9) | (below > up_to + 1e-9)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InvalidData(
            f"row {row} has P(Y < y) = {below[row]:g} and P(Y <= y) = {up_to[row]:g}; expected "
            "0 <= P(Y < y) <= P(Y <= y) <= 1."
        )
    total, n = float(weight.sum()), effective_rows(weight)
    middle, jump = 0.5 * (below + up_to), np.maximum(up_to - below, 0.0)
    edges = np.linspace(0.0, 1.0, TENTHS + 1)
    # Of each row's jump the share that lies below each edge; without one, all or nothing.
    under = np.clip((edges - below[:, None]) / np.maximum(jump, 1e-12)[:, None], 0.0, 1.0)
    under[:, -1] = 1.0
    shares = weight @ np.diff(under, axis=1) / total
    mean = float(weight @ middle) / total
    apart = (middle - mean) ** 2 + jump**2 / 12.0
    spread = 12.0 * float(weight @ apart) / total
    tenth = 1.0 / TENTHS
    own = math.sqrt(tenth * (1.0 - tenth) / n)
    return Pit(
        shares=shares,
        share_error=own,
        mean=mean,
        mean_error=math.sqrt(max(float(weight @ (middle - mean) ** 2) / total, 0.0) / n),
        spread=spread,
        spread_error=12.0 * math.sqrt(float(weight @ (apart - spread / 12.0) ** 2) / total / n),
        chi_square=float(n * ((shares - tenth) ** 2 / tenth).sum()),
    )
