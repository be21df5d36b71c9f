"""A metric that this suite does not have, registered from outside: everything works with it.

`edit_rate` is 1 - accuracy, lower is better. Nothing but its registration is written for it.
"""

import dataclasses
import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from cells.training import metric as metrics
from cells.training.metric import Metric
from results.error import StoreError
from results.leaderboard import board as leaderboard
from results.record.outcome import Ending, Outcome
from results.record.store import Store
from results.record.study import Study
from results.report import search_report
from search import cli
from search.protocol import score
from tests.results import synthetic
from tests.results.dashboard.served import over


def _wrong(accuracy: float) -> float:
    return 1.0 - accuracy


EDIT_RATE = Metric(
    name="edit_rate",
    source="accuracy",
    higher=False,
    label="edit rate",
    short="edits",
    amount="edit rate",
    derive=_wrong,
    worst=1.0,
)


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_known", dict(metrics._known))
    metrics.register(EDIT_RATE)


@pytest.fixture
def written(registered: None, tmp_path: Path) -> Iterator[tuple[Store, Study]]:
    """The synthetic search, of which the task beta is judged by the edit rate."""
    store, study = synthetic.write(tmp_path / "synthetic.gate", judged={"beta": EDIT_RATE.name})
    with store:
        yield store, study


def test_the_leaderboard_ranks_by_it_and_the_ratio_is_inverted(
    written: tuple[Store, Study],
) -> None:
    store, study = written
    board = leaderboard.build(store, study.id)
    task = board.tasks[1]
    assert (task.metric, task.unit) == (EDIT_RATE, "")
    assert task.optimum == pytest.approx(0.03)
    outcomes = {ask.trial.key: outcome for ask, outcome in store.log(study.id) if ask.trial}
    yardstick = next(row for row in board.rows if row.label == "gru")
    for row in board.rows:
        selected = row.selected[1]
        assert selected is not None
        found = outcomes[selected.key]
        assert found is not None
        assert found.valid_accuracy is not None
        assert selected.value == 1.0 - found.valid_accuracy
        tried = [
            outcome.valid_accuracy
            for ask, outcome in store.log(study.id)
            if ask.role in leaderboard.SELECTION and ask.trial and ask.trial.task == "beta"
            if ask.trial.cell_id == row.cell_id and outcome and outcome.valid_accuracy is not None
        ]
        assert found.valid_accuracy == max(tried)
        reference = yardstick.selected[1]
        assert reference is not None
        assert reference.value is not None
        assert selected.value is not None
        assert selected.ratio == reference.value / selected.value
        # A failed setting counts as wrong everywhere, so there is an expected best in any case.
        assert selected.fair is not None


def test_the_dashboard_shows_what_the_leaderboard_computes(written: tuple[Store, Study]) -> None:
    store, study = written
    board = leaderboard.build(store, study.id)
    with over(store.path) as client:
        assert isinstance(client, TestClient)
        page = client.get(f"/api/studies/{study.id}/leaderboard").json()
        judged = page["tasks"][1]
        assert (judged["metric"], judged["higher"], judged["unit"]) == ("edit_rate", False, "")
        shown = {row["cell_id"]: row for row in page["rows"]}
        for row in board.rows:
            mine, theirs = row.selected[1], shown[row.cell_id]["selected"][1]
            assert mine is not None
            assert theirs["value"] == pytest.approx(mine.value, rel=1e-12)
            assert theirs["ratio"] == pytest.approx(mine.ratio, rel=1e-12)
        best = board.rows[0].cell_id
        for path in (
            "",
            "/leaderboard",
            f"/cells/{best}",
            "/hyperparameters?task=beta",
            "/pareto?quality=beta",
        ):
            text = client.get(f"/studies/{study.id}{path}").text
            assert "edit rate" in text
            assert "ower is better" in text or path == "/leaderboard"
        curve = client.get(f"/api/studies/{study.id}/overview").json()["tasks"][1]["curve"][
            "values"
        ]
        assert curve == sorted(curve, reverse=True)
        assert client.get("/runs?quality=beta").status_code == 200


def test_the_report_names_it_and_gives_the_optimum_in_it(written: tuple[Store, Study]) -> None:
    store, study = written
    page = search_report.render(store, study.id)
    assert "Judged by edit rate.</p>" in page
    assert "validation edit rate" in page
    assert "<td>optimum</td><td>edit_rate</td><td>0.0300</td>" in page


def test_the_commands_print_it_and_write_it(
    written: tuple[Store, Study], capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(written[0].path)
    assert cli.run(["leaderboard", path]) == 0
    printed = capsys.readouterr().out
    assert "beta edits" in printed
    assert "beta: the best possible edit rate is 0.03\n" in printed
    assert "alpha: the best possible accuracy is 0.97\n" in printed
    assert "gamma: the best possible loss is 0.35 nats per step\n" in printed
    assert cli.run(["leaderboard", path, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [task["metric"] for task in document["tasks"]] == ["accuracy", "edit_rate", "loss"]
    assert cli.run(["export", path, "--to", "optuna", "--json"]) == 0
    files = json.loads(capsys.readouterr().out)["files"]
    assert [one["metric"] for one in files if "/beta/" in one["study"]] == ["edit_rate"]


def test_a_search_scores_by_it(registered: None) -> None:
    good = Outcome("k", Ending.OK, valid_loss=1.0, valid_accuracy=0.9)
    found = score.value(EDIT_RATE, good)
    assert found == pytest.approx(-0.1)
    reference = score.value(EDIT_RATE, dataclasses.replace(good, valid_accuracy=0.8))
    assert score.ratio(EDIT_RATE, found, reference) == pytest.approx(2.0)
    failed = score.value(EDIT_RATE, Outcome("k", Ending.DIVERGED))
    assert math.isinf(failed)
    assert score.ratio(EDIT_RATE, failed, reference) == 0.0


def test_a_record_with_a_metric_that_is_not_known_here_is_of_a_newer_version(
    tmp_path: Path,
) -> None:
    store, study = synthetic.write(tmp_path / "synthetic.gate", judged={"beta": EDIT_RATE.name})
    with store, pytest.raises(StoreError, match=r"newer: .*task beta .*no metric 'edit_rate'"):
        leaderboard.build(store, study.id)
