"""Smooth functions turned so that their roughness is a plain sum of squares.

Given functions P whose roughness is |c|^2 for a combination P c, and the functions N that have none
(a constant; with it a straight line), and the weighted Gram matrix of all of them over the training
rows,

    Z = (P - N A) V / s,     A = (N^T G N)^-1 N^T G P,     (P - N A)^T G (P - N A) V = V diag(d).

A takes out the best straight line, which costs no roughness; V is a rotation, so the roughness of
Z c stays |c|^2 / s^2; s makes the mean row of Z have length 1. So a ridge penalty on c *is* a
smoothing spline's penalty. The columns of Z do not correlate over the training rows and are sorted
by d, from the smoothest on: functions of equal roughness that explain the most come first. Those
which are zero on all training rows are left out; a penalised fit never uses them.

Source: Demmler & Reinsch (1975), Numer. Math. 24, 375-382 (the basis); Wood (2017), Generalized
Additive Models, 2nd ed., chapter 5 (the natural parameterisation).
Maths: docs/math/splines.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ZERO = 1e-14
"""A column with less than this part of the first one's variance is zero but for rounding."""


@dataclass(frozen=True, eq=False)
class Whitening:
    """The matrices of Z = P @ turn - N @ lines.

    Parameters
    ----------
    turn : (n_functions, n_columns)    V / s
    lines : (n_lines, n_columns)       A V / s
    """

    turn: np.ndarray
    lines: np.ndarray


def whiten(
    functions: np.ndarray, lines: np.ndarray, gram: np.ndarray, n_columns: int | None = None
) -> Whitening:
    """Find the columns of Z.

    Parameters
    ----------
    functions : (n_basis, n_functions)   P in some basis; the roughness of ``P c`` is |c|^2
    lines : (n_basis, n_lines)           N in that basis; the first is the constant 1
    gram : (n_basis, n_basis)            of the basis: weighted sum over the training rows
    n_columns : int or None              keep at most so many; all if None

    Returns
    -------
    whitening : Whitening
    """
    fit = np.linalg.solve(lines.T @ gram @ lines, lines.T @ gram)
    best = fit @ functions
    # Twice is enough: the first time leaves rounding of the size of the line that is taken out.
    best = best + fit @ (functions - lines @ best)
    bent = functions - lines @ best
    variance, turn = np.linalg.eigh(bent.T @ gram @ bent)
    variance, turn = variance[::-1], turn[:, ::-1]
    kept = variance > ZERO * max(variance[0], 0.0)
    if n_columns is not None:
        kept[n_columns:] = False
    variance, turn = variance[kept], turn[:, kept]
    total = float(lines[:, 0] @ gram @ lines[:, 0])
    turn = turn * (_signs(turn) * np.sqrt(total / variance.sum())) if variance.size else turn
    return Whitening(turn, best @ turn)


def _signs(turn: np.ndarray) -> np.ndarray:
    """Return the sign of each column's largest entry, so that no LAPACK's choice shows."""
    largest = np.abs(turn).argmax(axis=0)
    return np.where(turn[largest, np.arange(turn.shape[1])] < 0, -1.0, 1.0)
