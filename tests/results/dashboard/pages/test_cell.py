"""The page of a cell against the leaderboard and the record that it was drawn from."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from cells import parse
from cells.measure.passport import passport
from cells.training.metric import LOSS
from results.dashboard.pages import cell, trials
from results.leaderboard import board as leaderboard
from results.leaderboard.board import Board
from results.leaderboard.task_column import TaskColumn
from results.record.ask import Role
from results.record.store import Store
from results.record.study import Study
from tests.results import synthetic
from tests.results.dashboard.served import over
from tests.results.forge import unguarded

Shown = tuple[TestClient, Store, Study, Board]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """A client over a finished study, the store, and the study's leaderboard."""
    path = tmp_path_factory.mktemp("cell") / "run.gate"
    synthetic.write(path)[0].close()
    with Store.read(path) as store, over(path) as client:
        study = store.studies()[0].study
        yield client, store, study, leaderboard.build(store, study.id)


def document(shown: Shown, cell_id: str, query: str = "") -> dict[str, Any]:
    client, _, study, _ = shown
    answer = client.get(f"/api/studies/{study.id}/cells/{cell_id}{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def plain(value: object) -> object:
    """As JSON has it."""
    return json.loads(json.dumps(value))


def test_a_cell_stands_as_on_the_leaderboard(shown: Shown) -> None:
    board = shown[3]
    assert len(board.rows) > 4
    for rank, row in enumerate(board.rows, 1):
        found = document(shown, row.cell_id)
        standing = found["standing"]
        assert (standing["rank"], standing["finished"]) == (rank, len(board.rows))
        for place in range(len(board.tasks)):
            for ours, theirs in (
                (standing["selected"][place], row.selected[place]),
                (standing["confirmed"][place], row.confirmed[place]),
            ):
                assert ours == (theirs and plain(dict(zip(ours, _values(theirs), strict=True))))
        assert (standing["score"], standing["tied"]) == (row.score, row.tied)
        assert found["label"] == row.label


def _values(of: Any) -> list[object]:
    return [getattr(of, name) for name in type(of).__slots__]


def test_every_trial_is_listed_with_its_curve_and_none_of_another_cell(shown: Shown) -> None:
    _, store, study, board = shown
    cell_id = board.rows[0].cell_id
    own = [
        (ask, outcome)
        for ask, outcome in store.log(study.id)
        if ask.trial and ask.trial.cell_id == cell_id
    ]
    found = document(shown, cell_id)
    assert [one["key"] for one in found["trials"]] == [a.trial.key for a, _ in own if a.trial]
    for entry, (_, outcome) in zip(found["trials"], own, strict=True):
        assert outcome is not None
        assert entry["ending"] == outcome.ending.value
    drawn = {one["number"]: one for task in found["curves"] for one in task["lines"]}
    metrics = {task.name: task.metric for task in board.tasks}
    assert len(drawn) == sum(bool(outcome and outcome.curve) for _, outcome in own)
    for ask, outcome in own:
        if ask.trial is None or outcome is None or not outcome.curve:
            continue
        loss = metrics.get(ask.trial.task) == LOSS
        values = [point.valid_loss if loss else point.valid_accuracy for point in outcome.curve]
        assert drawn[ask.index]["values"] == values
        assert (drawn[ask.index]["kind"] == "seed") == (ask.role is Role.CONFIRM)
    selected = {one.key for one in board.rows[0].selected if one}
    best = {one for one in drawn if drawn[one]["kind"] == "best"}
    assert {ask.trial.key for ask, _ in own if ask.trial and ask.index in best} == selected


def test_facts_are_those_of_the_passport(shown: Shown) -> None:
    row = shown[3].rows[0]
    facts = passport(parse(row.text)).document()
    relative = facts.pop("relative")
    without = document(shown, row.cell_id)["facts"]
    assert without.pop("relative") is None
    assert without == plain(facts)
    assert document(shown, row.cell_id, "?relative=yes")["facts"]["relative"] == plain(relative)


def test_parents_name_their_children_and_children_their_parent(shown: Shown) -> None:
    _, store, study, board = shown
    born = {
        ask.trial.cell_id: ask.parent_id
        for ask, _ in reversed(store.log(study.id))
        if ask.trial and ask.role is not Role.CONFIRM
    }
    for cell_id in [board.rows[0].cell_id, *list(born)[:6]]:
        found = document(shown, cell_id)
        children = [one for one, parent in born.items() if parent == cell_id]
        siblings = [
            one
            for one, parent in born.items()
            if parent and parent == born[cell_id] and one != cell_id
        ]
        family, origin = found["family"], found["origin"]["parent"]
        assert (origin["cell"] if origin else "") == born[cell_id]
        for name, members in (("children", children), ("siblings", siblings)):
            assert family[f"{name}_count"] == len(members)
            listed = [one["cell"] for one in family[name]]
            assert set(listed) <= set(members)
            assert len(listed) == min(len(members), cell.KIN)


def test_a_setting_crosses_each_axis_at_its_value_and_the_last_at_its_result() -> None:
    task = TaskColumn("alpha", "smoke", LOSS, "nats")
    settings = [
        {"number": n, "learning_rate": rate, "scale": 1.0, "clip": 5.0, "layers": 1, "dropout": 0.0}
        | {"value": value, "ending": "ok" if value else "diverged"}
        for n, (rate, value) in enumerate([(0.1, 2.0), (0.2, 1.0), (0.4, None)])
    ]
    found = {**task.judged(), "settings": settings, "varied": ["learning_rate"]}
    chart = trials.tried_chart(found)
    lines = {trace["name"]: trace["y"][:2] for trace in chart["data"]}
    assert lines["best quarter (1)"] == [pytest.approx(0.5, abs=0.05), 1.0]
    assert lines["third (1)"] == [pytest.approx(0.0, abs=0.05), 0.0]
    assert lines["did not train (1)"][0] == pytest.approx(1.0, abs=0.05)
    assert lines["did not train (1)"][1] < 0
    ticks = {(note["x"], note["text"]) for note in chart["layout"]["annotations"]}
    assert {(0, "0.1"), (0, "0.4"), (1, "1"), (1, "2"), (0, "learning rate")} <= ticks


def test_text_and_drawing_of_a_cell_can_be_downloaded(shown: Shown) -> None:
    client, store, study, board = shown
    path = f"/studies/{study.id}/cells/{board.rows[0].cell_id}"
    text = client.get(f"{path}.cell")
    assert text.text == store.cell(board.rows[0].cell_id)
    assert text.headers["Content-Type"] == "text/plain; charset=utf-8"
    drawing = client.get(f"{path}.svg")
    assert drawing.headers["Content-Type"] == "image/svg+xml"
    assert drawing.text.startswith("<svg")
    for answer in (text, drawing):
        assert answer.headers["Content-Disposition"] == "attachment"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    page = client.get(path).text
    assert "<math" in page
    assert 'class="gwc"' in page
    assert f'href="../../..{path}.svg"' in page


def test_a_cell_that_the_study_never_trained_is_not_there_and_the_page_says_why(
    shown: Shown,
) -> None:
    client, _, study, _ = shown
    answer = client.get(f"/api/studies/{study.id}/cells/000000000000")
    assert answer.status_code == 404
    assert "leaderboard" in answer.json()["error"]
    for ending in (".cell", ".svg"):
        assert client.get(f"/studies/{study.id}/cells/000000000000{ending}").status_code == 404


def test_a_text_that_is_no_cell_is_shown_as_text_and_cannot_be_drawn(tmp_path: Path) -> None:
    path = tmp_path / "odd.gate"
    store, study = synthetic.write(path)
    cell_id = leaderboard.build(store, study.id).rows[0].cell_id
    with unguarded(store.connection, "cell_no_update"):
        store.connection.execute("UPDATE cell SET text = 'no <cell>' WHERE id = ?", (cell_id,))
    store.close()
    with over(path) as client:
        address = f"/studies/{study.id}/cells/{cell_id}"
        page = client.get(address)
        assert page.status_code == 200
        assert "no &lt;cell&gt;" in page.text
        assert "cannot be drawn" in page.text
        assert client.get(f"{address}.cell").text == "no <cell>"
        assert client.get(f"{address}.svg").status_code == 404
