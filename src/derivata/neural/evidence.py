"""Evidence of a network's weight decays: Laplace's approximation around trained weights.

    -log evidence = F + 1/2 log det (I + sum_l K_l / alpha_l),    F = sum_i s_i loss_i + R
    R = 1/2 sum_l alpha_l |W_l|^2,    K_l = V^T J_l J_l^T V
    V V^T = second derivatives of the losses by the outputs

J_l holds the derivatives of all rows' outputs by the weights of layer l, so the matrix has a row
for each training row and output: the generalised Gauss-Newton matrix in its dual form. A layer's
weights enter an output as a_i . w, a_i what the layer reads, so K_l needs no Jacobian:

    (K_l)_ij = (a_i . a_j) (d_i . d_j),    d_i = V_i^T derivatives of the outputs by what it gives

and log det, the effective parameters gamma_l = trace(B^-1 K_l) / alpha_l and the derivatives

    d / d log alpha_l = 1/2 (alpha_l |W_l|^2 / phi - gamma_l)

cost (rows x columns of V)^3, whatever the size of the network. Where the loss leaves its scale out,
F is in units of phi and phi is profiled: n/2 log(2 F / n) replaces F, phi = 2 F / n. Biases,
embeddings and factors of the inputs have no prior; they are held where they are.

With K classes V has K - 1 columns a row. ``signs`` replaces them by so many random combinations
(signs s_i with mean s s^T = I: V_i s_i), which is unbiased for the matrix and a little low for its
log determinant, which is concave: on digits 1 sign gives 84 % of it, 2 signs 91 %. Kronecker
factors, which cost less still, count 2 to 3 times too many parameters there.

Exact for the quadratic expansion of F with the Gauss-Newton matrix, when every row is used; a
sample of m rows stands for all with weight n / m and sees at most m effective parameters.

Sources: MacKay (1992), Neural Computation 4, 415-447, for the evidence and its fixed point; Immer,
Bauer, Fortuin, Raetsch & Khan (2021), ICML, for layers of a network by Gauss-Newton.

Maths: docs/math/network_tuning.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from derivata.contracts import Array
from derivata.curvature import cholesky
from derivata.double_precision import float64
from derivata.errors import InvalidParameter, NotAvailable, ShapeMismatch
from derivata.neural.losses import NetworkLoss
from derivata.neural.network import Network, Params
from derivata.neural.rows import Rows
from derivata.row_grid import pad_rows, pad_with_zeros, padded_size

# The matrix has so many rows at most: these are 8 s of one core and 2 GB.
LARGEST_MATRIX = 6_000


@dataclass(frozen=True, eq=False)
class NetworkEvidence:
    """Minus the log evidence at some weights, and how it moves with the log of the decays.

    Parameters
    ----------
    value : float                        nats
    by_log_alpha : array (n_layers,)     its derivative, the weights held
    effective : array (n_layers,)        effective parameters of each layer
    squares : array (n_layers,)          |W_l|^2
    phi : float                          noise variance where the loss leaves it out, else 1
    column_effective : array (n_inputs,)
        Effective parameters of the weights that leave each input.
    """

    value: float
    by_log_alpha: Array
    effective: Array
    squares: Array
    phi: float
    column_effective: Array

    @property
    def fixed_point(self) -> Array:
        """Decays at which the derivative would vanish, were nothing else to move: (n_layers,)."""
        return self.phi * self.effective / np.maximum(self.squares, np.finfo(float).tiny)


def network_evidence(
    network: Network,
    loss: NetworkLoss,
    params: Params,
    rows: Rows,
    alpha: Array,
    *,
    signs: int | None = None,
    sampled: Array | None = None,
    rng: np.random.Generator | None = None,
) -> NetworkEvidence:
    """Evidence of the decays ``alpha`` at trained weights.

    Parameters
    ----------
    network : Network
    loss : NetworkLoss
    params : tree of arrays       near a minimum of F: its gradient is taken to be zero
    rows : Rows                   training rows
    alpha : array (n_layers,)     positive; precisions in units of the loss, as `Training.alpha`
    signs : int, optional
        Random combinations that stand for the outputs of a row; None: all outputs, exactly.
    sampled : array of int, optional
        Rows that stand for all in the matrix; None: every row.
    rng : numpy.random.Generator, optional
        Of the signs.

    Returns
    -------
    evidence : NetworkEvidence

    Raises
    ------
    InvalidParameter              if an alpha is not positive
    ShapeMismatch                 if there is not one alpha for each layer
    NotAvailable                  if the matrix were larger than `LARGEST_MATRIX`
    """
    alpha = _checked(alpha, network)
    chosen = rows if sampled is None else rows.take(sampled)
    share = float(rows.weight.sum()) / float(chosen.weight.sum())
    n_outputs = loss.n_outputs if signs is None else min(signs, loss.n_outputs)
    if chosen.n_rows * n_outputs > LARGEST_MATRIX:
        raise NotAvailable(
            f"the evidence of {chosen.n_rows:,} rows with {n_outputs} outputs needs a matrix of "
            f"{chosen.n_rows * n_outputs:,} rows; at most {LARGEST_MATRIX:,} are allowed. Pass "
            "`signs=1`, or fewer rows as `sampled`."
        )
    combined = None if n_outputs == loss.n_outputs else _signs(chosen.n_rows, loss, n_outputs, rng)
    total = summed_loss(network, loss, params, rows)
    read, given = layer_factors(network, loss, params, chosen, combined)
    weights = [np.asarray(layer["weight"], float) for layer in params["layers"]]
    squares = np.array([float((weight * weight).sum()) for weight in weights])
    minimum = total + 0.5 * float(alpha @ squares)
    phi, value = 1.0, minimum
    if loss.classic.scale_is_free:
        n_rows = float(rows.weight.sum())
        phi = max(2.0 * minimum / n_rows, np.finfo(float).tiny)
        value = 0.5 * n_rows * float(np.log(phi))
    kernels = [
        share * (a @ a.T)[:, None, :, None] * _products(d) for a, d in zip(read, given, strict=True)
    ]
    size = chosen.n_rows * n_outputs
    kernels = [kernel.reshape(size, size) for kernel in kernels]
    log_det, inverse = _log_det_and_inverse(kernels, alpha)
    effective = np.array(
        [float((inverse * kernel).sum()) / a for kernel, a in zip(kernels, alpha, strict=True)]
    )
    mixed = share * (inverse.reshape(_products(given[0]).shape) * _products(given[0]))
    mixed = mixed.sum(axis=(1, 3))
    by_column = np.einsum("ij,ij->j", read[0], mixed @ read[0]) / alpha[0]
    return NetworkEvidence(
        value=value + 0.5 * log_det,
        by_log_alpha=0.5 * (alpha * squares / phi - effective),
        effective=effective,
        squares=squares,
        phi=phi,
        column_effective=by_column,
    )


def summed_loss(network: Network, loss: NetworkLoss, params: Params, rows: Rows) -> float:
    """The weighted sum of the losses, in float64, targets not smoothed."""
    with float64():
        outputs = np.asarray(_outputs(*_in_float64(params, rows), network=network))
    losses = loss.classic.at(class_codes(loss, rows), outputs[: rows.n_rows]).value
    return float(losses @ np.asarray(rows.weight, float))


def class_codes(loss: NetworkLoss, rows: Rows) -> Array:
    """Targets as `NetworkLoss.classic` takes them: numbers or class codes, (n_rows,) float."""
    targets = np.asarray(rows.targets, float)
    return targets[:, 0] if targets.shape[1] == 1 else targets.argmax(axis=1).astype(float)


def layer_factors(
    network: Network,
    loss: NetworkLoss,
    params: Params,
    rows: Rows,
    signs: Array | None = None,
) -> tuple[list[Array], list[Array]]:
    """What each layer reads, and how the losses' curvature comes back to what it gives.

    Parameters
    ----------
    network : Network
    loss : NetworkLoss
    params : tree of arrays
    rows : Rows
    signs : array (n_rows, m, n_outputs), optional
        Combinations of the columns of V; None: the columns themselves.

    Returns
    -------
    read : list of arrays (n_rows, n_in)          a, for each layer
    given : list of arrays (n_rows, m, n_out)     d, for each layer
    """
    n_rows = rows.n_rows
    with float64():
        params, padded = _in_float64(params, rows)
        outputs = np.asarray(_outputs(params, padded, network=network))[:n_rows]
        curvature = loss.classic.at(class_codes(loss, rows), outputs).hessian
        roots = _root(np.asarray(rows.weight, float)[:, None, None] * curvature)
        columns = np.moveaxis(roots, 2, 0)  # (m, n_rows, n_outputs)
        if signs is not None:
            columns = np.einsum("iab,imb->mia", roots, signs)
        n_missing = len(padded.weight) - n_rows
        columns = np.pad(columns, ((0, 0), (0, n_missing), (0, 0)))
        read, given = _factors(params, padded, columns, network=network)
        return (
            [np.asarray(one)[:n_rows] for one in read],
            [np.moveaxis(np.asarray(one), 0, 1)[:n_rows] for one in given],
        )


@partial(jax.jit, static_argnames="network")
def _outputs(params: Params, rows: Rows, *, network: Network) -> Any:
    return network.apply(params, rows.inputs)


@partial(jax.jit, static_argnames="network")
def _factors(params: Params, rows: Rows, columns: Any, *, network: Network) -> tuple[Any, Any]:
    _, back, read = jax.vjp(_tapped(network, params, rows), _zeros(params, rows), has_aux=True)
    (given,) = jax.vmap(back)(columns)
    return read, given


def _tapped(network: Network, params: Params, rows: Rows) -> Callable[[Any], tuple[Any, Any]]:
    """Outputs as a function of what is added to each layer, and what each layer reads."""

    def outputs(added: Any) -> tuple[Any, Any]:
        read: list[Any] = []

        def layer(values: Any, weight: Any, bias: Any) -> Any:
            read.append(values)
            return values @ weight + bias + added[len(read) - 1]

        return network.apply(params, rows.inputs, layer=layer), read

    return outputs


def _zeros(params: Params, rows: Rows) -> list[Any]:
    shape = rows.weight.shape
    return [jnp.zeros((*shape, *layer["bias"].shape)) for layer in params["layers"]]


def _root(matrices: Array) -> Array:
    """V with V V^T the given positive semidefinite (n, k, k)."""
    if matrices.shape[-1] == 1:
        return np.sqrt(matrices)
    values, vectors = np.linalg.eigh(matrices)
    return vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]


def _products(given: Array) -> Array:
    """d_i . d_j, (n, m, n, m)."""
    n_rows, columns, units = given.shape
    flat = given.reshape(n_rows * columns, units)
    return (flat @ flat.T).reshape(n_rows, columns, n_rows, columns)


def _log_det_and_inverse(kernels: list[Array], alpha: Array) -> tuple[float, Array]:
    """Of B = I + sum_l K_l / alpha_l."""
    matrix = np.zeros_like(kernels[0])
    for kernel, strength in zip(kernels, alpha, strict=True):
        matrix += kernel / strength
    matrix.ravel()[:: len(matrix) + 1] += 1.0
    factor = cholesky.factorize(matrix)
    if factor is None:  # B >= I is positive definite, whatever rounding does
        raise NotAvailable("the weights or decays are not finite, so they have no evidence.")
    return 2.0 * float(np.log(np.diagonal(factor)).sum()), cholesky.inverse(factor)


def _signs(n_rows: int, loss: NetworkLoss, columns: int, rng: np.random.Generator | None) -> Array:
    rng = np.random.default_rng(0) if rng is None else rng
    drawn = rng.choice([-1.0, 1.0], size=(n_rows, columns, loss.n_outputs))
    return drawn / np.sqrt(columns)


def _in_float64(params: Params, rows: Rows) -> tuple[Params, Rows]:
    """Both in float64, rows padded to the grid with rows of weight zero."""
    n_padded = padded_size(rows.n_rows)
    padded = jax.tree.map(lambda leaf: pad_rows(np.asarray(leaf), n_padded), rows)
    padded = padded._replace(weight=pad_with_zeros(np.asarray(rows.weight, float), n_padded))
    return jax.tree.map(_widened, params), jax.tree.map(_widened, padded)


def _widened(leaf: Any) -> Array:
    leaf = np.asarray(leaf)
    return leaf.astype(float) if leaf.dtype.kind == "f" else leaf


def _checked(alpha: Array, network: Network) -> Array:
    alpha = np.asarray(alpha, float)
    if alpha.shape != (len(network.sizes),):
        raise ShapeMismatch(
            f"`alpha` has shape {alpha.shape}; the network has {len(network.sizes)} layers, "
            "counting the last one, and each needs one number."
        )
    if not (alpha > 0.0).all() or not np.isfinite(alpha).all():
        raise InvalidParameter(
            f"`alpha` is {alpha}; every decay must be positive. A layer without a prior has no "
            "evidence."
        )
    return alpha
