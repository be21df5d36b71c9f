"""`gatewright tasks`: every generated task can be listed, shown and sampled."""

import pytest

from search.cli import run
from tests.search.command import document

MEMORY = (
    *("reber", "reber-continual", "copy", "adding", "temporal-order", "agreement"),
    "subsequence",
)
DIAGNOSTIC = (
    *("parity", "cycle", "s3", "a5", "recall", "noisy-recall", "selective-copy", "compression"),
)


def test_the_list_has_every_task_with_its_scales(capsys: pytest.CaptureFixture[str]) -> None:
    found = {row["name"]: row["scales"] for row in document(capsys, "tasks", "ls")["tasks"]}
    assert found["memorization"] == ["smoke", "quick", "laptop", "workstation", "paper"]
    distances = ["laptop-near", "laptop-middle", "laptop-far"]
    for name in MEMORY:
        if name in ("copy", "adding", "temporal-order", "agreement"):
            assert found[name] == ["smoke", "quick", "laptop", *distances, "workstation", "paper"]
        else:
            assert found[name] == found["memorization"]


def test_a_diagnostic_task_says_what_is_scored(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tasks", "show", "parity"]) == 0
    shown = capsys.readouterr().out
    assert "parity version 1 at scale laptop" in shown
    assert "in valid and test those in the last quarter" in shown


@pytest.mark.parametrize("name", [*MEMORY, *DIAGNOSTIC])
def test_a_task_of_memory_shows_its_levels_and_examples(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = document(capsys, "tasks", "show", name, "--scale", "smoke")
    optimum, *others = facts["floors"]
    assert (optimum["name"], optimum["loss"], optimum["accuracy"]) == ("optimum", 0.0, 1.0)
    assert others
    assert all(0 < level["accuracy"] < 1 and level["loss"] > 0 for level in others)
    assert run(["tasks", "show", name, "--scale", "smoke"]) == 0
    shown = capsys.readouterr().out
    assert all(level["name"] in shown for level in others)
    examples = document(capsys, "tasks", "sample", name, "--scale", "smoke", "--count", "3")
    assert len(examples["examples"]) == 3
    assert len(set(facts["vocabulary"])) == facts["size"]


@pytest.mark.parametrize("name", [*MEMORY, *DIAGNOSTIC])
def test_a_task_of_memory_can_be_trained(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = f"train gru {name} --scale smoke --parameters 800 --updates 5"
    assert document(capsys, *words.split())["ending"] == "ok"
