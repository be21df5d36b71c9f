"""What a machine must have before its first trial."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from cells.engine import executor as executors
from search.error import SlotError
from search.run import handshake
from search.run.cluster.slot import look_for_corpora
from search.run.handshake import Data, Needs
from tasks import registry
from tasks.corpora import corpus

SMOKE = registry.load("memorization", "smoke").facts


def test_this_machine_has_what_its_own_study_needs_also_after_a_way_as_text() -> None:
    for executor in ("reference", executors.best()):
        needs = handshake.needs(executor, [SMOKE])
        again = Needs.from_json(needs.to_json())
        assert again == needs
        assert handshake.lacks(again) == []
        handshake.require(again)


def test_the_portable_executor_needs_no_more_than_its_class_of_machines() -> None:
    if executors.hindrance("portable"):
        pytest.skip(str(executors.hindrance("portable")))
    machine = handshake.needs("portable", []).machine
    assert machine is not None
    assert set(machine) == {"executor", "executor class", "version numpy"}


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"data": (Data("memorization", "smoke", 99, SMOKE.digest),)}, "version 1 here, 99"),
        ({"data": (Data("memorization", "smoke", SMOKE.version, "f" * 64),)}, "data digest"),
        ({"data": (Data("nonesuch", "smoke", 1, ""),)}, "T001: there is no task"),
        ({"executor": "reference", "machine": {"machine": "vax"}}, "not the machine class"),
        ({"disk": 2**62}, "MiB free in"),
        ({"memory": 2**62}, "MiB of memory free"),
    ],
)
def test_what_is_lacking_is_said_with_what_to_do(changes: dict[str, object], what: str) -> None:
    needs = replace(Needs(), **changes)  # pyright: ignore[reportArgumentType]
    (lack,) = handshake.lacks(needs)
    assert what in lack.what
    assert lack.remedy
    with pytest.raises(SlotError, match="this machine cannot run the study") as caught:
        handshake.require(needs)
    assert caught.value.resumable
    assert caught.value.exit_code == 1


def test_a_missing_corpus_is_lacking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWRIGHT_DATA", str(tmp_path))
    registry._load.cache_clear()
    (lack,) = handshake.lacks(Needs(data=(Data("jsb", "smoke", 1, ""),)))
    registry._load.cache_clear()
    assert lack.what.startswith("T102: corpus jsb is not here")
    assert "gatewright data fetch jsb" in lack.remedy


def test_a_worker_looks_in_the_folders_of_the_driver_unless_its_node_names_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, own, sent = tmp_path / "driver", tmp_path / "node", tmp_path / "sent"
    sent.mkdir()
    monkeypatch.setattr("search.run.staging.sent", lambda: sent)
    monkeypatch.delenv("GATEWRIGHT_DATA", raising=False)
    usual = corpus.folders()
    look_for_corpora([str(theirs)])
    assert corpus.folders() == (sent, *usual, theirs)
    monkeypatch.setenv("GATEWRIGHT_DATA", str(own))
    look_for_corpora([str(theirs)])
    assert corpus.folders() == (sent, own)
    shutil.rmtree(sent)
