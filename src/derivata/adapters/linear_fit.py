"""A fitted linear model of scikit-learn, read off, as a ``FittedModel``.

    F = sum_i s_i loss(y_i, x_i @ w + b) + alpha (l1_ratio |w|_1 + (1 - l1_ratio) |w|^2 / 2)

Each adapter says which loss and which alpha, in nats; the rest is the same for all and is here.

Maths: docs/math/adapters.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from derivata.adapters.fitted import FittedModel
from derivata.adapters.inputs import columns_of, n_rows_of, rows_of, weights_of
from derivata.adapters.linear_units import LinearUnits
from derivata.adapters.responses import Response
from derivata.contracts import Array, Loss, Penalty
from derivata.curvature.inverse import LARGEST_DENSE
from derivata.integrals.shapes import LinearOutputs
from derivata.objective import Objective
from derivata.penalties.block_norm import BlockNorm
from derivata.penalties.smooth import FREE, GroupRidge
from derivata.predictors.linear import LinearPredictor
from derivata.solvers.lbfgs import LBFGS
from derivata.solvers.newton import Newton
from derivata.solvers.proximal import ProximalNewton
from derivata.tuning import Solver


@dataclass(frozen=True)
class Strength:
    """A penalty of all columns, in nats.

    Attributes
    ----------
    alpha : float              0: none
    l1_ratio : float           the share of absolute values; the rest is of half the squares
    name : str                 as users know it: "alpha", "1/C"
    holds_intercept : bool     whether the constant column is penalised like any other
    """

    alpha: float
    l1_ratio: float = 0.0
    name: str = "alpha"
    holds_intercept: bool = False

    def on(self, n_columns: int, n_outputs: int, has_intercept: bool) -> tuple[Penalty, Array]:
        """The penalty of parameters, output by output, and its hyper."""
        free = np.zeros(n_columns + has_intercept, dtype=bool)
        free[n_columns:] = not self.holds_intercept
        if self.alpha == 0.0:
            return GroupRidge(np.full(len(free) * n_outputs, FREE), ()), np.zeros(0)
        hyper = np.log([self.alpha])
        if self.l1_ratio == 0.0:
            groups = np.where(free, FREE, 0)
            return GroupRidge(np.tile(groups, n_outputs), (self.name,)), hyper
        blocks = np.where(free, FREE, np.arange(len(free)))
        return BlockNorm(blocks, n_outputs, (self.name,), l1_ratio=self.l1_ratio), hyper


@dataclass(frozen=True, eq=False)
class LinearFit:
    """What a fitted linear model says of itself.

    Attributes
    ----------
    model : estimator
    name : str
    loss : Loss
    coef, intercept : array (r, n_columns), (r,)
        As fitted; r is the number of outputs, or of classes where there are contrasts.
    strength : Strength
    response : Response
    targets : callable
        (y, n_rows) -> what the loss is asked for, (n_rows,).
    intercept_size : float or None
    labels : tuple of str
        Of the r outputs or classes.
    contrasts : array (k, r) or None
    notes : tuple of str
    is_tuned : bool
    """

    model: Any
    name: str
    loss: Loss
    coef: Array
    intercept: Array
    strength: Strength
    response: Response
    targets: Callable[[Any, int], Array]
    intercept_size: float | None = 1.0
    labels: tuple[str, ...] = ("",)
    contrasts: Array | None = None
    notes: tuple[str, ...] = ()
    is_tuned: bool = False

    def on(self, X: Any, y: Any, weight: Array) -> FittedModel:
        """The model with the rows it was fitted to, ``X`` checked already; y as handed in."""
        kept = np.flatnonzero(weight)
        target = self.targets(y, X.shape[0])
        if len(kept) < len(weight):
            X, target, weight = X[kept], target[kept], weight[kept]
        self.loss.validate(target)
        strength, has_intercept = self.strength, self.intercept_size is not None
        units = LinearUnits.of(
            X,
            self.intercept_size,
            centred=not (strength.holds_intercept and strength.alpha > 0.0),
            contrasts=self.contrasts,
        )
        penalty, hyper = strength.on(X.shape[1], self.loss.n_outputs, has_intercept)
        columns = columns_of(self.model)
        return FittedModel(
            name=self.name,
            objective=self._objective(units, penalty, X, target, weight),
            params=units.params(self.coef, self.intercept),
            hyper=hyper,
            kept=kept,
            columns=columns,
            response=self.response,
            solver=solver_of(penalty, X.shape[0] * self.loss.n_outputs),
            judged=self._judged(units, penalty),
            coefficients=units.coefficients(columns, self.labels),
            shape=self._shape(columns),
            notes=self.notes,
            is_tuned=self.is_tuned,
        )

    def _objective(
        self, units: LinearUnits, penalty: Penalty, X: Any, target: Array, weight: Array
    ) -> Objective:
        predictor = LinearPredictor(units.design(X), self.loss.n_outputs)
        return Objective(self.loss, predictor, penalty, target, weight)

    def _judged(self, units: LinearUnits, penalty: Penalty) -> Callable[..., Objective]:
        def judged(X: Any, y: Any, sample_weight: Any = None) -> Objective:
            rows = rows_of(self.model, X)
            n_rows = n_rows_of(rows)
            target = self.targets(y, n_rows)
            self.loss.validate(target)
            weight = weights_of(sample_weight, n_rows)
            return self._objective(units, penalty, rows, target, weight)

        return judged

    def _shape(self, columns: tuple[str, ...]) -> LinearOutputs:
        weight, intercept = self.coef, self.intercept
        if self.contrasts is not None:
            weight, intercept = self.contrasts @ weight, self.contrasts @ intercept
        return LinearOutputs(columns, weight, intercept, lambda X: rows_of(self.model, X))


def solver_of(penalty: Penalty, n_numbers: int) -> Solver:
    """What goes on from near a minimiser; ``n_numbers`` are rows times outputs."""
    if hasattr(penalty, "prox"):
        return ProximalNewton()
    # Newton's steps need a Hessian of the parameters, or its dual of the outputs.
    dear = min(penalty.n_params, n_numbers) > LARGEST_DENSE
    return LBFGS(max_iter=1_000) if dear else Newton()
