"""`gatewright cells export`: files that work where Gatewright is not."""

import re
import subprocess
import sys
from pathlib import Path

import onnx
import pytest

from cells import identifier, read, zoo
from cells.engine.files import model_file
from cells.text.header import header
from search.cli import run
from tests.search.command import ROOT, document, tiny


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
    for form, out in (("torch", trained.with_suffix(".py")), ("torch", trained), ("svg", trained)):
        words = ("cells", "export", str(trained), "--to", form, "--out", str(out))
        assert "would be written over" in document(capsys, *words, code=2)["error"]["message"]
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


def test_latex_is_a_whole_document_with_everything_closed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in zoo.names():
        text = document(capsys, "cells", "export", name, "--to", "latex")["content"]
        lines = [line for line in text.splitlines() if not line.startswith("%")]
        assert lines[:2] == [r"\documentclass{article}", r"\usepackage{amsmath}"]
        body = "\n".join(lines)
        opened: list[str] = []
        for sign in re.findall(r"[{}()]|\\begin\{\w+\*?\}|\\end\{\w+\*?\}", body):
            if sign in "{(" or sign.startswith("\\begin"):
                opened.append(sign)
            else:
                closes = {"}": "{", ")": "("}.get(sign, sign.replace("end", "begin", 1))
                assert opened.pop() == closes, name
        assert not opened
        known = r"(documentclass|usepackage|begin|end|tanh|sigma|odot|mathrm|cdot|exp|log|sqrt|sin)"
        assert not re.sub(rf"\\({known}|cos|frac|max|min|top|_|\\)", "", body).count("\\"), name


def test_a_cell_tells_where_it_comes_from_and_travels_on(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = tiny(tmp_path)
    store = str(tmp_path / "done.sqlite")
    assert run(["search", study, "--workers", "0", "--store", store, "--json"]) == 0
    row = document(capsys, "leaderboard", store)["rows"][0]
    own = row["cell_id"]
    words = ("cells", "export", own, "--store", store)
    text = document(capsys, *words)["content"]
    assert text == document(capsys, *words)["content"]
    (tmp_path / "home.cell").write_text(text, encoding="utf-8")
    home = read(tmp_path / "home.cell")
    assert identifier(home) == own
    told = header(home.comment).sections["Provenance"]
    assert f"score {row['score']:.4f} against gru" in told
    assert told.startswith("study tiny (")
    again = document(capsys, "cells", "export", str(tmp_path / "home.cell"))["content"]
    assert again == text
    text = document(capsys, "cells", "export", str(trained))["content"]
    assert "trained on memorization (smoke), width" in text


def test_a_step_leaves_as_onnx_with_the_weights_of_the_training(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "step.onnx"
    document(capsys, "cells", "export", str(trained), "--to", "onnx", "--out", str(out))
    graph = onnx.load(out).graph
    assert [one.name for one in graph.input] == ["x", "layers.0.h", "layers.1.h"]
    assert "layers.1.W_r" in {one.name for one in graph.initializer}
    hint = document(capsys, "cells", "export", "gru", "--to", "onnx", code=2)["error"]["hint"]
    assert hint == "add --out FILE.onnx"


def test_without_the_package_onnx_the_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.delitem(sys.modules, "cells.engine.files.onnx_step", raising=False)
    words = ("cells", "export", "gru", "--to", "onnx", "--out", str(tmp_path / "step.onnx"))
    error = document(capsys, *words, code=1)["error"]
    assert (error["code"], "pip install onnx" in error["hint"]) == ("onnx.missing", True)
