"""A quadratic plus absolute values, minimised over its active set.

    minimise  phi(w) = w^T H w / 2 - q^T w + sum_j pull_j |w_j|

For given signs s of the coefficients that are not zero, phi's minimiser is
H_AA^-1 (q_A - pull_A s_A). A round solves that for the coefficients in use and those that are
pulled off zero, all at once; coefficients whose sign does not come out as assumed become zero, and
it is solved again. This is nearly the primal-dual active set, a semismooth Newton method: two to
four rounds are usual. Where phi does not fall, fewer coefficients may join; and in the end a single
one, after those in use have gone to their own minimum. Then phi must fall, and sets of signs are
finitely many.

Sources: Hintermueller, Ito & Kunisch (2003), SIAM J. Optim. 13, 865-888; Lee, Battle, Raina & Ng
(2007), NIPS 19 (feature-sign search).

Maths: docs/math/sparse_penalties.md
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from derivata.contracts import Array
from derivata.curvature import cholesky
from derivata.curvature.pseudo import SINGULAR_PIVOT
from derivata.objective import add_to_diagonal

# Added to a Hessian without a safe factor, as a share of its diagonal. Columns that repeat each
# other then share a coefficient, and a flat direction is followed to the next zero.
RIDGE = 1e-10
# A pivot of a factor with a ridge, as a share of its diagonal, that is little more than the ridge.
DEPENDENT = 1e-8
# A change of phi below this share of it is rounding.
ROUNDING = 1e-14
# A step to the lowest point of a line is at most so many times Newton's.
LONGEST = 1e3
# Where phi does not fall with many coefficients joining, so many times fewer are let in.
FEWER = 4


def minimize_lasso(
    hessian: Array, linear: Array, pull: Array, start: Array, tol: Array, max_iter: int = 0
) -> Array:
    """The minimiser of phi.

    Parameters
    ----------
    hessian : array (m, m)
        H, positive semi-definite.
    linear : array (m,)
        q.
    pull : array (m,)
        >= 0; zero for a free coefficient.
    start : array (m,)
    tol : array (m,)
        Largest shortest subgradient of each coefficient at the end.
    max_iter : int
        Largest number of rounds; by default 50 and ten a coefficient.

    Returns
    -------
    params : array (m,)
        As good as reached, if rounds run out.
    """
    free = pull == 0.0
    problem = hessian, linear, pull, free, tol
    here = _at(start, *problem)
    most = len(start)  # coefficients that may join at a time
    for _ in range(max_iter or 50 + 10 * len(start)):
        if here.worst <= 1.0:
            return here.w
        size = np.abs(here.residual)
        joining = ((size > tol) & ~here.used).nonzero()[0]
        n_joining = len(joining)
        if n_joining > most:
            joining = joining[np.argpartition(size[joining], -most)[-most:]]
        sign = np.where(here.w != 0.0, np.sign(here.w), -np.sign(here.residual))
        used = here.used.nonzero()[0]
        chosen, values = _face_minimum(
            hessian, linear - pull * sign, sign, free, len(used), np.concatenate([used, joining])
        )
        candidate = np.zeros_like(start)
        candidate[chosen] = values
        there = _at(candidate, *problem)
        if not _is_lower(there, here):
            most = min(most, n_joining) // FEWER
            if most > 0:
                continue
            there = _at(_next_face(here, *problem), *problem)
            if not _is_lower(there, here):
                return here.w
        here, most = there, max(FEWER * most, 1)
    return here.w


class _At(NamedTuple):
    w: Array
    gradient: Array  # of the quadratic
    value: float  # phi
    used: Array  # free or not zero
    residual: Array  # shortest subgradient
    worst: float  # the largest of it, as a share of what is allowed


def _at(w: Array, hessian: Array, linear: Array, pull: Array, free: Array, tol: Array) -> _At:
    gradient = hessian @ w - linear
    value = 0.5 * float(w @ (gradient - linear)) + float(pull @ np.abs(w))
    used = (w != 0.0) | free
    outside = np.copysign(np.maximum(np.abs(gradient) - pull, 0.0), gradient)
    residual = np.where(used, gradient + pull * np.sign(w), outside)
    return _At(w, gradient, value, used, residual, float((np.abs(residual) / tol).max(initial=0.0)))


def _is_lower(there: _At, here: _At) -> bool:
    """Whether phi has fallen; near the minimum, where it moves by its rounding, the subgradient."""
    near = there.value <= here.value + ROUNDING * abs(here.value)
    return there.value < here.value or (near and there.worst < 0.5 * here.worst)


def _face_minimum(
    hessian: Array, right: Array, sign: Array, free: Array, n_used: int, chosen: Array
) -> tuple[Array, Array]:
    """The minimum of phi over coefficients of given signs, less those that do not get theirs.

    Returns
    -------
    chosen : int array
        The coefficients left of ``chosen``, whose first ``n_used`` were in use.
    values : array (len(chosen),)
        H_AA^-1 right_A.
    """
    block = hessian[chosen[:, None], chosen]
    factor = _safe_factor(block)
    if factor is None and n_used < len(chosen):
        # Of columns that repeat each other one will do: those after it do not join.
        new = _independent(block)
        new[:n_used] = True
        chosen, block = chosen[new], block[new.nonzero()[0][:, None], new]
        factor = _safe_factor(block)
    while len(chosen):
        factor = _ridged_factor(block) if factor is None else factor
        values = cholesky.solve(factor, right[chosen])
        kept = (values * sign[chosen] >= 0.0) | free[chosen]
        if kept.all():
            return chosen, values
        chosen = chosen[kept]
        block = hessian[chosen[:, None], chosen]
        factor = _safe_factor(block)
    return chosen, np.zeros(0)


def solve_safely(matrix: Array, right: Array) -> Array:
    """matrix^-1 right for a positive semi-definite (m, m) array, with a ridge if it is singular."""
    if len(matrix) == 0:
        return np.zeros(0)
    factor = _safe_factor(matrix)
    return cholesky.solve(_ridged_factor(matrix) if factor is None else factor, right)


def _safe_factor(matrix: Array) -> Array | None:
    """Cholesky's factor, or None where a pivot is next to zero."""
    factor = cholesky.factorize(matrix)
    if factor is None:
        return None
    pivots = factor.diagonal()
    safe = (pivots * pivots > SINGULAR_PIVOT * matrix.diagonal()).all()
    return factor if safe else None


def _ridged_factor(matrix: Array) -> Array:
    """The factor of a matrix and a share of its diagonal, where that is singular."""
    diagonal = matrix.diagonal()
    # A column without curvature counts as one of average curvature.
    size = np.where(diagonal > 0.0, diagonal, diagonal.mean() or 1.0)
    ridge = RIDGE
    while True:
        factor = cholesky.factorize(add_to_diagonal(matrix.copy(order="F"), ridge * size))
        if factor is not None:
            return factor
        ridge *= 100.0


def _independent(matrix: Array) -> Array:
    """Which rows of a singular matrix are no combination of those before, bool (m,)."""
    pivots = np.diagonal(_ridged_factor(matrix))
    return pivots * pivots > DEPENDENT * matrix.diagonal()


def _next_face(
    here: _At, hessian: Array, linear: Array, pull: Array, free: Array, tol: Array
) -> Array:
    """A point where phi is at its minimum for some signs, one coefficient having entered.

    The coefficients in use go to their own minimum, some reaching zero on the way; then the one
    that is pulled hardest joins, and they go to theirs.
    """
    joined = False
    for _ in range(2 * len(here.w) + 4):
        size = np.abs(here.residual)
        chosen = here.used.nonzero()[0]
        if (size[chosen] <= tol[chosen]).all():
            strongest = int(np.argmax(np.where(here.used, -1.0, size / tol)))
            if joined or here.used[strongest] or size[strongest] <= tol[strongest]:
                break
            chosen, joined = np.append(chosen, strongest), True
        step = np.zeros_like(here.w)
        step[chosen] = -solve_safely(hessian[chosen[:, None], chosen], here.residual[chosen])
        if not _slope(here.w, here.gradient, pull, step) < 0.0:
            break
        # Along the step to the lowest point; or all the way, with all that turn becoming zero.
        along = _lowest_along(hessian, here.w, here.gradient, pull, step)
        whole = np.where((here.w * (here.w + step) < 0.0) & ~free, 0.0, here.w + step)
        both = [_at(w, hessian, linear, pull, free, tol) for w in (along, whole)]
        here = both[0] if both[0].value <= both[1].value else both[1]
    return here.w


def _slope(w: Array, gradient: Array, pull: Array, step: Array) -> float:
    """Derivative of phi along a step, at its beginning."""
    return float(gradient @ step + pull @ np.where(w != 0.0, np.sign(w) * step, np.abs(step)))


def _lowest_along(hessian: Array, w: Array, gradient: Array, pull: Array, step: Array) -> Array:
    """The minimum of phi on the ray w + t step: a parabola between zeros of coefficients."""
    crosses = (w * step < 0.0) & (pull > 0.0)
    reach = -w[crosses] / step[crosses]
    order = np.argsort(reach)
    curvature = float(step @ (hessian @ step))
    # The slope just before and after each zero, where it jumps by 2 pull |step|.
    jumps = 2.0 * (pull[crosses] * np.abs(step[crosses]))[order]
    reach, after = reach[order], np.cumsum(jumps)
    start = _slope(w, gradient, pull, step)
    before = start + curvature * reach + after - jumps
    passed = int(np.count_nonzero(before + jumps < 0.0))
    if passed < len(reach) and before[passed] < 0.0:  # the slope changes sign at a zero
        point = w + reach[passed] * step
        point[np.flatnonzero(crosses)[order[passed]]] = 0.0
        return point
    slope = start + (after[passed - 1] if passed else 0.0)
    # Where phi is straight in float64 it ends somewhere; a step is Newton's, so about 1 long.
    return w + (-slope / curvature if -slope < LONGEST * curvature else LONGEST) * step
