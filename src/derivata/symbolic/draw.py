"""Random data on which a formula has a value: what derived code is tried on.

The signs and sizes that a formula needs are found by trial: plain normal numbers first, then
positive ones, then shares between 0 and 1, each operand by itself; square operands are tried as
matrices close to symmetric positive definite ones.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

import numpy as np

from derivata.contracts import Array
from derivata.errors import NotAvailable
from derivata.symbolic.interpret import interpreted

LENGTHS = (5, 3, 4, 2, 6, 7)
MOST_TRIALS = 400


def lengths_of(shapes: Mapping[str, str]) -> dict[str, int]:
    """A small length for each dimension, all different as far as they reach."""
    dims = dict.fromkeys("".join(shapes.values()))
    return {dim: LENGTHS[j % len(LENGTHS)] for j, dim in enumerate(dims)}


def drawn(
    tree: ast.expr, shapes: Mapping[str, str], random_state: int
) -> tuple[dict[str, Array], dict[str, int]]:
    """Operands at which a formula is finite, and the lengths of their dimensions.

    Raises
    ------
    NotAvailable
        If none of some hundred draws has a finite value.
    """
    rng = np.random.default_rng(random_state)
    lengths = lengths_of(shapes)
    for trial in range(MOST_TRIALS):
        # 0: all plain, 1: all positive, 2: all between 0 and 1, then each operand on its own.
        kinds = [trial] * len(shapes) if trial < 3 else rng.integers(0, 3, len(shapes))
        values = {
            name: _one(rng, [lengths[dim] for dim in shape], int(kind), _is_square(shape))
            for (name, shape), kind in zip(shapes.items(), kinds, strict=True)
        }
        if _is_finite(tree, {**lengths, **values}):
            return values, lengths
    raise NotAvailable(
        f"the formula had no finite value in {MOST_TRIALS} random draws of its operands, so what "
        "is derived from it cannot be tried. Is a logarithm or root of a negative number in it?"
    )


def _is_finite(tree: ast.expr, values: dict[str, Any]) -> bool:
    with np.errstate(all="ignore"):
        try:
            return bool(np.isfinite(interpreted(tree, values)).all())
        except np.linalg.LinAlgError:  # a singular matrix was drawn
            return False


def _is_square(shape: str) -> bool:
    return len(shape) == 2 and shape[0] == shape[1]


def _one(rng: np.random.Generator, lengths: list[int], kind: int, square: bool) -> Array:
    plain = rng.standard_normal(lengths)
    if kind == 0 and square:
        # Not quite symmetric: equal entries would hide a transpose, and tie where `max` is taken.
        uneven = 0.1 * rng.standard_normal(lengths)
        return plain @ plain.T / lengths[0] + np.eye(lengths[0]) + uneven
    if kind == 0:
        return plain
    return 0.3 + np.abs(plain) if kind == 1 else rng.uniform(0.05, 0.95, lengths)
