"""Real tables as scikit-learn users would prepare them: one-hot columns, missing numbers imputed.

Those bundled with scikit-learn are always there; others are read from ``shared/data`` beside the
repository, and tests that want them are skipped where it is absent.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn import datasets

SHARED = Path(__file__).parents[3] / "shared" / "data"
BUNDLED = ("breast_cancer", "wine", "iris", "digits", "diabetes")


@dataclass(frozen=True)
class RealTable:
    """Features, target and exposure (or None) of a table."""

    X: pd.DataFrame
    y: pd.Series
    exposure: pd.Series | None = None

    @property
    def fit_arguments(self) -> dict[str, Any]:
        """Keywords of ``fit`` beyond X and y."""
        return {} if self.exposure is None else {"exposure": self.exposure}


@cache
def real_table(name: str, n_rows: int = 3000) -> RealTable:
    """A table by its name in ``shared/data/schema.json``, or of scikit-learn; at most n_rows."""
    if name in BUNDLED:
        X, y = getattr(datasets, f"load_{name}")(return_X_y=True, as_frame=True)
        return RealTable(X, y)
    path = SHARED / "schema.json"
    if not path.exists():
        pytest.skip(f"needs the table {name} of shared/data, which is not beside this repository")
    schema = json.loads(path.read_text())[name]
    table = pd.read_csv(SHARED / schema["file"])
    if len(table) > n_rows:
        table = table.sample(n_rows, random_state=0)
    table = table.dropna(subset=[schema["target"]]).reset_index(drop=True)
    table = table.drop(columns=[*schema["drop"], *schema["other_targets"]], errors="ignore")
    y = table.pop(schema["target"])
    exposure = table.pop(schema["exposure"]) if schema["exposure"] else None
    numbers = table.select_dtypes("number").columns
    table[numbers] = table[numbers].fillna(table[numbers].median())
    return RealTable(pd.get_dummies(table, dtype=float), y, exposure)
