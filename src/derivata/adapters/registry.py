"""Which function knows a model: looked up by library and class, as text, and imported then.

Nothing is loaded for models that nobody hands in. Of a user's own subclass the first class of its
line that belongs to scikit-learn or to this package decides; their own subclasses
(``MultiTaskLasso`` of ``Lasso``) must be in the table themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from derivata.errors import InvalidParameter

# (library, class) -> "module:function"
Registry = Mapping[tuple[str, str], str]


def known_by(registry: Registry, model: Any) -> Callable[..., Any] | None:
    """The function for a model's class, or None.

    Raises
    ------
    InvalidParameter               if the model is a class, which nobody has fitted
    """
    if isinstance(model, type):
        raise InvalidParameter(
            f"`model` is the class {model.__name__}; expected a fitted model: "
            f"`{model.__name__}().fit(X, y)`."
        )
    for parent in type(model).__mro__:
        library = parent.__module__.partition(".")[0]
        if library in ("sklearn", "derivata") and not parent.__name__.endswith("Mixin"):
            module, _, function = registry.get((library, parent.__name__), "").partition(":")
            return getattr(import_module(module), function) if module else None
    return None


def names_in(registry: Registry) -> str:
    """The names of all classes in it, as a phrase."""
    ours = [name for library, name in registry if library == "derivata"]
    theirs = [name for library, name in registry if library == "sklearn"]
    return f"derivata's {', '.join(ours)}, and scikit-learn's {', '.join(theirs)}"
