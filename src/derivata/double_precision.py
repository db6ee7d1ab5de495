"""The one switch of JAX to float64: a context, as its global setting is the user's own."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import jax


def float64() -> Any:
    """A context in which JAX computes in float64."""
    enable = getattr(jax, "enable_x64", None)
    if enable is None:  # before JAX 0.8
        enable: Any = import_module("jax.experimental").enable_x64
    return enable(True)
