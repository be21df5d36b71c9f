"""Claims: what is read, and what is refused."""

import re

import pytest

from cells import zoo
from results.claims.claim import Claim, ClaimError, Family, Measure, load, names, read

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
    (family,) = read("f", GOOD)
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
        ("version = 2", "version = 2\nedition = 3", "edition 3 is neither 1 nor 2"),
        ("version = 2", "version = 2\nseeds = 10", "unknown key 'seeds'"),
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


@pytest.mark.parametrize(
    ("name", "edition"), [(name, edition) for edition in (1, 2) for name in names(edition)]
)
def test_every_family_names_cells_of_the_zoo(name: str, edition: int) -> None:
    family = load(name, edition)
    assert (family.name, family.edition) == (name, edition)
    cells = {arm.rpartition(":")[2] for arm in family.arms}
    assert cells <= set(zoo.names())
    assert all(one.better != one.worse for claim in family.claims for one in claim.comparisons)


SECOND = """
edition = 2
version = 1
title = "T"
source = "S"
parts = ["rung-1", "rung-10"]
seeds = { default = 10, rung-10 = 5 }
smallest = { arithmetic = 0.03, markup = 0.01 }
deviation = { arithmetic = 0.0075, markup = 0.014 }

[[claims]]
id = "bias"
statement = "A forget bias of 1 helps"
tasks = ["arithmetic", "markup"]
better = "lstm_b"
worse = "lstm"
reported = "table-1"
"""


def second(old: str = "", new: str = "") -> tuple[Family, ...]:
    assert old in SECOND
    return read("f", SECOND.replace(old, new) if old else SECOND)


def first_claim(old: str = "", new: str = "") -> Claim:
    return second(old, new)[0].claims[0]


def test_the_first_edition_has_the_families_it_had() -> None:
    assert names() == ("dropout", "forget-bias", "gates", "greff", "paper-tables", "size")


def test_every_part_of_a_file_is_a_family_with_arms_and_seeds_of_its_own() -> None:
    near, far = second()
    assert (near.name, near.file, near.part, near.seeds) == ("f-rung-1", "f", "rung-1", 10)
    assert (far.name, far.file, far.part, far.seeds) == ("f-rung-10", "f", "rung-10", 5)
    assert far.arms == ("rung-10:lstm_b", "rung-10:lstm")


def test_a_file_without_parts_is_one_family_with_its_name() -> None:
    (family,) = read(
        "f",
        SECOND.replace('parts = ["rung-1", "rung-10"]', "").replace(", rung-10 = 5", ""),
    )
    assert (family.name, family.file, family.part, family.seeds) == ("f", "f", "", 10)
    assert family.arms == ("lstm_b", "lstm")


def test_reported_effects_are_looked_up_in_the_papers_tables() -> None:
    arithmetic, markup = first_claim().comparisons
    assert (arithmetic.reported, markup.reported) == (0.00935, 0.01964)  # .90163 - .89228
    assert (arithmetic.deviation, markup.deviation) == (0.0075, 0.014)


def test_losses_are_turned_so_that_above_zero_is_better() -> None:
    text = SECOND.replace('"arithmetic", "markup"', '"nottingham"').replace("table-1", "table-2")
    text = text.replace("markup =", "nottingham =")
    assert read("f", text)[0].claims[0].comparisons[0].reported == 0.073  # 3.492 - 3.419


def test_numbers_by_task_stand_for_every_pair_and_may_leave_tasks_out() -> None:
    claim = first_claim('"table-1"', "{ markup = 0.2 }")
    assert [one.reported for one in claim.comparisons] == [None, 0.2]


@pytest.mark.parametrize(
    ("test", "reported", "decides"),
    [
        ("better", 0.0094, 0.0047),  # half of what is reported
        ("better", 0.6, 0.03),
        ("equal", 0.01, 0.03),
        ("equal", -0.4, 0.6),  # one and a half times of what is reported
        ("equal", 0.0, 0.03),
        ("not-worse", 0.02, 0.03),
        ("not-worse", 0.2, 0.3),
    ],
)
def test_the_difference_that_decides_follows_from_ours_and_from_the_sources(
    test: str, reported: float, decides: float
) -> None:
    claim = first_claim('"table-1"', f'{{ arithmetic = {reported} }}\ntest = "{test}"')
    assert claim.comparisons[0].smallest == pytest.approx(decides)
    assert claim.comparisons[1].smallest == 0.01


@pytest.mark.parametrize(
    ("given", "measure"),
    [
        ('"final"', Measure("final")),
        ("{ early = 0.25 }", Measure("early", share=0.25)),
        ("{ best_of = 2 }", Measure("best-of", settings=2)),
    ],
)
def test_a_claim_says_which_values_it_is_about(given: str, measure: Measure) -> None:
    assert first_claim('"table-1"', f'"table-1"\nmeasure = {given}').measure == measure
    assert first_claim().measure == Measure()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"table-1"', '"table-9"', "f/bias: the paper has no table 'table-9'; tables are table-1,"),
        (
            '"table-1"',
            '"table-2"',
            "table-2 cannot say what lstm_b against lstm gives on arithmetic",
        ),
        ('"lstm"\n', '"lstm_b2"\n', "cannot say what lstm_b against lstm_b2"),
        ('"lstm"\n', '"lstm_b"\n', "cannot say what lstm_b against lstm_b"),
        ('"lstm"\n', '"mut1"\n', "lstm_b against mut1 on arithmetic: the source reports -0.01972"),
        ('"table-1"', "{ ptb = 0.1 }", "reported gives 0.1 for 'ptb'"),
        ('"table-1"', "{ markup = true }", "reported gives True"),
        ('"table-1"', "0.3", "reported is missing, or neither"),
        (", markup = 0.014", "", "deviation over seeds on 'markup' is None"),
        (", markup = 0.014", ", markup = 0", "deviation over seeds on 'markup' is 0"),
        ("deviation =", "spread =", "deviation over seeds on 'arithmetic' is None"),
        ("{ default = 10, rung-10 = 5 }", "{ rung-10 = 5 }", "seeds of rung-1 are None"),
        ("{ default = 10, rung-10 = 5 }", "1", "seeds of rung-1 are 1"),
        ("rung-10 = 5", "rung-11 = 5", "seeds are given for 'rung-11'"),
        ("seeds =", "tries =", "seeds of rung-1 are None"),
        ("smallest = {", "smallest = 1 #", "smallest is 1; expected a table by task"),
        (
            '"table-1"',
            '"table-1"\ntest = "superior"',
            "'superior' is none of better, equal, not-worse",
        ),
        ('"table-1"', '"table-1"\nmeasure = "early"', "measure 'early' is neither"),
        ('"table-1"', '"table-1"\nmeasure = { early = 1.5 }', "measure"),
        ('"table-1"', '"table-1"\nmeasure = { best_of = 2.5 }', "measure"),
        ('"table-1"', '"table-1"\nodd = 1', "unknown key 'odd'"),
    ],
)
def test_what_does_not_read_in_the_second_edition_is_refused_with_its_place(
    old: str, new: str, says: str
) -> None:
    with pytest.raises(ClaimError, match=re.escape(says)):
        second(old, new)
