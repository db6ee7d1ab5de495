"""The estimator of a user's loss keeps scikit-learn's contract, with a loss by hand or in JAX."""

import warnings
from contextlib import contextmanager
from unittest import SkipTest

import pytest
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import estimator_checks_generator

from derivata.errors import BoundWarning, PerfectFitWarning
from derivata.estimators.custom import LossEstimator
from tests.jax_cases import square_row

ESTIMATORS = {"squared": LossEstimator(), "a user's square": LossEstimator(square_row)}
UNLISTED = (
    "check_dataframe_column_names_consistency",
    "check_param_validation",
    "check_inplace_ensure_writeable",
)
# Needs SCIPY_ARRAY_API=1 in the environment before SciPy is imported.
SKIPPED = {"check_array_api_input"}


def _listed_checks():
    for label, made in ESTIMATORS.items():
        for estimator, check in estimator_checks_generator(made):
            name = getattr(check, "func", check).__name__
            arguments = [str(value) for value in getattr(check, "keywords", {}).values()]
            yield pytest.param(estimator, check, name, id="-".join([label, name, *arguments]))


@contextmanager
def _true_warnings_ignored():
    """Targets of the checks are random, or a column of X, and derivata says so."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BoundWarning)
        warnings.simplefilter("ignore", PerfectFitWarning)
        yield


@pytest.mark.parametrize("estimator, check, name", list(_listed_checks()))
def test_check_estimator_finds_nothing(estimator, check, name):
    with _true_warnings_ignored():
        try:
            check(estimator)
        except SkipTest as skipped:
            assert name in SKIPPED, f"{name} was skipped: {skipped}"


@pytest.mark.parametrize("check", UNLISTED)
def test_checks_that_scikit_learn_does_not_list_find_nothing(check):
    with _true_warnings_ignored():
        getattr(estimator_checks, check)("LossEstimator", LossEstimator())
