"""F on a face: the parameters v with A v = 0, A the rows of inequalities that hold with equality.

A minimiser of F in a cone {v : A' v >= 0} is an ordinary minimiser on the face of it where it lies,
the span of the columns of N, an orthonormal basis of {v : A v = 0}:

    gradient on the face     g - A^T mu,  zero there though g itself is not
    H^-1 on the face         N (N^T H N)^-1 N^T
    effective parameters     tr((N^T H N)^-1 N^T G N)

While the face stays the same, these take the place of gradient and H^-1 in everything that is
derived from a minimiser: standard errors, leave-one-out, derivatives by penalties.

Maths: docs/math/constraints.md
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.linalg import qr

from derivata.contracts import Array, Predictor, Sandwich
from derivata.curvature import cholesky
from derivata.curvature.inverse import _DenseInverse
from derivata.curvature.pseudo import SINGULAR_PIVOT, SMALLEST_DIAGONAL, Pseudo, pseudo_invert
from derivata.lazy import lazy
from derivata.objective import Expansion

# A row this close to those before it, in units of its length, is a combination of them.
DEPENDENT = 1e-10


class FaceExpansion(Expansion):
    """The expansion of F at a minimiser on a face; ``invert`` of it gives a ``FaceInverse``.

    ``gradient`` is that along the face, so that ``relative_gradient`` and ``require_minimiser``
    say whether this is a minimiser there. Values, outputs, curvatures and ``hessian`` are those of
    F itself; what ``expansion`` has computed of them is not computed again.

    Parameters
    ----------
    expansion : Expansion              at a point of the face
    pinned : array (a, p)              A, rows that are zero on the face; they may repeat
    """

    def __init__(self, expansion: Expansion, pinned: Array):
        super().__init__(expansion.objective, expansion.params, expansion.hyper)
        own = ("_kept", "gradient", "relative_gradient", "pinned")
        known = {name: value for name, value in vars(expansion).items() if name not in own}
        vars(self).update(known)
        self.pinned = pinned

    def keep(self, name: str, compute: Callable[[], Any]) -> Any:
        """As of any expansion, but its inverse Hessian is that on the face."""
        if name == "inverse":
            compute = lambda: FaceInverse(self, self.pinned)
        return super().keep(name, compute)

    @lazy
    def gradient(self) -> Array:
        """g - A^T mu, (p,), with mu by least squares in units of ``gradient_scale``."""
        objective = self.objective
        scale = objective.gradient_scale
        full = self.loss_gradient + objective.penalty.gradient(self.params, self.hyper)
        relative = full / scale
        rows = self.pinned / scale
        return (relative - np.linalg.lstsq(rows.T, relative)[0] @ rows) * scale


class FaceInverse:
    """N (N^T H N)^-1 N^T, on the range of N^T H N if that is singular.

    ``null_space`` holds directions of the face in which F is flat; what is pinned is left out too
    and is not flat. ``logdet`` is that of N^T H N.

    Parameters
    ----------
    expansion : Expansion
    pinned : array (a, p)              A, rows that are zero on the face; they may repeat
    """

    def __init__(self, expansion: Expansion, pinned: Array):
        hessian = expansion.hessian
        diagonal = np.diagonal(hessian)
        size = np.sqrt(np.where(diagonal > SMALLEST_DIAGONAL, diagonal, 1.0))
        # Any basis will do; one that is orthonormal in units of H decides ranks free of units.
        basis = _face_basis(pinned / size) / size[:, None]
        reduced = basis.T @ hessian @ basis
        pseudo = _inverted(0.5 * (reduced + reduced.T))
        n_flat = pseudo.null_space.shape[1]
        flat = np.linalg.qr(basis @ pseudo.null_space)[0] if n_flat else None
        # Not the expansion itself: it keeps this inverse, and a circle would keep both in memory.
        self.inner = _DenseInverse(expansion, lambda: _on_face(basis, pseudo.matrix, flat))
        self.null_space = flat
        self.n_pinned, self._n_kept = basis.shape[0] - basis.shape[1], basis.shape[1] - n_flat
        stretch = np.abs(np.diagonal(np.linalg.qr(basis, mode="r")))
        self._logdet = pseudo.logdet - 2.0 * float(np.log(stretch).sum())
        self._penalty = expansion.penalty_diagonal
        self.reason = f"face: constraints pin {self.n_pinned} of {len(hessian):,} directions"
        if n_flat:
            self.reason += f"; {n_flat} directions of the Hessian are flat"

    def solve(self, right: Array) -> Array:
        """H^-1 @ right on the face: (p,) or (p, m)."""
        return self.inner.solve(right)

    def leverage(self, predictor: Predictor | None = None) -> Array:
        """J_i H^-1 J_i.T, (n, k, k)."""
        return self.inner.leverage(predictor)

    def sandwich(self, cotangents: Array) -> Sandwich:
        """H^-1 (J.T C J) H^-1."""
        return self.inner.sandwich(cotangents)

    def logdet(self) -> float:
        """log det N^T H N; of its eigenvalues above zero, scaled, if it is singular."""
        return self._logdet

    def diagonal(self) -> Array:
        """Diagonal of H^-1 on the face, (p,): zero for a parameter that is pinned."""
        return self.inner.diagonal()

    def entries(self, first: Array, second: Array) -> Array:
        """Entries of H^-1 on the face at pairs of parameters, (m,)."""
        return self.inner.entries(first, second)

    @property
    def effective_params(self) -> float:
        """tr((N^T H N)^-1 N^T G N): parameters that the data decide."""
        return self._n_kept - float(self._penalty @ self.diagonal())


def _face_basis(pinned: Array) -> Array:
    """An orthonormal basis of {v : A v = 0}, (p, q)."""
    n_params = pinned.shape[1]
    if not len(pinned):
        return np.eye(n_params)
    lengths = np.sqrt(np.einsum("ap,ap->a", pinned, pinned))
    lengths[lengths == 0.0] = 1.0
    decomposed: Any = qr((pinned / lengths[:, None]).T, pivoting=True)
    Q, R, _ = decomposed
    rank = int(np.count_nonzero(np.abs(np.diagonal(R)) > DEPENDENT))
    return Q[:, rank:]


def _inverted(matrix: Array) -> Pseudo:
    """The inverse by Cholesky, or the pseudo-inverse where that finds a pivot next to zero."""
    factor = cholesky.factorize(matrix) if len(matrix) else None
    if factor is not None:
        pivots = np.diagonal(factor)
        if (pivots * pivots > SINGULAR_PIVOT * np.diagonal(matrix)).all():
            logdet = 2.0 * float(np.log(pivots).sum())
            return Pseudo(cholesky.inverse(factor), np.zeros((len(matrix), 0)), logdet)
    return pseudo_invert(matrix)


def _on_face(basis: Array, inner: Array, flat: Array | None) -> Array:
    """M inner M^T without the flat directions, (p, p)."""
    matrix = basis @ inner @ basis.T
    if flat is not None:
        # The basis is not orthonormal, so flat directions are projected out for the least norm.
        project = np.eye(len(matrix)) - flat @ flat.T
        matrix = project @ matrix @ project
    return matrix
