"""Many leave-one-out fits at once: quasi-Newton steps that share every product with the data.

Without row i the Hessian of the full fit loses that row,

    B_i = (H - J_i^T W_i J_i)^-1 = H^-1 + H^-1 J_i^T (I - W_i L_i)^-1 W_i J_i H^-1,

and w <- w - B_i grad F_-i(w) from the fit with all rows has leave-one-out's Newton step as its
first. B_i is then corrected by the gradients it meets (L-BFGS, a history a row), so that rows that
change the curvature a lot are reached too. All rows' steps are two products of the design with one
column a row, so a hundred fits cost little more than the exponentials in them.

A fit counts as reached where the next step is a billionth of a posterior standard deviation; where
the penalty has kinks, only if no kink lets go and none is met: the shortest subgradient of all
parameters is zero. Rows for which that fails are left to a solver.

Source of the two-loop product: Nocedal & Wright (2006), Numerical Optimization, 2nd ed., algorithm
7.4; of B_i: Woodbury's identity.

Maths: docs/math/certified_leave_one_out.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from derivata.certified.one_step import SMALLEST_SHARE, least_share
from derivata.contracts import Array, HessianInverse
from derivata.curvature.active import ActiveExpansion, ActiveInverse
from derivata.curvature.face import FaceExpansion
from derivata.curvature.inverse import invert
from derivata.objective import Expansion
from derivata.predictors import LinearPredictor

# Steps, and the curvature pairs that a row remembers.
STEPS, MEMORY = 40, 12
# Squared lengths of a row's next step in its own metric, in nats: where it ends, and where it
# counts as reached if rounding lets it come no nearer.
ENDED, REACHED = 1e-18, 1e-14
# A step along which the slope turns by more than this share overshoots and is cut.
OVERSHOOT = 0.5
# Where the slope is no number, the step is cut as if it turned by this many times its size.
OVERFLOWN = 9.0
# Outputs (rows times fits) held at a time: 4 MB, which stays in cache.
BLOCK = 2**19
# With kinks: the shortest subgradient, relative, that counts as zero.
KINK_TOLERANCE = 1e-7


@dataclass(frozen=True, eq=False)
class Refits:
    """Fits without one observation each.

    Attributes
    ----------
    outputs : array (m, k)          of the row left out, by the fit without it
    reached : bool array (m,)       whether that fit was reached; else ``outputs`` is no such thing
    params : array (m, n_params)    where each ended: a start for a solver
    """

    outputs: Array
    reached: Array
    params: Array


def can_batch(expansion: Expansion) -> bool:
    """Whether many fits share their products: linear outputs of a design, no constraints."""
    if isinstance(expansion, FaceExpansion):
        return False
    kinked = hasattr(expansion.objective.penalty, "prox")
    if kinked and not isinstance(expansion, ActiveExpansion):
        return False
    if isinstance(expansion, ActiveExpansion) and not len(expansion.support):
        return False
    return isinstance(expansion.objective.predictor, LinearPredictor)


def refit_rows(expansion: Expansion, rows: Array) -> Refits:
    """Fits without one observation of each of some rows, from the fit with all.

    Parameters
    ----------
    expansion : Expansion
        At a minimiser; ``can_batch`` of it.
    rows : int array (m,)

    Returns
    -------
    Refits

    Notes
    -----
    Costs 4 n p multiplications and n exponentials a step and row; 3 to 8 steps are usual.
    """
    predictor = expansion.objective.predictor
    k, p = predictor.n_outputs, predictor.n_params
    width = max(BLOCK // max(predictor.n_rows * k, p), 8)
    parts = [_refit_block(expansion, rows[i : i + width]) for i in range(0, len(rows), width)]
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return Refits(np.zeros((0, k)), np.zeros(0, bool), np.zeros((0, p)))
    return Refits(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in vars(parts[0]))
    )


def _refit_block(expansion: Expansion, rows: Array) -> Refits:
    kinked = isinstance(expansion, ActiveExpansion)
    inner = expansion.on_support if kinked else expansion
    inverse = cast(ActiveInverse, invert(expansion)).inner if kinked else invert(expansion)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return _Batch(inner, inverse, rows).run(expansion if kinked else None)


class _Batch:
    """The fits of one block; params are (n_params, m), outputs (n_rows, m, k)."""

    def __init__(self, expansion: Expansion, inverse: HessianInverse, rows: Array):
        objective = expansion.objective
        self.expansion, self.objective, self.inverse = expansion, objective, inverse
        self.k = objective.predictor.n_outputs
        self.rows = rows
        self.removed = np.minimum(objective.weight[rows], 1.0)
        jacobian = objective.predictor.jacobian(expansion.params, rows)  # (m, k, p)
        self.J = np.ascontiguousarray(jacobian.transpose(2, 0, 1))  # (p, m, k)
        p, m, k = self.J.shape
        self.S = inverse.solve(self.J.reshape(p, m * k)).reshape(p, m, k)
        self.L = np.einsum("pma,pmb->mab", self.J, self.S)
        W = self.removed[:, None, None] * expansion.rows.hessian[rows]
        # Where nothing is left without the row, there is nothing to step by.
        self.determined = least_share(W, self.L) > SMALLEST_SHARE
        shares = np.where(self.determined[:, None, None], np.eye(k) - W @ self.L, np.eye(k))
        self.back = np.linalg.solve(shares, W)  # (m, k, k)

    def run(self, kinked: ActiveExpansion | None) -> Refits:
        moved, reached = self._descend()
        params = (self.expansion.params[:, None] + moved).T
        if kinked is not None:
            reached &= self._keeps_kinks(kinked, moved)
            full = np.zeros((len(params), len(kinked.params)))
            full[:, kinked.support] = params
            params = full
        own = np.einsum("pmk,pm->mk", self.J, moved)
        outputs = self.expansion.outputs[self.rows] + own
        return Refits(outputs, reached & np.isfinite(outputs).all(axis=1), params)

    def _descend(self) -> tuple[Array, Array]:
        """How far each fit moves, (p, m), and whether it got to its minimum, (m,)."""
        moved = np.zeros(self.J.shape[:2])
        reached = np.zeros(len(self.rows), dtype=bool)
        nat = max(self.expansion.nat, np.finfo(float).tiny)
        here = np.flatnonzero(self.determined)  # fits still on their way
        at, history = _Point.start(self, here), _History()
        for _ in range(STEPS if len(here) else 0):
            step = -history.apply(lambda g, here=here: self._chord(g, here), at.gradient)
            slope = np.einsum("pm,pm->m", at.gradient, step)
            reached[here] = np.abs(slope) <= REACHED * nat
            # The last step is free, and the error after it smaller still.
            moved[:, here] = at.moved + np.where(np.isfinite(step), step, 0.0)
            left = np.isfinite(slope) & (slope < -ENDED * nat)
            if not left.any():
                break
            if not left.all():
                here, step, slope = here[left], step[:, left], slope[left]
                at, history = at.select(left), history.select(left)
            following = self._follow(at, here, step, slope)
            history = history.joined(following.moved - at.moved, following.gradient - at.gradient)
            at = following
        return moved, reached

    def _follow(self, at: _Point, here: Array, step: Array, slope: Array) -> _Point:
        """The point after a step, or after less of it for fits that it carries too far."""
        following = at.step(self, here, step)
        # The slope along the step is -1 at its start, 0 at its minimum, above 0 beyond it.
        beyond = np.einsum("pm,pm->m", following.gradient, step) / -slope
        cut = ~(beyond <= OVERSHOOT)
        if not cut.any():
            return following
        length = 1.0 / (1.0 + np.where(np.isfinite(beyond[cut]), beyond[cut], OVERFLOWN))
        shorter = at.select(cut).step(self, here[cut], length * step[:, cut])
        return following.replaced(cut, shorter)

    def _chord(self, gradient: Array, here: Array) -> Array:
        """B_i times a gradient each, (p, m)."""
        solved = self.inverse.solve(gradient)
        J, S = self.J[:, here], self.S[:, here]
        pull = np.einsum("pmk,pm->mk", J, solved)
        return solved + np.einsum("pmk,mk->pm", S, np.einsum("mab,mb->ma", self.back[here], pull))

    def gradient(self, here: Array, moved: Array, outputs: Array) -> tuple[Array, Array]:
        """Of F without each row, (p, m), and the weighted row gradients (n, m, k) behind it."""
        objective, params = self.objective, self.expansion.params
        n, m, k = outputs.shape
        rows = objective.loss.at(np.repeat(objective.y, m), outputs.reshape(n * m, k))
        each = rows.gradient.reshape(n, m, k)
        own = each[self.rows[here], np.arange(m)]
        each = each * objective.weight[:, None, None]
        each[self.rows[here], np.arange(m)] -= self.removed[here, None] * own
        design = cast(LinearPredictor, objective.predictor).design
        pulled = design.rmatvec(each.reshape(n, m * k)).reshape(-1, m, k)
        gradient = pulled.transpose(2, 0, 1).reshape(-1, m)
        return gradient + self._penalty_gradient(params, moved), each

    def _penalty_gradient(self, params: Array, moved: Array) -> Array:
        penalty, hyper = self.objective.penalty, self.expansion.hyper
        if penalty.curvature_is_constant:
            return penalty.gradient(params, hyper)[:, None] + penalty.hvp(params, hyper, moved)
        return np.stack([penalty.gradient(params + each, hyper) for each in moved.T], axis=1)

    def outputs_change(self, moved: Array) -> Array:
        """J d for each fit, (n, m, k)."""
        design = cast(LinearPredictor, self.objective.predictor).design
        m = moved.shape[1]
        coefs = moved.reshape(self.k, -1, m).transpose(1, 2, 0).reshape(-1, m * self.k)
        return design.matvec(coefs).reshape(-1, m, self.k)

    def _keeps_kinks(self, kinked: ActiveExpansion, moved: Array) -> Array:
        """Whether each fit's end is a minimiser over all parameters, held ones included: (m,)."""
        m = moved.shape[1]
        outputs = self.expansion.outputs[:, None, :] + self.outputs_change(moved)
        _, each = self.gradient(np.arange(m), moved, outputs)
        design = cast(LinearPredictor, kinked.objective.predictor).design
        n, _, k = each.shape
        pulled = design.rmatvec(each.reshape(n, m * k)).reshape(-1, m, k)
        pulled = pulled.transpose(2, 0, 1).reshape(-1, m)
        full = np.zeros((len(kinked.params), m))
        full[kinked.support] = self.expansion.params[:, None] + moved
        scale, penalty = kinked.objective.gradient_scale, kinked.penalty
        left = [
            np.abs(penalty.shortest(full[:, j], kinked.hyper, pulled[:, j]) / scale).max()
            for j in range(m)
        ]
        return np.array(left) <= KINK_TOLERANCE


@dataclass(frozen=True, eq=False)
class _Point:
    """Where the fits stand."""

    moved: Array  # (p, m)
    outputs: Array  # (n, m, k)
    gradient: Array  # (p, m)

    @classmethod
    def start(cls, batch: _Batch, here: Array) -> _Point:
        """At the fit with all rows, where without row i only its own gradient is missing."""
        expansion = batch.expansion
        own = batch.removed[:, None] * expansion.rows.gradient[batch.rows]
        missing = np.einsum("pmk,mk->pm", batch.J, own)[:, here]
        shape = (len(expansion.outputs), len(here), batch.k)
        outputs = np.broadcast_to(expansion.outputs[:, None, :], shape)
        return cls(np.zeros_like(missing), outputs, expansion.gradient[:, None] - missing)

    def step(self, batch: _Batch, here: Array, step: Array) -> _Point:
        outputs = self.outputs + batch.outputs_change(step)
        moved = self.moved + step
        return _Point(moved, outputs, batch.gradient(here, moved, outputs)[0])

    def select(self, chosen: Array) -> _Point:
        return _Point(self.moved[:, chosen], self.outputs[:, chosen], self.gradient[:, chosen])

    def replaced(self, chosen: Array, other: _Point) -> _Point:
        """The same with the chosen fits at another point."""
        for name in ("moved", "outputs", "gradient"):
            getattr(self, name)[:, chosen] = getattr(other, name)
        return self


class _History:
    """Steps and changes of gradient of each fit, and the inverse Hessian they imply."""

    def __init__(self, pairs: tuple[tuple[Array, Array, Array], ...] = ()):
        self.pairs = pairs  # s, y, 1 / s.y

    def joined(self, step: Array, change: Array) -> _History:
        product = np.einsum("pm,pm->m", step, change)
        sizes = np.einsum("pm,pm->m", step, step) * np.einsum("pm,pm->m", change, change)
        # A pair without curvature, or of rounding alone, is left out: 1 / inf.
        good = product > 1e-10 * np.sqrt(sizes)
        share = np.where(good, 1.0 / np.where(good, product, 1.0), 0.0)
        return _History((*self.pairs, (step, change, share))[-MEMORY:])

    def select(self, chosen: Array) -> _History:
        return _History(tuple((s[:, chosen], y[:, chosen], r[chosen]) for s, y, r in self.pairs))

    def apply(self, chord: Any, gradient: Array) -> Array:
        """The two-loop product around ``chord``, (p, m)."""
        right, shares = gradient, []
        for s, y, r in reversed(self.pairs):
            share = r * np.einsum("pm,pm->m", s, right)
            right = right - share * y
            shares.append(share)
        result = chord(right)
        for (s, y, r), share in zip(self.pairs, reversed(shares), strict=True):
            result = result + s * (share - r * np.einsum("pm,pm->m", y, result))
        return result
