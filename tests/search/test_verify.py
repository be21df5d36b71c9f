"""A record trained again: equal bits here, a stated tolerance elsewhere, and what neither can reach."""

import dataclasses
import json
import math
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from results.record.outcome import Cost, Ending, Outcome
from results.record.store import Store
from results.record.trial import ENGINE, Trial
from search import verify
from search.cli import run
from search.run.evaluate import evaluate
from search.verify import Recorded, distance, draw
from tests.results import synthetic
from tests.search.command import ROOT, document, tiny


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a finished search."""
    folder = tmp_path_factory.mktemp("done")
    path = folder / "done.sqlite"
    assert run(["search", tiny(folder), "--workers", "0", "--store", str(path), "--json"]) == 0
    return path


def forge(
    source: Path,
    path: Path,
    change: Callable[[Outcome], Outcome],
    provenance: Mapping[str, str] | None = None,
) -> Path:
    """A whole record, all digests right, that tells of other outcomes than `source`."""
    with Store.read(source) as honest, Store.create_or_open(path) as forged:
        (row,) = honest.studies()
        (said,) = honest.provenance(row.id).values()
        forged.begin(row.study, said if provenance is None else provenance)
        for ask, outcome in honest.log(row.id):
            forged.add_ask(row.id, ask)
            if outcome is not None:
                forged.add_outcome(row.id, ask.index, change(outcome))
    return path


def shifted(by: float) -> Callable[[Outcome], Outcome]:
    """Raises the test loss of every outcome that has one, relative."""

    def change(outcome: Outcome) -> Outcome:
        if outcome.test_loss is None:
            return dataclasses.replace(outcome, ending=Ending.CRASHED)
        return dataclasses.replace(outcome, test_loss=outcome.test_loss * (1 + by))

    return change


def test_a_record_made_here_repeats_bit_for_bit(
    done: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = document(capsys, "verify", str(done), "--sample", "4")
    assert [one["verdict"] for one in found["checked"]] == ["same bits"] * 4
    assert {tuple(one["unlike"]) for one in found["checked"]} == {()}
    assert len({one["task"] for one in found["checked"]}) == 2
    assert (found["agreeing"], found["differing"], found["not_judged"]) == (4, 0, 0)
    assert found["able"] == found["trials"] > 10


def test_a_published_folder_stands_for_its_store_in_every_command(
    done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "published"
    wrote = document(capsys, "publish", str(done), "--out", str(folder))
    assert wrote["bytes"] == sum(path.stat().st_size for path in folder.iterdir())
    assert (
        wrote["studies"][0]["digest"]
        == document(capsys, "verify", str(folder), "--sample", "1")["studies"][0]["digest"]
    )
    board = document(capsys, "leaderboard", str(folder))
    assert board == document(capsys, "leaderboard", str(done))
    cell_id = board["rows"][0]["cell_id"]
    shown = document(capsys, "cells", "show", cell_id, "--store", str(folder))
    assert shown["id"] == cell_id
    document(capsys, "report", str(done), "--out", str(tmp_path / "store.html"))
    assert document(capsys, "report", str(folder))["report"] == str(folder / "report.html")
    assert (folder / "report.html").read_bytes() == (tmp_path / "store.html").read_bytes()
    document(capsys, "export", str(folder), "--out", str(tmp_path / "tables"))
    assert (tmp_path / "tables" / "trials.csv").is_file()


def test_publishing_tells_of_places_on_this_machine(
    done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["publish", str(done), "--out", str(tmp_path / "published")]) == 0
    shown = capsys.readouterr()
    assert f"the record names {done}" in shown.err
    assert "gatewright verify" in shown.out


def test_a_damaged_folder_is_an_error_with_what_to_do(
    done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "published"
    document(capsys, "publish", str(done), "--out", str(folder))
    (folder / "outcome.csv.gz").write_bytes(b"")
    error = document(capsys, "verify", str(folder), code=1)["error"]
    assert error["code"] == "damaged"
    assert "outcome.csv.gz" in error["message"]
    assert document(capsys, "publish", str(folder), "--out", str(tmp_path), code=1)["error"]
    assert document(capsys, "publish", str(done), "--out", str(done), code=2)["error"]


def test_one_changed_bit_is_found_on_the_same_machine_class(
    done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = forge(done, tmp_path / "forged.sqlite", shifted(1e-15))
    found = document(capsys, "verify", str(path), "--sample", "3", code=1)
    assert [one["verdict"] for one in found["checked"]] == ["differs"] * 3
    assert all(one["recorded"] != one["found"] for one in found["checked"])
    assert run(["verify", str(path), "--sample", "1"]) == 1
    assert "0 of 1 that can be judged agree with the record" in capsys.readouterr().out


def test_on_another_machine_class_a_small_difference_is_told_and_tolerated(
    done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for by, verdict, code in ((0.1 * verify.FLOOR, "within rounding", 0), (0.11, "differs", 1)):
        path = forge(done, tmp_path / f"{code}.sqlite", shifted(by), {"machine": "toaster"})
        found = document(capsys, "verify", str(path), "--sample", "2", code=code)
        assert [one["verdict"] for one in found["checked"]] == [verdict] * 2
        assert all(verify.FLOOR <= one["allowed"] <= 0.1 for one in found["checked"])
        unlike = found["checked"][0]["unlike"]
        assert any(one.startswith("machine: toaster, ") for one in unlike)
        assert any(one.startswith("executor cpu: not recorded, ") for one in unlike)


def test_another_executor_is_another_class(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = document(capsys, "verify", str(done), "--sample", "2", "--executor", "reference")
    with Store.read(done) as store:
        executors = {one.trial.executor for one in verify.read(store)}
    if executors == {"native"}:
        assert all(one["unlike"] for one in found["checked"])
    assert found["agreeing"] == 2
    assert document(capsys, "verify", str(done), "--executor", "abacus", code=2)["error"]


def test_what_this_machine_cannot_repeat_is_counted_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, _ = synthetic.write(tmp_path / "invented.sqlite")
    store.close()
    found = document(capsys, "verify", str(store.path), code=1)
    assert found["checked"] == []
    assert found["able"] == 0
    assert sum(found["not_able"].values()) == found["trials"]
    assert any("no task 'alpha'" in reason for reason in found["not_able"])
    assert any(
        reason.startswith("memorization at smoke: data digest") for reason in found["not_able"]
    )
    assert run(["verify", str(store.path)]) == 1
    assert "nothing could be compared" in capsys.readouterr().out
    assert document(capsys, "verify", str(store.path), "--sample", "0")["checked"] == []


def test_endings_that_hang_on_the_machine_are_not_repeated(done: Path, tmp_path: Path) -> None:
    def late(outcome: Outcome) -> Outcome:
        return dataclasses.replace(outcome, ending=Ending.TIMED_OUT)

    with Store.read(forge(done, tmp_path / "late.sqlite", late)) as store:
        recorded = verify.read(store)
    able, reasons = verify.sort_out(recorded, None)
    assert able == []
    assert list(reasons.values()) == [len(recorded)]
    assert next(iter(reasons)).startswith("timed_out: ")


def test_a_training_that_this_machine_ends_early_is_no_judgement(done: Path) -> None:
    with Store.read(done) as store:
        one = verify.read(store)[0]

    def hasty(text: str) -> str:
        fields = json.loads(text)
        fields["budget"]["seconds"] = 0.0
        return evaluate(json.dumps(fields))

    check = verify.repeat(one, hasty)
    assert check.verdict == "not finished"
    assert not check.agrees


def recorded(number: int, task: str, seconds: float) -> Recorded:
    trial = synthetic.trial(synthetic.BASELINES["gru"], task, number)
    return Recorded(trial, Outcome(trial.key, Ending.OK, cost=Cost(seconds)), {})


def test_a_draw_spreads_over_the_tasks_and_repeats_by_its_seed() -> None:
    all_ = [
        recorded(number, task, 1.0) for number in range(9) for task in ("alpha", "beta", "gamma")
    ]
    drawn = draw(all_, 6, 100.0, 0)
    assert sorted(one.trial.task for one in drawn) == [
        *("alpha", "alpha", "beta", "beta", "gamma", "gamma")
    ]
    assert draw(all_[::-1], 6, 100.0, 0) == drawn
    assert draw(all_, 6, 100.0, 1) != drawn


def test_a_draw_fits_its_time_and_is_never_empty() -> None:
    all_ = [recorded(number, "alpha", float(number + 1)) for number in range(9)]
    drawn = draw(all_, 9, 10.0, 0)
    assert sum(one.outcome.cost.seconds for one in drawn) <= 10.0
    assert len(drawn) > 1
    assert draw(all_, 9, 0.5, 0) == [all_[0]]
    assert draw(all_, 0, 100.0, 0) == draw([], 5, 100.0, 0) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, 0.0),
        ({"test_loss": 0.9}, 0.1),
        ({"test_accuracy": 0.4}, 0.1),
        ({"test_accuracy": 0.4, "valid_loss": 0.8}, 0.2),
        ({"test_loss": None}, math.inf),
        ({"width": 41}, math.inf),
        ({"ending": Ending.DIVERGED}, math.inf),
        ({"updates": 90, "detail": "other"}, 0.0),
    ],
)
def test_a_distance_is_the_largest_of_all_numbers(
    changes: dict[str, object], expected: float
) -> None:
    one = Outcome(
        *("key", Ending.OK),
        width=40,
        parameters=900,
        valid_loss=1.0,
        valid_accuracy=0.5,
        test_loss=1.0,
        test_accuracy=0.5,
    )
    other = dataclasses.replace(one, **changes)  # pyright: ignore[reportArgumentType]
    assert distance(one, other) == pytest.approx(expected)
    assert distance(other, one) == pytest.approx(expected)


def test_what_a_disturbance_as_small_as_rounding_moves_far_is_not_judged(done: Path) -> None:
    with Store.read(done) as store:
        one = next(one for one in verify.read(store) if one.outcome.test_loss is not None)
    unlike = dataclasses.replace(one, provenance={})

    def wild(text: str) -> str:
        """A training whose rate, or kind of number, moves its loss as chaos would."""
        trial, outcome = Trial.from_json(text), Outcome.from_json(evaluate(text))
        assert outcome.test_loss is not None
        off = 0.3 if trial.dtype == "float64" else 0.001
        return dataclasses.replace(outcome, test_loss=outcome.test_loss + off).to_json()

    check = verify.repeat(unlike, wild)
    assert (check.verdict, check.judged, check.agrees) == ("hangs on rounding", False, False)
    assert verify.repeat(unlike, evaluate).verdict == "same bits"


PUBLISHED = sorted((ROOT / "results" / "published").glob("*/record.json"))
assert PUBLISHED


# The bytes of the first edition's page take as long as the rest of the file, so they are compared by
# scripts/test-slow; its numbers and words are held by tests/results/test_document_findings.py.
@pytest.mark.parametrize(
    "manifest",
    [
        pytest.param(
            path,
            id=path.parent.name,
            marks=[pytest.mark.slow] if path.parent.name == "all-laptop" else [],
        )
        for path in PUBLISHED
    ],
)
def test_what_is_published_is_whole_and_its_report_renders_to_the_same_bytes(
    manifest: Path, tmp_path: Path
) -> None:
    folder = manifest.parent
    shutil.copytree(folder, tmp_path / folder.name)
    assert run(["report", str(tmp_path / folder.name), "--json"]) == 0
    again = (tmp_path / folder.name / "report.html").read_bytes()
    assert again == (folder / "report.html").read_bytes()
    assert sum(path.stat().st_size for path in folder.glob("*.gz")) < 20_000_000


@pytest.mark.slow
@pytest.mark.parametrize("manifest", PUBLISHED, ids=lambda path: path.parent.name)
def test_a_handful_of_what_is_published_trains_to_the_record_again(
    manifest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(["verify", str(manifest.parent), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["differing"] == 0
    assert code == 0 or found["agreeing"] == 0


def test_a_portable_record_is_expected_to_repeat_whatever_cpu_compiler_and_library_made_it() -> (
    None
):
    here = verify._here("portable")
    elsewhere = here | {
        "machine": "AMD64",
        "executor cpu": "0" * 16,
        "executor compiler": "Apple clang version 15.0.0",
        "executor library": "musl",
    }
    trial = synthetic.trial(synthetic.invented(0), "markup", 0)
    trial = dataclasses.replace(trial, executor="portable", engine=ENGINE)
    one = Recorded(trial, Outcome(trial.key, Ending.REFUSED), elsewhere)
    assert verify.differences(one, "portable") == ()
    for name in ("executor class", "version numpy"):
        other = dataclasses.replace(one, provenance=elsewhere | {name: "another"})
        assert [line.partition(":")[0] for line in verify.differences(other, "portable")] == [name]
    assert verify.differences(one, "native"), "native code repeats on its own machine class only"
