"""Several studies on one chart, against the best so far read from their logs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from results.dashboard.app import Desk, create
from results.dashboard.pages.runs import charts, document
from results.dashboard.query import Query, QueryError
from results.dashboard.record import Record
from results.dashboard.view import AbsentError, Document, Request
from results.leaderboard import board as leaderboard
from results.record.store import Store
from results.record.study import Study
from results.statistics.interval import student
from tests.results import synthetic


@pytest.fixture
def several(tmp_path: Path) -> tuple[Store, list[Study]]:
    """Three studies of equal settings with different seeds, and one of another strategy."""
    studies = [synthetic.study(f"seed-{seed}", seed) for seed in (1, 2, 3)]
    studies.append(replace(synthetic.study("other", 4), strategy="uniform"))
    store = Store.create_or_open(tmp_path / "runs.gate")
    for study in studies:
        store.begin(study, {})
        synthetic.tasks(store)
        for ask, outcome in synthetic.history(study):
            store.add_ask(study.id, ask)
            if outcome is not None:
                store.add_outcome(study.id, ask.index, outcome)
    return store, studies


def asked(store: Store, **filters: list[str]) -> Document:
    """The view's document with these filters."""
    return document(Request(Record(store), "", Query(filters)))


def test_studies_that_differ_in_name_and_seed_alone_are_taken_together(
    several: tuple[Store, list[Study]],
) -> None:
    store, studies = several
    found = asked(store)
    assert [one["study"] for one in found["runs"]] == [study.id for study in studies]
    assert [one["runs"] for one in found["groups"]] == [[0, 1, 2], [3]]
    for one in found["runs"]:
        board = leaderboard.build(store, one["study"])
        scores = [row.score for row in board.rows if not row.baseline and row.score is not None]
        assert one["final"] == pytest.approx(max(scores))
    at = [one["at_fair"] for one in found["runs"][:3]]
    assert found["groups"][0]["at_fair"]["centre"] == pytest.approx(student(at).centre)


def test_the_median_over_seeds_is_that_of_the_curves(several: tuple[Store, list[Study]]) -> None:
    store, studies = several
    found = asked(store, by=["trials"], quality=["gamma"])
    best: list[dict[int, float]] = []
    for study in studies[:3]:
        curve, count, lowest, seen = dict[int, float](), 0, np.inf, set[str]()
        baselines = {cell[1] for cell in synthetic.BASELINES.values()}
        for ask, outcome in store.log(study.id):
            if ask.trial is None or outcome is None or ask.trial.key in seen:
                continue
            seen.add(ask.trial.key)
            count += 1
            counts = ask.trial.task == "gamma" and ask.role in leaderboard.SELECTION
            if counts and ask.trial.cell_id not in baselines and outcome.valid_loss is not None:
                lowest = min(lowest, outcome.valid_loss)
            curve[count] = lowest
        best.append(curve)
    middle = found["groups"][0]["median"]
    assert len(middle["x"]) > 10
    for x, low, value, high in zip(
        *(middle[one] for one in ("x", "low", "values", "high")), strict=True
    ):
        own = sorted(curve[int(x)] for curve in best)
        assert [low, value, high] == pytest.approx(own)
    drawn = charts(found)["runs"]["data"]
    assert (
        len([one for one in drawn if one["type"] == "scatter" and one.get("mode") == "lines"]) == 5
    )


def test_chosen_studies_alone_are_shown_and_absent_or_unlike_ones_are_refused(
    several: tuple[Store, list[Study]],
) -> None:
    store, studies = several
    found = asked(store, study=[studies[1].id, studies[3].id])
    assert found["chosen"] == [studies[1].id, studies[3].id]
    with pytest.raises(AbsentError):
        asked(store, study=["0" * 16])
    unlike = replace(studies[0], tasks=(replace(studies[0].tasks[0], scale="laptop"),))
    store.begin(unlike, {})
    with pytest.raises(QueryError, match="in common"):
        asked(store, study=[studies[0].id, unlike.id])


def test_the_page_restores_what_was_chosen(several: tuple[Store, list[Study]]) -> None:
    store, studies = several
    path = store.path
    store.close()
    desk = Desk(path)
    client = TestClient(create(desk), base_url="http://localhost")
    text = client.get(f"/runs?study={studies[0].id}&by=trials&quality=beta").text
    assert text.count(" checked>") == 1
    assert '<option value="beta" selected>' in text
    desk.close()
