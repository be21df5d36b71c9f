"""What simple counting reaches on a corpus: n-grams for text, per-note rates for music.

A recurrent cell that does not beat these has learned nothing worth a table. All are fitted on the
training split alone; all losses are natural logarithms, and means over every step of the split.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from math import log
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cells.training.metric import ACCURACY, BITS, LOSS, PERPLEXITY
from tasks.task import Baseline, Split

Symbols = NDArray[np.integer]
Counts = NDArray[np.int64]
Roll = NDArray[np.uint8]
Losses = dict[str, float]
HELD_OUT: tuple[Split, ...] = ("valid", "test")
Rates = Callable[[Roll], NDArray[np.float64]]
"""From the previous steps `[T, F]` to the chance of each note, broadcastable to `[T, F]`."""


@lru_cache(maxsize=1)
def tables() -> tuple[dict[str, Any], dict[str, Any]]:
    """The recorded numbers by task: ours from `baselines.toml`, those of others, as written there."""
    here = Path(__file__).parent
    computed, published = (
        tomllib.loads((here / name).read_text(encoding="utf-8"))
        for name in ("baselines.toml", "published.toml")
    )
    return computed, published


def stored(task: str) -> tuple[Baseline, ...]:
    """The recorded numbers of a task: ours by counting, then those of others, losses in nats.

    Ours are written by `scripts/compute_baselines.py`, those of others stand in `published.toml`.
    """
    computed, published = tables()
    ours = [
        Baseline(rule, LOSS.name, loss, split, "counted by scripts/compute_baselines.py")
        for split in HELD_OUT
        for rule, loss in computed.get(task, {}).get(split, {}).items()
    ]
    return (*ours, *(_printed(entry) for entry in published.get(task, ())))


def _printed(entry: dict[str, Any]) -> Baseline:
    printed = next(
        (metric for metric in (ACCURACY, PERPLEXITY, BITS) if metric.name in entry), None
    )
    metric: str = LOSS.name if printed is None else printed.source
    value = entry["nats"] if printed is None else printed.invert(entry[printed.name])
    comparable = entry.get("comparable", True)
    return Baseline(entry["name"], metric, value, entry["split"], entry["source"], comparable)


def counted(task: str, streams: Mapping[Split, Symbols], V: int, end: int) -> dict[Split, Losses]:
    """What counting reaches on `valid` and `test` of a text, nats a symbol, by split and rule.

    Args:
        task: by character if it ends in `-char`, else by word.
        streams: symbols `[N]` of each split; n-grams are counted on `train`.
        V: number of symbols.
        end: the symbol before the first of a split.
    """
    train = streams["train"]
    rules: dict[str, Callable[[Symbols], float]] = {"uniform": lambda text: log(V)}
    if task.endswith("-char"):
        for order, k in ((1, 1.0), (2, 1.0), (3, 1.0), (4, 0.1)):
            rules[f"{order}-gram, add-{k:g}"] = partial(
                add_k, train, V=V, order=order, k=k, before=end
            )
    else:
        rules["1-gram, add-1"] = partial(add_k, train, V=V, order=1, k=1.0, before=end)
        rules["2-gram, add-0.007"] = partial(add_k, train, V=V, order=2, k=0.007, before=end)
        rules["2-gram, Kneser-Ney"] = partial(kneser_ney, train, V=V, before=end)
    return {
        split: {rule: loss(streams[split]) for rule, loss in rules.items()} for split in HELD_OUT
    }


def heard(pieces: Mapping[Split, tuple[Roll, Counts]]) -> dict[Split, Losses]:
    """What counting reaches on `valid` and `test` of a music set, nats a step, by split and rule.

    Args:
        pieces: roll `[T, F]` and offsets `[pieces + 1]` of each split; rates come from `train`.
    """
    rules = {name: fit(*pieces["train"]) for name, fit in MUSIC.items()}
    return {
        split: {rule: music_loss(rates, *pieces[split]) for rule, rates in rules.items()}
        for split in HELD_OUT
    }


@dataclass(frozen=True, slots=True)
class Grams:
    """How often each n-gram stands in a text.

    Attributes:
        codes: the distinct n-grams, ascending, each as one number to base `V`.
        counts: occurrences of each.
    """

    codes: Counts
    counts: Counts

    def count(self, codes: Counts) -> Counts:
        """Occurrences of each of `codes`, 0 where there is none."""
        index = np.minimum(np.searchsorted(self.codes, codes), len(self.codes) - 1)
        return np.where(self.codes[index] == codes, self.counts[index], 0)


def encode(text: Symbols, V: int, order: int, before: int) -> Counts:
    """The n-gram that ends at each position, as one number to base `V`, int64 of `text`'s length.

    Args:
        text: symbols `[N]`.
        V: number of symbols; `V ** order` must fit into 63 bits.
        order: n.
        before: the symbol that stands before the first, as often as needed.
    """
    padded = np.concatenate([np.full(order - 1, before, np.int64), text.astype(np.int64)])
    codes = np.zeros(len(text), np.int64)
    for offset in range(order):
        codes = codes * V + padded[offset : offset + len(text)]
    return codes


def grams(codes: Counts) -> Grams:
    """The distinct values of `codes` with their counts."""
    distinct, counts = np.unique(codes, return_counts=True)
    return Grams(distinct, counts.astype(np.int64))


def add_k(train: Symbols, text: Symbols, V: int, *, order: int, k: float, before: int) -> float:
    """Loss on `text` of p(w | h) = (c(h, w) + k) / (c(h) + V k), nats a symbol.

    Contexts cross line ends; `before` stands before the first symbol.

    Returns:
        The mean; infinite where `k` is 0 and an n-gram of `text` never occurs in `train`.
    """
    learned, asked = encode(train, V, order, before), encode(text, V, order, before)
    joint = grams(learned).count(asked)
    context = grams(learned // V).count(asked // V)
    with np.errstate(divide="ignore", invalid="ignore"):
        chances = (joint + k) / (context + V * k)
        return float(-np.log(np.nan_to_num(chances)).mean())


def kneser_ney(train: Symbols, text: Symbols, V: int, *, before: int) -> float:
    """Loss on `text` of the interpolated Kneser-Ney bigram with one discount, nats a symbol.

    p(w | v) = max(c(v, w) - D, 0) / c(v) + D N(v, .) / c(v) N(., w) / N(., .), with N counting
    distinct bigrams and D = n1 / (n1 + 2 n2).

    Source: Kneser and Ney 1995; Chen and Goodman 1999, interpolated form and estimate of D.
    """
    learned, asked = encode(train, V, 2, before), encode(text, V, 2, before)
    pairs = grams(learned)
    once, twice = (int((pairs.counts == times).sum()) for times in (1, 2))
    discount = once / (once + 2 * twice)
    count_of = np.bincount(learned // V, minlength=V)
    followers = np.bincount(pairs.codes // V, minlength=V)
    continuations = np.bincount(pairs.codes % V, minlength=V) / len(pairs.codes)
    context, word = asked // V, asked % V
    seen = np.maximum(pairs.count(asked) - discount, 0)
    chances = (seen + discount * followers[context] * continuations[word]) / count_of[context]
    return float(-np.log(chances).mean())


def before(roll: Roll, offsets: Counts) -> Roll:
    """The step before each step, `[T, F]`; all zeros before the first of each sequence."""
    previous = np.zeros_like(roll)
    previous[1:] = roll[:-1]
    previous[offsets[:-1]] = 0
    return previous


def even(roll: Roll, offsets: Counts) -> Rates:
    """One half for every note."""
    rate = np.asarray(0.5)
    return lambda previous: rate


def one_rate(roll: Roll, offsets: Counts) -> Rates:
    """The share of ones, the same for all notes."""
    rate = np.asarray(roll.mean(dtype=np.float64))
    return lambda previous: rate


def per_note(roll: Roll, offsets: Counts) -> Rates:
    """A rate for each note, add-one smoothed."""
    rates = (roll.sum(0, dtype=np.int64) + 1) / (len(roll) + 2)
    return lambda previous: rates


def repeat(roll: Roll, offsets: Counts) -> Rates:
    """A rate for notes that sounded a step ago and one for those that did not."""
    held, struck = (rates.sum(0, keepdims=True) for rates in _transitions(roll, offsets))
    return _markov(held, struck)


def per_note_markov(roll: Roll, offsets: Counts) -> Rates:
    """As `repeat`, for each note apart."""
    return _markov(*_transitions(roll, offsets))


def _transitions(roll: Roll, offsets: Counts) -> tuple[Counts, Counts]:
    """For notes that sounded a step ago, and for those that did not: (to one, all), `[F, 2]`."""
    previous = before(roll, offsets).astype(bool)
    now = roll.astype(bool)
    held = np.stack([(previous & now).sum(0), previous.sum(0)], axis=1)
    struck = np.stack([(~previous & now).sum(0), (~previous).sum(0)], axis=1)
    return held.astype(np.int64), struck.astype(np.int64)


def _markov(held: Counts, struck: Counts) -> Rates:
    a, b = ((counts[:, 0] + 1) / (counts[:, 1] + 2) for counts in (held, struck))
    return lambda previous: np.where(previous != 0, a, b)


MUSIC: dict[str, Callable[[Roll, Counts], Rates]] = {
    "uniform": even,
    "one rate": one_rate,
    "per note": per_note,
    "repeat": repeat,
    "per-note Markov": per_note_markov,
}


def music_loss(rates: Rates, roll: Roll, offsets: Counts) -> float:
    """Mean over all steps of the summed binary cross-entropy of `rates`, nats a step.

    The first step of each sequence counts, with all zeros before it.
    """
    total = 0.0
    previous = before(roll, offsets)
    for start in range(0, len(roll), 4096):
        block = slice(start, start + 4096)
        q = np.broadcast_to(rates(previous[block]), roll[block].shape)
        total -= float(np.log(np.where(roll[block] != 0, q, 1 - q)).sum())
    return total / len(roll)
