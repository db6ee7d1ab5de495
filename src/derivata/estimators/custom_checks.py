"""Checks of a loss that the user wrote, each naming the row at which it fails."""

from __future__ import annotations

from typing import Any

import numpy as np

from derivata.contracts import Array, Loss, RowDerivatives
from derivata.curvature.exact import newton_step
from derivata.errors import InvalidParameter, InvalidTarget, NotConverged
from derivata.losses import SquaredLoss
from derivata.objective import Expansion


def resolve_loss(loss: Any, n_outputs: int | None) -> Loss:
    """A ``Loss`` from what the user gave: an object, a function of one row, or None."""
    if loss is None:
        return SquaredLoss()
    if hasattr(loss, "at") and not isinstance(loss, type):
        return loss
    if not callable(loss) or isinstance(loss, type):
        raise InvalidParameter(
            f"`loss` is {loss!r:.60}; expected a function of (y, outputs) in `jax.numpy`, or a "
            "loss object: `SquaredLoss()`."
        )
    from derivata.losses.autodiff import AutodiffLoss

    return AutodiffLoss(loss, 1 if n_outputs is None else n_outputs)


def require_classes(loss: Loss, y: Array, weight: Array) -> None:
    """Raise ``InvalidTarget`` if targets are labels and there is one class only."""
    if loss.targets_are_classes and len(np.unique(y[weight > 0.0])) < 2:
        raise InvalidTarget(
            f"`y` has one class only, {y[weight > 0.0][0]:g}, but the loss {loss.name!r} is of "
            "classes: samples of at least 2 classes are needed."
        )


def require_finite_start(loss: Loss, y: Array, weight: Array, outputs: Array | None = None) -> None:
    """Raise ``InvalidTarget`` naming the first row at whose start the loss is not finite.

    ``outputs`` (n, k): default, the best constant ones.
    """
    kept = np.flatnonzero(weight > 0.0)
    if outputs is None:
        constant = loss.null_outputs(y, weight)
        outputs = np.broadcast_to(constant, (len(y), len(constant)))
    found = first_not_finite(loss.at(y[kept], outputs[kept]))
    if found is not None:
        what, place = found
        row = int(kept[place])
        raise InvalidTarget(
            f"the {what} of the loss {loss.name!r} is not finite in row {row}, before any step, "
            f"where `y` is {y[row]:.6g} and {_told(outputs[row])}. Correct the row, or "
            "keep logs, roots and quotients of the loss away from zero (`jnp.logaddexp`, "
            "`jnp.log1p`)."
        )


def first_not_finite(rows: RowDerivatives) -> tuple[str, int] | None:
    """Which quantity of which row is not finite, if any."""
    for what in ("value", "gradient", "hessian"):
        quantity = getattr(rows, what)
        bad = ~np.isfinite(quantity.reshape(len(quantity), -1)).all(axis=1)
        if bad.any():
            name = {"hessian": "second derivative", "gradient": "derivative"}.get(what, what)
            return name, int(np.flatnonzero(bad)[0])
    return None


def trouble(expansion: Expansion, row_numbers: Array) -> str:
    """Why a fit stopped short, as far as its loss tells; empty if it does not."""
    objective = expansion.objective
    found = first_not_finite(expansion.rows)
    if found is not None:
        what, row = found
        return (
            f" The {what} of the loss {objective.loss.name!r} is not finite in row "
            f"{row_numbers[row]}, where `y` is {objective.y[row]:.6g} and "
            f"{_told(expansion.outputs[row])}: the last parameters at which the loss "
            "was finite are kept. Smooth the kink there, or keep logs and roots away from zero."
        )
    if not np.isfinite(expansion.gradient).all():
        place = int(np.flatnonzero(~np.isfinite(expansion.gradient))[0])
        return f" The derivative of the predictor by parameter {place} is not finite there."
    if not expansion.output_hessian.any() and not objective.loss.curvature_is_constant:
        return f" {_straight(objective.loss)}"
    try:
        step = newton_step(expansion)
    except NotConverged:  # conjugate gradients on a Hessian that is hardly one
        return ""
    following = objective.at(expansion.params + step, expansion.hyper)
    with np.errstate(over="ignore", invalid="ignore"):
        ahead = first_not_finite(following.rows)
    if ahead is not None:
        what, row = ahead
        return (
            f" The next step would go to where the {what} of the loss {objective.loss.name!r} is "
            f"not finite: in row {row_numbers[row]}, where `y` is {objective.y[row]:.6g} and "
            f"{_told(following.outputs[row])}. The last parameters at which it was finite are "
            "kept. Extend the loss smoothly beyond, or raise the penalty."
        )
    return ""


def explain_unfinished(error: NotConverged, loss: Loss, y: Array, kept: Array) -> NotConverged:
    """The error of a tuning that found no fit to judge, with the loss named."""
    text = str(error)
    if loss.name in text:
        return error
    null = np.broadcast_to(
        loss.null_outputs(y[kept], np.ones(len(kept))), (len(kept), loss.n_outputs)
    )
    if not loss.at(y[kept], null).hessian.any():
        return NotConverged(f"no penalty can be tuned. {_straight(loss)}")
    return NotConverged(
        f"{text} (Of the loss {loss.name!r}, for {len(kept):,} rows with `y` from "
        f"{y[kept].min():.6g} to {y[kept].max():.6g}. Fit with `alpha=1.0` to see where it stops.)"
    )


def _straight(loss: Loss) -> str:
    return (
        f"The second derivative of the loss {loss.name!r} is zero in every row: it is made of "
        "straight lines, with kinks between them. Smooth it, such as `jnp.sqrt(r**2 + 0.01)` for "
        "`jnp.abs(r)`."
    )


def _told(outputs: Array) -> str:
    listed = ", ".join(f"{z:.6g}" for z in outputs[:4]) + (", ..." if len(outputs) > 4 else "")
    return f"the output is {listed}" if len(outputs) == 1 else f"outputs are {listed}"
