"""A run seen from outside: F at every gradient it asked for, with how many there were and how long.

The predictor is what every solver must ask, so a predictor that counts is all it takes: a pass back
(``vjp``) is a gradient, a pass forth and back along a direction a product with the Hessian, a Gram
product a Hessian. Batches count by their share of the rows. What the recording costs is taken off
the clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from derivata.contracts import Array, Rows

# Whole paths are kept for this many parameters: those that can be drawn.
DRAWN = 2


@dataclass(frozen=True, eq=False)
class Trace:
    """What a run asked for, gradient by gradient.

    Attributes
    ----------
    evaluations : array (m,)       gradients so far, in passes over all rows
    seconds : array (m,)           CPU time so far
    values : array (m,)            F where the gradient was taken
    params : array (m, 2) or None  and where that was, if there are two parameters
    n_hessians : float             Hessians formed
    n_products : float             products with a Hessian
    """

    evaluations: Array
    seconds: Array
    values: Array
    params: Array | None = None
    n_hessians: float = 0.0
    n_products: float = 0.0

    @property
    def n_evaluations(self) -> float:
        """Gradients in all."""
        return float(self.evaluations[-1]) if len(self.evaluations) else 0.0


class Watch:
    """A clock and counters; one for each run.

    Parameters
    ----------
    value : callable
        F at params (p,), and at outputs (n, k) if they are known.
    n_params : int
    """

    def __init__(self, value: Callable[[Array, Array | None], float], n_params: int):
        self._value = value
        self._keeps_params = n_params == DRAWN
        self._evaluations = self._hessians = self._products = 0.0
        self._rows: list[tuple[float, float, float]] = []
        self._params: list[Array] = []
        self._start, self._paused = time.process_time(), 0.0

    def gradient(self, share: float, params: Array, outputs: Array | None = None) -> None:
        """Count a gradient of this share of the rows; of all of them, take F too."""
        now = time.process_time()
        self._evaluations += share
        if share == 1.0:
            with np.errstate(all="ignore"):
                value = self._value(params, outputs)
            self._rows.append((self._evaluations, now - self._start - self._paused, value))
            if self._keeps_params:
                self._params.append(np.array(params))
        self._paused += time.process_time() - now

    @property
    def seconds(self) -> float:
        """CPU time since the beginning, without what the recording cost."""
        return time.process_time() - self._start - self._paused

    def hessian(self, share: float) -> None:
        """Count a Hessian."""
        self._hessians += share

    def product(self, share: float) -> None:
        """Count a product with a Hessian."""
        self._products += share

    def trace(self) -> Trace:
        """What was seen so far."""
        rows = np.array(self._rows).reshape(-1, 3)
        params = np.array(self._params).reshape(-1, DRAWN) if self._keeps_params else None
        return Trace(rows[:, 0], rows[:, 1], rows[:, 2], params, self._hessians, self._products)


class Counted:
    """A predictor that tells a watch what it is asked; everything else it leaves to the predictor.

    Parameters
    ----------
    predictor : Predictor
    watch : Watch
    share : float                  of all rows, that this one has
    """

    def __init__(self, predictor: Any, watch: Watch, share: float = 1.0):
        self._predictor, self._watch, self._share = predictor, watch, share
        self._along_direction = False
        self._last: tuple[Array, Array] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._predictor, name)

    def predict(self, params: Array) -> Array:
        """Outputs (n, k)."""
        outputs = self._predictor.predict(params)
        self._last = params, outputs
        return outputs

    def jvp(self, params: Array, direction: Array) -> Array:
        """J @ direction."""
        self._along_direction = True
        return self._predictor.jvp(params, direction)

    def vjp(self, params: Array, cotangent: Array) -> Array:
        """J.T @ cotangent: a gradient, or the way back of a product with the Hessian."""
        result = self._predictor.vjp(params, cotangent)
        if self._along_direction:
            self._along_direction = False
            self._watch.product(self._share)
        else:
            at, outputs = self._last or (None, None)
            self._watch.gradient(self._share, params, outputs if at is params else None)
        return result

    def gram(self, params: Array, weights: Array) -> Array:
        """sum_i J_i.T W_i J_i."""
        self._watch.hessian(self._share)
        return self._predictor.gram(params, weights)

    def take(self, rows: Rows) -> Counted:
        """The predictor of the chosen rows, on the same watch."""
        part = self._predictor.take(rows)
        share = self._share * part.n_rows / max(self._predictor.n_rows, 1)
        return Counted(part, self._watch, share)


def watched(objective: Any, hyper: Array) -> tuple[Any, Watch]:
    """The objective with a predictor that counts, and the watch it tells.

    Parameters
    ----------
    objective : Objective
    hyper : array (n_hyper,)

    Returns
    -------
    objective : Objective          the same F
    watch : Watch                  its clock has begun
    """

    def value(params: Array, outputs: Array | None) -> float:
        if outputs is None:
            return objective.at(params, hyper).value
        if objective.offset is not None:
            outputs = outputs + objective.offset
        losses = objective.loss.at(objective.y, outputs).value
        return float(objective.weight @ losses) + objective.penalty.value(params, hyper)

    # What a gradient is small against is known of the data, and no part of a method.
    scale = objective.gradient_scale
    watch = Watch(value, objective.predictor.n_params)
    counting = replace(objective, predictor=Counted(objective.predictor, watch))
    counting.__dict__["gradient_scale"] = scale
    return counting, watch
