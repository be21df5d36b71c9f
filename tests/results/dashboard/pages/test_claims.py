"""The claims' page against the verdicts of the report."""

import dataclasses
from pathlib import Path

from starlette.testclient import TestClient

from results.claims import findings
from results.dashboard.app import Desk, create
from results.record.ask import Ask, Role
from results.record.store import Store
from tests.results import findings_store
from tests.results.dashboard.served import over
from tests.results.founding_store import Part, record
from tests.results.report.test_founding_report import ARMS


def test_verdicts_are_those_of_the_report(tmp_path: Path) -> None:
    store, study = findings_store.write(tmp_path / "findings.gate")
    run = findings.run_of(store, study.id)
    assert run is not None
    confirmed = findings.measured(run.trainings)
    wanted = findings.verdicts(run.families, confirmed)
    values = findings.confirmed_values(store, list(run.studies))
    assert values == {(one.arm, one.task): list(one.oriented) for one in confirmed if one.values}
    desk = Desk(store.path)
    desk.open()
    with TestClient(create(desk), base_url="http://localhost") as client:
        found = client.get("/api/claims").json()
        page = client.get("/claims").text
        refused = client.get("/claims?family=horoscope")
    desk.close()
    assert found["run"] == f"{run.findings}-{run.scale}"
    assert [family["name"] for family in found["families"]] == list(wanted)
    for family in found["families"]:
        told = wanted[family["name"]]
        assert [one["word"] for one in family["verdicts"]] == [one.word for one in told]
        for row, one in zip(family["verdicts"], told, strict=True):
            assert row["effect"] == (
                one.pooled
                and {
                    "centre": one.pooled.centre,
                    "low": one.pooled.low,
                    "high": one.pooled.high,
                    "count": one.pooled.count,
                }
            )
            assert one.claim.statement in page
    assert refused.status_code == 400


def test_a_training_that_two_studies_ask_for_is_counted_once(tmp_path: Path) -> None:
    store = Store.create_or_open(tmp_path / "findings.gate")
    whole = findings_store.study("all-smoke")
    fewer = dataclasses.replace(whole, baselines=whole.baselines[1:])
    one, two = (findings_store.trial("gru", "arithmetic", place, place) for place in (1, 2))
    for study, asked in ((fewer, [one]), (whole, [one, two])):
        store.begin(study, {})
        findings_store.tasks(store)
        for number, trial in enumerate(asked):
            store.add_ask(study.id, Ask(number, Role.CONFIRM, trial))
    store.add_outcome(whole.id, 0, findings_store.outcome(one, 0.5))
    desk = Desk(store.path)
    desk.open()
    with TestClient(create(desk), base_url="http://localhost") as client:
        found = client.get("/api/claims").json()
    desk.close()
    assert found["trainings"] == {"asked": 2, "done": 1, "confirmed": 1}
    names = {one["id"]: one["name"] for one in found["studies"]}
    assert names == {study.id: f"all-smoke ({study.id})" for study in (fewer, whole)}


def test_a_store_without_findings_says_how_to_make_some(written: tuple[Store, object]) -> None:
    desk = Desk(written[0].path)
    desk.open()
    with TestClient(create(desk), base_url="http://localhost") as client:
        page = client.get("/claims").text
    desk.close()
    assert "gatewright reproduce all" in page


def test_a_run_of_the_second_edition_has_its_words_and_its_parts(tmp_path: Path) -> None:
    path = tmp_path / "founding.sqlite"
    record(
        path,
        Part("rung-1", ARMS),
        Part("rung-1", ARMS, task="markup", first=3),
    )
    with over(path) as client:
        found = client.get("/api/claims").json()
        page = client.get("/claims").text
    assert found["run"] == "founding-laptop"
    families = {family["name"]: family for family in found["families"]}
    assert families["gates-rung-1"]["title"].endswith(": rung-1")
    verdicts = {row["id"]: row for row in families["gates-rung-1"]["verdicts"]}
    told = verdicts["forget-gate-helps"]
    assert told["word"] == "replicated"
    assert told["effect"]["centre"] > 1
    assert {row["verdict"] for row in told["comparisons"]} == {"replicated"}
    assert verdicts["tanh-far-behind"]["reason"] == "not run"
    assert "undecided at this budget" in page
    assert "gates-rung-3" not in families
