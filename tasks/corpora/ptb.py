"""Penn Treebank by word and by character, from the files of Mikolov's extract.

By word: the 10,000 types of the training file, `<eos>` at each line end included. By character: the
50 characters of the training file, the line end and `_` for a blank included.
"""

from collections import Counter
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks import scale as scales
from tasks.corpora import baseline, corpus, text
from tasks.corpora.text import SPLITS, Corpus, Law, Symbols, Text
from tasks.task import Split

VERSION = 1
END = "<eos>"


def load(name: str, scale: str) -> Text:
    """The task `ptb` or `ptb-char` at `scale`.

    Raises:
        TaskError: if the scale is not there (T002, T003), or the files (T102), or they are not
            intact (T103, T104).
    """
    law = scales.read(name, scale, Law)
    by_word = name == "ptb"
    paths = tuple(f"ptb/ptb.{'' if by_word else 'char.'}{split}.txt" for split in SPLITS)
    folder = corpus.locate("ptb", paths)
    return text.make(
        (words if by_word else characters)(folder),
        law,
        name=name,
        version=VERSION,
        scale=scale,
        unit="nats per word" if by_word else "nats per character",
        blank=" " if by_word else "",
        bits=not by_word,
        baselines=baseline.stored(name),
    )


@lru_cache(maxsize=2)
def words(folder: Path) -> Corpus:
    """The word-level text, read from `folder` once a process.

    Symbols are in order of falling frequency in the training file, ties by spelling.
    """
    files = _files("ptb/ptb.{}.txt")
    tokens = {
        split: corpus.read(folder, file).decode("ascii").replace("\n", f" {END} ").split()
        for split, file in files.items()
    }
    counts = Counter(tokens["train"])
    vocabulary = tuple(sorted(counts, key=lambda word: (-counts[word], word)))
    number = {word: symbol for symbol, word in enumerate(vocabulary)}
    return Corpus(
        vocabulary,
        {split: np.array([number[word] for word in tokens[split]], np.uint16) for split in files},
        number[END],
        " ".join(file.sha256 for file in files.values()),
    )


@lru_cache(maxsize=2)
def characters(folder: Path) -> Corpus:
    """The character-level text, read from `folder` once a process; symbols in order of code."""
    files = _files("ptb/ptb.char.{}.txt")
    # Every second byte is the blank that follows each character.
    bytes_of: dict[Split, NDArray[np.uint8]] = {
        split: np.frombuffer(corpus.read(folder, file), np.uint8)[::2]
        for split, file in files.items()
    }
    codes = np.unique(bytes_of["train"])
    streams: dict[Split, Symbols] = {
        split: np.searchsorted(codes, text).astype(np.uint16) for split, text in bytes_of.items()
    }
    return Corpus(
        tuple(map(chr, codes.tolist())),
        streams,
        int(np.searchsorted(codes, ord("\n"))),
        " ".join(file.sha256 for file in files.values()),
    )


def _files(pattern: str) -> dict[Split, corpus.File]:
    listed = {file.path: file for file in corpus.named("ptb").files}
    return {split: listed[pattern.format(split)] for split in SPLITS}
