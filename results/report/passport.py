"""The passport of a cell as one HTML file: opens offline, runs no script, the same bytes each time.

All numbers are given; nothing is measured here.
"""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from cells.cell import Cell
from cells.drawing.mathml import mathml
from cells.drawing.svg import draw
from cells.measure.dynamics import HORIZONS, Dynamics, Memory
from cells.measure.passport import Passport
from results.report import dynamics as figures
from results.report.page import POLICY, environment, markup
from results.report.panel import to_svg


def render(
    cell: Cell,
    facts: Passport,
    plan: str,
    measured: Dynamics | None = None,
    others: Mapping[str, Memory] | None = None,
) -> str:
    """The passport as the text of one HTML file.

    Args:
        cell: the cell that the facts are about.
        facts: the static part.
        plan: how the engine runs it, in a line.
        measured: the dynamic part, or None to leave it out.
        others: memories of other cells by name, drawn beside that of the cell.
    """
    return (
        environment({"percent": _percent, "compact": _compact})
        .get_template("passport.html")
        .render(
            policy=POLICY,
            facts=facts,
            drawing=markup(draw(cell)),
            equations=markup(mathml(cell)),
            text="\n".join(line for line in facts.text.splitlines() if not line.startswith("#")),
            told=facts.document(),
            measured=measured,
            horizons=HORIZONS,
            plan=plan,
            figures=_figures(facts, measured, others or {}),
        )
    )


def _figures(
    facts: Passport, measured: Dynamics | None, others: Mapping[str, Memory]
) -> dict[str, Markup]:
    if measured is None:
        return {}
    made: dict[str, Any] = {}
    if measured.spectrum:
        made["spectrum"] = figures.singular_values(measured.spectrum)
    if measured.memory and measured.memory.lanes:
        made["gradient"] = figures.gradient(facts.name, measured.memory, others)
    if measured.saturation.gates:
        made["gates"] = figures.gates(measured.saturation)
    return {
        name: markup(to_svg(made[name], name)) if name in made else Markup("")
        for name in ("spectrum", "gradient", "gates")
    }


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %" if 0 < value < 0.1 else f"{100 * value:.0f} %"


def _compact(value: float) -> str:
    return f"{value:.3g}"
