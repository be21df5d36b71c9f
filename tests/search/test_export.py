"""`gatewright cells export`: files that work where Gatewright is not."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cells import read, zoo
from cells.engine import model_file
from search.cli import run
from tests.search.command import ROOT, document


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GRU of two layers after five updates."""
    path = tmp_path_factory.mktemp("trained") / "trained.safetensors"
    words = ("train", "gru", "memorization", "--scale", "smoke", "--parameters", "600")
    assert run([*words, "--layers", "2", "--updates", "5", "--save", str(path), "--json"]) == 0
    return path


def python(folder: Path, text: str) -> str:
    """What a script prints that runs in `folder`, without Gatewright on its path."""
    (folder / "script.py").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", "script.py"],
        cwd=folder,
        env={"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_script_of_the_readme_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    section = re.search(r"## Take a cell home\n(.*?)\n## ", page, re.DOTALL)
    assert section is not None
    blocks = re.findall(r"```(\w*)\n(.*?)```", section[1], re.DOTALL)
    (_, commands), (_, script), *_ = blocks
    for line in commands.splitlines():
        assert run(line.split()[1:]) == 0
    capsys.readouterr()
    assert len([line for line in script.splitlines() if line]) == 10
    assert python(tmp_path, script).splitlines() == [
        f"{name} (35, 20, 16) (2, 20, 16)" for name in ("GRU", "Gru", "Mut1")
    ]


def test_a_trained_model_leaves_with_the_lines_that_load_it(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "taken.py"
    found = document(capsys, "cells", "export", str(trained), "--to", "torch", "--out", str(out))
    assert found["weights"] == str(tmp_path / "taken.safetensors")
    assert found["content"] == out.read_text(encoding="utf-8")
    lines = re.findall(r"^    (from safetensors.*|module.*)$", found["content"], re.MULTILINE)
    script = ["from taken import Gru", *lines, "print(module.layers[1].W_r.sum().item())"]
    printed = float(python(tmp_path, "\n".join(script)))
    model = model_file.load(trained)
    assert any(abs(printed - float(one.sum())) < 1e-5 for one in model.weights.values())


def test_weights_have_a_place_and_never_replace_the_training(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = trained.read_bytes()
    wrong = ("cells", "export", str(trained), "--to", "torch")
    assert "add --out FILE.py" in document(capsys, *wrong, code=2)["error"]["hint"]
    for out in (trained.with_suffix(".py"), trained):
        error = document(capsys, *wrong, "--out", str(out), code=2)["error"]
        assert "would be written over" in error["message"]
    assert trained.read_bytes() == before
    assert (
        "no such file"
        in document(capsys, "cells", "export", "none.safetensors", code=2)["error"]["message"]
    )


@pytest.mark.parametrize("form", ["cell", "canonical", "equations", "latex", "svg"])
def test_a_trained_model_is_a_cell_too(
    form: str, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert document(capsys, "cells", "export", str(trained), "--to", form)["content"]


def test_a_cell_leaves_as_a_file_that_is_read_again(tmp_path: Path) -> None:
    out = tmp_path / "home.cell"
    assert run(["cells", "export", "lstm", "--out", str(out)]) == 0
    assert read(out) == zoo.load("lstm")
