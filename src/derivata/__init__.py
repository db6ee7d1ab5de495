"""derivata: write the loss once; calculus does the rest.

Public names are loaded when first used, so that ``import derivata`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "GroupRidge": "derivata.penalties",
    "HoldOut": "derivata.criteria",
    "KFold": "derivata.criteria",
    "LBFGS": "derivata.solvers",
    "LeaveOneOut": "derivata.criteria",
    "LinearRegressor": "derivata.estimators",
    "LogisticClassifier": "derivata.estimators",
    "Newton": "derivata.solvers",
    "PoissonRegressor": "derivata.estimators",
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
