"""Which pairs of columns act together: a look at the residuals of the main effects, pair by pair.

Both columns are cut into a few cells. In the table of their cells let r be the summed gradients of
the losses, the additive part taken out, and W the summed curvatures. An interaction B u, u normal
with variance t, has the log evidence

    gain(t) = -1/2 log det(I + t G) + 1/2 g^T (G + I / t)^-1 g

over none, with g = B^T r / phi and G = B^T W B / phi. Two kinds are tried, each with the best of a
grid of t: smooth ones, B the products of cubics in the cells' ranks, and any (B = I). The pair's
gain is the larger: what an interaction is worth in nats, its complexity paid for. Cost: three
passes a pair, no fit. A look, not a test: pairs that pass are fitted, and judged by evidence and by
rows left out.

Source of the idea: Lou, Caruana, Gehrke & Hooker (2013), KDD, 623-631, which ranks pairs by the
fall of the squared error instead. Maths: docs/math/interactions.md
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from derivata.contracts import Array
from derivata.tables import Table

CELLS, DEGREE = 8, 3
VARIANCES = np.exp(np.linspace(-12.0, 3.0, 16))
# Beyond this many columns the first alone are paired: pairs are as many as the square of them.
MOST_COLUMNS = 60
# In nats; pairs of noise reach it seldom.
LEAST_GAIN = 0.0
SWEEPS = 3


@dataclass(frozen=True)
class Pair:
    """Two columns and the nats that an interaction of theirs may be worth."""

    columns: tuple[str, str]
    gain: float


@dataclass(frozen=True, eq=False)
class _Cells:
    """A column cut up: the cell of each row, how many there are, and smooth functions of them."""

    codes: Array
    n_cells: int
    functions: Array  # (n_cells, m)


def promising_pairs(
    table: Table,
    columns: tuple[str, ...],
    gradient: Array,
    curvature: Array,
    dispersion: float,
) -> list[Pair]:
    """The pairs whose gain is above `LEAST_GAIN`, best first.

    Parameters
    ----------
    table : Table                  the training rows
    columns : tuple of str         those to be paired
    gradient, curvature : array (n_rows, k)
        Weighted first and second derivatives of each row's loss at the main effects.
    dispersion : float             of the noise
    """
    cells = {name: _cells(table, name) for name in columns[:MOST_COLUMNS]}
    mean = float(curvature.sum()) / len(curvature) or 1.0
    pairs = []
    for one, other in combinations(cells, 2):
        gain = sum(
            _gain(cells[one], cells[other], -gradient[:, k], curvature[:, k], dispersion, mean)
            for k in range(gradient.shape[1])
        )
        if gain > LEAST_GAIN:
            pairs.append(Pair((one, other), float(gain)))
    return sorted(pairs, key=lambda pair: -pair.gain)


def _cells(table: Table, name: str) -> _Cells:
    column = table[name]
    if column.kind == "numeric":
        present = column.values[~column.missing] if not column.missing.all() else np.zeros(1)
        edges = np.unique(np.quantile(present, np.linspace(0, 1, CELLS + 1)[1:-1]))
        codes = np.searchsorted(edges, column.values, side="right")  # NaN comes last
        codes = np.unique(np.where(column.missing, 0, codes), return_inverse=True)[1]
        share = np.bincount(codes) / len(codes)
        rank = np.cumsum(share) - 0.5 * share
        powers = np.vander(2.0 * rank - 1.0, min(DEGREE, len(share) - 1) + 1, increasing=True)
        root = np.sqrt(share)[:, None]
        functions = (np.linalg.qr(root * powers)[0] / root)[:, 1:]
        return _Cells(codes, len(share), functions)
    words, codes, counts = np.unique(
        np.array([word or "" for word in column.values], dtype=str),
        return_inverse=True,
        return_counts=True,
    )
    order = np.empty(len(words), dtype=np.intp)
    order[np.argsort(-counts, kind="stable")] = np.arange(len(words))
    codes = np.minimum(order[codes], CELLS - 1)
    share = np.bincount(codes) / len(codes)
    return _Cells(codes, len(share), np.eye(len(share)) - share)


def _gain(
    one: _Cells,
    other: _Cells,
    residual: Array,
    curvature: Array,
    dispersion: float,
    mean: float,
) -> float:
    shape = (one.n_cells, other.n_cells)
    joint = one.codes * shape[1] + other.codes
    pull = np.bincount(joint, residual, shape[0] * shape[1]).reshape(shape)
    weight = np.bincount(joint, curvature, shape[0] * shape[1]).reshape(shape)
    seen = weight > 1e-8 * weight.max(initial=0.0)
    weight = np.where(seen, weight, 0.0)
    effect = np.where(seen, pull / np.where(seen, weight, 1.0), 0.0)
    for _ in range(SWEEPS):  # what rows and columns explain alone is a main effect's
        for axis in (1, 0):
            total = np.maximum(weight.sum(axis=axis, keepdims=True), 1e-300)
            effect = effect - (weight * effect).sum(axis=axis, keepdims=True) / total
    information = weight[seen] / dispersion
    variances = VARIANCES[:, None] * dispersion / mean
    gains = _gains(effect[seen] ** 2 * information**2, information, variances)
    functions = np.kron(one.functions, other.functions)
    if functions.shape[1]:
        flat = (weight / dispersion).ravel()
        values, vectors = np.linalg.eigh((functions.T * flat) @ functions)
        along = vectors.T @ (functions.T @ (flat * effect.ravel()))
        gains = max(gains, _gains(along**2, np.maximum(values, 0.0), variances))
    return gains


def _gains(squares: Array, information: Array, variances: Array) -> float:
    """The best log evidence of independent effects with such information and squared pulls."""
    shrunk = variances * information
    gains = 0.5 * squares * variances / (1.0 + shrunk) - 0.5 * np.log1p(shrunk)
    return float(gains.sum(axis=1).max())
