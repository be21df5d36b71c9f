"""The floors of the design: who may import whom, and what stays unloaded."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
STANDARD = sys.stdlib_module_names
ARRAYS = {"numpy", "scipy"}

ALLOWED: dict[str, set[str]] = {
    "cells": {"cells"},
    "cells/engine": {"cells", "torch", "safetensors", "onnx", *ARRAYS},
    "tasks": {"cells", "tasks", "mido", *ARRAYS},
    "results": {
        "cells",
        "results",
        "pandas",
        "matplotlib",
        "seaborn",
        "jinja2",
        "markupsafe",
        *("starlette", "uvicorn"),
        *ARRAYS,
    },
    "search": {
        *(
            "cells",
            "tasks",
            "results",
            "search",
            "torch",
            "ray",
            "optuna",
            "pandas",
            "typer",
            "click",
            "rich",
        ),
        *ARRAYS,
    },
}


def imported(path: Path) -> set[str]:
    """Dotted names of all modules that a file imports, at any depth of its code."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module or "")
    return names


def files(floor: str) -> list[Path]:
    found = sorted((ROOT / floor).rglob("*.py"))
    if floor == "cells":
        found = [path for path in found if "engine" not in path.relative_to(ROOT).parts]
    return found


@pytest.mark.parametrize("floor", ALLOWED)
def test_each_floor_imports_only_what_lies_below_it(floor: str) -> None:
    paths = files(floor)
    assert paths
    for path in paths:
        for name in imported(path):
            top = name.split(".")[0]
            assert top in STANDARD or top in ALLOWED[floor], f"{path} imports {name}"
            if floor in {"cells", "results"}:
                assert not name.startswith("cells.engine"), f"{path} imports {name}"
            if floor == "tasks" and name.startswith("cells.engine"):
                assert name == "cells.engine.batch", f"{path} imports {name}"


def test_no_module_shares_a_name_with_the_standard_library() -> None:
    for floor in ("cells", "tasks", "results", "search"):
        for path in (ROOT / floor).rglob("*.py"):
            assert path.stem == "__init__" or path.stem not in STANDARD, path


@pytest.mark.parametrize(
    ("package", "unwanted"),
    [("cells", "torch numpy"), ("results", "torch ray optuna"), ("tasks", "torch ray")],
)
def test_importing_a_package_loads_no_heavy_library(package: str, unwanted: str) -> None:
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in files(package)
    ]
    code = f"import sys\nfor m in {modules}: __import__(m)\nprint(sorted(set({unwanted.split()}) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.strip() == "[]"


FORBIDDEN = ("pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve")


def test_no_package_can_run_data_as_code() -> None:
    for floor in ("cells", "tasks", "results", "search", "scripts"):
        for path in (ROOT / floor).rglob("*.py"):
            assert not imported(path) & set(FORBIDDEN), path
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call):
                    called = ast.unparse(node.func)
                    assert called not in {"eval", "exec", "torch.load", "yaml.load", "os.system"}, (
                        path
                    )
                    assert not called.endswith(".extractall"), path
                    for keyword in node.keywords:
                        dangerous = keyword.arg in {"shell", "allow_pickle"}
                        assert not (dangerous and ast.unparse(keyword.value) == "True"), path
