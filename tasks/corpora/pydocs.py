"""The text of Python's language reference, `pydoc_data.topics`, by word and by character.

Every CPython carries it, so this is the language task that needs no download. It differs between
Python versions; the digest tells them apart, and `facts.notes` names the version.

Normalisation: topics in order of their keys; typographic quotes, dashes and dots spelled in ASCII,
other characters decomposed and dropped where nothing ASCII is left; lower case; runs of one mark
longer than three (underlines of headings) cut to three; a paragraph, that is what stands between
empty lines, becomes one line with single blanks. A paragraph that already stood in an earlier topic
is left out: some topics repeat others whole, and validation text must not stand in training.

Split: within each topic by position of a paragraph's middle, 90 % train, 5 % valid, 5 % test, so
that all three speak of the same things.
"""

import hashlib
import platform
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from cells.training.metric import LOSS
from tasks import scale as scales
from tasks.corpora import baseline, text
from tasks.corpora.text import SPLITS, Corpus, Law, Symbols, Text
from tasks.task import Baseline, Split, TaskError

VERSION = 1
END = "<eos>"
UNKNOWN = "<unk>"
NUMBER = "N"
CHARACTERS = tuple("\n" + "".join(c for c in map(chr, range(32, 127)) if not c.isupper()))
_ASCII = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "..."})
_TOKEN = re.compile(r"[a-z_]+|[0-9]+|[^\sa-z_0-9]")

Paragraphs = Mapping[Split, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class WordLaw(Law):
    """The numbers of a scale of `pydocs`.

    Attributes:
        vocabulary: V, the end of a paragraph and the unknown word included.
    """

    vocabulary: int = 2000


def load(name: str, scale: str) -> Text:
    """The task `pydocs` or `pydocs-char` at `scale`.

    Raises:
        TaskError: if the scale is not there (T002, T003), or this Python has no topics (T109).
    """
    if name == "pydocs":
        law = scales.read(name, scale, WordLaw)
        read, known = words(law.vocabulary), baselines(name, law.vocabulary)
    else:
        law = scales.read(name, scale, Law)
        read, known = characters(), baselines(name)
    return text.make(
        read,
        law,
        name=name,
        version=VERSION,
        scale=scale,
        unit="nats per word" if name == "pydocs" else "nats per character",
        blank=" " if name == "pydocs" else "",
        bits=name != "pydocs",
        baselines=known,
        notes={"python": platform.python_version(), "text": read.digest},
    )


def topics() -> Mapping[str, str]:
    """The topics of this Python, by key. Raises TaskError T109 if it has none."""
    try:
        from pydoc_data.topics import topics as texts
    except ImportError as cause:
        raise TaskError(
            "T109",
            "this Python was installed without its help topics (pydoc_data)",
            "install the complete standard library, or take another task",
        ) from cause
    return texts


@lru_cache(maxsize=1)
def paragraphs() -> Paragraphs:
    """The normalised paragraphs of each split."""
    return divide(topics())


def divide(source: Mapping[str, str]) -> Paragraphs:
    """Splits `source`, texts by topic, as the module says."""
    seen: set[str] = set()
    parts: dict[Split, list[str]] = {split: [] for split in SPLITS}
    for topic in sorted(source):
        fresh = [paragraph for paragraph in normalise(source[topic]) if paragraph not in seen]
        fresh = list(dict.fromkeys(fresh))
        seen.update(fresh)
        whole = sum(len(paragraph) + 1 for paragraph in fresh)
        at = 0
        for paragraph in fresh:
            # In twentieths of the topic, in whole numbers: no rounding decides where it goes.
            middle = 20 * (2 * at + len(paragraph))
            at += len(paragraph) + 1
            split = "train" if middle < 36 * whole else "valid" if middle < 38 * whole else "test"
            parts[split].append(paragraph)
    return {split: tuple(paragraphs) for split, paragraphs in parts.items()}


def normalise(source: str) -> list[str]:
    """The paragraphs of `source`, each one line of lower-case printable ASCII."""
    plain = unicodedata.normalize("NFKD", source.translate(_ASCII)).lower()
    plain = "".join(letter for letter in plain if letter == "\n" or " " <= letter <= "~")
    plain = re.sub(r"([^a-z0-9\s])\1{3,}", r"\1\1\1", plain)
    lines = (" ".join(block.split()) for block in re.split(r"\n[ \n]*\n", plain))
    return [line for line in lines if line]


@lru_cache(maxsize=1)
def characters() -> Corpus:
    r"""By character: printable ASCII without capitals, and `\n` at the end of each paragraph."""
    parts = paragraphs()
    number = np.zeros(128, np.uint16)
    for symbol, character in enumerate(CHARACTERS):
        number[ord(character)] = symbol
    whole: dict[Split, str] = {
        split: "".join(f"{line}\n" for line in parts[split]) for split in SPLITS
    }
    streams: dict[Split, Symbols] = {
        split: number[np.frombuffer(text.encode("ascii"), np.uint8)]
        for split, text in whole.items()
    }
    return Corpus(CHARACTERS, streams, CHARACTERS.index("\n"), digest(parts))


@lru_cache(maxsize=8)
def words(vocabulary: int) -> Corpus:
    """By word: runs of letters, `N` for runs of digits, single marks, `<eos>` after a paragraph.

    The `vocabulary - 2` most frequent of the training part are kept (ties by spelling), others are
    `<unk>`.
    """
    parts = paragraphs()
    tokens: dict[Split, list[str]] = {
        split: [token for line in parts[split] for token in (*tokenise(line), END)]
        for split in SPLITS
    }
    counts = Counter(tokens["train"])
    ranked = sorted(counts.keys() - {END}, key=lambda word: (-counts[word], word))
    kept = (END, UNKNOWN, *ranked[: vocabulary - 2])
    number = {word: symbol for symbol, word in enumerate(kept)}
    streams: dict[Split, Symbols] = {
        split: np.array([number.get(token, 1) for token in own], np.uint16)
        for split, own in tokens.items()
    }
    return Corpus(kept, streams, 0, digest(parts))


def tokenise(line: str) -> list[str]:
    """The words and marks of a normalised line."""
    return [NUMBER if token.isdigit() else token for token in _TOKEN.findall(line)]


@lru_cache(maxsize=8)
def baselines(name: str, vocabulary: int = 0) -> tuple[Baseline, ...]:
    """n-grams counted on this very text, on `valid` and `test`."""
    read = words(vocabulary) if name == "pydocs" else characters()
    counted = baseline.counted(name, read.streams, len(read.vocabulary), read.end)
    return tuple(
        Baseline(rule, LOSS.name, loss, split, "counted when the task is loaded")
        for split in SPLITS
        for rule, loss in counted.get(split, {}).items()
    )


def digest(parts: Paragraphs) -> str:
    """SHA-256 over the paragraphs of all splits."""
    state = hashlib.sha256()
    for split in SPLITS:
        state.update(f"{split}\n".encode() + "\0".join(parts[split]).encode() + b"\0\0")
    return state.hexdigest()
