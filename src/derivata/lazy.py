"""An attribute computed when first asked for and kept.

``functools.cached_property`` takes a lock before Python 3.12, which costs more than many of the
arrays kept here; an ``Expansion`` asks for some twenty of them at each solver step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    lazy = property  # what it is to a reader; a checker then knows the types of values
else:

    class lazy:  # noqa: N801 - reads as the decorator it is
        """Decorate a method of no arguments: its value replaces it on the instance at first use."""

        def __init__(self, compute: Callable[[Any], Any]):
            self.compute, self.name = compute, compute.__name__
            self.__doc__ = compute.__doc__

        def __get__(self, instance: Any, owner: Any = None) -> Any:
            """The value; later look-ups find it in the instance and never come here."""
            if instance is None:
                return self
            value = self.compute(instance)
            instance.__dict__[self.name] = value
            return value
