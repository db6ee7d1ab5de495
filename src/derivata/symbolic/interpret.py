"""A checked formula evaluated as it stands, node by node in NumPy: the truth that code is held to.

It shares nothing with the sums over indices but the syntax tree.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import special

from derivata.symbolic.syntax import new_axes

_OPERATORS = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.power,
    ast.MatMult: np.matmul,
    ast.Gt: np.greater,
    ast.Lt: np.less,
    ast.GtE: np.greater_equal,
    ast.LtE: np.less_equal,
}


def interpreted(node: ast.expr, values: Mapping[str, Any]) -> Any:
    """The value of a formula.

    Parameters
    ----------
    node : ast.expr
        A checked tree.
    values : mapping of str to array
        Operands, and the lengths of dimensions by their letters.
    """
    match node:
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.Name(id=name):
            return np.pi if name == "pi" and name not in values else values[name]
        case ast.UnaryOp(op=op, operand=operand):
            value = interpreted(operand, values)
            return np.negative(value) if isinstance(op, ast.USub) else value
        case ast.BinOp(left=left, op=op, right=right):
            return _OPERATORS[type(op)](interpreted(left, values), interpreted(right, values))
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _OPERATORS[type(op)](interpreted(left, values), interpreted(right, values))
        case ast.Attribute(value=inner):
            return np.transpose(interpreted(inner, values))
        case ast.Subscript(value=inner, slice=axes):
            pattern = tuple(None if new else slice(None) for new in new_axes(axes) or [])
            return np.asarray(interpreted(inner, values))[pattern]
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=keywords):
            inside = [interpreted(argument, values) for argument in arguments]
            named = {k.arg: _keyword(k, values) for k in keywords if k.arg}
            return FUNCTIONS[name](*inside, **named)
    raise NotImplementedError(type(node).__name__)


def _keyword(keyword: ast.keyword, values: Mapping[str, Any]) -> Any:
    if keyword.arg in ("axis", "keepdims"):
        return ast.literal_eval(keyword.value)
    return interpreted(keyword.value, values)


def _norm(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    return np.sqrt(np.sum(np.square(x), axis=axis, keepdims=keepdims))


def _softmax(x: Any, axis: int = -1) -> Any:
    return special.softmax(x, axis=axis)


def _huber(x: Any, delta: Any = 1.0) -> Any:
    return np.where(np.abs(x) <= delta, 0.5 * x**2, delta * (np.abs(x) - 0.5 * delta))


def _largest(x: Any, y: Any = None, axis: int | None = None, keepdims: bool = False) -> Any:
    return np.max(x, axis=axis, keepdims=keepdims) if y is None else np.maximum(x, y)


def _smallest(x: Any, y: Any = None, axis: int | None = None, keepdims: bool = False) -> Any:
    return np.min(x, axis=axis, keepdims=keepdims) if y is None else np.minimum(x, y)


FUNCTIONS: dict[str, Any] = {
    "sum": np.sum,
    "mean": np.mean,
    "norm": _norm,
    "max": _largest,
    "min": _smallest,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "logsumexp": special.logsumexp,
    "softmax": _softmax,
    "dot": np.matmul,
    "outer": np.outer,
    "trace": np.trace,
    "diag": np.diag,
    "inv": np.linalg.inv,
    "det": np.linalg.det,
    "logdet": lambda m: np.linalg.slogdet(m)[1],
    "eye": lambda n: np.eye(int(n)),
    "ones": lambda n: np.ones(int(n)),
    "len": len,
    "where": np.where,
    "huber": _huber,
    "log": np.log,
    "log1p": np.log1p,
    "exp": np.exp,
    "expm1": np.expm1,
    "sqrt": np.sqrt,
    "square": np.square,
    "abs": np.abs,
    "sign": np.sign,
    "sigmoid": special.expit,
    "expit": special.expit,
    "softplus": lambda x: np.logaddexp(0.0, x),
    "logaddexp": np.logaddexp,
    "relu": lambda x: np.maximum(x, 0.0),
    "tanh": np.tanh,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "sin": np.sin,
    "cos": np.cos,
    "arctan": np.arctan,
    "erf": special.erf,
    "lgamma": special.gammaln,
}
