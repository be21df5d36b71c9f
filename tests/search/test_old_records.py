"""Records that the first version wrote, frozen: they open, report, verify and resume for ever.

`tests/results/assets/edition-1` was written by commit 93b5bf9: a finished search, one that was
interrupted, and a findings run as a store and as a published folder. `expected.json` holds what that
commit read in them.
"""

import json
import shlex
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from results.claims import findings
from results.publishing import publication
from results.record import history
from results.record.store import Store
from results.record.trial import ENGINE
from results.record.words import EDITION
from results.report import search_report as report
from search import cli, configuration, verify
from search import findings as runs
from search.run.estimate import tasks_of
from search.run.resume import recorded_study
from search.strategies import registry as strategies
from tasks import registry

EDITION_1 = Path(__file__).parents[1] / "results" / "assets" / "edition-1"
STORES = ("search", "interrupted", "findings")
EXPECTED: dict[str, Any] = json.loads((EDITION_1 / "expected.json").read_text(encoding="utf-8"))


@pytest.fixture
def copied(tmp_path: Path):
    """Copies a frozen record, since a store that is opened may gain files beside it."""

    def copy(name: str) -> Path:
        source = EDITION_1 / name
        kind = shutil.copytree if source.is_dir() else shutil.copy
        return Path(kind(source, tmp_path / name))

    return copy


def document(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("name", STORES)
def test_an_old_store_opens_with_the_history_it_had(name: str, copied) -> None:
    with Store.read(copied(f"{name}.gate")) as store:
        studies = [
            {
                "id": row.id,
                "name": row.study.name,
                "asked": row.asked,
                "answered": row.answered,
                "digest": history.digest(store, row.id),
            }
            for row in store.studies()
        ]
    assert studies == EXPECTED[f"{name}.gate"]


@pytest.mark.parametrize("name", STORES)
def test_an_old_store_is_reported(name: str, copied) -> None:
    with Store.read(copied(f"{name}.gate")) as store:
        for row in store.studies():
            assert row.study.name in report.render(store, row.id)


def test_an_old_published_folder_is_the_store_it_was_made_from(copied) -> None:
    (expected,) = EXPECTED["findings.gate"]
    with publication.open_record(copied("published")) as store:
        (row,) = store.studies()
        assert (row.id, row.asked) == (expected["id"], expected["asked"])
        assert history.digest(store, row.id) == expected["digest"]


@pytest.mark.parametrize("name", ["findings.gate", "published"])
def test_an_old_findings_run_keeps_its_verdicts(name: str, copied) -> None:
    with publication.open_record(copied(name)) as store:
        measured = findings.measure(store, [row.id for row in store.studies()])
    told = findings.verdicts(runs.families("gates"), measured)["gates"]
    words = {verdict.claim.id: verdict.word for verdict in told}
    assert words == {claim: word for claim, (word, _) in EXPECTED["verdicts"]["gates"].items()}
    for verdict in told:
        _, pooled = EXPECTED["verdicts"]["gates"][verdict.claim.id]
        assert (verdict.pooled is None) == (pooled is None)
        if verdict.pooled is not None:
            assert verdict.pooled.centre == pytest.approx(pooled["centre"], rel=1e-12)


@pytest.mark.parametrize("name", ["search.gate", "findings.gate", "published"])
def test_an_old_record_is_verified(name: str, copied, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["verify", str(copied(name)), "--sample", "2", "--json"]) == 0
    assert "error" not in document(capsys)


def test_an_interrupted_old_search_is_resumed_to_its_end(
    copied, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copied("interrupted.gate")
    (before,) = EXPECTED["interrupted.gate"]
    with Store.read(path) as store:
        recorded = store.log(before["id"])
    words = ["search", "smoke", "--workers", "0", "--store", str(path), "--resume", "--json"]
    assert cli.run(words) == 0
    summary = document(capsys)
    assert summary["study_id"] == before["id"]
    assert summary["asks"] == EXPECTED["search.gate"][0]["asked"]
    with Store.read(path) as store:
        after = store.log(before["id"])
    answered = [pair for pair in recorded if pair[1] is not None]
    assert answered == [pair for pair in after[: len(recorded)] if pair in answered]
    with Store.read(path) as store:
        unlike = {what for one in verify.read(store) for what in verify.differences(one, "native")}
    if not unlike:  # the machine class that recorded it: the history is the same to the letter
        assert summary["digest"] == EXPECTED["search.gate"][0]["digest"]


def test_an_old_search_keeps_its_edition_and_a_new_one_gets_todays(copied) -> None:
    plan = configuration.load("smoke")
    assert plan.edition == EDITION > 1
    with Store.read(copied("interrupted.gate")) as store:
        (row,) = store.studies()
        assert recorded_study(plan, store) == row.study == replace(plan, edition=1)
        assert recorded_study(replace(plan, seed=9), store) == replace(plan, seed=9)
    assert configuration.load("smoke", ["edition=1"]).id == row.id != plan.id


@pytest.mark.parametrize(
    ("engine", "hint"), [(ENGINE + 1, "update Gatewright"), (0, "begin it anew")]
)
def test_a_search_of_another_engine_is_read_and_not_resumed(
    engine: int, hint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = configuration.load("smoke")
    facts = {task: registry.load(*task).facts for task in tasks_of(plan)}
    strategy = strategies.make(plan, facts, "reference", engine)
    path = tmp_path / "run.gate"
    with Store.create_or_open(path) as store:
        store.begin(plan, {})
        for one in facts.values():
            store.add_task(
                name=one.name,
                scale=one.scale,
                version=one.version,
                digest=one.digest,
                family=one.family,
                metric=one.metric.name,
                unit=one.unit,
            )
        for index in range(3):
            ask = strategy.ask(index)
            assert ask is not None
            store.add_ask(plan.id, ask)
    words = ["search", "smoke", "--workers", "0", "--store", str(path), "--resume", "--json"]
    assert cli.run(words) == 1
    error = document(capsys)["error"]
    assert error["code"] == "resume.engine"
    assert f"recorded by engine {engine}, this is engine {ENGINE}" in error["message"]
    assert "can be read and reported but not resumed" in error["message"]
    assert hint in error["hint"]
    assert "again" not in error
    assert cli.run(["leaderboard", str(path), "--json"]) == 0
    assert "error" not in document(capsys)
    with Store.read(path) as store:
        assert [row.epochs for row in store.studies()] == [1]


def resumed(command: str, capsys: pytest.CaptureFixture[str]) -> Any:
    """What a printed command says, run here with `--json`."""
    words = shlex.split(command)
    assert words[0].endswith("gatewright")
    assert cli.run([*words[1:], "--json"]) == 0
    return document(capsys)


def test_an_old_published_folder_is_restored_and_resumed(
    copied, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "again.gate"
    assert cli.run(["restore", str(copied("published")), str(path), "--json"]) == 0
    (command,) = document(capsys)["resume"]
    found = resumed(command, capsys)
    (expected,) = EXPECTED["findings.gate"]
    words = {one["claim"]["id"]: one["word"] for one in found["verdicts"]["gates"]}
    assert words == {claim: word for claim, (word, _) in EXPECTED["verdicts"]["gates"].items()}
    with Store.read(path) as store:
        (row,) = store.studies()
        assert (row.id, row.asked, row.epochs) == (expected["id"], expected["asked"], 2)
        assert history.digest(store, row.id) == expected["digest"]


def test_an_interrupted_old_search_is_published_restored_and_resumed(
    copied, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, path = tmp_path / "published-2", tmp_path / "again.gate"
    assert cli.run(["publish", str(copied("interrupted.gate")), "--out", str(folder)]) == 0
    capsys.readouterr()
    assert cli.run(["restore", str(folder), str(path), "--json"]) == 0
    (command,) = document(capsys)["resume"]
    found = resumed(command, capsys)
    assert found["study_id"] == EXPECTED["interrupted.gate"][0]["id"]
    assert found["recorded"] >= EXPECTED["interrupted.gate"][0]["answered"]
    assert found["asks"] == EXPECTED["search.gate"][0]["asked"]
    assert cli.run(["restore", str(folder), str(path)]) == 2
    assert "there is such a file" in capsys.readouterr().err


def test_an_old_findings_run_goes_on_under_its_id_though_new_ones_say_what_they_are(copied) -> None:
    (expected,) = EXPECTED["findings.gate"]
    (plan,) = runs.studies("gates", "smoke")
    with Store.read(copied("findings.gate")) as store:
        found = recorded_study(plan, store)
        (row,) = store.studies()
    assert plan.id != found.id == expected["id"]
    assert found == row.study
    assert findings.findings_part(found) == findings.findings_part(plan) == plan.findings
