"""The real engine in a slot: the same bits as in process, and a memory bomb is only an outcome."""

from dataclasses import replace

from cells.training.budget import Budget
from cells.training.schedule import Schedule
from cells.training.setting import Setting
from results.record.outcome import Ending, Outcome
from results.record.trial import Trial
from search.run.evaluate import evaluate
from search.run.pool import Job
from search.run.ray_pool import RayPool
from tasks import registry

LSTM = """cell lstm(x; c, h)
  i  = sigmoid(linear(x, h))
  f  = sigmoid(linear(x, h, bias=1))
  o  = sigmoid(linear(x, h))
  c' = f * c + i * tanh(linear(x, h))
  h' = o * tanh(c')
  out = h'
"""


def test_a_slot_gives_the_bits_of_the_run_in_process_and_survives_a_memory_bomb() -> None:
    facts = registry.load("memorization", "smoke").facts
    trial = Trial(
        cell=LSTM,
        cell_id="lstm",
        task="memorization",
        task_version=facts.version,
        task_digest=facts.digest,
        scale="smoke",
        setting=Setting(learning_rate=1.0, layers=2, dropout=0.1),
        schedule=Schedule(epochs=3),
        budget=Budget(parameters=5000, updates=40, seconds=600.0),
        seed=3,
    )
    bomb = replace(trial, budget=Budget(parameters=50_000_000, updates=3, bytes=100_000_000))
    pool = RayPool(1, None, evaluate)
    jobs = [Job(index, 1, one.to_json()) for index, one in enumerate((trial, bomb, trial))]
    found: dict[int, Outcome] = {}
    try:
        while len(found) < 3:
            while jobs and pool.room > 0:
                pool.submit(jobs.pop(0))
            for arrival in pool.wait(1.0):
                assert arrival.outcome is not None, arrival.detail
                found[arrival.job.index] = Outcome.from_json(arrival.outcome)
    finally:
        pool.close()
    here = Outcome.from_json(evaluate(trial.to_json()))
    assert here.ending is Ending.OK
    assert found[0].facts_json() == found[2].facts_json() == here.facts_json()
    assert found[1].ending is Ending.OUT_OF_MEMORY
    assert found[2].cost.peak_bytes > 0
