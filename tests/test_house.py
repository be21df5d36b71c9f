"""The house: folders that can be read at a glance, imports without a circle, names that resolve."""

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLOORS = ("cells", "tasks", "results", "search")
MOST = 16
"""Modules that a folder may hold beside its rooms, `__init__.py` not counted."""
PAGES = sorted(path for folder in ("", "docs", "tasks") for path in (ROOT / folder).glob("*.md"))


def dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {dotted(path): path for floor in FLOORS for path in (ROOT / floor).rglob("*.py")}
PACKAGES = {name: path for name, path in MODULES.items() if path.name == "__init__.py"}


def test_no_folder_holds_more_modules_than_a_reader_keeps_in_mind() -> None:
    for name, path in PACKAGES.items():
        modules = [other for other in path.parent.glob("*.py") if other != path]
        assert len(modules) <= MOST, f"{name} holds {len(modules)} modules: give it rooms"


def test_every_room_says_what_is_in_it() -> None:
    for floor in FLOORS:
        for folder in {path.parent for path in (ROOT / floor).rglob("*.py")}:
            assert dotted(folder / "__init__.py") in PACKAGES, f"{folder} has no __init__.py"
    for name, path in PACKAGES.items():
        assert ast.get_docstring(ast.parse(path.read_text())), f"{name} has no docstring"


def needs(name: str, path: Path) -> set[str]:
    """The modules of the house that must be complete before a module can be.

    These are imports at the level of the module: one inside a function is made at its call, one
    under `TYPE_CHECKING` never. `from a import b` needs `a.b` if that is a module, else `a`.
    """
    names: set[str] = set()
    waiting = list[ast.stmt](ast.parse(path.read_text()).body)
    while waiting:
        node = waiting.pop()
        match node:
            case ast.Import():
                names.update(alias.name for alias in node.names)
            case ast.ImportFrom():
                full = {f"{node.module}.{alias.name}" for alias in node.names}
                names.update(one if one in MODULES else str(node.module) for one in full)
            case ast.If() if "TYPE_CHECKING" in ast.unparse(node.test):
                waiting += node.orelse
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                pass
            case _:
                waiting += [
                    child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)
                ]
    return names & set(MODULES) - {name}


def test_no_module_waits_for_itself() -> None:
    graph = {name: needs(name, path) for name, path in MODULES.items()}
    assert sum(map(len, graph.values())) > len(MODULES)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail("import circle: " + " <- ".join(error.args[1]))


def test_no_attribute_of_a_package_hides_a_module_in_it() -> None:
    for name, path in PACKAGES.items():
        package = importlib.import_module(name)
        for below in pkgutil.iter_modules([str(path.parent)]):
            value = getattr(package, below.name, None)
            assert value is None or isinstance(value, ModuleType), f"{name}.{below.name}"
            assert below.name not in getattr(package, "__all__", ()) or isinstance(
                value, ModuleType
            )


WORD = re.compile(rf"(?<![\w./-])(?:{'|'.join(FLOORS)})(?:\.(?!py\b)[A-Za-z_]\w*)+(?![\w/=]|\.\w)")
"""A dotted name of the house, as pages and docstrings print it; not a key of a study (`...=1`)."""


def check_names(text: str, where: Path) -> int:
    names = WORD.findall(text)
    for name in names:
        try:
            pkgutil.resolve_name(name)
        except AttributeError as error:
            pytest.fail(f"{where} names {name}: {error}")
    return len(names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_names_that_a_page_prints_exist(page: Path) -> None:
    check_names(page.read_text(), page)


def test_the_names_that_docstrings_print_exist() -> None:
    checked = 0
    for path in MODULES.values():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                for quoted in re.findall(r"`([^`\n]+)`", node.value):
                    checked += check_names(quoted, path)
    assert checked


def test_import_cells_is_enough_for_what_the_language_page_shows() -> None:
    page = (ROOT / "docs" / "language.md").read_text()
    (block,) = (part for part in re.findall(r"```python\n(.*?)```", page, re.S))
    names = WORD.findall(block)
    assert "cells.zoo.load" in names
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(["import cells", *names])],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
