"""scikit-learn's multi-layer perceptrons as ``FittedModel``s.

    F = sum_i s_i loss(y_i, z_i) + alpha m / 2 sum_l |W_l|^2          biases are free
    m = 1 with the solver lbfgs;  m = n_rows mean(1 / rows of a batch) with adam and sgd

scikit-learn adds the whole penalty to every mini-batch and divides by the batch, so a network that
it trains in batches is shrunk by about n_rows / batch_size times ``alpha``. Losses: half the
square, a Poisson deviance, log-loss of two classes, softmax of more. The last layer of a softmax
network has one output too many: adding the same to all scores changes nothing. Its contrasts take
its place,

    V = W Q^T,   c = Q b,      Q (K - 1, K) with orthonormal rows that sum to zero,

which leaves every probability as it is, and |V|^2 = |W|^2 at a minimum, where the weights of the
classes sum to zero.

``shape`` needs neither JAX nor a minimum. What needs a minimum finds it by Newton's method from the
weights as fitted; networks seldom end near one unless they are trained to it (``solver="lbfgs"``,
a small ``tol``), and are refused with the gradient where they did not.

Maths: docs/math/adapters_own.md
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from derivata.adapters.dense_network import DenseNetwork, Layers, flat
from derivata.adapters.fitted import FittedModel
from derivata.adapters.inputs import (
    class_numbers,
    columns_of,
    numbers_of,
    refuse_targets,
    require_fitted,
    rows_of,
    weights_of,
)
from derivata.adapters.network_solver import NetworkNewton
from derivata.adapters.responses import Response
from derivata.adapters.scikit_shapes import network_shape
from derivata.contracts import Array, Loss
from derivata.errors import NotAvailable
from derivata.estimators.families import class_family
from derivata.losses import PoissonLoss, SoftmaxLoss, SquaredLoss
from derivata.objective import Objective
from derivata.penalties.smooth import FREE, GroupRidge

NEAREST = (
    "a network has several minima: a fit without a row is one beside the fit with all, and which "
    "one may hang on where its search starts"
)
# The batch of "auto", as scikit-learn says.
LARGEST_BATCH = 200


def adapt_mlp(model: Any, X: Any, y: Any, sample_weight: Any = None) -> FittedModel:
    """A fitted ``MLPClassifier`` or ``MLPRegressor`` beside the rows of its fit.

    Parameters
    ----------
    model : MLPClassifier or MLPRegressor
        Of one target.
    X, y, sample_weight
        What it was fitted to.

    Returns
    -------
    FittedModel
        Of more than two classes the outputs are contrasts of the scores; ``coefficients`` is None.

    Raises
    ------
    InvalidParameter               if the model is not fitted
    NotAvailable                   for several targets or labels at once; and, once a derivative by
                                   the weights is asked for, if JAX is not installed
    InvalidData                    naming the column or the row that does not fit the model
    """
    require_fitted(model, "coefs_")
    kind = _kind_of(model)
    rows = _dense(model, X)
    n_rows = len(rows)
    weight = weights_of(sample_weight, n_rows)
    kept = np.flatnonzero(weight)
    target = kind.target(y, n_rows)
    if len(kept) < len(weight):
        rows, target, weight = rows[kept], target[kept], weight[kept]
    layers = _layers(model, kind.contrasts)
    network = DenseNetwork(rows, layers, model.activation)
    strength, notes = _strength(model, n_rows)
    names = ("alpha",) if strength > 0.0 else ()
    groups = np.where(network.is_weight & (strength > 0.0), 0, FREE)
    penalty = GroupRidge(groups, names)

    def judged(X: Any, y: Any, sample_weight: Any = None) -> Objective:
        rows = _dense(model, X)
        weight = weights_of(sample_weight, len(rows))
        return Objective(kind.loss, network.of(rows), penalty, kind.target(y, len(weight)), weight)

    return FittedModel(
        name=f"{type(model).__name__}(alpha={model.alpha:g})",
        objective=Objective(kind.loss, network, penalty, target, weight),
        params=flat(layers),
        hyper=np.log([strength]) if names else np.zeros(0),
        kept=kept,
        columns=columns_of(model),
        response=kind.response,
        solver=NetworkNewton(),
        judged=judged,
        shape=replace(network_shape(model), middle=np.average(rows, axis=0, weights=weight)),
        notes=(*notes, NEAREST),
        hint=_hint(model),
    )


@dataclass(frozen=True, eq=False)
class _Kind:
    """What a network is trained to say."""

    loss: Loss
    response: Response
    contrasts: Array | None = None

    def target(self, y: Any, n_rows: int) -> Array:
        """Numbers, or those of the classes, (n_rows,)."""
        if self.response.classes is not None:
            return class_numbers(y, self.response.classes, n_rows)
        numbers = numbers_of(y, n_rows)
        self.loss.validate(numbers)
        return numbers


def _kind_of(model: Any) -> _Kind:
    if hasattr(model, "classes_"):
        return _classes(model)
    if model.n_outputs_ > 1:
        refuse_targets(model.n_outputs_)
    if model.out_activation_ == "exp":
        return _Kind(PoissonLoss(), Response(lambda outputs: np.exp(outputs[:, 0])))
    return _Kind(SquaredLoss(), Response(lambda outputs: outputs[:, 0]))


def _classes(model: Any) -> _Kind:
    if model._label_binarizer.y_type_.startswith("multilabel"):
        raise NotAvailable(
            f"`model` predicts {model.n_outputs_} labels of each row at once; one is expected. Fit "
            "and evaluate a model for each: `model.fit(X, y[:, j])`."
        )
    classes = model.classes_
    family = class_family(len(classes))
    loss = family.loss()
    contrasts = loss.contrasts if isinstance(loss, SoftmaxLoss) else None
    return _Kind(loss, Response(family.mean, classes), contrasts)


def _layers(model: Any, contrasts: Array | None) -> Layers:
    """Weights and biases in float64; those of a last layer of scores as contrasts."""
    layers = [
        (np.asarray(weight, dtype=float), np.asarray(bias, dtype=float))
        for weight, bias in zip(model.coefs_, model.intercepts_, strict=True)
    ]
    if contrasts is not None:
        weight, bias = layers[-1]
        layers[-1] = (weight @ contrasts.T, contrasts @ bias)
    return tuple(layers)


def _strength(model: Any, n_rows: int) -> tuple[float, tuple[str, ...]]:
    """The penalty of the summed losses, and what is to be said of it."""
    alpha = float(model.alpha)
    batch = LARGEST_BATCH if model.batch_size == "auto" else int(model.batch_size)
    if model.solver == "lbfgs" or alpha == 0.0 or batch >= n_rows:
        return alpha, ()
    sizes = np.full(-(-n_rows // batch), float(batch))
    sizes[-1] = n_rows - batch * (len(sizes) - 1)
    ratio = n_rows * float(np.mean(1.0 / sizes))
    note = (
        f"scikit-learn adds the penalty to each batch of {batch} rows, so of all {n_rows} rows it "
        f"is {ratio:.4g} times `alpha`"
    )
    return alpha * ratio, (note,)


def _hint(model: Any) -> str:
    parts = ["Attribution needs no minimum."]
    if model.activation == "relu":
        parts.insert(0, "A network of `relu` has kinks and often ends on one; `tanh` has none.")
    if getattr(model, "early_stopping", False):
        parts.insert(0, "`early_stopping=True` stops short of the minimum on purpose.")
    elif model.solver != "lbfgs":
        parts.insert(
            0,
            f"`solver={model.solver!r}` circles around a minimum; `solver='lbfgs'` with a `tol` of "
            "1e-9 or so goes to one.",
        )
    return " ".join(parts)


def _dense(model: Any, X: Any) -> Array:
    rows = rows_of(model, X)
    return rows.toarray() if sparse.issparse(rows) else rows
