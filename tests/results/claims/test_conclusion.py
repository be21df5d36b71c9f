"""The three sentences say each claim once for each way in which it came out."""

from results.claims.claim import Claim, Comparison, Family
from results.claims.conclusion import kind_of, sentences
from results.claims.decision import Word
from results.claims.rules import Decision, Ruling
from results.statistics.estimate import Estimate


def ruling(word: Word, *, ran: bool = True) -> Ruling:
    comparison = Comparison("lstm_b", "lstm", "arithmetic", 0.01)
    claim = Claim(
        "helps", "A bias of 1 helps.", "us", "better", "all", (comparison,), short="a bias helps"
    )
    estimate = Estimate(0.1, 0.01, 9.0, 10) if ran else None
    decision = Decision(comparison, estimate, None, "d <= 0", None, None, word, "", False, ())
    return Ruling(claim, (decision,), word, "", False, None)


def family(part: str, file: str = "forget-bias") -> Family:
    return Family(f"{file}-{part}", 1, "", "", (), 2, part, 10)


def test_a_claim_that_comes_out_alike_at_several_rungs_is_said_once() -> None:
    holds, fails, open_ = sentences(
        [
            (family("rung-1"), [ruling("replicated")]),
            (family("rung-3"), [ruling("replicated, smaller")]),
            (family("rung-10"), [ruling("undecided at this budget")]),
        ]
    )
    assert (
        holds
        == "What holds here: a bias helps (1x updates; a smaller effect at 3x updates; 2 of 3)."
    )
    assert fails == "None of them is contradicted by what was run."
    assert open_.endswith("a bias helps (10x updates; 1 of 3).")


def test_what_was_not_run_is_in_no_sentence() -> None:
    told = [(family("rung-1"), [ruling("undecided at this budget", ran=False)])]
    assert kind_of(told[0][1][0]) == ""
    assert all(sentence.startswith("None") for sentence in sentences(told))


def test_a_sign_that_is_not_told_apart_is_said_beside_what_is_undecided() -> None:
    told = [
        (family("rung-1"), [ruling("same sign, not told apart")]),
        (family("rung-3"), [ruling("undecided at this budget")]),
    ]
    assert sentences(told)[2].endswith(
        "a bias helps (3x updates; of the expected sign at 1x updates)."
    )


def test_claims_beside_the_founding_question_are_left_to_the_table() -> None:
    told = [(family("rung-1", "cells"), [ruling("contradicted")])]
    assert sentences(told)[1] == "None of them is contradicted by what was run."
