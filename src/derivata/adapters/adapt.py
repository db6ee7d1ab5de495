"""The one door: any fitted model as a ``FittedModel``.

The class of a model is looked up by its library and name, as text, and the function that knows it
is imported then: nothing is loaded for models that nobody hands in. Of a user's own subclass the
first class of its line that belongs to scikit-learn or to this package decides; their own
subclasses (``MultiTaskLasso`` of ``Lasso``) must be in the table themselves.

Maths: docs/math/adapters.md
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from derivata.adapters.fitted import FittedModel
from derivata.errors import InvalidParameter

Adapter = Callable[[Any, Any, Any, Any], FittedModel]

# Library and class -> the function, as text.
_LINEAR = "derivata.adapters.scikit_linear:adapt_linear"
_GENERALISED = "derivata.adapters.scikit_generalised:adapt_generalised"
_LOGISTIC = "derivata.adapters.scikit_logistic:adapt_logistic"
_SEARCH = "derivata.adapters.pipelines:adapt_search"
_OWN_LINEAR = "derivata.adapters.own_linear:adapt_linear"
_OWN_ADDITIVE = "derivata.adapters.own_additive:adapt_additive"
_OWN_NETWORK = "derivata.adapters.networks:adapt_network"
_MLP = "derivata.adapters.scikit_networks:adapt_mlp"

ADAPTERS = {
    ("sklearn", "LinearRegression"): _LINEAR,
    ("sklearn", "Ridge"): _LINEAR,
    ("sklearn", "RidgeCV"): _LINEAR,
    ("sklearn", "Lasso"): _LINEAR,
    ("sklearn", "LassoCV"): _LINEAR,
    ("sklearn", "ElasticNet"): _LINEAR,
    ("sklearn", "ElasticNetCV"): _LINEAR,
    ("sklearn", "LogisticRegression"): _LOGISTIC,
    ("sklearn", "LogisticRegressionCV"): _LOGISTIC,
    ("sklearn", "PoissonRegressor"): _GENERALISED,
    ("sklearn", "GammaRegressor"): _GENERALISED,
    ("sklearn", "TweedieRegressor"): _GENERALISED,
    ("sklearn", "HuberRegressor"): "derivata.adapters.scikit_robust:adapt_huber",
    ("sklearn", "MLPClassifier"): _MLP,
    ("sklearn", "MLPRegressor"): _MLP,
    ("sklearn", "Pipeline"): "derivata.adapters.pipelines:adapt_pipeline",
    ("sklearn", "GridSearchCV"): _SEARCH,
    ("sklearn", "RandomizedSearchCV"): _SEARCH,
    ("sklearn", "HalvingGridSearchCV"): _SEARCH,
    ("sklearn", "HalvingRandomSearchCV"): _SEARCH,
    ("derivata", "LinearRegressor"): _OWN_LINEAR,
    ("derivata", "LogisticClassifier"): _OWN_LINEAR,
    ("derivata", "PoissonRegressor"): _OWN_LINEAR,
    ("derivata", "AdditiveRegressor"): _OWN_ADDITIVE,
    ("derivata", "AdditiveClassifier"): _OWN_ADDITIVE,
    ("derivata", "TableModel"): "derivata.adapters.own_table:adapt_table",
    ("derivata", "LossEstimator"): "derivata.adapters.own_custom:adapt_custom",
    ("derivata", "MLPClassifier"): _OWN_NETWORK,
    ("derivata", "MLPRegressor"): _OWN_NETWORK,
}


def adapt(model: Any, X: Any, y: Any, sample_weight: Any = None) -> FittedModel:
    """A fitted model as its objective, its parameters and the way back.

    Parameters
    ----------
    model : estimator or FittedModel
        Fitted; a ``FittedModel`` is returned as it is.
    X, y, sample_weight
        What it was fitted to: scikit-learn's models keep no data.

    Returns
    -------
    FittedModel

    Raises
    ------
    InvalidParameter
        If the model is of another kind, naming those there are, or is not fitted.
    NotAvailable
        If it was fitted in a way that has no such objective; says which way has.
    InvalidData
        If X has other columns than the model, or y targets that it does not know.
    """
    if isinstance(model, FittedModel):
        return model
    return _adapter_of(model)(model, X, y, sample_weight)


def supported() -> str:
    """The names of all classes that ``adapt`` takes, as a phrase."""
    ours = [name for library, name in ADAPTERS if library == "derivata"]
    theirs = [name for library, name in ADAPTERS if library == "sklearn"]
    return f"derivata's {', '.join(ours)}, and scikit-learn's {', '.join(theirs)}"


def _adapter_of(model: Any) -> Adapter:
    if isinstance(model, type):
        raise InvalidParameter(
            f"`model` is the class {model.__name__}; expected a fitted model: "
            f"`{model.__name__}().fit(X, y)`."
        )
    for parent in type(model).__mro__:
        library = parent.__module__.partition(".")[0]
        if library in ("sklearn", "derivata") and not parent.__name__.endswith("Mixin"):
            home = ADAPTERS.get((library, parent.__name__))
            if home is not None:
                module, _, function = home.partition(":")
                return getattr(import_module(module), function)
            break
    raise InvalidParameter(
        f"`model` is a {type(model).__name__}, which cannot be evaluated by calculus. Supported "
        f"are {supported()}, each of these also at the end of a Pipeline."
    )
