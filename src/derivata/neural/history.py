"""What happened in training, epoch by epoch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from derivata.contracts import Array

REASONS = {
    "": "still training",
    "finished": "all epochs were run",
    "no improvement": "the held-out loss had not fallen for `patience` epochs",
    "interrupted": "it was interrupted",
    "diverged": "the loss was no longer a finite number",
}


@dataclass(frozen=True, eq=False)
class History:
    """Losses of every epoch.

    Parameters
    ----------
    loss : array (n_epochs,)
        Mean loss of the batches as they were met: with dropout and smoothed targets, in nats a row
        (half squared distances of the standardised target for regression).
    held_out_loss : array (n_epochs,)
        Mean loss of the held-out rows after each epoch; empty where nothing is held out.
    step : array (n_epochs,)
        Step size of the first step of each epoch.
    best_epoch : int
        The epoch, from 0, whose weights are kept; -1: the last one.
    reason : str
        Why it stopped, a key of ``REASONS``.
    """

    loss: Array
    held_out_loss: Array
    step: Array
    best_epoch: int = -1
    reason: str = ""

    @classmethod
    def empty(cls) -> History:
        """Before the first epoch."""
        return cls(np.zeros(0), np.zeros(0), np.zeros(0))

    @property
    def n_epochs(self) -> int:
        """Epochs that were run."""
        return len(self.loss)

    @property
    def why(self) -> str:
        """A sentence on why it stopped."""
        return REASONS[self.reason]

    def extended(
        self, loss: Array, held_out_loss: Array, step: Array, best_epoch: int, has_held_out: bool
    ) -> History:
        """With more epochs."""
        held = held_out_loss.astype(float) if has_held_out else np.zeros(0)
        return replace(
            self,
            loss=np.concatenate([self.loss, loss.astype(float)]),
            held_out_loss=np.concatenate([self.held_out_loss, held]),
            step=np.concatenate([self.step, step[: len(loss), 0].astype(float)]),
            best_epoch=best_epoch,
        )

    def ended(self, reason: str) -> History:
        """With the reason why it stopped."""
        return replace(self, reason=reason)

    def to_dict(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Plain JSON types, and arrays."""
        arrays = {"loss": self.loss, "held_out_loss": self.held_out_loss, "step": self.step}
        return {"best_epoch": self.best_epoch, "reason": self.reason}, arrays

    @classmethod
    def from_dict(cls, record: dict[str, Any], arrays: dict[str, Array]) -> History:
        """What `to_dict` wrote.

        Raises
        ------
        ValueError                     if the arrays do not fit each other
        """
        loss, held, step = (arrays[name] for name in ("loss", "held_out_loss", "step"))
        if loss.ndim != 1 or step.shape != loss.shape or held.shape not in (loss.shape, (0,)):
            raise ValueError("the arrays of the history do not fit each other")
        if record["reason"] not in REASONS or not isinstance(record["best_epoch"], int):
            raise ValueError("the history has an unknown reason or no best epoch")
        return cls(loss, held, step, record["best_epoch"], record["reason"])
