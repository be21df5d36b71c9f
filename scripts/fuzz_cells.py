#!/usr/bin/env python3
"""Throw spoilt cell texts at the parser: only `CellError`, or a cell that survives the round trip.

Texts are zoo cells after one to six edits of characters, words or lines, splices of two of them,
and soups of words. Exit status 1 on any other exception, on a cell that does not come back, and
on a text that takes more processor time than `--slowest` seconds.
"""

import argparse
import random
import re
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cells import CellError, check, parse, to_text, zoo
from cells.initial import LAWS
from cells.op import OPS

WORD: Final = re.compile(r"\n|[A-Za-z_0-9.]+'?|[ ]+|.", re.S)
ODD: Final = "\0\t\r\x1b\x7f\x85\u00e9\u0430\u0661\u200b\u202e\u2028\ufeff\uff11\ud800\U0001f9ea"
WORDS: Final = (
    *OPS,
    *LAWS,
    *("cell", "x", "h", "c", "h'", "c'", "z", "out", "none", "a1", "f"),
    *("kind", "init", "diagonal", "bias", "blocks", "free", "frozen", "block", "antisymmetric"),
    *("0", "1", "-1", "0.5", "1e-5", "1e38", "1e39", "1_0", "007", "123456789012", "1234567890123"),
    *"()()(),,;==+-*/#'\n\n ",
)


def edit_characters(rng: random.Random, text: str) -> str:
    """`text` with one character lost, doubled, moved or replaced."""
    at, to = rng.randrange(len(text) + 1), rng.randrange(len(text) + 1)
    low, high = min(at, to), min(max(at, to), min(at, to) + 30)
    match rng.randrange(6):
        case 0:
            return text[:at] + text[at + 1 :]
        case 1:
            return text[:at] + rng.choice(text or " ") + text[at:]
        case 2:
            return text[:at] + rng.choice(ODD) + text[at:]
        case 3:
            return text[:low] + text[low:high] * 2 + text[high:]
        case 4:
            return text[:low] + text[high:]
        case _:
            return text[:at] + chr(rng.randrange(32, 127)) + text[at + 1 :]


def edit_words(rng: random.Random, text: str) -> str:
    """`text` with one word lost, doubled, exchanged or replaced."""
    words = WORD.findall(text) or [" "]
    at, to = rng.randrange(len(words)), rng.randrange(len(words))
    match rng.randrange(4):
        case 0:
            del words[at]
        case 1:
            words.insert(at, rng.choice(WORDS))
        case 2:
            words[at], words[to] = words[to], words[at]
        case _:
            words[at] = rng.choice(WORDS)
    return "".join(words)


def edit_lines(rng: random.Random, text: str) -> str:
    """`text` with one line lost, doubled, moved or nested deeply."""
    lines = text.split("\n")
    at, to = rng.randrange(len(lines)), rng.randrange(len(lines))
    match rng.randrange(5):
        case 0:
            del lines[at]
        case 1:
            lines.insert(to, lines[at])
        case 2:
            lines[at], lines[to] = lines[to], lines[at]
        case 3:
            left, equals, right = lines[at].partition("=")
            times = rng.choice((1, 10, 63, 64, 65, 500))
            lines[at] = f"{left}{equals} {'tanh(' * times}{right}{')' * times}"
        case _:
            lines[at] = lines[at] + rng.choice((" + ", " * ", " ")) * rng.choice((1, 300)) + "x"
    return "\n".join(lines)


def spoil(rng: random.Random, texts: list[str]) -> str:
    """One text that may or may not be a cell."""
    draw = rng.random()
    if draw < 0.1:
        soup = " ".join(rng.choice(WORDS) for _ in range(rng.randrange(60)))
        return soup if rng.random() < 0.3 else "cell f(x; h)\n  h' = " + soup
    text = rng.choice(texts)
    if draw < 0.2:
        other = rng.choice(texts)
        text = text[: rng.randrange(len(text))] + other[rng.randrange(len(other)) :]
    for _ in range(rng.randint(1, 6)):
        text = rng.choice((edit_characters, edit_words, edit_words, edit_lines))(rng, text)
    return text


def judge(text: str) -> str:
    """`cell` or the code of the error.

    Raises:
        AssertionError: when a cell does not survive the round trip.
        Exception: whatever the language lets through, which is a bug.
    """
    try:
        cell = parse(text)
    except CellError as error:
        if not str(error).isascii():
            raise AssertionError("the message shows raw characters") from error
        return error.code
    check(cell)
    printed = to_text(cell)
    again = parse(printed)
    if again != cell or to_text(again) != printed:
        raise AssertionError("the cell does not survive the round trip")
    return "cell"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--slowest", type=float, default=0.1, help="seconds of processor time")
    options = parser.parse_args()
    rng = random.Random(options.seed)  # noqa: S311 - not for secrets
    texts = [zoo.source(name) for name in zoo.names()]
    seen: Counter[str] = Counter()
    slowest, slow, failed = 0.0, "", 0
    begin = time.perf_counter()
    for number in range(options.count):
        text = spoil(rng, texts)
        start = time.process_time()
        try:
            seen[judge(text)] += 1
        except Exception as bug:
            failed += 1
            print(f"text {number}: {type(bug).__name__}: {bug}\n{text!r}", file=sys.stderr)
        spent = time.process_time() - start
        if spent > slowest:
            slowest, slow = spent, text
    wall = time.perf_counter() - begin
    print(f"{options.count} texts in {wall:.1f} s, {options.count / max(wall, 1e-9):.0f} texts/s")
    print(f"{failed} bugs; slowest text {slowest * 1e3:.1f} ms ({len(slow)} characters)")
    print(", ".join(f"{code} {count}" for code, count in seen.most_common()))
    if slowest > options.slowest:
        print(f"too slow: {slow!r}", file=sys.stderr)
    return int(failed > 0 or slowest > options.slowest)


if __name__ == "__main__":
    sys.exit(main())
