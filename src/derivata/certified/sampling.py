"""Which rows to refit, and what a sample of refits says of the rows that were not.

Half of the refits go to the rows with the largest predicted error x_i. Any other is refitted with
probability pi_i, in proportion to x_i and to a constant beside it. With d_i = exact - approximate,

    T = sum_{i refitted} d_i / pi_i

has the total error of all rows as its mean, whatever x is worth (Horvitz & Thompson 1952), and

    V = sum_{i refitted} (1 - pi_i) (d_i / pi_i)^2 + (sum_rest x_i)^2 / (m^2 (m + 1))

estimates its squared error. The first sum is that of a sample of random size, an overestimate for
ours, which has a fixed one, so that differences that are all alike do not look like certainty. The
second is one observation more, whose error is all that was predicted: without it a sample in which
nothing happened (a 0-1 loss) would claim that nothing can. Rows are taken in the order of
u_i / pi_i, u uniform (sequential Poisson sampling: Ohlsson 1998), and keep their u, so that a
larger sample goes on from a smaller one.

Maths: docs/math/certified_leave_one_out.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from derivata.contracts import Array

# Of the refits: what goes to the largest predicted errors for sure, as errors grow faster than what
# predicts them; of the rest, what goes to rows regardless of their predicted error.
SURE_SHARE, EVEN_SHARE = 0.5, 0.2
# Two-sided, for which plus or minus two errors are meant: Student's factor of a small sample.
LEVEL, NORMAL = 0.975, 1.959963984540054


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows to refit.

    Attributes
    ----------
    chosen : bool array (n,)
    probability : array (n,)        of being chosen; 1 for sure
    sizes : array (n,)              predicted errors
    """

    chosen: Array
    probability: Array
    sizes: Array


def draw(sizes: Array, count: int, uniforms: Array) -> Sample:
    """Choose ``count`` rows of those whose predicted error is not zero.

    Parameters
    ----------
    sizes : array (n,)              >= 0; zero where there is certainly no error; inf: for sure
    count : int
    uniforms : array (n,)           in (0, 1), the same for every count

    Returns
    -------
    Sample
        All rows with an error where ``count`` is at least their number.
    """
    possible = sizes > 0.0
    probability = np.zeros(len(sizes))
    if count >= np.count_nonzero(possible):
        probability[possible] = 1.0
        return Sample(possible, probability, sizes)
    if count <= 0:
        return Sample(np.zeros(len(sizes), dtype=bool), probability, sizes)
    sure = np.zeros(len(sizes), dtype=bool)
    sure[np.argsort(-sizes, kind="stable")[: int(SURE_SHARE * count)]] = True
    # Ranks say all that an infinite prediction does.
    finite = np.minimum(sizes, sizes[np.isfinite(sizes)].max(initial=1.0))
    rest = possible & ~sure
    while True:
        share = (count - np.count_nonzero(sure)) * _proportions(finite[rest])
        if not (share >= 1.0).any():
            break
        sure[np.flatnonzero(rest)[share >= 1.0]] = True
        rest = possible & ~sure
    probability[sure], probability[rest] = 1.0, share
    order = np.full(len(sizes), np.inf)
    order[rest] = uniforms[rest] / probability[rest]
    chosen = sure.copy()
    n_drawn = count - np.count_nonzero(sure)
    chosen[np.argsort(order, kind="stable")[:n_drawn]] = True
    return Sample(chosen, probability, sizes)


def _proportions(sizes: Array) -> Array:
    """What each row gets of a sample: by its predicted error, and a part evenly."""
    return (1.0 - EVEN_SHARE) * sizes / sizes.sum() + EVEN_SHARE / len(sizes)


def estimate(sample: Sample, errors: Array) -> tuple[float, float]:
    """The total error of all rows and the standard error of that.

    Parameters
    ----------
    sample : Sample
    errors : array (n,)             of the chosen rows; others are not looked at

    Returns
    -------
    total, standard_error : float
        The latter is zero where no row with an error was left.
    """
    chosen, probability = sample.chosen, sample.probability
    total = float(np.sum(errors[chosen] / probability[chosen]))
    left = (sample.sizes > 0.0) & ~chosen
    if not left.any():
        return total, 0.0
    random = chosen & (probability < 1.0)
    n_random = int(np.count_nonzero(random))
    predicted = float(sample.sizes[left | random].sum())
    if n_random == 0:
        return total, predicted
    expanded = errors[random] / probability[random]
    variance = float(np.sum((1.0 - probability[random]) * expanded**2))
    factor = float(stdtrit(n_random, LEVEL)) / NORMAL
    unseen = predicted / n_random / np.sqrt(n_random + 1.0)
    return total, float(np.hypot(factor * np.sqrt(variance), unseen))
