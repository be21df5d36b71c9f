"""`gatewright sample`: what a trained model writes, and how music is heard."""

import wave
from pathlib import Path
from typing import Any, cast

import mido
import numpy as np
import pytest

from search.cli import run
from tasks import registry
from tasks.corpora import sound
from tasks.corpora.derive import MIDI_LOW
from tasks.generated import chorale
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


def test_a_trained_model_plays_chords_of_the_grammar(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = registry.load("progressions", "smoke")
    assert isinstance(task, sound.Audible)
    truth = np.concatenate(task.rolls("test", 10))
    assert chorale.is_chord(truth).all()
    alone = np.random.default_rng(0).random((1000, 88)) < truth.mean(0)
    assert chorale.is_chord(alone).mean() < 0.1
    model = str(tmp_path / "music.safetensors")
    words = "train gru progressions --scale smoke --parameters 30000 --epochs 40 --save"
    assert run([*words.split(), model]) == 0
    pieces = document(capsys, "sample", model, "--count", "100", "--steps", "14")["samples"]
    heard = np.zeros((1400, 88), np.uint8)
    for frame, notes in zip(heard, [notes for piece in pieces for notes in piece], strict=True):
        frame[np.array(notes, int) - MIDI_LOW] = 1
    assert chorale.is_chord(heard).mean() > 0.4


@pytest.mark.parametrize("source", ["task", "model"])
def test_music_is_heard_as_midi_and_wav(
    source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    midi, wav = tmp_path / "out.mid", tmp_path / "out.wav"
    files = ("--count", "2", "--midi", str(midi), "--wav", str(wav))
    if source == "task":
        found = document(capsys, "tasks", "sample", "progressions", "--scale", "smoke", *files)
    else:
        model = save(tmp_path / "music.safetensors", "progressions", updates=60)
        found = document(capsys, "sample", model, "--steps", "10", *files)
        assert found["seconds"] == (10 + 2 + 10) * 0.5
    length: float = cast("Any", mido).MidiFile(midi).length
    assert length == pytest.approx(found["seconds"])
    with wave.open(str(wav), "rb") as file:
        assert file.getnframes() / file.getframerate() == pytest.approx(
            length + sound.RELEASE, 1e-3
        )


def test_text_cannot_be_heard(recall: str, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (
        ("sample", recall, "--prefix", "ab|", "--midi", "x.mid"),
        ("tasks", "sample", "markup", "--scale", "smoke", "--wav", "x.wav"),
    ):
        assert run(list(words)) == 2
        shown = capsys.readouterr()
        assert "--midi, --wav" in shown.err
        assert shown.out == ""
    assert not Path("x.mid").exists()
