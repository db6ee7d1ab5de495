"""Interactions of an additive model: surfaces of pairs of columns, if they prove worth having.

1. Pairs whose interaction shows in the residuals of the main effects (``interactions``) each get a
   small surface, best first, as many as the rows allow; all penalties are tuned again.
2. A surface that uses most of its features is given more, one that uses none is taken out, and all
   is tuned once more.

Each step is kept if the evidence is higher and the loss of rows left out lower, by more than the
optimism of having tuned more penalties: so a model with surfaces is not worse than one without, as
far as the rows can tell. Maths: docs/math/interactions.md
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from derivata.curvature.inverse import invert
from derivata.estimators.additive_tuning import (
    ROUGH,
    AdditiveSettings,
    TrainingData,
    TunedTerms,
    effective_params,
    tune_at_shape,
    tune_terms,
)
from derivata.estimators.interactions import Pair, promising_pairs
from derivata.tables.table_encoder import TableEncoder
from derivata.terms import FittedCategory, FittedTerm, Product, Surface, Term
from derivata.terms.level_curves import MAX_CURVES, FittedLevelCurves
from derivata.tuning.by_evidence import can_have_evidence
from derivata.tuning.left_out import Candidate, left_out_losses

# Where the penalty of a new surface starts: it moves outputs by a fifth of the noise.
NEW_PENALTY = 3.0
# Features of a surface, n_basis squared: at first, and of one that uses more than this share.
SMALL_BASIS, LARGE_BASIS = 3, 6
USED = 0.5
# A surface of fewer effective parameters than this is taken out.
LEAST_PARAMETERS = 1.0
# In nats, what each must be worth, as they were picked as the best of many pairs.
WORTH = 2.0
MOST_PAIRS = 60
# Features of all surfaces: not more than one in so many rows, nor than this.
ROWS_A_FEATURE, MOST_FEATURES = 3, 480
# With more penalties of main effects than one in so many rows, there is no room for more.
ROWS_A_PENALTY = 30
# From this many rows on, surfaces are fitted on rounded numbers.
MANY_ROWS = 50_000


def with_interactions(
    tuned: TunedTerms, rows: TrainingData, settings: AdditiveSettings
) -> tuple[TunedTerms, list[Pair]]:
    """The model with surfaces, if they are worth it, and the pairs that were looked at."""
    most = settings.interactions
    if most is None or most == 0 or tuned.result is None or settings.criterion is not None:
        return tuned, []
    crowded = len(tuned.hyper) * ROWS_A_PENALTY > len(rows.y)
    if crowded or not can_have_evidence(tuned.objective):
        return tuned, []
    if tuned.family.shape:  # the evidence at the shape that has settled, which is now held
        tuned = tune_at_shape(
            rows, tuned.encoder, tuned.encoded, tuned.family, settings, tuned.hyper
        )
    pairs = _pairs(tuned, rows)[: MOST_PAIRS if most == "auto" else int(most)]
    requests = [_request(tuned.encoder, pair) for pair in pairs if _is_small(tuned.encoder, pair)]
    wider = _extended(tuned, rows, settings, requests)
    if wider is None:
        return tuned, pairs
    n_surfaces = len(wider.encoder.terms) - len(tuned.encoder.terms)
    if not _is_better(wider, tuned, settings, nats=-WORTH * n_surfaces):
        return tuned, pairs
    resized = _resized(wider, tuned, rows, settings)
    if resized is not None and _is_better(resized[0], wider, settings, nats=float(resized[1])):
        wider = resized[0]
    if wider.family.shape:  # it was held, so that models could be compared
        wider = tune_terms(rows, wider.encoder, wider.encoded, wider.family, settings, wider.hyper)
    return wider, pairs


def _pairs(tuned: TunedTerms, rows: TrainingData) -> list[Pair]:
    fit = ROUGH.minimize(tuned.objective, tuned.start, tuned.hyper).expansion
    effective = effective_params(fit)
    dispersion = tuned.family.dispersion(rows.y, fit.outputs, rows.weight, effective)
    if not dispersion > np.finfo(float).tiny:  # a perfect fit leaves nothing to find
        return []
    together = {name for t in tuned.encoder.terms if len(t.columns) > 1 for name in t.columns}
    used = tuple(
        name
        for name in tuned.encoder.columns
        if name not in together and rows.table[name].kind != "date"
    )
    curvature = np.einsum("naa->na", fit.output_hessian)
    return promising_pairs(rows.table, used, fit.output_gradient, curvature, dispersion)


def _is_small(encoder: TableEncoder, pair: Pair) -> bool:
    """Whether the levels of a pair's words are few enough for features of each."""
    n_levels = {
        term.column: len(term.names) for term in encoder.terms if isinstance(term, FittedCategory)
    }
    counts = [n_levels[name] for name in pair.columns if name in n_levels]
    if len(counts) == 1 and counts[0] > MAX_CURVES:
        return False
    return float(np.prod(counts)) * (SMALL_BASIS if len(counts) == 1 else 1) <= MOST_FEATURES


def _request(encoder: TableEncoder, pair: Pair) -> Term:
    if all(name in encoder.texts for name in pair.columns):
        return Product(*pair.columns)
    return Surface(*pair.columns, SMALL_BASIS)


def _extended(
    tuned: TunedTerms, rows: TrainingData, settings: AdditiveSettings, requests: list[Term]
) -> TunedTerms | None:
    """The model with more terms, in the order given and as many as the rows allow, tuned."""
    budget = min(len(rows.y) // ROWS_A_FEATURE, MOST_FEATURES)
    encoder, encoded = tuned.encoder, tuned.encoded
    for term in requests:
        more = TableEncoder.fit(rows.table, (term,), rows.weight)
        if len(more.feature_names) <= budget:
            budget -= len(more.feature_names)
            encoder = encoder.joined(more)
            coarse = len(rows.y) >= MANY_ROWS
            encoded = encoded.joined(more.encode(rows.table, coarse=coarse))
    if encoder is tuned.encoder:
        return None
    n_new = len(dict.fromkeys(encoder.penalty_names)) - len(tuned.hyper)
    start = np.concatenate([tuned.hyper, np.full(n_new, NEW_PENALTY)])
    return tune_at_shape(rows, encoder, encoded, tuned.family, settings, start)


def _resized(
    wider: TunedTerms, main: TunedTerms, rows: TrainingData, settings: AdditiveSettings
) -> tuple[TunedTerms, int] | None:
    """The model with larger surfaces where they are used up and without unused ones; how many."""
    n_main = len(main.encoder.terms)
    terms, counts = wider.encoder.terms[n_main:], _effective_each(wider)[n_main:]
    used = [count / _most_effective(term) for term, count in zip(terms, counts, strict=True)]
    kept = [number for number, count in enumerate(counts) if count >= LEAST_PARAMETERS]
    n_out = len(terms) - len(kept)
    if n_out == 0 and not any(used[number] > USED for number in kept):
        return None
    requests = [
        _again(terms[number], LARGE_BASIS if used[number] > USED else SMALL_BASIS)
        for number in sorted(kept, key=lambda number: -used[number])
    ]
    # The main effects come first in both, so their penalties are as they are beside the surfaces.
    base = replace(main, hyper=wider.hyper[: len(main.hyper)], family=wider.family)
    larger = _extended(base, rows, settings, requests)
    return None if larger is None else (larger, n_out)


def _again(term: FittedTerm, n_basis: int) -> Term:
    first, second = term.columns
    return Product(first, second) if len(term.texts) == 2 else Surface(first, second, n_basis)


def _most_effective(term: FittedTerm) -> float:
    """Effective parameters that a surface can have beside the terms of its columns."""
    n_features = len(term.names)
    if isinstance(term, FittedLevelCurves):  # the common curve is the number's own
        n_levels = len(term.levels.names)
        return n_features * (n_levels - 1) / n_levels
    return float(n_features)


def _effective_each(tuned: TunedTerms) -> list[float]:
    """Effective parameters of each term, a mean over outputs."""
    fit = ROUGH.minimize(tuned.objective, tuned.start, tuned.hyper).expansion
    each = 1.0 - fit.penalty_diagonal * invert(fit).diagonal()
    each = each.reshape(tuned.objective.predictor.n_outputs, -1).mean(axis=0)
    return [float(each[span].sum()) for span in tuned.encoder.spans]


def _is_better(
    wider: TunedTerms, narrower: TunedTerms, settings: AdditiveSettings, nats: float = 0.0
) -> bool:
    """Whether evidence and rows left out both say so, or are worse by fewer ``nats``."""
    assert wider.result is not None and narrower.result is not None
    if wider.criterion_name != narrower.criterion_name:
        return False
    if not wider.result.criterion < narrower.result.criterion + nats:
        return False
    losses = left_out_losses(
        [Candidate(each.objective, each.start, each.hyper) for each in (wider, narrower)],
        ROUGH,
        settings.random_state,
    )
    unit = wider.objective.at(wider.start, wider.hyper).nat
    return losses[0] + (_flattery(wider, narrower) - nats) * unit < losses[1]


def _flattery(wider: TunedTerms, narrower: TunedTerms) -> float:
    """What the wider model's left-out loss owes to penalties that have seen those rows, in nats."""
    assert wider.result is not None and narrower.result is not None
    nats = wider.result.optimism - narrower.result.optimism
    return max(nats, 0.0) if np.isfinite(nats) else 0.0
