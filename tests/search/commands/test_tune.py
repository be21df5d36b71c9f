"""`gatewright tune`: one cell on one task."""

import json
from pathlib import Path

import pytest

from results import frame
from results.record.store import Store
from search.cli import run

ARGUMENTS = [
    "--scale",
    "smoke",
    "--updates",
    "40",
    "--parameters",
    "2000",
    "--seeds",
    "2",
    "--json",
]


def tune(
    path: Path, capsys: pytest.CaptureFixture[str], *more: str
) -> dict[str, list[dict[str, float]]]:
    arguments = ["tune", "gru", "memorization", *ARGUMENTS, "--store", str(path), *more]
    assert run(arguments) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("sampler", ["tpe", "grid", "random"])
def test_every_setting_is_another_and_the_best_is_confirmed_on_fresh_seeds(
    sampler: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = tune(tmp_path / "t.sqlite", capsys, "--trials", "10", "--sampler", sampler)
    settings = [(row["learning_rate"], row["init_scale"], row["clip"]) for row in found["tried"]]
    assert len(set(settings)) == 10
    accuracies = [row["valid_accuracy"] for row in found["tried"]]
    assert accuracies == sorted(accuracies, reverse=True)
    chosen = [(row["learning_rate"], row["init_scale"], row["clip"]) for row in found["confirmed"]]
    assert chosen == settings[:1] * 2
    seeds = [row["seed"] for row in (*found["tried"], *found["confirmed"])]
    assert len(set(seeds)) == 12


def test_a_tuned_study_resumes_to_the_same_digest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = tune(tmp_path / "t.sqlite", capsys, "--trials", "3")
    again = tune(tmp_path / "t.sqlite", capsys, "--trials", "3", "--resume")
    assert first == again


def test_an_optimizer_is_tuned_with_choices_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--optimizer", "adamw", "--weight-decay", "0.001", "--weight-decay", "0.1"]
    rates = ["--lr", "0.001", "--lr", "0.03", "--batch-size", "5", "--width", "8"]
    found = tune(tmp_path / "t.sqlite", capsys, "--trials", "4", *given, *rates)
    for row in (*found["tried"], *found["confirmed"]):
        assert row["optimizer"] == "adamw"
        assert row["batch_size"] == 5
        assert 0.001 <= row["learning_rate"] <= 0.03
        assert 0.001 <= row["weight_decay"] <= 0.1
    assert len({row["weight_decay"] for row in found["tried"]}) == 4
    with Store.read(tmp_path / "t.sqlite") as store:
        study = store.studies()[0].study
        assert study.tasks[0].budget.width == 8
        assert {row[0] for row in store.select("SELECT width FROM outcome")} == {8}
        assert len(frame.trials(store, study.id)["weight_decay"].unique()) == 4


def test_an_unknown_sampler_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tune", "gru", "memorization", "--sampler", "grdi"]) == 2
    assert "expected one of grid, random, tpe" in capsys.readouterr().err
