"""Newton's method under linear inequalities, A params >= 0: monotone curves, signs, orders.

    step         min over d of  g . d + d^T H d / 2   with  A (w + d) >= 0
    so           H d = A^T mu - g,   mu >= 0,   mu . A (w + d) = 0

Each step is a quadratic program, solved as the point of the cone {A v >= 0} that is nearest to
Newton's own point w - H^-1 g in the metric H. A shortened step stays in the cone, which is convex.
At the minimiser d = 0: the gradient is a non-negative combination of the rows of A that hold with
equality. Near it those rows are known and the error is squared at each step. Source: sequential
quadratic programming, surveyed by Gill & Wong (2010), UCSD report NA-10-03.

Maths: docs/math/constraints.md
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from derivata.contracts import Array, HessianInverse, Predictor
from derivata.curvature import cholesky, invert
from derivata.curvature.face import FaceExpansion
from derivata.curvature.inverse import LARGEST_DENSE, CholeskyInverse
from derivata.errors import InvalidParameter, NotAvailable, ShapeMismatch
from derivata.objective import Expansion, Objective, add_to_diagonal
from derivata.solvers.cone import Cone
from derivata.solvers.result import (
    FAR,
    LEAST_FALL,
    SHORTEST_STEP,
    SUFFICIENT_DECREASE,
    FitResult,
)

# Added to a Hessian that is not safely positive definite, as a share of its diagonal. It slows the
# last steps along directions of about that curvature, and moves no minimiser.
RIDGE = 1e-11


@dataclass(frozen=True)
class ConstrainedFit(FitResult):
    """Where a constrained solver stopped, and what held it there.

    ``expansion`` is that on the face (``FaceExpansion``) where a constraint holds with equality:
    its gradient is the one along the face, and ``invert`` gives the inverse Hessian on it, so all
    that is derived from a minimiser stays inside the face. ``gradients`` are those along the face.

    Attributes
    ----------
    multipliers : array (m,)
        What each constraint pushes with, >= 0: the gradient of F is A^T multipliers.
    pinned : bool array (m,)
        Constraints that hold with equality because they push, or because those that do imply them.
    """

    multipliers: Array = field(repr=False, default_factory=lambda: np.zeros(0))
    pinned: Array = field(repr=False, default_factory=lambda: np.zeros(0, bool))


@dataclass(frozen=True, eq=False)
class ConstrainedNewton:
    """Damped Newton's method that keeps ``constraints @ params >= 0``, to rounding.

    Parameters
    ----------
    constraints : array (m, n_params) or (m, n_params / n_outputs)
        A. With as many columns as one output has parameters it holds for each output.
    tol : float
        Stop when the relative gradient along the face, that of g - A^T mu, is at most this.
    max_iter : int
        Largest number of steps; 5 to 10 are usual.
    precision : float
        And when the slope of F along the step is at most its square, in nats.

    Raises
    ------
    InvalidParameter
        If ``constraints`` is no matrix of finite numbers.

    Notes
    -----
    Where no constraint is active the steps are those of ``Newton``. Otherwise a step costs one
    factorisation of the dense Hessian and a non-negative least squares of m columns more.
    """

    constraints: Array
    tol: float = 1e-8
    max_iter: int = 100
    precision: float = 1e-6

    def __post_init__(self) -> None:
        rows = np.asarray(self.constraints, dtype=float)
        if rows.ndim != 2 or not np.isfinite(rows).all():
            shape = "has values that are not finite" if rows.ndim == 2 else f"is {rows.ndim}-d"
            raise InvalidParameter(
                f"`constraints` {shape}; expected an array (m, n_params) of finite numbers, one "
                "row for each inequality `row @ params >= 0`."
            )
        object.__setattr__(self, "constraints", rows)

    def minimize(self, objective: Objective, params: Array, hyper: Array) -> ConstrainedFit:
        """Minimise F(., hyper) from ``params``, or from the point of the cone next to them.

        Raises
        ------
        ShapeMismatch
            If the constraints are for another number of parameters.
        NotAvailable
            If there are too many parameters for a dense Hessian.
        """
        cone = Cone(_all_rows(self.constraints, objective.predictor))
        start = objective.at(params, hyper)
        if not cone.contains(params):
            start = objective.at(cone.project(params, _diagonal_factor(start))[0], hyper)
        here = _Quadratic.at(cone, start)
        values, gradients = [here.expansion.value], [here.gradient]
        n_iter, stuck = 0, False
        while n_iter < self.max_iter and not self._is_small(here):
            following = _search(here, here.step)
            if here.gradient > FAR and _is_stuck(here, following):
                following = _lower(following, _search(here, _steepest(here)))
            if following is None:
                stuck = True
                break
            here = following
            n_iter += 1
            values.append(here.expansion.value)
            gradients.append(here.gradient)
        return self._result(here, n_iter, stuck, values, gradients)

    def _is_small(self, here: _Quadratic) -> bool:
        return here.gradient <= self.tol and here.promise <= self.precision**2 * here.expansion.nat

    def _result(
        self,
        here: _Quadratic,
        n_iter: int,
        stuck: bool,
        values: list[float],
        gradients: list[float],
    ) -> ConstrainedFit:
        found = f"relative gradient along the face {here.gradient:.1e}"
        if stuck:
            converged = here.gradient <= max(1e4 * np.finfo(float).eps, 100 * self.tol)
            reason = f"no step lowers the objective further; {found} (tol {self.tol:.0e})"
        else:
            converged = self._is_small(here)
            reason = f"{found} is at most tol {self.tol:.0e}"
            if not converged:
                reason = f"max_iter = {self.max_iter} reached with a {found} (tol {self.tol:.0e})"
        # A multiplier too small to move the relative gradient beyond tol is as good as zero.
        scale = here.expansion.objective.gradient_scale
        push = here.multipliers * (here.cone.sizes / scale).max(axis=1, initial=0.0)
        multipliers = np.where(push > self.tol, here.multipliers, 0.0)
        pinned = here.cone.pinned(here.expansion.params, multipliers)
        expansion = here.expansion
        if pinned.any():
            expansion = FaceExpansion(expansion, here.cone.rows[pinned])
            reason += f"; {pinned.sum()} of {len(pinned)} constraints hold with equality"
        return ConstrainedFit(
            expansion,
            bool(converged),
            n_iter,
            reason,
            tuple(values),
            tuple(gradients),
            multipliers,
            pinned,
        )


@dataclass(frozen=True, eq=False)
class _Quadratic:
    """The quadratic program at one point, solved."""

    cone: Cone
    expansion: Expansion
    step: Array  # (p,)
    multipliers: Array  # (m,)
    gradient: float  # relative, of g - A^T mu
    promise: float  # the slope along the step, changed in sign: d^T H d + mu . A w

    @classmethod
    def at(cls, cone: Cone, expansion: Expansion) -> _Quadratic:
        """Newton's step, bent into the cone."""
        inverse, params = invert(expansion), expansion.params
        step = -inverse.solve(expansion.gradient)
        multipliers = np.zeros(len(cone.rows))
        left = expansion.gradient
        if not cone.contains(params + step):
            factor = _factor(expansion, inverse)
            step = -cholesky.solve(factor, expansion.gradient)
            nearest, multipliers = cone.project(params + step, factor)
            step = nearest - params
            left = left - cone.rows.T @ multipliers
        # Not - gradient . step, in which what the multipliers hold would cancel.
        promise = float(multipliers @ cone.slack(params) - left @ step)
        relative = np.abs(left) / expansion.objective.gradient_scale
        return cls(cone, expansion, step, multipliers, float(relative.max(initial=0.0)), promise)


def _search(here: _Quadratic, step: Array) -> _Quadratic | None:
    """The first of the steps 1, 1/2, 1/4 ... that decreases F enough, or None.

    The rule, and what is done where F moves by its rounding alone, are those of every solver
    (`derivata.solvers.result`).
    """
    expansion = here.expansion
    slope = -here.promise if step is here.step else float(expansion.gradient @ step)
    if not slope < 0.0:
        return None
    losses = float(expansion.objective.weight @ np.abs(expansion.rows.value))
    rounding = 1e-15 * (losses + expansion.penalty_value + 1.0)
    length = 1.0
    # A trial beyond float64 has the value inf or NaN and is refused; that is no news to a user.
    with np.errstate(over="ignore", invalid="ignore"):
        while length >= SHORTEST_STEP:
            trial = expansion.objective.at(expansion.params + length * step, expansion.hyper)
            if trial.value <= expansion.value + SUFFICIENT_DECREASE * length * slope:
                return _Quadratic.at(here.cone, trial)
            if trial.value <= expansion.value + rounding:
                following = _Quadratic.at(here.cone, trial)
                if following.gradient < 0.5 * here.gradient:
                    return following
                if -slope * length < rounding:
                    return None
            length *= 0.5
    return None


def _is_stuck(here: _Quadratic, following: _Quadratic | None) -> bool:
    return following is None or following.gradient > LEAST_FALL * here.gradient


def _lower(one: _Quadratic | None, other: _Quadratic | None) -> _Quadratic | None:
    if one is None or other is None:
        return one or other
    return one if one.expansion.value <= other.expansion.value else other


def _steepest(here: _Quadratic) -> Array:
    """Down the gradient in each parameter's own scale, to where a straight F is 0, then back in."""
    expansion = here.expansion
    factor = _diagonal_factor(expansion)
    downhill = expansion.gradient / np.diagonal(factor) ** 2
    length = abs(expansion.value) / float(expansion.gradient @ downhill)
    target = expansion.params - length * downhill
    return here.cone.project(target, factor)[0] - expansion.params


def _factor(expansion: Expansion, inverse: HessianInverse) -> Array:
    """L with L L^T = H, or H with a ridge where H is not safely positive definite."""
    if isinstance(inverse, CholeskyInverse):
        return inverse.factor
    diagonal = np.diagonal(expansion.hessian)
    # A parameter that no row and no penalty holds gets the typical size.
    size = np.where(diagonal > 0.0, diagonal, diagonal.mean() or 1.0)
    factor = cholesky.factorize(add_to_diagonal(expansion.hessian.copy(order="F"), RIDGE * size))
    # Curvatures that cancel below the ridge leave the sizes alone to step by.
    return np.diag(np.sqrt(size)) if factor is None else factor


def _diagonal_factor(expansion: Expansion) -> Array:
    """The root of what each parameter is measured in, on the diagonal: (p, p)."""
    size = expansion.objective.column_squares + expansion.penalty_diagonal
    return np.diag(np.sqrt(np.where(size > 0.0, size, 1.0)))


def _all_rows(constraints: Array, predictor: Predictor) -> Array:
    """The constraints on all parameters, (m, n_params)."""
    n_params, n_outputs = predictor.n_params, predictor.n_outputs
    if n_params > LARGEST_DENSE:
        raise NotAvailable(
            f"`ConstrainedNewton` needs a dense Hessian, and {n_params:,} parameters are more than "
            f"{LARGEST_DENSE:,}. Use fewer columns, or `solver=LBFGS()` without constraints."
        )
    n_columns = constraints.shape[1]
    if n_columns == n_params:
        return constraints
    if n_columns * n_outputs == n_params:
        return np.kron(np.eye(n_outputs), constraints)
    raise ShapeMismatch(
        f"`constraints` has {n_columns} columns but there are {n_params} parameters"
        + (f", {n_params // n_outputs} for each of {n_outputs} outputs" if n_outputs > 1 else "")
        + ". Was the intercept counted? Give it a column, of zeros if it is free."
    )
