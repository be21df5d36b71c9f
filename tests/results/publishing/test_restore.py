"""A published folder becomes a store that can be written: all of it, or nothing."""

import dataclasses
import shlex
import shutil
from pathlib import Path

import pytest

from results.error import StoreError
from results.publishing import publication
from results.publishing.restore import restore, resume_commands
from results.record import history
from results.record.file.lock import Lock, beside
from results.record.store import Store
from results.record.study import Study
from tests.results import synthetic
from tests.results.publishing.test_publication import rows

Written = tuple[Store, Study]


@pytest.fixture
def folder(written: Written, tmp_path: Path) -> Path:
    publication.publish(written[0], tmp_path / "published")
    return tmp_path / "published"


def test_a_restored_store_has_every_row_and_goes_on(
    written: Written, folder: Path, tmp_path: Path
) -> None:
    store, study = written
    path = tmp_path / "deep" / "again.gate"
    restore(folder, path)
    with Store.create_or_open(path) as again:
        assert rows(again) == rows(store)
        assert history.digest(again, study.id) == history.digest(store, study.id)
        assert again.begin(again.study(study.id), {}) == 2
        again.add_event(study.id, "resumed", "elsewhere")
    with Store.create_or_open(path) as again:
        assert again.rows == store.rows + 2 + 3  # each start, event and end has a seal
    assert sorted(one.name for one in path.parent.iterdir()) == ["again.gate", "again.gate.lock"]


def test_the_lock_of_a_restored_store_knows_how_many_rows_there_are(
    folder: Path, tmp_path: Path
) -> None:
    restore(folder, tmp_path / "first.gate")
    other, _ = synthetic.write(
        tmp_path / "other.gate", dataclasses.replace(synthetic.study(), proposals=1)
    )
    other.close()
    shutil.copy(tmp_path / "other.gate", tmp_path / "first.gate")
    with pytest.raises(StoreError, match=r"^damaged: .* acknowledged rows are missing"):
        Store.create_or_open(tmp_path / "first.gate")


@pytest.mark.parametrize("end", ["", "-wal", "-shm", "-journal"])
def test_nothing_is_overwritten(folder: Path, tmp_path: Path, end: str) -> None:
    path = tmp_path / f"run-2.gate{end}"
    path.write_text("mine", encoding="ascii")
    with pytest.raises(StoreError, match=r"^taken: ") as caught:
        restore(folder, tmp_path / "run-2.gate")
    assert path.name in caught.value.message
    assert path.read_text(encoding="ascii") == "mine"


def test_a_folder_that_is_damaged_leaves_nothing_behind(folder: Path, tmp_path: Path) -> None:
    (folder / "point.csv.gz").write_bytes(b"")
    with pytest.raises(StoreError, match=r"^damaged: "):
        restore(folder, tmp_path / "deep" / "again.gate")
    assert list((tmp_path / "deep").iterdir()) == []


def test_what_a_killed_call_left_is_no_hindrance(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "again.gate"
    path.with_name(".again.gate.part").write_bytes(b"half")
    beside(path).write_text("", encoding="ascii")
    restore(folder, path)
    assert not path.with_name(".again.gate.part").exists()
    Store.create_or_open(path).close()


def test_a_name_that_a_driver_holds_is_refused(folder: Path, tmp_path: Path) -> None:
    lock = Lock.acquire(tmp_path / "again.gate")
    with pytest.raises(StoreError, match=r"^busy: "):
        restore(folder, tmp_path / "again.gate")
    lock.release()
    assert beside(tmp_path / "again.gate").exists()


COMMANDS = {
    "gatewright search smoke --workers 0 --store old.gate": "search smoke --workers 0",
    "gatewright search smoke --store=old.gate --set seed=3": "search smoke --set seed=3",
    "gatewright search smoke --address h:1 --executor native": "search smoke --executor native",
    "gatewright search 'a; rm -rf x' --resume --json": "search 'a; rm -rf x'",
    "gatewright report old.gate": None,
    "rm -rf x": None,
    "gatewright search 'open": None,
    "gatewright search \x1b[2J": None,
    "": None,
}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_that_goes_on_is_the_recorded_one_with_another_store(
    command: str, tmp_path: Path
) -> None:
    with Store.create_or_open(tmp_path / "old.gate") as store:
        for seed in (1, 2):
            store.begin(synthetic.study(seed=seed), {"command": command})
        found = resume_commands(store, Path("new.gate"))
    expected = COMMANDS[command]
    if expected is None:
        assert found == []
    else:
        assert [shlex.join(words) for words in found] == [
            f"gatewright {expected} --store new.gate --resume"
        ]
