"""The lineage and the operators against what the log says, counted one by one."""

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from results.dashboard.history import History
from results.dashboard.pages import ancestry, lineage
from results.leaderboard import board as leaderboard
from results.leaderboard.board import Board
from results.record.ask import Cause, Role
from results.record.store import Store
from results.record.study import Study
from results.statistics.interval import wilson
from tests.results import synthetic
from tests.results.dashboard.served import over

Shown = tuple[TestClient, Store, Study, Board]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """A client over a finished study, the store, and the study's leaderboard."""
    path = tmp_path_factory.mktemp("lineage") / "run.gate"
    synthetic.write(path)[0].close()
    with Store.read(path) as store, over(path) as client:
        study = store.studies()[0].study
        yield client, store, study, leaderboard.build(store, study.id)


def document(shown: Shown, query: str = "") -> dict[str, Any]:
    client, _, study, _ = shown
    answer = client.get(f"/api/studies/{study.id}/lineage{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def parents(shown: Shown) -> dict[str, str]:
    """The parent of every trained cell by its first ask."""
    _, store, study, _ = shown
    found: dict[str, str] = {}
    for ask, _ in store.log(study.id):
        if ask.trial is not None:
            found.setdefault(ask.trial.cell_id, ask.parent_id)
    return found


def chain(parent: dict[str, str], cell_id: str) -> list[str]:
    found = [cell_id]
    while parent.get(found[-1]):
        found.append(parent[found[-1]])
    return found[::-1]


def test_the_tree_holds_the_best_cells_with_all_their_ancestors(shown: Shown) -> None:
    parent, board = parents(shown), shown[3]
    best = [row.cell_id for row in board.rows if not row.baseline][:3]
    found = document(shown, "?top=3")
    wanted = {one for cell_id in best for one in chain(parent, cell_id)}
    wanted |= {cell[1] for cell in synthetic.BASELINES.values()}
    nodes = found["nodes"]
    assert {node["cell"] for node in nodes} == wanted
    assert {node["cell"] for node in nodes if node["best"]} == set(best)
    for node in nodes:
        above = None if node["parent"] is None else nodes[node["parent"]]["cell"]
        assert (above or "") == parent[node["cell"]]
        assert node["generation"] == len(chain(parent, node["cell"])) - 1
    assert found["left_out"] == 0


def test_a_cell_that_is_asked_for_comes_with_ancestors_and_descendants(shown: Shown) -> None:
    parent = parents(shown)
    asked = max(parent, key=lambda one: list(parent.values()).count(one))
    below = {one for one in parent if asked in chain(parent, one)}
    assert len(below) > 2
    found = document(shown, f"?top=0&cell={asked}")
    wanted = below | set(chain(parent, asked)) | {cell[1] for cell in synthetic.BASELINES.values()}
    assert {node["cell"] for node in found["nodes"]} == wanted
    assert [node["cell"] for node in found["nodes"] if node["asked"]] == [asked]
    assert [step["cell"] for step in found["path"]] == chain(parent, asked)


def test_no_two_cells_are_drawn_on_each_other_and_parents_stand_left(shown: Shown) -> None:
    for along in ("generation", "time"):
        found = document(shown, f"?top=200&along={along}")
        nodes = found["nodes"]
        places = {(node["generation"], node["line"]) for node in nodes}
        assert len(places) == len(nodes) > 6
        for node in nodes:
            if node["parent"] is not None:
                above = nodes[node["parent"]]
                assert (above["generation"], above["first"]) < (node["generation"], node["first"])
        spec = lineage.charts(found)["tree"]
        links = [link for trace in spec["data"] for link in trace.get("customdata", ())]
        assert sorted(links) == sorted(
            f"studies/{found['study']}/cells/{node['cell']}" for node in nodes
        )


def test_the_path_leads_to_the_best_cell_with_the_scores_of_the_leaderboard(shown: Shown) -> None:
    board = shown[3]
    rows = {row.cell_id: row for row in (*board.rows, *board.stopped)}
    best = next(row for row in board.rows if not row.baseline)
    path = document(shown)["path"]
    assert [step["cell"] for step in path] == chain(parents(shown), best.cell_id)
    before = None
    for step in path:
        row = rows[step["cell"]]
        assert (step["before"], step["score"]) == (before, row.score)
        assert step["operators"] == list(row.operators)
        confirmed = row.confirmed_score
        assert (step["confirmed"] or {}).get("centre") == (confirmed and confirmed.centre)
        before = row.score


def test_operators_are_counted_as_in_the_log(shown: Shown) -> None:
    _, store, study, board = shown
    log = store.log(study.id)
    rejections = [one for ask, _ in log for one in ask.rejections]
    rejections += store.verdicts(study.id, len(log))[0]
    admitted = {one for ask, _ in log for one in ask.admissions}
    admitted |= set(store.verdicts(study.id, len(log))[1])
    score = {row.cell_id: row.score for row in board.rows}
    stage = {ask.trial.cell_id for ask, _ in log if ask.trial and ask.role is Role.STAGE}
    screens = {ask.trial.cell_id: ask for ask, _ in log if ask.trial and ask.role is Role.SCREEN}
    rows = {row["operator"]: row for row in document(shown)["operators"]}
    assert set(rows) == {"any operator", "insert", "replace"}
    for operator, row in rows.items():
        own = {
            cell_id: ask.parent_id
            for cell_id, ask in screens.items()
            if operator == "any operator" or operator in ask.operators
        }
        early = sum(
            one.cause in (Cause.DUPLICATE, Cause.INVALID)
            and (operator == "any operator" or operator in one.operators)
            for one in rejections
        )
        pairs = [
            (score[one], score[above])
            for one, above in own.items()
            if one in score and above in score
        ]
        assert early > 0
        assert row["proposed"] == len(own) + early
        for name, part, whole in (
            ("new", len(own), len(own) + early),
            ("passed", len(own.keys() & stage), len(own)),
            ("finished", len(own.keys() & score.keys()), len(own)),
            ("admitted", len(own.keys() & admitted), len(own)),
            ("better", sum((a or 0) > (b or 0) for a, b in pairs), len(pairs)),
        ):
            interval = wilson(part, whole)
            assert row[name] == {
                "centre": interval.centre,
                "low": interval.low,
                "high": interval.high,
                "count": whole,
                "part": part,
            }


def test_parents_that_lead_in_a_circle_end(shown: Shown) -> None:
    _, store, study, _ = shown
    history = History(store, study.id)
    history.refresh(store)
    history.parents[0], history.parents[1] = history.cells[1], history.cells[0]
    assert len(ancestry.chain(history, 0)) == 2
    assert set(ancestry.descendants(history, 0)) >= {1}
    made = ancestry.tree(history, range(len(history.cells)), range(len(history.cells)))
    assert sorted(made.indices) == list(range(len(history.cells)))


def test_an_unknown_cell_is_not_there(shown: Shown) -> None:
    client, _, study, _ = shown
    assert client.get(f"/studies/{study.id}/lineage?cell=nope").status_code == 404
    assert client.get(f"/studies/{study.id}/lineage?top=201").status_code == 400
    assert "gru" in client.get(f"/studies/{study.id}/lineage?cell=gru&top=5").text
