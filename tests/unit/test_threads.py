"""Small fits run on one BLAS thread and leave the setting as it was."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from derivata import LinearRegressor
from derivata.estimators.threads import LARGE_PRODUCT, fitting_threads


def blas_threads():
    return {info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"}


@pytest.fixture
def two_threads():
    with threadpool_limits(2, "blas"):
        if blas_threads() != {2}:
            pytest.skip("this BLAS was built for one thread")
        yield


def test_a_small_fit_runs_on_one_thread_and_a_large_one_on_those_given(two_threads):
    with fitting_threads(1_000, 10):
        assert blas_threads() == {1}
    assert blas_threads() == {2}
    with fitting_threads(int(LARGE_PRODUCT), 2):
        assert blas_threads() == {2}


def test_a_fit_that_fails_gives_the_threads_back(two_threads):
    with pytest.raises(ValueError):
        LinearRegressor(max_iter=0).fit(np.ones((5, 2)), np.arange(5.0))
    with pytest.raises(RuntimeError), fitting_threads(10, 2):
        raise RuntimeError
    assert blas_threads() == {2}


def test_small_fits_have_the_same_bits_on_any_number_of_threads():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 40))
    y = X @ rng.normal(size=40) + rng.normal(size=300)
    coefs = []
    for threads in (1, 2):
        with threadpool_limits(threads, "blas"):
            coefs.append(LinearRegressor(groups=np.arange(40) % 3).fit(X, y).coef_)
    assert np.array_equal(*coefs)
