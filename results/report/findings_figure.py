"""Figures of a findings run. Every text that is drawn passes `plain`.

Differences are drawn such that the right-hand side, or upwards, is better for the arm that a claim
calls better, whichever way the metric counts.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from cells.training.metric import Metric
from cells.training.setting import HYPERPARAMETERS
from results.claims.findings import Training
from results.claims.verdict import Finding, Verdict
from results.leaderboard.task_column import TaskColumn
from results.record.ask import Role
from results.report.panel import FAINT, INK, legend, panels, plain
from results.statistics.effect import Difference
from results.statistics.interval import Interval
from results.statistics.sensitivity import Importance, Selection, best_of_tries, memoryless

_COLOURS: Final[Mapping[str, Any]] = {
    "replicated": "#029e73",
    "contradicted": "#d55e00",
    "undecided": INK,
}
"""Of verdicts; the first two are seaborn's `colorblind`."""

_ACROSS: Final = 3
"""Panels side by side."""


@dataclass(frozen=True, slots=True)
class Drop:
    """What one part of a cell is worth on one task: the whole cell against the one without it.

    Attributes:
        task, gate: what was taken away where.
        arm: the cell without it.
        effect: whole minus ablated, higher is better for the whole.
    """

    task: str
    gate: str
    arm: str
    effect: Difference


@contextmanager
def grid(
    names: Sequence[str], width: float = 3.6, height: float = 2.8, beside: float = 1.3
) -> Generator[tuple[Figure, dict[str, Axes]]]:
    """A panel for each name, so many to a row; empty places are left blank, `beside` is for a legend."""
    across = min(_ACROSS, len(names))
    down = -(-len(names) // across)
    with panels(width * across + beside, max(1.8, height) * down, across, down) as (figure, axes):
        for spare in axes[len(names) :]:
            spare.set_axis_off()
        named = dict(zip(names, axes, strict=False))
        for name, ax in named.items():
            ax.set_title(plain(name))
        yield figure, named


def forest(verdict: Verdict, tasks: Mapping[str, TaskColumn]) -> Figure:
    """Each comparison of a claim: difference with its 95 % interval, in the unit of the metric.

    The shaded band is a difference too small to matter. Green is replicated, orange
    contradicted, and what was not run has no point.
    """
    groups: dict[Metric | None, list[Finding]] = {}
    for finding in verdict.findings:
        task = tasks.get(finding.comparison.task)
        groups.setdefault(task.metric if task else None, []).append(finding)
    # Those of which higher is better come first; what was not run has a panel only where all was not.
    known = sorted(
        (finding for finding in groups if finding is not None),
        key=lambda finding: not finding.higher,
    )
    metrics: list[Metric | None] = [*known] or [*groups]
    most = max((len(groups[metric]) for metric in metrics), default=1)
    with panels(4.9 * max(1, len(metrics)), 0.9 + 0.26 * most, max(1, len(metrics))) as (
        figure,
        axes,
    ):
        for metric, ax in zip(metrics, axes, strict=False):
            for row, finding in enumerate(groups[metric]):
                _comparison(ax, -row, finding)
            ax.set_yticks(
                [-row for row in range(len(groups[metric]))],
                [
                    f"{plain(finding.comparison.task)}: {plain(finding.comparison.better)}"
                    f" - {plain(finding.comparison.worse)}"
                    for finding in groups[metric]
                ],
            )
            ax.set_ylim(-len(groups[metric]) + 0.4, 0.6)
            ax.axvline(0.0, color=INK, linewidth=0.8, zorder=1)
            ax.tick_params(axis="y", length=0)
            ax.xaxis.set_major_locator(MaxNLocator(5))
            ax.set_xlabel("not run" if metric is None else metric.gain)
    return figure


def _comparison(ax: Axes, height: float, finding: Finding) -> None:
    smallest = finding.comparison.smallest
    ax.add_patch(
        Rectangle(
            (-smallest, height - 0.4), 2 * smallest, 0.8, facecolor=FAINT, alpha=0.25, linewidth=0
        )
    )
    ax.update_datalim([(-smallest, height), (smallest, height)])
    ax.autoscale_view()
    if finding.effect is None:
        ax.annotate("not run", (0, height), (4, 0), textcoords="offset points", va="center")
        return
    _whisker(ax, height, finding.effect.interval, _COLOURS[finding.word])


def _whisker(ax: Axes, height: float, interval: Interval, colour: Any) -> None:
    if interval.low is not None and interval.high is not None:
        ax.plot(
            [interval.low, interval.high], [height, height], color=colour, linewidth=1.6, zorder=2
        )
    ax.plot([interval.centre], [height], marker="o", markersize=5, color=colour, zorder=3)


def learning_curves(
    tasks: Mapping[str, TaskColumn], arms: Sequence[str], trainings: Sequence[Training]
) -> Figure | None:
    """Validation metric of the confirmed trainings over updates: a line each seed, a colour each arm.

    Dotted: the known optimum; dash-dotted: the level without memory. None if nothing is confirmed.
    """
    shown = [
        training
        for training in trainings
        if training.role is Role.CONFIRM
        and training.outcome
        and training.outcome.curve
        and training.arm in arms
    ]
    names = [name for name in tasks if any(training.trial.task == name for training in shown)]
    if not names:
        return None
    with grid(names) as (figure, axes):
        for training in shown:
            assert training.outcome is not None  # noqa: S101 - they were chosen so
            metric = tasks[training.trial.task].metric
            axes[training.trial.task].plot(
                [point.update for point in training.outcome.curve],
                [metric.at(point) for point in training.outcome.curve],
                linewidth=1.0,
                marker="o" if len(training.outcome.curve) == 1 else "",
                label=plain(training.arm),
                **_style(arms, training.arm),
            )
        for name, ax in axes.items():
            _levels(ax, tasks[name])
            ax.set_xlabel("updates")
            ax.set_ylabel(_valid(tasks[name]))
        legend(figure, list(axes.values()), [plain(arm) for arm in arms])
    return figure


def best_of(
    tasks: Mapping[str, TaskColumn],
    arms: Sequence[str],
    selections: Sequence[Selection],
    failed: Mapping[str, float],
) -> Figure | None:
    """Expected best validation metric of n settings; None if none was tried."""
    shown = [selection for selection in selections if selection.arm in arms]
    names = [name for name in tasks if any(selection.task == name for selection in shown)]
    if not names:
        return None
    with grid(names) as (figure, axes):
        for selection in shown:
            curve = best_of_tries(selection, failed[selection.task])
            axes[selection.task].plot(
                range(1, len(curve) + 1),
                curve,
                linewidth=1.3,
                marker="o" if len(curve) < 4 else "",
                markersize=3,
                label=plain(selection.arm),
                **_style(arms, selection.arm),
            )
        for name, ax in axes.items():
            ax.set_xlabel("settings tried")
            ax.set_ylabel(_valid(tasks[name]))
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        legend(figure, list(axes.values()), [plain(arm) for arm in arms])
    return figure


def drops(tasks: Mapping[str, TaskColumn], ablated: Sequence[Drop]) -> Figure | None:
    """What each gate is worth: bars by task with Welch's 95 % interval; None if nothing was run."""
    names = [name for name in tasks if any(drop.task == name for drop in ablated)]
    if not names:
        return None
    gates = list(dict.fromkeys(drop.gate for drop in ablated))
    with grid(names, height=0.9 + 0.28 * len(gates), beside=0.0) as (figure, axes):
        for name, ax in axes.items():
            shown = {drop.gate: drop for drop in ablated if drop.task == name}
            sns.barplot(
                x=[shown[gate].effect.interval.centre if gate in shown else 0.0 for gate in gates],
                y=[plain(gate) for gate in gates],
                order=[plain(gate) for gate in gates],
                ax=ax,
                orient="h",
                color=sns.color_palette("colorblind")[0],
                alpha=0.55,
            )
            for row, gate in enumerate(gates):
                if gate in shown:
                    _whisker(ax, row, shown[gate].effect.interval, INK)
                else:
                    ax.annotate(
                        "not run", (0, row), (4, 0), textcoords="offset points", va="center"
                    )
            ax.axvline(0.0, color=INK, linewidth=0.8)
            ax.tick_params(axis="y", length=0)
            ax.xaxis.set_major_locator(MaxNLocator(4))
            ax.set_ylabel("")
            ax.set_xlabel(tasks[name].metric.lost)
    return figure


def sweep(
    tasks: Mapping[str, TaskColumn],
    biases: Sequence[str],
    effects: Mapping[tuple[str, str], Mapping[str, Interval]],
) -> Figure | None:
    """Test metric with Student's 95 % interval against the bias that remembers, a line a cell.

    Args:
        tasks: by name, in order.
        biases: along the axis.
        effects: by cell and task, the metric by bias.
    """
    names = [name for name in tasks if any(task == name for _, task in effects)]
    if not names:
        return None
    cells = list(dict.fromkeys(cell for cell, _ in effects))
    with grid(names) as (figure, axes):
        for (cell, task), values in effects.items():
            style = _style(cells, cell)
            shift = 0.08 * (cells.index(cell) - (len(cells) - 1) / 2)
            places = [biases.index(bias) + shift for bias in values]
            # Only numbers lie on a line; a law of biases such as chrono stands apart.
            joined = [bias.isdigit() for bias in values]
            for chosen, line in ((True, style["linestyle"]), (False, "none")):
                axes[task].plot(
                    [x for x, number in zip(places, joined, strict=True) if number is chosen],
                    [
                        interval.centre
                        for interval, number in zip(values.values(), joined, strict=True)
                        if number is chosen
                    ],
                    marker="o",
                    markersize=4,
                    linewidth=1.0,
                    color=style["color"],
                    linestyle=line,
                    label=plain(cell) if chosen else "_apart",
                )
            for x, interval in zip(places, values.values(), strict=True):
                if interval.low is not None and interval.high is not None:
                    axes[task].plot(
                        [x, x], [interval.low, interval.high], color=style["color"], linewidth=1.4
                    )
        for name, ax in axes.items():
            ax.set_xticks(range(len(biases)), [plain(bias) for bias in biases])
            ax.set_xlabel("bias that remembers")
            ax.set_ylabel(_test(tasks[name]))
        legend(figure, list(axes.values()), [plain(cell) for cell in cells])
    return figure


def shares(tasks: Mapping[str, TaskColumn], selections: Sequence[Selection]) -> Figure | None:
    """Of all settings of an arm the share that learned, trained without, diverged, or failed otherwise."""
    names = [name for name in tasks if any(selection.task == name for selection in selections)]
    if not names:
        return None
    arms = list(dict.fromkeys(selection.arm for selection in selections))
    palette = sns.color_palette("colorblind")
    with grid(names, height=0.9 + 0.2 * len(arms)) as (figure, axes):
        for name, ax in axes.items():
            for selection in selections:
                if selection.task != name:
                    continue
                start, height = 0.0, -arms.index(selection.arm)
                for (kind, share), colour in zip(
                    outcome_shares(selection).items(),
                    (palette[2], FAINT, palette[3], palette[4]),
                    strict=True,
                ):
                    ax.barh(height, share, 0.7, left=start, color=colour, label=kind)
                    start += share
            ax.set_yticks([-row for row in range(len(arms))], [plain(arm) for arm in arms])
            ax.set_ylim(-len(arms) + 0.4, 0.6)
            ax.set_xlim(0, 1)
            ax.tick_params(axis="y", length=0)
            ax.set_xlabel("share of the settings")
        legend(figure, list(axes.values()))
    return figure


def outcome_shares(selection: Selection) -> dict[str, float]:
    """Shares of the settings by what became of them; they sum to 1."""
    count = len(selection.settings)
    trained = sum(value is not None for value in selection.values)
    learned = sum(selection.learned)
    return {
        "learned": learned / count,
        "trained, not learned": (trained - learned) / count,
        "diverged": selection.diverged / count,
        "failed otherwise": (count - trained - selection.diverged) / count,
    }


def importance(tasks: Mapping[str, TaskColumn], importances: Sequence[Importance]) -> Figure | None:
    """Share of importance by arm and hyperparameter, in percent; shaded only where beyond chance."""
    known = [entry for entry in importances if entry.shares]
    names = [name for name in tasks if any(entry.task == name for entry in known)]
    if not names:
        return None
    arms = list(dict.fromkeys(entry.arm for entry in known))
    parameters = list(dict.fromkeys(name for entry in known for name in entry.shares))
    short = {row.name: row.recorded.replace("_", " ") for row in HYPERPARAMETERS}
    with grid(names, height=0.9 + 0.2 * len(arms), beside=0.0) as (figure, axes):
        for name, ax in axes.items():
            shares_, told = np.full((2, len(arms), len(parameters)), np.nan)
            for entry in known:
                for parameter, share in entry.shares.items():
                    cell = arms.index(entry.arm), parameters.index(parameter)
                    if entry.task == name:
                        shares_[cell] = 100 * share
                        told[cell] = 100 * share if parameter in entry.beyond_chance else 0.0
            sns.heatmap(
                pd.DataFrame(
                    told,
                    index=[plain(arm) for arm in arms],
                    columns=[plain(short.get(parameter, parameter)) for parameter in parameters],
                ),
                ax=ax,
                vmin=0,
                vmax=250,  # pale enough for ink on it
                cmap=sns.light_palette("#0173b2", as_cmap=True),
                mask=~(told > 0),
                cbar=False,
            )
            for row, column in np.argwhere(np.isfinite(shares_)):
                beyond = told[row, column] > 0
                ax.text(
                    column + 0.5,
                    row + 0.5,
                    f"{shares_[row, column]:.0f}",
                    ha="center",
                    va="center",
                    fontsize=7,
                    color=INK if not beyond else "#000000",
                    alpha=1.0 if beyond else 0.6,
                )
            ax.tick_params(length=0)
            ax.set_ylabel("")
    return figure


def _style(arms: Sequence[str], arm: str) -> dict[str, Any]:
    index = list(arms).index(arm)
    palette = sns.color_palette("colorblind", 10)
    return {
        "color": palette[index % len(palette)],
        "linestyle": ("-", "--", ":")[index // len(palette) % 3],
    }


def _levels(ax: Axes, task: TaskColumn) -> None:
    if task.optimum is not None:
        ax.axhline(task.optimum, color=FAINT, linestyle=":", linewidth=1.2, label="optimum")
    level = memoryless(task)
    if level is not None:
        ax.axhline(level[1], color=FAINT, linestyle="-.", linewidth=1.0, label="without memory")


def _valid(task: TaskColumn) -> str:
    return plain(task.metric.counted("validation"))


def _test(task: TaskColumn) -> str:
    return plain(task.metric.counted("test"))
