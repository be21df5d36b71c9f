"""What is written together: one transaction, one seal, all of it or nothing."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from results.error import StoreError
from results.record.provenance import root
from results.record.store import Store
from results.record.study import Study
from tests.results import store_faults

KILLED = """
import os, signal, sys
from pathlib import Path
from results.record.store import Store
from tests.results.store_faults import enter, steps, study
with Store.create_or_open(Path(sys.argv[1])) as store:
    store.begin(study(), {})
    with store.together():
        enter(store, steps()[:4])
    with store.together():
        enter(store, steps()[4 : 4 + int(sys.argv[2])])
        os.kill(os.getpid(), signal.SIGKILL)
"""


def begun(path: Path) -> tuple[Store, Study]:
    store, study = Store.create_or_open(path), store_faults.study()
    store.begin(study, {})
    return store, study


def seals(store: Store) -> int:
    return int(store.select("SELECT count(*) FROM seal")[0][0])


def enter_together(store: Store, *parts: list[store_faults.Step], failing: int = 0) -> None:
    with store.together():
        for part in parts:
            store_faults.enter(store, part)
        if failing:
            raise ZeroDivisionError


def test_what_is_written_together_has_one_seal_and_the_rows_of_writing_apart(
    tmp_path: Path,
) -> None:
    apart, study = begun(tmp_path / "apart.gate")
    store_faults.enter(apart, store_faults.steps())
    together, _ = begun(tmp_path / "together.gate")
    before = seals(together)
    with together.together():
        store_faults.enter(together, store_faults.steps())
        assert together.log(study.id) == store_faults.steps()
    assert seals(together) == before + 1
    assert together.log(study.id) == apart.log(study.id)
    assert together.rows - seals(together) == apart.rows - seals(apart)
    together.check_seals()
    apart.close()
    together.close()


def test_a_reader_sees_all_of_it_or_nothing(tmp_path: Path) -> None:
    store, study = begun(tmp_path / "run.gate")
    with Store.read(store.path) as reader:
        with store.together():
            store_faults.enter(store, store_faults.steps()[:5])
            assert reader.log(study.id) == []
        assert reader.log(study.id) == store_faults.steps()[:5]
    store.close()


def test_an_error_of_the_store_undoes_what_was_written_together(tmp_path: Path) -> None:
    store, study = begun(tmp_path / "run.gate")
    rows = store.rows
    written = store_faults.steps()[:3], store_faults.steps()[5:]
    with pytest.raises(StoreError) as caught:
        enter_together(store, *written)
    assert caught.value.code == "order"
    assert store.rows == rows
    with store.together():
        store_faults.enter(store, store_faults.steps()[:3])
    assert store.log(study.id) == store_faults.steps()[:3]
    store.check_seals()
    store.close()


def test_another_error_keeps_what_was_written_before_it(tmp_path: Path) -> None:
    store, study = begun(tmp_path / "run.gate")
    with pytest.raises(ZeroDivisionError):
        enter_together(store, store_faults.steps()[:3], failing=1)
    assert store.log(study.id) == store_faults.steps()[:3]
    store.check_seals()
    store.close()


def test_nothing_written_together_leaves_no_seal(tmp_path: Path) -> None:
    store, _ = begun(tmp_path / "run.gate")
    before = seals(store)
    with store.together():
        pass
    assert seals(store) == before
    store.close()


@pytest.mark.parametrize("rows", [1, 5])
def test_a_writer_killed_in_between_leaves_what_it_had_committed(tmp_path: Path, rows: int) -> None:
    path = tmp_path / "run.gate"
    child = subprocess.run(
        [sys.executable, "-c", KILLED, str(path), str(rows)], cwd=root(), check=False
    )
    assert child.returncode == -signal.SIGKILL
    with Store.read(path) as store:
        assert store.log(store_faults.study().id) == store_faults.steps()[:4]
        store.check_seals()


def test_a_file_that_is_gone_is_noticed_by_the_next_group(tmp_path: Path) -> None:
    store, _ = begun(tmp_path / "run.gate")
    store.path.unlink()
    with pytest.raises(StoreError) as caught:
        enter_together(store, store_faults.steps()[:1])
    assert caught.value.code == "lost"
    store.close()
