"""Records of newer and older versions: what is unknown is named, and nothing whole is called damaged."""

import dataclasses
import json
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from cells.training.budget import Budget
from cells.training.point import Point
from cells.training.schedule import Schedule
from results.error import StoreError
from results.publishing import publication
from results.record import decode, plain, words
from results.record.ask import Ask, Rejection, Role
from results.record.outcome import Outcome
from results.record.store import Store
from results.record.study import Confirm, Screen, Study, TaskPlan
from results.record.trial import Trial
from tests.results import synthetic


def edited(text: str, path: str, value: Any) -> str:
    """Canonical JSON with one field more, or one less where the value is None."""
    fields = inner = json.loads(text)
    *steps, last = path.split(".")
    for step in steps:
        inner = inner[int(step) if isinstance(inner, list) else step]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return json.dumps(fields, sort_keys=True, separators=(",", ":"))


def trial_of(change: tuple[str, Any]) -> Trial:
    """A trial as another version writes it, under the key that it has there."""

    trial = synthetic.trial(synthetic.BASELINES["gru"], "alpha", 0)

    class Other(Trial):
        __slots__ = ()

        def to_json(self) -> str:
            return edited(trial.to_json(), *change)

    return Other(*(getattr(trial, field.name) for field in dataclasses.fields(trial)))


def study_of(change: tuple[str, Any]) -> Study:
    study = synthetic.study()

    class Other(Study):
        __slots__ = ()

        def to_json(self) -> str:
            return edited(study.to_json(), *change)

    return Other(*(getattr(study, field.name) for field in dataclasses.fields(study)))


class Later(StrEnum):
    """Words that this version does not know."""

    ROLE = "distil"
    CAUSE = "stale"
    ENDING = "evicted"


def store_with(path: Path, ask: Ask, outcome: Outcome | None = None) -> tuple[Store, Study]:
    store, study = Store.create_or_open(path), synthetic.study()
    store.begin(study, {})
    store.add_ask(study.id, ask)
    if outcome is not None:
        store.add_outcome(study.id, 0, outcome)
    return store, study


NEWER_TRIALS = {
    "a hyperparameter": (("setting.colour", "red"), "colour"),
    "a bound": (("budget.joules", 3.5), "'budget.joules'"),
    "a field": (("batch", 32), "'batch'"),
    "a schedule": (("schedule.name", "cosine"), "\"cosine\" of 'schedule.name'"),
    "a kind of value": (("stop_at", {"loss": 1.0}), "'stop_at'"),
    "a needed field less": (("task", None), "no field 'task'"),
}


@pytest.mark.parametrize("name", NEWER_TRIALS)
def test_a_trial_of_a_newer_version_is_called_that(tmp_path: Path, name: str) -> None:
    change, said = NEWER_TRIALS[name]
    trial = trial_of(change)
    store, study = store_with(tmp_path / "run.gate", Ask(0, Role.STAGE, trial))
    with pytest.raises(StoreError, match="this Gatewright does not know") as caught:
        store.log(study.id)
    assert caught.value.code == "newer"
    assert f"ask 0 of study {study.id}" in caught.value.message
    assert said in caught.value.message
    assert "update Gatewright" in caught.value.hint


def test_an_older_trial_keeps_the_key_it_has_in_the_record(tmp_path: Path) -> None:
    older = trial_of(("dtype", None))  # whose trials had no such field
    came = synthetic.outcome(older, 0.9)
    store, study = store_with(tmp_path / "run.gate", Ask(0, Role.STAGE, older), came)
    ((ask, outcome),) = store.log(study.id)
    assert ask.trial == synthetic.trial(synthetic.BASELINES["gru"], "alpha", 0)
    assert ask.trial is not None
    assert ask.trial.key == older.key != dataclasses.replace(ask.trial).key
    assert outcome == came


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("optimizer", "adam"), "'optimizer'"),
        (("tasks.1.weight", 2.0), "'tasks.1.weight'"),
        (("screen.budget.joules", 1.0), "'screen.budget.joules'"),
        (("strategy", "annealing"), "\"annealing\" of 'strategy'"),
        (("confirm", "twice"), "\"twice\" of 'confirm'"),
    ],
)
def test_a_study_of_a_newer_version_is_called_that(tmp_path: Path, change, said: str) -> None:
    study = study_of(change)
    with Store.create_or_open(tmp_path / "run.gate") as store:
        store.begin(study, {})
        for look in (store.studies, lambda: store.study(study.id)):
            with pytest.raises(StoreError, match=r"^newer: ") as caught:
                look()
            assert said in caught.value.message
            assert study.id in caught.value.message


@pytest.mark.parametrize("name", ["role", "cause", "ending"])
def test_a_word_of_a_newer_version_is_called_that(tmp_path: Path, name: str) -> None:
    trial = synthetic.trial(synthetic.BASELINES["gru"], "alpha", 0)
    outcome = synthetic.outcome(trial, 0.9)
    ask: Any = Ask(0, Role.STAGE, trial)
    if name == "role":
        ask = dataclasses.replace(ask, role=Later.ROLE)
    if name == "cause":
        rejection: Any = Rejection(Later.CAUSE, "a", "b", ("insert",), "")  # pyright: ignore[reportArgumentType]
        ask = dataclasses.replace(ask, rejections=(rejection,))
    if name == "ending":
        outcome = dataclasses.replace(outcome, ending=Later.ENDING)  # pyright: ignore[reportArgumentType]
    store, study = store_with(tmp_path / "run.gate", ask, outcome)
    with pytest.raises(StoreError, match=f"^newer: .*of '{name}'"):
        store.log(study.id)


def test_a_published_record_of_a_newer_version_is_called_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, _ = synthetic.write(tmp_path / "run.gate")
    publication.publish(store, tmp_path / "published")
    # To a version that calls it otherwise, the field `bytes` is one that it does not know.
    renamed = {**words.FIELDS["Budget"], "bytes": "octets"}
    monkeypatch.setitem(words.FIELDS, "Budget", renamed)  # pyright: ignore[reportArgumentType]
    decode.reader.cache_clear()
    try:
        with pytest.raises(StoreError, match=r"^newer: .*the field '.*budget\.bytes'"):
            publication.load(tmp_path / "published")
    finally:
        decode.reader.cache_clear()


def test_an_older_study_keeps_the_id_it_has_in_the_record(tmp_path: Path) -> None:
    study = study_of(("baselines", None))
    with Store.create_or_open(tmp_path / "run.gate") as store:
        store.begin(study, {})
        (row,) = store.studies()
        assert row.study == synthetic.study()
        assert row.id == row.study.id == study.id
        assert row.study.id != dataclasses.replace(row.study).id
        # A resume goes on with it and enters no second one.
        store.begin(row.study, {})
        assert [(row.id, row.epochs) for row in store.studies()] == [(study.id, 2)]


def test_what_is_read_is_written_as_it_was() -> None:
    trial = synthetic.trial(synthetic.BASELINES["lstm"], "beta", 1)
    outcome = synthetic.outcome(trial, 0.9)
    assert Trial.from_json(trial.to_json()).to_json() == trial.to_json()
    assert Outcome.from_json(outcome.to_json()).to_json() == outcome.to_json()
    assert Study.from_json(synthetic.study().to_json()).to_json() == synthetic.study().to_json()


DESCRIPTIONS = (Point, Budget, Schedule, Trial, Outcome, TaskPlan, Screen, Confirm, Study)


def test_every_field_of_the_first_edition_has_a_name_today() -> None:
    assert {kind.__name__ for kind in DESCRIPTIONS} == set(words.FIELDS)
    for kind in DESCRIPTIONS:
        assert set(words.FIELDS[kind.__name__]) <= {
            field.name for field in dataclasses.fields(kind)
        }


def test_a_field_that_is_renamed_is_recorded_under_the_name_that_it_had(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    @dataclasses.dataclass(frozen=True, slots=True)
    class Limit:
        most: int = 3

    monkeypatch.setitem(words.FIELDS, "Limit", {"most": "bound"})  # pyright: ignore[reportArgumentType]
    text = plain.to_json(Limit())
    assert text == '{"bound":3}'
    assert decode.decode(Limit, text) == Limit()
