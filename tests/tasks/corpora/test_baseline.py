"""Baselines: small cases by hand, the real corpora against the table of the data folder."""

import re
import subprocess
import sys
from itertools import pairwise
from math import exp, log
from pathlib import Path

import numpy as np
import pytest

from tasks.corpora import baseline, corpus, pianoroll, ptb, pydocs
from tasks.corpora.text import SPLITS, Symbols

PTB_WORDS = {  # perplexity on train, valid, test
    "unigram": (684.94, 687.03, 639.30),
    "unigram, add-1": (685.18, 684.73, 639.79),
    "bigram, add-1": (682.62, 854.48, 824.03),
    "bigram, add-0.007": (93.88, 297.09, 273.03),
    "bigram, Kneser-Ney": (87.12, 201.48, 186.80),
}
PTB_CHARACTERS = {  # (order, k) to bits per character
    (1, 1.0): (4.334, 4.336, 4.346),
    (2, 1.0): (3.393, 3.389, 3.366),
    (3, 1.0): (2.690, 2.690, 2.655),
    (4, 0.1): (2.055, 2.074, 2.034),
}
MUSIC = {  # nats a step on train, valid, test: one rate, per note, repeat, per-note Markov
    "nottingham": (
        (16.154, 10.057, 6.953, 5.226),
        (16.147, 10.003, 7.013, 5.246),
        (16.242, 10.252, 6.849, 5.168),
    ),
    "piano-midi": (
        (13.232, 11.326, 9.265, 8.375),
        (13.866, 11.491, 10.358, 9.237),
        (12.903, 11.046, 9.230, 8.261),
    ),
    "jsb": (
        (15.961, 11.096, 13.639, 10.440),
        (15.875, 10.952, 13.233, 10.136),
        (15.927, 11.061, 13.754, 10.478),
    ),
    "musedata": (
        (14.694, 11.646, 10.064, 8.698),
        (14.648, 11.847, 9.903, 8.661),
        (14.055, 11.510, 9.700, 8.561),
    ),
}


def symbols(text: str) -> Symbols:
    return np.array(["abc".index(letter) for letter in text], np.uint16)


def test_add_k_follows_its_formula() -> None:
    # before the first symbol stands c (2); bigrams ca, ab, ba, ab of "abab"
    loss = baseline.add_k(symbols("abab"), symbols("abc"), 3, order=2, k=0.5, before=2)
    chances = [(1 + 0.5) / (1 + 1.5), (2 + 0.5) / (2 + 1.5), (0 + 0.5) / (1 + 1.5)]
    assert loss == pytest.approx(-sum(map(log, chances)) / 3, rel=1e-12)


def test_an_unsmoothed_count_of_the_training_text_is_its_entropy() -> None:
    loss = baseline.add_k(symbols("aab"), symbols("aab"), 3, order=1, k=0, before=0)
    assert loss == pytest.approx(-(2 * log(2 / 3) + log(1 / 3)) / 3, rel=1e-12)
    assert baseline.add_k(symbols("aab"), symbols("c"), 3, order=1, k=0, before=0) == float("inf")


def test_kneser_ney_chances_sum_to_one_after_every_context() -> None:
    train = np.random.default_rng(1).integers(0, 3, 40).astype(np.uint16)
    train[-1] = 0
    for context in range(3):
        total = 0.0
        for word in range(3):
            pair = np.array([context, word], np.uint16)
            both = 2 * baseline.kneser_ney(train, pair, 3, before=0)
            first = baseline.kneser_ney(train, pair[:1], 3, before=0)
            total += exp(first - both)
        assert total == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize("rule", baseline.MUSIC)
def test_music_loss_is_the_plain_double_sum(rule: str) -> None:
    generator = np.random.default_rng(2)
    roll = (generator.random((30, 88)) < 0.2).astype(np.uint8)
    offsets = np.array([0, 7, 8, 30])
    rates = baseline.MUSIC[rule](roll, offsets)
    total = 0.0
    for start, stop in pairwise(offsets):
        previous = np.zeros((1, 88), np.uint8)
        for row in roll[start:stop]:
            q = np.broadcast_to(rates(previous), (1, 88))[0]
            total -= sum(log(q[k]) if row[k] else log(1 - q[k]) for k in range(88))
            previous = row[None]
    assert baseline.music_loss(rates, roll, offsets) == pytest.approx(total / 30, rel=1e-10)


def test_penn_treebank_by_word_has_the_known_perplexities(data: Path) -> None:
    found = ptb.words(data)
    V, end, train = len(found.vocabulary), found.end, found.streams["train"]
    for number, split in enumerate(SPLITS):
        text = found.streams[split]
        losses = {
            "unigram": baseline.add_k(train, text, V, order=1, k=0, before=end),
            "unigram, add-1": baseline.add_k(train, text, V, order=1, k=1, before=end),
            "bigram, add-1": baseline.add_k(train, text, V, order=2, k=1, before=end),
            "bigram, add-0.007": baseline.add_k(train, text, V, order=2, k=0.007, before=end),
            "bigram, Kneser-Ney": baseline.kneser_ney(train, text, V, before=end),
        }
        for rule, loss in losses.items():
            assert exp(loss) == pytest.approx(PTB_WORDS[rule][number], abs=0.0051), (split, rule)


def test_penn_treebank_by_character_has_the_known_bits(data: Path) -> None:
    found = ptb.characters(data)
    train = found.streams["train"]
    for (order, k), expected in PTB_CHARACTERS.items():
        for number, split in enumerate(SPLITS):
            text = found.streams[split]
            loss = baseline.add_k(train, text, 50, order=order, k=k, before=found.end)
            assert loss / log(2) == pytest.approx(expected[number], abs=0.00051), (split, order)


@pytest.mark.parametrize("name", pianoroll.SETS)
def test_music_has_the_known_losses(name: str, data: Path) -> None:
    pieces = pianoroll.read(data, pianoroll.file_of(name))
    rules = {
        rule: fit(pieces["train"].roll, pieces["train"].offsets)
        for rule, fit in baseline.MUSIC.items()
    }
    for number, split in enumerate(SPLITS):
        chosen = pieces[split]
        losses = [baseline.music_loss(r, chosen.roll, chosen.offsets) for r in rules.values()]
        assert losses[0] == pytest.approx(88 * log(2), rel=1e-12)
        # The table's 13.233 for JSB, repeat, valid is 13.2325 to four decimals.
        assert losses[1:] == pytest.approx(MUSIC[name][number], abs=0.00052), split


def test_the_recorded_table_is_what_the_command_computes(data: Path) -> None:
    script = Path(baseline.__file__).parents[2] / "scripts" / "compute_baselines.py"
    command = [sys.executable, str(script), "--print"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    recorded = (Path(baseline.__file__).parent / "baselines.toml").read_text(encoding="utf-8")
    # The last printed digit may differ between processors.
    number = re.compile(r"(?<= = )\d+\.\d+")
    assert number.sub("", printed.rstrip()) == number.sub("", recorded.rstrip())
    values = [np.array([float(x) for x in number.findall(text)]) for text in (printed, recorded)]
    assert len(values[0]) > 50
    assert np.allclose(*values, rtol=0, atol=2e-6)


@pytest.mark.parametrize("task", ["ptb", "ptb-char", *pianoroll.SETS])
def test_a_stored_baseline_says_where_it_comes_from(task: str) -> None:
    known = baseline.stored(task)
    ours = [entry for entry in known if "compute_baselines" in entry.source]
    assert {entry.split for entry in ours} == {"valid", "test"}
    assert all(entry.comparable and 0 < entry.value < 61 for entry in ours)
    assert all(entry.source and entry.name for entry in known)
    assert len({(e.name, e.split, e.source) for e in known}) == len(known)


def test_a_published_perplexity_is_told_in_nats() -> None:
    known = {entry.name: entry for entry in baseline.stored("ptb")}
    assert known["5-gram, modified Kneser-Ney"].value == pytest.approx(log(141.2))
    assert known["GRU, 5M parameters"].value == 4.684
    assert not any(
        entry.comparable for entry in baseline.stored("nottingham") if "Chung" in entry.source
    )


def test_every_corpus_file_a_baseline_was_counted_on_is_the_pinned_one() -> None:
    computed, published = baseline.tables()
    tasks = {task for known in corpus.table().values() for task in known.tasks}
    assert set(computed) == tasks
    assert set(published) <= tasks | {"arithmetic", "markup"}
    pinned = {file.sha256 for known in corpus.table().values() for file in known.files}
    assert {entry["digest"] for entry in computed.values()} <= pinned


def test_pydocs_baselines_fall_with_the_order() -> None:
    by_split: dict[str, list[float]] = {"valid": [], "test": []}
    for entry in pydocs.baselines("pydocs-char"):
        by_split[entry.split].append(entry.value)
    for losses in by_split.values():
        assert len(losses) == 5
        assert losses == sorted(losses, reverse=True)


def test_the_tables_of_the_readme_are_the_recorded_ones() -> None:
    text = (Path(baseline.__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    computed, _ = baseline.tables()

    def texts(rule: str) -> list[str]:
        """Perplexities by word and bits by character, valid / test."""
        words, characters = (
            [computed[task][split].get(rule) for split in ("valid", "test")]
            for task in ("ptb", "ptb-char")
        )
        return [
            rule,
            "" if None in words else " / ".join(f"{exp(loss):.2f}" for loss in words),
            "" if None in characters else " / ".join(f"{x / log(2):.3f}" for x in characters),
        ]

    for rule in {**computed["ptb"]["test"], **computed["ptb-char"]["test"]}:
        assert texts(rule) in rows
    for rule in baseline.MUSIC:
        losses = [f"{computed[name]['test'][rule]:.3f}" for name in pianoroll.SETS]
        assert [rule, *losses] in rows
