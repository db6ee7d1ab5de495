"""derivata: write the loss once; calculus does the rest.

Public names are loaded when first used, so that ``import derivata`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "AdditiveClassifier": "derivata.estimators.additive",
    "AdditiveRegressor": "derivata.estimators.additive",
    "Category": "derivata.terms",
    "Cyclic": "derivata.terms",
    "Date": "derivata.terms",
    "ElasticNet": "derivata.penalties",
    "Evidence": "derivata.criteria",
    "GroupLasso": "derivata.penalties",
    "GroupRidge": "derivata.penalties",
    "HoldOut": "derivata.criteria",
    "KFold": "derivata.criteria",
    "LBFGS": "derivata.solvers",
    "Lasso": "derivata.penalties",
    "LeaveOneOut": "derivata.criteria",
    "Linear": "derivata.terms",
    "LinearRegressor": "derivata.estimators",
    "LogisticClassifier": "derivata.estimators",
    "Missing": "derivata.terms",
    "Newton": "derivata.solvers",
    "PoissonRegressor": "derivata.estimators",
    "Product": "derivata.terms",
    "ProximalNewton": "derivata.solvers",
    "Spline": "derivata.terms",
    "Surface": "derivata.terms",
    "TableModel": "derivata.estimators.table_model",
    "load": "derivata.persistence",
    "save": "derivata.persistence",
}

__all__ = sorted(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'derivata' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
