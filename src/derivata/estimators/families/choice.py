"""The family told from a target, among all there are, with the reason.

    exposures given     whole numbers: poisson;  zeros among fractions: tweedie;  else gamma
    otherwise           as ``tables.task_choice`` tells it, amounts included

Counts are first read as Poisson's: how far they spread says nothing of how far they spread about a
fit. After one, ``poisson.overdispersed`` says whether negative binomial is the better name.
"""

from __future__ import annotations

import numpy as np

from derivata.contracts import Array
from derivata.estimators.families.protocol import Family
from derivata.estimators.families.registry import FAMILIES, family_named
from derivata.tables.columns import Column
from derivata.tables.task_choice import infer_task


def choose_family(
    values: Array, name: str = "y", *, exposure: str | None = None
) -> tuple[Family, str]:
    """The family for a target without missing cells, its shape not yet begun.

    Parameters
    ----------
    values : (n_rows,)             float64, or object array of str
    name : str                     of the column, for the reason
    exposure : str, optional       the column of exposures, where there is one

    Returns
    -------
    family : Family
    reason : str                   a sentence

    Raises
    ------
    InvalidTarget                  if nothing can be learned from the target; see ``infer_task``
    """
    if exposure is not None and Column(name, values).kind == "numeric":
        return _of_exposed(values, name, exposure)
    choice = infer_task(values, name, families=tuple(FAMILIES))
    n_classes = len(np.unique(values)) if choice.family == "softmax" else None
    return family_named(choice.family, n_classes=n_classes), choice.reason


def _of_exposed(values: Array, name: str, exposure: str) -> tuple[Family, str]:
    given = f"exposures are given ({exposure!r})"
    if values.min() < 0 or not np.any(values % 1):
        return family_named("poisson"), f"{given}, as counts have them."
    if values.min() == 0:
        reason = f"{given}, and target {name!r} holds zeros and fractions: sums of amounts."
        return family_named("tweedie"), reason
    reason = f"{given}, and target {name!r} holds positive fractions: amounts."
    return family_named("gamma"), reason
