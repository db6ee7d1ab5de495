"""Labels judged by the other rows: planted errors are found, and as many as there are."""

from dataclasses import replace

import numpy as np
import pytest

from derivata.curvature import invert
from derivata.designs import DenseDesign
from derivata.losses import LogisticLoss, SoftmaxLoss
from derivata.losses.class_weighted import ClassWeighted
from derivata.objective import Objective
from derivata.penalties import FREE, GroupRidge, Lasso
from derivata.predictors import LinearPredictor
from derivata.removal.labels import fit_labels
from derivata.removal.predictive import left_out_classes, log_classes
from derivata.solvers import Newton, ProximalNewton


def planted(n_classes, n_rows=400, n_columns=6, strength=4.0, share=0.05, seed=0):
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.standard_normal((n_rows, n_columns)), np.ones(n_rows)])
    scores = strength * X @ rng.standard_normal((n_columns + 1, n_classes))
    labels = (scores + rng.gumbel(size=scores.shape)).argmax(axis=1)
    wrong = rng.choice(n_rows, round(share * n_rows), replace=False)
    labels[wrong] = (labels[wrong] + rng.integers(1, n_classes, len(wrong))) % n_classes
    loss = LogisticLoss() if n_classes == 2 else SoftmaxLoss(n_classes)
    groups = np.append(np.zeros(n_columns, dtype=int), FREE)
    penalty = GroupRidge(np.tile(groups, loss.n_outputs), ("all",))
    predictor = LinearPredictor(DenseDesign.from_array(X), loss.n_outputs)
    objective = Objective(loss, predictor, penalty, labels.astype(float), np.ones(n_rows))
    return objective, np.isin(np.arange(n_rows), wrong)


def fit(objective, alpha=1.0):
    start = np.zeros(objective.predictor.n_params)
    return Newton(tol=1e-10).minimize(objective, start, np.array([np.log(alpha)])).expansion


def precision(score, wrong):
    return wrong[np.argsort(-score, kind="stable")[: wrong.sum()]].mean()


@pytest.mark.parametrize("n_classes", [2, 3])
def test_planted_errors_are_found_and_counted(n_classes):
    objective, wrong = planted(n_classes)
    end = fit(objective)
    found = fit_labels(end, Newton(), n_classes)
    assert precision(found.log_odds, wrong) >= precision(end.rows.value, wrong)
    assert precision(found.log_odds, wrong) >= 0.7
    assert found.rate == pytest.approx(0.05, abs=0.02)
    # Probabilities are meant: about as many are wrong as they sum to.
    assert found.probability.sum() == pytest.approx(wrong.sum(), rel=0.35)
    assert found.probability[wrong].mean() > 10 * found.probability[~wrong].mean()
    assert (found.suggested != found.labels).all()


def test_a_penalty_far_too_weak_or_strong_does_not_hide_them():
    objective, wrong = planted(2, n_rows=200, n_columns=25)
    precisions = [
        precision(fit_labels(fit(objective, alpha), Newton(), 2).log_odds, wrong)
        for alpha in (1e-2, 1.0, 1e2)
    ]
    assert min(precisions) >= max(precisions) - 0.2


def test_clean_labels_are_left_alone():
    objective, wrong = planted(2, share=0.0)
    found = fit_labels(fit(objective), Newton(), 2)
    assert not wrong.any()
    assert found.rate < 0.01
    assert (found.probability > 0.5).sum() <= 2


def test_a_lasso_finds_them_too():
    objective, wrong = planted(2)
    kinked = replace(objective, penalty=Lasso().on(np.append(np.zeros(6, dtype=int), FREE), 1))
    solver = ProximalNewton(tol=1e-9)
    end = solver.minimize(kinked, np.zeros(7), np.array([0.0])).expansion
    found = fit_labels(end, solver, 2)
    assert precision(found.log_odds, wrong) >= 0.7


def test_left_out_classes_are_probabilities_and_equal_the_outputs_where_nothing_is_unknown():
    objective, _ = planted(3, n_rows=80)
    end = fit(objective)
    logs = left_out_classes(end, invert(end), 3)
    np.testing.assert_allclose(np.exp(logs).sum(axis=1), 1.0)
    sure = log_classes(objective.loss, 3, end.outputs, np.zeros((80, 2, 2)))
    np.testing.assert_allclose(sure, log_classes(objective.loss, 3, end.outputs), atol=1e-12)


def test_the_expectation_over_one_output_is_an_integral():
    mean, variance = np.array([[-1.5], [4.0]]), np.array([[[2.0]], [[9.0]]])
    logs = log_classes(LogisticLoss(), 2, mean, variance)
    grid = np.linspace(-12, 12, 200_001)
    density = np.exp(-0.5 * grid**2)
    density /= density.sum()
    for row in range(2):
        z = mean[row, 0] + np.sqrt(variance[row, 0, 0]) * grid
        truth = density @ (1.0 / (1.0 + np.exp(-z)))
        assert np.exp(logs[row, 1]) == pytest.approx(truth, abs=2e-4)


def test_a_class_that_costs_more_is_no_more_probable():
    outputs = np.array([[0.3], [-2.0]])
    dearer = ClassWeighted(LogisticLoss(), np.array([1.0, 5.0]))
    np.testing.assert_allclose(
        log_classes(dearer, 2, outputs), log_classes(LogisticLoss(), 2, outputs)
    )
