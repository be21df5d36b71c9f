"""The headers of zoo cells, read."""

import pytest

from cells import zoo
from cells.text.header import header

COMMENT = """A cell.
Source: A. One, Ten to 1999 and back, arXiv 2003.08864, 2020;
  B. Two, Another: with a colon, and an "echo state"; not
  a third, 2018.
Convention: first line,
  second line.
Pitfall: none."""


def test_a_header_is_read_section_by_section():
    read = header(COMMENT)
    assert read.title == "A cell."
    assert read.sections["Convention"] == "first line, second line."
    assert read.sections["Pitfall"] == "none."
    assert read.sources == (
        "A. One, Ten to 1999 and back, arXiv 2003.08864, 2020",
        'B. Two, Another: with a colon, and an "echo state"; not a third, 2018.',
    )


def test_the_year_is_the_earliest_and_not_half_of_an_arxiv_number():
    assert header("T.\nSource: A, arXiv 2003.08864, 2020;\n  B, 2021.").year == 2020
    assert header("T.\nSource: A, arXiv 1999.00001v2, pages 19990 to 20201, 2020.").year == 2020


@pytest.mark.parametrize("comment", ["", "A title.", "A title.\nwith a second line"])
def test_a_comment_without_sections_has_no_source_and_no_year(comment: str):
    read = header(comment)
    assert (read.sources, read.year, read.sections) == ((), None, {})


@pytest.mark.parametrize(
    ("name", "year"),
    [
        ("elman", 1990),
        ("esn", 2001),
        ("gru", 2014),
        ("leaky", 1992),
        ("lem", 2022),
        ("lstm", 2000),
        ("lstm_1997", 1997),
        ("mingru", 2024),
        ("mut1", 2015),
        ("tdnn", 1988),
    ],
)
def test_cells_have_the_year_of_their_first_appearance(name: str, year: int):
    assert header(zoo.load(name).comment).year == year
