"""One BLAS thread for small fits.

A tuned fit is thousands of small products. Handing each to several threads costs more than it
saves, and where other work keeps the cores busy the threads wait for each other: ten times the CPU
time was seen on two cores. Large products keep the threads they are given.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController

# A Gram product of this many multiplications takes some 20 ms on one core.
LARGE_PRODUCT = 1e9


def fitting_threads(n_rows: int, n_params: int) -> AbstractContextManager[Any]:
    """A context in which BLAS runs on one thread, unless the fit is large."""
    if n_rows * float(n_params) ** 2 > LARGE_PRODUCT:
        return nullcontext()
    return _blas().limit(limits=1)


@cache
def _blas() -> ThreadpoolController:
    # Made once: finding the libraries takes milliseconds, setting their threads microseconds.
    return ThreadpoolController().select(user_api="blas")
