"""The table of hyperparameters: whatever has to do with them lists exactly its rows."""

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

from cells.training.budget import Budget
from cells.training.metric import ACCURACY
from cells.training.schedule import Schedule
from cells.training.setting import HYPERPARAMETERS, Setting
from cells.training.space import Space
from results import frame
from results.dashboard.history import History
from results.dashboard.pages import hyperparameters, trials
from results.publishing import publication
from results.record.row import insert_trial
from results.record.seal import Addition
from results.record.setting_columns import SETTING_COLUMNS
from results.record.store import Store
from results.record.study import Study
from results.record.trial import Trial
from search import configuration
from search.cli import app
from search.error import SearchError
from search.settings import grid, sampler
from search.settings.importance import importances
from tests.results import synthetic

ROOT = Path(__file__).parents[3]
EDITION = ROOT / "tests" / "results" / "assets" / "edition-1"
RECORDS = [
    ROOT / "results" / "published" / "all-laptop",
    *(EDITION / name for name in ("search.gate", "interrupted.gate", "findings.gate", "published")),
]
NAMES = [row.name for row in HYPERPARAMETERS]
OPTIMIZER = Setting(learning_rate=0.003, optimizer="adamw", beta2=0.99)


def trial(setting: Setting) -> Trial:
    return Trial("cell", "0" * 12, "copy", 1, "d", "smoke", setting, Schedule(), Budget(), 1)


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.name)
def test_every_key_and_id_of_an_old_record_comes_out_again(path: Path) -> None:
    with publication.open_record(path) as store:
        asked = store.select("SELECT key, description FROM trial")
        assert asked
        for key, description in asked:
            again = Trial.from_json(description)
            assert (again.key, again.to_json()) == (key, description)
        for study_id, description in store.select("SELECT id, description FROM study"):
            assert Study.from_json(description).id == study_id


def test_later_hyperparameters_are_written_only_where_they_are_not_the_default() -> None:
    first = {row.recorded for row in HYPERPARAMETERS if row.since == 1}
    assert json.loads(trial(Setting()).to_json())["setting"].keys() == first
    written = json.loads(trial(OPTIMIZER).to_json())["setting"]
    assert written.keys() == first | {"optimizer", "beta2"}
    assert Trial.from_json(trial(OPTIMIZER).to_json()) == trial(OPTIMIZER)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"momentum": 0.9}, "the hyperparameter 'momentum'"),
        ({"optimizer": "lion"}, "the optimizer 'lion'"),
        ({"clip": "large"}, "the value 'large' of the hyperparameter 'clip'"),
    ],
)
def test_what_a_newer_version_says_of_a_hyperparameter_is_named(
    more: dict[str, Any], said: str
) -> None:
    fields_ = json.loads(trial(Setting()).to_json())
    fields_["setting"] |= more
    with pytest.raises(ValueError, match=said):
        Trial.from_json(json.dumps(fields_))


def test_sql_reads_every_hyperparameter_of_trials_with_and_without_it(tmp_path: Path) -> None:
    settings = [Setting(), OPTIMIZER, Setting(layers=2, optimizer="adam", weight_decay=0.1)]
    synthetic.write(tmp_path / "s.gate")[0].close()
    with Store.create_or_open(tmp_path / "s.gate") as store:
        store.connection.execute("BEGIN")
        addition = Addition(store.connection)
        for one in settings:
            insert_trial(addition, trial(one))
            row = store.select(
                f"SELECT {SETTING_COLUMNS} FROM trial WHERE key = ?",  # noqa: S608
                trial(one).key,
            )[0]
            assert list(row.keys()) == NAMES
            assert Setting(**dict(row)) == one
        store.connection.execute("ROLLBACK")


def test_frames_and_the_columns_of_the_dashboard_are_those_of_the_table(tmp_path: Path) -> None:
    store, study = synthetic.write(tmp_path / "s.gate")
    with store:
        found = frame.trials(store, study.id)
        assert [name for name in found.columns if name in NAMES] == NAMES
        history = History(store, study.id)
        assert [name for name in history.rows.dtype.names or () if name in NAMES] == NAMES
        history.refresh(store)
        for name, (column, log) in {
            name: (history.rows[name], store.log(study.id)) for name in NAMES
        }.items():
            recorded = [getattr(ask.trial.setting, name) for ask, _ in log if ask.trial]
            words = next(row.words for row in HYPERPARAMETERS if row.name == name)
            numbers = [np.nan if v is None else words.index(v) if words else v for v in recorded]
            np.testing.assert_array_equal(column, np.array(numbers, float))
    assert list(hyperparameters.COLUMNS) == list(trials.AXES) == NAMES


def test_a_space_has_choices_for_every_row_and_the_samplers_draw_each_of_them() -> None:
    assert [one.name for one in fields(Space)] == [row.choices for row in HYPERPARAMETERS]  # type: ignore[arg-type]
    assert list(sampler.distributions(Space())) == [
        row.recorded for row in HYPERPARAMETERS if row.since == 1
    ]
    chosen = {
        row.choices: row.words[-2:] if row.words else (_low(row), _high(row))
        for row in HYPERPARAMETERS
    }
    whole = Space(**chosen)
    assert list(sampler.distributions(whole)) == [row.recorded for row in HYPERPARAMETERS]
    known = grid.settings(whole)
    assert len(known) == 2 ** len(HYPERPARAMETERS)
    for row in HYPERPARAMETERS:
        assert {getattr(one, row.name) for one in known} == set(whole.of(row))
    assert Space.from_record(whole.recorded()) == whole
    for name in ("grid", "random", "tpe"):
        history: list[tuple[Setting, float | None]] = []
        for number in range(12):
            one = sampler.propose(name, history, number, whole)
            assert one is not None
            history.append((one, float(number)))
        for row in HYPERPARAMETERS:
            assert len({getattr(one, row.name) for one, _ in history}) > 1, (name, row.name)


def _low(row: Any) -> float:
    """A value near the lower end that is one."""
    return row.least + (
        1 if row.kind == "whole" and row.open[0] else 0 if row.holds(row.least) else 1e-3
    )


def _high(row: Any) -> float:
    return _low(row) + (1 if row.kind == "whole" else 0.5)


def test_only_the_optimizers_that_have_a_hyperparameter_get_it() -> None:
    space = Space(
        learning_rates=(0.1,),
        init_scales=(1.0,),
        clips=(5.0,),
        layers=(1,),
        optimizers=("sgd", "adamw"),
        beta2s=(0.9, 0.99, 0.999),
    )
    found = grid.settings(space)
    assert [one.optimizer for one in found].count("sgd") == 1
    assert len(found) == 4
    names = sampler.distributions(space)
    for one in found:
        drawn = sampler.parameters(one, names)
        assert ("beta2" in drawn) == (one.optimizer == "adamw")
    history = [(one, float(place)) for place, one in enumerate(found[:3])]
    assert sampler.propose("tpe", history, 1, space) == found[3]


def test_the_command_line_has_an_option_for_every_row() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for name in ("train", "tune"):
        options = {option for one in commands[name].params for option in one.opts}
        for row in HYPERPARAMETERS:
            assert set(row.options) <= options, (name, row.name)


def test_a_study_file_names_optimizers_and_choices_of_their_own() -> None:
    base = configuration.load("smoke")
    more = ['space.optimizers=["sgd", "adamw"]', "space.weight_decays=[0.0, 0.1]"]
    study = configuration.load("smoke", more)
    assert study.space.optimizers == ("sgd", "adamw")
    assert study.id != base.id
    assert Study.from_json(study.to_json()) == study
    assert configuration.load("smoke", ["space.scales=[0.7, 1.0, 1.4]"]) == base
    assert replace(study, space=base.space).id == base.id


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ('space.optimizers=["lion"]', "one of sgd, adam, adamw"),
        ("space.beta1s=[0.9]", "none without adam or adamw in space.optimizers"),
        ("space.weight_decays=[-1.0]", "at least 0"),
    ],
)
def test_choices_that_cannot_be_are_refused(override: str, said: str) -> None:
    with pytest.raises(SearchError, match=said):
        configuration.load("smoke", [override])


def test_importances_leave_out_what_only_some_settings_have() -> None:
    from results.record.outcome import Ending
    from results.statistics.sensitivity import Selection

    settings = [
        Setting(learning_rate=0.1 * (1 + k), optimizer=("sgd", "adam")[k % 2]) for k in range(10)
    ]
    one = Selection(
        "gru",
        "copy",
        ACCURACY,
        tuple(settings),
        tuple(0.1 * k for k in range(10)),
        (Ending.OK,) * 10,
        (),
    )
    assert importances([one])[0].shares.keys() == {"learning_rate", "optimizer"}
