"""The second edition's rules, on estimates whose verdict is plain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from results.claims.claim import Comparison, Family, Measure, read
from results.claims.decision import ALPHA
from results.claims.rules import Caution, Decision, Ruling, judge
from results.statistics.estimate import Estimate, welch
from results.statistics.interval import Interval


@dataclass(frozen=True)
class Said:
    """A caution."""

    code: str = "plateau"
    text: str = "both arms end at a plateau"
    lowers: bool = True


@dataclass(frozen=True)
class Made:
    """Estimates by task, with the same cautions for all."""

    by_task: Mapping[str, Estimate]
    said: Sequence[Caution] = ()
    asked: list[Measure] = field(default_factory=list)

    def estimate(self, comparison: Comparison, measure: Measure) -> Estimate | None:
        self.asked.append(measure)
        return self.by_task.get(comparison.task)

    def with_settings(self, comparison: Comparison, measure: Measure) -> Interval | None:
        return Interval(0.0, -2.0, 2.0, 20) if comparison.task in self.by_task else None

    def cautions(self, comparison: Comparison, measure: Measure) -> Sequence[Caution]:
        return self.said


def family(tasks: str, test: str = "better", rule: str = "all", more: str = "") -> Family:
    named = [f'"{task}"' for task in tasks]
    (found,) = read(
        "f",
        f"""
        edition = 2
        version = 1
        title = "T"
        source = "S"
        seeds = 10
        smallest = {{ {", ".join(f"{task} = 1.0" for task in named)} }}
        deviation = {{ {", ".join(f"{task} = 1.0" for task in named)} }}
        [[claims]]
        id = "claim"
        statement = "first beats second"
        tasks = [{", ".join(named)}]
        better = "first"
        worse = "second"
        test = "{test}"
        rule = "{rule}"
        {more}
        """,
    )
    return found


def ruled(found: Family, made: Made) -> Ruling:
    (ruling,) = judge(found, made)
    return ruling


def decided(test: str, centre: float, error: float = 0.1, *said: Caution) -> Decision:
    estimate = Estimate(centre, error, 18.0, 10)
    return ruled(family("a", test), Made({"a": estimate}, said)).decisions[0]


@pytest.mark.parametrize(
    ("test", "centre", "error", "word"),
    [
        ("better", 1.5, 0.1, "replicated"),
        ("better", 1.0, 0.1, "replicated"),
        ("better", 0.99, 0.1, "replicated, smaller"),
        ("better", 0.3, 0.1, "replicated, smaller"),  # below 1 for sure, and above 0 for sure
        ("better", 0.1, 0.1, "contradicted"),  # half of what the source reports is excluded
        ("better", -1.0, 0.1, "contradicted"),
        ("better", 0.5, 0.4, "same sign, not told apart"),
        ("better", -0.1, 1.0, "undecided at this budget"),
        ("better", 0.0, 1.0, "undecided at this budget"),
        ("equal", 0.0, 0.1, "replicated"),
        ("equal", -0.7, 0.1, "replicated"),
        ("equal", 0.9, 0.1, "undecided at this budget"),
        ("equal", 1.5, 0.1, "contradicted"),
        ("equal", -1.5, 0.1, "contradicted"),
        ("not-worse", 5.0, 0.1, "replicated"),
        ("not-worse", -0.7, 0.1, "replicated"),
        ("not-worse", -0.9, 0.1, "undecided at this budget"),
        ("not-worse", -1.5, 0.1, "contradicted"),
        ("not-worse", 0.5, 1.0, "undecided at this budget"),
    ],
)
def test_the_estimate_decides(test: str, centre: float, error: float, word: str) -> None:
    assert decided(test, centre, error).word == word


@pytest.mark.parametrize("test", ["better", "equal", "not-worse"])
def test_a_single_comparison_is_decided_as_its_interval_says(test: str) -> None:
    """`at most one hypothesis of two is true`: nothing is corrected, and 95 % it is."""
    generator = np.random.default_rng(4)
    words: set[str] = set()
    for centre, error in zip(
        generator.uniform(-2.5, 2.5, 200), generator.uniform(0.05, 1, 200), strict=True
    ):
        decision = decided(test, float(centre), float(error))
        assert decision.interval is not None
        low, high = decision.interval.low, decision.interval.high
        assert low is not None
        assert high is not None
        held = {"better": low > 0, "equal": low > -1 and high < 1, "not-worse": low > -1}[test]
        lost = {"better": high < 1, "equal": high < -1 or low > 1, "not-worse": high < -1}[test]
        replicated = decision.word in ("replicated", "replicated, smaller")
        assert replicated == held
        assert (decision.word == "contradicted") == (lost and not held)
        words.add(decision.word)
    assert len(words) == {"better": 5, "equal": 3, "not-worse": 3}[test]


@pytest.mark.parametrize(
    ("test", "centre", "hypothesis"),
    [
        ("better", 2.0, "d <= 0"),
        ("better", 0.4, "d <= 0"),
        ("better", -2.0, "d >= 1"),
        ("equal", 0.0, "|d| >= 1"),
        ("equal", 2.0, "|d| < 1"),
        ("not-worse", 0.0, "d <= -1"),
        ("not-worse", -2.0, "d > -1"),
    ],
)
def test_p_and_power_are_those_of_the_hypothesis_that_is_printed(
    test: str, centre: float, hypothesis: str
) -> None:
    decision = decided(test, centre, 0.15)
    assert decision.hypothesis == hypothesis
    assert decision.p is not None
    assert decision.power is not None
    assert decision.p <= ALPHA
    # At twice the distance from its bound that can be told, every one of these has power.
    assert decision.power > 0.9


def test_of_an_open_comparison_p_is_that_of_what_the_claim_must_reject() -> None:
    decision = decided("better", 0.5, 0.5)
    assert decision.hypothesis == "d <= 0"
    assert decision.p == pytest.approx(Estimate(0.5, 0.5, 18.0, 10).at_most(0.0))
    assert decision.reason == f"better, but not told from 0; power {decision.power:.2f}"
    assert decision.power == pytest.approx(Estimate(0.5, 0.5, 18.0, 10).power_above(0, 1, 0.025))


def test_comparisons_of_a_family_are_corrected_together() -> None:
    weak = Estimate(1.5, 0.66, 18.0, 10)  # p .0177
    alone = ruled(family("a"), Made({"a": weak}))
    assert alone.word == "replicated"
    open_one = Estimate(0.5, 10.0, 18.0, 10)
    both = ruled(family("ab", rule="most"), Made({"a": weak, "b": open_one}))
    assert both.decisions[0].word == "same sign, not told apart"
    assert both.decisions[0].p == pytest.approx(2 * (alone.decisions[0].p or 0))


def test_a_comparison_whose_both_hypotheses_are_rejected_is_no_longer_counted() -> None:
    weak = Estimate(1.5, 0.66, 18.0, 10)
    settled = Estimate(0.5, 0.01, 18.0, 10)
    both = ruled(family("ab"), Made({"a": weak, "b": settled}))
    assert [one.word for one in both.decisions] == ["replicated", "replicated, smaller"]
    assert both.decisions[0].p == pytest.approx(weak.at_most(0.0))


@pytest.mark.parametrize(
    ("rule", "centres", "word"),
    [
        ("all", [2, 2, 2], "replicated"),
        ("all", [2, 2, 0.5], "replicated, smaller"),
        ("all", [2, 2, -2], "contradicted"),
        ("all", [2, 2, 99], "same sign, not told apart"),
        ("all", [2, 2, -99], "undecided at this budget"),
        ("most", [2, 2, -2], "replicated"),
        ("most", [2, 0.5, -2], "replicated, smaller"),
        ("most", [2, -2, -2], "contradicted"),
        ("most", [2, -2, 99], "same sign, not told apart"),
        ("most", [2, -2, -99], "undecided at this budget"),
        ("most", [2, 2, -2, -2], "contradicted"),  # 2 of 4 are not more than half
        ("most", [2, 2, 2, -2], "replicated"),
    ],
)
def test_a_claim_follows_from_its_comparisons(rule: str, centres: list[float], word: str) -> None:
    tasks = "abcd"[: len(centres)]
    made = Made(
        {
            task: Estimate(np.sign(centre) * 0.2, 5.0, 18.0, 10)  # 99: open, with this sign
            if abs(centre) == 99
            else Estimate(centre, 0.05, 18.0, 10)
            for task, centre in zip(tasks, centres, strict=True)
        }
    )
    assert ruled(family(tasks, rule=rule), made).word == word


def test_the_reason_counts_the_words() -> None:
    made = Made({"a": Estimate(2, 0.05, 18.0, 10), "b": Estimate(0.5, 0.05, 18.0, 10)})
    ruling = ruled(family("ab"), made)
    assert ruling.reason == "of 2: 1 replicated, 1 replicated, smaller; all needed"


@pytest.mark.parametrize(
    ("test", "centre", "error", "word", "marked"),
    [
        ("better", 2.0, 0.1, "replicated", True),
        ("better", 0.5, 0.1, "replicated, smaller", True),
        ("better", -2.0, 0.1, "undecided at this budget", False),
        ("better", 0.5, 0.5, "undecided at this budget", False),
        ("equal", 0.0, 0.1, "undecided at this budget", False),
        ("equal", 2.0, 0.1, "undecided at this budget", False),
        ("not-worse", 2.0, 0.1, "replicated", True),
        ("not-worse", 0.0, 0.1, "undecided at this budget", False),  # an equality
        ("not-worse", -2.0, 0.1, "undecided at this budget", False),
    ],
)
def test_a_caution_leaves_only_what_is_told_in_the_sources_direction(
    test: str, centre: float, error: float, word: str, marked: bool
) -> None:
    plain, lowered = decided(test, centre, error), decided(test, centre, error, Said())
    assert (lowered.word, lowered.at_this_budget) == (word, marked)
    assert "both arms end at a plateau" in lowered.reason
    assert plain.word != "undecided at this budget"
    if not marked:
        assert lowered.reason.startswith(plain.word)
    mild = decided(test, centre, error, Said(lowers=False))
    assert (mild.word, mild.reason, mild.at_this_budget) == (plain.word, plain.reason, False)
    assert (mild.p, mild.power) == (lowered.p, lowered.power) == (plain.p, plain.power)


def test_a_claim_is_at_this_budget_when_one_of_its_comparisons_is() -> None:
    made = {"a": Estimate(2, 0.05, 18.0, 10)}
    assert ruled(family("a"), Made(made, [Said()])).at_this_budget
    assert not ruled(family("a"), Made(made)).at_this_budget


def test_what_was_not_run_is_undecided_and_corrects_nothing() -> None:
    seen = Estimate(2.0, 0.5, 18.0, 10)
    ruling = ruled(family("ab"), Made({"a": seen}))
    assert [one.word for one in ruling.decisions] == ["replicated", "undecided at this budget"]
    assert ruling.decisions[0].p == pytest.approx(seen.at_most(0.0))
    assert ruling.decisions[1].reason == "an arm was not run on two seeds or more"
    assert ruling.decisions[1].p is ruling.decisions[1].interval is None
    nothing = ruled(family("ab"), Made({}))
    assert (nothing.word, nothing.reason) == ("undecided at this budget", "not run")
    left = ruled(family("ab").restricted(["first"], ["a"]), Made({"a": seen}))
    assert (left.word, left.reason, left.decisions) == ("undecided at this budget", "not run", ())


def test_the_evidence_is_asked_for_the_measure_of_the_claim() -> None:
    made = Made({"a": Estimate(2, 0.05, 18.0, 10)})
    ruling = ruled(family("a", more="measure = { best_of = 2 }"), made)
    assert made.asked == [Measure("best-of", settings=2)]
    assert ruling.decisions[0].with_settings == Interval(0.0, -2.0, 2.0, 20)


def test_seeds_that_all_agree_are_judged_as_exact() -> None:
    assert decided("better", 0.5, 0.0).word == "replicated, smaller"
    assert decided("better", 0.0, 0.0).word == "contradicted"
    assert decided("equal", 0.0, 0.0).word == "replicated"
    assert decided("not-worse", -1.0, 0.0).word == "undecided at this budget"


def test_an_effect_of_the_papers_own_size_is_not_called_a_contradiction() -> None:
    """LSTM-b against LSTM on arithmetic in the first edition: 0.0136, and the paper has 0.0094."""
    text = """
        edition = 2
        version = 1
        title = "T"
        source = "S"
        seeds = 7
        smallest = { arithmetic = 0.03 }
        deviation = { arithmetic = 0.0075 }
        [[claims]]
        id = "bias"
        statement = "A forget bias of 1 helps"
        tasks = ["arithmetic"]
        better = "lstm_b"
        worse = "lstm"
        reported = "table-1"
    """
    spread = np.array([-3, -2, -1, 0, 1, 2, 3]) * 0.0023
    estimate = welch((0.6136 + spread).tolist(), (0.6 + spread).tolist())
    assert estimate is not None
    (found,) = read("f", text)
    ruling = ruled(found, Made({"arithmetic": estimate}))
    assert ruling.word == "replicated"
    assert ruling.decisions[0].comparison.smallest == pytest.approx(0.009350 / 2)
    # Seven seeds see half of that effect too seldom: it took a spread as small as the record's.
    assert ruling.chance == pytest.approx(0.55, abs=0.03)
    assert ruling.underpowered
