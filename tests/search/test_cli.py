"""`gatewright`: what it answers, and one JSON document a command."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from cells.engine import executor
from cells.engine.files import model_file
from cells.engine.native import build
from cells.training.setting import Setting
from results.publishing import publication
from results.record.store import Store
from search.cli import app, run
from tasks import registry
from tests.search.command import PROGRAM, ROOT, document, start, tiny


def leaves(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command that can be run."""
    commands: Mapping[str, Any] = getattr(group, "commands", {})
    for name, command in commands.items():
        yield from leaves(command, (*path, name))
    if not commands:
        yield path


SMOKE = ("--scale", "smoke")
TRAIN = ("gru", "memorization", *SMOKE, "--parameters", "300", "--updates", "5")
ARGUMENTS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("doctor",): (),
    ("cells", "ls"): (),
    ("cells", "show"): ("mut1",),
    ("cells", "check"): ("FILE.cell",),
    ("cells", "same"): ("elman", "FILE.cell"),
    ("cells", "diff"): ("gru", "mut1"),
    ("cells", "draw"): ("mgu",),
    ("cells", "mutate"): ("lstm", "--count", "2"),
    ("cells", "space"): ("--neighbours", "elman", "--edits", "--sample", "2"),
    ("cells", "export"): ("trained.safetensors", "--to", "torch", "--out", "taken.py"),
    ("tasks", "ls"): (),
    ("tasks", "show"): ("arithmetic", *SMOKE),
    ("tasks", "sample"): ("progressions", *SMOKE, "--count", "2"),
    ("data", "ls"): (),
    ("data", "verify"): (),
    ("data", "fetch"): ("nothing",),
    ("train",): TRAIN,
    ("sample",): ("trained.safetensors", "--count", "2", "--steps", "8"),
    ("ancestors", "ls"): (),
    ("ancestors", "train"): ("encoder-decoder-both", "--updates", "2", "--cell", "elman"),
    ("tune",): (*TRAIN, "--trials", "1", "--seeds", "1"),
    ("compare",): ("mgu", "elman", *SMOKE, "--seeds", "3", "--workers", "0"),
    ("search",): ("tiny.toml", "--workers", "0", "--store", "new.sqlite"),
    ("reproduce",): ("gates", "--scale", "smoke", "--workers", "0"),
    ("leaderboard",): ("done.sqlite",),
    ("report",): ("done.sqlite",),
    ("dashboard",): ("done.sqlite", "--port", "0"),
    ("export",): ("done.sqlite",),
    ("publish",): ("done.sqlite", "--out", "published"),
    ("restore",): ("record", "again.sqlite"),
    ("verify",): ("done.sqlite", "--sample", "1"),
    ("bench", "cells"): ("--seconds", "0.1"),
    ("bench", "driver"): ("--cells", "20", "--slots", "10"),
    ("bench", "engine"): ("--quick", "--width", "8", "--turns", "2", "--cells", "2"),
}
"""Of every command, arguments that it can be run with in the folder `place`."""


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A store with a finished search."""
    folder = tmp_path_factory.mktemp("done")
    path = folder / "done.sqlite"
    assert run(["search", tiny(folder), "--workers", "0", "--store", str(path), "--json"]) == 0
    return path.read_bytes()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A model that plays music after five updates."""
    path = tmp_path_factory.mktemp("trained") / "trained.safetensors"
    words = ("train", "gru", "progressions", *TRAIN[2:], "--save", str(path), "--json")
    assert run(list(words)) == 0
    return path.read_bytes()


@pytest.fixture
def place(tmp_path: Path, done: bytes, trained: bytes, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: with a cell, a model, a study, a finished store and its record, no corpora."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GATEWRIGHT_DATA", str(tmp_path / "corpora"))
    (tmp_path / "FILE.cell").write_text("cell f(x; h)\n  h' = tanh(linear(x, h))\n")
    (tmp_path / "done.sqlite").write_bytes(done)
    with Store.read(tmp_path / "done.sqlite") as store:
        publication.publish(store, tmp_path / "record")
    (tmp_path / "trained.safetensors").write_bytes(trained)
    tiny(tmp_path)
    return tmp_path


@pytest.mark.parametrize("words", [(), *leaves(get_command(app))], ids=" ".join)
def test_every_command_explains_itself(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*words, "--help"]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith(" ".join(("Usage: gatewright", *words)))
    assert shown.err == ""
    if words:
        assert "--json" in shown.out


def test_no_command_is_left_out_of_these_tests() -> None:
    assert set(leaves(get_command(app))) == set(ARGUMENTS)


ENDING = ARGUMENTS.keys() - {("dashboard",)}
"""Commands that end by themselves; the server has tests of its own."""


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("words", sorted(ENDING), ids=" ".join)
def test_json_is_one_document_and_silence_otherwise(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    code = 2 if words == ("data", "fetch") else 0
    found = document(capsys, *words, *ARGUMENTS[words], code=code)
    assert found if code == 0 else found["error"]["code"] == "T101"


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("words", sorted(ENDING - {("data", "fetch")}), ids=" ".join)
def test_without_json_there_are_words_on_standard_output(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*words, *ARGUMENTS[words]]) == 0
    out = capsys.readouterr().out
    assert out.strip()
    assert not re.search(r"\bnan\b|\x1b|Traceback", out)
    with pytest.raises(json.JSONDecodeError):
        json.loads(out)


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys, search.cli; search.cli.run(['--help']); print();"
        "print(*sorted(name.split('.')[0] for name in sys.modules))"
    )
    answered = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = answered.stdout.splitlines()[-1].split()
    heavy = "torch ray optuna numpy scipy pandas matplotlib seaborn jinja2 sqlite3 rich asyncio"
    assert not set(loaded) & set(heavy.split())
    assert len(loaded) < 300


def test_the_version_is_that_of_the_distribution(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    shown = capsys.readouterr().out
    try:
        assert shown == f"gatewright {metadata.version('gatewright')}\n"
    except metadata.PackageNotFoundError:
        assert "not installed" in shown


def test_an_id_of_a_store_is_a_cell(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    board = document(capsys, "leaderboard", "done.sqlite")
    (cell_id, *_) = [row["cell_id"] for row in board["rows"] if row["parent_id"]] or [
        row["cell_id"] for row in board["rows"]
    ]
    assert document(capsys, "cells", "show", cell_id, "--store", "done.sqlite")["id"] == cell_id


def test_a_dry_run_prices_and_writes_nothing(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(place.rglob("*"))
    priced = document(capsys, "search", "quick", "--dry-run")
    assert priced["trials"] > 1_000
    assert 0.01 < priced["core_hours"] < 1
    assert run(["search", "smoke", "--dry-run"]) == 0
    assert re.search(r"about [\d,]+ trials and [\d.,]+ core-", capsys.readouterr().out)
    assert sorted(place.rglob("*")) == before


@pytest.mark.slow
def test_a_dry_run_prices_the_study_of_the_paper(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    priced = document(capsys, "search", "paper", "--dry-run")
    assert priced["trials"] > 100_000
    assert priced["core_hours"] > 1_000


def test_a_training_tells_its_facts(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = document(capsys, "train", *TRAIN, "--save", "model.safetensors")
    assert (found["cell"], found["task"], found["scale"]) == ("gru", "memorization", "smoke")
    assert found["ending"] == "ok"
    assert found["updates"] == 5
    assert [point["update"] for point in found["curve"]] == [5]
    assert found["test_loss"] > 0
    trained = model_file.load(place / "model.safetensors")
    assert (trained.task, trained.scale, trained.vocabulary[-1]) == ("memorization", "smoke", "|")
    assert trained.facts["point"] == found["curve"][0]
    assert trained.facts["test_loss"] == found["test_loss"]
    again = document(capsys, "train", *TRAIN)
    assert {**again, "seconds": 0} == {**found, "seconds": 0}


def test_a_training_is_told_its_optimizer_batch_size_and_width(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    adamw = ("--optimizer", "adamw", "--lr", "0.01", "--beta2", "0.99", "--batch-size", "4")
    words = ("gru", "memorization", "--scale", "smoke", "--updates", "5", *adamw, "--width", "9")
    found = document(capsys, "train", *words, "--save", "model.safetensors")
    setting = found["setting"]
    assert (setting["optimizer"], setting["learning_rate"]) == ("adamw", 0.01)
    assert (setting["beta1"], setting["beta2"], setting["weight_decay"]) == (0.9, 0.99, 0.01)
    assert (setting["batch_size"], found["width"]) == (4, 9)
    facts = registry.load("memorization", "smoke").facts
    assert found["tokens"] == 5 * facts.window * 4
    trained = model_file.load(place / "model.safetensors")
    assert (
        trained.facts["setting"]
        == Setting(0.01, optimizer="adamw", beta2=0.99, batch_size=4).recorded()
    )
    reference = document(capsys, "train", *words, "--executor", "reference")
    assert found["valid_loss"] == pytest.approx(reference["valid_loss"], rel=1e-4)


def test_a_training_that_diverges_says_so_with_advice(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wild = ("irnn", *TRAIN[1:], "--learning-rate", "1e6", "--clip", "1e30")
    found = document(capsys, "train", *wild, code=1)
    assert (found["ending"], found["test_loss"]) == ("diverged", None)
    assert run(["train", *wild, "--save", "wild.safetensors"]) == 1
    shown = capsys.readouterr()
    assert "lower --learning-rate, --initial-scale or --clip" in shown.out
    assert "wild.safetensors is not written" in shown.err
    assert not (place / "wild.safetensors").exists()


@pytest.mark.usefixtures("place")
def test_whoever_stops_reading_stops_the_printing_without_noise() -> None:
    child = subprocess.Popen(
        [*PROGRAM, "cells", "mutate", "lstm", "--count", "300"],
        env={"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.read(10)
    child.stdout.close()
    assert child.stderr.read() == b""
    child.stderr.close()
    assert child.wait() == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_output_that_finds_no_room_is_an_error(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        child = start(tmp_path, "cells", "ls", terminal=full.fileno())
        assert child.wait() == 1


def test_showing_a_cell_with_its_plan_says_what_runs_when(
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan = document(capsys, "cells", "show", "gru", "--plan", "--width", "10")["plan"]
    assert [one["gates"] for one in plan["products"]] == [3, 2, 1]
    assert plan["flops"] == 6 * 6 * 100


def test_a_passport_is_static_and_loads_no_torch_unless_it_is_asked_to_measure() -> None:
    code = (
        "import sys, search.cli; search.cli.run(['cells', 'show', 'gru']);"
        "print(sorted({'torch', 'pandas', 'matplotlib'} & set(sys.modules)))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert shown.splitlines()[-1] == "[]"
    assert "parameters  6 H^2 + 3 H = 24,768 a layer at width 64" in shown
    assert "nearest     gru_" in shown


def test_a_measured_passport_is_one_document_and_one_page(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = document(capsys, "cells", "show", "elman", "--html", "elman.html", "--seed", "1")
    assert found["dynamics"]["seed"] == 1
    assert found["dynamics"]["memory"]["horizons"]["1 %"] < 30
    assert "<math" in (place / "elman.html").read_text(encoding="utf-8")
    assert run(["cells", "show", "elman", "--dynamic"]) == 0
    assert "gradient    falls below 1/e after" in capsys.readouterr().out
    assert document(capsys, "cells", "show", "elman", "--html", "no/such.html", code=2)


def test_the_record_of_a_search_says_how_its_numbers_were_made(place: Path) -> None:
    with Store.read(place / "done.sqlite") as store:
        (study,) = store.studies()
        (facts,) = store.provenance(study.study.id).values()
    assert facts["executor"] == executor.best()
    assert facts["executor denormals"] == "flushed"
    assert re.fullmatch("[0-9a-f]{16}", facts["executor cpu"])
    assert "executor library" in facts
    if executor.best() == "native":
        assert facts["executor compiler"] == build.compiler().version
        assert "-march" in facts["executor flags"] or "-mcpu" in facts["executor flags"]
