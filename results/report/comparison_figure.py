"""Figures of a comparison: gains with intervals, and learning curves of the fresh seeds."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

from results.comparison.comparison import Comparison
from results.comparison.decision import Word
from results.report.panel import FAINT, INK, legend, panels, plain

_MARKS: Final[Mapping[Word, str]] = {
    "better": "o",
    "worse": "X",
    "equal": "s",
    "undecided at this budget": "$?$",
}
"""Words differ in shape, so that they can be told apart in grey."""

Curves = Mapping[tuple[str, str], Sequence[tuple[int, Sequence[float]]]]
"""By cell id and task: updates, and the validation metric of every fresh seed there."""


def gains(told: Comparison) -> Figure:
    """What the first cell gains over each of the others, one panel a task; grey is too small to matter."""
    others = list(told.names)[1:]
    with panels(1.0 + 3.1 * len(told.tasks), 1.3 + 0.34 * len(others), columns=len(told.tasks)) as (
        figure,
        axes,
    ):
        for task, ax in zip(told.tasks, axes, strict=True):
            mine = [contrast for contrast in told.contrasts if contrast.task == task.name]
            for contrast in mine:
                height = -others.index(contrast.other)
                bound = contrast.decision.smallest
                ax.fill_betweenx(
                    [height - 0.4, height + 0.4], -bound, bound, color=FAINT, alpha=0.25, lw=0
                )
                if contrast.decision.estimate is None:
                    continue
                interval = contrast.decision.estimate.interval()
                bounds = [bound for bound in (interval.low, interval.high) if bound is not None]
                ax.plot(bounds, [height] * len(bounds), color=INK, linewidth=1.6)
                word = contrast.decision.word
                ax.plot(
                    [interval.centre],
                    [height],
                    marker=_MARKS[word],
                    linestyle="",
                    color=INK,
                    markersize=7,
                    label=word,
                )
            ax.axvline(0.0, color=FAINT, linewidth=1.0)
            ax.set_yticks([-place for place in range(len(others))])
            ax.set_yticklabels([plain(told.names[other]) for other in others])
            ax.set_ylim(0.6 - len(others), 0.6)
            ax.set_title(plain(task.name))
            ax.set_xlabel(plain(f"gain over it, {task.metric.amount}"))
            ax.locator_params(axis="x", nbins=4)
        legend(figure, axes, list(_MARKS))
    return figure


def curves(told: Comparison, points: Curves) -> Figure:
    """The validation metric over updates, mean of the fresh seeds and their range, one panel a task."""
    palette = sns.color_palette("colorblind", len(told.names))
    with panels(1.5 + 3.4 * len(told.tasks), 3.0, columns=len(told.tasks)) as (figure, axes):
        for task, ax in zip(told.tasks, axes, strict=True):
            for (cell, name), colour in zip(told.names.items(), palette, strict=True):
                line = points.get((cell, task.name), ())
                if not line:
                    continue
                updates = [at for at, _ in line]
                values = [np.asarray(seen) for _, seen in line]
                style = "-" if cell == told.first else "--"
                ax.plot(
                    updates,
                    [float(seen.mean()) for seen in values],
                    style,
                    color=colour,
                    linewidth=1.8,
                    marker="o" if len(line) == 1 else "",
                    label=plain(name),
                )
                ax.fill_between(
                    updates,
                    [float(seen.min()) for seen in values],
                    [float(seen.max()) for seen in values],
                    color=colour,
                    alpha=0.15,
                    linewidth=0,
                )
            if task.optimum is not None:
                ax.axhline(task.optimum, color=FAINT, linestyle=":", linewidth=1.2, label="optimum")
            ax.set_title(plain(f"{task.name} ({task.scale})"))
            ax.set_xlabel("updates")
            ax.set_ylabel(plain(task.metric.axis("validation", task.unit)))
        legend(figure, axes, [plain(name) for name in told.names.values()])
    return figure
