"""The storm itself: a few quick faults through the same code, and that a storm can fail."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.corpora import derive
from tasks.task import TaskError
from tests.results import store_faults
from tests.storm import archives, engine, folders, readers, run, stores
from tests.storm.fault import FAILED, HELD, SKIPPED, Fault, Tally, Task
from tests.storm.table import FAULTS


def quiet(_: int) -> None:
    """Tells nobody."""


def test_every_fault_has_an_id_of_its_own_and_a_full_storm_is_no_smaller() -> None:
    assert len({fault.id for fault in FAULTS}) == len(FAULTS)
    assert {f"G{number}" for number in range(1, 30)} <= {fault.id for fault in FAULTS}
    assert all(0 < fault.reduced <= fault.full for fault in FAULTS)


def test_a_short_storm_holds_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "lines"
    words = ["--only", "g1,G3,S7", "--count", "60", "--record", str(kept)]
    assert run.main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [line["id"] for line in told["faults"]] == ["G1", "G3", "S7"]
    assert {line["verdict"] for line in told["faults"]} == {HELD}
    assert [line["runs"] for line in told["faults"]] == [60, 60, 60]
    # What is there is not injected again, and the rest is.
    assert run.main(["--only", "G1,G3,S4", "--count", "6", *words[-2:], "--resume"]) == 0
    out = capsys.readouterr().out
    assert [line.split()[:2] for line in out.splitlines()[1:4]] == [
        ["G1", "60"],
        ["G3", "60"],
        ["S4", "6"],
    ]
    assert [line.id for line in run.read(kept)] == ["G1", "G3", "S7", "S4"]


def nothing(_: Task) -> Tally:
    return Tally()


def lossy(task: Task) -> Tally:
    tally = Tally()
    with task.run(tally):
        tally.lost += 1
    return tally


def raising(task: Task) -> Tally:
    raise OSError(f"{task.count} runs asked for")


def impossible(_: Task) -> Tally:
    return Tally(skipped="no network here")


@pytest.mark.parametrize(
    ("body", "verdict"),
    [(nothing, FAILED), (lossy, FAILED), (raising, FAILED), (impossible, SKIPPED)],
)
def test_a_fault_that_was_not_injected_or_not_withstood_is_never_called_held(
    body: Callable[[Task], Tally], verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = Fault("G1", "something", "runs", body, 1, 1)
    monkeypatch.setattr(run, "FAULTS", (fault,))
    assert run.inject(fault, 1, full=False, seed=1).verdict == verdict
    assert run.main([]) == (verdict == FAILED)


def test_an_unknown_fault_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run.main(["--only", "G99"])
    assert caught.value.code == 2
    assert "no fault G99" in capsys.readouterr().err


@pytest.mark.parametrize("name", folders.HOSTILE)
def test_a_hostile_published_folder_is_refused_in_little_memory(name: str, published: Path) -> None:
    code, peak = folders.refused(published, folders.HOSTILE[name])
    assert code in ("damaged", "too-large", "newer")
    assert peak < folders.PEAK


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folders.publish(tmp_path_factory.mktemp("published"))


@pytest.fixture
def published(untouched: Path, tmp_path: Path) -> Path:
    """A published folder that may be spoilt."""
    return shutil.copytree(untouched, tmp_path / "published")


@pytest.mark.parametrize("name", archives.HOSTILE)
def test_a_hostile_archive_of_music_is_refused_and_nothing_is_unpickled(name: str) -> None:
    archives.RAN.clear()
    with pytest.raises(TaskError) as caught:
        derive.unpack(archives.HOSTILE[name]())
    assert caught.value.code == "T104"
    assert archives.RAN == []


def test_a_generated_archive_of_music_is_read() -> None:
    assert derive.unpack(archives.archive())["train"].shape[1] == derive.NOTES


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the store of a search that was killed."""
    folder = tmp_path_factory.mktemp("killed")
    store_faults.killed(folder / "run.gate", random.Random(3))  # noqa: S311
    return folder


@pytest.mark.parametrize("command", readers.COMMANDS)
def test_a_command_that_reads_a_store_without_its_tail_says_so(
    command: str, killed: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(killed, tmp_path / "copy")
    readers.DAMAGES["log deleted"](folder / "run.gate", random.Random(3))  # noqa: S311
    assert readers.judge(command, folder / "run.gate") == ""


def test_a_schema_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    count, draw = len(stores.FOREIGN), random.Random(3)  # noqa: S311
    tally = stores.schemas(Task(tmp_path, count, draw, False, quiet))
    assert tally.problems == []
    assert tally.runs == count


def test_a_model_file_that_was_spoilt_is_refused_or_still_a_model(tmp_path: Path) -> None:
    tally = engine.damaged(Task(tmp_path, 40, random.Random(3), False, quiet))  # noqa: S311
    assert tally.verdict == HELD
    assert tally.runs == 40
