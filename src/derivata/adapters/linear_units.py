"""Between coefficients in the user's units and the parameters that are minimised.

    z = x @ coef^T + intercept = (x - center) @ w^T + size b,
    w = Q coef,    b = Q (intercept + coef center) / size

Columns of a dense X are centred where a free intercept makes that no matter to the fit: columns far
from zero, such as years, then leave a Hessian that can be inverted. ``size`` is the constant column
of an intercept that liblinear penalises. Q are the contrasts of a multinomial model, one output
fewer than classes; coefficients that sum to zero over classes, as those of a minimiser do, come
back from w by its transpose.

Maths: docs/math/adapters.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from derivata.adapters.fitted import Coefficients
from derivata.contracts import Array, Design
from derivata.designs.dense import DenseDesign
from derivata.designs.sparse import SparseDesign

# The map from parameters to coefficients is an array up to this many numbers, sparse beyond.
LARGEST_MAP = 2**20


@dataclass(frozen=True, eq=False)
class LinearUnits:
    """The way between a user's coefficients and parameters.

    Attributes
    ----------
    center : array (n_columns,)
        Subtracted from the columns; zeros where they are not centred.
    intercept_size : float or None
        The last, constant column; None without an intercept.
    contrasts : array (k, n_classes) or None
        Of a multinomial model.
    """

    center: Array
    intercept_size: float | None = 1.0
    contrasts: Array | None = None

    @classmethod
    def of(
        cls, X: Any, intercept_size: float | None, *, centred: bool, contrasts: Array | None = None
    ) -> LinearUnits:
        """For rows of a fit, dense or sparse; ``centred`` if the fit allows of it."""
        if not centred or intercept_size is None or sparse.issparse(X):
            return cls(np.zeros(X.shape[1]), intercept_size, contrasts)
        # A constant column less its mean is rounding, which would be a second intercept.
        constant = (X == X[0]).all(axis=0) if len(X) < 2 or (X[0] == X[-1]).any() else False
        return cls(np.where(constant, X[0], X.mean(axis=0)), intercept_size, contrasts)

    def design(self, X: Any) -> Design:
        """Centred columns, and the constant one last."""
        size = self.intercept_size
        if sparse.issparse(X):
            matrix = sparse.csr_array(X)
            if size is not None:
                matrix = sparse.hstack([matrix, np.full((X.shape[0], 1), size)], format="csr")
            return SparseDesign(sparse.csr_array(matrix))
        n_rows, n_columns = X.shape
        columns = np.empty((n_columns + (size is not None), n_rows))
        np.subtract(X.T, self.center[:, None], out=columns[:n_columns])
        if size is not None:
            columns[-1] = size
        return DenseDesign(columns)

    def params(self, coef: Array, intercept: Array) -> Array:
        """Of coefficients (r, n_columns) and intercepts (r,): flat, output by output."""
        parts = coef
        if self.intercept_size is not None:
            constant = (intercept + coef @ self.center) / self.intercept_size
            parts = np.column_stack([coef, constant])
        return (parts if self.contrasts is None else self.contrasts @ parts).ravel()

    def coefficients(self, columns: tuple[str, ...], labels: tuple[str, ...]) -> Coefficients:
        """Names and the map back; ``labels`` of the outputs (or classes), "" for a single one."""
        names = columns if self.intercept_size is None else (*columns, "(intercept)")
        named = tuple(f"{label}: {name}" if label else name for label in labels for name in names)
        return Coefficients(named, self.map_back(), np.zeros(len(named)))

    def map_back(self) -> Any:
        """Coefficients as a matrix times the parameters: an array, or CSR if it is large."""
        n_columns, size = len(self.center), self.intercept_size
        spread = np.eye(1) if self.contrasts is None else self.contrasts.T
        n_parts = n_columns + (size is not None)
        last = np.zeros((0, n_parts)) if size is None else np.append(-self.center, size)[None]
        if n_parts * n_parts * spread.size > LARGEST_MAP:
            unchanged: Any = sparse.eye_array(n_columns, n_parts, format="csr")
            back: Any = sparse.vstack([unchanged, sparse.csr_array(last)])
            return sparse.csr_array(sparse.kron(spread, back))
        back = np.concatenate([np.eye(n_columns, n_parts), last])
        return back if self.contrasts is None else np.kron(spread, back)
