"""A quadratic plus total variation along chains, minimised face by face.

    minimise  phi(w) = w^T H w / 2 - q^T w + R(w)

A face is given by the neighbours that are equal, the runs that are zero, and the signs of all other
differences and sizes. On it R is straight, and phi's minimum is one linear solve in one number a
run. A round lets all runs break up where the shortest subgradient pulls them apart, solves, joins
again what did not get its sign, and solves again. Where phi does not fall, fewer parts may break
off; and in the end a single one, after the runs there are have gone to their own minimum. Then phi
must fall, and faces are finitely many.

Sources: as ``quadratic_lasso``, of which this is the counterpart for differences; Li, Sun & Toh
(2018), SIAM J. Optim. 28, 2842-2866 (faces of the fused lasso).

Maths: docs/math/penalties.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from derivata.contracts import Array
from derivata.lazy import lazy
from derivata.penalties.chain_variation import ChainVariation
from derivata.solvers.quadratic_lasso import solve_safely

# A change of phi below this share of it is rounding; so many in a row below that one are the end.
ROUNDING, LITTLE, SLOW = 1e-14, 1e-12, 5
# Where phi does not fall with many parts breaking off, so many times fewer may.
FEWER = 4
# A step to the lowest point of a line is at most so many times Newton's.
LONGEST = 1e3


def minimize_chain(
    hessian: Array,
    linear: Array,
    penalty: ChainVariation,
    hyper: Array,
    start: Array,
    tol: Array,
    max_iter: int = 0,
) -> Array:
    """The minimiser of phi.

    Parameters
    ----------
    hessian : array (p, p)
        H, positive semi-definite.
    linear : array (p,)
        q.
    penalty : ChainVariation
        R.
    hyper : array (n_hyper,)
    start : array (p,)
    tol : array (p,)
        Largest shortest subgradient of each parameter at the end.
    max_iter : int
        Largest number of rounds; by default 100 and two a parameter.

    Returns
    -------
    params : array (p,)
        As good as reached, if rounds run out.
    """
    if not len(penalty.order):  # nothing is in a chain
        return solve_safely(hessian, linear)
    problem = _Problem(hessian, linear, penalty, hyper, tol)
    here = problem.at(start)
    most = len(start)  # parts that may break off at a time
    slow = 0
    for _ in range(max_iter or 100 + 2 * len(start)):
        if here.worst <= 1.0 or slow > SLOW:
            break
        edges, nodes, n_parts = problem.broken(here, most)
        there = problem.at(problem.face_minimum(edges, nodes))
        if not _is_lower(there, here):
            most = min(most, n_parts) // FEWER
            if most > 0:
                continue
            there = problem.next_face(here)
            if not _is_lower(there, here):
                break
        # Falls of hardly more than rounding may go on for long.
        slow = slow + 1 if here.value - there.value <= LITTLE * abs(here.value) else 0
        here, most = there, max(FEWER * most, 1)
    return here.w


@dataclass(frozen=True, eq=False)
class _At:
    w: Array
    gradient: Array  # of the quadratic
    value: float  # phi
    residual: Array  # shortest subgradient
    worst: float  # the largest of it, as a share of what is allowed


def _is_lower(there: _At, here: _At) -> bool:
    """Whether phi has fallen; near the minimum, where it moves by its rounding, the subgradient."""
    near = there.value <= here.value + ROUNDING * abs(here.value)
    return there.value < here.value or (near and there.worst < 0.5 * here.worst)


@dataclass(frozen=True, eq=False)
class _Problem:
    hessian: Array
    linear: Array
    penalty: ChainVariation
    hyper: Array
    tol: Array

    def at(self, w: Array) -> _At:
        gradient = self.hessian @ w - self.linear
        value = 0.5 * float(w @ (gradient - self.linear)) + self.penalty.value(w, self.hyper)
        residual = self.penalty.shortest(w, self.hyper, gradient)
        worst = float((np.abs(residual) / self.tol).max(initial=0.0))
        return _At(w, gradient, value, residual, worst)

    def signs(self, w: Array) -> tuple[Array, Array]:
        """Of the differences of neighbours in a chain and of the sizes."""
        entries = w[self.penalty.order]
        return np.sign(np.diff(entries)) * self.penalty.joined, np.sign(entries)

    def broken(self, here: _At, most: int) -> tuple[Array, Array, int]:
        """Signs of differences and of sizes once runs have broken up, and how many parts left.

        A part is a piece of a run along which the shortest subgradient is constant; ``most`` of
        them, those pulled hardest, leave the run.
        """
        penalty, order = self.penalty, self.penalty.order
        pulled = here.residual[order]
        edges, nodes = self.signs(here.w)
        still = penalty.joined & (edges == 0.0)
        run = _numbered(~still)
        part = _numbered(~still | (np.diff(pulled) != 0.0))
        held = (nodes == 0.0) & (penalty.n_hyper == 2)
        # A run that moves as one stays whole; what counts is how its parts are pulled apart.
        mean = (np.bincount(run, pulled) / np.bincount(run))[run] if len(run) else pulled
        apart = np.where(held, pulled, pulled - mean)
        alone = np.bincount(run, np.append(1.0, np.diff(part)), len(run))[run] < 1.5
        leaving = (held | ~alone) & (np.abs(apart) > self.tol[order])
        parts, entry = np.unique(part[leaving], return_index=True)
        if len(parts) > most:
            size = np.abs(apart[leaving])[entry]
            parts = parts[np.argpartition(size, -most)[-most:]]
        leaves = np.isin(part, parts)
        opened = still & (leaves[1:] | leaves[:-1])
        edges = np.where(opened, -np.sign(np.diff(pulled)), edges)
        return edges, np.where(held & leaves, -np.sign(pulled), nodes), len(parts)

    def broken_once(self, here: _At) -> tuple[Array, Array] | None:
        """The same where one number more may move: a run in two, or a part of a run off zero.

        Where all runs are at their own minimum, that number goes the way it is pulled. None if
        nothing is pulled.
        """
        penalty, order = self.penalty, self.penalty.order
        pulled = here.residual[order]
        edges, nodes = self.signs(here.w)
        still = penalty.joined & (edges == 0.0)
        run = _numbered(~still)
        part = _numbered(~still | (np.diff(pulled) != 0.0))
        held = (nodes == 0.0) & (penalty.n_hyper == 2)
        # Of a run at zero the part that is pulled hardest: whatever is beside it stays behind.
        off_zero = np.where(held, np.abs(pulled), 0.0)
        # What pulls the two sides of an edge apart: the sum from the run's beginning.
        sums = np.cumsum(pulled)
        before = (sums - pulled)[np.unique(run, return_index=True)[1]]
        opens = still & ~held[1:] & (np.diff(pulled) != 0.0)
        apart = np.where(opens, np.abs(sums - before[run])[:-1], 0.0)
        if max(off_zero.max(initial=0.0), apart.max(initial=0.0)) == 0.0:
            return None
        if apart.max(initial=0.0) >= off_zero.max(initial=0.0):
            k = int(np.argmax(apart))
            edges[k] = -np.sign(pulled[k + 1] - pulled[k])
            return edges, nodes
        leaves = part == part[int(np.argmax(off_zero))]
        at_end = still & (leaves[1:] != leaves[:-1])
        edges = np.where(at_end, -np.sign(np.diff(np.where(leaves, pulled, 0.0))), edges)
        return edges, np.where(leaves, -np.sign(pulled), nodes)

    def runs(self, edges: Array, nodes: Array) -> tuple[Array, Array]:
        """The run of each parameter, -1 where zero, for given signs; and the signs of sizes left.

        A run of several signs, or with a zero in it, is zero.
        """
        penalty, order = self.penalty, self.penalty.order
        run = _numbered(~penalty.joined | (edges != 0.0))
        if penalty.n_hyper == 2:
            n_runs = int(run.max(initial=-1)) + 1
            lowest, highest = np.full(n_runs, 2.0), np.full(n_runs, -2.0)
            np.minimum.at(lowest, run, nodes)
            np.maximum.at(highest, run, nodes)
            zero = ((lowest != highest) | (lowest == 0.0))[run]
            nodes, run = np.where(zero, 0.0, nodes), np.where(zero, -1, run)
        number = np.full(len(self.linear), -1)
        number[order] = run
        free = self.free
        number[free] = run.max(initial=-1) + 1 + np.arange(len(free))
        return number, nodes

    @lazy
    def free(self) -> Array:
        """Parameters in no chain, by index."""
        return np.setdiff1d(np.arange(len(self.linear)), self.penalty.order)

    def on_face(self, edges: Array, nodes: Array, start: _At | None = None) -> Array:
        """The minimum of phi with R as straight as signs say, whether they come out or not.

        Or, with ``start``, the step from there to it: flat directions of H are followed as far as
        the slope at the start says, not as far as rounding does.
        """
        number, nodes = self.runs(edges, nodes)
        alpha1, alpha2 = self.penalty.strengths(self.hyper)
        right = self.linear.copy() if start is None else -start.gradient
        slope = alpha1 * (np.append(0.0, edges) - np.append(edges, 0.0))
        right[self.penalty.order] -= slope + alpha2 * nodes
        return _on_runs(self.hessian, right, number)

    def face_minimum(self, edges: Array, nodes: Array) -> Array:
        """The same, less those that do not get their sign."""
        sizes = self.penalty.n_hyper == 2
        while True:
            w = self.on_face(edges, nodes)
            entries = w[self.penalty.order]
            crossed = np.diff(entries) * edges < 0.0
            turned = (entries * nodes < 0.0) & sizes
            if not crossed.any() and not turned.any():
                return w
            edges, nodes = np.where(crossed, 0.0, edges), np.where(turned, 0.0, nodes)

    def next_face(self, here: _At) -> _At:
        """A point where phi is at its minimum for some signs, one part having broken off.

        The runs there are go to their own minimum, some joining on the way; then what is pulled
        hardest breaks off, and all go to theirs.
        """
        broken = False
        for _ in range(2 * len(here.w) + 4):
            edges, nodes = self.signs(here.w)
            number = self.runs(edges, nodes)[0] + 1
            left = np.bincount(number, here.residual)[number]
            allowed = np.bincount(number, self.tol)[number]
            if ((np.abs(left) <= allowed) | (number == 0)).all():
                opened = None if broken else self.broken_once(here)
                if opened is None:
                    break
                (edges, nodes), broken = opened, True
            step = self.on_face(edges, nodes, here)
            along = self.lowest_along(here, step)
            if along is None:
                break
            both = [self.at(w) for w in (along, self.face_minimum(edges, nodes))]
            here = both[0] if both[0].value <= both[1].value else both[1]
        return here

    def lowest_along(self, here: _At, step: Array) -> Array | None:
        """The minimum of phi on the ray w + t step, a parabola between kinks; None if it rises."""
        penalty, order = self.penalty, self.penalty.order
        alpha1, alpha2 = penalty.strengths(self.hyper)
        strength = np.append(np.where(penalty.joined, alpha1, 0.0), np.full(len(order), alpha2))
        at = np.append(np.diff(here.w[order]), here.w[order])
        move = np.append(np.diff(step[order]), step[order])
        bent = np.where(at != 0.0, np.sign(at) * move, np.abs(move))
        slope = float(here.gradient @ step + strength @ bent)
        curvature = float(step @ (self.hessian @ step))
        if not slope < 0.0:
            return None
        crosses = np.flatnonzero((at * move < 0.0) & (strength > 0.0))
        reach = -at[crosses] / move[crosses]
        sort = np.argsort(reach)
        crosses, reach = crosses[sort], reach[sort]
        # The slope just before each kink, and just after, where it jumps by 2 strength |move|.
        jumps = 2.0 * strength[crosses] * np.abs(move[crosses])
        after = slope + curvature * reach + np.cumsum(jumps)
        passed = int(np.count_nonzero(after < 0.0))
        if passed < len(reach) and after[passed] - jumps[passed] < 0.0:
            return self._stopped(here.w + reach[passed] * step, int(crosses[passed]))
        slope += float(jumps[:passed].sum())
        return here.w + (-slope / curvature if -slope < LONGEST * curvature else LONGEST) * step

    def _stopped(self, w: Array, kink: int) -> Array:
        """``w`` with the difference or size of number ``kink`` zero to the bit."""
        edges, nodes = self.signs(w)
        if kink < len(edges):
            edges[kink] = 0.0
        else:
            nodes[kink - len(edges)] = 0.0
        number = self.runs(edges, nodes)[0] + 1
        means = np.bincount(number, w) / np.maximum(np.bincount(number), 1)
        return np.where(number > 0, means[number], 0.0)


def _numbered(breaks: Array) -> Array:
    """Numbers 0, 1, 2 ... of pieces with breaks between some neighbours, (m,) from (m - 1,)."""
    return np.append(0, np.cumsum(breaks))


def _on_runs(hessian: Array, right: Array, number: Array) -> Array:
    """The minimum of w^T H w / 2 - right^T w with one number a run, and zero where it is -1."""
    kept = np.flatnonzero(number >= 0)
    if not len(kept):
        return np.zeros_like(right)
    runs, place = np.unique(number[kept], return_inverse=True)
    if len(runs) == len(right):
        return solve_safely(hessian, right)
    spread = sparse.csr_array((np.ones(len(kept)), (kept, place)), shape=(len(right), len(runs)))
    reduced = spread.T @ (spread.T @ hessian).T
    return spread @ solve_safely(np.asarray(reduced), spread.T @ right)
