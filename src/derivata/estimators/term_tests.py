"""Whether a term has an effect at all: Wald tests of whole terms.

    T = f^T V_f^(r-) f       f the term's effect over the rows, V_f its posterior covariance, r its
                             effective parameters rounded up, r- the pseudo-inverse of rank r
    p = P(chi^2_r >= T), or that of F with r and n - df degrees of freedom where the noise has a
        scale that was estimated

T is computed in the coordinates of the coefficients: with R^T R the Gram product of the features,
f = R coef and V_f = R V R^T. Of a term of two columns only what the terms of each alone could not
say is tested: their features are taken out of the product. Small p-values are evidence against
f = 0. They are conditional on the model and treat r as fixed, so those near .05 are a little too
small. Source: Wood (2013), Biometrika 100, 221-228, doi:10.1093/biomet/ass048. Maths:
docs/math/additive.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2
from scipy.stats import f as f_distribution

from derivata.contracts import Array
from derivata.tables.encoded_table import EncodedTable
from derivata.tables.table_encoder import TableEncoder

# Directions of less than this share of the largest variance are rounding.
SMALLEST_VARIANCE = 1e-12


@dataclass(frozen=True, eq=False)
class TermTests:
    """A test a term.

    Attributes
    ----------
    statistic, p_value : array (n_terms,)
        NaN where the model has too many coefficients for a covariance.
    """

    statistic: Array
    p_value: Array


def no_tests(n_terms: int) -> TermTests:
    """Tests of which nothing is known."""
    return TermTests(np.full(n_terms, np.nan), np.full(n_terms, np.nan))


def term_tests(
    rows: EncodedTable,
    encoder: TableEncoder,
    params: Array,
    covariance: Array,
    edf: Array,
    freedom: float | None,
) -> TermTests:
    """Wald tests of all terms; a Gram product a term over its distinct rows, then p_j^3.

    Parameters
    ----------
    rows : EncodedTable
    encoder : TableEncoder
    params : array (k, n_features + 1)
    covariance : array (P, P)      of all params, output by output
    edf : array (k, n_features + 1)
    freedom : float or None
        Residual degrees of freedom where the noise has an estimated scale, else None.
    """
    k, width = params.shape
    found = []
    for gram, span in zip(rows.feature_grams(_beside(encoder)), encoder.spans, strict=True):
        features = np.arange(span.start, span.stop)
        places = (np.arange(k)[:, None] * width + features).ravel()
        root = np.kron(np.eye(k), _root(gram))
        spread = root @ covariance[np.ix_(places, places)] @ root.T
        effect = root @ params[:, features].ravel()
        found.append(_test(effect, spread, float(edf[:, features].sum()), freedom))
    statistic, p_value = np.array(found).reshape(-1, 2).T
    return TermTests(statistic, p_value)


def _beside(encoder: TableEncoder) -> list[list[int]]:
    """For each term of several columns, the terms of one of them alone."""
    columns = [set(term.columns) for term in encoder.terms]
    return [
        [other for other, theirs in enumerate(columns) if theirs < own] if len(own) > 1 else []
        for own in columns
    ]


def _root(gram: Array) -> Array:
    """R with R^T R = gram, positive semi-definite."""
    values, vectors = np.linalg.eigh(gram)
    return np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T


def _test(effect: Array, spread: Array, edf: float, freedom: float | None) -> tuple[float, float]:
    values, vectors = np.linalg.eigh(spread)
    rank = int(np.clip(np.ceil(edf - 0.05), 1, len(values)))
    order = np.argsort(-values)[:rank]
    order = order[values[order] > SMALLEST_VARIANCE * max(float(values.max()), 1e-300)]
    if not len(order):
        return 0.0, 1.0
    along = vectors[:, order].T @ effect
    statistic, rank = float((along * along / values[order]).sum()), len(order)
    if freedom is not None:
        return statistic, float(f_distribution.sf(statistic / rank, rank, freedom))
    return statistic, float(chi2.sf(statistic, rank))
