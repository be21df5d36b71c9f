"""The page that documents the JSON API, made from the views themselves."""

from collections.abc import Sequence
from typing import Any

from results.dashboard.view import Document, Request, View


def view(study_views: Sequence[View], store_views: Sequence[View]) -> View:
    """The documentation of these views' JSON."""

    def document(request: Request) -> Document:
        study = request.record.latest()
        leader = request.record.standing(study).ranked()
        cells = request.record.history(study).cells
        best = cells[int(leader[0])] if len(leader) else cells[0] if cells else ""
        routes: list[dict[str, Any]] = [
            {
                "path": "/api/studies",
                "explains": "All studies of the store, oldest first.",
                "filters": {},
                "files": [],
                "example": "/api/studies",
            },
            *(_route(view, "/api/studies/STUDY", study, best) for view in study_views),
            *(_route(view, "/api", study, best) for view in store_views),
        ]
        return {"study": study, "routes": routes}

    return View(
        name="api",
        title="API",
        explains="Every number of these pages as JSON, for programs: the same filters, the same URLs under"
        " /api. Seeds, and other whole numbers beyond 2^53, are text.",
        filters={},
        document=document,
    )


def _route(view: View, start: str, study: str, best: str) -> dict[str, Any]:
    path = f"{start}/{view.name or 'overview'}" + ("/CELL" if view.named else "")
    page = path.replace("/api", "", 1).removesuffix("/overview")
    return {
        "path": path,
        "explains": view.explains,
        "filters": dict(view.filters),
        "files": [f"{page}.{end}" for end in view.files],
        "example": path.replace("STUDY", study).replace("CELL", best),
    }
