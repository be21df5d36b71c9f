import errno
import json
import os
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from cells.engine import executor
from cells.training.budget import Budget
from cells.training.schedule import Schedule
from cells.training.setting import Setting
from results.record.outcome import Ending, Outcome
from results.record.trial import Trial
from search.error import SlotError
from search.run.evaluate import evaluate, prepare_process
from tasks import registry

GRU = """cell gru(x; h)
  r  = sigmoid(linear(x, h))
  z  = sigmoid(linear(x, h))
  n  = tanh(linear(x, r * h))
  h' = z * h + (1 - z) * n
"""
WITHOUT_STATE = "cell none(x; h)\n  h' = tanh(h * 0 + x * 0)\n"
EXPLODING = "cell big(x; h)\n  h' = exp(exp(exp(5 + linear(x, h))))\n"


def trial(**changes: object) -> Trial:
    facts = registry.load("memorization", "smoke").facts
    base = Trial(
        cell=GRU,
        cell_id="gru",
        task="memorization",
        task_version=facts.version,
        task_digest=facts.digest,
        scale="smoke",
        setting=Setting(),
        schedule=Schedule(epochs=2),
        budget=Budget(parameters=2000, updates=10, seconds=600.0),
        seed=1,
    )
    return replace(base, **changes)  # pyright: ignore[reportArgumentType]


def outcome(asked: Trial) -> Outcome:
    found = Outcome.from_json(evaluate(asked.to_json()))
    assert found.key == asked.key
    assert "\n" not in found.detail
    return found


def test_a_trial_trains_and_its_outcome_repeats_bit_for_bit() -> None:
    first = outcome(trial())
    assert (first.ending, first.detail, first.updates) == (Ending.OK, "", 10)
    assert first.parameters is not None
    assert 1900 <= first.parameters <= 2000
    assert first.curve
    assert first.test_loss is not None
    outcome(trial(seed=2))
    assert outcome(trial()).facts_json() == first.facts_json()
    assert outcome(trial(seed=2)).facts_json() != first.facts_json()


def test_products_in_bfloat16_are_asked_for_by_the_executor_and_so_part_of_the_key() -> None:
    if executor.hindrance("native-bf16"):
        pytest.skip("no products in bfloat16 here")
    whole, short = trial(executor="native"), trial(executor="native-bf16")
    assert whole.key != short.key
    first = outcome(short)
    assert first.ending is Ending.OK
    assert outcome(short).facts_json() == first.facts_json()
    assert outcome(whole).valid_loss != first.valid_loss
    assert outcome(whole).valid_loss == pytest.approx(first.valid_loss, rel=1e-2)


def test_an_outcome_tells_what_it_cost() -> None:
    cost = outcome(trial()).cost
    assert cost.seconds > 0
    assert cost.cpu_seconds > 0
    assert cost.peak_bytes > 50_000_000


def test_the_process_is_prepared_for_equal_bits() -> None:
    outcome(trial())
    assert torch.get_num_threads() == 1
    assert torch.are_deterministic_algorithms_enabled()
    assert prepare_process()["threads"] == "1"


@pytest.mark.parametrize(
    ("changes", "ending", "detail"),
    [
        ({"cell": "cell"}, Ending.REFUSED, "C101 at line 1"),
        ({"cell": "\0" * 100_000}, Ending.REFUSED, "C001"),
        ({"budget": Budget(parameters=3)}, Ending.REFUSED, "3 parameters is too small"),
        ({"budget": Budget()}, Ending.REFUSED, "budget of parameters"),
        ({"budget": Budget(parameters=2000, seconds=0.0)}, Ending.TIMED_OUT, "over 0 s"),
        ({"cell": WITHOUT_STATE, "stop_at": 0.9}, Ending.REJECTED, "gradient"),
        ({"executor": "nonesuch"}, Ending.CRASHED, "ValueError: unknown executor"),
        ({"dtype": "float8"}, Ending.CRASHED, "float8"),
        (
            {"budget": Budget(parameters=50_000_000, updates=3, bytes=50_000_000)},
            Ending.OUT_OF_MEMORY,
            "more memory than allowed",
        ),
        ({"cell": EXPLODING}, Ending.DIVERGED, ""),
    ],
)
def test_every_misfortune_is_an_outcome(
    changes: dict[str, object], ending: Ending, detail: str
) -> None:
    found = outcome(trial(**changes))
    assert found.ending is ending
    assert detail in found.detail
    assert (found.step is None) == (ending is not Ending.DIVERGED)
    assert json.loads(found.to_json())["ending"] == ending.value


def test_a_crash_names_the_place_in_our_code() -> None:
    assert outcome(trial(executor="nonesuch")).detail.endswith(")")
    assert "(engine/executor.py:" in outcome(trial(executor="nonesuch")).detail


def test_a_memory_limit_ends_with_its_trial() -> None:
    small = Budget(parameters=50_000_000, updates=3, bytes=50_000_000)
    assert outcome(trial(budget=small)).ending is Ending.OUT_OF_MEMORY
    assert torch.zeros(40_000_000).sum() == 0
    assert outcome(trial()).ending is Ending.OK


@pytest.mark.parametrize("text", ["", "{", "null", "[]", '{"cell": 1}', '"\\ud800"'])
def test_what_is_no_trial_crashes_in_the_outcome_and_nowhere_else(text: str) -> None:
    assert Outcome.from_json(evaluate(text)).ending is Ending.CRASHED


def test_a_trial_with_an_unknown_field_crashes_in_the_outcome_and_nowhere_else() -> None:
    fields = json.loads(trial().to_json()) | {"colour": "red"}
    found = Outcome.from_json(evaluate(json.dumps(fields)))
    assert found.ending is Ending.CRASHED
    assert "colour" in found.detail


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "nonesuch"}, "no task 'nonesuch'"),
        ({"scale": "huge"}, "huge"),
        ({"task_version": 99}, "version 1 here, 99 expected"),
        ({"task_digest": "0"}, "data digest .* here, 0 expected"),
    ],
)
def test_other_data_than_the_trial_names_is_a_fault_of_the_machine(
    changes: dict[str, object], message: str
) -> None:
    with pytest.raises(SlotError, match=message) as caught:
        evaluate(trial(**changes).to_json())
    assert caught.value.code == "slot.unfit"
    assert caught.value.resumable


def test_a_missing_corpus_is_a_fault_of_the_machine_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWRIGHT_DATA", str(tmp_path))
    registry._load.cache_clear()
    with pytest.raises(SlotError, match="T102") as caught:
        evaluate(trial(task="ptb-char", scale="laptop").to_json())
    registry._load.cache_clear()
    assert "gatewright data fetch" in caught.value.hint


def test_a_missing_compiler_is_a_fault_of_the_machine() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from search.run.evaluate import evaluate; evaluate(sys.stdin.read())",
        ],
        input=trial(executor="portable").to_json(),
        env=os.environ | {"CC": "/nonexistent/cc"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "SlotError: slot.unfit: no-compiler: no C compiler" in done.stderr


def test_memory_that_ends_without_a_budget_of_it_is_a_fault_of_the_machine() -> None:
    huge = trial(budget=Budget(parameters=50_000_000, updates=3))
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    status = Path("/proc/self/status").read_text()
    used = int(status.partition("VmData:")[2].split()[0]) * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (used + 50_000_000, hard))
    try:
        with pytest.raises(SlotError, match="needs more memory than this machine has") as caught:
            evaluate(huge.to_json())
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
    assert caught.value.code == "slot.memory"


def test_a_full_disk_is_a_fault_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("search.run.evaluate.train", full)
    with pytest.raises(SlotError, match="No space left on device"):
        evaluate(trial().to_json())


_HOT = """
import sys
from search.run.evaluate import evaluate
from results.record.outcome import Outcome
for text in sys.stdin:
    found = Outcome.from_json(evaluate(text))
    print(found.ending.value, found.detail)
print([name for name in ("torch", "pandas", "ray", "optuna", "scipy") if name in sys.modules])
"""


def test_a_worker_of_the_native_executor_never_loads_torch() -> None:
    if executor.hindrance() is not None:
        pytest.skip(str(executor.hindrance()))
    native = trial(executor="native")
    trials = [
        native,
        replace(native, setting=Setting(layers=2, dropout=0.3), stop_at=0.99),
        replace(native, cell=WITHOUT_STATE, stop_at=0.9),
        replace(native, cell=EXPLODING),
        replace(native, budget=Budget(parameters=50_000_000, updates=3, bytes=50_000_000)),
        replace(native, budget=Budget(parameters=3)),
    ]
    done = subprocess.run(
        [sys.executable, "-c", _HOT],
        input="".join(f"{one.to_json()}\n" for one in trials),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *endings, loaded = done.stdout.splitlines()
    assert [line.split()[0] for line in endings] == [
        *("ok", "ok", "rejected", "diverged", "out_of_memory", "refused")
    ]
    assert loaded == "[]"


def test_the_native_outcome_is_the_same_with_torch_and_without() -> None:
    if executor.hindrance() is not None:
        pytest.skip(str(executor.hindrance()))
    native = trial(executor="native", setting=Setting(layers=2, dropout=0.3), stop_at=0.99)
    code = (
        "import sys; from search.run.evaluate import evaluate; from results.record.outcome import Outcome;"
        "print(Outcome.from_json(evaluate(sys.stdin.read())).facts_json())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=native.to_json(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == outcome(native).facts_json()
