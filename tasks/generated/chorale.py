"""The grammar of `progressions`: four voices in C major whose state can be read off the frames.

A phrase has bars of four steps. A bar begins with a new chord, and its third step may bring another;
bass and two inner voices hold while the chord lasts. The melody takes a chord tone on the first and
third step and holds or moves by one degree on the others. Before each bar the phrase may turn to its
close: a bar of V and one of I, over a bass an octave lower, the last step of which is silent.

The four voices never share a note: bass below C3, inner voices from C3 to B4, melody from C5. So a
frame shows chord, position of the bass, voicing and melody, and with the frames before it everything
that the next one depends on. Hence the entropies below are exact.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from tasks.floor import entropy
from tasks.task import Floor

Array = NDArray[np.float64]

NOTES = 88
LOWEST = 21
"""MIDI note of column 0."""
BAR = 4
KINDS = 3
"""Bass on the root, on the third, or, at a close, on the root an octave lower."""
HARMONIES = 7 * KINDS
DOMINANT, TONIC = 4 * KINDS + 2, 0 * KINDS + 2
VOICINGS = 3
TONES = 12
"""Degrees of the melody, from C5 to G6."""

# weights of the next chord (columns I ii iii IV V vi vii), never the same one again
FOLLOWS = (
    (0, 2, 1, 4, 4, 3, 1),
    (0, 0, 0, 1, 6, 1, 2),
    (0, 1, 0, 4, 0, 5, 0),
    (3, 2, 0, 0, 4, 0, 1),
    (6, 0, 0, 1, 0, 3, 0),
    (0, 3, 1, 4, 2, 0, 0),
    (6, 0, 1, 0, 1, 0, 0),
)
OPENING = (6, 0, 0, 1, 1, 2, 0)
ROOT = 0.7
SAME_VOICING = 0.6
HELD = 0.5
ONWARD = 0.7
"""Of the steps of a melody that moves, the share that goes on in its last direction."""


@dataclass(frozen=True, slots=True)
class Grammar:
    """All laws as tables. Harmony g = 3 * chord + kind; direction d = 0 held, 1 up, 2 down.

    Attributes:
        bars: longest phrase.
        opening: harmony of the first step, `[21]`.
        harmony: next harmony by bar, step of the bar and harmony, `[bars, 4, 21, 21]`.
        voicing: next voicing where the harmony changes, `[3, 3]`.
        first: first note of the melody by harmony, `[21, 12]`.
        melody: next note by step of the bar, next harmony, note and direction, `[4, 21, 12, 3, 12]`.
    """

    bars: int
    opening: Array
    harmony: Array
    voicing: Array
    first: Array
    melody: Array


@cache
def grammar(bars: tuple[int, ...], half: float) -> Grammar:
    """The grammar of phrases of `bars` bars (each length equally likely, 3 or more).

    Args:
        bars: the lengths there are.
        half: chance that the third step of a bar brings a new chord.
    """
    change = np.kron(_shares(FOLLOWS), np.array([[ROOT, 1 - ROOT, 0.0]]))
    change = np.repeat(change, KINDS, axis=0)
    still = np.eye(HARMONIES)
    longest = max(bars)
    opening = np.kron(_shares(OPENING), np.array([ROOT, 1 - ROOT, 0.0])).astype(np.float64)
    harmony = np.zeros((longest, BAR, HARMONIES, HARMONIES))
    harmony[0, 0] = opening
    harmony[:, 1] = harmony[:, 3] = still
    harmony[:, 2] = half * change + (1 - half) * still
    harmony[:, 2, [DOMINANT, TONIC]] = still[[DOMINANT, TONIC]]
    for bar in range(1, longest):
        open_still = sum(length >= bar + 2 for length in bars)
        closing = bars.count(bar + 2) / open_still if open_still else 0.0
        harmony[bar, 0] = (1 - closing) * change + closing * still[DOMINANT]
        harmony[bar, 0, DOMINANT] = still[TONIC]

    tones = np.arange(TONES)
    chord = np.arange(HARMONIES) // KINDS
    fits = np.isin((tones[None, :] - chord[:, None]) % 7, (0, 2, 4)).astype(np.float64)
    move = tones[None, :] - tones[:, None]
    strong = np.empty((HARMONIES, TONES, 3, TONES))
    weak = np.zeros((TONES, 3, TONES))
    for direction, sign in enumerate((0, 1, -1)):
        onward = np.where((sign != 0) & (np.sign(move) == sign), 1.5, 1.0)
        near = np.exp(-np.abs(move) / 1.5) * onward
        strong[:, :, direction] = _shares(near[None] * fits[:, None, :])
        up = 0.5 if sign == 0 else (ONWARD if sign > 0 else 1 - ONWARD)
        weak[:, direction] = (1 - HELD) * (up * (move == 1) + (1 - up) * (move == -1))
    weak += np.eye(TONES)[:, None, :] * (1 - weak.sum(axis=-1, keepdims=True))

    hold = np.broadcast_to(np.eye(TONES)[:, None, :], (TONES, 3, TONES))
    melody = np.stack([strong, np.broadcast_to(weak, strong.shape)] * 2)
    melody[:, TONIC] = hold
    keynote = np.where(np.abs(tones) < np.abs(tones - 7), 0, 7)
    melody[0, TONIC] = np.eye(TONES)[keynote][:, None, :]
    return Grammar(
        bars=longest,
        opening=opening,
        harmony=harmony,
        voicing=np.where(np.eye(VOICINGS) == 1, SAME_VOICING, (1 - SAME_VOICING) / (VOICINGS - 1)),
        first=_shares(fits),
        melody=melody,
    )


def bass() -> NDArray[np.bool_]:
    """Notes of the bass by harmony, `[21, 88]`."""
    notes = np.zeros((HARMONIES, NOTES), np.bool_)
    for harmony in range(HARMONIES):
        chord, kind = divmod(harmony, KINDS)
        degree = (14 + chord, 14 + (chord + 2) % 7, 7 + chord)[kind]
        notes[harmony, _column(degree)] = True
    return notes


def inner() -> NDArray[np.bool_]:
    """Notes of the inner voices (third and fifth) by harmony and voicing, `[21, 3, 88]`."""
    notes = np.zeros((HARMONIES, VOICINGS, NOTES), np.bool_)
    for harmony in range(HARMONIES):
        chord = harmony // KINDS
        third, fifth = 21 + (chord + 2) % 7, 21 + (chord + 4) % 7
        for voicing, pair in enumerate(((third, fifth), (third + 7, fifth), (third, fifth + 7))):
            notes[harmony, voicing, [_column(degree) for degree in pair]] = True
    return notes


def top() -> NDArray[np.bool_]:
    """Notes of the melody by its degree, `[12, 88]`."""
    notes = np.zeros((TONES, NOTES), np.bool_)
    for tone in range(TONES):
        notes[tone, _column(35 + tone)] = True
    return notes


def is_chord(roll: NDArray[np.uint8] | NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where the notes below C5 of a roll `[T, 88]` are bass and inner voices of one harmony, `[T]`.

    The melody is not looked at. A silent step, which ends each phrase, counts too.
    """
    below = _column(35)
    chords = (bass()[:, None] | inner())[..., :below].reshape(-1, below)
    known = {chord.tobytes() for chord in (*chords, np.zeros(below, np.bool_))}
    frames = roll[:, :below].astype(np.bool_)
    return np.array([frame.tobytes() in known for frame in frames], np.bool_)


def levels(law: Grammar) -> tuple[Floor, ...]:
    """Exact losses in nats a step, by what is known and how it may be said.

    `optimum` is what notes predicted one by one, as by sigmoids, reach at best with all of the past;
    `optimum for whole frames` is the entropy of frames, which no model of any kind can pass.
    """
    tally = _Tally(law)
    frequency = tally.frequency / tally.steps
    again = tally.again / tally.steps
    markov = 0.0
    for on, both in zip(frequency, again, strict=True):
        joint = [both, on - both, on - both, 1 - 2 * on + both]
        markov += entropy(joint) - entropy([on, 1 - on])
    return (
        Floor("optimum", loss=tally.single / tally.steps),
        Floor("optimum for whole frames", loss=tally.whole / tally.steps),
        Floor("each note from its last value", loss=markov),
        Floor("frequency of each note", loss=float(_apart(frequency).sum())),
    )


class _Tally:
    """Expectations over one phrase, by walking the law of its state forward.

    Attributes:
        steps: its length.
        whole: summed entropy of frames given the past.
        single: the same, of notes one by one.
        frequency: steps on which each note sounds, `[88]`.
        again: those of them on which it had sounded on the step before, `[88]`.
    """

    def __init__(self, law: Grammar) -> None:
        self.law = law
        self.steps = 1.0
        self.frequency = np.zeros(NOTES)
        self.again = np.zeros(NOTES)
        self.basses, self.inners, self.tops = (part().astype(float) for part in (bass, inner, top))
        even = np.full(VOICINGS, 1 / VOICINGS)
        # state: harmony, voicing, note of the melody, its direction
        state = np.zeros((HARMONIES, VOICINGS, TONES, 3))
        state[..., 0] = np.einsum("g,v,gn->gvn", law.opening, even, law.first)
        self.whole = entropy(state)
        alone = [law.opening @ self.basses, law.opening @ self.inners.mean(axis=1)]
        alone.append(law.opening @ law.first @ self.tops)
        self.single = float(_apart(np.array(alone)).sum())
        self._sound(state)
        for step in range(1, BAR * law.bars):
            state = self._advance(state, *divmod(step, BAR))

    def _advance(self, state: Array, bar: int, step: int) -> Array:
        law = self.law
        self.steps += float(state.sum())
        if step == BAR - 1:
            # the last step of a close is silent and certain, and ends the phrase
            state = state.copy()
            state[TONIC] = 0.0
        harmony, melody = law.harmony[bar, step], law.melody[step]
        change = harmony * (1 - np.eye(HARMONIES))
        stay = np.diag(harmony)

        harmonies = state.sum(axis=(1, 2, 3))
        voiced = state.sum(axis=(2, 3))
        sung = state.sum(axis=1)
        each = np.array([entropy(row) for row in harmony])
        revoiced = np.array([entropy(row) for row in law.voicing])
        note = -(melody * np.log(np.where(melody > 0, melody, 1.0))).sum(axis=-1)
        self.whole += float(harmonies @ each + change.sum(axis=1) @ voiced @ revoiced)
        self.whole += float(np.einsum("gnd,gh,hnd->", sung, harmony, note))

        lows = harmony @ self.basses
        middles = np.einsum("gh,vw,hwk->gvk", change, law.voicing, self.inners)
        middles += stay[:, None, None] * self.inners
        highs = np.einsum("gh,hndm->gndm", harmony, melody)
        self.single += float(harmonies @ _apart(lows).sum(axis=-1))
        self.single += float((voiced * _apart(middles).sum(axis=-1)).sum())
        self.single += float((sung * _apart(highs).sum(axis=-1)).sum())

        self.again += np.einsum("g,gk,gk->k", harmonies, self.basses, lows)
        self.again += np.einsum("gv,gvk,gvk->k", voiced, self.inners, middles)
        self.again += np.einsum("gnd,gndn->n", sung, highs) @ self.tops

        moved = np.einsum("gvnd,gh,vw->hwnd", state, change, law.voicing, optimize=True)
        moved += stay[:, None, None, None] * state
        paired = np.einsum("hwnd,hndm->hwnm", moved, melody)
        sign = np.sign(np.arange(TONES)[None, :] - np.arange(TONES)[:, None])
        after = [(paired * (sign == way)).sum(axis=2) for way in (0, 1, -1)]
        state = np.stack(after, axis=-1)
        self._sound(state)
        return state

    def _sound(self, state: Array) -> None:
        self.frequency += state.sum(axis=(1, 2, 3)) @ self.basses
        self.frequency += np.einsum("gv,gvk->k", state.sum(axis=(2, 3)), self.inners)
        self.frequency += state.sum(axis=(0, 1, 3)) @ self.tops


def _apart(on: Array) -> Array:
    """Entropy in nats of notes that sound with chance `on`, one by one."""
    inside = np.clip(on, 1e-300, 1.0)
    outside = np.clip(1 - on, 1e-300, 1.0)
    return -(on * np.log(inside) + (1 - on) * np.log(outside))


def _shares(weights: object) -> Array:
    array = np.asarray(weights, dtype=np.float64)
    return array / array.sum(axis=-1, keepdims=True)


def _column(degree: int) -> int:
    """Column of a degree of C major counted from C0."""
    octave, step = divmod(degree, 7)
    return 12 * (octave + 1) + (0, 2, 4, 5, 7, 9, 11)[step] - LOWEST
