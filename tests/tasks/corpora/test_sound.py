"""Sound: MIDI read back is the roll, and a WAV holds the notes that are played."""

import wave
from pathlib import Path
from typing import Any, cast

import mido
import numpy as np
import pytest
from numpy.typing import NDArray

from tasks import registry
from tasks.corpora import pianoroll, sound
from tasks.corpora.derive import MIDI_LOW, NOTES
from tasks.corpora.sound import RATE, TEMPI, Audible, Roll, Tempo
from tasks.task import TaskError

ENDS = 0.07
"""Seconds after a step begins in which notes of the one before still fade."""


def read_back(path: Path, tempo: Tempo) -> tuple[Roll, int]:
    """The roll in a MIDI file, and how many notes are struck."""
    file: Any = cast("Any", mido).MidiFile(path)
    (track,) = file.tracks
    step = file.ticks_per_beat // tempo.steps
    total = sum(message.time for message in track)
    assert total % step == 0
    roll, now, struck = np.zeros((total // step, NOTES), np.uint8), 0, 0
    begun: dict[int, int] = {}
    for message in track:
        now += message.time
        if message.type == "set_tempo":
            assert message.tempo == round(60_000_000 / tempo.quarters)
        elif message.type == "note_on":
            assert message.note not in begun
            begun[message.note] = now // step
            struck += 1
        elif message.type == "note_off":
            roll[begun.pop(message.note) : now // step, message.note - MIDI_LOW] = 1
    assert not begun
    return roll, struck


def played(path: Path) -> NDArray[np.float64]:
    """The samples of a WAV file, as shares of full scale."""
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32767


def random_roll(seed: int, steps: int = 40) -> Roll:
    return (np.random.default_rng(seed).random((steps, NOTES)) < 0.3).astype(np.uint8)


def fundamental(column: int) -> float:
    return 440 * 2 ** ((MIDI_LOW + column - 69) / 12)


@pytest.mark.parametrize("tempo", dict.fromkeys([*TEMPI.values(), sound.OTHER]), ids=str)
def test_midi_read_back_is_the_same_roll(tempo: Tempo, tmp_path: Path) -> None:
    for seed in range(3):
        roll = random_roll(seed)
        roll[-2:] = 0
        sound.write_midi(tmp_path / "roll.mid", roll, tempo)
        found, struck = read_back(tmp_path / "roll.mid", tempo)
        np.testing.assert_array_equal(found, roll)
        starts = np.concatenate([roll[:1], roll[1:] & ~roll[:-1] & 1])
        assert struck == starts.sum() == len(sound.tied(roll))
        seconds = cast("Any", mido).MidiFile(tmp_path / "roll.mid").length
        assert seconds == pytest.approx(len(roll) * tempo.seconds, rel=1e-4)


def test_a_note_on_following_steps_is_one_held_note() -> None:
    roll = np.zeros((6, NOTES), np.uint8)
    roll[0:3, 40] = roll[4:6, 40] = roll[1, 44] = 1
    assert sound.tied(roll) == [(0, 3, 40), (1, 2, 44), (4, 6, 40)]


def test_pieces_follow_each_other_after_a_rest(tmp_path: Path) -> None:
    pieces = [random_roll(1, 5), random_roll(2, 7)]
    path = tmp_path / "two.mid"
    seconds = sound.write(pieces, "jsb", path, None)
    found, _ = read_back(path, TEMPI["jsb"])
    np.testing.assert_array_equal(found[:5], pieces[0])
    np.testing.assert_array_equal(found[5:7], 0)
    np.testing.assert_array_equal(found[7:], pieces[1])
    assert seconds == pytest.approx(14 * 60 / 72)


def test_at_each_step_the_spectrum_peaks_at_the_notes_that_sound(tmp_path: Path) -> None:
    task = registry.load("progressions", "smoke")
    assert isinstance(task, Audible)
    (roll,) = task.rolls("test", 1)
    path = tmp_path / "piece.wav"
    seconds = sound.write([roll], "progressions", None, path)
    samples = played(path)
    step = TEMPI["progressions"].seconds
    assert seconds == len(roll) * step
    assert len(samples) == pytest.approx((seconds + sound.RELEASE) * RATE, abs=1)
    for at, frame in enumerate(roll):
        piece = samples[round((at * step + ENDS) * RATE) : round((at + 1) * step * RATE)]
        size = 8 * len(piece)
        strength = np.abs(np.fft.rfft(piece * np.hanning(len(piece)), size)) / len(piece)
        if not frame.any():
            assert strength.max() < 1e-4
            continue

        def near(frequency: float, width: float, strength: Any = strength, size: int = size) -> Any:
            low, high = (round((frequency + way * width) * size / RATE) for way in (-1, 1))
            return strength[low : high + 1]

        sounding = [fundamental(column) for column in np.flatnonzero(frame).tolist()]
        for frequency in sounding:
            found = near(frequency, 4.0)
            assert found.max() > 0.1 * strength.max()
            highest = (found.argmax() - len(found) // 2) * RATE / size
            assert abs(highest) < 1.0
        harmonics = [k * frequency for frequency in sounding for k in range(1, 7)]
        for column in np.flatnonzero(frame == 0).tolist():
            frequency = fundamental(column)
            if min(abs(frequency - other) for other in harmonics) > 12.0:
                assert near(frequency, 1.0).max() < 0.02 * strength.max()


@pytest.mark.parametrize("notes", [1, 4, 88])
def test_nothing_is_clipped_however_many_notes_sound(notes: int, tmp_path: Path) -> None:
    roll = np.zeros((4, NOTES), np.uint8)
    roll[:, :notes] = 1
    sound.write([roll], "piano-midi", None, tmp_path / "loud.wav")
    samples = played(tmp_path / "loud.wav")
    assert np.abs(samples).max() == pytest.approx(sound.PEAK, abs=1e-3)


@pytest.mark.parametrize("seconds", [0.1, 0.333, 0.5017, 1.25])
def test_a_tone_begins_and_ends_without_a_click(seconds: float) -> None:
    samples = sound.tone(36, seconds).astype(float)
    assert abs(samples[0]) < 1e-3
    assert abs(samples[-1]) < 1e-3
    # No step is steeper than all harmonics together at their steepest, and the rise at its own.
    slope = sum(2 * np.pi * 65.41 * k / RATE / k**2 for k in range(1, 7))
    ramp = sum(1 / k**2 for k in range(1, 7)) * np.pi / 2 / (sound.ATTACK * RATE)
    assert np.abs(np.diff(samples)).max() < slope + ramp
    last = round(seconds * RATE)
    assert np.abs(samples[last - 400 : last]).max() > 0.2


def test_silence_is_silent(tmp_path: Path) -> None:
    sound.write([np.zeros((3, NOTES), np.uint8)], "jsb", tmp_path / "no.mid", tmp_path / "no.wav")
    assert not played(tmp_path / "no.wav").any()
    assert read_back(tmp_path / "no.mid", TEMPI["jsb"])[0].shape == (3, NOTES)


def test_the_same_roll_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        sound.write([random_roll(5, 8)], "jsb", tmp_path / f"{name}.mid", tmp_path / f"{name}.wav")
    for kind in ("mid", "wav"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


def test_what_is_too_long_or_has_other_notes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.mid"
    for roll, says in (
        (np.zeros((3000, NOTES), np.uint8), "at most 1,800"),
        (np.zeros((3, 12), np.uint8), "88 notes"),
    ):
        with pytest.raises(TaskError, match=says) as caught:
            sound.write([roll], "jsb", path, None)
        assert caught.value.code == "T110"
    assert not path.exists()


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize("name", ["nottingham", "piano-midi", "jsb", "musedata"])
def test_the_real_sets_can_be_heard(name: str, tmp_path: Path) -> None:
    rolls = pianoroll.load(name, "smoke").rolls("train", 2)
    assert len(rolls) == 2
    path = tmp_path / "real.mid"
    sound.write(rolls, name, path, None)
    found, _ = read_back(path, TEMPI[name])
    np.testing.assert_array_equal(found, sound.join(rolls))


def test_every_music_task_has_a_tempo_and_no_other_task_is_audible() -> None:
    for name in registry.names():
        module = registry.MODULES[name]
        assert (name in TEMPI) == (
            module in {"tasks.generated.progressions", "tasks.corpora.pianoroll"}
        )
    assert not isinstance(registry.load("markup", "smoke"), Audible)
