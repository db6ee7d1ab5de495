"""derivata: write the loss once; calculus does the rest.

Public names are loaded when first used, so that ``import derivata`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "AMSGrad": "derivata.solvers",
    "AdaGrad": "derivata.solvers",
    "Adam": "derivata.solvers",
    "AdamW": "derivata.solvers",
    "AdditiveClassifier": "derivata.estimators.additive",
    "AdditiveRegressor": "derivata.estimators.additive",
    "AutodiffLoss": "derivata.losses.autodiff",
    "AutodiffPredictor": "derivata.predictors.autodiff",
    "Backtracking": "derivata.solvers",
    "Category": "derivata.terms",
    "Constant": "derivata.solvers",
    "Cosine": "derivata.solvers",
    "Cyclic": "derivata.terms",
    "Date": "derivata.terms",
    "ElasticNet": "derivata.penalties",
    "Evidence": "derivata.criteria",
    "FusedLasso": "derivata.penalties",
    "GradientDescent": "derivata.solvers",
    "GroupLasso": "derivata.penalties",
    "GroupRidge": "derivata.penalties",
    "HoldOut": "derivata.criteria",
    "IdentityLoss": "derivata.losses.identity",
    "InverseSqrt": "derivata.solvers",
    "InverseTime": "derivata.solvers",
    "KFold": "derivata.criteria",
    "LBFGS": "derivata.solvers",
    "Lasso": "derivata.penalties",
    "LeaveOneOut": "derivata.criteria",
    "Linear": "derivata.terms",
    "LinearRegressor": "derivata.estimators",
    "LogisticClassifier": "derivata.estimators",
    "LossEstimator": "derivata.estimators.custom",
    "MLPClassifier": "derivata.estimators.neural",
    "MLPRegressor": "derivata.estimators.neural",
    "Missing": "derivata.terms",
    "Momentum": "derivata.solvers",
    "Nesterov": "derivata.solvers",
    "Newton": "derivata.solvers",
    "PoissonRegressor": "derivata.estimators",
    "Product": "derivata.terms",
    "ProximalNewton": "derivata.solvers",
    "RMSProp": "derivata.solvers",
    "SmoothedLasso": "derivata.penalties",
    "SmoothedVariation": "derivata.penalties",
    "Spline": "derivata.terms",
    "Surface": "derivata.terms",
    "TableModel": "derivata.estimators.table_model",
    "TotalVariation": "derivata.penalties",
    "WarmUp": "derivata.solvers",
    "attribute": "derivata.evaluation.attribute",
    "calibration": "derivata.evaluation.calibration",
    "compare": "derivata.evaluation.compare",
    "compare_solvers": "derivata.comparison",
    "convergence_of": "derivata.convergence",
    "evidence": "derivata.evaluation.evidence",
    "from_optax": "derivata.solvers",
    "influence": "derivata.evaluation.influence",
    "label_errors": "derivata.evaluation.label_errors",
    "leave_one_out": "derivata.evaluation.leave_one_out",
    "load": "derivata.persistence",
    "minimize": "derivata.solvers",
    "save": "derivata.persistence",
    "sensitivity": "derivata.evaluation.sensitivity",
    "standard_errors": "derivata.evaluation.standard_errors",
    "weight_decay": "derivata.penalties",
}

__all__ = sorted(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'derivata' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
