"""Strikes in the record: kept in order, across starts, and absent from a store of before."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from results.error import StoreError
from results.publishing import publication
from results.record.store import Store
from results.record.strike import Blame, Kind, Strike
from tests.results import synthetic
from tests.results.forge import unguarded

KEPT = Path(__file__).parents[1] / "assets"


def test_strikes_come_back_in_order_with_their_start_and_are_published(tmp_path: Path) -> None:
    store, study = synthetic.write(tmp_path / "run.gate")
    first = Strike(3, 1, Kind.DIED, Blame.CELL, "alpha (10.0.0.1)", "2", "half a pair: \ud800")
    second = Strike(3, 2, Kind.LEFT, Blame.MACHINE, "beta", "0", "gone")
    store.add_strike(study.id, first)
    epoch = store.begin(study, {})
    store.add_strike(study.id, second)
    expected = [
        replace(first, detail="half a pair: ?", epoch=epoch - 1),
        replace(second, epoch=epoch),
    ]
    assert store.strikes(study.id) == expected
    assert store.strikes(study.id, 1) == expected[1:]
    assert all(strike.at for strike in store.strikes(study.id))
    publication.publish(store, tmp_path / "published")
    store.close()
    with publication.open_record(tmp_path / "published") as read:
        assert read.strikes(study.id) == expected


def test_a_strike_of_an_ask_that_is_not_there_is_refused(tmp_path: Path) -> None:
    store, study = synthetic.write(tmp_path / "run.gate")
    with pytest.raises(StoreError):
        store.add_strike(study.id, Strike(10**6, 1, Kind.DIED, Blame.CELL, "", "0", ""))
    assert store.strikes(study.id) == []
    store.close()


@pytest.mark.parametrize("version", [1, 2])
def test_a_store_of_before_has_no_strikes(version: int, tmp_path: Path) -> None:
    path = Path(shutil.copy(KEPT / f"version-{version}.gate", tmp_path / "old.gate"))
    with Store.read(path) as store:
        (row,) = store.studies()
        assert store.strikes(row.id) == []


def test_a_kind_that_this_version_does_not_know_is_called_newer(tmp_path: Path) -> None:
    store, study = synthetic.write(tmp_path / "run.gate")
    store.add_strike(study.id, Strike(0, 1, Kind.DIED, Blame.CELL, "", "0", ""))
    with unguarded(store.connection, "strike_no_update"):
        store.connection.execute("UPDATE strike SET blame = 'moon'")
    with pytest.raises(StoreError, match=r"^newer: .*\"moon\" of 'blame'"):
        store.strikes(study.id)
    store.close()
