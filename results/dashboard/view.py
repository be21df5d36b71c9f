"""What every view of the dashboard is made of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from cells.error import SingleCodeError
from results.dashboard.query import Query
from results.dashboard.record import Record

Document = dict[str, Any]
"""What a view shows, as JSON has it: the API serves it, the template draws it."""
Chart = dict[str, Any]
"""`data` and `layout` as plotly.js reads them; colours and fonts are the page's."""


class AbsentError(SingleCodeError):
    """What the URL names is not in the store; the text says what is missing."""

    CODE = "absent"


@dataclass(frozen=True, slots=True)
class Request:
    """What a view is asked for.

    Attributes:
        record: the store.
        study_id: of the study that is looked at; "" where a view is about the whole store.
        query: filters.
        name: what else the path names, such as a cell's id; "" elsewhere.
    """

    record: Record
    study_id: str
    query: Query
    name: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """One page and its JSON.

    Attributes:
        name: its place in URLs; "" is the first page of a study.
        title: in the navigation and the head of the page.
        explains: one sentence that tells a newcomer what is to be seen.
        filters: names that its query may hold, with what each means.
        document: makes the document. Raises QueryError, AbsentError, StoreError.
        charts: makes the charts from the document, by name.
        files: what can be taken away, by the end of its name: the media type, and what makes the text.
        named: its path ends with the name of one thing, such as a cell's id.
        portrait: drawings and formulas by name, which are ours and need no escaping, from the document.
    """

    name: str
    title: str
    explains: str
    filters: Mapping[str, str]
    document: Callable[[Request], Document]
    charts: Callable[[Document], Mapping[str, Chart]] = lambda _: {}
    portrait: Callable[[Document], Mapping[str, str]] = lambda _: {}
    files: Mapping[str, tuple[str, Callable[[Request], str]]] = field(
        default_factory=dict[str, Any]
    )
    named: bool = False

    @property
    def template(self) -> str:
        """File of the page among the templates."""
        return f"dashboard/{self.name or 'overview'}.html"


def paged(rows: Sequence[Any], page: int, size: int) -> tuple[Sequence[Any], int]:
    """One page of a list, the first being 1, and how many there are."""
    return rows[(page - 1) * size : page * size], max(1, -(-len(rows) // size))


def cell_path(study_id: str, cell_id: str) -> str:
    """The path of a cell's page from the first page on; an id of a store may hold anything."""
    return f"studies/{quote(study_id, safe='')}/cells/{quote(cell_id, safe='')}"
