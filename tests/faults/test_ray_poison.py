"""A poisonous trial on workers of Ray: it costs each slot once, and then no more."""

from pathlib import Path

import pytest

from results.record.outcome import Ending
from results.record.provenance import root
from results.record.store import Store
from results.record.strike import Blame, Kind
from search.progress import Silent
from search.run.clock import Monotonic
from search.run.driver import run
from search.run.ray_pool import RayPool
from tests.faults import toy_engine
from tests.faults.slots import up
from tests.faults.toy_strategy import ToyStrategy, study


@pytest.mark.slow
@pytest.mark.parametrize("misdeed", ["exit", "segfault"])
def test_a_poisonous_trial_is_struck_out_after_three_workers_on_both_slots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, misdeed: str
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(root()))
    monkeypatch.setenv("GATEWRIGHT_TOY_MS", "50")
    pool = RayPool(2, None, toy_engine.evaluate)
    try:
        up(pool)
        with Store.create_or_open(tmp_path / "s.db") as store:
            toy = ToyStrategy(study(), 60, {20: misdeed})
            summary = run(study(), store, pool, toy, Silent(), Monotonic(), (), {})
            strikes = store.strikes(study().id)
            ((_, outcome),) = store.part(study().id, [20])
    finally:
        pool.close()
    assert outcome is not None
    assert outcome.ending is Ending.CRASHED
    assert summary.endings[Ending.CRASHED] == 1
    assert [(one.index, one.kind, one.blame) for one in strikes] == [
        (20, Kind.DIED, Blame.CELL)
    ] * 3
    assert {one.slot for one in strikes} == {"0", "1"}
    assert len({one.node for one in strikes}) == 1
