"""Figures as SVG text: one style, the page's colours, and the same bytes for the same numbers."""

import io
import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from cells.error import visible

INK: Final = "#010203"
FAINT: Final = "#0a0b0c"
"""Stand-ins that `to_svg` replaces by the page's colours, so that figures follow light and dark."""

_OWN: Final[Any] = {
    "svg.hashsalt": "gatewright",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9.0,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": 10.0,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "legend.frameon": False,
    "legend.fontsize": 8.0,
}
_STYLE: Final[Any] = ["default", _OWN]
"""Ours over matplotlib's: what a user's matplotlibrc says changes no figure."""

_SCHEMES: Final = (
    ":root{--ink:#1f2328;--faint:#8b949e}"
    "@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--faint:#768390}}"
)


@contextmanager
def panels(
    width: float, height: float, columns: int = 1, rows: int = 1, *, sharey: bool = False
) -> Generator[tuple[Figure, list[Axes]]]:
    """A figure in inches and its panels, row by row, in our style while it is open."""
    with style.context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False, sharey=sharey)
        yield figure, list(axes.flat)


def to_svg(figure: Figure, name: str) -> str:
    """A fresh figure as an SVG element for a page; its ids begin with `name`.

    No date, no random ids, text as text; the page's `--ink` and `--faint` colour what is not data.
    """
    buffer = io.StringIO()
    FigureCanvasAgg(figure)
    with style.context(_STYLE):
        figure.savefig(
            buffer, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": None}
        )
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = text.replace(INK, "var(--ink)").replace(FAINT, "var(--faint)")
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'(url\(|href=")#', rf"\g<1>#{name}-", text)
    return text.rstrip()


def standalone(svg: str) -> str:
    """An element of `to_svg` as a file of its own: light or dark as its reader's screen is."""
    start = svg.index(">") + 1
    return f"{svg[:start]}\n<style>{_SCHEMES}</style>{svg[start:]}\n"


def legend(figure: Figure, axes: Sequence[Axes], first: Sequence[str] = ()) -> None:
    """One legend for all panels, beside them: every name once, those of `first` at the top."""
    entries: dict[str, Any] = {}
    for ax in axes:
        for handle, name in zip(*ax.get_legend_handles_labels(), strict=True):
            entries.setdefault(name, handle)
    if entries:
        order = [name for name in first if name in entries]
        order += [name for name in entries if name not in order]
        figure.legend([entries[name] for name in order], order, loc="outside right upper")


def plain(text: str) -> str:
    """Printable ASCII, which any font has, and not too long for a label."""
    text = visible(text)
    return text if len(text) <= 28 else text[:25] + "..."
