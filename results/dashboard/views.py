"""All views: those of one study, and those of the whole store."""

from typing import Final

from results.dashboard import api
from results.dashboard.pages import (
    cell,
    claims,
    failures,
    hyperparameters,
    leaderboard,
    lineage,
    overview,
    pareto,
    runs,
)
from results.dashboard.view import View

STUDY_VIEWS: Final[tuple[View, ...]] = (
    overview.VIEW,
    leaderboard.VIEW,
    lineage.VIEW,
    pareto.VIEW,
    hyperparameters.VIEW,
    failures.VIEW,
    cell.VIEW,
)
STORE_VIEWS: Final[tuple[View, ...]] = (runs.VIEW, claims.VIEW)
API: Final = api.view(STUDY_VIEWS, STORE_VIEWS)
