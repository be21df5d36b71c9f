"""The application: pages, their JSON, the stream of changes, and what it refuses.

One thread reads the store, so that views see one state of it and memory stays small; GET and HEAD
are all it answers; it serves a fixed table of routes and a fixed table of files.
"""

import asyncio
import contextlib
import importlib.util
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import cache, partial
from pathlib import Path
from typing import Any, Final, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from results.dashboard.guard import Guard, Proxy
from results.dashboard.query import Query, QueryError
from results.dashboard.record import Importances, Record
from results.dashboard.render import page, problem
from results.dashboard.view import AbsentError, Document, Request, View
from results.dashboard.views import API, STORE_VIEWS, STUDY_VIEWS
from results.error import StoreError
from results.exact import exact
from results.publishing import publication

T = TypeVar("T")

POLL: Final = 1.0
"""Seconds between two looks at the store for whoever follows it."""
ALIVE: Final = 15.0
"""Seconds after which a silent stream sends a comment, so that no proxy closes it."""

_TEMPLATES: Final = Path(__file__).parent.parent / "templates"
_STATIC: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "style.css": (("report.css", "findings.css", "dashboard/style.css"), "text/css"),
    "script.js": (("dashboard/script.js",), "text/javascript"),
}


class Desk:
    """The one thread that holds the record, and answers what the application asks."""

    def __init__(self, path: Path, importances: Importances | None = None) -> None:
        self._path = path
        self._importances = importances
        self._thread = ThreadPoolExecutor(1, "record")
        self._record: Record | None = None
        self._file: tuple[int, ...] = ()
        self._stack = contextlib.ExitStack()
        self._ended = asyncio.Event()

    async def ask(self, work: Callable[[Record], T]) -> T:
        """What `work` returns of the record."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._run, work)

    def open(self) -> None:
        """Opens the store, so that a wrong one is told of before anything is served.

        Raises:
            StoreError: as `results.publishing.publication.open_record`.
        """
        self._thread.submit(self._run, lambda record: record.studies()).result()

    def end(self) -> None:
        """Ends what follows the store: the server is about to stop."""
        self._ended.set()

    async def pause(self, seconds: float) -> bool:
        """Waits that long, or until the server is about to stop; returns whether to go on."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), seconds)
        return not self._ended.is_set()

    def close(self) -> None:
        """Closes the store and ends the thread."""
        self._thread.submit(self._stack.close).result()
        self._thread.shutdown(cancel_futures=True)

    def _run(self, work: Callable[[Record], T]) -> T:
        file = _identity(self._path)
        if self._record is None or file != self._file:
            # Deleted or replaced while it was served: the old one would be shown for ever.
            self._record = None
            self._stack.close()
            opened = publication.open_record(self._path, whole=False)
            self._record = Record(self._stack.enter_context(opened), self._importances)
            self._file = file
        with self._record.turn() as record:
            done = work(record)
        if self._record.behind:
            self._thread.submit(self._read_on)
        return done

    def _read_on(self) -> None:
        """Reads another piece of a study that one request was too short for."""
        record = self._record
        if record is None or not record.behind:
            return
        # Whoever asks next is told what is wrong with the store.
        with contextlib.suppress(StoreError), record.turn():
            record.history(record.behind)
            if record.behind:
                self._thread.submit(self._read_on)


def _identity(path: Path) -> tuple[int, ...]:
    """What changes when another file or folder takes that place; () where there is none."""
    try:
        if path.is_dir():
            status = (path / publication.MANIFEST).stat()
            return status.st_dev, status.st_ino, status.st_mtime_ns
        status = path.stat()
        return status.st_dev, status.st_ino
    except OSError:
        return ()


def create(desk: Desk, proxy: Proxy | None = None) -> ASGIApp:
    """The application over a desk, and behind a proxy if one is named."""
    routes = [
        Route("/", partial(_first, desk)),
        Route("/events", partial(_events, desk)),
        Route("/static/{name}", _static),
        Route("/api/studies", partial(_studies, desk)),
    ]
    routes += _routes(desk, API, "/api", "/api/routes")
    for view in STORE_VIEWS:
        routes += _routes(desk, view, f"/{view.name}", f"/api/{view.name}")
    for view in STUDY_VIEWS:
        end = f"/{view.name}" if view.name else ""
        end += "/{name}" if view.named else ""
        api = end or "/overview"
        routes += _routes(desk, view, f"/studies/{{study}}{end}", f"/api/studies/{{study}}{api}")
    handlers = {
        HTTPException: _refused,
        QueryError: partial(_failed, 400),
        AbsentError: partial(_failed, 404),
        StoreError: _unread,
        Exception: _broken,
    }
    application = Starlette(routes=routes, exception_handlers=handlers)
    # It would send browsers to a whole URL, of which only a proxy knows the beginning.
    application.router.redirect_slashes = False
    # Around all of it, as the answer to an unforeseen error is made outside of any middleware.
    return Guard(application, proxy or Proxy())


def _routes(desk: Desk, view: View, path: str, api: str) -> list[Route]:
    # Before the page: the name in its path would match them too.
    files = [
        Route(f"{path}.{end}", partial(_file, desk, view, end), name=f"{view.name}.{end}")
        for end in view.files
    ]
    return [
        *files,
        Route(path, partial(_page, desk, view)),
        Route(api, partial(_json, desk, view)),
    ]


async def _first(desk: Desk, request: HttpRequest) -> Response:
    return RedirectResponse(f"studies/{await desk.ask(Record.latest)}")


async def _page(desk: Desk, view: View, request: HttpRequest) -> Response:
    asked = _asked(view, request)
    root = _root(request)
    return HTMLResponse(await desk.ask(lambda record: page(view, Request(record, *asked), root)))


async def _json(desk: Desk, view: View, request: HttpRequest) -> Response:
    asked = _asked(view, request)

    def work(record: Record) -> Document:
        return view.document(Request(record, *asked))

    return _document(await desk.ask(work))


async def _file(desk: Desk, view: View, end: str, request: HttpRequest) -> Response:
    kind, make = view.files[end]
    asked = _asked(view, request)
    text = await desk.ask(lambda record: make(Request(record, *asked)))
    return Response(text, media_type=kind, headers={"Content-Disposition": "attachment"})


async def _studies(desk: Desk, request: HttpRequest) -> Response:
    studies = await desk.ask(Record.studies)
    return _document({"studies": [asdict(study) for study in studies]})


async def _events(desk: Desk, request: HttpRequest) -> Response:
    kind = "text/event-stream"
    if request.method == "HEAD":
        return Response(media_type=kind)
    return StreamingResponse(
        _changes(desk, request), media_type=kind, headers={"X-Accel-Buffering": "no"}
    )


async def _changes(desk: Desk, request: HttpRequest) -> AsyncGenerator[str]:
    """One event whenever the store has changed; the first tells where it stands."""
    last, silent = "", 0.0
    while not await request.is_disconnected():
        try:
            state = await desk.ask(Record.state)
        except StoreError as error:
            state = error.code
        if state != last:
            last, silent = state, 0.0
            yield f"event: change\ndata: {json.dumps({'state': state})}\n\n"
        elif silent >= ALIVE:
            silent = 0.0
            yield ": alive\n\n"
        if not await desk.pause(POLL):
            return
        silent += POLL


async def _static(request: HttpRequest) -> Response:
    name = request.path_params["name"]
    if name == "plotly.js":
        return Response(_plotly(), media_type="text/javascript", headers=_KEPT)
    if name not in _STATIC:
        raise HTTPException(404)
    files, kind = _STATIC[name]
    text = "\n".join((_TEMPLATES / file).read_text(encoding="utf-8") for file in files)
    return Response(text, media_type=kind)


_KEPT: Final = {"Cache-Control": "private, max-age=86400"}


@cache
def _plotly() -> bytes:
    """The script of the installed plotly package, which is not imported: that would take 50 MB."""
    spec = importlib.util.find_spec("plotly")
    assert spec is not None and spec.origin is not None  # noqa: PT018, S101 - a dependency
    return (Path(spec.origin).parent / "package_data" / "plotly.min.js").read_bytes()


def _asked(view: View, request: HttpRequest) -> tuple[str, Query, str]:
    query = Query.of(request.query_params.multi_items(), tuple(view.filters))
    return request.path_params.get("study", ""), query, request.path_params.get("name", "")


def _root(request: HttpRequest) -> str:
    """The relative way from the page to the first one. Proxies put a prefix before our paths, of
    which we often know nothing, so every link of ours begins with this.
    """
    # Undecoded: a browser takes no "%2F" for a step.
    path = request.scope.get("raw_path") or request.scope["path"].encode()
    return "../" * (path.count(b"/") - 1) or "./"


def _document(document: Mapping[str, Any], status: int = 200) -> Response:
    # In ASCII: a damaged store may hold halves of surrogate pairs, which UTF-8 does not.
    return Response(
        json.dumps(exact(document), allow_nan=False), status, media_type="application/json"
    )


async def _refused(request: HttpRequest, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    return _said(request, error.status_code, error.detail)


async def _failed(status: int, request: HttpRequest, error: Exception) -> Response:
    return _said(request, status, str(error))


async def _unread(request: HttpRequest, error: Exception) -> Response:
    assert isinstance(error, StoreError)  # noqa: S101 - registered for it
    message = f"{error.message}; {error.hint}" if error.hint else error.message
    return _said(request, 404 if error.code == "missing" else 503, message)


async def _broken(request: HttpRequest, error: Exception) -> Response:
    """The answer where we made a mistake; the server then prints the error with its traceback."""
    message = "this could not be shown, which is a mistake of Gatewright's"
    return _said(request, 500, f"{message}; the terminal of `gatewright dashboard` says more")


def _said(request: HttpRequest, status: int, message: str) -> Response:
    """What is wrong, as JSON for programs and as a page for people."""
    if request.url.path.startswith("/api"):
        return _document({"error": message, "status": status}, status)
    return HTMLResponse(problem(status, message, _root(request)), status)
