"""The section on where predictions go wrong, from rows that the fit predicting them did not see.

What is drawn depends on the family:

    squared, huber      predicted against observed; residuals with their running mean
    quantile            predicted against observed; the share of rows below, by tenths
    logistic, softmax   calibration and the confusion table
    counts, amounts     observed against predicted by tenths; counts, or ratios, as they spread
"""

from __future__ import annotations

from markupsafe import Markup

from derivata.estimators.families import QuantileFamily
from derivata.report.judgement_amounts import amounts_section
from derivata.report.judgement_classes import classes_section
from derivata.report.judgement_numbers import numbers_section, quantile_section
from derivata.report.record import RunRecord


def judgement_section(record: RunRecord) -> Markup:
    """Residuals, calibration or both, as the family has them; nothing without outer folds."""
    outer, family = record.outer, record.model.model.family
    if outer is None:
        return Markup("")
    if family.classifies:
        return classes_section(record, outer)
    if family.takes_exposure:
        return amounts_section(record, outer)
    if isinstance(family, QuantileFamily):
        return quantile_section(record, outer, family.level)
    return numbers_section(record, outer)
