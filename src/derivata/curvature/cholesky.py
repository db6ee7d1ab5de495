"""Cholesky factors by LAPACK itself: for small Hessians SciPy's checks would cost more than this.

Factors are lower triangular, Fortran-ordered, with zeros above the diagonal.
"""

from __future__ import annotations

from scipy.linalg import lapack

from derivata.contracts import Array


def factorize(matrix: Array) -> Array | None:
    """L with L L^T = matrix (p, p), or None if it is not positive definite."""
    factor, flag = lapack.dpotrf(matrix, lower=1)  # pyright: ignore[reportAttributeAccessIssue]
    return factor if flag == 0 else None


def solve(factor: Array, right: Array) -> Array:
    """(L L^T)^-1 @ right, (p,) or (p, m)."""
    return lapack.dpotrs(factor, right, lower=1)[0]  # pyright: ignore[reportAttributeAccessIssue]


def inverse(factor: Array) -> Array:
    """(L L^T)^-1, (p, p): L^-T L^-1, symmetric to the bit."""
    root = triangular_inverse(factor)
    return root.T @ root


def triangular_inverse(factor: Array) -> Array:
    """L^-1, (p, p), lower triangular: p^3 / 3 multiplications."""
    return lapack.dtrtri(factor, lower=1)[0]  # pyright: ignore[reportAttributeAccessIssue]
