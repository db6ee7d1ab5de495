"""How outputs depend on inputs, as far as an integral along a path needs to know.

Inputs are numbers (n, n_inputs), but for additive models, whose effects are exact whatever the
columns hold. Where a column of the user's becomes several inputs, as a category does, ``owner``
says which input is whose: contributions of a column's inputs are added up.

Outputs are those of the link scale. Those of two classes are the log-odds of the second; of more
classes, K scores that add up to zero: the log of each probability less the mean of these logs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from derivata.contracts import Array
from derivata.integrals.links import Identity, Link

TRAINING_MEAN = "the mean of the rows that the model was fitted to"


@dataclass(frozen=True, eq=False)
class LinearOutputs:
    """z = x W^T + b.

    Attributes
    ----------
    columns : tuple of str
    weight : array (k, n_inputs)
    intercept : array (k,)
    inputs : callable              the user's X -> (n, n_inputs)
    link : Link or None            outputs -> means or probabilities; None: it has none
    classes : tuple                labels, in the order of the probabilities; () if there are none
    owner : int array (n_inputs,) or None
        The number of each input's column; None: the inputs are the columns.
    middle : array (n_inputs,) or None
        Inputs to compare with that the model itself knows, the mean of its rows.
    middle_is : str                what they are, in words
    """

    columns: tuple[str, ...]
    weight: Array
    intercept: Array
    inputs: Callable[[Any], Array]
    link: Link | None = Identity()
    classes: tuple[Any, ...] = ()
    owner: Array | None = None
    middle: Array | None = None
    middle_is: str = TRAINING_MEAN


@dataclass(frozen=True, eq=False)
class AdditiveOutputs:
    """z = b + sum_t f_t(columns of term t).

    Attributes
    ----------
    labels : tuple of str          of the terms
    intercept : array (k,)
    effects : callable             the user's X -> (n_terms, n, k), not centred
    link, classes
        As for ``LinearOutputs``.
    middle : array (n_terms, k) or None
        Effects' means over the rows that the model was fitted to.
    middle_is : str                what they are, in words
    """

    labels: tuple[str, ...]
    intercept: Array
    effects: Callable[[Any], Array]
    link: Link | None = Identity()
    classes: tuple[Any, ...] = ()
    middle: Array | None = None
    middle_is: str = TRAINING_MEAN


@dataclass(frozen=True, eq=False)
class NetworkOutputs:
    """Dense layers with one activation between them; an ensemble's outputs are averaged.

    Attributes
    ----------
    columns : tuple of str
    networks : tuple of tuple of (weight (a, b), bias (b,))
        Layers of each network: x W + b, the last without an activation.
    activation : str               "relu", "tanh", "logistic", "identity", "silu", "gelu", ...
    inputs : callable              the user's X -> (n, n_inputs) numbers of the first layer
    link, classes, owner, middle, middle_is
        As for ``LinearOutputs``.
    averages_responses : bool
        Whether an ensemble averages means or probabilities in place of outputs.
    """

    columns: tuple[str, ...]
    networks: tuple[tuple[tuple[Array, Array], ...], ...]
    activation: str
    inputs: Callable[[Any], Array]
    link: Link | None = Identity()
    classes: tuple[Any, ...] = ()
    owner: Array | None = None
    middle: Array | None = None
    middle_is: str = TRAINING_MEAN
    averages_responses: bool = False


@dataclass(frozen=True, eq=False)
class SmoothOutputs:
    """Any smooth function of numbers with its gradient.

    Attributes
    ----------
    columns : tuple of str
    function : callable            inputs (n, n_inputs) -> outputs (n, k)
    gradient : callable            inputs (n, n_inputs) -> derivatives (n, k, n_inputs)
    inputs : callable              the user's X -> (n, n_inputs)
    link, classes, owner, middle, middle_is
        As for ``LinearOutputs``.
    """

    columns: tuple[str, ...]
    function: Callable[[Array], Array]
    gradient: Callable[[Array], Array]
    inputs: Callable[[Any], Array]
    link: Link | None = Identity()
    classes: tuple[Any, ...] = ()
    owner: Array | None = None
    middle: Array | None = None
    middle_is: str = TRAINING_MEAN


Shape = LinearOutputs | AdditiveOutputs | NetworkOutputs | SmoothOutputs
