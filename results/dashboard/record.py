"""A store that is watched: what was read stays in memory, what was added is read when asked for."""

import contextlib
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self, TypeVar

from results.dashboard.history import History
from results.dashboard.pages.standing import Standing, standing
from results.error import StoreError
from results.record.store import Store
from results.statistics.sensitivity import Importance, Selection

T = TypeVar("T")

PATIENCE: Final = 0.15
"""Seconds of reading before a page is shown of what was read so far; the rest follows by itself."""
Importances = Callable[[Sequence[Selection]], Sequence[Importance]]
"""Computes importances of hyperparameters, which needs more than this package may import."""
GROWN: Final = 1.05
"""By what factor a study must grow before its importances are computed again."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One study of the store: its id, name, strategy, and how far it is."""

    id: str
    name: str
    strategy: str
    asked: int
    begun: str


class Record:
    """The studies of one store, read as they are looked at. Not shared between threads.

    Methods raise StoreError if the store cannot be read.
    """

    def __init__(self, store: Store, importances: Importances | None = None) -> None:
        self.store = store
        self._fresh: set[str] = set()
        self._compute = importances
        self._importances: dict[tuple[str, ...], tuple[int, Sequence[Importance]]] = {}
        self._kept: dict[str, tuple[object, Any]] = {}
        self._histories: dict[str, History] = {}

    @contextlib.contextmanager
    def turn(self) -> Generator[Self]:
        """All that is read inside sees one state of the store."""
        with self.store.snapshot():
            self._fresh.clear()
            yield self

    @property
    def behind(self) -> str:
        """The id of a study that was looked at and of which some is still unread, or ""."""
        return next(
            (study_id for study_id, read in self._histories.items() if not read.complete), ""
        )

    def studies(self) -> list[Entry]:
        """All studies, oldest first."""
        rows = self.store.select(
            "SELECT id, name, strategy, (SELECT count(*) FROM ask WHERE study_id = study.id) AS asked,"
            " coalesce((SELECT min(at) FROM epoch WHERE study_id = study.id), '') AS begun"
            " FROM study ORDER BY rowid"
        )
        return [Entry(**dict(row)) for row in rows]

    def state(self) -> str:
        """Changes whenever a row was added that a view could show."""
        tables = ("study", "epoch", "ask", "outcome", "rejection", "admission", "attempt", "event")
        counts = [f"(SELECT coalesce(max(rowid), 0) FROM {table})" for table in tables]  # noqa: S608
        unread = sum(history.asked for history in self._histories.values() if not history.complete)
        rows = self.store.select(f"SELECT {', '.join(counts)}")[0]
        return "-".join(str(part) for part in (*rows, unread))

    def history(self, study_id: str) -> History:
        """The columns of a study as it stands now, or not `complete` if reading takes long.

        Raises:
            StoreError: `missing` if there is none.
        """
        known = self._histories.get(study_id)
        if known is None:
            known = self._histories[study_id] = History(self.store, study_id)
        if study_id not in self._fresh:
            known.refresh(self.store, PATIENCE)
            self._fresh.add(study_id)
        return known

    def standing(self, study_id: str) -> Standing:
        """How the cells of a study stand now."""
        history = self.history(study_id)
        return self.kept(f"standing {study_id}", history.version, lambda: standing(history))

    @property
    def computes(self) -> bool:
        """Whether importances can be computed here."""
        return self._compute is not None

    def importances(
        self, study_id: str, about: tuple[str, ...], selections: Callable[[], Sequence[Selection]]
    ) -> tuple[int, Sequence[Importance]]:
        """Importances, with the trials that the study had then; kept until it has grown by a twentieth.

        They take seconds. None at all where they cannot be computed.

        Args:
            study_id: of the study.
            about: what of the study it is about, by which they are kept.
            selections: makes what they are computed from.
        """
        if self._compute is None:
            return 0, ()
        done = self.history(study_id).answered
        known = self._importances.get((study_id, *about))
        if known is None or done > GROWN * known[0]:
            if len(self._importances) > 64:
                self._importances.clear()
            known = done, self._compute(selections())
            self._importances[study_id, *about] = known
        return known

    def kept(self, name: str, version: object, make: Callable[[], T]) -> T:
        """What `make` returns, made anew only when `version` is another than the last time."""
        known = self._kept.get(name)
        if known is None or known[0] != version:
            known = self._kept[name] = version, make()
        return known[1]

    def latest(self) -> str:
        """The id of the newest study. Raises StoreError `missing` if there is none."""
        studies = self.studies()
        if not studies:
            raise StoreError("missing", f"{self.store.path.name} holds no study yet")
        return studies[-1].id
