"""The store keeps what it was given, in order, and nothing else."""

# ruff: noqa: S608 - the table names are our own

import dataclasses
import math
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from cells.error_table import ERRORS
from results.error import StoreError
from results.record.ask import Ask, Cause, Rejection, Role
from results.record.file.migrate import VERSION
from results.record.history import digest
from results.record.outcome import Ending, Outcome
from results.record.store import Store
from results.record.strike import Blame, Kind, Strike
from results.record.study import Study
from tests.results import synthetic

Written = tuple[Store, Study]


def fails(code: str):
    assert code in ERRORS
    return pytest.raises(StoreError, match=f"^{code}: ")


def begun(path: Path) -> Written:
    store, study = Store.create_or_open(path), synthetic.study()
    store.begin(study, {})
    return store, study


def first_ask(study: Study) -> tuple[Ask, Outcome]:
    ask, outcome = synthetic.history(study)[0]
    assert outcome is not None
    return ask, outcome


def test_the_log_gives_back_what_was_written(written: Written) -> None:
    store, study = written
    assert store.log(study.id) == synthetic.history(study)


def test_costs_are_kept_though_they_are_no_facts(written: Written) -> None:
    store, study = written
    for (_, kept), (_, given) in zip(store.log(study.id), synthetic.history(study), strict=True):
        assert (kept is None) == (given is None)
        if kept is not None and given is not None:
            assert kept.cost == given.cost


def test_a_reader_sees_what_the_writer_acknowledged(tmp_path: Path) -> None:
    store, study = begun(tmp_path / "run.gate")
    reader = Store.read(store.path)
    for ask, outcome in synthetic.history(study)[:5]:
        store.add_ask(study.id, ask)
        assert reader.log(study.id)[-1] == (ask, None)
        assert outcome is not None
        store.add_outcome(study.id, ask.index, outcome)
        assert reader.log(study.id)[-1] == (ask, outcome)
    assert reader.studies()[0].asked == reader.studies()[0].answered == 5


def test_a_closed_store_opens_with_the_same_log_and_study(written: Written) -> None:
    store, study = written
    before = digest(store, study.id)
    store.close()
    with Store.create_or_open(store.path) as again:
        assert digest(again, study.id) == before
        assert again.study(study.id) == study
        assert [row.study for row in again.studies()] == [study]
        assert again.studies()[0].epochs == 1


def test_the_study_id_survives_the_way_through_json() -> None:
    study = synthetic.study()
    assert Study.from_json(study.to_json()) == study
    assert Study.from_json(study.to_json()).id == study.id


def test_two_stores_of_one_history_have_one_digest(tmp_path: Path) -> None:
    first, study = synthetic.write(tmp_path / "first.gate")
    second = Store.create_or_open(tmp_path / "second.gate")
    second.begin(study, {})
    for ask, outcome in synthetic.history(study):
        second.add_ask(study.id, ask)
        second.add_attempt(study.id, ask.index, 1, "elsewhere")
        if outcome is not None:
            slower = dataclasses.replace(outcome, cost=dataclasses.replace(outcome.cost, seconds=9))
            second.add_outcome(study.id, ask.index, slower)
    assert digest(first, study.id) == digest(second, study.id)


@pytest.mark.parametrize("change", ["outcome", "parent", "rejection", "verdict"])
def test_any_fact_of_the_history_changes_the_digest(tmp_path: Path, change: str) -> None:
    digests: list[str] = []
    rejection = Rejection(Cause.PROBE, "a", "b", ("insert",), "gradient is 0")
    for name in ("first.gate", "second.gate"):
        store, study = begun(tmp_path / name)
        changed = name == "second.gate"
        ask, outcome = first_ask(study)
        if changed and change == "outcome":
            outcome = dataclasses.replace(outcome, width=41 + (outcome.width or 0))
        if changed and change == "parent":
            ask = dataclasses.replace(ask, parent_id="other")
        if changed and change == "rejection":
            ask = dataclasses.replace(ask, rejections=(rejection,))
        store.add_ask(study.id, ask)
        store.add_outcome(study.id, 0, outcome)
        if changed and change == "verdict":
            store.add_verdicts(study.id, 1, [rejection], ["a"])
        digests.append(digest(store, study.id))
    assert digests[0] != digests[1]


def test_a_second_outcome_with_other_facts_is_a_mismatch_and_the_first_stays(
    written: Written,
) -> None:
    store, study = written
    ask, outcome = first_ask(study)
    store.add_outcome(study.id, 0, outcome)
    assert store.select("SELECT * FROM event") == []
    store.add_outcome(study.id, 0, dataclasses.replace(outcome, valid_loss=9.0))
    (event,) = store.select("SELECT kind, number, detail FROM event")
    assert (event["kind"], event["number"]) == ("mismatch", 0)
    assert outcome.key in event["detail"]
    assert ask.trial is not None
    assert store.outcome(ask.trial.key) == outcome


def test_an_outcome_is_shared_by_studies_that_ask_the_same_trial(tmp_path: Path) -> None:
    store, study = synthetic.write(tmp_path / "run.gate")
    other = dataclasses.replace(study, name="other")
    store.begin(other, {})
    ask, outcome = first_ask(study)
    store.add_ask(other.id, ask)
    assert store.log(other.id) == [(ask, outcome)]
    store.add_outcome(other.id, 0, outcome)
    assert store.select("SELECT * FROM event") == []


def test_repeating_an_ask_changes_nothing_and_another_one_is_refused(written: Written) -> None:
    store, study = written
    ask, _ = first_ask(study)
    before = digest(store, study.id)
    store.add_ask(study.id, ask)
    assert digest(store, study.id) == before
    with fails("order"):
        store.add_ask(study.id, dataclasses.replace(ask, parent_id="another"))


def test_a_gap_in_the_history_is_refused(tmp_path: Path) -> None:
    store, study = begun(tmp_path / "run.gate")
    with fails("order"):
        store.add_ask(study.id, Ask(1, Role.IDLE, None))
    store.add_ask(study.id, Ask(0, Role.IDLE, None))
    assert len(store.log(study.id)) == 1


def test_an_outcome_needs_its_ask(tmp_path: Path) -> None:
    store, study = begun(tmp_path / "run.gate")
    _, outcome = first_ask(study)
    with fails("order"):
        store.add_outcome(study.id, 0, outcome)
    store.add_ask(study.id, Ask(0, Role.IDLE, None))
    with fails("order"):
        store.add_outcome(study.id, 0, outcome)
    assert store.outcome(outcome.key) is None


def test_verdicts_after_the_last_ask_are_kept(written: Written) -> None:
    store, study = written
    end = len(store.log(study.id))
    rejections = (Rejection(Cause.LIST, "a", "b", ("swap", "swap"), "score 0.9"),)
    store.add_verdicts(study.id, end, rejections, ["c", "d"])
    store.add_verdicts(study.id, end, rejections, ["c", "d"])
    assert store.verdicts(study.id, end) == (rejections, ("c", "d"))
    with fails("order"):
        store.add_verdicts(study.id, end, rejections, ["c"])


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("field", ["valid_loss", "test_accuracy", "curve"])
def test_no_number_that_is_not_finite_enters(tmp_path: Path, field: str, number: float) -> None:
    store, study = begun(tmp_path / "run.gate")
    ask, outcome = first_ask(study)
    store.add_ask(study.id, ask)
    value = (dataclasses.replace(outcome.curve[0], norm=number),) if field == "curve" else number
    with fails("not-finite"):
        store.add_outcome(study.id, 0, dataclasses.replace(outcome, **{field: value}))
    assert store.log(study.id) == [(ask, None)]
    store.add_outcome(study.id, 0, outcome)
    assert store.log(study.id) == [(ask, outcome)]


def test_diverged_outcomes_at_any_step_leave_no_nan_in_the_store(tmp_path: Path) -> None:
    store, study = begun(tmp_path / "run.gate")
    for step in range(200):
        trial = synthetic.trial(synthetic.BASELINES["gru"], "alpha", 0, seed=step)
        store.add_ask(study.id, Ask(step, Role.STAGE, trial))
        store.add_outcome(study.id, step, Outcome(trial.key, Ending.DIVERGED, step=step))
    rows = store.select("SELECT * FROM outcome ORDER BY step")
    assert [row["step"] for row in rows] == list(range(200))
    assert all(row["valid_loss"] is None for row in rows)


def test_numbers_of_other_kinds_are_read_back_as_they_digest(tmp_path: Path) -> None:
    store, study = begun(tmp_path / "run.gate")
    ask, outcome = first_ask(study)
    store.add_ask(study.id, ask)
    odd = dataclasses.replace(
        outcome, valid_loss=1, test_loss=-0.0, valid_accuracy=np.float64(0.5), width=np.int64(7)
    )
    store.add_outcome(study.id, 0, odd)
    store.add_outcome(study.id, 0, odd)
    kept = store.outcome(outcome.key)
    assert kept is not None
    assert '"valid_loss":1.0' in kept.facts_json()
    assert '"test_loss":0.0' in kept.facts_json()
    assert store.select("SELECT * FROM event") == []


def test_hostile_text_is_kept_and_lone_surrogates_are_replaced(tmp_path: Path) -> None:
    store, study = begun(tmp_path / "run.gate")
    ask, outcome = first_ask(study)
    store.add_ask(study.id, ask)
    detail = "'; DROP TABLE study; -- </script> \u202e \x00 \ud800"
    store.add_outcome(study.id, 0, dataclasses.replace(outcome, detail=detail))
    kept = store.outcome(outcome.key)
    assert kept is not None
    assert kept.detail == detail.replace("\ud800", "?")


def test_a_number_beyond_64_bits_is_refused_and_the_store_goes_on(tmp_path: Path) -> None:
    store, study = begun(tmp_path / "run.gate")
    ask, _ = first_ask(study)
    assert ask.trial is not None
    huge = dataclasses.replace(ask, trial=dataclasses.replace(ask.trial, seed=2**70))
    with fails("too-large"):
        store.add_ask(study.id, huge)
    store.add_ask(study.id, ask)


def test_rows_cannot_be_changed_or_deleted(written: Written) -> None:
    store, _ = written
    connection = sqlite3.connect(store.path)
    tables = [
        row[0]
        for row in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        )
    ]
    assert len(tables) == 15
    store.add_event(written[1].id, "note", "so that no table is empty")
    store.add_strike(written[1].id, Strike(0, 1, Kind.DIED, Blame.CELL, "", "0", ""))
    for table in tables:
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] > 0
        column = connection.execute(f"SELECT name FROM pragma_table_info('{table}')").fetchone()[0]
        for statement in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"):
            with pytest.raises(sqlite3.IntegrityError, match="insert-only"):
                connection.execute(statement)
    connection.close()


def test_the_file_is_strict_in_wal_and_fully_synchronous(written: Written) -> None:
    store, _ = written
    assert store.select("PRAGMA journal_mode")[0][0] == "wal"
    assert store.select("PRAGMA synchronous")[0][0] == 2
    assert store.select("PRAGMA foreign_keys")[0][0] == 1
    assert store.select("PRAGMA user_version")[0][0] == VERSION
    kinds = store.select("SELECT name, strict FROM pragma_table_list WHERE schema = 'main'")
    assert all(row["strict"] for row in kinds if not row["name"].startswith("sqlite"))


def test_only_one_driver_opens_the_store_and_the_next_can_after_it(tmp_path: Path) -> None:
    store, _ = begun(tmp_path / "run.gate")
    with fails("busy"):
        Store.create_or_open(store.path)
    store.close()
    store.close()
    Store.create_or_open(store.path).close()


def test_a_driver_whose_epoch_has_passed_cannot_write(tmp_path: Path) -> None:
    store, study = begun(tmp_path / "run.gate")
    ask, outcome = first_ask(study)
    store.add_ask(study.id, ask)
    # As if the first driver had been frozen on a machine that lost its locks.
    (tmp_path / "run.gate.lock").unlink()
    with Store.create_or_open(store.path) as later:
        assert later.begin(study, {}) == 2
        with fails("superseded"):
            store.add_outcome(study.id, 0, outcome)
        later.add_outcome(study.id, 0, outcome)
        assert later.log(study.id) == [(ask, outcome)]


def test_writing_without_a_beginning_and_writing_as_a_reader_are_refused(written: Written) -> None:
    store, study = written
    store.close()
    with Store.create_or_open(store.path) as idle, fails("order"):
        idle.add_event(study.id, "note", "")
    with Store.read(store.path) as reader, fails("read-only"):
        reader.begin(study, {})


def test_provenance_is_kept_for_each_start(tmp_path: Path) -> None:
    store, study = begun(tmp_path / "run.gate")
    store.begin(study, {"torch": "2.13.0", "python": "3.11"})
    assert store.provenance(study.id) == {1: {}, 2: {"python": "3.11", "torch": "2.13.0"}}


def test_a_missing_study_and_a_missing_file_are_named(written: Written, tmp_path: Path) -> None:
    with fails("missing"):
        written[0].study("0123")
    with fails("missing"):
        Store.read(tmp_path / "none.gate")
