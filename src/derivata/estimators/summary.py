"""A fitted model as a table: coefficients with error bars, penalties, effective parameters.

Maths: docs/math/standard_errors.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array

NOTE = (
    "Standard errors are posterior: the penalty is a prior, so they cover the estimate together "
    "with\nits shrinkage, given the penalties found. They are not sampling errors of an "
    "unpenalised fit."
)


@dataclass(frozen=True)
class Summary:
    """What ``summary()`` returns; ``str()`` of it is a table.

    Attributes
    ----------
    names : list of str
        Row names: features, then the intercept; with classes, ``class: feature``.
    coef : array (m,)
        In the user's units.
    standard_error : array (m,) or None
        Posterior standard deviations, likewise.
    group : list of str
        Penalty group of each row; "" if free.
    alphas : dict of str to float
        Penalty strength of each group.
    effective_params : float or None
        trace(H^-1 J^T W J): how many parameters the data decide.
    n_rows : int
    dispersion : float
        Residual variance for squared loss, 1 otherwise.
    loss : str
    tuning : str
        One line on how penalties were found.
    no_errors : str
        Why there are no standard errors, if there are none.
    """

    names: list[str]
    coef: Array
    standard_error: Array | None
    group: list[str]
    alphas: dict[str, float]
    effective_params: float | None
    n_rows: int
    dispersion: float
    loss: str
    tuning: str
    no_errors: str = "the Hessian was too large to invert"

    def __str__(self) -> str:
        effective = "unknown" if self.effective_params is None else f"{self.effective_params:.1f}"
        head = [
            f"{self.loss} loss, {self.n_rows:,} rows, {len(self.names):,} coefficients, "
            f"{effective} effective parameters",
            self.tuning,
            "penalties: " + ", ".join(f"{name} {alpha:.4g}" for name, alpha in self.alphas.items()),
        ]
        width = max([len(name) for name in self.names] + [11])
        lines = [
            f"{'coefficient':{width}s}  {'estimate':>12s}  {'std. error':>12s}  {'z':>8s}  group"
        ]
        for row, name in enumerate(self.names):
            estimate = self.coef[row]
            error = np.nan if self.standard_error is None else self.standard_error[row]
            ratio = estimate / error if error > 0 else np.nan
            lines.append(
                f"{name:{width}s}  {estimate:12.5g}  {error:12.5g}  {ratio:8.2f}  {self.group[row]}"
            )
        if self.standard_error is None:
            note = f"No standard errors: {self.no_errors}."
        else:
            note = NOTE
        return "\n".join([*head, "", *lines, "", note])
