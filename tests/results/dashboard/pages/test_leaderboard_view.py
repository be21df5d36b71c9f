"""The leaderboard's page, its filters and its files, through the application."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from results.dashboard.app import Desk, create
from results.leaderboard import board as leaderboard
from results.record.store import Store
from results.record.study import Study

Asked = tuple[TestClient, str, leaderboard.Board]


@pytest.fixture
def asked(written: tuple[Store, Study]) -> Iterator[Asked]:
    store, study = written
    desk = Desk(store.path)
    desk.open()
    with TestClient(create(desk), base_url="http://localhost") as client:
        yield client, study.id, leaderboard.build(store, study.id)
    desk.close()


def rows(asked: Asked, query: str = "") -> list[dict[str, Any]]:
    client, study, _ = asked
    answer = client.get(f"/api/studies/{study}/leaderboard{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()["rows"]


def test_the_api_has_the_numbers_of_the_leaderboard_in_its_order(asked: Asked) -> None:
    board = asked[2]
    found = rows(asked)
    whole = [*board.rows, *board.stopped]
    assert [row["cell_id"] for row in found] == [row.cell_id for row in whole[: len(found)]]
    assert [row["score"] for row in found] == [row.score for row in whole[: len(found)]]
    for row, wanted in zip(found, whole, strict=False):
        assert row["tied"] == wanted.tied
        assert [one and one["value"] for one in row["selected"]] == [
            one and one.value for one in wanted.selected
        ]
        assert [one and one["centre"] for one in row["confirmed"]] == [
            one and one.centre for one in wanted.confirmed
        ]


def test_a_task_of_losses_is_sorted_with_the_lowest_first_and_unknown_ones_last(
    asked: Asked,
) -> None:
    place = [task.name for task in asked[2].tasks].index("gamma")
    values = [
        one["selected"][place] and one["selected"][place]["value"]
        for one in rows(asked, "?sort=gamma")
    ]
    known = [value for value in values if value is not None]
    assert known == sorted(known)
    assert values[: len(known)] == known
    turned = rows(asked, "?sort=gamma&order=down")
    again = [one["selected"][place] and one["selected"][place]["value"] for one in turned]
    assert again[: len(known)] == sorted(known, reverse=True)


def test_filters_leave_what_they_say(asked: Asked) -> None:
    board = asked[2]
    assert {row["cell_id"] for row in rows(asked, "?kind=stopped")} <= {
        row.cell_id for row in board.stopped
    }
    assert {row["label"] for row in rows(asked, "?kind=baselines")} == {"lstm", "gru"}
    assert all(row["parent_id"] for row in rows(asked, "?kind=new"))
    assert [row["label"] for row in rows(asked, "?q=GRU")] == ["gru"]
    confirmed = [row.cell_id for row in board.rows if row.confirmed_score]
    assert {row["cell_id"] for row in rows(asked, "?kind=confirmed")} == set(confirmed)
    marked = f"?marked=only&cell={confirmed[0]}&cell={confirmed[1]}"
    assert {row["cell_id"] for row in rows(asked, marked)} == set(confirmed[:2])


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?sort=beauty", "expected one of"),
        ("?page=0", "expected a whole number from 1"),
        ("?kind=best", "finished, stopped"),
        ("?colour=red", "this view knows"),
        ("?" + "&".join(f"cell={n}" for n in range(9)), "expected at most 8"),
    ],
)
def test_a_filter_that_cannot_be_is_refused_with_what_was_expected(
    asked: Asked, query: str, said: str
) -> None:
    client, study, _ = asked
    for path in (f"/studies/{study}/leaderboard", f"/api/studies/{study}/leaderboard"):
        answer = client.get(path + query)
        assert answer.status_code == 400
        assert said in answer.text


def test_the_page_keeps_its_filters_and_the_files_hold_all_cells(asked: Asked) -> None:
    client, study, board = asked
    page = client.get(f"/studies/{study}/leaderboard?q=insert&kind=finished&sort=beta").text
    assert 'name="q" value="insert"' in page
    assert '<option value="finished" selected>' in page
    text = client.get(f"/studies/{study}/leaderboard.csv").text
    flat = list(csv.DictReader(io.StringIO(text)))
    assert [row["cell"] for row in flat] == [row.cell_id for row in (*board.rows, *board.stopped)]
    assert float(flat[0]["score"]) == board.rows[0].score
    taken = client.get(f"/studies/{study}/leaderboard.json?kind=baselines").json()
    assert {row["label"] for row in taken} == {"lstm", "gru"}
