"""F with a penalty of total variation: smooth on the face where runs of neighbours stay equal.

    gradient     the shortest subgradient; zero exactly at a minimiser
    H^-1         N (N^T H N)^-1 N^T, the columns of N spanning the face: one number a run

These take the place of gradient and H^-1 in all that is derived from a minimiser, as on the active
set of a lasso (``curvature.active``). Where a run is just about to break, derivatives are
one-sided.

Maths: docs/math/penalties.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

from derivata.contracts import Array
from derivata.curvature.active import ActiveExpansion, refuse_nonlinear
from derivata.curvature.face import FaceInverse
from derivata.curvature.inverse import LARGEST_DENSE
from derivata.designs.cumulated import cumulate
from derivata.errors import NotAvailable
from derivata.lazy import lazy
from derivata.objective import Expansion, Objective
from derivata.penalties.chain_variation import ChainVariation
from derivata.penalties.total_variation import TotalVariation
from derivata.predictors.linear import LinearPredictor


class ChainExpansion(Expansion):
    """The expansion of F with a ``ChainVariation``; ``invert`` of it gives a ``FaceInverse``.

    ``gradient`` is the shortest subgradient, so ``relative_gradient`` and ``require_minimiser``
    say whether this is a minimiser.
    """

    @property
    def penalty(self) -> ChainVariation:
        """The penalty."""
        return cast(ChainVariation, self.objective.penalty)

    @property
    def n_moving(self) -> int:
        """Runs of the face."""
        return int(self.penalty.faces(self.params).max(initial=-1)) + 1

    @lazy
    def gradient(self) -> Array:
        """The shortest subgradient of F, (p,)."""
        return self.penalty.shortest(self.params, self.hyper, self.loss_gradient)

    @lazy
    def hessian(self) -> Array:
        """Gauss-Newton Hessian of F, (p, p): that of the losses.

        Raises
        ------
        NotAvailable
            For more parameters than a dense Hessian may have.
        """
        n_params = len(self.params)
        if n_params > LARGEST_DENSE:
            raise NotAvailable(
                f"second derivatives of a fit with total variation need a dense Hessian; "
                f"{n_params:,} parameters are too many (at most {LARGEST_DENSE:,})."
            )
        return super().hessian

    def keep(self, name: str, compute: Callable[[], Any]) -> Any:
        """As of any expansion, but its inverse Hessian is that on the face."""
        if name == "inverse":
            compute = lambda: FaceInverse(self, self.penalty.pinned(self.params))
        if name == "exact inverse":
            refuse_nonlinear()
        return super().keep(name, compute)


def in_differences(objective: Objective) -> Objective:
    """The same objective of differences along chains, a lasso with free levels.

    For a linear predictor and a penalty of total variation alone; a new dense design.
    """
    penalty = cast(ChainVariation, objective.penalty)
    predictor = cast(LinearPredictor, objective.predictor)
    design = cumulate(predictor.design, penalty.chains)
    lasso = TotalVariation().on_differences(penalty.chains)
    return replace(objective, predictor=LinearPredictor(design), penalty=lasso)


def expand(objective: Objective, params: Array, hyper: Array) -> Expansion:
    """The expansion at a point; where the penalty has kinks, with the shortest subgradient."""
    if isinstance(objective.penalty, ChainVariation):
        return ChainExpansion(objective, params, hyper)
    if hasattr(objective.penalty, "prox"):
        return ActiveExpansion(objective, params, hyper)
    return objective.at(params, hyper)
