"""How a criterion moves with a network's decays, through the weights: for small networks only.

    w(theta) = argmin F(w, theta),   theta = log alpha of each layer
    d criterion / d theta = direct - d2F/dtheta dw  H^-1  d criterion / d w

as for any other model (`derivata.implicit`), with the exact Hessian in float64. A network must be
small enough for a dense Hessian and be trained to a minimum, which early stopping never is; both
are refused with the reason. And because F has many minima, the derivative is believed only where a
refit says the same: the network is refitted from w at theta + h d along the derivative's own
direction d, and at theta - h d, and

    (criterion(theta + h d) - criterion(theta - h d)) / (2 h)

must agree within ``tolerance``: it does not where the step falls into another minimum, or where H
is so nearly singular that the linear prediction is wrong at any distance that matters.

Source: Bengio (2000), Neural Computation 12, 1889-1900.

Maths: docs/math/network_tuning.md
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from derivata.contracts import Array, Criterion, Predictor
from derivata.curvature import invert
from derivata.errors import InvalidParameter, NotAvailable, NotConverged
from derivata.implicit import value_and_hypergradient
from derivata.neural.losses import ManyClasses, NetworkLoss
from derivata.neural.network import Inputs, Network, Params
from derivata.neural.rows import Rows
from derivata.objective import Expansion, Objective
from derivata.penalties.weight_decay import weight_decay
from derivata.predictors.autodiff import AutodiffPredictor
from derivata.solvers import LBFGS, Newton

# Parameters of a dense Hessian that is inverted in a second.
LARGEST_NETWORK = 2_000
# Relative gradient of the polished minimum.
PRECISION = 1e-9
# Of Newton, each with a factorisation of the exact Hessian.
MOST_STEPS = 100


@dataclass(frozen=True, eq=False)
class NetworkHypergradient:
    """A criterion at the minimum, and its derivative by the log decays.

    Parameters
    ----------
    value : float                      of the criterion
    gradient : array (n_layers,)       by log alpha, through the weights
    refitted : float                   slope along the gradient's direction, by two refits
    params : tree of arrays            the polished minimum (of the last fold), float64
    """

    value: float
    gradient: Array
    refitted: float
    params: Params

    @property
    def disagreement(self) -> float:
        """Relative difference of the two slopes."""
        slope = float(np.linalg.norm(self.gradient))
        return abs(self.refitted - slope) / max(slope, abs(self.refitted), 1e-300)


def network_hypergradient(
    network: Network,
    loss: NetworkLoss,
    params: Params,
    rows: Rows,
    alpha: Array,
    criterion: Criterion,
    *,
    distance: float = 0.05,
    tolerance: float = 0.1,
    max_iter: int = 3_000,
) -> NetworkHypergradient:
    """Derivative of a criterion by the log decays at the minimum near ``params``.

    Parameters
    ----------
    network : Network
        With a smooth activation: at ReLU's kinks F has no second derivative.
    loss : NetworkLoss
    params : tree of arrays       where the minimum is looked for
    rows : Rows                   all rows; the criterion divides them
    alpha : array (n_layers,)     decays, positive, as `Training.alpha`
    criterion : Criterion         such as ``HoldOut()`` or ``Evidence()``
    distance : float              h, of the refits, in log alpha
    tolerance : float             largest relative disagreement
    max_iter : int                steps of each polishing

    Returns
    -------
    hypergradient : NetworkHypergradient

    Raises
    ------
    NotAvailable
        If the network has more than `LARGEST_NETWORK` parameters, or the refits disagree.
    NotConverged
        If no minimum is reached.
    InvalidParameter
        If an alpha is not positive.
    """
    alpha = np.asarray(alpha, float)
    if not (alpha > 0.0).all():
        raise InvalidParameter(f"`alpha` is {alpha}; every decay must be positive.")
    objective = network_objective(network, loss, params, rows)
    predictor: Any = objective.predictor
    hyper, start = np.log(alpha), predictor.reference
    value, gradient, minima = _differentiated(criterion, objective, [start], hyper, max_iter)
    slope = float(np.linalg.norm(gradient))
    direction = gradient / slope if slope else np.full(len(gradient), len(gradient) ** -0.5)
    ahead, behind = (
        _differentiated(criterion, objective, minima, hyper + move, max_iter, near=True)
        for move in (distance * direction, -distance * direction)
    )
    refitted = (ahead[0] - behind[0]) / (2.0 * distance)
    found = NetworkHypergradient(value, gradient, refitted, predictor.tree(minima[-1]))
    if not found.disagreement <= tolerance:
        raise NotAvailable(
            f"the hypergradient's slope is {slope:.3g}, but two refits {distance} apart in log "
            f"alpha give {refitted:.3g}: the minimum moves to another one, or is too flat for its "
            "derivative to mean anything. Raise `alpha`, or use `LayerEvidence()`."
        )
    return found


def network_objective(network: Network, loss: NetworkLoss, params: Params, rows: Rows) -> Objective:
    """A network as any other objective: F with a decay for each layer, in float64.

    Raises
    ------
    NotAvailable
        If the network has more than `LARGEST_NETWORK` parameters.
    """
    if network.n_params > LARGEST_NETWORK:
        raise NotAvailable(
            f"the network has {network.n_params:,} parameters; an exact Hessian is for at most "
            f"{LARGEST_NETWORK:,}. Take fewer units, or `LayerEvidence()`, whose cost does not "
            "grow with the network."
        )
    if network.levels:
        raise NotAvailable(
            "a network with embedded categories has no exact hypergradient: its embeddings would "
            "be decayed like layers. Take `LayerEvidence()`."
        )
    wide = {key: _widened(params[key]) for key in params}
    predictor: Predictor = AutodiffPredictor(_row_function(network), _floats(rows.inputs), wide)
    targets = np.asarray(rows.targets)
    y = targets.argmax(axis=1) if isinstance(loss, ManyClasses) else targets[:, 0]
    return Objective(
        loss.classic,
        predictor,
        weight_decay(wide),
        y.astype(float),
        np.asarray(rows.weight, float),
    )


def _differentiated(
    criterion: Criterion,
    objective: Objective,
    starts: list[Array],
    hyper: Array,
    max_iter: int,
    *,
    near: bool = False,
) -> tuple[float, Array, list[Array]]:
    """Criterion, its derivative, and the minimum of each subproblem."""
    total, gradient, minima = 0.0, np.zeros(len(hyper)), []
    for place, subproblem in enumerate(criterion.subproblems(objective)):
        start = starts[min(place, len(starts) - 1)]
        expansion = _minimum(subproblem.objective, start, hyper, max_iter, near)
        inverse = invert(expansion)
        partials = subproblem.judge(expansion, inverse)
        value, slope = value_and_hypergradient(expansion, partials, inverse)
        total, gradient = total + value, gradient + slope
        minima.append(expansion.params)
    return total, gradient, minima


def _minimum(
    objective: Objective, start: Array, hyper: Array, max_iter: int, near: bool
) -> Expansion:
    """The minimum that Newton's method finds; from afar, L-BFGS first, whose steps are longer."""
    if not near:
        far = LBFGS(tol=1e-6, max_iter=max_iter).minimize(objective, start, hyper)
        start = far.expansion.params
    solver = Newton(tol=PRECISION, max_iter=min(max_iter, MOST_STEPS))
    found = solver.minimize(objective, start, hyper)
    if not found.expansion.relative_gradient <= 1e3 * PRECISION:
        raise NotConverged(
            f"the network did not reach a minimum: {found.reason}. Early stopping and noisy steps "
            "never do; raise `max_iter` or `alpha`, or use a smooth activation such as `Tanh()`."
        )
    return found.expansion


@lru_cache(maxsize=16)
def _row_function(network: Network) -> Any:
    """One function for each network, so that it is compiled once."""

    def row(params: Params, inputs: Inputs) -> Any:
        return network.apply(params, inputs)

    return row


def _floats(inputs: Inputs) -> Inputs:
    return Inputs(np.asarray(inputs.numbers, float), np.asarray(inputs.codes))


def _widened(branch: Any) -> Any:
    if isinstance(branch, dict):
        return {name: _widened(one) for name, one in branch.items()}
    if isinstance(branch, list | tuple):
        return [_widened(one) for one in branch]
    return np.asarray(branch, float)
