"""What a family of targets answers: its loss, its noise, and the shape learned beside both.

A family is a value. Its shape (theta of counts, the power of amounts, where Huber's square ends) is
begun from the targets alone and estimated again at each fit until it has settled:

    family = family.started(y, weight)
    repeat:  fit with family.loss();  next = family.restated(y, outputs, weight, effective_params)
    until    family.settled(next)

Outputs are on the link scale, offsets included: (n, k).

Maths: docs/math/families.md
"""

from __future__ import annotations

from typing import Any, Protocol, Self

from derivata.contracts import Array, Loss


class Family(Protocol):
    """A distribution of targets, or a loss that stands for one."""

    @property
    def name(self) -> str:
        """As on the command line."""
        ...

    @property
    def classifies(self) -> bool:
        """Whether targets are the codes of classes."""
        ...

    @property
    def takes_exposure(self) -> bool:
        """Whether targets are amounts that grow with what they were gathered over."""
        ...

    @property
    def loss_unit(self) -> str:
        """What a loss is measured in, as printed."""
        ...

    @property
    def shape(self) -> dict[str, float]:
        """The parameters that ``restated`` estimates, by name; empty if there are none."""
        ...

    @property
    def known_dispersion(self) -> float | None:
        """Of the noise at this shape, in F's units; None where it is 1 or is profiled in tuning."""
        ...

    def loss(self) -> Loss:
        """The loss at the present shape."""
        ...

    def started(self, y: Array, weight: Array) -> Self:
        """The family with its shape begun from targets and weights (n,) alone."""
        ...

    def restated(
        self, y: Array, outputs: Array, weight: Array, effective_params: float | None
    ) -> Self:
        """The family with its shape estimated at the outputs (n, k) of a fit."""
        ...

    def settled(self, other: Self) -> bool:
        """Whether the other's shape is this one's to a relative 1e-3 (a quantile's width: .05)."""
        ...

    def mean(self, outputs: Array) -> Array:
        """Expected targets (n,), or class probabilities (n, n_classes); of a quantile itself."""
        ...

    def dispersion(
        self, y: Array, outputs: Array, weight: Array, effective_params: float | None
    ) -> float:
        """What H^-1 is multiplied by for posterior covariances."""
        ...

    def noise_dispersion(
        self, y: Array, outputs: Array, weight: Array, effective_params: float | None
    ) -> float:
        """The dispersion for ``interval``; that of maximum likelihood where it differs."""
        ...

    def row_losses(self, y: Array, outputs: Array) -> Array:
        """The loss of each row, (n,), for scores on rows that no fit saw."""
        ...

    def deviance(self, y: Array, outputs: Array) -> Array:
        """Twice what each row's loss is above the smallest it could be, (n,)."""
        ...

    def interval(
        self, outputs: Array, output_variance: Array, dispersion: float, level: float
    ) -> tuple[Array, Array]:
        """Bounds (n,) between which a new observation lies with probability ``level``.

        ``output_variance`` (n,) is the posterior variance of the outputs, ``dispersion`` that of
        ``noise_dispersion``. Softmax takes covariances of outputs, (n, k, k), and bounds
        probabilities, (n, n_classes).
        """
        ...

    def cumulative(
        self, y: Array, outputs: Array, output_variance: Array, dispersion: float
    ) -> tuple[Array, Array]:
        """P(Y < y) and P(Y <= y), (n,) each, of the distribution that ``interval`` bounds.

        Raises ``NotAvailable`` of families that foresee no distribution of targets.
        """
        ...

    def validate(self, y: Array) -> None:
        """Raise ``InvalidTarget``, naming the row, if some target cannot be one of this family."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, which ``family_from_dict`` reads."""
        ...
