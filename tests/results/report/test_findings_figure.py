"""The drawn artists of a findings run are read back and compared with its numbers."""

from collections.abc import Iterator
from typing import Any

import pytest
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from results.claims import claim, findings
from results.claims.findings import Run, measured, verdicts
from results.record.ask import Role
from results.report import findings_figure, findings_report
from results.statistics.interval import student
from results.statistics.sensitivity import Importance, best_of_tries, failed_values, selections
from tests.results import findings_store


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    store, study = findings_store.write(tmp_path_factory.mktemp("findings") / "run.sqlite")
    with store:
        found = findings.run_of(store, study.id)
        assert found is not None
        yield found


def panel(figure: Any, title: str) -> Axes:
    (ax,) = [ax for ax in figure.axes if ax.get_title() == title]
    return ax


def ticks(ax: Axes) -> list[str]:
    return [tick.get_text() for tick in ax.get_yticklabels()]


def lines(ax: Axes, label: str) -> list[Any]:
    return [line for line in ax.get_lines() if line.get_label() == label]


def test_the_forest_shows_each_comparison_with_its_interval_and_its_band(run: Run) -> None:
    told = verdicts([claim.load("gates")], measured(run.trainings))["gates"]
    (second,) = [one for one in told if one.claim.id == "input-gate-second"]
    (found,) = second.findings
    assert found.effect is not None
    interval = found.effect.interval
    (ax,) = findings_figure.forest(second, run.tasks).axes
    assert ticks(ax) == ["arithmetic: lstm - lstm_i"]
    drawn: list[Any] = [line for line in ax.get_lines() if line.get_color() != findings_figure.INK]
    whisker, point = drawn
    assert list(whisker.get_xdata()) == [interval.low, interval.high]
    assert list(point.get_xdata()) == [interval.centre]
    (band,) = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    assert (band.get_x(), band.get_width()) == (-0.03, 0.06)


def test_losses_and_accuracies_have_panels_of_their_own_and_gains_point_right(run: Run) -> None:
    told = verdicts([claim.load("forget-bias")], measured(run.trainings))["forget-bias"]
    (helps,) = [one for one in told if one.claim.id == "bias-1-never-hurts"]
    drawn = findings_figure.forest(helps, run.tasks)
    assert [ax.get_xlabel() for ax in drawn.axes] == [
        "gain in accuracy",
        "gain in nats (loss saved)",
    ]
    assert ticks(drawn.axes[1]) == ["ptb-char: lstm_b - lstm"]
    points: list[Any] = [line for line in drawn.axes[1].get_lines() if line.get_marker() == "o"]
    (point,) = points
    # lstm_b is the more skilled of the two, so its loss is lower.
    (gain,) = point.get_xdata()
    assert gain > 0


def test_each_seed_of_a_confirmation_has_its_curve(run: Run) -> None:
    drawn = findings_figure.learning_curves(run.tasks, ["lstm", "gru"], run.trainings)
    ax = panel(drawn, "ptb-char")
    curves = {
        tuple(point.valid_loss for point in one.outcome.curve)
        for one in run.trainings
        if one.role is Role.CONFIRM
        and one.outcome
        and (one.arm, one.trial.task) == ("gru", "ptb-char")
    }
    assert {tuple(line.get_ydata()) for line in lines(ax, "gru")} == curves
    assert not lines(ax, "lstm_f")
    (level,) = lines(ax, "without memory")
    assert list(level.get_ydata()) == [3.5, 3.5]


def test_the_best_of_n_is_that_of_the_settings(run: Run) -> None:
    tried = selections(run.trainings, run.tasks)
    failed = failed_values(tried)
    drawn = findings_figure.best_of(run.tasks, ["lstm_f"], tried, failed)
    (line,) = lines(panel(drawn, "arithmetic"), "lstm_f")
    (one,) = [one for one in tried if (one.arm, one.task) == ("lstm_f", "arithmetic")]
    assert list(line.get_xdata()) == list(range(1, findings_store.SETTINGS + 1))
    assert list(line.get_ydata()) == best_of_tries(one, 0.0)


def test_a_bar_is_what_the_cell_loses_without_its_gate(run: Run) -> None:
    confirmed = measured(run.trainings)
    found = findings_report.ablated("lstm", confirmed)
    drawn = findings_figure.drops(run.tasks, found)
    means = {(one.arm, one.task): sum(one.values) / len(one.values) for one in confirmed}
    for task, sign in (("arithmetic", 1.0), ("ptb-char", -1.0)):
        ax = panel(drawn, task)
        widths = [patch.get_width() for patch in ax.patches if isinstance(patch, Rectangle)]
        assert ticks(ax) == ["forget gate", "input gate"]
        assert widths == pytest.approx(
            [sign * (means["lstm", task] - means[arm, task]) for arm in ("lstm_f", "lstm_i")]
        )


def test_the_sweep_goes_through_the_means_of_each_bias(run: Run) -> None:
    confirmed = measured(run.trainings)
    found = findings_report.swept(run, confirmed)
    drawn = findings_figure.sweep(run.tasks, ["0", "1", "2"], found)
    (line,) = lines(panel(drawn, "arithmetic"), "lstm")
    values = {one.arm: one.values for one in confirmed if one.task == "arithmetic"}
    assert list(line.get_ydata()) == [student(values[arm]).centre for arm in ("lstm", "lstm_b")]


def test_the_shares_of_the_settings_fill_the_bar(run: Run) -> None:
    tried = selections(run.trainings, run.tasks)
    drawn = findings_figure.shares(run.tasks, tried)
    ax = panel(drawn, "arithmetic")
    bars = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    assert sum(bar.get_width() for bar in bars) == pytest.approx(len(findings_store.SKILLS))
    (lstm,) = [one for one in tried if (one.arm, one.task) == ("lstm", "arithmetic")]
    shares = findings_figure.outcome_shares(lstm)
    assert shares["diverged"] == 1 / findings_store.SETTINGS
    assert shares["learned"] == 9 / findings_store.SETTINGS


def test_importances_are_printed_and_only_those_beyond_chance_are_shaded(run: Run) -> None:
    one = Importance(
        "gru", "arithmetic", 20, {"learning_rate": 0.9, "clip": 0.1}, frozenset({"clip"})
    )
    drawn = findings_figure.importance(run.tasks, [one])
    ax = panel(drawn, "arithmetic")
    assert [text.get_text() for text in ax.texts] == ["90", "10"]
    shaded: Any = ax.collections[0].get_array()
    assert shaded.mask.tolist() in ([[True, False]], [True, False])


def test_nothing_to_draw_is_no_figure(run: Run) -> None:
    assert findings_figure.learning_curves(run.tasks, ["mut1"], run.trainings) is None
    assert findings_figure.best_of(run.tasks, ["mut1"], [], {}) is None
    assert findings_figure.drops(run.tasks, []) is None
    assert findings_figure.sweep(run.tasks, ["0"], {}) is None
    assert findings_figure.shares(run.tasks, []) is None
    assert findings_figure.importance(run.tasks, []) is None
