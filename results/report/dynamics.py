"""Figures of what was measured of a cell: its Jacobian, how far gradients reach, where gates sit."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Final

import numpy as np
from matplotlib.figure import Figure

from cells.measure.dynamics import BINS, Memory, Saturation, Spectrum
from results.report.panel import FAINT, INK, panels, plain

_LEAST: Final = 1e-12
"""The lower edge of the figure for smaller gradients."""
_ZERO: Final = 1e-300
_PALETTE: Final = ("#0173b2", "#de8f05", "#029e73", "#d55e00")
"""The first colours of seaborn's `colorblind`, which would take a second to load."""


def singular_values(spectrum: Spectrum) -> Figure:
    """Singular values of the state Jacobian by rank, a line each seed; dotted: length is kept."""
    colour = _PALETTE[0]
    with panels(4.6, 2.8) as (figure, axes):
        ax = axes[0]
        for number, row in enumerate(spectrum.values):
            ax.plot(
                np.arange(1, len(row) + 1),
                row,
                color=colour,
                linewidth=1.4,
                alpha=1.0 - 0.3 * number,
            )
        ax.axhline(1.0, color=FAINT, linestyle=":", linewidth=1.2)
        ax.set_ylim(0.0, 1.1 * max(1.0, *(row[0] for row in spectrum.values)))
        ax.set_xlabel("rank")
        ax.set_ylabel("singular value")
    return figure


def gradient(name: str, measured: Memory, others: Mapping[str, Memory]) -> Figure:
    """Norm of the gradient against the lag, relative to lag 1; the band is quartiles; others for scale."""
    lags = np.arange(1, len(measured.median) + 1)
    with panels(5.6, 2.8) as (figure, axes):
        ax = axes[0]
        drawn = [measured.median, *(other.median for other in others.values())]
        low = _edge(min(min(row) for row in drawn))
        for number, (other, memory) in enumerate(others.items()):
            ax.plot(
                lags,
                np.maximum(memory.median, _ZERO),
                color=_PALETTE[number + 1],
                linewidth=1.0,
                linestyle=("--", "-.", ":")[number % 3],
                label=plain(other),
            )
        ax.fill_between(
            lags,
            np.maximum(measured.low, _ZERO),
            np.maximum(measured.high, _ZERO),
            color=INK,
            alpha=0.12,
        )
        ax.plot(
            lags, np.maximum(measured.median, _ZERO), color=INK, linewidth=2.0, label=plain(name)
        )
        ax.axhline(1.0, color=FAINT, linestyle=":", linewidth=0.8)
        ax.set_yscale("log")
        ax.set_ylim(bottom=low)
        ax.yaxis.set_major_formatter(_power)
        ax.set_xlim(1, len(lags))
        ax.set_xlabel("lag q in steps")
        ax.set_ylabel("gradient, relative to q = 1")
        handles, labels = ax.get_legend_handles_labels()
        order = [len(labels) - 1, *range(len(labels) - 1)]
        figure.legend(
            [handles[i] for i in order], [labels[i] for i in order], loc="outside right upper"
        )
    return figure


def _edge(least: float) -> float:
    return max(_LEAST, 10.0 ** np.floor(np.log10(max(least, _LEAST))))


def _power(value: float, _: object) -> str:
    return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e") if value != 1 else "1"


def gates(saturation: Saturation) -> Figure:
    """Histogram of every gate's values after the training, on one scale."""
    shown = saturation.gates[:8]
    edges = np.linspace(0.0, 1.0, BINS + 1)
    with panels(max(2.4, 1.9 * len(shown)), 2.2, len(shown), sharey=True) as (figure, axes):
        for ax, gate in zip(axes, shown, strict=True):
            colours = [
                _PALETTE[1] if right <= 0.1001 or left >= 0.8999 else _PALETTE[0]
                for left, right in pairwise(edges)
            ]
            ax.bar(edges[:-1], gate.histogram, 1.0 / BINS, align="edge", color=colours)
            ax.set_title(plain(gate.name))
            ax.set_xlim(0, 1)
            ax.set_xticks([0, 0.5, 1], ["0", ".5", "1"])
        axes[0].set_ylabel("share of values")
        axes[len(axes) // 2].set_xlabel("value of the gate")
    return figure
