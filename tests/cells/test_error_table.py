"""The table of errors: every code that is raised, and none besides."""

import ast
import copy
import importlib
import inspect
from pathlib import Path

import pytest

from cells import CellError
from cells.engine.training.width import WidthError
from cells.error import GatewrightError, SingleCodeError
from cells.error_table import ERRORS
from cells.fault import FAULTS
from search.error import SearchError, StoppedError, UsageError

ROOT = Path(__file__).resolve().parents[2]
FLOORS = ("cells", "tasks", "results", "search")
MODULES = [path for floor in FLOORS for path in sorted((ROOT / floor).rglob("*.py"))]
INSIDE = {
    "cells.engine.systems.descent.DivergedError",
    "cells.engine.training.trainer._EndedError",
    "cells.identity.rewrite.OutOfRangeError",
    "results.record.decode.UnknownError",
    "results.record.decode._WrongError",
    "search.run.interrupt.Interrupted",
}
"""Exceptions that carry control between two functions of ours and are never met by a user."""


def test_every_exception_that_a_user_can_meet_has_the_one_base() -> None:
    checked = 0
    for path in MODULES:
        if not any(isinstance(node, ast.ClassDef) for node in ast.parse(path.read_text()).body):
            continue
        module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        for _, made in inspect.getmembers(module, inspect.isclass):
            if not issubclass(made, BaseException) or made.__module__ != module.__name__:
                continue
            full = f"{made.__module__}.{made.__qualname__}"
            assert issubclass(made, GatewrightError) != (full in INSIDE), full
            if issubclass(made, SingleCodeError) and made is not SingleCodeError:
                assert made.CODE in ERRORS, full
            checked += 1
    assert checked > len(INSIDE)


def codes_in(path: Path) -> set[str]:
    """What stands first in the calls of a module that make errors, and single codes of classes."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str() as code), *_]):
                if name in {
                    "CellError",
                    "TaskError",
                    "StoreError",
                    "SearchError",
                    "SlotError",
                    "NativeError",
                }:
                    found.add(code)
            case ast.Assign(targets=[ast.Name(id="CODE")], value=ast.Constant(value=str() as code)):
                found.add(code)
            case ast.Tuple(elts=[ast.Constant(value=str() as code), _]) if path.name == "error.py":
                found.add(code)  # the errors of SQLite by name
            case _:
                pass
    return found


def test_the_table_holds_the_codes_that_are_raised_and_no_others() -> None:
    raised = set[str]().union(*map(codes_in, MODULES))
    assert raised - set(ERRORS) == set()
    assert set(ERRORS) - raised - set(FAULTS) == set()


def test_every_row_says_what_it_means() -> None:
    for code, row in ERRORS.items():
        assert row.code == code
        assert row.message
        assert row.exit_code in {1, 2, 130}
        assert not (row.resumable and row.exit_code == 2)
    assert len({row.message for row in ERRORS.values()}) == len(ERRORS)


@pytest.mark.parametrize(
    "error",
    [
        SearchError("order", "told of 3, expected 2"),
        UsageError("--top: 0", "1 or more"),
        StoppedError("7 recorded", "gatewright search smoke --resume"),
        CellError("C702", {"word": "grru"}, words=("gru",)),
        WidthError("10 parameters is too small"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_survive_a_copy_as_they_do_the_way_from_a_worker(error: GatewrightError) -> None:
    other = copy.copy(error)
    assert type(other) is type(error)
    assert str(other) == str(error)
    assert (other.code, other.message, other.hint) == (error.code, error.message, error.hint)
    assert (other.exit_code, other.resumable) == (error.exit_code, error.resumable)


def test_the_text_of_an_error_holds_code_message_and_hint() -> None:
    assert str(SearchError("order", "told of 3", "ask again")) == (
        "order: told of 3\n  hint: ask again"
    )
    assert str(SearchError("order", "told of 3")) == "order: told of 3"
    assert str(UsageError("--top: 0", "1 or more")) == "--top: 0"
