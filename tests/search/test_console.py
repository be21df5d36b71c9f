"""Numbers, tables and commands for people."""

import math
import re
import sys

import pytest

from search.console import hours, measure, number, numbers, show, table, typed


def test_numbers_are_short_and_without_exponents_where_that_can_be() -> None:
    assert [number(value) for value in (0.0, 0.30251, 12.3456, 999.7, 876059.95)] == [
        "0",
        "0.3025",
        "12.35",
        "1,000",
        "876,060",
    ]


def test_numbers_of_like_size_have_equal_decimals() -> None:
    assert numbers([1.0, 0.98351, 1.008]) == ["1.0000", "0.9835", "1.0080"]
    assert numbers([12.192, 10.4]) == ["12.19", "10.40"]
    assert numbers([0.60281, 10.39927]) == ["0.6028", "10.3993"]
    assert numbers([0.6, 0.0]) == ["0.6000", "0.0000"]
    assert numbers([0.0004515, 265.4]) == ["0.0004515", "265.4"]
    assert numbers([]) == []


def test_a_loss_that_ran_away_stays_readable() -> None:
    assert (measure(1.25), measure(2.2e31)) == ("1.2500", "2.200e+31")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.001, "3.6 seconds"),
        (0.5, "30 minutes"),
        (3.25, "3.25 hours"),
        (238572.2, "238,572 hours"),
    ],
)
def test_spans_are_told_in_a_fitting_unit(value: float, words: str) -> None:
    assert hours(value) == words
    assert hours(value, "core-") == words.replace(" ", " core-")


def test_a_table_elsewhere_than_on_a_terminal_has_one_line_a_row(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table(("name", "count", "share"), [("a" * 300, 12345, 0.5), ("b", None, 0.25)], title="all")
    title, head, rule, first, second = capsys.readouterr().out.splitlines()
    assert title.strip() == "all"
    assert head.split() == ["name", "count", "share"]
    assert set(rule.strip()) == {"─"}
    assert first.split() == ["a" * 300, "12,345", "0.5000"]
    assert second.split() == ["b", "-", "0.2500"]


def test_a_narrow_terminal_keeps_whole_words_and_names_what_it_leaves_out(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    row = ("0123456789ab", 0.5, 14000, "a sentence of several words")
    table(("cell", "score", "parameters", "note"), [row], spare=("parameters",))
    shown = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert "0123456789ab   0.5000" in shown
    assert "14,000" not in shown
    assert "a wider terminal also shows:" in shown
    assert max(map(len, shown.splitlines())) <= 40
    monkeypatch.setenv("COLUMNS", "80")
    table(("cell", "score", "parameters", "note"), [row], spare=("parameters",))
    assert "14,000" in capsys.readouterr().out


def test_an_empty_table_is_its_head(capsys: pytest.CaptureFixture[str]) -> None:
    table(("name", "count"), [])
    assert capsys.readouterr().out.splitlines()[0].split() == ["name", "count"]


def test_a_document_with_nan_is_refused_before_a_word_is_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        show({"fine": 1, "loss": math.nan}, True, print)
    assert capsys.readouterr().out == ""


def test_a_command_is_printed_as_it_can_be_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/a b/gatewright"])
    assert typed("gatewright search quick") == "'/a b/gatewright' search quick"
    monkeypatch.setattr(sys, "argv", ["-c"])
    assert typed("gatewright search quick") == "gatewright search quick"
