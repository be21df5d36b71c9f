"""Slices and importances against the log, read row by row."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from cells import Cell
from cells.training.setting import Setting
from results.dashboard.app import Desk, create
from results.dashboard.pages.hyperparameters import document
from results.dashboard.query import Query
from results.dashboard.record import Importances, Record
from results.dashboard.view import AbsentError, Document, Request
from results.leaderboard import board as leaderboard
from results.record.outcome import Ending, Outcome
from results.record.store import Store
from results.record.study import Study
from results.record.trial import Trial
from results.statistics.interval import wilson
from results.statistics.sensitivity import Importance, Selection
from search.settings.importance import importances
from tests.results import synthetic


def asked(
    store: Store, study: Study, compute: Importances | None = None, **filters: str
) -> Document:
    """The view's document with these filters."""
    query = Query({name: [value] for name, value in filters.items()})
    return document(Request(Record(store, compute), study.id, query))


def trainings(store: Store, study: Study, task: str) -> list[tuple[Trial, Outcome]]:
    """Those of the selection."""
    return [
        (ask.trial, outcome)
        for ask, outcome in store.log(study.id)
        if ask.trial and outcome and ask.trial.task == task and ask.role in leaderboard.SELECTION
    ]


def test_a_slice_has_the_quartiles_and_the_share_that_diverged_at_each_value(
    written: tuple[Store, Study],
) -> None:
    rows = trainings(*written, "gamma")
    found = asked(*written, task="gamma")
    assert [one["column"] for one in found["slices"]] == ["learning_rate", "init_scale"]
    groups = found["slices"][0]["groups"]
    assert sum(group["count"] for group in groups) == len(rows) == found["settings"]
    for group in groups:
        own = [one for trial, one in rows if trial.setting.learning_rate == group["low"]]
        good = [one.valid_loss for one in own if one.valid_loss is not None]
        quartiles = np.quantile(good, [0.25, 0.5, 0.75]).tolist()
        assert [group["lower"], group["median"], group["upper"]] == pytest.approx(quartiles)
        bad = sum(one.ending is Ending.DIVERGED for one in own)
        assert group["diverged"]["high"] == wilson(bad, len(own)).high
        # No level without memory is recorded for this task.
        assert group["learned"] is None


def test_one_cell_alone_is_looked_at_and_one_that_was_never_trained_is_absent(
    written: tuple[Store, Study],
) -> None:
    lstm = synthetic.BASELINES["lstm"][1]
    count = sum(trial.cell_id == lstm for trial, _ in trainings(*written, "alpha"))
    found = asked(*written, task="alpha", cell=lstm)
    assert (found["settings"], found["cells"], found["label"]) == (count, 1, "lstm")
    with pytest.raises(AbsentError):
        asked(*written, cell="0" * 12)


def test_importances_are_of_all_cells_judged_each_within_its_own_and_of_the_baselines(
    written: tuple[Store, Study],
) -> None:
    given: list[Selection] = []

    def watched(found: Sequence[Selection]) -> Sequence[Importance]:
        given.extend(found)
        return importances(found)

    found = asked(*written, watched, task="alpha", importance="yes")["importance"]
    pool, *single = given
    assert [one.arm for one in single] == ["lstm", "gru"]
    assert [one["arm"] for one in found["arms"]] == [one.arm for one in given]
    assert sum(found["arms"][0]["shares"].values()) == pytest.approx(1)
    rows = trainings(*written, "alpha")
    assert pool.arm == f"{len({trial.cell_id for trial, _ in rows})} cells, pooled"
    # The best setting of any cell stands above the worst of every cell, however good the cell is.
    best, worst = [], []
    for cell in {trial.cell_id for trial, _ in rows}:
        own = [
            one for one, (trial, _) in zip(pool.values, rows, strict=True) if trial.cell_id == cell
        ]
        known = [one for one in own if one is not None]
        assert own.count(None) == sum(
            trial.cell_id == cell and one.ending is not Ending.OK for trial, one in rows
        )
        if len(known) > 1:
            best.append(max(known))
            worst.append(min(known))
    assert min(best) > max(worst)


def test_without_optuna_the_page_says_that_importances_are_not_computed(tmp_path: Path) -> None:
    path = tmp_path / "run.gate"
    store, study = synthetic.write(path)
    store.close()
    desk = Desk(path)
    client = TestClient(create(desk), base_url="http://localhost")
    text = client.get(f"/studies/{study.id}/hyperparameters?importance=yes&task=beta").text
    assert "not computed here" in text
    assert '<option value="beta" selected>' in text
    desk.close()


def test_settings_of_several_optimizers_are_shown_each_with_its_own_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = synthetic.trial

    def trial(cell: tuple[Cell, str], task: str, number: int, seed: int = 0) -> Trial:
        found = plain(cell, task, number, seed)
        if number % 2:
            return found
        decay = 0.1 * (1 + number % 4)
        return replace(found, setting=Setting(0.01, optimizer="adamw", weight_decay=decay))

    monkeypatch.setattr(synthetic, "trial", trial)
    store, study = synthetic.write(tmp_path / "s.gate", synthetic.study("optimizers"))
    with store:
        found = asked(
            store,
            study,
            importances,
            task="gamma",
            importance="yes",
        )
        slices = {one["column"]: one["groups"] for one in found["slices"]}
        rows = trainings(store, study, "gamma")
        assert {group["at"] for group in slices["optimizer"]} == {"sgd", "adamw"}
        for group in slices["optimizer"]:
            own = [trial for trial, _ in rows if trial.setting.optimizer == group["values"]]
            assert len(own) == group["count"]
        decays = [trial.setting.weight_decay for trial, _ in rows if trial.setting.weight_decay]
        assert sum(group["count"] for group in slices["weight_decay"]) == len(decays)
        assert found["constant"]["beta1"] == 0.9
        assert "batch size" not in found["constant"]
        lstm = synthetic.BASELINES["lstm"][1]
        client = TestClient(create(Desk(store.path)), base_url="http://localhost")
        for page in ("hyperparameters?task=gamma", f"cells/{lstm}", "failures?kind=trials"):
            answer = client.get(f"/studies/{study.id}/{page}")
            assert answer.status_code == 200, page
            assert "adamw" in answer.text
