"""The integral that fits a shape: closed form, piece by piece, or by nodes.

    linear, additive                     closed form
    networks of relu or identity         exact between the kinks
    networks of selu                     Gauss-Legendre between the kinks
    other networks, smooth functions     Gauss-Legendre

Maths: docs/math/attribution.md
"""

from __future__ import annotations

import numpy as np

from derivata.contracts import Array
from derivata.integrals.activations import activation_named
from derivata.integrals.bent_pieces import bent_integral
from derivata.integrals.dense_path import DensePath
from derivata.integrals.gauss_legendre import GaussLegendre
from derivata.integrals.kinks import BetweenKinks
from derivata.integrals.links import (
    Composed,
    Identity,
    Link,
    LogOddsOfMean,
    MeanOfOutputs,
    MeanOfResponses,
    ScoresOfMean,
)
from derivata.integrals.path_integral import PathIntegral
from derivata.integrals.shapes import AdditiveOutputs, LinearOutputs, NetworkOutputs, SmoothOutputs
from derivata.integrals.smooth_path import function_integral, network_integral
from derivata.integrals.straight_pieces import piecewise_integral
from derivata.integrals.summed_parts import linear_parts, share_out

Rule = GaussLegendre | BetweenKinks


def integrate(
    shape: LinearOutputs | NetworkOutputs | SmoothOutputs,
    start: Array,
    end: Array,
    *,
    response: bool,
    rule: Rule | None = None,
) -> PathIntegral:
    """Contributions of inputs, from baselines to rows.

    Parameters
    ----------
    shape : LinearOutputs, NetworkOutputs or SmoothOutputs
    start, end : array (m, n_inputs)
        Baselines and rows, as ``shape.inputs`` gives them.
    response : bool
        Explain the means or probabilities, not the outputs.
    rule : GaussLegendre or BetweenKinks, optional
        Default: exact where it can be.
    """
    link = _explained(shape.link, response)
    if isinstance(shape, LinearOutputs):
        first, last = (values @ shape.weight.T + shape.intercept for values in (start, end))
        return share_out(linear_parts(shape.weight, start, end), first, last, link)
    if isinstance(shape, SmoothOutputs):
        quadrature = rule if isinstance(rule, GaussLegendre) else GaussLegendre()
        return function_integral(shape.function, shape.gradient, start, end, link, quadrature)
    activation = activation_named(shape.activation)
    step = end - start
    paths = [DensePath(layers, activation, start, step) for layers in shape.networks]
    link = network_link(shape, response=response)
    if rule is None:
        kinked = activation.is_piecewise_linear or activation.has_kink
        rule = BetweenKinks() if kinked else GaussLegendre()
    if isinstance(rule, GaussLegendre):
        return network_integral(paths, link, rule)
    if activation.is_piecewise_linear:
        return piecewise_integral(paths, link)
    return bent_integral(paths, link, GaussLegendre())


def integrate_effects(
    shape: AdditiveOutputs, start: Array, end: Array, *, response: bool
) -> PathIntegral:
    """Contributions of terms: effects (T, m, k), or (T, 1, k) at one baseline for all rows."""
    link = _explained(shape.link, response)
    parts = np.broadcast_to(end - start, end.shape).transpose(1, 0, 2)
    last = end.sum(axis=0) + shape.intercept
    first = np.broadcast_to(start.sum(axis=0) + shape.intercept, last.shape)
    return share_out(parts, first, last, link)


def network_link(shape: NetworkOutputs, *, response: bool) -> Link:
    """What is made of the outputs of all networks side by side."""
    n_members = len(shape.networks)
    if n_members == 1:
        return _explained(shape.link, response)
    if not shape.averages_responses:
        mean = MeanOfOutputs(n_members)
        link = _explained(shape.link, response)
        return mean if isinstance(link, Identity) else Composed(link, mean)
    if response or not shape.classes:
        return MeanOfResponses(_explained(shape.link, True), n_members)
    return LogOddsOfMean(n_members) if len(shape.classes) == 2 else ScoresOfMean(n_members)


def _explained(link: Link | None, response: bool) -> Link:
    return link if response and link is not None else Identity()
