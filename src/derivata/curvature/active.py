"""F on its active set: the parameters that a penalty with a kink does not hold at zero.

Let A be the free parameters and those of blocks that are not zero. Near a minimiser at which every
other block is held with some force to spare, F moves as a smooth function of the parameters in A:

    gradient     the shortest subgradient; zero exactly at a minimiser
    H^-1         (H_AA)^-1 in A, zero outside,    H_AA = G_AA + Lambda_AA

These take the place of gradient and H^-1 in all that is derived from a minimiser: leave-one-out,
derivatives by penalties, effective parameters. Nothing of size p x p is formed. Where a block is
just about to enter or leave, derivatives are one-sided.

Source: Bertrand, Klopfenstein, Massias et al. (2022), JMLR 23(149), 1-43 (implicit derivatives on
the support).

Maths: docs/math/sparse_penalties.md
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, cast

import numpy as np

from derivata.contracts import Array, HessianInverse, Predictor, Sandwich, SparsePenalty
from derivata.curvature.inverse import invert, invert_dense
from derivata.errors import NotAvailable
from derivata.lazy import lazy
from derivata.objective import Expansion, Objective

# Active columns are copied out for passes over the rows where they are at most this share of all,
# and all are more numbers than this.
SMALL_SUPPORT, LARGE_DESIGN = 0.5, 2**17


class ActiveExpansion(Expansion):
    """The expansion of F with a ``SparsePenalty``; ``invert`` of it gives an ``ActiveInverse``.

    ``gradient`` is the shortest subgradient, so ``relative_gradient`` and ``require_minimiser``
    say whether this is a minimiser.
    """

    @property
    def penalty(self) -> SparsePenalty:
        """The penalty."""
        return cast(SparsePenalty, self.objective.penalty)

    @lazy
    def columns(self) -> Array:
        """Columns of the active set, by index."""
        return np.flatnonzero(self.penalty.active(self.params))

    @lazy
    def support(self) -> Array:
        """Parameters of the active set, by index: its columns for every output."""
        return params_of(self.columns, self.objective)

    @property
    def n_moving(self) -> int:
        """Parameters of the active set."""
        return len(self.support)

    @lazy
    def gradient(self) -> Array:
        """The shortest subgradient of F, (p,)."""
        return self.penalty.shortest(self.params, self.hyper, self.loss_gradient)

    @lazy
    def outputs(self) -> Array:
        """Outputs, (n, k)."""
        n_rows, n_params = self.objective.predictor.n_rows, self.objective.predictor.n_params
        small = n_rows * n_params < LARGE_DESIGN or not self.objective.predictor.is_linear
        if small or len(self.support) > SMALL_SUPPORT * n_params:
            return self.objective.outputs(self.params)
        return self.on_support.objective.outputs(self.params[self.support])

    @lazy
    def on_support(self) -> Expansion:
        """The same point as an expansion in the active parameters alone."""
        inner = restrict(self.objective, self.columns)
        return Expansion(inner, self.params[self.support], self.hyper)

    def keep(self, name: str, compute: Callable[[], Any]) -> Any:
        """As of any expansion, but its inverse Hessian is that on the active set."""
        if name == "inverse":
            compute = lambda: ActiveInverse(self)
        if name == "exact inverse":
            refuse_nonlinear()
        return super().keep(name, compute)


def restrict(objective: Objective, columns: Array) -> Objective:
    """The objective of chosen columns, the others' parameters being zero."""
    if not objective.predictor.is_linear:
        refuse_nonlinear()
    predictor, penalty = cast(Any, objective.predictor), cast(SparsePenalty, objective.penalty)
    inner = Objective(
        objective.loss,
        predictor.select(columns),
        penalty.select(columns),
        objective.y,
        objective.weight,
        objective.offset,
    )
    gram = vars(objective).get("constant_gram")
    if gram is not None:  # known already: no pass over the rows
        params = params_of(columns, objective)
        vars(inner)["constant_gram"] = gram[np.ix_(params, params)]
    return inner


def refuse_nonlinear() -> NoReturn:
    """Raise ``NotAvailable``: there is no second derivative of F on a face of such a penalty."""
    raise NotAvailable(
        "how a fit moves is not known for a penalty with kinks and a predictor that is not linear. "
        "Use a smooth penalty: ridge, or `SmoothedLasso()`."
    )


def params_of(columns: Array, objective: Objective) -> Array:
    """The parameters of chosen columns for every output, by index."""
    n_outputs = objective.predictor.n_outputs
    if n_outputs == 1:
        return columns
    n_columns = objective.predictor.n_params // n_outputs
    return (np.arange(n_outputs)[:, None] * n_columns + columns).ravel()


class ActiveInverse:
    """(H_AA)^-1 in the active set, zero outside.

    Parameters
    ----------
    expansion : ActiveExpansion
    """

    def __init__(self, expansion: ActiveExpansion):
        inner = expansion.on_support
        # Outputs and what follows from them are the same numbers.
        shared = ("outputs", "rows", "output_gradient", "output_hessian", "loss_value")
        vars(inner).update({name: getattr(expansion, name) for name in shared})
        couples = not expansion.penalty.is_separable
        if not len(expansion.support):
            self.inner: HessianInverse = _Nothing(inner.outputs.shape)
        else:
            self.inner = invert_dense(inner) if couples else invert(inner)
        self.columns, self.support = expansion.columns, expansion.support
        self.n_params = expansion.objective.predictor.n_params
        self.reason = (
            f"active set of {len(self.support):,} of {self.n_params:,} parameters; "
            f"{self.inner.reason}"
        )
        flat = self.inner.null_space
        self.null_space = None if flat is None else self._embed(flat)
        self._penalty_diagonal = inner.penalty_diagonal
        self._coupling = expansion.penalty.select(self.columns).coupling(inner.params, inner.hyper)

    def _embed(self, values: Array) -> Array:
        """Values of the active parameters among zeros, along the first axis."""
        full = np.zeros((self.n_params, *values.shape[1:]))
        full[self.support] = values
        return full

    def solve(self, right: Array) -> Array:
        """H^-1 @ right: (p,) or (p, m); zero outside the active set."""
        return self._embed(self.inner.solve(right[self.support]))

    def leverage(self, predictor: Predictor | None = None) -> Array:
        """J_i H^-1 J_i.T, (n, k, k)."""
        if predictor is None:
            return self.inner.leverage()
        return self.inner.leverage(cast(Any, predictor).select(self.columns))

    def sandwich(self, cotangents: Array) -> Sandwich:
        """H^-1 (J.T C J) H^-1."""
        return _ActiveSandwich(self, self.inner.sandwich(cotangents))

    def logdet(self) -> float:
        """log det H_AA."""
        return self.inner.logdet()

    def diagonal(self) -> Array:
        """Diagonal of H^-1, (p,); zero outside the active set."""
        return self._embed(self.inner.diagonal())

    def entries(self, first: Array, second: Array) -> Array:
        """Chosen entries of H^-1, (m,); zero outside the active set."""
        place = np.full(self.n_params, -1)
        place[self.support] = np.arange(len(self.support))
        inside = (place[first] >= 0) & (place[second] >= 0)
        result = np.zeros(len(first))
        result[inside] = self.inner.entries(place[first][inside], place[second][inside])
        return result

    @property
    def effective_params(self) -> float:
        """tr(H_AA^-1 G_AA): parameters that the data decide."""
        n_kept = len(self.support) - (0 if self.null_space is None else self.null_space.shape[1])
        by_penalty = float(self._penalty_diagonal @ self.inner.diagonal())
        if self._coupling is not None:
            rows, columns = np.nonzero(self._coupling)
            by_penalty += float(self._coupling[rows, columns] @ self.inner.entries(rows, columns))
        return n_kept - by_penalty


class _ActiveSandwich:
    def __init__(self, inverse: ActiveInverse, inner: Sandwich):
        self.inverse, self.inner = inverse, inner

    def diagonal(self) -> Array:
        return self.inverse._embed(self.inner.diagonal())

    def leverage(self) -> Array:
        return self.inner.leverage()


class _Nothing:
    """The inverse of a Hessian of no parameters: everything is zero."""

    null_space: Array | None = None
    reason = "nothing is left that could move"

    def __init__(self, shape: tuple[int, ...]):
        self.n_rows, self.n_outputs = shape

    def solve(self, right: Array) -> Array:
        return np.zeros_like(right)

    def leverage(self, predictor: Predictor | None = None) -> Array:
        n_rows = self.n_rows if predictor is None else predictor.n_rows
        return np.zeros((n_rows, self.n_outputs, self.n_outputs))

    def sandwich(self, cotangents: Array) -> Sandwich:
        return self

    def logdet(self) -> float:
        return 0.0

    def diagonal(self) -> Array:
        return np.zeros(0)

    def entries(self, first: Array, second: Array) -> Array:
        return np.zeros(len(first))
