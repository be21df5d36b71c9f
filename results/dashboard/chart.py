"""Charts as plotly.js reads them. Colours are names that the page turns into those of its theme."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Chart = dict[str, Any]

PALETTE = ("blue", "orange", "green", "vermillion", "purple", "sky", "brown", "grey")
"""Names of colours that people tell apart, also without red and green; the page has their values."""


def line(
    name: str,
    x: Sequence[float],
    y: Sequence[float],
    colour: str,
    *,
    dash: str = "solid",
    steps: bool = False,
    width: float = 2.0,
    hover: str = "",
) -> Chart:
    """A line; `hover` is a template of plotly's, without which x and y are shown."""
    trace: Chart = {
        "type": "scatter",
        "mode": "lines" if len(x) > 1 else "lines+markers",
        "name": name,
        "x": list(x),
        "y": list(y),
        "line": {
            "color": colour,
            "dash": dash,
            "width": width,
            "shape": "hv" if steps else "linear",
        },
    }
    if hover:
        trace["hovertemplate"] = hover
    return trace


def level(name: str, value: float, reach: Sequence[float], colour: str, dash: str = "dot") -> Chart:
    """A horizontal line over the reach of x, with its name in the legend."""
    return line(name, list(reach), [value, value], colour, dash=dash, width=1.5)


def band(x: Sequence[float], low: Sequence[float], high: Sequence[float], colour: str) -> Chart:
    """The area between two lines."""
    return {
        "type": "scatter",
        "mode": "none",
        "x": [*x, *reversed(x)],
        "y": [*high, *reversed(low)],
        "fill": "toself",
        "fillcolor": colour,
        "opacity": 0.2,
        "hoverinfo": "skip",
        "showlegend": False,
    }


def points(
    name: str,
    x: Sequence[float | None],
    y: Sequence[float | None],
    colour: str | Sequence[str],
    *,
    text: Sequence[str] = (),
    links: Sequence[str] = (),
    size: float | Sequence[float] = 7,
    symbol: str | Sequence[str] = "circle",
) -> Chart:
    """Points; `text` is shown on hover, and a click follows that point's link, a path of ours."""
    trace: Chart = {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": list(x),
        "y": list(y),
        "marker": {
            "color": colour if isinstance(colour, str) else list(colour),
            "size": size if isinstance(size, int | float) else list(size),
            "symbol": symbol if isinstance(symbol, str) else list(symbol),
        },
    }
    if text:
        trace |= {
            "text": [_plain(words) for words in text],
            "hovertemplate": "%{text}<extra></extra>",
        }
    if links:
        trace["customdata"] = list(links)
    return trace


def strokes(
    name: str,
    lines: Sequence[tuple[Sequence[float], Sequence[float]]],
    colour: str,
    *,
    texts: Sequence[str] = (),
    width: float = 1.0,
    dash: str = "solid",
    opacity: float = 1.0,
) -> Chart:
    """Many lines under one name, each an x and a y; a line's text is shown on hover."""
    x: list[float | None] = []
    y: list[float | None] = []
    text: list[str] = []
    for index, (across, up) in enumerate(lines):
        x += [*across, None]
        y += [*up, None]
        text += [_plain(texts[index]) if texts else ""] * (len(across) + 1)
    trace: Chart = {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": x,
        "y": y,
        "line": {"color": colour, "width": width, "dash": dash},
        "opacity": opacity,
    }
    hover = {"text": text, "hovertemplate": "%{text}<extra></extra>"}
    return trace | (hover if texts else {"hoverinfo": "skip"})


def note(x: float, y: float, text: str, **how: Any) -> dict[str, Any]:
    """A text at a point, for a layout's `annotations`; `how` adds to plotly's annotation."""
    return {"x": x, "y": y, "text": _plain(text), "showarrow": False, **how}


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of parallel coordinates: where each line crosses it, from 0 to 1, and its ticks."""

    name: str
    heights: Sequence[float]
    ticks: Sequence[tuple[float, str]]


def parallel(
    axes: Sequence[Axis],
    steps: Sequence[tuple[str, str]],
    member: Sequence[int],
    texts: Sequence[str],
) -> Chart:
    """Parallel coordinates: a line for each member over all axes.

    Plain lines: plotly's own kind draws by WebGL and builds code at run time, which the page's policy forbids.

    Args:
        axes: from left to right.
        steps: names and colours of the groups; the last one is drawn dotted, and below the others.
        member: the group of each line.
        texts: shown on hover, one a line.
    """
    across = list(range(len(axes)))
    traces: list[Chart] = []
    for step, (name, colour) in reversed(list(enumerate(steps))):
        own = [index for index, group in enumerate(member) if group == step]
        if own:
            lines = [(across, [axis.heights[index] for axis in axes]) for index in own]
            last = step == len(steps) - 1
            traces.append(
                strokes(
                    f"{name} ({len(own)})",
                    lines,
                    colour,
                    texts=[texts[index] for index in own],
                    width=1.0 if last else 1.8,
                    dash="dot" if last else "solid",
                )
            )
    small = {"font": {"size": 11}}
    notes: list[dict[str, Any]] = []
    for index, axis in enumerate(axes):
        notes.append(note(index, -0.2, axis.name, yanchor="top", **small))
        for height, text in axis.ticks:
            beside = (
                {"xanchor": "right", "xshift": -5} if index else {"xanchor": "left", "xshift": 5}
            )
            notes.append(
                note(index, height, text, bgcolor="paper", opacity=0.85, **beside, **small)
            )
    rules = [
        {
            "type": "line",
            "x0": x,
            "x1": x,
            "y0": -0.06,
            "y1": 1.06,
            "line": {"color": "faint", "width": 1},
            "layer": "below",
        }
        for x in across
    ]
    return chart(
        traces,
        xaxis={"visible": False, "range": [-0.35, len(axes) - 0.65], "fixedrange": True},
        yaxis={"visible": False, "range": [-0.34, 1.1], "fixedrange": True},
        annotations=notes,
        shapes=rules,
        hovermode="closest",
        margin={"l": 8, "r": 8, "t": 12, "b": 4},
        legend={"orientation": "h", "y": 1.1, "traceorder": "reversed"},
    )


def bars(
    names: Sequence[str], values: Sequence[float], colour: str = "blue", name: str = ""
) -> Chart:
    """Horizontal bars, the first on top, with their values."""
    return {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "y": [_plain(name) for name in names],
        "x": list(values),
        "text": [f"{value:,.4g}" for value in values],
        "textposition": "auto",
        "marker": {"color": colour},
        "hovertemplate": "%{y}: %{x}<extra></extra>",
    }


def chart(traces: Sequence[Chart], x: str = "", y: str = "", **layout: Any) -> Chart:
    """A chart of these traces with names on its axes; `layout` adds to plotly's layout."""
    axes: Mapping[str, Any] = {
        "xaxis": {"title": {"text": _plain(x)}, **layout.pop("xaxis", {})},
        "yaxis": {"title": {"text": _plain(y)}, **layout.pop("yaxis", {})},
    }
    for trace in traces:
        if "name" in trace:
            trace["name"] = _plain(trace["name"])
    return {"data": list(traces), "layout": {**axes, **layout}}


def _plain(text: str) -> str:
    """The text with nothing that plotly.js would take for markup: it draws some tags and links."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
