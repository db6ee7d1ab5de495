"""Expected probabilities, areas of ranking curves and the calibration error.

The expected sigmoid against adaptive quadrature and against the probit formula; areas against
scikit-learn's on the same rows; bias and coverage of the calibration error in a simulation whose
true error is known, beside the usual binned one.
"""

from __future__ import annotations

import harness  # first: it sets the number of BLAS threads

import time
import warnings

import numpy as np
from scipy.integrate import quad
from scipy.special import expit
from sklearn.metrics import average_precision_score, roc_auc_score

from derivata.integrals.expectation import expected_sigmoid, expected_sigmoid_slopes
from derivata.scoring.calibration_error import calibration_error, usual_calibration_error
from derivata.scoring.ranking import average_precision, roc_area, roc_partial_area
from evaluate_parts import Row

DEVIATIONS = (0.01, 0.1, 0.5, 1.0, 1.01, 2.0, 4.0, 8.0, 30.0, 1000.0)
N_SAMPLES = 1000


def rows() -> list[Row]:
    """The claims with what was measured."""
    return [*_expected(), *_areas(), *_calibration()]


def _adaptive(mean: float, deviation: float) -> float:
    """The integral by SciPy's adaptive rule, in pieces that meet where the sigmoid turns."""
    turns = (np.array([-40.0, -5.0, 0.0, 5.0, 40.0]) - mean) / deviation
    ends = np.unique(np.clip([-12.0, 0.0, deviation, 12.0, *turns], -12.0, 12.0))
    total = 0.0
    for low, high in zip(ends[:-1], ends[1:], strict=True):
        total += quad(
            lambda u: expit(mean + deviation * u) * np.exp(-0.5 * u * u),
            low,
            high,
            epsabs=1e-17,
            epsrel=1e-12,
            limit=300,
        )[0]
    return total / np.sqrt(2.0 * np.pi)


def _expected() -> list[Row]:
    worst = within = probit = 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for deviation in DEVIATIONS:
            means = np.linspace(-6.0 * deviation - 8.0, 6.0 * deviation + 8.0, 41)
            truth = np.array([_adaptive(mean, deviation) for mean in means])
            error = float(np.abs(expected_sigmoid(means, deviation) - truth).max())
            formula = expit(means / np.sqrt(1.0 + np.pi * deviation**2 / 8.0))
            worst = max(worst, error)
            if 0.5 <= deviation <= 8.0:
                within = max(within, error)
                probit = max(probit, float(np.abs(formula - truth).max()))
    rng = np.random.default_rng(0)
    mean, deviation = rng.normal(size=100_000), rng.uniform(0.0, 4.0, 100_000)
    start = time.process_time()
    expected_sigmoid(mean, deviation)
    middle = time.process_time()
    expected_sigmoid_slopes(mean, deviation)
    spent = middle - start, time.process_time() - middle
    return [
        Row(
            "expected sigmoid, largest error, deviations .5 to 8",
            "4e-9",
            within <= 4e-9,
            f"{within:.1e} (probit formula {probit:.1e})",
        ),
        Row(
            "expected sigmoid, largest error, deviations .01 to 1000",
            "shown",
            None,
            f"{worst:.1e}; {10 * spent[0]:.2g} µs a row, its slopes {10 * spent[1]:.2g} µs",
        ),
    ]


def _areas() -> list[Row]:
    apart = 0.0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        hit = (rng.random(1000) < 0.15).astype(float)
        score = np.round(rng.normal(size=1000) + hit, 1)
        weight = rng.exponential(size=1000)
        pairs = [
            (
                roc_area(hit, score, weight).value,
                roc_auc_score(hit, score, sample_weight=weight),
            ),
            (
                average_precision(hit, score, weight).value,
                average_precision_score(hit, score, sample_weight=weight),
            ),
            (
                roc_partial_area(hit, score, weight, most_false=0.1)[1],
                roc_auc_score(hit, score, sample_weight=weight, max_fpr=0.1),
            ),
        ]
        apart = max(apart, *(abs(ours - theirs) for ours, theirs in pairs))
    areas, errors = [], []
    for seed in range(N_SAMPLES):
        rng = np.random.default_rng(seed)
        hit = (rng.random(200) < 0.3).astype(float)
        found = roc_area(hit, rng.normal(size=200) + hit)
        areas.append(found.value)
        errors.append(found.standard_error)
    held = np.abs(np.array(areas) - np.mean(areas)) < 1.96 * np.array(errors)
    return [
        Row(
            "ROC, partial ROC and average precision against scikit-learn's, ties and weights",
            "1e-12",
            apart <= 1e-12,
            f"largest difference {apart:.1e}",
        ),
        Row(
            "coverage of the ROC area's 95 % interval, 200 rows",
            ".93-.97",
            bool(0.93 <= held.mean() <= 0.97),
            f"{held.mean():.3f} of {N_SAMPLES} samples",
        ),
    ]


def _calibration() -> list[Row]:
    found = []
    for slope, n_rows in ((1.0, 500), (0.6, 500), (0.6, 2000), (0.3, 500)):
        big = 1.5 * np.random.default_rng(10**6).standard_normal(10**6)
        truth = float(np.mean((expit(slope * big) - expit(big)) ** 2))
        usual_truth = float(np.mean(np.abs(expit(slope * big) - expit(big))))
        ours, usual = [], []
        for seed in range(N_SAMPLES):
            rng = np.random.default_rng(seed)
            z = 1.5 * rng.standard_normal(n_rows)
            hit = (rng.random(n_rows) < expit(slope * z)).astype(float)
            ours.append(calibration_error(hit, expit(z)))
            usual.append(usual_calibration_error(hit, expit(z)))
        squares = np.array([one.squared for one in ours])
        low, high = np.array([one.interval() for one in ours]).T
        covered = float(np.mean((low <= truth**0.5) & (truth**0.5 <= high)))
        bias = squares.mean() - truth
        noise = squares.std() / N_SAMPLES**0.5
        small = abs(bias) <= max(3.0 * noise, 0.05 * truth)
        words = (
            f"bias {bias:+.1e} ± {noise:.0e} of {truth:.1e}; interval holds {covered:.3f}; usual "
            f"error {np.mean(usual):.3f}, truly {usual_truth:.3f}"
        )
        found.append(
            Row(
                f"squared calibration error, true error {truth**0.5:.3f}, {n_rows:,} rows",
                "bias <= 5 % or 3 SE, coverage >= .90",
                bool(small and covered >= 0.9),
                words,
            )
        )
    return found


def main() -> None:
    """Print the rows."""
    print(harness.machine(), end="\n\n")
    for row in rows():
        print(row, flush=True)


if __name__ == "__main__":
    main()
