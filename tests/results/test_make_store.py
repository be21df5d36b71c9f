"""The store that `scripts/make_store.py` draws for measurements at scale."""

import importlib.util
import itertools
import sqlite3
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from cells import parse
from cells.identity.canonical import identifier
from results.leaderboard import board as leaderboard
from results.record import history
from results.record.ask import Cause, Role
from results.record.outcome import Ending
from results.record.store import Store

SCRIPT = Path(__file__).parents[2] / "scripts" / "make_store.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_store", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def made(script: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of 100 cells."""
    path = tmp_path_factory.mktemp("made") / "made.sqlite"
    script.make(path, cells=100, trials=1000)
    return path


def test_a_drawn_store_reads_back_with_every_role_ending_and_cause(made: Path) -> None:
    with Store.read(made) as store:
        (row,) = store.studies()
        log = store.log(row.id)
        provenance = store.provenance(row.id)
    assert row.study.name == "synthetic-100"
    assert row.asked == row.answered == len(log)
    assert {ask.role for ask, _ in log} == set(Role)
    assert {outcome.ending for _, outcome in log if outcome} == set(Ending)
    causes = Counter(rejection.cause for ask, _ in log for rejection in ask.rejections)
    assert set(causes) == set(Cause)
    assert any(ask.admissions for ask, _ in log)
    assert 800 < sum(ask.trial is not None for ask, _ in log) < 1200
    assert "nothing was trained" in provenance[1]["drawn"]


def test_the_cells_of_a_drawn_store_are_real_and_distinct(made: Path) -> None:
    with Store.read(made) as store:
        cells = store.select("SELECT id, text FROM cell")
        children = store.select("SELECT DISTINCT parent_id FROM ask WHERE parent_id <> ''")
    assert len(cells) == 100
    assert all(identifier(parse(text)) == cell_id for cell_id, text in cells)
    assert {row[0] for row in children} <= {cell_id for cell_id, _ in cells}
    assert len(children) > 5


def test_the_leaderboard_of_a_drawn_store_has_confirmed_cells(made: Path) -> None:
    with Store.read(made) as store:
        board = leaderboard.build(store, store.studies()[0].id)
    assert board.screened == 98
    assert sum(any(row.confirmed) for row in board.rows) == 5
    assert board.rows[0].score is not None


def test_an_attempt_begins_when_its_slot_is_free(made: Path) -> None:
    with sqlite3.connect(made) as connection:
        rows = connection.execute(
            "SELECT slot, attempt.at, outcome.at FROM attempt"
            " JOIN outcome USING (study_id, number) WHERE ending <> 'crashed' ORDER BY slot, number"
        ).fetchall()
    assert len({slot for slot, _, _ in rows}) == 8
    assert all(begun < ended for _, begun, ended in rows)
    for (slot, _, ended), (other, begun, _) in itertools.pairwise(rows):
        assert slot != other or begun >= ended


def test_the_same_seed_draws_the_same_store_and_another_another(
    script: ModuleType, tmp_path: Path
) -> None:
    digests: list[str] = []
    for place, seed in enumerate((0, 0, 1)):
        path = tmp_path / f"{place}.sqlite"
        script.make(path, cells=12, trials=150, seed=seed, points=1)
        with Store.read(path) as store:
            digests.append(history.digest(store, store.studies()[0].id))
    assert digests[0] == digests[1] != digests[2]
    assert (tmp_path / "0.sqlite").read_bytes() == (tmp_path / "1.sqlite").read_bytes()


def test_a_file_that_exists_is_left_alone(script: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "kept.sqlite"
    path.write_text("kept")
    with pytest.raises(FileExistsError):
        script.make(path, cells=12, trials=150)
    assert path.read_text() == "kept"
