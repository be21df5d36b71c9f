"""Pages from documents: one template a view, around it the navigation."""

import json
from functools import cache
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from results.dashboard.query import Query
from results.dashboard.record import Entry
from results.dashboard.view import Request, View
from results.dashboard.views import STORE_VIEWS, STUDY_VIEWS
from results.label import label
from results.report import page as pages


def page(view: View, request: Request, root: str) -> str:
    """The HTML of a view.

    Args:
        view: which page.
        request: what it is asked for.
        root: the relative way to the first page, with which all links begin.

    Raises:
        QueryError, AbsentError, StoreError: as the view's `document`.
    """
    document = view.document(request)
    studies = request.record.studies()
    current = next((study for study in studies if study.id == request.study_id), None)
    return (
        _environment()
        .get_template(view.template)
        .render(
            view=view,
            root=root,
            found=document,
            charts={name: _spec(chart) for name, chart in view.charts(document).items()},
            portrait={name: pages.markup(text) for name, text in view.portrait(document).items()},
            query=request.query,
            studies=studies,
            study=current or (studies[-1] if studies else None),
            views=[view for view in STUDY_VIEWS if not view.named],
            store_views=STORE_VIEWS,
            state=request.record.state(),
            reading=_reading(request, current),
            store=request.record.store.path.name,
        )
    )


def _reading(request: Request, study: Entry | None) -> str:
    """What is said while a large store is still being read."""
    if study is None or request.record.behind != study.id:
        return ""
    read = request.record.history(study.id).asked
    return (
        f"Reading the store: {read:,} of {study.asked:,} trials so far. The page completes itself."
    )


def problem(status: int, message: str, root: str) -> str:
    """The page that says what went wrong and where to go from there."""
    template = _environment().get_template("dashboard/problem.html")
    return template.render(status=status, message=message, root=root)


@cache
def _environment() -> Environment:
    return pages.environment(
        {
            "number": pages.number,
            "interval": pages.interval,
            "p_values": pages.p_values,
            "label": label,
            "count": _count,
            "duration": _duration,
            "moment": _moment,
            "link": _link,
        }
    )


def _spec(chart: dict[str, Any]) -> Markup:
    """JSON for a script element: nothing in it can end the element."""
    text = json.dumps(chart, allow_nan=False, separators=(",", ":"))
    return pages.markup(
        text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    )


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _duration(seconds: float | None) -> str:
    """Seconds in the two units that matter."""
    if seconds is None:
        return ""
    for unit, size, smaller, rest in (
        ("d", 86400, "h", 3600),
        ("h", 3600, "min", 60),
        ("min", 60, "s", 1),
    ):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} {int(seconds % size // rest)} {smaller}"
    return f"{seconds:.0f} s"


def _moment(at: str) -> str:
    """A time of the record to the second."""
    return at[:19].replace("T", " ") + " UTC" if at else ""


def _link(query: Query, **changes: str | int | None) -> str:
    return query.link(**changes)
