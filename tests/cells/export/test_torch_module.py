"""The text of an exported module: what it may hold, whatever a cell is called and says."""

import ast
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cells import Cell, parse, zoo
from cells.export.statement import WIDTH, Names
from cells.export.torch_module import names, write
from cells.text.printer import state_names
from tests.strategies import random_cell

HOSTILE = (
    *("self", "torch", "nn", "Tensor", "lambda", "import", "class", "None", "True", "linear"),
    *("__class__", "__debug__", "_", "__", "x_next", "h_next", "part", "divide", "maximum"),
    *("print", "exec", "match", "n" * 40, "n" * 39 + "m", "forward", "super", "parameter"),
)
COMMENTS = (
    '"""\nimport os\nos.system("true")\n"""',
    "coding: utf-7\n vim: set fileencoding=utf-7 :",
    "fmt: off\n# fmt: off\n\\\n\\",
    "''' ${title} $comment {x} %s \\n \\x41",
    "!/bin/sh",
)


def hostile_cell(seed: int) -> Cell:
    """A random cell whose names and comment try to be more than that."""
    generator = random.Random(seed)  # noqa: S311 - not for secrets
    cell = random_cell(generator)
    nodes = tuple(generator.choice((None, *HOSTILE)) for _ in cell.nodes)
    states = tuple(generator.choice((*HOSTILE, "h", "c")) for _ in cell.updates)
    title = generator.choice((*HOSTILE, "tensor", "true", "none", "_1", "a__b"))
    comment = generator.choice(COMMENTS)
    return replace(cell, names=nodes, states=states, name=title, comment=comment)


EXPRESSIONS = (
    *(ast.Name, ast.Attribute, ast.Constant, ast.Call, ast.BinOp, ast.UnaryOp, ast.USub),
    *(ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Load),
)


def only_equations(step: ast.FunctionDef) -> bool:
    """Whether a step is a docstring, plain assignments and one return, of the expected calls."""
    _, *assignments, last = step.body
    for one in assignments:
        if not (isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name)):
            return False
        for part in ast.walk(one.value):
            if not isinstance(part, EXPRESSIONS):
                return False
            if isinstance(part, ast.Name) and part.id.startswith("__"):
                return False
    return isinstance(last, ast.Return)


def shape(node: ast.AST) -> str:
    """A syntax tree without names and numbers."""
    return ast.dump(node) if isinstance(node, ast.Import | ast.ImportFrom) else type(node).__name__


def without_words(found: ast.AST) -> str:
    """The tree of the class `Name`, its name and docstring left out."""
    assert isinstance(found, ast.ClassDef)
    copy = ast.ClassDef("", found.bases, found.keywords, found.body[1:], found.decorator_list)
    return ast.dump(copy).replace(f"{found.name}Cell", "")


def test_hostile_names_and_comments_stay_names_and_comments() -> None:
    expected = ast.parse(write(zoo.load("gru")))
    for seed in range(150):
        cell = hostile_cell(seed)
        text = write(cell, note='a note """ and \\ more\n\x0c\u2028 " ')
        tree = ast.parse(text)
        docstring, *imports = tree.body[:3]
        assert isinstance(docstring, ast.Expr)
        assert list(map(shape, imports)) == list(map(shape, expected.body[1:3]))
        step, stack = tree.body[-2:]
        assert isinstance(step, ast.ClassDef)
        assert isinstance(stack, ast.ClassDef)
        assert {one.name for one in (step, stack)} == {stack.name, f"{stack.name}Cell"}
        rest = tree.body[3:-2]
        if rest and isinstance(rest[0], ast.ImportFrom):
            assert rest.pop(0).module == "torch.nn.functional"  # pyright: ignore[reportAttributeAccessIssue]
        assert all(isinstance(one, ast.FunctionDef) for one in rest)
        methods = {one.name: one for one in step.body if isinstance(one, ast.FunctionDef)}
        assert list(methods) == ["__init__", "reset_parameters", "forward"]
        assert only_equations(methods["forward"])
        # The class that is called does not depend on what its author wrote, but for its name.
        plain = ast.parse(write(replace(cell, comment="", name="plain", names=(), states=())))
        assert without_words(stack) == without_words(plain.body[-1])
        compile(tree, "exported", "exec")


def test_the_file_is_as_a_formatter_leaves_it(tmp_path: Path) -> None:
    for name in zoo.names():
        (tmp_path / f"{name}.py").write_text(write(zoo.load(name)), encoding="utf-8")
    for seed in range(150):
        text = write(hostile_cell(seed)).replace("fmt: off", "fmt: on")
        (tmp_path / f"hostile{seed}.py").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--isolated", "--diff", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_the_step_reads_like_the_equations() -> None:
    text = write(zoo.load("mut1"))
    assert "        z = torch.sigmoid(linear(x, self.W_z, self.b_z))\n" in text
    assert max(len(line) for line in text.splitlines() if not line.startswith("#")) <= WIDTH


def test_parameters_are_called_by_the_gate_they_serve() -> None:
    assert set(names(zoo.load("gru")).values()) == {
        *("W_r", "b_r", "U_r", "W_z", "b_z", "U_z", "W_n", "b_n", "U_n")
    }


def test_no_parameter_hides_what_every_module_has() -> None:
    taken = {name for name in HOSTILE if name.isidentifier()}
    for seed in range(50):
        for one in names(hostile_cell(seed)).values():
            assert one[0] in "WUAwubvs"
            assert one[1] == "_"
            assert one not in taken


def test_dead_parts_are_left_out() -> None:
    cell = parse("cell f(x; h)\n  unused = linear(h)\n  h' = tanh(linear(x, h))\n")
    assert "unused = " not in write(cell).split("import torch")[1]
    assert set(names(cell).values()) == {"W_h", "U_h", "b_h"}
    assert state_names(cell) == ("h",)


@pytest.mark.parametrize("word", ["class", "_", "__init__", "x", "n" * 40, "9"])
def test_names_are_short_and_never_given_twice(word: str) -> None:
    unique = Names({"x"})
    given = [unique.take(word) for _ in range(30)]
    assert len(set(given)) == 30
    assert all(name.isidentifier() and len(name) <= 20 and name != "x" for name in given)
