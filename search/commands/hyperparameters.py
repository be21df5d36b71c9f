"""The options of commands that train: one for each row of the table of hyperparameters."""

import difflib
import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Annotated, Any, Final

import typer

from cells.training.hyperparameter import Hyperparameter
from cells.training.optimizer import own
from cells.training.setting import HYPERPARAMETERS
from search.console import UsageError

Given = Mapping[str, Any]
"""The hyperparameters that were given on the command line, by name."""

PARAMETERS: Final = 50_000
"""The budget where neither parameters nor a width are given."""

WidthOption = Annotated[
    int | None,
    typer.Option("--width", help="Hidden width; default: solved for the parameter budget.", min=1),
]
_TYPES: Final = {"real": float, "whole": int, "word": str}


def hyperparameter_options(*, several: bool) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Puts an option for every hyperparameter where the command has its parameter `given: Given`.

    Args:
        several: an option may be repeated, and gives a tuple of choices.
    """

    def decorate(command: Callable[..., int]) -> Callable[..., int]:
        @wraps(command)
        def wrapped(*arguments: Any, **named: Any) -> int:
            given: dict[str, Any] = {}
            for row in HYPERPARAMETERS:
                value = named.pop(row.name, None)
                if value is not None and value != []:
                    given[row.name] = tuple(value) if several else value
                    for item in value if several else [value]:
                        _check(row, item)
            return command(*arguments, **named, given=given)

        signature = inspect.signature(command)
        parameters: list[inspect.Parameter] = []
        for parameter in signature.parameters.values():
            parameters += (
                [_option(row, several) for row in HYPERPARAMETERS]
                if parameter.name == "given"
                else [parameter]
            )
        wrapped.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        vars(wrapped)["__signature__"] = signature.replace(parameters=parameters)
        return wrapped

    return decorate


def words(given: Given) -> list[str]:
    """What was given of several choices, as the command line has it."""
    options = {row.name: row.options[0] for row in HYPERPARAMETERS}
    return [
        word
        for name, choices in given.items()
        for choice in choices
        for word in (options[name], str(choice))
    ]


def _option(row: Hyperparameter, several: bool) -> inspect.Parameter:
    kind: Any = _TYPES[row.kind]
    text = row.help if not row.words else f"{row.help} One of {', '.join(row.words)}."
    if row.optimizers:
        text = f"{text} Of {' and '.join(row.optimizers)}."
    if several:
        kind, text = list[kind], f"{text} Repeat it for more choices."
    option = typer.Option(*row.options, help=text, show_default=False if several else _default(row))
    return inspect.Parameter(
        row.name,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        default=None,
        annotation=Annotated[kind | None, option],
    )


def _default(row: Hyperparameter) -> str | bool:
    if row.default is not None:
        return f"{row.default:g}" if isinstance(row.default, int | float) else str(row.default)
    values = dict.fromkeys(f"{own(name)[row.name]:g} of {name}" for name in row.optimizers)  # type: ignore[arg-type]
    return ", ".join(values) or False


def _check(row: Hyperparameter, value: Any) -> None:
    if not row.holds(value):
        close = difflib.get_close_matches(str(value), row.words, n=1, cutoff=0.5)
        nearest = f"; did you mean {close[0]!r}?" if close else ""
        number = "" if row.words else "a finite number, "
        raise UsageError(f"{row.options[0]} {value}: expected {number}{row.range}{nearest}")
