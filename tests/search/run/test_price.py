"""What a dry run says, beside what the same trainings then take."""

from dataclasses import replace
from pathlib import Path

import pytest

from cells import zoo
from cells.engine import executor as executors
from cells.identity.canonical import canonical
from cells.training.budget import Budget
from cells.training.setting import Setting
from results.record.ask import Role
from results.record.store import Store
from results.record.study import Study
from search import configuration
from search.run import session
from search.run.price import Timings, price, sample, shapes
from search.run.rates import PAPER, assumed, measured
from search.run.timing import StandIn, positions, timed
from tasks import registry

HERE = executors.best()


def roster(budget: Budget, tasks: tuple[str, ...] = ("markup",)) -> Study:
    """The LSTM and the GRU, four settings each."""
    study = configuration.load("smoke")
    plans = tuple(
        replace(study.tasks[0], name=task, scale="smoke", settings=4, budget=budget)
        for task in tasks
    )
    return replace(
        study,
        strategy="roster",
        proposals=0,
        tasks=plans,
        baselines=("lstm", "gru"),
        baseline_settings=4,
        confirm=replace(study.confirm, cells=0, seeds=0),
    )


def test_a_price_is_what_the_trainings_then_take(tmp_path: Path) -> None:
    study = roster(Budget(parameters=20_000, updates=150), ("arithmetic", "markup"))
    told: list[tuple[int, int]] = []
    found = price(study, Timings(HERE), PAPER, lambda *step: told.append(step)).estimate
    session.conduct(study, tmp_path / "run.sqlite", executor=HERE)
    with Store.read(tmp_path / "run.sqlite") as record:
        seen = {
            row["task"]: row["seconds"]
            for row in record.select(
                "SELECT task, sum(cpu_seconds) AS seconds FROM outcome"
                " JOIN trial ON key = trial_key GROUP BY task"
            )
        }
    assert told[-1] == (4, 4)
    for load in found.loads:
        if load.role is Role.BASELINE:
            assert load.expected == 8
            # Tests share a machine with others: the promise of 1.5 is measured in quiet.
            assert 0.4 < load.expected * load.seconds / seen[load.task] < 2.5


def test_validation_and_test_are_counted() -> None:
    source = registry.load("markup", "smoke")
    cell = canonical(zoo.load("gru"))
    valid, test = positions(source)
    assert valid == sum(batch.steps * batch.lanes for batch in source.batches("valid"))
    budget = Budget(parameters=5_000)
    timing = timed(cell, source, Setting(), budget, HERE, (valid, test))
    twice = timed(cell, source, Setting(), budget, HERE, (200 * valid, test))
    assert twice.valid > 10 * timing.valid > 0
    assert timing.seconds(0, 5) - timing.seconds(0, 1) == pytest.approx(
        4 * (timing.valid + timing.epoch)
    )
    assert timing.seconds(0, 0) == pytest.approx(timing.begin + timing.test)


def test_the_executor_of_the_run_is_the_one_that_is_timed() -> None:
    if HERE == "reference":
        pytest.skip("the native executor cannot be had here")
    study = roster(Budget(parameters=5_000, updates=50))
    fast, slow = (price(study, Timings(name), PAPER).estimate for name in (HERE, "reference"))
    assert slow.core_hours > 3 * fast.core_hours


def test_a_cell_is_timed_once_for_all_studies_and_sizes_are_told_apart() -> None:
    timings = Timings(HERE)
    study = roster(Budget(parameters=3_000, updates=10))
    price(study, timings, PAPER)
    made = dict(timings._made)
    price(study, timings, PAPER)
    assert timings._made == made
    wide = price(roster(Budget(parameters=200_000, updates=10)), timings, PAPER).estimate
    assert len(timings._made) == 2 * len(made)
    assert wide.core_hours > price(study, timings, PAPER).estimate.core_hours


def test_a_task_that_is_not_here_is_timed_on_windows_of_the_paper(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GATEWRIGHT_DATA", str(tmp_path))
    registry._load.cache_clear()
    study = roster(Budget(parameters=3_000, updates=10), ("nottingham",))
    study = replace(study, tasks=(replace(study.tasks[0], scale="laptop"),))
    found = price(study, Timings(HERE), PAPER)
    assert found.absent[0].startswith("nottingham (")
    assert found.estimate.core_hours > 0
    assert positions(StandIn()) == (0, 0)


def test_new_cells_are_drawn_as_the_study_draws_them_and_shapes_are_few() -> None:
    study = configuration.load("quick")
    drawn = sample(study)
    assert len(drawn) == len(set(drawn)) == 6
    assert drawn == sample(study)
    assert [setting.layers for setting in shapes(study.space)] == [1]
    assert [setting.layers for setting in shapes(configuration.load("paper").space)] == [1, 2, 4]


def test_rates_are_measured_in_a_record_of_the_same_study(tmp_path: Path) -> None:
    study = configuration.load("smoke")
    path = tmp_path / "run.sqlite"
    session.conduct(study, path, executor=HERE)
    with Store.read(path) as record:
        rates = measured(record, study)
        assert measured(record, replace(study, seed=study.seed + 1)) is None
        log = record.log(study.id)
    screened = {ask.trial.cell_id for ask, _ in log if ask.role is Role.SCREEN and ask.trial}
    passed = {ask.trial.cell_id for ask, _ in log if ask.role is Role.STAGE and ask.trial}
    assert rates is not None
    assert rates.screen == len(passed) / len(screened)
    assert str(path) in rates.source
    assert 0 < rates.spends(Role.SCREEN) <= 1
    assert rates.spends(Role.BASELINE) == pytest.approx(1.0)


def test_before_a_run_the_rates_are_assumed_and_say_so() -> None:
    assert assumed(configuration.load("paper")) == PAPER
    assert "paper" in PAPER.source


def test_the_quickstart_is_priced_by_what_a_search_of_it_showed() -> None:
    rates = assumed(configuration.load("quick"))
    assert rates.screen > 0.4
    assert "seed 1" in rates.source
