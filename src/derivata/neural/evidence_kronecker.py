"""Effective parameters by Kronecker factors: cheap in rows and outputs, and too many.

    H_l ~ A (x) G,    A = sum_i a_i a_i^T,    G = mean_i sum_m d_im d_im^T
    gamma_l = sum_ij e_ij / (e_ij + alpha_l),    e_ij = eigenvalue_i(A) eigenvalue_j(G)
    of input c:  sum_i U_ci^2 sum_j e_ij / (e_ij + alpha_l),    A = U diag(.) U^T

a_i is what a layer reads of row i and d_im how the losses' curvature comes back to what it gives
(`derivata.neural.evidence.layer_factors`). Against the exact matrix gamma is 2 to 3 times too
large on digits, so decays from it are too strong. What it ranks well is inputs: where a
network fits every row, the exact matrix sees no more parameters than rows, and says little of which
columns deserve them. Cost: rows x width^2, and width^3 for the eigenvalues.

Sources: Martens & Grosse (2015), ICML (the factors); Immer, Bauer, Fortuin, Raetsch & Khan (2021),
ICML (evidence of networks by them).

Maths: docs/math/network_tuning.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array
from derivata.neural.evidence import layer_factors
from derivata.neural.losses import NetworkLoss
from derivata.neural.network import Network, Params
from derivata.neural.rows import Rows


@dataclass(frozen=True, eq=False)
class Effective:
    """Effective parameters.

    Parameters
    ----------
    layers : array (n_layers,)      of each layer
    columns : array (n_inputs,)     of the weights that leave each input
    """

    layers: Array
    columns: Array


def kronecker_effective(
    network: Network, loss: NetworkLoss, params: Params, rows: Rows, alpha: Array
) -> Effective:
    """Effective parameters at trained weights.

    Parameters
    ----------
    network : Network
    loss : NetworkLoss
    params : tree of arrays
    rows : Rows
    alpha : array (n_layers,)     decays, in units of the loss, as `Training.alpha`

    Returns
    -------
    effective : Effective
    """
    read, given = layer_factors(network, loss, params, rows)
    layers, columns = [], np.zeros(0)
    for place, (values, back, strength) in enumerate(zip(read, given, alpha, strict=True)):
        flat = back.reshape(-1, back.shape[2])
        if place:
            of_inputs, vectors = np.linalg.eigvalsh(values.T @ values), None
        else:
            of_inputs, vectors = np.linalg.eigh(values.T @ values)
        of_outputs = np.linalg.eigvalsh(flat.T @ flat) / len(values)
        spectrum = np.outer(np.maximum(of_inputs, 0.0), np.maximum(of_outputs, 0.0))
        share = (spectrum / (spectrum + strength)).sum(axis=1)
        layers.append(float(share.sum()))
        if vectors is not None:
            columns = vectors**2 @ share
    return Effective(np.array(layers), columns)
