"""`import gatewright as gw`: every name works, nothing is loaded before it is used, and it is shipped."""

import ast
import fnmatch
import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import gatewright

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def loaded(code: str) -> set[str]:
    """The packages that a fresh interpreter has loaded after some code."""
    ending = "import sys; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{ending}"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    return set(done.stdout.splitlines()[-1].split())


def test_every_public_name_is_the_thing_of_that_name() -> None:
    for name in gatewright.__all__:
        home = gatewright._HOME[name]
        value = getattr(gatewright, name)
        module = importlib.import_module(home)
        assert value is getattr(module, name)
    assert dir(gatewright) == gatewright.__all__ == sorted(gatewright._HOME)


def test_type_checkers_see_the_same_names_in_the_same_modules() -> None:
    tree = ast.parse((ROOT / "gatewright.py").read_text())
    (seen,) = (
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    homes = {
        alias.name: node.module
        for node in seen.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert homes == gatewright._HOME


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        gatewright.nonsense  # noqa: B018 # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("code", "unwanted"),
    [
        ("import gatewright", {"torch", "numpy", "pandas", "ray", "optuna", "cells", "search"}),
        (
            "import gatewright as gw; gw.parse(gw.to_text(gw.zoo.load('gru')))",
            {"torch", "numpy", "pandas", "ray", "results", "tasks", "search"},
        ),
        ("import gatewright as gw; gw.frame, gw.open_record", {"torch", "ray", "optuna", "search"}),
        ("import gatewright as gw; gw.verify", {"ray", "optuna", "torch"}),
        ("import gatewright as gw; gw.conduct", {"ray", "torch"}),
    ],
)
def test_a_name_loads_only_what_it_needs(code: str, unwanted: set[str]) -> None:
    assert not loaded(code) & unwanted


def test_a_record_is_read_as_frames() -> None:
    gw = gatewright
    with gw.open_record(ROOT / "results" / "published" / "all-laptop") as record:
        study = record.studies()[0]
        trials = gw.frame.trials(record, study.id)
        (asked,) = record.select("SELECT count(trial_key) FROM ask WHERE study_id = ?", study.id)
    assert (len(trials),) == tuple(asked)
    assert {"cell", "task", "seed", "test_loss"} <= set(trials.columns)


def test_it_is_the_command_line_too() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gatewright", "cells", "ls", "--json"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    assert '"gru"' in done.stdout


def test_the_wheel_ships_every_file_that_the_packages_read() -> None:
    settings = PROJECT["tool"]["setuptools"]
    assert settings["py-modules"] == ["gatewright"]
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    shipped = 0
    for package, patterns in settings["package-data"].items():
        names = [name for name in listed.stdout.splitlines() if name.startswith(f"{package}/")]
        assert f"{package}/py.typed" in names
        for name in names:
            inner = name.removeprefix(f"{package}/")
            if inner.endswith((".py", ".md")) or inner.startswith("published/"):
                continue
            matching = [
                one
                for one in patterns
                if fnmatch.fnmatch(inner, one) and one.count("/") == inner.count("/")
            ]
            assert matching, f"{name} is in no pattern of package-data in pyproject.toml"
            shipped += 1
    assert shipped > 100
