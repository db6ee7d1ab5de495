"""A fitted additive model as a value: predictions, intervals, effects, and how it is saved.

    outputs = intercept + sum_j f_j;   Var outputs_i = x_i^T V x_i,   V the posterior covariance

Nothing here fits; ``additive_fit`` makes it. Maths: docs/math/additive.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array
from derivata.errors import InvalidParameter, NotAvailable
from derivata.estimators.column_ranges import ColumnRange
from derivata.estimators.families import Family
from derivata.estimators.interactions import Pair
from derivata.estimators.term_strengths import TermStrengths
from derivata.estimators.term_tests import TermTests
from derivata.estimators.tuning_record import Tuning
from derivata.predictors.linear import LinearPredictor
from derivata.tables import Table
from derivata.tables.table_encoder import TableEncoder


@dataclass(frozen=True, eq=False)
class AdditiveModel:
    """Terms with their coefficients and all that is known of them.

    Attributes
    ----------
    encoder : TableEncoder
    family : Family                with its shape
    params : array (k, p + 1)      coefficients of the features, then the intercept
    covariance : array (P, P) or None
        Posterior covariance of all P = k (p + 1) params, output by output; None if too many.
    edf : array (k, p + 1) or None
        Effective parameters of each param: 1 where the data decide, 0 where the penalty does.
    alphas : dict of str to float  penalty strengths, named ``label: part``
    dispersion : float             what the covariance is multiplied by
    noise_dispersion : float       that of the family's noise, for intervals of new rows
    strengths : TermStrengths
    tests : TermTests
    ranges : dict of str to ColumnRange
    tuning : Tuning or None
    n_rows, n_iter : int
    converged : bool
    reason : str
    family_note : str              why the family was changed at the fit, or ""
    pairs : tuple of Pair          interactions that were looked at
    """

    encoder: TableEncoder
    family: Family
    params: Array
    covariance: Array | None
    edf: Array | None
    alphas: dict[str, float]
    dispersion: float
    noise_dispersion: float
    strengths: TermStrengths
    tests: TermTests
    ranges: dict[str, ColumnRange]
    tuning: Tuning | None
    n_rows: int
    n_iter: int
    converged: bool
    reason: str
    family_note: str = ""
    pairs: tuple[Pair, ...] = ()

    @property
    def effective_params(self) -> float | None:
        """How many parameters the data decide."""
        return None if self.edf is None else float(self.edf.sum())

    def outputs(self, table: Table) -> Array:
        """Outputs of each row, without offsets, (n_rows, k)."""
        return self.encoder.design(table).matvec(self.params.T)

    def output_variance(self, table: Table) -> Array:
        """Posterior covariances of the outputs, (n_rows, k, k); n p^2 or a pass a pair of terms.

        Raises
        ------
        NotAvailable                   if the model has too many coefficients for a covariance
        """
        predictor = LinearPredictor(self.encoder.design(table), len(self.params))
        return predictor.leverage(self.params.ravel(), self._known_covariance())

    def effects(self, table: Table) -> Array:
        """What each term adds, centred over the training rows: (n_terms, n_rows, k)."""
        effects = self.encoder.encode(table).effects(self.params[:, :-1].T)
        return effects - self.strengths.mean[:, None, :]

    def effect_error(self, number: int, block: Array) -> Array:
        """Posterior standard deviation of a term's effect for features (m, q): (m, k).

        Of the effect less its mean over the training rows, as it is shown.
        """
        k, width = self.params.shape
        blocks = self._known_covariance().reshape(k, width, k, width)
        span = self.encoder.spans[number]
        block = block - self.strengths.feature_mean[span]
        result = np.empty((len(block), k))
        for output in range(k):
            own = blocks[output, span, output, span]
            result[:, output] = np.einsum("mi,ij,mj->m", block, own, block)
        return np.sqrt(np.maximum(result, 0.0))

    def term_number(self, label: str) -> int:
        """The position of a term.

        Raises
        ------
        InvalidParameter               naming the terms there are
        """
        labels = [term.label for term in self.encoder.terms]
        if label not in labels:
            raise InvalidParameter(f"there is no term {label!r}; the terms are {labels!r:.400}.")
        return labels.index(label)

    def _known_covariance(self) -> Array:
        if self.covariance is None:
            raise NotAvailable(
                f"the model has {self.params.size:,} coefficients, too many for the covariance "
                "that error bars need. Fit it with fewer terms."
            )
        return self.covariance
