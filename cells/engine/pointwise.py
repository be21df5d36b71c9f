"""The operators of the table as functions of torch, for every executor that runs on it."""

import functools
import operator
from collections.abc import Callable
from typing import Any, Final, cast

import torch
from torch import Tensor

from cells.expression import compiled
from cells.op import POINTWISE


def _choose(condition: Tensor, a: float, b: float, like: Tensor) -> Tensor:
    # torch.where of two numbers would round them to float32 first.
    return torch.full_like(like, b).masked_fill(condition, a)


_ELEMENTARY: Final[dict[str, Callable[..., Any]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "negate": operator.neg,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    "|": operator.or_,
    "is_nan": torch.isnan,
    "where": torch.where,
    "choose": _choose,
    "abs": torch.abs,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "exp": torch.exp,
    "expm1": torch.expm1,
    "log1p": torch.log1p,
    "sqrt": torch.sqrt,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "erf": torch.erf,
    "sin": torch.sin,
    "cos": torch.cos,
}


def _lookup(name: str) -> Callable[..., Any]:
    """An elementary function, or a function of torch by its whole name."""
    if name in _ELEMENTARY:
        return _ELEMENTARY[name]
    return cast("Callable[..., Any]", functools.reduce(getattr, name.split(".")[1:], torch))


FUNCTIONS: Final[dict[str, Callable[..., Tensor]]] = {
    row.name: compiled(row.torch or row.value, row.variables, _lookup) for row in POINTWISE
}
"""Every activation and arithmetic operator of `cells.op`, on tensors of any shape."""
