"""The ledger of failures against the log, read row by row."""

from collections import Counter
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from results.dashboard.app import Desk, create
from results.dashboard.pages.failures import SIZE, document
from results.dashboard.query import Query, QueryError
from results.dashboard.record import Record
from results.dashboard.view import Document, Request
from results.record.ask import Rejection
from results.record.outcome import Ending
from results.record.store import Store
from results.record.study import Study
from tests.results import synthetic


def asked(store: Store, study: Study, **filters: str) -> Document:
    """The view's document with these filters."""
    query = Query({name: [value] for name, value in filters.items()})
    return document(Request(Record(store), study.id, query))


def refused(store: Store, study: Study) -> list[tuple[int, Rejection]]:
    """All rejections with the number of the ask before which they were decided."""
    log = store.log(study.id)
    found = [(ask.index, one) for ask, _ in log for one in ask.rejections]
    return found + [(len(log), one) for one in store.verdicts(study.id, len(log))[0]]


def test_cells_turned_away_are_counted_and_listed_newest_first(
    written: tuple[Store, Study],
) -> None:
    found, all_of_them = asked(*written), refused(*written)
    causes = Counter(str(one.cause) for _, one in all_of_them)
    assert {one["cause"]: one["count"] for one in found["causes"] if one["count"]} == causes
    assert found["matched"] == len(all_of_them)
    rows = [(one["number"], one["why"], one["cell"], one["detail"]) for one in found["rows"]]
    expected = [(number, str(one.cause), one.cell_id, one.detail) for number, one in all_of_them]
    assert rows == expected[::-1][:SIZE]


def test_a_cell_below_the_threshold_has_the_task_that_it_was_trained_on_last(
    written: tuple[Store, Study],
) -> None:
    store, study = written
    log = store.log(study.id)
    for number, one in refused(store, study):
        if one.cause == "threshold":
            trials = [ask.trial for ask, _ in log[:number] if ask.trial is not None]
            last = [trial.task for trial in trials if trial.cell_id == one.cell_id][-1]
            page = asked(store, study, task=last, why="threshold")
            assert (number, one.cell_id) in [(row["number"], row["cell"]) for row in page["rows"]]
            others = {plan.name for plan in study.tasks} - {last}
            for other in others:
                rows = asked(store, study, task=other, why="threshold")["rows"]
                assert (number, one.cell_id) not in [(row["number"], row["cell"]) for row in rows]


def test_an_operator_is_counted_with_every_cell_it_had_a_part_in(
    written: tuple[Store, Study],
) -> None:
    counts = Counter(name for _, one in refused(*written) for name in set(one.operators))
    assert counts
    found = asked(*written)["by_operator"]
    assert {one["operator"]: one["count"] for one in found} == counts
    for operator, count in counts.items():
        assert asked(*written, operator=operator)["matched"] == count


def test_failed_trainings_have_their_setting_and_the_advice_of_their_ending(
    written: tuple[Store, Study],
) -> None:
    store, study = written
    bad = [
        (ask.trial, outcome)
        for ask, outcome in store.log(study.id)
        if ask.trial and outcome and outcome.ending is Ending.DIVERGED
    ]
    found = asked(store, study, why="diverged")
    assert found["kind"] == "trials"
    assert found["matched"] == len(bad) > 0
    trial, outcome = bad[-1]
    newest = found["rows"][0]
    assert newest["cell"] == trial.cell_id
    assert newest["setting"]["learning_rate"] == trial.setting.learning_rate
    assert (newest["step"], newest["advice"]) == (outcome.step, Ending.DIVERGED.advice)
    at = sum(one.task == "beta" for one, _ in bad)
    assert asked(store, study, why="diverged", task="beta")["matched"] == at


def test_a_cause_is_not_an_ending(written: tuple[Store, Study]) -> None:
    with pytest.raises(QueryError, match="expected one of"):
        asked(*written, kind="trials", why="screen")


def test_the_page_links_cells_that_were_trained_and_escapes_what_the_store_says(
    tmp_path: Path,
) -> None:
    path = tmp_path / "run.gate"
    store, study = synthetic.write(path)
    evil = Rejection(
        refused(store, study)[0][1].cause, "0" * 12, "", ("<b>",), "<script>x</script>"
    )
    store.add_verdicts(study.id, len(store.log(study.id)), [evil], [])
    store.close()
    desk = Desk(path)
    client = TestClient(create(desk), base_url="http://localhost")
    text = client.get(f"/studies/{study.id}/failures").text
    assert "&lt;script&gt;x&lt;/script&gt;" in text
    assert "<script>x" not in text
    assert f'href="../../studies/{study.id}/cells/{"0" * 12}"' not in text
    assert f'href="../../studies/{study.id}/cells/' in text
    desk.close()
