"""Tokens: ASCII only, own number grammar, comments."""

import pytest

from cells import CellError
from cells.text.lexer import END, NAME, NEWLINE, NUMBER, number, tokenize


def test_tokens_carry_kind_word_and_place():
    tokens = tokenize("h' = -1.5e3 *\tx # note\n")
    assert tokens.kinds == [NAME, "=", "-", NUMBER, "*", NAME, NEWLINE, END]
    assert tokens.words[:6] == ["h'", "=", "-", "1.5e3", "*", "x"]
    assert tokens.places[:6] == [0, 3, 5, 6, 12, 14]


def test_line_ends_inside_parentheses_and_empty_lines_do_not_count():
    tokens = tokenize("\n\na = (\n1\n)\n\n \r\n b")
    assert tokens.kinds == [NAME, "=", "(", NUMBER, ")", NEWLINE, NAME, NEWLINE, END]


def test_only_the_comment_above_the_first_word_is_kept():
    tokens = tokenize("#  indented\n#\n#last \t\ncell # aside\n# below\n")
    assert tokens.comment == " indented\n\nlast"


def test_comments_may_hold_letters_of_any_script():
    assert tokenize("# Schmidhuber, Jürgen; 循環\n# tab\there").comment.startswith("Schmidhuber, J")


@pytest.mark.parametrize(
    "character",
    [
        "\0",
        "\x07",
        "\x1b",
        "\x7f",
        "\x85",
        "\u200b",
        "\u202e",
        "\u2066",
        "\u2028",
        "\ufeff",
        "\ud800",
    ],
)
@pytest.mark.parametrize("frame", ["{}", "# {}", "cell {}f(x)", "# a\ncell f(x) # {}\n out = x"])
def test_what_cannot_be_seen_is_refused_everywhere(character: str, frame: str):
    with pytest.raises(CellError) as caught:
        tokenize(frame.format(character))
    assert caught.value.code == "C002"
    assert f"U+{ord(character):04X}" in caught.value.message
    assert str(caught.value).isascii()


def test_a_carriage_return_stands_in_front_of_a_line_end_only():
    assert tokenize("a\r\nb\r\n").kinds == [NAME, NEWLINE, NAME, NEWLINE, END]
    for text in ("a\rb", "# a\rb", "a\r"):
        with pytest.raises(CellError):
            tokenize(text)


@pytest.mark.parametrize(
    ("word", "value"),
    [("0", 0.0), ("007", 7.0), ("0.50", 0.5), ("1e5", 1e5), ("1.25E-3", 0.00125), ("1e+38", 1e38)],
)
def test_numbers_are_read_exactly(word: str, value: float):
    assert number(word, word, 0) == value


@pytest.mark.parametrize(
    ("word", "code"),
    [
        *(
            (w, "C003")
            for w in ("1_0", "1.", ".5", "1e", "1e+", "0x10", "1.2.3", "1e5.0", "1f", ".")
        ),
        *((w, "C004") for w in ("1234567890123", "1.234567890123", "1" + "0" * 12)),
        *((w, "C005") for w in ("1e39", "1e999", "9e-39", "1e-400", "1e" + "9" * 4000)),
        ("0." + "0" * 400 + "1", "C005"),
    ],
)
def test_malformed_numbers_are_refused(word: str, code: str):
    text = f"cell f(x)\n out = x * {word}"
    tokens = tokenize(text)
    at = tokens.kinds.index(NUMBER)
    with pytest.raises(CellError) as caught:
        number(text, tokens.words[at], tokens.places[at])
    assert (caught.value.code, caught.value.line, caught.value.column) == (code, 2, 12)
