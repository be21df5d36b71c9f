"""Kills, races, full disks and torn files: nothing acknowledged is lost, nothing is silently less."""

import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from results.error import StoreError
from results.record.file.lock import beside
from results.record.file.watch import log_of
from results.record.history import digest
from results.record.store import Store
from tests.results import faults, store_faults, synthetic
from tests.results.faults import check_prefix, start


def test_a_writer_killed_at_random_moments_loses_nothing_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "run.gate"
    draw = random.Random(7)  # noqa: S311
    acknowledged: set[str] = set()
    for _ in range(25):
        faults.kill_once(path, draw, acknowledged)
        check_prefix(path, acknowledged)
    child = start(path)
    child.communicate()
    assert child.returncode == 0
    whole = tmp_path / "whole.gate"
    store, study = synthetic.write(whole, faults.long_study())
    with Store.read(path) as read:
        assert digest(read, study.id) == digest(store, study.id)
    store.close()


@pytest.mark.parametrize("size", [200_000, 300_000])
def test_a_writer_out_of_room_says_so_and_goes_on_when_there_is_room(
    tmp_path: Path, size: int
) -> None:
    faults.starve_once(tmp_path / "run.gate", size)


def test_a_full_database_is_one_line_and_usable_again(tmp_path: Path) -> None:
    store, study = Store.create_or_open(tmp_path / "run.gate"), synthetic.study()
    store.begin(study, {})
    pages = store.select("PRAGMA page_count")[0][0]
    store.select(f"PRAGMA max_page_count = {pages + 3}")
    history = synthetic.history(study)
    written = 0
    refusal = None
    try:
        for ask, outcome in history:
            store.add_ask(study.id, ask)
            if outcome is not None:
                store.add_outcome(study.id, ask.index, outcome)
            written += 1
    except StoreError as error:
        refusal = error
    assert refusal is not None
    assert refusal.code == "disk-full"
    assert "free some space" in refusal.hint
    assert 0 < written < len(history)
    assert [entry for entry in store.log(study.id) if entry[1]] == history[:written]
    store.select("PRAGMA max_page_count = 1000000")
    for ask, outcome in history[written:]:
        store.add_ask(study.id, ask)
        if outcome is not None:
            store.add_outcome(study.id, ask.index, outcome)
    assert store.log(study.id) == history
    store.close()


def test_of_two_drivers_exactly_one_ever_writes(tmp_path: Path) -> None:
    for race in range(5):
        faults.race_once(tmp_path / f"{race}.gate")


def test_a_driver_that_was_frozen_and_replaced_writes_nothing_when_it_wakes(
    tmp_path: Path,
) -> None:
    faults.freeze_once(tmp_path / "run.gate")


def test_a_torn_or_flipped_file_opens_complete_or_is_named_damaged(tmp_path: Path) -> None:
    path = tmp_path / "run.gate"
    synthetic.write(path)[0].close()
    whole = path.read_bytes()
    draw = random.Random(11)  # noqa: S311
    named = sum(faults.tear_once(whole, path, draw) for _ in range(120))
    assert 60 < named < 120


def test_acknowledged_rows_that_vanish_with_the_log_are_missed(tmp_path: Path) -> None:
    path = tmp_path / "run.gate"
    child = start(path, "run", 0.002)
    assert child.stdout is not None
    for _ in range(10):
        child.stdout.readline()
    child.kill()
    child.communicate()
    wal = path.with_name(path.name + "-wal")
    assert wal.stat().st_size > 0
    wal.unlink()
    with pytest.raises(StoreError, match=r"^damaged: .* acknowledged rows are missing"):
        Store.create_or_open(path)
    with pytest.raises(StoreError, match=r"^damaged: .* acknowledged rows are missing"):
        Store.read(path)
    shutil.copy(path, tmp_path / "alone.gate")
    for opening in (Store.read, Store.create_or_open, Store.create_or_open):
        with pytest.raises(StoreError, match=r"^incomplete: .*did not close it"):
            opening(tmp_path / "alone.gate")
    beside(path).write_bytes(b"")
    Store.create_or_open(path).close()
    shutil.copy(path, tmp_path / "closed.gate")
    assert Store.read(tmp_path / "closed.gate").root


def as_nobody(folder: Path, code: str) -> str:
    """What the code prints when run without root's right to write everywhere."""
    program = (
        "import fcntl, os, sys\n"  # the library itself may lie where nobody can read
        f"sys.path.insert(0, {str(Path(__file__).parents[3])!r})\n"
        "from pathlib import Path\n"
        "from results.error import StoreError\n"
        "from results.record.store import Store\n"
        "if os.geteuid() == 0: os.setresuid(65534, 65534, 65534)\n"
        f"folder = Path({str(folder)!r})\n"
        f"try:\n    {code}\nexcept StoreError as error:\n    print(error.code, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_folder_that_may_not_be_written_is_one_line_and_its_store_can_be_read() -> None:
    folder = Path(tempfile.mkdtemp(prefix="gatewright-test-"))
    try:
        store, study = synthetic.write(folder / "run.gate")
        expected = digest(store, study.id)
        store.close()
        (folder / "run.gate").chmod(0o444)
        beside(folder / "run.gate").chmod(0o444)
        folder.chmod(0o555)
        for name in ("new.gate", "run.gate"):
            said = as_nobody(folder, f"Store.create_or_open(folder / {name!r})")
            assert said.startswith("read-only read-only: "), said
            assert "choose another --store" in said
        said = as_nobody(
            folder,
            "from results.record.history import digest;"
            f"print(digest(Store.read(folder / 'run.gate'), {study.id!r}))",
        )
        assert said.strip() == expected
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


@pytest.mark.parametrize("log", ["full", "empty"])
def test_a_store_on_read_only_media_is_read_whole_or_says_what_to_copy(log: str) -> None:
    folder = Path(tempfile.mkdtemp(prefix="gatewright-test-"))
    path = folder / "run.gate"
    try:
        if log == "full":  # as a killed search leaves it
            history = store_faults.killed(path, random.Random(5))  # noqa: S311
            study_id = faults.long_study().id
            assert log_of(path).stat().st_size > 0
            path.with_name("run.gate-shm").unlink()
        else:  # as a copy of a closed store has it
            store, study = synthetic.write(path)
            history, study_id = synthetic.history(study), study.id
            store.close()
            log_of(path).touch()
        for file in folder.iterdir():
            file.chmod(0o444)
        folder.chmod(0o555)
        said = as_nobody(folder, f"print(len(Store.read(folder / 'run.gate').log({study_id!r})))")
        if said.strip().isdigit():
            # The writer may have written one row more than it could acknowledge.
            assert int(said) - len(history) in (0, 1)
        else:
            assert said.startswith("read-only read-only: "), said
            assert "copy" in said
            assert log == "full", "an empty log holds nothing that could be missed"
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


def test_readers_beside_a_writer_never_see_half_an_outcome(tmp_path: Path) -> None:
    assert min(faults.read_beside(tmp_path / "run.gate", 2)) > 1


def test_sqlite_itself_finds_the_store_sound(tmp_path: Path) -> None:
    path = tmp_path / "run.gate"
    synthetic.write(path)[0].close()
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()


@pytest.mark.parametrize("kind", [*store_faults.RUNNING, *store_faults.STOPPED])
def test_what_happens_to_the_files_of_a_store_is_never_silent(kind: str, tmp_path: Path) -> None:
    case = store_faults.run(kind, tmp_path, random.Random(5))  # noqa: S311
    assert not case.silent
    if kind in store_faults.RUNNING:
        assert (case.by, case.code in ("lost", "overwritten")) == ("writer", True)


def test_a_store_that_was_moved_while_it_was_written_is_complete_where_it_is(
    tmp_path: Path,
) -> None:
    path, study = tmp_path / "run.gate", synthetic.study()
    ask, outcome = synthetic.history(study)[0]
    assert outcome is not None
    store = Store.create_or_open(path)
    store.begin(study, {})
    store.add_ask(study.id, ask)
    path.rename(tmp_path / "moved.gate")
    with pytest.raises(StoreError, match=r"^lost: .*moved\.gate"):
        store.add_outcome(study.id, 0, outcome)
    store.close()
    with Store.read(tmp_path / "moved.gate") as moved:
        assert moved.log(study.id) == [(ask, None)]


def test_a_store_that_vanishes_after_the_last_transaction_is_missed_at_the_end(
    tmp_path: Path,
) -> None:
    path, study = tmp_path / "run.gate", synthetic.study()
    store = Store.create_or_open(path)
    store.begin(study, {})
    path.unlink()
    with pytest.raises(StoreError, match=r"^lost: .*deleted or moved"), store:
        pass


@pytest.mark.parametrize(
    "forged",
    [
        "CREATE VIEW endless AS WITH RECURSIVE n (x) AS"
        " (SELECT 1 UNION ALL SELECT x FROM n) SELECT x FROM n",
        "CREATE TRIGGER forge AFTER INSERT ON outcome BEGIN DELETE FROM event; END",
    ],
)
def test_a_foreign_view_or_trigger_is_refused_by_name(forged: str, tmp_path: Path) -> None:
    path = tmp_path / "run.gate"
    synthetic.write(path)[0].close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(forged)
    for opening in (Store.read, Store.create_or_open):
        with pytest.raises(StoreError, match=r"^not-a-store: .*('endless'|'forge')"):
            opening(path)
