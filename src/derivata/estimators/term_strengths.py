"""How strong each term's effect is over the training rows.

    f_j = effect of term j, centred;   eta = sum_j f_j
    strength  sd(f_j)                  on the scale of the outputs
    share     cov(f_j, eta) / var(eta) of the variation of the outputs; shares add up to 1

With more than one output, variances and covariances are summed over outputs. A share may be
negative: then the term cancels what others say. Maths: docs/math/additive.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array
from derivata.tables.encoded_table import EncodedTable


@dataclass(frozen=True, eq=False)
class TermStrengths:
    """What the effects of terms amount to over rows.

    Attributes
    ----------
    feature_mean : array (n_features,)
    mean : array (n_terms, k)      of each effect, on the scale of the outputs
    strength : array (n_terms,)
    share : array (n_terms,)
    """

    feature_mean: Array
    mean: Array
    strength: Array
    share: Array


def term_strengths(rows: EncodedTable, params: Array, weight: Array) -> TermStrengths:
    """Strengths of all terms over the rows of a table; one pass over the rows a term.

    Parameters
    ----------
    rows : EncodedTable
    params : array (k, n_features + 1)
    weight : array (n_rows,)
    """
    effects = rows.effects(params[:, :-1].T)
    share = weight / weight.sum()
    mean = np.einsum("n,tnk->tk", share, effects)
    total = effects.sum(axis=0) - mean.sum(axis=0)
    variances, covariances = [], []
    for effect, middle in zip(effects, mean, strict=True):
        centred = effect - middle
        variances.append(float(np.einsum("n,nk,nk->", share, centred, centred)))
        covariances.append(float(np.einsum("n,nk,nk->", share, centred, total)))
    variance = float(np.einsum("n,nk,nk->", share, total, total))
    shares = np.array(covariances) / variance if variance > 0 else np.zeros(len(variances))
    return TermStrengths(rows.feature_means(share), mean, np.sqrt(np.array(variances)), shares)
