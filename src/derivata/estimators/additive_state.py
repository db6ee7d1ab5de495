"""An additive estimator as plain values and back: names, JSON and arrays, never code.

Terms that were asked for are not kept, what they became is: a loaded model predicts and explains,
and its ``terms`` parameter is None.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from derivata.contracts import Array
from derivata.errors import ModelFileError
from derivata.estimators.additive_model import AdditiveModel
from derivata.estimators.column_ranges import ColumnRange
from derivata.estimators.families import family_from_dict
from derivata.estimators.interactions import Pair
from derivata.estimators.state import (
    labels_from_record,
    labels_record,
    plain_value,
    tuning_from_record,
    tuning_record_of,
    value_from_plain,
)
from derivata.estimators.term_strengths import TermStrengths
from derivata.estimators.term_tests import TermTests
from derivata.files.model_state import ModelState
from derivata.tables.table_encoder import TableEncoder


def write_additive(estimator: Any) -> ModelState:
    """All that a fitted additive estimator remembers."""
    model: AdditiveModel = estimator.model_
    arrays: dict[str, Array] = {
        "params": model.params,
        "feature_means": model.strengths.feature_mean,
        "effect_means": model.strengths.mean,
        "strengths": model.strengths.strength,
        "shares": model.strengths.share,
        "statistics": model.tests.statistic,
        "p_values": model.tests.p_value,
        "alphas": np.array(list(model.alphas.values()), dtype=float),
    }
    if model.covariance is not None:
        # Single precision moves an error bar by 1e-7 of itself and halves the file.
        lower = np.tril_indices(len(model.covariance))
        arrays["covariance"] = model.covariance[lower].astype(np.float32)
    if model.edf is not None:
        arrays["edf"] = model.edf
    parameters = estimator.get_params(deep=False)
    parameters["terms"] = None
    if not isinstance(parameters.get("family", ""), str):
        parameters["family"] = model.family.name
    state: dict[str, Any] = {
        "encoder": model.encoder.to_dict(),
        "family": model.family.to_dict(),
        "family_note": model.family_note,
        "family_reason": getattr(estimator, "family_reason_", None),
        "penalties": list(model.alphas),
        "dispersion": model.dispersion,
        "noise_dispersion": model.noise_dispersion,
        "ranges": {name: one.to_dict() for name, one in model.ranges.items()},
        "n_rows": model.n_rows,
        "n_iter": model.n_iter,
        "converged": model.converged,
        "reason": model.reason,
        "pairs": [[*pair.columns, pair.gain] for pair in model.pairs],
        "n_features_in": estimator.n_features_in_,
        "parameters": {name: plain_value(value) for name, value in parameters.items()},
        "classes": labels_record(estimator.classes_) if hasattr(estimator, "classes_") else None,
        "tuning": None,
    }
    names = getattr(estimator, "feature_names_in_", None)
    state["feature_names"] = None if names is None else [str(name) for name in names]
    if model.tuning is not None:
        state["tuning"], arrays["path"] = tuning_record_of(model.tuning)
    return ModelState(type(estimator).__name__, state, arrays)


def read_additive(estimator_class: type, saved: ModelState) -> Any:
    """The estimator that ``write_additive`` wrote.

    Raises
    ------
    ModelFileError                 if something is missing or is not what it should be
    """
    try:
        return _read(estimator_class, saved)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise ModelFileError(
            f"the saved {saved.kind} lacks a part or holds a wrong one "
            f"({type(error).__name__}: {error}). Save the model again with this derivata."
        ) from error


def _read(estimator_class: type, saved: ModelState) -> Any:
    state, arrays = saved.state, saved.arrays
    encoder = TableEncoder.from_dict(state["encoder"])
    params = arrays["params"]
    k, width = params.shape
    if width != len(encoder.feature_names) + 1:
        raise ValueError("coefficients do not fit the number of features")
    covariance = None
    if "covariance" in arrays:
        covariance = np.empty((k * width, k * width))
        lower = np.tril_indices(k * width)
        covariance[lower] = arrays["covariance"]
        covariance.T[lower] = arrays["covariance"]
    tuning = None
    if state["tuning"] is not None:
        tuning = tuning_from_record(state["tuning"], arrays["path"])
    strengths = TermStrengths(
        arrays["feature_means"], arrays["effect_means"], arrays["strengths"], arrays["shares"]
    )
    n_terms, n_features = len(encoder.terms), len(encoder.feature_names)
    found = [strengths.strength, strengths.share, arrays["statistics"], arrays["p_values"]]
    if strengths.mean.shape != (n_terms, k) or strengths.feature_mean.shape != (n_features,):
        raise ValueError("strengths do not fit the number of terms")
    if any(each.shape != (n_terms,) for each in found):
        raise ValueError("strengths or tests do not fit the number of terms")
    if "edf" in arrays and arrays["edf"].shape != params.shape:
        raise ValueError("effective parameters do not fit the coefficients")
    names = [str(name) for name in state["penalties"]]
    model = AdditiveModel(
        encoder=encoder,
        family=family_from_dict(state["family"]),
        params=params,
        covariance=covariance,
        edf=arrays.get("edf"),
        alphas=dict(zip(names, arrays["alphas"].tolist(), strict=True)),
        dispersion=float(state["dispersion"]),
        noise_dispersion=float(state["noise_dispersion"]),
        strengths=strengths,
        tests=TermTests(arrays["statistics"], arrays["p_values"]),
        ranges={
            str(name): ColumnRange.from_dict(record, f"ranges.{name}")
            for name, record in state["ranges"].items()
        },
        tuning=tuning,
        n_rows=int(state["n_rows"]),
        n_iter=int(state["n_iter"]),
        converged=bool(state["converged"]),
        reason=str(state["reason"]),
        family_note=str(state["family_note"]),
        pairs=tuple(Pair((str(a), str(b)), float(gain)) for a, b, gain in state["pairs"]),
    )
    parameters = {name: value_from_plain(value) for name, value in state["parameters"].items()}
    estimator = estimator_class(**parameters)
    estimator.n_features_in_ = int(state["n_features_in"])
    if state["feature_names"] is not None:
        estimator.feature_names_in_ = np.array(state["feature_names"], dtype=object)
    if state["classes"] is not None:
        estimator.classes_ = labels_from_record(state["classes"])
    if state["family_reason"] is not None:
        estimator.family_reason_ = str(state["family_reason"])
    estimator.model_ = model
    estimator._publish()
    return estimator
