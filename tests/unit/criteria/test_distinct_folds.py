"""Folds of distinct rows: copies stay together and order does not matter."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from derivata.criteria.distinct_folds import DistinctFolds, distinct_rows
from derivata.designs import SparseDesign
from derivata.errors import InvalidParameter
from derivata.predictors import LinearPredictor
from tests.cases import LOSSES, problem


def held(objective, criterion):
    """The targets and outputs of the rows that each fold judges, in no order."""
    params = np.arange(1.0, objective.predictor.n_params + 1.0)
    return [
        sorted(part.judged.predict(params)[:, 0].round(10).tolist())
        for part in criterion.subproblems(objective)
    ]


@pytest.mark.parametrize("name", ["squared", "logistic", "softmax of 4"])
def test_the_order_of_rows_does_not_matter(name):
    objective = problem(LOSSES[name], 40, 4, offset=False)
    moved = objective.take(np.random.default_rng(5).permutation(40))
    criterion = DistinctFolds(4, random_state=2)
    assert held(objective, criterion) == held(moved, criterion)


@pytest.mark.parametrize("name", ["squared", "logistic"])
def test_copies_share_a_fold_and_are_dealt_as_one_row_of_their_summed_weight(name):
    objective = problem(LOSSES[name], 30, 4, weighted=False)
    times = np.random.default_rng(1).integers(1, 4, 30)
    weighted = replace(objective, weight=times.astype(float))
    repeated = objective.take(np.repeat(np.arange(30), times))
    number = distinct_rows(repeated)[0]
    assert np.array_equal(number, np.repeat(distinct_rows(weighted)[0], times))
    criterion = DistinctFolds(3)
    one, other = held(weighted, criterion), held(repeated, criterion)
    assert [sorted(set(fold)) for fold in other] == one


def test_rows_of_a_sparse_design_are_told_apart_as_those_of_a_dense_one():
    objective = problem(LOSSES["squared"], 30, 4)
    matrix = sparse.csr_array(objective.predictor.design.dense(slice(None)))
    stored = replace(objective, predictor=LinearPredictor(SparseDesign(matrix)))
    assert np.array_equal(distinct_rows(objective)[0], distinct_rows(stored)[0])


def test_rows_that_differ_in_their_offset_or_target_alone_are_distinct():
    objective = problem(LOSSES["squared"], 20, 3, weighted=False)
    twice = objective.take(np.repeat(np.arange(20), 2))
    assert len(distinct_rows(twice)[1]) == 20
    shifted = replace(twice, offset=twice.offset + np.tile([[0.0], [0.1]], (20, 1)))
    assert len(distinct_rows(shifted)[1]) == 40
    retargeted = replace(twice, y=twice.y + np.tile([0.0, 0.1], 20))
    assert len(distinct_rows(retargeted)[1]) == 40


def test_there_are_no_more_folds_than_distinct_rows():
    objective = problem(LOSSES["squared"], 3, 2, weighted=False)
    assert len(DistinctFolds(5).subproblems(objective.take(np.repeat([0, 1, 2], 4)))) == 3


def test_what_folds_refuse_is_refused():
    with pytest.raises(InvalidParameter, match="n_folds"):
        DistinctFolds(1)
    assert DistinctFolds(7).name == "7-fold"
