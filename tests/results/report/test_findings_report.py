"""The report of findings: whole, the same bytes each time, self-contained, and deaf to hostile names."""

import dataclasses
import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from results.claims import claim, findings
from results.claims.findings import Run, measured, verdicts
from results.record.ask import Ask, Role
from results.record.outcome import Ending, Outcome
from results.record.store import Store
from results.record.study import FindingsPart
from results.report import findings_report
from results.statistics.sensitivity import Importance, selections
from tests.results import findings_store, synthetic
from tests.results.report.test_report import EVIL, elements


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Run]]:
    store, study = findings_store.write(tmp_path_factory.mktemp("findings") / "run.sqlite")
    with store:
        run = findings.run_of(store, study.id)
        assert run is not None
        yield store, run


@pytest.fixture(scope="module")
def page(record: tuple[Store, Run]) -> str:
    return findings_report.render(*record, importances(record[1]))


def importances(run: Run) -> list[Importance]:
    tried = selections(run.trainings, run.tasks)
    shares = {"learning_rate": 0.75, "init_scale": 0.25}
    return [Importance(one.arm, one.task, 10, shares, frozenset({"init_scale"})) for one in tried]


def text_of(page: str) -> str:
    """What a reader sees: figures and tags left out."""
    page = re.sub(r"<(svg|style).*?</\1>", "", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())


def section(page: str, name: str) -> str:
    found = re.search(rf'<section id="{name}">.*?</section>', page, re.DOTALL)
    assert found
    return found[0]


def test_the_page_is_the_same_bytes_each_time_and_from_a_reader(
    record: tuple[Store, Run], page: str
) -> None:
    with Store.read(record[0].path) as reader:
        run = findings.run_of(reader, next(iter(record[1].studies)))
        assert run is not None
        assert findings_report.render(reader, run, importances(run)) == page


def test_the_page_loads_nothing_and_runs_nothing(page: str) -> None:
    found = elements(page)
    tags = {tag for tag, _ in found}
    assert not tags & {"script", "link", "iframe", "object", "embed", "form", "img", "base"}
    assert not [name for _, names in found for name in names if name.startswith("on")]
    assert "default-src 'none'" in html.unescape(page)
    assert all(url.startswith("#") for url in re.findall(r'(?:href|src)="([^"]*)"', page))
    assert set(re.findall(r"https?://[^\s\"<]*", page)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert "url(" not in re.sub(r"url\(#", "", page)


def test_every_reference_has_its_target_and_ids_are_unique(page: str) -> None:
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    targets = set(re.findall(r"url\(#([^)]+)\)", page)) | set(re.findall(r'href="#([^"]+)"', page))
    assert targets <= set(ids)


def test_every_claim_stands_in_the_verdict_table_with_its_verdict(
    record: tuple[Store, Run], page: str
) -> None:
    family = claim.load("gates")
    told = verdicts([family], measured(record[1].trainings))["gates"]
    rows = re.findall(r"<tr>.*?</tr>", section(page, "verdicts"), re.DOTALL)[1:]
    assert len(rows) == len(family.claims) == len(told)
    for row, one in zip(rows, told, strict=True):
        seen = text_of(row)
        assert one.claim.statement in seen
        assert one.word in seen
        if one.pooled is not None:
            assert one.pooled.text(2) in seen


def test_what_was_not_run_is_said(page: str) -> None:
    seen = text_of(section(page, "not-compared"))
    assert "forget-gate-slight-in-language : 1 of 2 comparisons have no measured arms" in seen
    assert "table-1, PTB: no counterpart" in seen
    assert "table-2, N: not run here" in seen


def test_failures_are_counted_by_cell_and_role(page: str) -> None:
    rows = re.findall(r"<tr>.*?</tr>", section(page, "failures"), re.DOTALL)
    assert [text_of(row) for row in rows[1:]] == [
        f"{arm} 18 + 10 2 + 0" for arm in findings_store.SKILLS
    ]


def test_the_papers_numbers_stand_beside_ours(record: tuple[Store, Run], page: str) -> None:
    ours = {(one.arm, one.task): one for one in measured(record[1].trainings)}
    rows = re.findall(r"<tr>.*?</tr>", section(page, "tables"), re.DOTALL)
    lstm = next(text_of(row) for row in rows if "LSTM-f" in row)
    mean = sum(ours["lstm_f", "arithmetic"].values) / findings_store.SEEDS
    assert "0.29292" in lstm
    assert f"{mean:.4f} [" in lstm


def test_the_headline_counts_pairs_in_the_papers_order_as_the_tables_do(page: str) -> None:
    seen = text_of(page)
    said = re.search(r"in the order of the paper's tables: (.*?)\.", seen)
    assert said is not None
    counts = [re.fullmatch(r"\S+ (\d+ of \d+)", one) for one in said[1].split(", ")]
    assert counts
    for count in counts:
        assert count is not None
        assert f"{count[1]} agree" in seen


def test_the_command_is_given_without_the_folder_of_the_store(
    record: tuple[Store, Run], page: str
) -> None:
    assert "gatewright reproduce gates --scale smoke --store run.sqlite" in page
    assert str(record[0].path.parent) not in page


def test_nothing_is_ranked_where_intervals_overlap(record: tuple[Store, Run]) -> None:
    run = record[1]
    rows = findings_report.standings(run.tasks["arithmetic"], measured(run.trainings), [])
    assert [row.measured.arm for row in rows] == list(findings_store.SKILLS)
    tied = {row.measured.arm for row in rows if row.tied}
    assert "lstm_b" in tied
    assert not tied & {"lstm_f", "lstm_i"}


def test_the_checklist_says_no_where_the_record_does(record: tuple[Store, Run], page: str) -> None:
    seen = text_of(section(page, "checklist"))
    assert "at least 5 fresh seeds" in seen
    assert "Is a tabular or surrogate benchmark used for more repetitions? no" in seen
    changed = [{"commit": "c with changes"}]
    words = {one.question: one.word for one in findings_report.answers(record[1], (), changed)}
    assert words["Is the code that trains and evaluates the cells released?"] == "no"
    assert words["Several runs, with seeds reported?"] == "no"


def test_seeds_that_selection_saw_are_no_confirmation(record: tuple[Store, Run]) -> None:
    question = "Same protocol of evaluation for all?"
    run = record[1]
    again = [dataclasses.replace(one, role=Role.CONFIRM) for one in run.trainings]
    seen = dataclasses.replace(run, trainings=(*run.trainings, *again))
    for asked, word in ((run, "yes"), (seen, "no")):
        found = {one.question: one.word for one in findings_report.answers(asked, (), [])}
        assert found[question] == word


def test_two_machines_are_a_confounder(record: tuple[Store, Run]) -> None:
    question = "Are hardware, versions and run times no confounders?"
    for cpus, word in ((("one", "one"), "yes"), (("one", "another"), "partly")):
        found = findings_report.answers(record[1], (), [{"cpu": cpu} for cpu in cpus])
        assert {one.question: one.word for one in found}[question] == word


def test_a_run_without_any_result_has_a_page(tmp_path: Path) -> None:
    store, study = Store.create_or_open(tmp_path / "run.sqlite"), findings_store.study("all-smoke")
    store.begin(study, {})
    run = findings.run_of(store, study.id)
    assert run is not None
    seen = text_of(findings_report.render(store, run))
    assert "0 replicated, 0 contradicted" in seen
    assert "Nothing has been confirmed yet." in seen


def test_only_rosters_made_by_reproduce_are_findings(tmp_path: Path) -> None:
    store = Store.create_or_open(tmp_path / "run.sqlite")
    names = ("my-roster", "gates-of-my-own", "gates-smoke-2", "all-workstation")
    others = [findings_store.study(name) for name in names]
    unknown = dataclasses.replace(others[0], findings=FindingsPart("moods", "smoke"))
    for study in (synthetic.study("gates-smoke"), *others, unknown):
        store.begin(study, {})
        assert findings.run_of(store, study.id) is None
    assert findings.runs(store) == {}


def test_a_study_that_says_so_is_a_part_of_findings_whatever_its_name(tmp_path: Path) -> None:
    store = Store.create_or_open(tmp_path / "run.sqlite")
    said = FindingsPart("gates", "smoke", "dropout")
    plain = findings_store.study("curious")
    study = dataclasses.replace(plain, findings=said)
    first = findings_store.study("gates-smoke")
    store.begin(study, {})
    store.begin(first, {})
    assert store.study(study.id) == study
    assert findings.part_of(store.study(study.id)) == "dropout"
    whole = FindingsPart("gates", "smoke")
    assert findings.runs(store) == {whole: [study.id, first.id]}
    # What does not say so keeps the id that the first version gave it.
    assert "findings" not in plain.to_json()


def test_parts_of_one_run_stand_on_one_page(tmp_path: Path) -> None:
    store = Store.create_or_open(tmp_path / "run.sqlite")
    main, part, other = (
        findings_store.study(name)
        for name in ("gates-smoke", "gates-smoke-dropout", "gates-laptop")
    )
    trials = [findings_store.trial("lstm", "arithmetic", place, 7) for place in (1, 2)]
    for study, asked in ((main, trials[:1]), (part, trials), (other, trials)):
        store.begin(study, {})
        findings_store.tasks(store, study.tasks[0].scale)
        for number, one in enumerate(asked):
            store.add_ask(study.id, Ask(number, Role.BASELINE, one))
    run = findings.run_of(store, part.id)
    assert run is not None
    assert set(run.studies) == {main.id, part.id}
    assert (run.findings, run.scale) == ("gates", "smoke")
    # The very same training is not repeated under another name; a new one carries its part.
    assert [one.arm for one in run.trainings] == ["lstm", "dropout:lstm"]


def test_a_part_begun_anew_with_more_cells_keeps_what_was_recorded_of_both(tmp_path: Path) -> None:
    store = Store.create_or_open(tmp_path / "run.sqlite")
    whole = findings_store.study("all-smoke")
    fewer = dataclasses.replace(whole, baselines=whole.baselines[1:])
    one = findings_store.trial("gru", "arithmetic", 1, 7)
    for study in (fewer, whole):
        store.begin(study, {"cpu": f"machine of {len(study.baselines)} cells"})
        findings_store.tasks(store)
        store.add_ask(study.id, Ask(0, Role.BASELINE, one))
    run = findings.run_of(store, whole.id)
    assert run is not None
    assert len(run.trainings) == 1
    page = findings_report.render(store, run)
    for study in (fewer, whole):
        assert f"machine of {len(study.baselines)} cells" in page
        assert f"all-smoke ({study.id})" in page


def hostile(path: Path, text: str) -> str:
    """The page of a small run whose every free text is the given one."""
    study = findings_store.study(f"gates-smoke {text}", text)
    study = dataclasses.replace(study, findings=FindingsPart("gates", text, text))
    plan = dataclasses.replace(study.tasks[0], name=text)
    study = dataclasses.replace(study, tasks=(plan,), baselines=(*study.baselines[:-1], "gru"))
    with Store.create_or_open(path) as store:
        store.begin(study, {text: text, "command": text, "cpu": text, "commit": text})
        store.add_task(
            name=text,
            scale=text,
            version=1,
            digest=text,
            family=text,
            metric="loss",
            unit=text,
            floors=[{"name": "no memory", "loss": 2.0}, {"name": text, "loss": 0.5}],
        )
        base = findings_store.trial("gru", text, 1, 1, text)
        for number, (role, seed) in enumerate(
            [(Role.BASELINE, 1), (Role.CONFIRM, 2), (Role.CONFIRM, 3)]
        ):
            asked = dataclasses.replace(base, cell_id=text, cell=text, seed=seed, task_digest=text)
            store.add_ask(study.id, Ask(number, role, asked))
            came = findings_store.outcome(asked, 0.5)
            if seed == 3:
                came = Outcome(asked.key, Ending.CRASHED, detail=text)
            store.add_outcome(study.id, number, came)
        store.add_event(study.id, "mismatch", text)
        store.add_event(study.id, text, text)
        run = findings.run_of(store, study.id)
        assert run is not None
        shares = {text: 1.0}
        return findings_report.render(
            store, run, [Importance(text, text, 1, shares, frozenset({text}))]
        )


def test_hostile_names_change_no_element_of_the_page(tmp_path: Path) -> None:
    def outside_figures(page: str) -> list[tuple[str, tuple[str, ...]]]:
        return elements(re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL))

    harmless = hostile(tmp_path / "a.sqlite", "name")
    page = hostile(tmp_path / "b.sqlite", "".join(EVIL))
    assert outside_figures(page) == outside_figures(harmless)
    assert not {tag for tag, _ in elements(page)} & {"script", "img"}
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", page)
