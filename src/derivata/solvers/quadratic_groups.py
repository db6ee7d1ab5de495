"""A quadratic plus norms of blocks, minimised by a semismooth Newton method.

    minimise  phi(w) = w^T H w / 2 - q^T w + sum_b pull_b |w_b|

w is a minimiser where w = prox_t(w - t grad), each block with its own step t_b. With
u = w - t grad, blocks with |u_b| <= t_b pull_b become zero; in the others prox_t has the derivative

    (1 - rho) I + rho v v^T,    v = u_b / |u_b|,   rho = t_b pull_b / |u_b|

so that Newton's step on the equation solves a symmetric system: H plus
rho / (1 - rho) / t_b (I - v v^T), which at a minimiser is the Hessian of phi. A step that does not
lower phi is shortened, and at last replaced by a round of block coordinate descent, which must.

Sources: Hintermueller, Ito & Kunisch (2003), SIAM J. Optim. 13, 865-888; Milzarek & Ulbrich (2014),
SIAM J. Optim. 24, 298-333.

Maths: docs/math/sparse_penalties.md
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array
from derivata.lazy import lazy
from derivata.objective import add_to_diagonal
from derivata.solvers.quadratic_lasso import solve_safely

MAX_ROUNDS = 500
# A decrease of phi below this share of it is rounding.
ROUNDING = 1e-14
# The length of a step is sought in so many bisections.
BISECTIONS = 40
# rho is kept this far from 1, where a block is just leaving.
LARGEST_RHO = 1.0 - 1e-10


def minimize_groups(
    hessian: Array, linear: Array, pull: Array, blocks: Array, start: Array, tol: Array
) -> Array:
    """The minimiser of phi.

    Parameters
    ----------
    hessian : array (m, m)
        H, positive semi-definite.
    linear : array (m,)
        q.
    pull : array (m,)
        Of each parameter's block, >= 0.
    blocks : int array (m,)
        Block of each parameter, any number >= 0; -1 for free ones, each for itself.
    start : array (m,)
    tol : array (m,)
        Largest shortest subgradient of each parameter at the end.

    Returns
    -------
    params : array (m,)
        As good as reached, if rounds run out.
    """
    problem = _Problem(hessian, linear, pull, blocks)
    w, gradient = start, hessian @ start - linear
    value = problem.value(w, gradient)
    left = np.abs(problem.shortest(w, gradient))
    for _ in range(MAX_ROUNDS):
        if (left <= tol).all():
            return w
        rounding = ROUNDING * abs(value)
        for candidate in problem.candidates(w, gradient):
            there = hessian @ candidate - linear
            lower = problem.value(candidate, there)
            remains = np.abs(problem.shortest(candidate, there))
            # Near the minimum phi changes by less than its rounding; there the subgradient decides.
            closer = lower <= value + rounding and remains.max() < 0.5 * left.max()
            if lower < value - rounding or closer:
                break
        else:
            return w  # not even one block at a time lowers phi beyond its rounding
        w, gradient, value, left = candidate, there, lower, remains
    return w


@dataclass(frozen=True, eq=False)
class _Problem:
    hessian: Array
    linear: Array
    pull: Array
    blocks: Array

    @lazy
    def number(self) -> Array:
        """Blocks as 0 ... b - 1, each free parameter a block of its own."""
        apart = self.blocks.max(initial=0) + 1 + np.arange(len(self.blocks))
        return np.unique(np.where(self.blocks < 0, apart, self.blocks), return_inverse=True)[1]

    @lazy
    def same(self) -> Array:
        """Whether two parameters are in one block, bool (m, m)."""
        return self.number[:, None] == self.number

    @lazy
    def step(self) -> Array:
        """t_b of each parameter: one over a bound on the largest eigenvalue of H_bb."""
        inside = np.where(self.same, self.hessian, 0.0)
        size = np.sqrt(self._sums(np.einsum("ij,ij->i", inside, inside)))
        return 1.0 / np.maximum(size, 1e-12 * size.max(initial=0.0) + np.finfo(float).tiny)

    def _sums(self, values: Array) -> Array:
        return np.bincount(self.number, values)[self.number]

    def norms(self, values: Array) -> Array:
        return np.sqrt(self._sums(values * values))

    def value(self, w: Array, gradient: Array) -> float:
        norms = self.norms(w)
        direction = w / np.where(norms > 0.0, norms, 1.0)
        return 0.5 * float(w @ (gradient - self.linear)) + float((self.pull * direction) @ w)

    def shortest(self, w: Array, gradient: Array) -> Array:
        norms, strength = self.norms(w), self.norms(gradient)
        moving = (norms > 0.0) | (self.pull == 0.0)
        left = np.maximum(1.0 - self.pull / np.where(strength > 0.0, strength, np.inf), 0.0)
        pulled = gradient + self.pull * w / np.where(norms > 0.0, norms, 1.0)
        return np.where(moving, pulled, left * gradient)

    def candidates(self, w: Array, gradient: Array) -> Iterator[Array]:
        """Points to try in turn: Newton's, a step that keeps the blocks, blocks one by one.

        Yields
        ------
        array (m,)
        """
        newton = self._newton(w, gradient)
        if np.isfinite(newton).all():
            yield newton
        yield from self._within(w, gradient)
        yield self._block_by_block(w, gradient)

    def _newton(self, w: Array, gradient: Array) -> Array:
        step, pull = self.step, self.pull
        u = w - step * gradient
        norms = self.norms(u)
        inside = norms > step * pull
        size = np.where(inside, norms, 1.0)
        rho = np.where(inside, np.minimum(step * pull / size, LARGEST_RHO), 0.0)
        unit = np.where(inside, u / size, 0.0)
        to_prox = (1.0 - rho) * u - w
        # The equation times the inverse derivative of prox, 1 along u and 1 / (1 - rho) across it.
        along = self._sums(unit * to_prox) * unit
        right = (along + (to_prox - along) / (1.0 - rho)) / step
        bend = rho / (1.0 - rho) / step
        kept = np.flatnonzero(inside)
        dropped = np.flatnonzero(~inside)
        rows = kept[:, None]
        matrix = self.hessian[rows, kept]
        matrix = matrix - self.same[rows, kept] * (bend * unit)[rows] * unit[kept]
        add_to_diagonal(matrix, bend[kept])
        move = -w
        right = right[kept] - self.hessian[rows, dropped] @ move[dropped]
        move[kept] = solve_safely(matrix, right)
        result = w + move
        result[dropped] = 0.0
        return result

    def _within(self, w: Array, gradient: Array) -> Iterator[Array]:
        """Newton's direction for the blocks in use, where phi is smooth, to its lowest point.

        A direction of descent; a block that would turn round on the way becomes zero.

        Yields
        ------
        array (m,)
        """
        norms = self.norms(w)
        kept = np.flatnonzero((norms > 0.0) | (self.pull == 0.0))
        if not len(kept):
            return
        rows = kept[:, None]
        size = np.where(norms > 0.0, norms, 1.0)
        unit, bend = (w / size)[kept], (self.pull / size)[kept]
        matrix = self.hessian[rows, kept] - self.same[rows, kept] * (bend * unit)[:, None] * unit
        add_to_diagonal(matrix, bend)
        step = np.zeros_like(w)
        step[kept] = -solve_safely(matrix, self.shortest(w, gradient)[kept])
        moved = w + self._length(w, gradient, step) * step
        turned = (self._sums(moved * w) <= 0.0) & (self.pull > 0.0)
        if turned.any():
            yield np.where(turned, 0.0, moved)
        yield moved

    def _length(self, w: Array, gradient: Array, step: Array) -> float:
        """Where on the ray w + t step, t <= 1, phi is lowest, to a tenth, by bisection."""
        along, curvature = float(gradient @ step), float(step @ (self.hessian @ step))

        def falls(t: float) -> bool:
            moved = w + t * step
            norms = self.norms(moved)
            slope = self.pull * moved / np.where(norms > 0.0, norms, 1.0)
            return along + t * curvature + float(slope @ step) < 0.0

        short, long = 0.0, 1.0
        if falls(long):
            return long
        for _ in range(BISECTIONS):
            middle = 0.5 * (short + long) if short > 0.0 else 0.1 * long
            short, long = (middle, long) if falls(middle) else (short, middle)
            if short > 0.9 * long:
                break
        return short

    def _block_by_block(self, w: Array, gradient: Array) -> Array:
        """One proximal gradient step for each block in turn: phi never rises."""
        w, gradient = w.copy(), gradient.copy()
        for block in range(int(self.number.max(initial=-1)) + 1):
            members = np.flatnonzero(self.number == block)
            step, pull = self.step[members[0]], self.pull[members[0]]
            u = w[members] - step * gradient[members]
            norm = float(np.sqrt(u @ u))
            moved = max(1.0 - step * pull / norm, 0.0) * u if norm > 0.0 else u
            gradient += self.hessian[:, members] @ (moved - w[members])
            w[members] = moved
        return w
