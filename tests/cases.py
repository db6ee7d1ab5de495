"""Every class that the contract tests judge: a new one joins by one line, in the table of its kind.

Beside the tables, ``problem`` draws a small objective of any loss with everything that makes
formulas differ: two penalty groups, a free intercept, an offset, and row weights that are zero,
fractional and larger than one.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec

import numpy as np
from scipy import sparse
from scipy.linalg import lapack

from derivata.contracts import Array, Criterion, Design, HessianInverse, Loss, Penalty, Predictor
from derivata.criteria import Evidence, HoldOut, KFold, LeaveOneOut
from derivata.curvature.face import FaceInverse
from derivata.curvature.inverse import CholeskyInverse, PseudoInverse
from derivata.curvature.iterative import IterativeInverse
from derivata.curvature.woodbury import WoodburyInverse
from derivata.designs import DenseDesign, SparseDesign, TabulatedBlock, TabulatedDesign
from derivata.losses import (
    GammaLoss,
    HuberLoss,
    LogisticLoss,
    NegativeBinomialLoss,
    PoissonLoss,
    QuantileLoss,
    SoftmaxLoss,
    SquaredLoss,
    TweedieLoss,
)
from derivata.losses.class_weighted import ClassWeighted
from derivata.losses.joint_scale import JointHuberLoss
from derivata.objective import Expansion, Objective
from derivata.penalties import (
    FREE,
    ElasticNet,
    GroupLasso,
    GroupRidge,
    Lasso,
    SmoothedAbsolute,
    weight_decay,
)
from derivata.predictors import LinearPredictor
from derivata.predictors.separate import SeparateLinear
from derivata.solvers import (
    LBFGS,
    Backtracking,
    GradientDescent,
    Momentum,
    Nesterov,
    Newton,
    TwoPhase,
)
from derivata.terms import Category, Cyclic, Date, Linear, Missing, Product, Spline, Surface, Term
from derivata.tuning import Solver

JAX = find_spec("jax") is not None
if JAX:
    from tests import jax_cases


@dataclass(frozen=True)
class LossCase:
    """A loss, how its targets are drawn at outputs (n, k), and which targets it must refuse."""

    loss: Loss
    targets: Callable[[np.random.Generator, Array], Array]
    illegal: tuple[float, ...] = ()
    # How far the row's kinks are from its outputs; finite differences need some distance.
    from_kink: Callable[[Array, Array], Array] = lambda y, outputs: np.full(len(y), np.inf)
    # Whether null_outputs is the minimiser itself or only a start near it, and then steps from it,
    # of one size in each output, none of which can lower the sum.
    null_is_best: bool = True
    null_steps: tuple[float, ...] = ()
    # Outputs at which a row's loss is smallest, where bisection in one output does not find them.
    best: Callable[[Array], Array] | None = None


def _real(rng, z):
    return z[:, 0] + rng.standard_normal(len(z))


def _heavy_tailed(rng, z):
    return z[:, 0] + rng.standard_t(2.0, len(z))


def _binary(rng, z):
    return (rng.random(len(z)) < 1.0 / (1.0 + np.exp(-z[:, 0]))).astype(float)


def _shares(rng, z):
    return rng.random(len(z))


def _counts(rng, z):
    return rng.poisson(np.exp(z[:, 0])).astype(float)


def _amounts(rng, z):
    return rng.gamma(2.0, 0.5 * np.exp(z[:, 0]))


def _overdispersed(rng, z):
    return rng.poisson(rng.gamma(1.5, np.exp(z[:, 0]) / 1.5)).astype(float)


def _sums(rng, z):
    return rng.gamma(np.maximum(rng.poisson(1.5, len(z)), 1e-300), np.exp(z[:, 0]) / 1.5)


def _labels(rng, z):
    return rng.permutation(np.arange(len(z)) % (z.shape[1] + 1)).astype(float)


def _from_huber_kink(y, z):
    return np.abs(np.abs(y - z[:, 0]) - 1.345)


LOSSES = {
    "squared": LossCase(SquaredLoss(), _real),
    "huber": LossCase(
        HuberLoss(), _heavy_tailed, (), _from_huber_kink, null_is_best=False, null_steps=(1.345,)
    ),
    "logistic": LossCase(LogisticLoss(), _binary, (-1.0, 2.0, 1.5)),
    "logistic of shares": LossCase(LogisticLoss(), _shares, (-1.0, 2.0, 1.5)),
    "softmax of 2": LossCase(SoftmaxLoss(2), _labels, (-1.0, 2.0, 0.5)),
    "softmax of 4": LossCase(SoftmaxLoss(4), _labels, (-1.0, 4.0, 0.5)),
    "logistic of weighted classes": LossCase(
        ClassWeighted(LogisticLoss(), np.array([0.6, 2.0])), _binary, (-1.0, 2.0)
    ),
    "softmax of weighted classes": LossCase(
        ClassWeighted(SoftmaxLoss(3), np.array([0.6, 2.0, 1.0])),
        _labels,
        (-1.0, 3.0, 0.5),
        best=lambda y: 60.0 * SoftmaxLoss(3).contrasts[:, y.astype(int)].T,
    ),
    "poisson": LossCase(PoissonLoss(), _counts, (-1.0, -1e-9)),
    "gamma": LossCase(GammaLoss(), _amounts, (0.0, -2.0)),
    "negative binomial": LossCase(NegativeBinomialLoss(1.5), _overdispersed, (-1.0, -1e-9)),
    "negative binomial near Poisson": LossCase(NegativeBinomialLoss(1e4), _counts, (-1.0,)),
    "tweedie": LossCase(TweedieLoss(1.4), _sums, (-1.0, -1e-9)),
    "median": LossCase(QuantileLoss(0.5, 0.5), _heavy_tailed),
    "upper quantile": LossCase(QuantileLoss(0.9, 0.3), _real),
}

if JAX:
    LOSSES["a user's logistic"] = LossCase(jax_cases.logistic(), _binary)
    LOSSES["a user's heavy tail"] = LossCase(jax_cases.heavy_tail(), _heavy_tailed)


def _around(rng, z):
    return z[:, 0] + np.abs(z[:, 1]) * rng.standard_t(3.0, len(z))


def _from_joint_kink(y, z):
    size, scale = np.abs(y - z[:, 0]), z[:, 1]
    # Near the tip derivatives grow without bound, and differences are too coarse for them.
    tip = np.where(scale > 0.0, 0.05 * scale, size)
    return np.minimum(np.abs(size - 1.35 * scale), tip)


# Convex in each row's outputs, but with a kink where a row has scale zero: objectives in which
# every row has a scale of its own have minima there, so these are judged row by row alone.
JOINT_LOSSES = {
    "huber with its scale": LossCase(
        JointHuberLoss(1.35, 0.7),
        _around,
        (),
        _from_joint_kink,
        null_is_best=False,
        null_steps=(1.35, 0.0),
        best=lambda y: np.column_stack([y, np.zeros(len(y))]),
    )
}

PENALTIES: dict[str, Penalty] = {
    "one group": GroupRidge(np.zeros(4, dtype=int), ("all",)),
    "groups interleaved with free": GroupRidge(
        np.array([0, FREE, 2, 1, 0, 2, FREE]), ("a", "b", "c")
    ),
    "all free": GroupRidge(np.full(3, FREE), ()),
    "weight decay": weight_decay([{"weight": (2, 3), "bias": (3,)}, {"weight": (3, 1)}]),
    "smoothed sizes": SmoothedAbsolute.of_sizes(np.array([0, FREE, 1, 1, 0]), ("a", "b"), 0.4),
    "smoothed differences": SmoothedAbsolute.of_chains(
        np.array([0, 1, FREE, 0, 1, 0, 1]), ("variation",), 0.7
    ),
}


def _tabulated(X):
    """Columns 0, 4, 8, ... in one table, 1, 5, ... and 2, 6, ... in two more, 3, 7, ... dense."""
    n_rows, n_columns = X.shape
    rng = np.random.default_rng(0)
    blocks, placed = [], []
    for first in range(3):
        columns = np.arange(first, n_columns, 4)
        if len(columns):
            distinct, codes = np.unique(X[:, columns], axis=0, return_inverse=True)
            moved = rng.permutation(len(distinct))
            table = np.empty_like(distinct)
            table[moved] = distinct
            blocks.append(TabulatedBlock(moved[codes.ravel()], table, len(distinct)))
            placed.append(columns)
    dense = np.arange(3, n_columns, 4)
    order = np.empty(n_columns, dtype=np.intp)
    order[np.concatenate([*placed, dense])] = np.arange(n_columns)
    return TabulatedDesign(tuple(blocks), np.ascontiguousarray(X[:, dense].T), order)


DESIGNS: dict[str, Callable[[Array], Design]] = {
    "dense": DenseDesign.from_array,
    "sparse": lambda X: SparseDesign(sparse.csr_array(X)),
    "tabulated": _tabulated,
}

PREDICTORS: dict[str, Callable[[Array], Predictor]] = {
    "linear": lambda X: LinearPredictor(DenseDesign.from_array(X)),
    "linear, 3 outputs": lambda X: LinearPredictor(DenseDesign.from_array(X), 3),
    "linear, sparse, 2 outputs": lambda X: LinearPredictor(SparseDesign(sparse.csr_array(X)), 2),
    "linear, a design an output": lambda X: SeparateLinear(
        (
            DenseDesign.from_array(X),
            DenseDesign.from_array(X[:, 1:3]),
            SparseDesign(sparse.csr_array(X[:, :1])),
        )
    ),
}
if JAX:
    PREDICTORS["a network"] = jax_cases.network
    PREDICTORS["layers of a network"] = jax_cases.dense_network


def _cholesky(expansion):
    factor, flag = lapack.dpotrf(expansion.hessian, lower=1)
    assert flag == 0
    return CholeskyInverse(expansion, factor)


INVERSES: dict[str, Callable[[Expansion], HessianInverse]] = {
    "Cholesky": _cholesky,
    "pseudo-inverse": PseudoInverse,
    "Woodbury": WoodburyInverse,
    "face of no constraint": lambda expansion: FaceInverse(
        expansion, np.zeros((0, len(expansion.params)))
    ),
    "conjugate gradients": lambda expansion: IterativeInverse(expansion, tolerance=1e-13),
}
# Penalties with a kink, as a user names them.
SPARSE_PENALTIES = {
    "lasso": Lasso(),
    "elastic net": ElasticNet(),
    "elastic net of one strength": ElasticNet(0.7),
    "group lasso": GroupLasso(),
}

# Inverses that offer solves only, and refuse the rest.
SOLVE_ONLY = {"conjugate gradients"}

CRITERIA: dict[str, Criterion] = {
    "leave-one-out": LeaveOneOut(),
    "3-fold": KFold(3),
    "hold-out": HoldOut(0.3),
    "evidence": Evidence(),
}

# Each made from a tolerance and a limit of steps. Those that know gradients only take steps in
# proportion to the condition number, or its root; a velocity may raise F on the way.
FIRST_ORDER: dict[str, Callable[..., Solver]] = {
    "gradient descent": lambda tol, max_iter=20_000: GradientDescent(tol=tol, max_iter=max_iter),
    "line search": lambda tol, max_iter=20_000: GradientDescent(
        Backtracking(), tol=tol, max_iter=max_iter
    ),
    "momentum": lambda tol, max_iter=20_000: Momentum(tol=tol, max_iter=max_iter),
    "nesterov": lambda tol, max_iter=20_000: Nesterov(tol=tol, max_iter=max_iter),
}
CARRIED = (FIRST_ORDER["momentum"], FIRST_ORDER["nesterov"])
SOLVERS: dict[str, Callable[..., Solver]] = {
    "newton": lambda tol, max_iter=200: Newton(tol, max_iter),
    "lbfgs": lambda tol, max_iter=2000: LBFGS(tol, max_iter),
    "two-phase": lambda tol, max_iter=400: TwoPhase(
        LBFGS(1e-5, max_iter // 2), Newton(tol, max_iter - max_iter // 2)
    ),
    **FIRST_ORDER,
}

WEIGHTS = np.array([0.0, 0.4, 1.0, 1.0, 1.7, 3.0])


def problem(
    case: LossCase,
    n_rows: int,
    n_features: int,
    *,
    seed: int = 0,
    design: Callable[[Array], Design] = DenseDesign.from_array,
    weighted: bool = True,
    offset: bool = True,
) -> Objective:
    """A random objective whose last column is a free intercept, the others in two groups."""
    rng = np.random.default_rng(seed)
    k = case.loss.n_outputs
    X = np.column_stack([rng.standard_normal((n_rows, n_features)), np.ones(n_rows)])
    coefs = rng.standard_normal((k, n_features + 1)) / np.sqrt(n_features)
    shift = 0.3 * rng.standard_normal((n_rows, k)) if offset else None
    outputs = X @ coefs.T if shift is None else X @ coefs.T + shift
    groups = np.append(np.arange(n_features) % 2, FREE)
    return Objective(
        case.loss,
        LinearPredictor(design(X), k),
        GroupRidge(np.tile(groups, k), ("even", "odd")),
        case.targets(rng, outputs),
        rng.permutation(np.resize(WEIGHTS, n_rows)) if weighted else np.ones(n_rows),
        shift,
    )


# Of the columns that their contract draws: numbers x, z; words city, shop; dates day, stamp.
TERMS: dict[str, Term] = {
    "linear": Linear("x"),
    "missing": Missing("x"),
    "category": Category("city"),
    "spline": Spline("x"),
    "rising spline": Spline("x", 7, monotone="increasing"),
    "cyclic": Cyclic("x", 2.5, start=-0.3),
    "product": Product("x", "z"),
    "slopes": Product("city", "x"),
    "pairs": Product("city", "shop"),
    "surface": Surface("x", "z", 4),
    "a curve a level": Surface("x", "city"),
    "date": Date("day"),
    "date and time": Date("stamp"),
}


def sparse_problem(
    case: LossCase, n_rows: int, n_features: int, sparse_penalty, **settings
) -> Objective:
    """The same random objective with a penalty that has kinks; groups are of three columns."""
    objective = problem(case, n_rows, n_features, **settings)
    grouped = isinstance(sparse_penalty, GroupLasso)
    groups = np.arange(n_features) // 3 if grouped else np.zeros(n_features, dtype=int)
    penalty = sparse_penalty.on(np.append(groups, FREE), case.loss.n_outputs)
    return replace(objective, penalty=penalty)
