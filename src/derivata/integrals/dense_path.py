"""A network of dense layers along straight paths, from its first layer's sums on.

    x(t) = b + t (x - b),      a_1(t) = a_1(0) + t s,      s = (x - b) W_1

The first layer's sums move in a straight line, so no node of a path multiplies by W_1 again: going
forward costs the hidden layers alone, and gradients are summed over nodes before they are pulled
back through W_1, once a row.

Maths: docs/math/attribution.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array
from derivata.integrals.activations import Activation
from derivata.lazy import lazy

Layers = tuple[tuple[Array, Array], ...]


@dataclass(frozen=True, eq=False)
class DensePath:
    """One network on the straight paths from baselines to rows.

    Attributes
    ----------
    layers : tuple of (weight (a, b), bias (b,))
    activation : Activation
    start, step : array (m, n_inputs)
        x(t) = start + t step.
    """

    layers: Layers
    activation: Activation
    start: Array
    step: Array

    @lazy
    def first(self) -> Array:
        """The first layer's sums at t = 0, (m, h)."""
        weight, bias = self.layers[0]
        return self.start @ weight + bias

    @lazy
    def first_step(self) -> Array:
        """How they move with t, (m, h)."""
        return self.step @ self.layers[0][0]

    def take(self, rows: Array) -> DensePath:
        """Some of the paths."""
        return DensePath(self.layers, self.activation, self.start[rows], self.step[rows])

    def sums(self, row: Array, t: Array, depth: int) -> list[Array]:
        """The sums of the first ``depth`` layers at points (row, t), each (n, width)."""
        found = [self.first[row] + t[:, None] * self.first_step[row]]
        for weight, bias in self.layers[1:depth]:
            found.append(self.activation.value(found[-1]) @ weight + bias)
        return found

    def outputs(self, row: Array, t: Array) -> Array:
        """Outputs at points (row, t), (n, k)."""
        return self.sums(row, t, len(self.layers))[-1]

    def slopes(self, row: Array, t: Array) -> tuple[list[Array], Array]:
        """Slopes of the hidden units at points (row, t), a layer each, and the outputs."""
        values, slopes = self.first[row] + t[:, None] * self.first_step[row], []
        for weight, bias in self.layers[1:]:
            hidden = self.activation.value(values)
            slopes.append(self.activation.slope(values, hidden))
            values = hidden @ weight + bias
        return slopes, values

    def moving(self, row: Array, t: Array) -> tuple[Array, Array]:
        """Outputs at points (row, t) and how they move with t, (n, k) each."""
        speed = self.first_step[row]
        values = self.first[row] + t[:, None] * speed
        for weight, bias in self.layers[1:]:
            hidden = self.activation.value(values)
            speed = (self.activation.slope(values, hidden) * speed) @ weight
            values = hidden @ weight + bias
        return values, speed

    def pulled_back(self, slopes: list[Array], cotangent: Array) -> Array:
        """From the outputs to the first layer's sums: (n, k) -> (n, h)."""
        for (weight, _), slope in zip(self.layers[:0:-1], slopes[::-1], strict=True):
            cotangent = (cotangent @ weight.T) * slope
        return cotangent

    def contributions(self, first: Array) -> Array:
        """Of each input, (m, n_inputs), from cotangents of the first sums, (m, h), integrated."""
        return self.step * (first @ self.layers[0][0].T)

    @property
    def n_outputs(self) -> int:
        """Outputs of the network."""
        return self.layers[-1][0].shape[1]

    @property
    def width(self) -> int:
        """Units of the widest layer."""
        return max(weight.shape[1] for weight, _ in self.layers)

    @property
    def n_hidden(self) -> int:
        """Hidden units in all."""
        return int(np.sum([weight.shape[1] for weight, _ in self.layers[:-1]]))
