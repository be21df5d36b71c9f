"""`gatewright sample`: what a trained model writes."""

from pathlib import Path

import pytest

from search.cli import run
from tests.search.command import document


def save(path: Path, task: str, updates: int = 5, learning_rate: float = 0.5) -> str:
    words = f"train gru {task} --scale smoke --parameters 2000 --epochs 2000 --updates {updates}"
    assert run([*words.split(), "--learning-rate", str(learning_rate), "--save", str(path)]) == 0
    return str(path)


@pytest.fixture(scope="module")
def recall(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model that has learned to reproduce two symbols."""
    path = tmp_path_factory.mktemp("recall") / "recall.safetensors"
    return save(path, "memorization", updates=1500, learning_rate=1.0)


def test_a_model_that_has_learned_to_reproduce_writes_what_it_read(
    recall: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for word in ("ab", "cd", "da"):
        words = ("sample", recall, "--prefix", f"{word}|", "--steps", "2", "--count", "20")
        found = document(capsys, *words)
        assert found["samples"].count(f"{word}|{word}") >= 19
        assert (found["cell"], found["task"], found["scale"]) == ("gru", "memorization", "smoke")
    assert run(["sample", recall, "--prefix", "ba|", "--steps", "2", "--temperature", "0"]) == 0
    assert capsys.readouterr().out == "ba|ba\n" * 3


def test_a_task_without_an_end_symbol_needs_a_prefix_of_its_symbols(
    recall: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["sample", recall]) == 2
    assert "add --prefix" in capsys.readouterr().err
    assert run(["sample", recall, "--prefix", "ax|"]) == 2
    assert "'x' is no symbol of this model" in capsys.readouterr().err


def test_lines_of_text_end_with_the_line_and_a_seed_repeats_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = save(tmp_path / "text.safetensors", "pydocs-char", updates=60)
    found = document(capsys, "sample", model, "--count", "40", "--steps", "150")
    assert document(capsys, "sample", model, "--count", "40", "--steps", "150") == found
    assert document(capsys, "sample", model, "--count", "40", "--seed", "1") != found
    assert any(found["ended"])
    for text, ended in zip(found["samples"], found["ended"], strict=True):
        assert "\n" not in text
        assert len(text) < 150 if ended else len(text) == 150
    begun = document(capsys, "sample", model, "--count", "2", "--prefix", "the def")
    assert all(text.startswith("the def") for text in begun["samples"])


def test_words_are_written_with_blanks_between_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = save(tmp_path / "words.safetensors", "pydocs")
    words = ("sample", model, "--steps", "5", "--count", "1", "--prefix", "the")
    (text,) = document(capsys, *words)["samples"]
    assert text.split(" ")[0] == "the"
    assert len(text.split(" ")) <= 6
    (text,) = document(capsys, *words[:-2])["samples"]
    assert text == text.strip()


def test_music_is_written_as_notes_and_takes_no_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = save(tmp_path / "music.safetensors", "progressions", updates=60)
    found = document(capsys, "sample", model, "--count", "2", "--steps", "9")
    assert [len(piece) for piece in found["samples"]] == [9, 9]
    notes = [note for piece in found["samples"] for frame in piece for note in frame]
    assert min(notes) >= 21
    assert max(notes) <= 108
    quiet = document(capsys, "sample", model, "--threshold", "1", "--steps", "4")
    assert quiet["samples"] == [[[]] * 4] * 3
    assert run(["sample", model, "--prefix", "C"]) == 2
    assert "this model plays music" in capsys.readouterr().err
