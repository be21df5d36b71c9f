"""Records that the first version wrote, frozen: they open, report, verify and resume for ever.

`tests/results/assets/edition-1` was written by commit 93b5bf9: a finished search, one that was
interrupted, and a findings run as a store and as a published folder. `expected.json` holds what that
commit read in them.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from results.claims import findings
from results.record import history, publication
from results.record.store import Store
from results.report import search_report as report
from search import cli
from search import findings as runs

EDITION = Path(__file__).parents[1] / "results" / "assets" / "edition-1"
STORES = ("search", "interrupted", "findings")
EXPECTED: dict[str, Any] = json.loads((EDITION / "expected.json").read_text(encoding="utf-8"))


@pytest.fixture
def copied(tmp_path: Path):
    """Copies a frozen record, since a store that is opened may gain files beside it."""

    def copy(name: str) -> Path:
        source = EDITION / name
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
