"""`gatewright ancestors`: what each system reaches, against its exact levels."""

from typing import Any

import pytest

from search.ancestor import ANCESTORS
from search.cli import run
from tests.search.command import document


def reached(found: dict[str, Any]) -> dict[str, float]:
    return {one["name"]: one["value"] for one in found["measures"]}


def test_the_same_seed_gives_the_same_numbers_and_another_one_does_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ("ancestors", "train", "encoder-decoder-both", "--updates", "30")
    first, again = (document(capsys, *words, "--seed", "3") for _ in range(2))
    assert {**first, "seconds": 0} == {**again, "seconds": 0}
    assert first["seconds"] > 0
    assert document(capsys, *words, "--seed", "4")["measures"] != first["measures"]


def test_a_wrong_name_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    found = document(capsys, "ancestors", "train", "encoder-decoder-bth", code=2)
    assert "did you mean encoder-decoder-both" in found["error"]["hint"]


def test_progress_goes_to_standard_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.display.Display.refresh", lambda self: self.say(self.line()))
    assert run(["ancestors", "train", "encoder-decoder-cut", "--updates", "3"]) == 0
    shown = capsys.readouterr()
    assert "3/3 updates" in shown.err
    assert "updates  " not in shown.out
    assert "no source 0.02083" in shown.out


def test_every_ancestor_says_what_it_is() -> None:
    for name, one in ANCESTORS.items():
        assert one.title, name
        assert one.source, name
        assert one.task, name


@pytest.mark.slow
def test_an_encoder_decoder_writes_backwards_and_one_without_its_context_cannot(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for way in ("start", "steps", "both"):
        found = document(capsys, "ancestors", "train", f"encoder-decoder-{way}")
        assert reached(found)["exact matches, own output"] > 0.95
    cut = document(capsys, "ancestors", "train", "encoder-decoder-cut")
    (blind,) = [one["levels"]["no source"] for one in cut["measures"] if one["levels"]]
    assert reached(cut)["exact matches, own output"] < 1.5 * blind
