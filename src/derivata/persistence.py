"""Save a fitted model to one file, and load it: ``save(model, path)``, ``load(path)``.

    model  --to_state-->  ModelState  --write_state-->  model.derivata
    model  <-from_state-  ModelState  <--read_state---  model.derivata

A model file names the *kind* of its model, never a module or a function: `KINDS` here says which
class a kind is, and a kind that is not in it is refused. So a file can choose between our
estimators and can run nothing else. The format is drawn in `derivata.files.model_file`.

To make an estimator savable, give it ``to_state(self) -> ModelState`` and a class method
``from_state(cls, state)``, and add one line to `KINDS`.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from derivata.errors import DerivataError, InvalidParameter, ModelFileError
from derivata.files.model_file import read_state, write_state
from derivata.files.model_state import ModelState

__all__ = ["KINDS", "ModelState", "load", "read_state", "save", "write_state"]

# Text, not classes: this module imports no estimator until a file asks for it.
KINDS = {
    "AdditiveClassifier": "derivata.estimators.additive:AdditiveClassifier",
    "AdditiveRegressor": "derivata.estimators.additive:AdditiveRegressor",
    "LinearRegressor": "derivata.estimators.linear:LinearRegressor",
    "LogisticClassifier": "derivata.estimators.logistic:LogisticClassifier",
    "MLPClassifier": "derivata.estimators.neural:MLPClassifier",
    "MLPRegressor": "derivata.estimators.neural:MLPRegressor",
    "PoissonRegressor": "derivata.estimators.poisson:PoissonRegressor",
    "TableModel": "derivata.estimators.table_model:TableModel",
}


def save(model: Any, path: str | os.PathLike[str]) -> None:
    """Save a fitted model at ``path``; a file that is there is replaced whole, or kept whole.

    Parameters
    ----------
    model : fitted estimator       one of derivata's, not of a class derived from it
    path : str or path-like        by custom ``model.derivata``; its folder must exist

    Raises
    ------
    InvalidParameter               if this is no model that derivata can load again
    ModelFileError                 if the file cannot be written; says why, and the cure
    """
    model_class = type(model)
    kind = model_class.__name__
    if KINDS.get(kind) != f"{model_class.__module__}:{model_class.__qualname__}":
        raise InvalidParameter(
            f"`model` is a {model_class.__module__}.{model_class.__qualname__}; derivata saves only"
            f" its own estimators ({', '.join(sorted(KINDS))}), because a file of any other would"
            " need its code to be loaded. Save the derivata estimator inside it."
        )
    state = model.to_state()
    if state.kind != kind:
        raise InvalidParameter(f"{kind}.to_state() gave a state of kind {state.kind!r}.")
    write_state(path, state)


def load(path: str | os.PathLike[str]) -> Any:
    """Load the model that `save` put at ``path``; no code from the file is run.

    Parameters
    ----------
    path : str or path-like        the model file

    Returns
    -------
    model : fitted estimator       predicts to the bit what the saved one did

    Raises
    ------
    ModelFileError                 if the file is missing, damaged, something else, of a newer
                                   format, or of a kind that this derivata does not have
    """
    state = read_state(path)
    if state.kind not in KINDS:
        raise ModelFileError(
            f"{str(path)!r} holds a {state.kind!r}, which this derivata does not have (it has"
            f" {', '.join(sorted(KINDS))}). Load it with the derivata that saved it, or a newer"
            " one."
        )
    module, _, name = KINDS[state.kind].partition(":")
    model_class = getattr(import_module(module), name)
    try:
        return model_class.from_state(state)
    except ModelFileError:
        raise
    except (DerivataError, LookupError, TypeError, ValueError, AttributeError) as error:
        # Its checksums are right, so these entries were written by another version, or by hand.
        raise ModelFileError(
            f"{str(path)!r} does not hold the entries of a {state.kind}"
            f" ({type(error).__name__}: {error}). Load it with the derivata that saved it, or fit"
            " and save the model again."
        ) from error
