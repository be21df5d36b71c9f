"""Claims: what is read, and what is refused."""

import pytest

from cells import zoo
from results.claims.claim import ClaimError, load, names, read

GOOD = """
version = 2
title = "T"
source = "S"
smallest = { ptb = 0.02 }

[[claims]]
id = "one"
statement = "A and B beat C"
tasks = ["ptb"]
better = ["a", "b"]
worse = "c"
"""


def test_a_claim_compares_every_pair_on_every_task() -> None:
    family = read("f", GOOD)
    (claim,) = family.claims
    assert [(one.better, one.worse, one.task) for one in claim.comparisons] == [
        ("a", "c", "ptb"),
        ("b", "c", "ptb"),
    ]
    assert claim.source == "S"
    assert (claim.test, claim.rule) == ("superior", "all")
    assert family.arms == ("a", "c", "b")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("version = 2", "", "f: version"),
        ('id = "one"', "id = 1", "f/1: id"),
        ("ptb = 0.02", "ptb = 0", "no smallest difference"),
        ("ptb = 0.02", "ptb = true", "no smallest difference"),
        ('worse = "c"', "", "worse is missing"),
        ('worse = "c"', 'worse = "c"\ntest = "better"', "'better' is none of superior"),
        ('worse = "c"', 'worse = "c"\nodd = 1', "unknown key 'odd'"),
        ("version = 2", "version =", "not TOML"),
    ],
)
def test_what_does_not_read_is_refused_with_its_place(old: str, new: str, says: str) -> None:
    with pytest.raises(ClaimError, match=says):
        read("f", GOOD.replace(old, new))


def test_two_claims_of_one_name_are_refused() -> None:
    entry = GOOD[GOOD.index("[[claims]]") :]
    with pytest.raises(ClaimError, match="given twice"):
        read("f", GOOD + entry)


def test_an_unknown_family_names_the_known_ones() -> None:
    with pytest.raises(ClaimError, match="gates"):
        load("gtes")


@pytest.mark.parametrize("name", names())
def test_every_family_names_cells_of_the_zoo(name: str) -> None:
    family = load(name)
    cells = {arm.rpartition(":")[2] for arm in family.arms}
    assert cells <= set(zoo.names())
    assert all(one.better != one.worse for claim in family.claims for one in claim.comparisons)
