"""Claims: the verdicts of the findings runs that a store holds."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from results.dashboard.chart import Chart, chart
from results.dashboard.record import Record
from results.dashboard.view import Document, Request, View

if TYPE_CHECKING:
    from results.claims.claim import Family
    from results.claims.verdict import Verdict

COLOURS: Mapping[str, str] = {
    "replicated": "green",
    "replicated, smaller": "blue",
    "same sign, not told apart": "orange",
    "contradicted": "vermillion",
    "undecided": "grey",
    "undecided at this budget": "grey",
}
"""By word of either edition."""


def document(request: Request) -> Document:
    """The verdicts of one findings run, the latest unless another is asked for."""
    from results.claims import (  # SciPy takes a second, which other views do not need
        claim,
        findings,
    )

    runs = {
        f"{run.findings}-{run.scale}": (run.findings, studies)
        for run, studies in findings.runs(request.record.store).items()
    }
    names = list(runs)
    chosen = request.query.choice("run", names, names[-1] if names else "")
    family = request.query.choice("family", [*claim.names(), *claim.names(2)], "")
    if not chosen:
        return {"runs": [], "run": "", "families": [], "known": list(claim.names()), "family": ""}
    name, studies = runs[chosen]
    told = _judged(request.record, chosen, name, studies)
    return {
        "runs": names,
        "run": chosen,
        "known": [entry["name"] for entry in told],
        "family": family,
        "studies": [
            {"id": study_id, "name": name}
            for study_id, name in findings.titles(
                {study_id: request.record.store.study(study_id) for study_id in studies}
            ).items()
        ],
        "trainings": _counts(request.record, studies),
        "families": [entry for entry in told if family in ("", entry["name"])],
    }


def charts(document: Document) -> dict[str, Chart]:
    """A forest of pooled effects a family: right of 0 favours the claim, 1 is the smallest that matters."""
    return {f"family{index}": _forest(family) for index, family in enumerate(document["families"])}


def _judged(record: Record, chosen: str, name: str, studies: list[str]) -> list[dict[str, Any]]:
    """All families with their verdicts; judged anew only when a confirmation was added."""
    from results.claims import findings, verdict

    counts = _counts(record, studies)
    families = findings.families_of(name)

    def judge() -> list[dict[str, Any]]:
        if name == findings.FOUNDING:
            return _second_edition(record, studies)
        values = findings.confirmed_values(record.store, studies)
        return [
            _family(family, [_document(judged) for judged in verdict.judge(family, values)])
            for family in families
        ]

    return record.kept(f"claims {chosen}", counts["confirmed"], judge)


def _second_edition(record: Record, studies: list[str]) -> list[dict[str, Any]]:
    """The families of the second edition of which something was run."""
    from results.claims import conclusion, findings, rows, rules
    from results.claims.evidence import Evidence

    run = findings.run_of(record.store, studies[0])
    if run is None:
        return []
    evidence = Evidence(run)
    judged = [(family, rules.judge(family, evidence)) for family in run.families]
    return [
        _family(
            family,
            [
                {
                    **rows.summary(ruling, evidence.pooled(ruling.claim)),
                    "comparisons": [rows.comparison(one) for one in ruling.decisions],
                }
                for ruling in rulings
            ],
        )
        for family, rulings in judged
        if any(map(conclusion.kind_of, rulings))
    ]


def _family(family: "Family", verdicts: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "name": family.name,
        "version": family.version,
        "title": f"{family.title}: {family.part}" if family.part else family.title,
        "source": family.source,
        "verdicts": verdicts,
    }


def _document(told: "Verdict") -> dict[str, Any]:
    from results.claims import verdict

    rows = [verdict.comparison(finding) for finding in told.findings]
    return {**verdict.summary(told), "comparisons": rows}


def _counts(record: Record, studies: list[str]) -> dict[str, int]:
    """Trainings of all studies; what several of them ask for is one."""
    marks = ", ".join("?" * len(studies))
    asked, done, confirmed = record.store.select(
        "SELECT count(DISTINCT ask.trial_key), count(DISTINCT outcome.trial_key),"  # noqa: S608
        " count(DISTINCT CASE ask.role WHEN 'confirm' THEN outcome.trial_key END) FROM ask LEFT JOIN outcome USING (trial_key)"
        f" WHERE ask.study_id IN ({marks}) AND ask.trial_key IS NOT NULL",
        *studies,
    )[0]
    return {"asked": asked, "done": done, "confirmed": confirmed}


def _forest(family: Mapping[str, Any]) -> Chart:
    shown = [row for row in family["verdicts"] if row["effect"]]
    traces: list[Chart] = []
    for word, colour in COLOURS.items():
        mine = [row for row in shown if row["word"] == word]
        if not mine:
            continue
        effects = [row["effect"] for row in mine]
        reach = [
            [(effect["high"] or effect["centre"]) - effect["centre"] for effect in effects],
            [effect["centre"] - (effect["low"] or effect["centre"]) for effect in effects],
        ]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": word,
                "x": [effect["centre"] for effect in effects],
                "y": [row["id"] for row in mine],
                "error_x": {
                    "type": "data",
                    "array": reach[0],
                    "arrayminus": reach[1],
                    "color": colour,
                },
                "marker": {"color": colour, "size": 9},
                "hovertemplate": "%{y}: %{x:.2f}<extra></extra>",
            }
        )
    lines = [
        {"type": "line", "x0": at, "x1": at, "y0": 0, "y1": 1, "yref": "paper", "line": style}
        for at, style in ((0, {"color": "ink", "width": 1}), (1, {"color": "faint", "dash": "dot"}))
    ]
    return chart(
        traces,
        "pooled effect, in units of the smallest meaningful difference",
        yaxis={
            "categoryorder": "array",
            "categoryarray": [row["id"] for row in reversed(shown)],
            "automargin": True,
        },
        shapes=lines,
    )


VIEW = View(
    name="claims",
    title="Claims",
    explains=(
        "What the paper and others claimed, written down before the runs, and what the runs of this"
        " store say: replicated, contradicted, or undecided."
    ),
    filters={"run": "a findings run of the store", "family": "one family of claims"},
    document=document,
    charts=charts,
)
