"""The families by name, and from the plain records that model files hold.

Maths: docs/math/families.md
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from derivata.errors import InvalidParameter, ModelFileError
from derivata.estimators.families.classes import LogisticFamily, SoftmaxFamily
from derivata.estimators.families.gamma import GammaFamily
from derivata.estimators.families.huber import HuberFamily
from derivata.estimators.families.negative_binomial import NegativeBinomialFamily
from derivata.estimators.families.poisson import PoissonFamily
from derivata.estimators.families.protocol import Family
from derivata.estimators.families.quantile import QuantileFamily
from derivata.estimators.families.squared import SquaredFamily
from derivata.estimators.families.tweedie import TweedieFamily
from derivata.terms.record import check_keys, number_field, text_field

# By what the command line calls them, in the order to list them.
FAMILIES: dict[str, type] = {
    kind.name: kind
    for kind in (
        SquaredFamily,
        HuberFamily,
        LogisticFamily,
        SoftmaxFamily,
        PoissonFamily,
        NegativeBinomialFamily,
        GammaFamily,
        TweedieFamily,
        QuantileFamily,
    )
}
# A softmax of more classes than this has more coefficients than any table could teach it.
MOST_CLASSES = 10_000


def family_named(name: str, *, n_classes: int | None = None, level: float | None = None) -> Family:
    """The family of a name, its shape not yet begun.

    Parameters
    ----------
    name : str                     one of ``FAMILIES``
    n_classes : int, optional      of softmax, which needs it
    level : float, optional        of a quantile; default .5

    Raises
    ------
    InvalidParameter               for another name, a level without a quantile, or softmax without
                                   its number of classes
    """
    if name not in FAMILIES:
        raise InvalidParameter(f"`family` is {name!r}; expected one of {', '.join(FAMILIES)}.")
    if level is not None and name != "quantile":
        raise InvalidParameter(
            f"`level` is {level!r}, but the family is {name}: only a quantile has a level. Leave "
            "it out, or use the family quantile."
        )
    if name == "quantile":
        return QuantileFamily(0.5 if level is None else level)
    if name == "softmax":
        if n_classes is None:
            raise InvalidParameter("the family softmax needs `n_classes`, how many there are.")
        return SoftmaxFamily(n_classes)
    return FAMILIES[name]()


def family_from_dict(record: Any, where: str = "family") -> Family:
    """The family that ``to_dict`` wrote; whatever does not fit is refused.

    Parameters
    ----------
    record : Any                   parsed JSON, not trusted
    where : str                    its path, for messages

    Raises
    ------
    ModelFileError                 if it is no such record, or a parameter is out of its range
    """
    if not isinstance(record, dict) or "family" not in record:
        raise ModelFileError(
            f"`{where}` is no object with the key 'family'. The model file is damaged: save the "
            "model again."
        )
    name = text_field(record, "family", where)
    if name not in FAMILIES:
        raise ModelFileError(
            f"`{where}.family` is {name!r:.40}; expected one of {', '.join(FAMILIES)}. Was the "
            "file written by a newer version of derivata?"
        )
    kind = FAMILIES[name]
    parameters = tuple(field.name for field in fields(kind))
    check_keys(record, ("family", *parameters), where)
    values: dict[str, Any] = {key: number_field(record, key, where) for key in parameters}
    if kind is SoftmaxFamily:
        n_classes = values["n_classes"]
        if n_classes % 1 or n_classes > MOST_CLASSES:
            raise ModelFileError(f"`{where}.n_classes` is {n_classes:g}, no number of classes.")
        values["n_classes"] = int(n_classes)
    try:
        return kind(**values)
    except InvalidParameter as error:
        raise ModelFileError(f"`{where}`: {error}") from error
