"""Wrong input to `gatewright`: one clear message, the right exit code, and nothing lost."""

import contextlib
import os
import resource
import sqlite3
from collections.abc import Generator
from pathlib import Path

import pytest

from cells.engine import executor
from cells.engine.native import build
from cells.error_table import ERRORS
from cells.fault import Fault
from results.error import StoreError
from results.record import history
from results.record.file.migrate import APPLICATION_ID, VERSION
from results.record.store import Store
from search.cli import run
from tests.search.command import document, tiny

WRONG = [
    # What is typed, the exit code, and what the message must say.
    ("sarch", 2, ("no such command 'sarch'", "'search'")),
    ("cells shw gru", 2, ("no such command 'shw'", "'show'")),
    ("", 2, ("Usage: gatewright", "search")),
    ("cells", 2, ("Usage: gatewright cells", "mutate")),
    ("search tiny.toml --worker 0", 2, ("no such option: --worker", "--workers", "search --help")),
    ("search tiny.toml --workers -1", 2, ("'--workers'",)),
    ("search tiny.toml --workers two", 2, ("'--workers'",)),
    ("search", 2, ("missing argument 'STUDY'", "gatewright search --help")),
    ("search tiny.toml --workers 1 --address auto", 2, ("--workers and --address exclude",)),
    ("search quik", 2, ("study.unknown", "'quick'")),
    ("search gone.toml", 2, ("study.file", "gone.toml", "No such file", "quick")),
    ("search bad.toml", 2, ("study.syntax", "bad.toml", "line 1")),
    ("search tiny.toml --set proposal=3", 2, ("study.key", "'proposal'", "'proposals'")),
    ("search tiny.toml --set proposals=x", 2, ("study.value", "'x'", "a whole number")),
    (
        "search tiny.toml --no-guards --deadline-factor 3",
        2,
        ("usage", "--no-guards excludes", "leave out one"),
    ),
    ("search tiny.toml --set on_poison=ignore", 2, ("study.value", "one of record, stop")),
    ("search tiny.toml --set proposals", 2, ("study.override", "key=value")),
    ("search tiny.toml --resume --store gone.sqlite", 2, ("gone.sqlite", "nothing to resume")),
    ("search tiny.toml --store .", 2, ("a folder", "--store search.sqlite")),
    ("search tiny.toml --store bad.cell/x.sqlite", 2, ("bad.cell is a file",)),
    ("search tiny.toml --store /dev/null", 2, ("/dev/null", "expected a file")),
    ("search tiny.toml --address 127.0.0.1:1 --store n.sqlite", 1, ("pool.join", "127.0.0.1:1")),
    ("train gru memorizaton", 2, ("T001", "'memorizaton'", "memorization")),
    ("train gru memorization --scale big", 2, ("T002", "'big'", "laptop")),
    ("train gru ptb --scale smoke", 1, ("T102", "gatewright data fetch ptb", "GATEWRIGHT_DATA")),
    ("train gru jsb --scale smoke", 1, ("T102", "JSB_Chorales", "corpora")),
    ("train grru memorization", 2, ("C702", "grru", "gru")),
    ("train bad.cell memorization", 2, ("bad.cell: C101 at line 2, column 17", "^", "expected")),
    ("train gone.cell memorization", 2, ("gone.cell: no such file", "zoo name")),
    ("train 0123456789ab memorization", 2, ("0123456789ab", "--store")),
    ("train gru memorization --scale smoke --parameters 10", 2, ("10 parameters", "--parameters")),
    ("train gru memorization --parameters 0", 2, ("'--parameters'", "1")),
    ("train gru memorization --schedule paper", 2, ("--schedule paper", "search, music, ptb")),
    ("train gru memorization --learning-rate inf", 2, ("--learning-rate inf", "finite")),
    ("train gru memorization --learning-rate nan", 2, ("--learning-rate",)),
    ("train gru memorization --lr 0", 2, ("--learning-rate 0", "above 0")),
    ("train gru memorization --optimizer adamv", 2, ("sgd, adam, adamw", "did you mean 'adam")),
    ("train gru memorization --beta1 0.8", 2, ("beta1 is", "adam and adamw, not of sgd")),
    ("train gru memorization --optimizer adam --beta2 1", 2, ("--beta2 1", "not including, 1")),
    ("train gru memorization --batch-size 0", 2, ("--batch-size 0", "at least 1")),
    ("train gru memorization --scale smoke --batch-size 1.5", 2, ("'--batch-size'",)),
    ("train gru memorization --layers 5", 2, ("--layers 5", "1 to 4")),
    (
        "train gru memorization --scale smoke --width 90 --parameters 900",
        2,
        ("width 90", "budget of 900", "change --width"),
    ),
    ("tune gru memorization --width 90 --parameters 900", 2, ("width 90", "budget of 900")),
    ("tune gru memorization --eps 1e-6", 2, ("--eps", "adam and adamw", "--optimizer adamw")),
    ("tune gru memorization --lr 0.1 --lr -1", 2, ("--learning-rate -1", "above 0")),
    (
        'search tiny.toml --set space.optimizers=["adam","lion"]',
        2,
        ("study.value", "optimizers", "one of sgd, adam, adamw"),
    ),
    ("train gru memorization --scale smoke --save .", 2, ("--save .", "a folder")),
    ("train gru memorization --scale smoke --save a/b.safetensors", 2, ("no folder a",)),
    ("train gru memorization --scale smoke --save b.npz", 2, ("b.npz", ".safetensors")),
    ("sample gone.safetensors", 2, ("gone.safetensors: no such file", "train")),
    ("sample bad.cell", 1, ("model.file", "bad.cell", "safetensors")),
    ("sample done.sqlite", 1, ("model.file", "done.sqlite", "a header of")),
    ("sample bad.cell --temperature -1", 2, ("'--temperature'",)),
    ("cells show bad.cell", 2, ("bad.cell: C101 at line 2, column 17", "tanh(x + * h)", "^")),
    ("cells check bad.cell", 1, ("bad.cell: C101 at line 2", "^")),
    ("cells check gone.cell", 1, ("gone.cell", "no such file")),
    ("cells show nothing --store gone.sqlite", 2, ("missing", "gone.sqlite")),
    ("cells mutate gru --reading sweeps", 2, ("--reading sweeps", "edits, sweep or free_sweep")),
    ("cells export gru --to pdf", 2, ("--to pdf", "latex")),
    ("cells draw gru --out .", 2, ("--out .", "a folder")),
    ("tasks show memory", 2, ("T001", "'memory'", "memorization")),
    ("tasks sample arithmetic --split tst", 2, ("--split tst", "train, valid or test")),
    ("data fetch nothing", 2, ("T101", "'nothing'", "jsb")),
    ("leaderboard gone.sqlite", 2, ("missing", "gone.sqlite", "no such file")),
    ("leaderboard text.sqlite", 2, ("not-a-store", "text.sqlite")),
    ("report other.sqlite", 2, ("not-a-store", "other.sqlite", "another program")),
    ("leaderboard newer.sqlite", 1, ("newer", f"version {VERSION + 1}", "update Gatewright")),
    ("search tiny.toml --store newer.sqlite --resume", 1, ("newer", "update Gatewright")),
    ("search tiny.toml --store newer.sqlite", 1, ("newer", "update Gatewright")),
    ("search tiny.toml --store text.sqlite --resume", 2, ("not-a-store", "text.sqlite")),
    ("search tiny.toml --store text.sqlite", 2, ("not-a-store", "text.sqlite")),
    ("search tiny.toml --store other.sqlite --resume", 2, ("not-a-store", "other.sqlite")),
    ("search tiny.toml --store done.sqlite", 2, ("done.sqlite", "--resume")),
    ("leaderboard done.sqlite --study smke", 2, ("--study smke", "tiny")),
    ("report done.sqlite --out done.sqlite", 2, ("the store itself",)),
    ("report done.sqlite --out a/b.html", 2, ("no folder a",)),
    ("export done.sqlite --to xls", 2, ("--to xls", "csv, json, parquet or optuna")),
    ("export done.sqlite --to optuna --out .", 2, ("--out .", "a folder")),
    ("export done.sqlite --to optuna --out done.sqlite", 2, ("the store itself",)),
    ("export done.sqlite --out bad.cell", 1, ("bad.cell", "File exists")),
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What lies in the current folder of every test, among it a finished search."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "bad.cell").write_text("cell f(x; h)\n  h' = tanh(x + * h)\n")
    (folder / "bad.toml").write_text("name = \n")
    (folder / "text.sqlite").write_text("a letter to nobody\n" * 50)
    for name, application in (("newer", APPLICATION_ID), ("other", 0)):
        with contextlib.closing(sqlite3.connect(folder / f"{name}.sqlite")) as made:
            made.execute("CREATE TABLE kept (what)")
            made.execute(f"PRAGMA user_version = {VERSION + 1}")
            made.execute(f"PRAGMA application_id = {application}")
    arguments = [tiny(folder), "--workers", "0", "--store", str(folder / "done.sqlite")]
    assert run(["search", *arguments, "--json"]) == 0
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".lock"}


@pytest.fixture(autouse=True)
def place(tmp_path: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with those files and without corpora."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GATEWRIGHT_DATA", str(tmp_path / "corpora"))
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


@pytest.mark.parametrize(("typed", "code", "says"), WRONG, ids=[row[0] or "-" for row in WRONG])
def test_wrong_use_gets_one_clear_message_and_changes_no_file(
    typed: str,
    code: int,
    says: tuple[str, ...],
    place: Path,
    files: dict[str, bytes],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(typed.split()) == code
    shown = capsys.readouterr()
    message = shown.out if typed.startswith("cells check") else shown.err
    for words in says:
        assert words in message
    assert "Traceback" not in shown.out + shown.err
    if not typed.startswith("cells check"):
        assert shown.out == ""
        first, *rest = (line for line in message.splitlines() if not _is_progress(line))
        assert first
        assert all(line.startswith("  ") for line in rest) or typed in ("", "cells")
    for name, content in files.items():
        assert (place / name).read_bytes() == content


def _is_progress(line: str) -> bool:
    return line.startswith(("training ", "tiny: ", "joining Ray"))


@pytest.mark.parametrize(
    ("typed", "code", "error"),
    [
        ("sarch", 2, "usage"),
        ("train gru memorization --scale big", 2, "T002"),
        ("train gru ptb --scale smoke", 1, "T102"),
        ("cells show bad.cell", 2, "C101"),
        ("search quik", 2, "study.unknown"),
        ("leaderboard newer.sqlite", 1, "newer"),
        ("export done.sqlite --out bad.cell", 1, "system"),
    ],
)
def test_an_error_is_a_document_too(
    typed: str, code: int, error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = document(capsys, *typed.split(), code=code)
    assert found["error"]["code"] == error
    assert found["error"]["message"]
    assert "\n" not in found["error"]["message"]


@pytest.mark.parametrize(
    ("row", "typed"),
    [(row, example) for row in ERRORS.values() if row.how == "command" for example in row.examples],
    ids=lambda value: value if isinstance(value, str) else value.code,
)
def test_the_examples_of_the_table_of_errors_meet_them(
    row: Fault, typed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    error = document(capsys, *typed.split(), code=row.exit_code)["error"]
    assert error["code"] == row.code


def test_the_error_of_a_cell_has_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    error = document(capsys, "cells", "show", "bad.cell", code=2)["error"]
    assert (error["file"], error["line"], error["column"]) == ("bad.cell", 2, 17)


def digest(path: Path) -> str:
    with Store.read(path) as store:
        assert store.select("PRAGMA integrity_check")[0][0] == "ok"
        return history.digest(store, store.studies()[0].id)


SEARCH = ("search", "tiny.toml", "--workers", "0", "--store")


def test_a_store_in_use_is_left_to_its_driver(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = digest(place / "done.sqlite")
    with Store.create_or_open(place / "done.sqlite"):
        assert run([*SEARCH, "done.sqlite", "--resume"]) == 1
    shown = capsys.readouterr().err
    assert f"another driver holds the store (process {os.getpid()})" in shown
    assert "done.sqlite --resume" in shown
    assert digest(place / "done.sqlite") == before


@contextlib.contextmanager
def files_of_at_most(size: int) -> Generator[None]:
    """No file of this process can grow beyond `size` bytes: what a full disk is to SQLite."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [0, 20_000, 100_000])
def test_a_full_disk_stops_a_search_and_loses_nothing(
    size: int, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = place / "full.sqlite"
    with files_of_at_most(size):
        assert run([*SEARCH, path.name]) == 1
    shown = capsys.readouterr().err
    assert "disk-full" in shown or "input-output" in shown
    assert "Traceback" not in shown
    again = [line.split() for line in shown.splitlines() if line.endswith("--resume")]
    assert again
    assert run(again[-1][1:]) == 0
    assert digest(path) == digest(place / "done.sqlite")


def unwritable(folder: Path) -> Path:
    """A folder that this user may not write, be it root."""
    if os.geteuid():
        folder.chmod(0o500)
        return folder
    for known in (Path("/sys"), Path("/proc/sys")):
        try:
            (known / "gatewright").mkdir()
        except PermissionError:
            return known
        except OSError:
            continue
        (known / "gatewright").rmdir()
    pytest.skip("root may write every folder of this system")


def test_a_folder_that_may_not_be_written_is_said(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = unwritable(tmp_path_factory.mktemp("unwritable"))
    assert run([*SEARCH, str(folder / "s.sqlite")]) == 1
    shown = capsys.readouterr().err
    assert f"read-only: {folder / 's.sqlite'}" in shown
    assert "choose another --store" in shown


def test_a_store_that_may_not_be_written_can_be_read(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if not os.geteuid():
        pytest.skip("root may write every file")
    (place / "done.sqlite").chmod(0o400)
    assert run([*SEARCH, "done.sqlite", "--resume"]) == 1
    assert "read-only" in capsys.readouterr().err
    assert run(["leaderboard", "done.sqlite"]) == 0


def test_a_damaged_store_is_refused_and_left_as_it_is(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = place / "done.sqlite"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert run([*SEARCH, path.name, "--resume"]) == 1
    shown = capsys.readouterr().err
    assert "damaged" in shown
    assert "Traceback" not in shown
    assert path.read_bytes() == whole[: len(whole) // 2]
    with pytest.raises(StoreError):
        digest(path)


def test_measuring_the_native_executor_without_a_compiler_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def forget() -> None:
        for cached in (build.compiler, build.library, executor.hindrance):
            cached.cache_clear()

    forget()
    with monkeypatch.context() as here:
        here.setenv("PATH", str(tmp_path))
        here.delenv("CC", raising=False)
        code = run(["bench", "engine", "--executor", "native", "--quick"])
    forget()
    assert code == 1
    said = capsys.readouterr().err
    for word in ("no cc, gcc or clang", "install gcc or clang", "--executor reference"):
        assert word in said
    assert "Traceback" not in said
