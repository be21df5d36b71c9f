"""`gatewright export`: tables for pandas and spreadsheets, and journals for Optuna."""

import csv
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import optuna
import pandas as pd
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from results import frame
from results.error import StoreError
from results.publishing import publication
from results.record.ask import Ask, Cause, Rejection, Role
from results.record.outcome import Ending, Outcome
from results.record.store import Store
from results.record.study import Study
from results.spreadsheet import FORMULA
from search import journal
from tests.results import synthetic
from tests.results.forge import unguarded
from tests.search.command import document

STUDY = synthetic.study()
HOSTILE = '=HYPERLINK("http://x", "y")'


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A store with a synthetic study, a hostile message in it, and two asks without an outcome."""
    path = tmp_path_factory.mktemp("written") / "run.sqlite"
    store, _ = synthetic.write(path)
    with store:
        index = len(store.log(STUDY.id))
        trials = [
            synthetic.trial(synthetic.BASELINES["gru"], "alpha", number, seed=99)
            for number in range(3)
        ]
        rejection = Rejection(Cause.INVALID, "", "", ("insert",), "@SUM(1+1)")
        store.add_ask(STUDY.id, Ask(index, Role.STAGE, trials[0], rejections=(rejection,)))
        store.add_outcome(STUDY.id, index, Outcome(trials[0].key, Ending.CRASHED, detail=HOSTILE))
        for place, trial in enumerate(trials[1:], index + 1):
            store.add_ask(STUDY.id, Ask(place, Role.STAGE, trial))
            store.add_attempt(STUDY.id, place, 1, "slot-0")
    return path.read_bytes()


@pytest.fixture
def path(tmp_path: Path, written: bytes) -> Path:
    (tmp_path / "run.sqlite").write_bytes(written)
    return tmp_path / "run.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store.read(path) as opened:
        yield opened


def loaded(path: Path, task: str) -> optuna.Study:
    storage = JournalStorage(JournalFileBackend(str(path)))
    return optuna.load_study(study_name=f"synthetic/{task}/smoke", storage=storage)


def test_a_journal_holds_the_answered_trials_of_each_task_as_the_record_has_them(
    path: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    found = document(capsys, "export", str(path), "--to", "optuna")
    trials, curves = frame.trials(store, STUDY.id), frame.curves(store, STUDY.id)
    metrics = {"alpha": "accuracy", "beta": "accuracy", "gamma": "loss"}
    metrics["memorization"] = "accuracy"
    assert [one["study"].split("/")[1] for one in found["files"]] == list(trials["task"].unique())
    for one in found["files"]:
        _, task, _ = one["study"].split("/")
        metric = metrics[task]
        study = loaded(path.with_suffix(".journal"), task)
        lower = study.direction is optuna.study.StudyDirection.MINIMIZE
        assert lower == (metric == "loss")
        rows = trials.loc[(trials["task"] == task) & trials["ending"].notna()]
        assert len(study.trials) == len(rows) == one["trials"]
        assert one["failed"] == (rows["ending"] != "ok").sum()
        for trial, row in zip(study.trials, rows.to_dict("records"), strict=True):
            assert trial.params == {
                "learning_rate": row["learning_rate"],
                "scale": row["init_scale"],
                "clip": row["clip"],
                "layers": row["layers"],
                "dropout": row["dropout"],
            }
            for name in ("role", "seed", "ending", "number", "key"):
                assert trial.user_attrs[name] == row[name]
            assert (trial.user_attrs["cell"], trial.user_attrs["cell_id"]) == (
                row["label"],
                row["cell"],
            )
            curve = curves[curves["number"] == row["number"]]
            points = dict(zip(curve["epoch"], curve[f"valid_{metric}"], strict=True))
            assert trial.intermediate_values == points
            if row["ending"] == "ok":
                assert trial.state is TrialState.COMPLETE
                assert trial.value == row[f"valid_{metric}"]
                assert trial.user_attrs[f"test_{metric}"] == row[f"test_{metric}"]
                assert trial.user_attrs["parameters"] == row["parameters"]
            else:
                assert trial.state is TrialState.FAIL
                assert trial.values is None
    assert sum(one["failed"] for one in found["files"]) > 5


def test_a_journal_has_the_distributions_of_the_samplers_and_the_times_of_the_record(
    path: Path, store: Store
) -> None:
    out = path.with_name("all.journal")
    journal.write(store, STUDY.id, out)
    trials = loaded(out, "alpha").trials
    space = STUDY.space
    assert trials[0].distributions == {
        "learning_rate": FloatDistribution(0.1, 5.0, log=True),
        "scale": FloatDistribution(0.3, 2.8, log=True),
        "clip": FloatDistribution(1.0, 20.0, log=True),
        "layers": CategoricalDistribution(space.layers),
        "dropout": CategoricalDistribution(space.dropouts),
    }
    for trial in trials:
        begun, ended = store.select(
            "SELECT attempt.at, outcome.at FROM outcome LEFT JOIN attempt"
            " USING (study_id, number) WHERE trial_key = ?",
            trial.user_attrs["key"],
        )[0]
        assert utc(trial.datetime_complete) == datetime.fromisoformat(ended)
        assert utc(trial.datetime_start) == datetime.fromisoformat(begun or ended)


def utc(local: datetime | None) -> datetime:
    assert local is not None
    return local.astimezone(UTC)


def test_exporting_a_journal_again_replaces_it(path: Path, store: Store) -> None:
    out = path.with_name("again.journal")
    first = journal.write(store, STUDY.id, out)
    count = len(out.read_text().splitlines())
    assert journal.write(store, STUDY.id, out) == first
    assert len(out.read_text().splitlines()) == count
    assert sorted(one.name for one in path.parent.glob("again*")) == ["again.journal"]


def test_a_setting_outside_its_study_is_named_and_no_journal_is_left(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        with unguarded(connection, "trial_no_update"):
            connection.execute("UPDATE trial SET learning_rate = 50.0 WHERE task = 'beta'")
        connection.commit()
    out = path.with_name("none.journal")
    with pytest.raises(StoreError, match=r"^damaged: .*does not fit its rows"):
        Store.read(path)
    with Store.read(path, whole=False) as store, pytest.raises(StoreError, match=r"50\.0"):
        journal.write(store, STUDY.id, out)
    assert not list(path.parent.glob("none*"))


def test_the_journal_of_a_published_record_is_that_of_its_store(
    path: Path, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    publication.publish(store, tmp_path / "published")
    found = document(capsys, "export", str(tmp_path / "published"), "--to", "optuna")
    out = tmp_path / "published.journal"
    assert {one["file"] for one in found["files"]} == {str(out)}
    journal.write(store, STUDY.id, path.with_suffix(".journal"))
    ours, theirs = (loaded(one, "gamma").trials for one in (out, path.with_suffix(".journal")))
    assert ours == theirs


def test_progress_is_told_up_to_the_last_trial(path: Path, store: Store) -> None:
    told: list[tuple[int, int]] = []
    journal.write(store, STUDY.id, path.with_suffix(".j"), lambda *now: told.append(now))
    answered = frame.trials(store, STUDY.id)["ending"].count()
    assert told == sorted(told)
    assert told[-1] == (answered, answered)


def test_texts_that_a_spreadsheet_would_run_are_quoted_in_csv_and_there_alone(
    path: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    document(capsys, "export", str(path))
    folder = path.with_suffix("")
    with (folder / "trials.csv").open(newline="") as file:
        details = {row["detail"] for row in csv.DictReader(file)}
    assert f"'{HOSTILE}" in details
    assert HOSTILE not in details
    rejected = pd.read_csv(folder / "rejections.csv")["detail"]
    assert "'@SUM(1+1)" in set(rejected)
    document(capsys, "export", str(path), "--to", "json")
    assert HOSTILE in set(pd.read_json(folder / "trials.json")["detail"])
    assert HOSTILE in set(frame.trials(store, STUDY.id)["detail"])


@pytest.mark.parametrize("first", FORMULA)
def test_numbers_and_plain_texts_are_no_formulas(first: str) -> None:
    rows = pd.DataFrame({"number": [-1.5, 2.0], "text": [f"{first}1", f"a{first}"]})
    guarded = frame.for_spreadsheets(rows)
    assert list(guarded["text"]) == [f"'{first}1", f"a{first}"]
    assert list(guarded["number"]) == [-1.5, 2.0]
    assert list(rows["text"]) == [f"{first}1", f"a{first}"]


def test_parquet_holds_the_frames(
    path: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    found = document(capsys, "export", str(path), "--to", "parquet")
    folder = path.with_suffix("")
    for make in (frame.trials, frame.curves, frame.rejections, frame.cells):
        file = folder / f"{make.__name__}.parquet"
        rows = make(store, STUDY.id)
        pd.testing.assert_frame_equal(pd.read_parquet(file), rows)
        assert {"file": str(file), "rows": len(rows)} in found["files"]


def test_without_pyarrow_the_error_names_the_extra(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    error = document(capsys, "export", str(path), "--to", "parquet", code=1)["error"]
    assert (error["code"], "gatewright[parquet]" in error["hint"]) == ("parquet.missing", True)
    assert not path.with_suffix("").exists()


def test_a_study_without_answers_gives_a_journal_without_studies(tmp_path: Path) -> None:
    study: Study = synthetic.study("empty")
    with Store.create_or_open(tmp_path / "empty.sqlite") as store:
        store.begin(study, {})
        assert journal.write(store, study.id, tmp_path / "empty.journal") == []
    storage = JournalStorage(JournalFileBackend(str(tmp_path / "empty.journal")))
    assert optuna.get_all_study_names(storage) == []
