"""Figures of the second edition: the ladder of budgets, and what the forget bias does where.

Differences are drawn such that upwards, or to the right, is better for the arm that a claim calls better.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from results.claims.arm import Arm
from results.claims.claim import Comparison, Measure
from results.claims.conclusion import part_label
from results.claims.evidence import Evidence
from results.claims.rules import Decision
from results.leaderboard.task_column import TaskColumn
from results.report.findings_figure import grid
from results.report.panel import FAINT, INK, legend, panels, plain
from results.statistics.interval import Interval, student

RUNGS: Final = ("rung-1", "rung-3", "rung-10")
DISTANCES: Final = ("near", "middle", "far")
DRAWS: Final = ("draw-2", "draw-3")
BIASES: Final[Mapping[str, str]] = {
    "-1": "lstm_bm1",
    "0": "lstm",
    "1": "lstm_b",
    "2": "lstm_b2",
    "5": "lstm_b5",
    "chrono": "lstm_chrono",
}
"""The arms of the forget biases."""

TRIES: Final = (1, 2, 5, 10, 20)
"""Numbers of settings that the best is drawn from."""

SHARES: Final = tuple(step / 12 for step in range(1, 13))
"""Of the updates, at which curves are compared."""

_MARKERS: Final = ("o", "s", "D", "^", "v")


def ladder(
    decisions: Mapping[str, Sequence[Decision]], tasks: Mapping[str, TaskColumn]
) -> Figure | None:
    """Every comparison of the founding claims at every rung: the difference with its 95 % interval.

    A panel a task, a row a comparison, a mark a rung; shaded is what is too small to matter; filled
    marks are told from 0 in the claim's direction or decided by the claim's own test.

    Args:
        decisions: by rung.
        tasks: by name, in order.
    """
    names = [
        name
        for name in tasks
        if any(
            one.estimate and one.comparison.task == name
            for row in decisions.values()
            for one in row
        )
    ]
    if not names:
        return None
    rows = {name: _rows(decisions, name) for name in names}
    most = max(map(len, rows.values()))
    palette = sns.color_palette("colorblind")
    with panels(4.9 * len(names) + 1.0, 1.0 + 0.42 * most, len(names)) as (figure, axes):
        for name, ax in zip(names, axes, strict=False):
            for place, rung in enumerate(decisions):
                shift = 0.25 * ((len(decisions) - 1) / 2 - place)
                for one in decisions[rung]:
                    if one.comparison.task != name or one.estimate is None:
                        continue
                    height = shift - rows[name].index(_pair(one.comparison))
                    _mark(ax, height, one, palette[place], _MARKERS[place], part_label(rung))
            for one in (one for row in decisions.values() for one in row):
                if one.comparison.task == name and _pair(one.comparison) in rows[name]:
                    _band(ax, -rows[name].index(_pair(one.comparison)), one.comparison.smallest)
            ax.set_title(plain(name))
            ax.set_yticks(
                [-row for row in range(len(rows[name]))], [plain(pair) for pair in rows[name]]
            )
            ax.set_ylim(-len(rows[name]) + 0.4, 0.6)
            ax.axvline(0.0, color=INK, linewidth=0.8, zorder=1)
            ax.tick_params(axis="y", length=0)
            ax.xaxis.set_major_locator(MaxNLocator(5))
            ax.set_xlabel(tasks[name].metric.gain)
        legend(figure, axes, [part_label(rung) for rung in decisions])
    return figure


def bias_by_distance(evidence: Evidence) -> Figure | None:
    """Test metric at the end against the distance, a line each bias, with Student's 95 % interval."""
    arms = evidence.arms
    names = _tasks(arms, DISTANCES)
    if not names:
        return None
    palette = sns.color_palette("colorblind")
    with grid(names) as (figure, axes):
        for name, ax in axes.items():
            for index, (bias, cell) in enumerate(BIASES.items()):
                shift = 0.07 * (index - (len(BIASES) - 1) / 2)
                points = [
                    (
                        place + shift,
                        student([known.metric.oriented(value) for value in known.values()]),
                    )
                    for place, part in enumerate(DISTANCES)
                    if (known := arms.get((f"{part}:{cell}", name))) is not None and known.values()
                ]
                _line(ax, points, palette[index], _MARKERS[index % 5], f"bias {bias}")
            known = _first(arms, name, DISTANCES)
            ax.set_xticks(range(len(DISTANCES)), DISTANCES)
            ax.set_xlim(-0.5, len(DISTANCES) - 0.5)
            _at_least(ax)
            ax.set_xlabel("distance")
            ax.set_ylabel(plain(known.metric.counted("test")))
        legend(figure, list(axes.values()), [f"bias {bias}" for bias in BIASES])
    return figure


def bias_by_budget(evidence: Evidence) -> Figure | None:
    """What a bias of 1 gains over 0 in validation as training goes on, a line a part, with Welch's band."""
    return _gains(
        evidence,
        (*DISTANCES, *RUNGS),
        {share: Measure("early", share=share) for share in SHARES},
        "share of the updates",
        "validation",
    )


def bias_by_settings(evidence: Evidence) -> Figure | None:
    """What a bias of 1 gains over 0 against the number of settings tried, with its 95 % band."""
    return _gains(
        evidence,
        (*DISTANCES, *RUNGS),
        {tries: Measure("best-of", settings=tries) for tries in TRIES},
        "settings tried",
        "test",
        log=True,
    )


def bias_at_the_end(evidence: Evidence) -> Figure | None:
    """What a bias of 1 gains over 0 at the end of training by rung, and in further draws of settings.

    Thick: the interval over seeds; thin: the interval that carries the draw of settings too.
    """
    parts = (*RUNGS, *DRAWS, "units")
    names = _tasks(evidence.arms, parts)
    if not names:
        return None
    colour = sns.color_palette("colorblind")[0]
    with grid(names, beside=0.0) as (figure, axes):
        for name, ax in axes.items():
            for place, part in enumerate(parts):
                pair = _bias(part, name)
                estimate = evidence.estimate(pair)
                if estimate is None:
                    continue
                wide = evidence.with_settings(pair)
                if wide is not None:
                    _bar(ax, place, wide, colour, 0.8)
                _bar(ax, place, estimate.interval(), colour, 2.4)
                ax.plot([place], [estimate.centre], marker="o", markersize=5, color=colour)
            ax.axhline(0.0, color=INK, linewidth=0.8, zorder=1)
            ax.set_xticks(range(len(parts)), [part_label(part) for part in parts], rotation=30)
            _at_least(ax)
            ax.set_ylabel(plain(_first(evidence.arms, name, parts).metric.gain))
    return figure


def _gains(
    evidence: Evidence,
    parts: Sequence[str],
    measures: Mapping[float, Measure],
    across: str,
    split: str,
    *,
    log: bool = False,
) -> Figure | None:
    names = _tasks(evidence.arms, parts)
    if not names:
        return None
    palette = sns.color_palette("colorblind")
    with grid(names) as (figure, axes):
        for name, ax in axes.items():
            for index, part in enumerate(parts):
                seen = {
                    x: estimate.interval()
                    for x, measure in measures.items()
                    if (estimate := evidence.estimate(_bias(part, name), measure)) is not None
                }
                _ribbon(ax, seen, palette[index], part_label(part))
            ax.axhline(0.0, color=INK, linewidth=0.8, zorder=1)
            _at_least(ax)
            if log:
                ax.set_xscale("log")
                ax.set_xticks(list(measures), [f"{x:g}" for x in measures])
                ax.minorticks_off()
            ax.set_xlabel(across)
            ax.set_ylabel(f"{split} {plain(_first(evidence.arms, name, parts).metric.gain)}")
        legend(figure, list(axes.values()), [part_label(part) for part in parts])
    return figure


def _bias(part: str, task: str) -> Comparison:
    return Comparison(f"{part}:lstm_b", f"{part}:lstm", task, 1.0)


def _tasks(arms: Mapping[tuple[str, str], Arm], parts: Sequence[str]) -> list[str]:
    """Tasks on which at least one of the parts has the LSTM with bias 1 confirmed."""
    return list(
        dict.fromkeys(
            task
            for (name, task), arm in arms.items()
            if name in {f"{part}:lstm_b" for part in parts} and arm.values()
        )
    )


def _first(arms: Mapping[tuple[str, str], Arm], task: str, parts: Sequence[str]) -> Arm:
    return next(
        known for part in parts if (known := arms.get((f"{part}:lstm_b", task))) is not None
    )


def _rows(decisions: Mapping[str, Sequence[Decision]], task: str) -> list[str]:
    """The comparisons of a task, each once, in the order of the claims."""
    return list(
        dict.fromkeys(
            _pair(one.comparison)
            for row in decisions.values()
            for one in row
            if one.comparison.task == task and one.estimate is not None
        )
    )


def _pair(comparison: Comparison) -> str:
    better, worse = (arm.rpartition(":")[2] for arm in (comparison.better, comparison.worse))
    return f"{better} - {worse}"


def _mark(ax: Any, height: float, one: Decision, colour: Any, marker: str, label: str) -> None:
    interval = one.interval
    if interval is None:
        return
    if interval.low is not None and interval.high is not None:
        ax.plot(
            [interval.low, interval.high], [height, height], color=colour, linewidth=1.5, zorder=2
        )
    decided = one.word in ("replicated", "replicated, smaller", "contradicted")
    ax.plot(
        [interval.centre],
        [height],
        marker=marker,
        markersize=5,
        color=colour,
        markerfacecolor=colour if decided else "none",
        linestyle="none",
        zorder=3,
        label=label,
    )


def _band(ax: Any, height: float, smallest: float) -> None:
    ax.add_patch(
        Rectangle(
            (-smallest, height - 0.42),
            2 * smallest,
            0.84,
            facecolor=FAINT,
            alpha=0.08,
            linewidth=0,
            zorder=0,
        )
    )


def _line(
    ax: Any, points: Sequence[tuple[float, Interval]], colour: Any, marker: str, label: str
) -> None:
    if not points:
        return
    ax.plot(
        [x for x, _ in points],
        [value.centre for _, value in points],
        color=colour,
        marker=marker,
        markersize=4,
        linewidth=1.0,
        label=label,
    )
    for x, value in points:
        _bar(ax, x, value, colour, 1.2)


def _ribbon(ax: Any, seen: Mapping[float, Interval], colour: Any, label: str) -> None:
    if not seen:
        return
    ax.plot(
        list(seen),
        [value.centre for value in seen.values()],
        color=colour,
        marker="o",
        markersize=3,
        linewidth=1.2,
        label=label,
    )
    bounds = {
        x: (value.low, value.high)
        for x, value in seen.items()
        if value.low is not None and value.high is not None
    }
    ax.fill_between(
        list(bounds),
        [low for low, _ in bounds.values()],
        [high for _, high in bounds.values()],
        color=colour,
        alpha=0.15,
        linewidth=0,
    )


def _at_least(ax: Any, span: float = 0.02) -> None:
    """Widens the vertical axis to a span below which nothing is worth looking at; no offset beside it."""
    low, high = ax.get_ylim()
    if high - low < span:
        middle = (low + high) / 2
        ax.set_ylim(middle - span / 2, middle + span / 2)
    ax.ticklabel_format(axis="y", useOffset=False)


def _bar(ax: Any, x: float, value: Interval, colour: Any, width: float) -> None:
    if value.low is not None and value.high is not None:
        ax.plot([x, x], [value.low, value.high], color=colour, linewidth=width, zorder=2)
