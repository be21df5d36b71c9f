"""The Pareto front against every pair of cells, with costs from the log."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from cells import parse
from cells.size import flops
from results.dashboard.app import Desk, create
from results.dashboard.pages.pareto import charts, document
from results.dashboard.query import Query
from results.dashboard.record import Record
from results.dashboard.view import Document, Request
from results.leaderboard import board as leaderboard
from results.record.store import Store
from results.record.study import Study
from tests.results import synthetic


def asked(store: Store, study: Study, **filters: str) -> Document:
    """The view's document with these filters."""
    query = Query({name: [value] for name, value in filters.items()})
    return document(Request(Record(store), study.id, query))


def front(cells: dict[str, tuple[float, float]]) -> set[str]:
    """Cells by cost and quality of which no other is as cheap and as good, and better in one."""
    return {
        one
        for one, (cost, good) in cells.items()
        if not any(
            other <= cost and better >= good and (other < cost or better > good)
            for other, better in cells.values()
        )
    }


def test_no_cell_beats_those_on_the_front_and_every_other_is_beaten(
    written: tuple[Store, Study],
) -> None:
    board = leaderboard.build(written[0], written[1].id)
    found = asked(*written)
    scores = {
        row.cell_id: (float(row.parameters or 0), row.score or 0.0)
        for row in board.rows
        if row.parameters
    }
    assert {one["cell"]: (one["cost"], one["quality"]) for one in found["points"]} == scores
    assert {one["cell"] for one in found["front"]} == front(scores)
    costs = [one["cost"] for one in found["front"]]
    assert costs == sorted(costs)
    confirmed = {row.cell_id: row.confirmed_score for row in board.rows}
    for one in (*found["front"], *found["baselines"]):
        expected = confirmed[one["cell"]]
        assert (one["confirmed"] or {}).get("centre") == (expected and expected.centre)
    assert any(one["confirmed"] for one in found["baselines"])


@pytest.mark.parametrize("cost", ["flops", "seconds"])
def test_costs_on_a_task_are_those_of_its_trainings_and_a_lower_loss_is_better(
    written: tuple[Store, Study], cost: str
) -> None:
    store, study = written
    trained: dict[str, list[tuple[float, float, float]]] = {}
    for ask, outcome in store.log(study.id):
        if ask.trial and outcome and ask.trial.task == "gamma" and outcome.ending == "ok":
            loss, width = outcome.valid_loss, outcome.width
            if ask.role in leaderboard.SELECTION and loss is not None and width is not None:
                operations = flops(parse(ask.trial.cell)).at(width) * ask.trial.setting.layers
                row = (loss, float(operations), outcome.cost.cpu_seconds)
                trained.setdefault(ask.trial.cell_id, []).append(row)
    expected = {
        cell: min(rows)[1] if cost == "flops" else sum(row[2] for row in rows) / len(rows)
        for cell, rows in trained.items()
    }
    found = asked(store, study, quality="gamma", cost=cost, cells="all")
    assert {one["cell"]: one["cost"] for one in found["points"]} == pytest.approx(expected)
    cells = {cell: (expected[cell], -min(rows)[0]) for cell, rows in trained.items()}
    assert {one["cell"] for one in found["front"]} == front(cells)


def test_the_page_leads_to_cells_and_restores_its_filters(tmp_path: Path) -> None:
    path = tmp_path / "run.gate"
    store, study = synthetic.write(path)
    drawn = charts(asked(store, study))["pareto"]["data"]
    assert all(
        link.startswith(f"studies/{study.id}/cells/")
        for trace in drawn
        for link in trace.get("customdata", ())
    )
    store.close()
    desk = Desk(path)
    client = TestClient(create(desk), base_url="http://localhost")
    text = client.get(f"/studies/{study.id}/pareto?quality=gamma&cost=flops&cells=all").text
    for value in ("gamma", "flops", "all"):
        assert f'<option value="{value}" selected>' in text
    assert client.get(f"/studies/{study.id}/pareto?cost=love").status_code == 400
    desk.close()
