"""The pseudo-inverse of a symmetric positive semi-definite matrix, its rank free of units.

    A = S C S,  diag(C) = 1;    A^+ = P (S^-1 C^+ S^-1) P,   P the projector onto the range of A

The rank is decided on C, so that it does not depend on the units of rows and columns: a column
measured in nanometres is not flat. Any generalised inverse between two projectors is Moore's and
Penrose's.

Maths: docs/math/inverse.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array

# A pivot or eigenvalue of C below this share of the largest belongs to a flat direction.
SINGULAR_PIVOT = 1e-12
# A diagonal entry below this is as good as zero: its inverse would overflow in squares.
SMALLEST_DIAGONAL = 1e-150


@dataclass(frozen=True)
class Pseudo:
    """A pseudo-inverse and what was left out of it.

    Attributes
    ----------
    matrix : array (p, p)
        A^+.
    null_space : array (p, m)
        Orthonormal directions in which A is flat; m may be 0.
    logdet : float
        Sum of the logs of the eigenvalues of C kept, plus 2 log det S.
    lowest : float
        The smallest eigenvalue of C as a share of the largest: below zero by more than rounding
        if A is not positive semi-definite after all.
    """

    matrix: Array
    null_space: Array
    logdet: float
    lowest: float = 0.0


def pseudo_invert(matrix: Array) -> Pseudo:
    """A^+ of a symmetric positive semi-definite (p, p) array; about 10 p^3 multiplications."""
    diagonal = np.diagonal(matrix)
    size = np.sqrt(np.where(diagonal > SMALLEST_DIAGONAL, diagonal, 1.0))
    values, vectors = np.linalg.eigh(matrix / size[:, None] / size)
    kept = values > SINGULAR_PIVOT * values.max(initial=1.0)
    reduced = vectors[:, kept] / size[:, None]
    inverse = (reduced / values[kept]) @ reduced.T
    null_space, _ = np.linalg.qr(vectors[:, ~kept] / size[:, None])
    if null_space.shape[1]:
        # Scaling moved the flat directions; project them out again for the minimum-norm solution.
        project = np.eye(len(size)) - null_space @ null_space.T
        inverse = project @ inverse @ project
    logdet = float(np.log(values[kept]).sum() + 2.0 * np.log(size).sum())
    lowest = float(values.min(initial=1.0) / values.max(initial=1.0))
    return Pseudo(inverse, null_space, logdet, lowest)
