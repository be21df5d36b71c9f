"""Music to be heard: piano rolls as MIDI files, and as WAV files that need no instrument.

A roll does not say whether a note that sounds on two steps in a row is held or struck again. Here it
is held: the steps are tied into one note. So chords that last sound as one, common notes of two
chords are not struck twice, and a note that was repeated in the original becomes a long one.

Nor do rolls carry a tempo. What a step lasts is known (an eighth, in JSB and in our progressions a
quarter note); how fast the quarters go is our choice, for listening.
"""

import math
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from tasks.corpora.derive import MIDI_LOW, NOTES
from tasks.task import Split, TaskError

Roll = NDArray[np.uint8]
Wave = NDArray[np.float32]

RATE: Final = 22_050
"""Samples a second; the highest fundamental, C8, is 4,186 Hz."""
PEAK: Final = 0.8
"""The loudest sample, of full scale."""
HARMONICS: Final = 6
ATTACK: Final = 0.008
"""Seconds in which a tone comes; a half cosine, so that nothing clicks."""
RELEASE: Final = 0.06
"""Seconds in which it goes, after its end, likewise."""
DECAY: Final = 2.0
"""Seconds in which a fundamental falls to 1 / e; harmonic k does in DECAY / k."""
REST: Final = 2
"""Silent steps between pieces."""
LONGEST: Final = 1800
"""Seconds of the longest sound that is written: 79 MB as WAV."""
TICKS: Final = 480
"""MIDI ticks a quarter note."""
VELOCITY: Final = 80


@runtime_checkable
class Audible(Protocol):
    """A task whose sequences are piano rolls."""

    def rolls(self, split: Split, count: int) -> list[Roll]:
        """The first `count` pieces of `split`, each `[T, 88]` of 0 and 1."""
        ...


@dataclass(frozen=True, slots=True)
class Tempo:
    """How fast a roll is played.

    Attributes:
        quarters: quarter notes a minute.
        steps: steps of the roll a quarter note.
    """

    quarters: int
    steps: int

    @property
    def seconds(self) -> float:
        """What one step lasts."""
        return 60 / (self.quarters * self.steps)


TEMPI: Final = {
    "progressions": Tempo(120, 1),
    "nottingham": Tempo(120, 2),
    "piano-midi": Tempo(90, 2),
    "jsb": Tempo(72, 1),
    "musedata": Tempo(90, 2),
}
OTHER: Final = Tempo(100, 2)
"""For rolls of any other origin."""


def write(rolls: Sequence[Roll], task: str, midi: Path | None, wav: Path | None) -> float:
    """Writes pieces one after another as MIDI, as WAV, or both; returns the seconds they last.

    Args:
        rolls: pieces, each `[T, 88]` of 0 and 1.
        task: where they come from, which sets the tempo.
        midi: the MIDI file, or None.
        wav: the WAV file, 16 bit mono, or None.

    Raises:
        TaskError: T110 if they last longer than half an hour, or have not 88 notes.
        OSError: a file cannot be written.
    """
    tempo = TEMPI.get(task, OTHER)
    for roll in rolls:
        if roll.shape[1:] != (NOTES,):
            raise TaskError("T110", f"a roll of shape {roll.shape}, expected {NOTES} notes a step")
    steps = sum(map(len, rolls)) + REST * (len(rolls) - 1)
    seconds = steps * tempo.seconds
    if seconds > LONGEST:
        raise TaskError(
            "T110",
            f"{len(rolls)} pieces of {task} last {seconds:,.0f} s, at most {LONGEST:,} are written",
            "take fewer with --count",
        )
    whole = join(rolls)
    if midi is not None:
        write_midi(midi, whole, tempo)
    if wav is not None:
        write_wav(wav, synthesise(whole, tempo))
    return seconds


def join(rolls: Sequence[Roll]) -> Roll:
    """Pieces one after another with silence between, `[T, 88]`."""
    rest = np.zeros((REST, NOTES), np.uint8)
    parts = [part for roll in rolls for part in (rest, roll)]
    return np.concatenate(parts[1:])


def tied(roll: Roll) -> list[tuple[int, int, int]]:
    """The notes of a roll as (first step, step after the last one, column), in order."""
    silence = np.zeros((1, roll.shape[1]), np.int8)
    edges = np.diff(np.concatenate([silence, roll.astype(np.int8), silence]), axis=0)
    # Transposed, both lists go column by column and each start meets the end of its own note.
    column, start = np.nonzero(edges.T > 0)
    _, stop = np.nonzero(edges.T < 0)
    return sorted(zip(start.tolist(), stop.tolist(), column.tolist(), strict=True))


def write_midi(path: Path, roll: Roll, tempo: Tempo) -> None:
    """Writes a roll as a MIDI file of one track: every note of one strength, on a piano."""
    import mido

    library = cast("Any", mido)
    ticks = TICKS // tempo.steps
    # At one time notes end before others begin: False sorts before True.
    events = [(start, True, column) for start, _, column in tied(roll)]
    events += [(stop, False, column) for _, stop, column in tied(roll)]
    track = library.MidiTrack()
    track.append(library.MetaMessage("set_tempo", tempo=library.bpm2tempo(tempo.quarters)))
    track.append(library.Message("program_change", program=0))
    now = 0
    for step, begins, column in sorted(events):
        kind, velocity = ("note_on", VELOCITY) if begins else ("note_off", 0)
        note, time = MIDI_LOW + column, (step - now) * ticks
        track.append(library.Message(kind, note=note, velocity=velocity, time=time))
        now = step
    track.append(library.MetaMessage("end_of_track", time=(len(roll) - now) * ticks))
    file = library.MidiFile(type=0, ticks_per_beat=TICKS)
    file.tracks.append(track)
    with path.open("wb") as stream:
        file.save(file=stream)


def synthesise(roll: Roll, tempo: Tempo) -> Wave:
    """The sound of a roll at `RATE`, `[N]`, its loudest sample at `PEAK`; all zeros if it is silent.

    Additive synthesis: each note is a few harmonics of its equal-tempered frequency (A4 is 440 Hz)
    that decay as those of a string do.
    """
    step = tempo.seconds * RATE
    total = np.zeros(math.ceil(len(roll) * step + RELEASE * RATE), np.float32)
    tones: dict[tuple[int, int], Wave] = {}
    for start, stop, column in tied(roll):
        key = (column, stop - start)
        if key not in tones:
            tones[key] = tone(MIDI_LOW + column, (stop - start) * tempo.seconds)
        note, begin = tones[key], round(start * step)
        total[begin : begin + len(note)] += note[: len(total) - begin]
    loudest = float(np.abs(total).max(initial=0.0))
    return total * np.float32(PEAK / loudest) if loudest else total


def tone(note: int, seconds: float) -> Wave:
    """One note of `seconds` and its release, `[N]`; `note` as in MIDI, 69 is A4."""
    frequency = 440.0 * 2 ** ((note - 69) / 12)
    time = np.arange(int((seconds + RELEASE) * RATE)) / RATE
    sound = np.zeros_like(time)
    for k in range(1, HARMONICS + 1):
        if k * frequency < 0.45 * RATE:  # what is beyond half the rate would come back as another
            sound += np.sin(2 * np.pi * k * frequency * time) * np.exp(time * (-k / DECAY)) / k**2
    rise = np.clip(time / ATTACK, 0.0, 1.0)
    fall = np.clip((seconds + RELEASE - time) / RELEASE, 0.0, 1.0)
    ramps = (1 - np.cos(np.pi * rise)) * (1 - np.cos(np.pi * fall)) / 4
    return (sound * ramps).astype(np.float32)


def write_wav(path: Path, sound: Wave) -> None:
    """Writes samples between -1 and 1 as 16-bit mono WAV at `RATE`."""
    whole = np.round(sound * np.float32(32767)).astype("<i2")
    with path.open("wb") as stream, wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(whole.tobytes())
