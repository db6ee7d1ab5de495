"""An evaluation as ``evaluation.json`` has it: each analysis, or why there is none."""

from __future__ import annotations

from typing import Any

import numpy as np

import derivata
from derivata.evaluation.evidence import EvidenceResult
from derivata.evaluation.influence import InfluenceResult
from derivata.evaluation.label_errors import LabelErrors
from derivata.evaluation.leave_one_out import LeaveOneOutResult
from derivata.evaluation.predictive_spread import PredictiveSpread
from derivata.evaluation.sensitivity import Sensitivity
from derivata.evaluation.term_errors import TermErrors
from derivata.report.evaluation_record import EvaluationRecord, Refused
from derivata.report.record import plain
from derivata.scoring.calibration import Calibration

FORMAT_VERSION = 1
MOST_ROWS_TOLD = 20


def evaluation_as_json(record: EvaluationRecord) -> dict[str, Any]:
    """The record as plain JSON types; numbers that JSON lacks are None."""
    run, outer, promise = record.run, record.run.outer, record.promise
    score, error = record.score
    return plain(
        {
            "format_version": FORMAT_VERSION,
            "derivata_version": derivata.__version__,
            "run": record.run_name,
            "data": {
                "file": run.file_name,
                "sha256": run.file_sha256,
                "rows_read": run.n_rows_read,
                "rows_judged": 0 if outer is None else int(outer.judged.sum()),
                "is_training_table": record.is_training,
                "recognised": record.recognised,
            },
            "target": run.model.task.target,
            "family": run.model.model.family.name,
            "score": {
                "unit": run.model.model.family.loss_unit,
                "score_a_row": score,
                "standard_error": error,
                "promised": None if promise is None else promise.score,
                "promised_standard_error": None if promise is None else promise.standard_error,
                "z": None if promise is None else promise.z(score, error),
                "verdict": record.verdict,
            },
            "metrics": run.metrics,
            "calibration": _or_why(record.calibration, _calibration),
            "spread": _or_why(record.spread, _spread),
            "leave_one_out": _or_why(record.leave_one_out, _leave_one_out),
            "influence": _or_why(record.influence, _influence),
            "influence_of_groups": _or_why(record.groups, _influence),
            "label_errors": _or_why(record.label_errors, _label_errors),
            "standard_errors": _or_why(record.errors, _errors),
            "evidence": _or_why(record.evidence, _evidence),
            "sensitivity": _or_why(record.sensitivity, _sensitivity),
            "warnings": [vars(said) for said in run.warnings],
            "seconds": record.seconds,
        }
    )


def _or_why(result: Any, told: Any) -> Any:
    if result is None:
        return None
    return {"why_not": result.reason} if isinstance(result, Refused) else told(result)


def _calibration(found: Calibration) -> dict[str, Any]:
    low, high = found.error.interval()
    return {
        "of": found.of,
        "squared_error": found.error.squared,
        "standard_error": found.error.standard_error,
        "error": found.error.root,
        "interval": [low, high],
        "z": found.error.z,
        "parts": [vars(part) for part in found.parts],
        "rankings": [
            {
                "class": one.label,
                "share": one.share,
                "roc_area": one.roc.value,
                "roc_area_standard_error": one.roc.standard_error,
                "roc_partial_area_standardised": one.roc_partial,
                "average_precision": one.average_precision.value,
                "average_precision_standard_error": one.average_precision.standard_error,
                "precision_recall_area": one.precision_recall,
            }
            for one in found.rankings
        ],
        "notes": list(found.notes),
    }


def _spread(found: PredictiveSpread) -> dict[str, Any]:
    return {
        "coverage": [vars(one) for one in found.coverages],
        "pit_shares": found.pit.shares.tolist(),
        "pit_mean": found.pit.mean,
        "pit_spread": found.pit.spread,
        "crps": found.crps,
        "crps_standard_error": found.crps_error,
        "crps_of_one_distribution": found.crps_of_constant,
        "rows": found.n_rows,
    }


def _leave_one_out(found: LeaveOneOutResult) -> dict[str, Any]:
    return {
        "score": found.score,
        "standard_error": found.standard_error,
        "approximation_error": found.approximation_error,
        "fitted_score": found.fitted_score,
        "optimism": found.optimism,
        "refits": found.n_refits,
        "notes": list(found.notes),
    }


def _label_errors(found: LabelErrors) -> dict[str, Any]:
    places = np.searchsorted(found.kept, found.rows[:MOST_ROWS_TOLD])
    return {
        "rate": found.rate,
        "likely": len(found.likely),
        "rows": [
            {
                "row": int(found.kept[place]) + 1,
                "label": str(found.labels[place]),
                "perhaps": str(found.suggested[place]),
                "probability_wrong": float(found.probability[place]),
            }
            for place in places
        ],
    }


def _evidence(found: EvidenceResult) -> dict[str, Any]:
    return {
        "log_evidence": found.log_evidence,
        "laplace": found.laplace,
        "correction": found.correction,
        "error": found.error,
        "how": found.how,
        "is_trusted": found.is_trusted,
        "notes": list(found.notes),
    }


def _sensitivity(found: Sensitivity) -> dict[str, Any]:
    return {
        "criterion": found.criterion,
        "value": found.value,
        "hyperparameters": [
            {
                "name": one.name,
                "value": one.value,
                "slope": one.slope,
                "slope_error": one.slope_error,
                "elasticity": one.elasticity,
                "verdict": one.verdict,
            }
            for one in found.hyper
        ],
        "columns": [
            {
                "name": one.name,
                "error": one.error,
                "prediction_change": one.prediction_change,
                "loss_change": one.loss_change,
            }
            for one in found.columns
        ],
        "notes": list(found.notes),
    }


def _errors(found: TermErrors) -> dict[str, Any]:
    return {
        "output_error": found.output_error,
        "output_spread": found.output_spread,
        "terms": [
            {
                "label": one.row.label,
                "strength": one.row.strength,
                "error": one.error,
                "share": one.row.share,
                "p_value": one.row.p_value,
                "shrunk": one.row.shrunk,
            }
            for one in found.terms
        ],
    }


def _influence(found: InfluenceResult) -> dict[str, Any]:
    return {
        "change_of": found.unit,
        "with_all_rows": float(found.before),
        "error": found.error,
        "largest": [
            {
                "removed": found.names[place],
                "rows": len(found.rows[place]),
                "change": float(found.effect[place]),
                "by_a_fit_without": bool(found.refitted[place]),
            }
            for place in found.ranked[:MOST_ROWS_TOLD]
        ],
    }
