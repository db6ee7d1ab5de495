"""The one ``fit`` of networks: settings checked, columns encoded, a method run, warnings given.

What a target is and what is predicted is left to the two estimators.
"""

from __future__ import annotations

import os
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from derivata.contracts import Array
from derivata.errors import InvalidParameter, StoppedWarning, warn
from derivata.estimators.additive_rows import feature_table
from derivata.estimators.neural_defaults import (
    default_held_out,
    default_method,
    default_training,
)
from derivata.estimators.neural_inputs import InputEncoder
from derivata.estimators.neural_model import NetworkModel
from derivata.estimators.neural_progress import progress
from derivata.estimators.neural_state import read_neural, write_neural
from derivata.files.model_state import ModelState
from derivata.neural.activations import ReLU
from derivata.neural.history import History
from derivata.neural.losses import NetworkLoss
from derivata.neural.method import NetworkProblem
from derivata.neural.network import Inputs, Network
from derivata.neural.rows import Rows
from derivata.neural.settings import Training
from derivata.persistence import save
from derivata.tables import Table


class NeuralEstimator(BaseEstimator):
    """What regressors and classifiers share: everything but the target and the predictions."""

    hidden: Any
    activation: Any
    training: Any
    held_out: Any
    method: Any
    checkpoint: Any
    verbose: Any
    random_state: Any
    n_features_in_: int
    model_: NetworkModel
    history_: History
    notes_: tuple[str, ...]

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "hidden": ["array-like"],
        "activation": "no_validation",
        "training": [None, Training],
        "held_out": [str, Real],
        "method": "no_validation",
        "checkpoint": [None, str, os.PathLike],
        "verbose": ["boolean"],
        "random_state": [Integral],
    }

    def _check_settings(self) -> None:
        self._validate_params()
        if self.random_state < 0:
            raise InvalidParameter(
                f"`random_state` is {self.random_state!r}; expected an integer >= 0."
            )
        if not all(isinstance(units, Integral) and int(units) > 0 for units in self.hidden):
            raise InvalidParameter(
                f"`hidden` is {self.hidden!r:.80}; expected whole numbers above zero, such as "
                "(256, 256)."
            )
        activation = self.activation
        if activation is not None and (
            isinstance(activation, type) or not hasattr(activation, "gain")
        ):
            raise InvalidParameter(
                f"`activation` is {activation!r:.60}; expected an object such as `ReLU()`, or None."
            )
        if self.held_out != "auto" and (
            isinstance(self.held_out, str) or not 0.0 <= self.held_out < 1.0
        ):
            raise InvalidParameter(
                f"`held_out` is {self.held_out!r}; expected a share in [0, 1), or 'auto'."
            )
        method = self.method
        if method is not None and (isinstance(method, type) or not hasattr(method, "fit")):
            raise InvalidParameter(
                f"`method` is {method!r:.60}; expected an object such as `OneNetwork()`, or None."
            )

    def _fit(
        self,
        table: Table,
        y: Array,
        weight: Array,
        loss: NetworkLoss,
        labels: Array | None = None,
        scale: tuple[float, float] = (0.0, 1.0),
    ) -> None:
        encoder = InputEncoder.fit(table)
        inputs = encoder.encode(table)
        network = Network(
            n_numbers=encoder.n_numbers,
            n_outputs=loss.n_outputs,
            hidden=tuple(int(units) for units in self.hidden),
            levels=encoder.levels,
            widths=encoder.widths,
            activation=ReLU() if self.activation is None else self.activation,
        )
        rows = Rows(
            Inputs(inputs.numbers.astype(np.float32), inputs.codes.astype(np.int32)),
            loss.targets(y),
            (weight / weight.mean()).astype(np.float32),
        )
        held_out = default_held_out(len(y)) if self.held_out == "auto" else float(self.held_out)
        settings = self.training or default_training(
            round(len(y) * (1.0 - held_out)), labels is not None
        )
        checkpoint = None
        if self.checkpoint is not None:
            from derivata.neural.checkpoint import Checkpoint

            checkpoint = Checkpoint(self.checkpoint)
        with progress(self.verbose, settings.n_epochs) as watch:
            problem = NetworkProblem(
                network=network,
                loss=loss,
                rows=rows,
                settings=settings,
                seed=int(self.random_state),
                held_out_share=held_out,
                labels=labels,
                constant=loss.classic.null_outputs(y, weight),
                watch=watch,
                checkpoint=checkpoint,
            )
            method = self.method or default_method(encoder.n_scaled)
            fitted = method.fit(problem)
        self.model_ = NetworkModel(encoder, network, loss, fitted.members, *scale)
        self.history_, self.notes_ = fitted.history, fitted.notes
        self._publish()
        if fitted.divergence is not None:
            warn(
                f"training diverged: {fitted.divergence}. The last good weights are kept. Take a "
                "smaller step: `training=Training(solver=Adam(step=...))`.",
                StoppedWarning,
            )
        elif self.interrupted_:
            warn(
                f"training was interrupted after {self.n_iter_} of {settings.n_epochs} epochs; the "
                "best weights so far are kept."
                + (" Fit again to go on from the checkpoint." if checkpoint is not None else ""),
                StoppedWarning,
            )

    def _publish(self) -> None:
        self.n_iter_ = max(self.history_.n_epochs, 1)
        self.interrupted_ = self.history_.reason == "interrupted"

    def _table(self, X: Any) -> Table:
        check_is_fitted(self, "model_")
        return feature_table(self, X, reset=False)

    def to_state(self) -> ModelState:
        """All that the fitted model remembers, as names, JSON and arrays."""
        check_is_fitted(self, "model_")
        return write_neural(self)

    @classmethod
    def from_state(cls, state: ModelState) -> Self:
        """The model that ``to_state`` wrote."""
        return read_neural(cls, state)

    def save(self, path: Any) -> None:
        """Save to one file, which ``derivata.load`` reads; see ``derivata.persistence``."""
        save(self, path)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.non_deterministic = False
        return tags
