"""Charts as plotly.js reads them. Colours are names that the page turns into those of its theme."""

from collections.abc import Mapping, Sequence
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
        trace |= {"text": [_plain(one) for one in text], "hovertemplate": "%{text}<extra></extra>"}
    if links:
        trace["customdata"] = list(links)
    return trace


def bars(
    names: Sequence[str], values: Sequence[float], colour: str = "blue", name: str = ""
) -> Chart:
    """Horizontal bars, the first on top, with their values."""
    return {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "y": [_plain(one) for one in names],
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
