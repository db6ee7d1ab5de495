"""Weight decay: a ridge penalty with a strength of its own for every layer of a network.

    R(params, hyper) = 1/2 sum over layers l of exp(hyper_l) |weights of l|^2

Biases are free unless asked for. Arrays are walked in the order in which JAX flattens them: the
entries of a dictionary sorted by key, those of a list or tuple as they stand.

Maths: docs/math/penalties.md
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from numbers import Integral
from typing import Any

import numpy as np

from derivata.errors import InvalidParameter
from derivata.penalties.smooth import FREE, GroupRidge


def weight_decay(params: Any, *, biases: bool = False) -> GroupRidge:
    """The ridge penalty with a group for every weight matrix of a network.

    Parameters
    ----------
    params : nested dict, list or tuple of arrays, or of their shapes
        Such as ``{"layers": [{"weight": (20, 64), "bias": (64,)}, ...]}``. An array of two
        dimensions or more is a layer's weights; any other is a bias. None counts as absent.
    biases : bool
        Penalise biases too, each with the weights it stands beside.

    Returns
    -------
    GroupRidge
        On the flattened parameters, with strengths named by their place: "layers.0.weight".

    Raises
    ------
    InvalidParameter
        If there are no weights, or a leaf is neither an array nor a shape.
    """
    leaves = list(_leaves(params, ()))
    layers = [path for path, shape in leaves if len(shape) > 1]
    if not layers:
        raise InvalidParameter(
            "`params` holds no weights: no array of two dimensions or more. Expected those of a "
            'network, such as {"layers": [{"weight": (20, 64), "bias": (64,)}]}.'
        )
    beside = {path[:-1]: number for number, path in enumerate(layers)}
    groups = []
    for path, shape in leaves:
        group = layers.index(path) if len(shape) > 1 else FREE
        if biases and len(shape) < 2:
            group = beside.get(path[:-1], FREE)
        groups.append(np.full(int(np.prod(shape)), group, dtype=np.intp))
    return GroupRidge(np.concatenate(groups), tuple(".".join(path) for path in layers))


def _leaves(node: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], tuple[int, ...]]]:
    """Path and shape of every array below a node, in order.

    Yields
    ------
    path, shape
    """
    if node is None:
        return
    if hasattr(node, "shape"):
        yield path, tuple(node.shape)
    elif isinstance(node, tuple) and node and all(isinstance(n, Integral) for n in node):
        yield path, node
    elif isinstance(node, Mapping):
        for key in sorted(node):
            yield from _leaves(node[key], (*path, str(key)))
    elif isinstance(node, (list, tuple)):
        for number, child in enumerate(node):
            yield from _leaves(child, (*path, str(number)))
    else:
        raise InvalidParameter(
            f"`params` holds {node!r:.60} at {'.'.join(path) or 'its top'!r}; expected arrays or "
            "their shapes in dictionaries and lists."
        )
