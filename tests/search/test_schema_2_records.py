"""Records of schema version 2, frozen: they open, report, verify, go on and are published for ever.

`tests/results/assets/schema-2` was written by commit afef3d9: a search of `smoke` with 8 proposals that
was interrupted, and the folder that it was published to when it was interrupted and when it had ended.
`expected.json` holds what that commit read in them.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from results.publishing import publication
from results.record import history
from results.record.file.migrate import VERSION
from results.record.store import Store
from results.report import search_report as report
from search import cli, verify

FROZEN = Path(__file__).parents[1] / "results" / "assets" / "schema-2"
NAMES = ("interrupted.gate", "published")
EXPECTED: dict[str, Any] = json.loads((FROZEN / "expected.json").read_text(encoding="utf-8"))


@pytest.fixture
def copied(tmp_path: Path):
    def copy(name: str) -> Path:
        source = FROZEN / name
        kind = shutil.copytree if source.is_dir() else shutil.copy
        return Path(kind(source, tmp_path / name))

    return copy


def document(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def facts(store: Store) -> dict[str, Any]:
    (row,) = store.studies()
    return {
        "id": row.id,
        "asked": row.asked,
        "answered": row.answered,
        "digest": history.digest(store, row.id),
        "root": store.root,
    }


@pytest.mark.parametrize("name", NAMES)
def test_it_opens_with_the_history_and_the_root_digest_that_it_had(name: str, copied) -> None:
    with publication.open_record(copied(name)) as store:
        assert facts(store) == EXPECTED[name]
        assert "smoke" in report.render(store, EXPECTED[name]["id"])


@pytest.mark.parametrize("name", NAMES)
def test_it_is_verified(name: str, copied, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["verify", str(copied(name)), "--sample", "2", "--json"]) == 0
    assert "error" not in document(capsys)


def test_the_interrupted_search_goes_on_to_the_history_of_the_finished_one(
    copied, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copied("interrupted.gate")
    words = ["search", "smoke", "--workers", "0", "--set", "proposals=8"]
    assert cli.run([*words, "--store", str(path), "--resume", "--json"]) == 0
    summary = document(capsys)
    assert summary["study_id"] == EXPECTED["published"]["id"]
    assert summary["asks"] == EXPECTED["published"]["asked"]
    with Store.read(path) as store:
        assert store.select("PRAGMA user_version")[0][0] == VERSION
        unlike = {what for one in verify.read(store) for what in verify.differences(one, "native")}
    if not unlike:  # the machine class that recorded it
        assert summary["digest"] == EXPECTED["published"]["digest"]


def test_the_published_folder_is_restored_goes_on_and_grows_by_a_part(
    copied, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, path = copied("published"), tmp_path / "frozen.gate"
    assert cli.run(["restore", str(folder), str(path), "--json"]) == 0
    (command,) = document(capsys)["resume"]
    assert cli.run([*command.split()[1:], "--json"]) == 0
    assert document(capsys)["digest"] == EXPECTED["published"]["digest"]
    assert cli.run(["publish", str(path), "--out", str(folder)]) == 0
    assert (folder / "part-0002" / "seal.csv.gz").exists()
    with publication.open_record(folder) as store:
        assert facts(store)["digest"] == EXPECTED["published"]["digest"]
        assert facts(store)["root"] != EXPECTED["published"]["root"]
