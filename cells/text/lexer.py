"""Cell text to tokens: ASCII only, every limit checked while reading."""

import re
from dataclasses import dataclass
from typing import Final

from cells.error import CellError
from cells.limit import LIMITS, Limits
from cells.verify import hidden

END: Final = "end of the text"
NEWLINE: Final = "end of the line"
NAME: Final = "name"
NUMBER: Final = "number"

_TOKEN: Final = re.compile(
    r"[ \t]+|\r(?=\n)"
    r"|(?P<mark>[(),;=+\-*/])"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*'?)"
    r"|(?P<number>[.0-9][.0-9A-Za-z_]*(?:(?<=[eE])[+-][.0-9A-Za-z_]*)?)"
    r"|#[^\x00-\x08\x0a-\x1f\x7f]*"
    r"|(?P<newline>\n[ \t\r\n]*)"
)
_NUMBER: Final = re.compile(r"([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?")


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a text, column by column; the last one is `END`.

    Attributes:
        kinds: `NAME`, `NUMBER`, `NEWLINE`, `END`, or the mark itself.
        words: the text of each token; a name may end in a prime.
        places: where each token starts in the text.
        comment: the comment lines above the first token.
    """

    kinds: list[str]
    words: list[str]
    places: list[int]
    comment: str


def _refuse_letters(text: str, limits: Limits) -> None:
    """Non-ASCII text is welcome in comments, except for what cannot be seen."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        size = 0  # a lone surrogate, met below
    if size > limits.bytes:
        raise CellError("C001", {"limit": limits.bytes})
    start = 0
    for line in text.split("\n"):
        if not line.isascii():
            sharp = line.find("#")
            for column, character in enumerate(line):
                if ord(character) > 127 and (not 0 <= sharp < column or hidden(character)):
                    raise _character(text, start + column)
        start += len(line) + 1


def _character(text: str, position: int) -> CellError:
    return CellError.at("C002", text, position, character=f"U+{ord(text[position]):04X}")


def tokenize(text: str, limits: Limits = LIMITS) -> Tokens:
    """The tokens of `text`; line ends inside parentheses are dropped.

    Raises:
        CellError: C001 to C008.
    """
    if len(text) > limits.bytes:
        raise CellError("C001", {"limit": limits.bytes})
    if not text.isascii():
        _refuse_letters(text, limits)
    kinds: list[str] = []
    words: list[str] = []
    places: list[int] = []
    comment: list[str] = []
    match, size, position, depth, count = _TOKEN.match, len(text), 0, 0, 0
    while position < size:
        matched = match(text, position)
        if matched is None:
            raise _character(text, position)
        kind, start, position = matched.lastgroup, position, matched.end()
        if kind is None:
            if text[start] == "#" and not kinds:
                comment.append(text[start + 1 : position].rstrip().removeprefix(" "))
            continue
        word = matched.group()
        if kind == "mark":
            kind = word
            if word == "(":
                depth += 1
            elif word == ")" and depth:
                depth -= 1
        elif kind == "name":
            if len(word) > limits.name and len(word.rstrip("'")) > limits.name:
                raise CellError.at("C007", text, start, word=word, limit=limits.name)
        elif kind == "newline":
            if not depth and kinds and kinds[-1] != NEWLINE:
                kinds.append(NEWLINE)
                words.append("")
                places.append(start)
            continue
        kinds.append(kind)
        words.append(word)
        places.append(start)
        count += 1
        if count > limits.tokens:
            raise CellError.at("C006", text, start, limit=limits.tokens)
    joined = "\n".join(comment)
    if len(joined) > limits.comment or len(joined.encode()) > limits.comment:
        raise CellError.at("C008", text, 0, limit=limits.comment)
    for kind in (NEWLINE, END) if kinds and kinds[-1] != NEWLINE else (END,):
        kinds.append(kind)
        words.append("")
        places.append(size)
    return Tokens(kinds, words, places, joined)


def number(text: str, word: str, position: int, limits: Limits = LIMITS) -> float:
    """The value of a number token.

    Raises:
        CellError: C003, C004 or C005 at `position` of `text`.
    """
    matched = _NUMBER.fullmatch(word)
    if matched is None:
        raise CellError.at("C003", text, position, word=word)
    whole, part, exponent = matched.groups()
    digits = (whole + (part or "")).lstrip("0")
    if len(digits) > limits.digits:
        raise CellError.at("C004", text, position, word=word, limit=limits.digits)
    value = float(word) if not exponent or len(exponent) < 6 else float("inf")
    small, large = 10.0**-limits.exponent, 10.0 ** (limits.exponent + 1)
    if digits and not small <= value < large:
        raise CellError.at("C005", text, position, word=word, limit=limits.exponent)
    return value
