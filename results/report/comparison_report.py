"""A comparison of named cells as one HTML file: opens offline, runs no script, the same bytes each time."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from cells import parse
from cells.distance.difference import difference
from cells.drawing.compared import draw_difference
from cells.drawing.equation import plain as equations
from cells.training.setting import HYPERPARAMETERS, Setting
from results.comparison.comparison import Comparison
from results.record import history
from results.record.store import Store
from results.report import comparison_figure as figures
from results.report.page import POLICY, environment, interval, markup, number
from results.report.panel import to_svg

_POINTS = """
SELECT trial.cell_id AS cell, trial.task AS task, point.updates AS updates,
    point.valid_loss AS valid_loss, point.valid_accuracy AS valid_accuracy
FROM ask JOIN trial ON trial.key = ask.trial_key JOIN point ON point.trial_key = trial.key
    JOIN outcome ON outcome.trial_key = trial.key
WHERE ask.study_id = ? AND ask.role = 'confirm' AND outcome.ending = 'ok'
ORDER BY trial.cell_id, trial.task, point.updates, ask.number
"""


@dataclass(frozen=True, slots=True)
class _Pair:
    """The first cell beside another one."""

    name: str
    drawing: Markup
    edits: Sequence[str]
    distance: str


def render(store: Store, told: Comparison) -> str:
    """The comparison as the text of one HTML file.

    Raises:
        StoreError: if the store cannot be read.
    """
    study_id = told.study.id
    with store.snapshot():
        points = _points(store, told)
        provenance = store.provenance(study_id)
        digest, root = history.digest(store, study_id), store.root
    drawn = {"gains": figures.gains(told), "curves": figures.curves(told, points)}
    return (
        environment({"interval": interval, "number": number, "setting": _setting})
        .get_template("comparison.html")
        .render(
            policy=POLICY,
            told=told,
            first=told.names[told.first],
            study=told.study,
            study_id=study_id,
            columns={task.name: task for task in told.tasks},
            sentences=told.sentences(),
            caveats=_caveats(told),
            figures={name: markup(to_svg(made, name)) for name, made in drawn.items()},
            pairs=[_pair(told, other) for other in list(told.names)[1:]],
            equations={cell: equations(parse(text)) for cell, text in told.texts.items()},
            provenance=provenance,
            digest=digest,
            root=root,
            description=json.dumps(json.loads(told.study.to_json()), indent=2, sort_keys=True),
        )
    )


def _points(store: Store, told: Comparison) -> figures.Curves:
    columns = {task.name: task.metric for task in told.tasks}
    gathered: dict[tuple[str, str], dict[int, list[float]]] = {}
    for row in store.select(_POINTS, told.study.id):
        metric = columns.get(row["task"])
        recorded = None if metric is None else row[metric.column("valid")]
        if metric is None or recorded is None:
            continue
        line = gathered.setdefault((row["cell"], row["task"]), {})
        line.setdefault(row["updates"], []).append(metric.derive(recorded))
    return {where: list(line.items()) for where, line in gathered.items()}


def _pair(told: Comparison, other: str) -> _Pair:
    found = difference(parse(told.texts[other]), parse(told.texts[told.first]))
    count = f"{found.distance} edit{'s' * (found.distance != 1)}"
    return _Pair(
        name=told.names[other],
        drawing=markup(draw_difference(found, told.names[other], told.names[told.first])),
        edits=found.edits,
        distance=count if found.exact else f"at most {count}",
    )


def _caveats(told: Comparison) -> list[str]:
    """What the numbers do not show, one sentence each."""
    said: list[str] = []
    if told.done < told.asked:
        left = told.asked - told.done
        said.append(f"The comparison is not finished: {left} trainings have no outcome.")
    updates = sorted({task.budget.updates for task in told.study.tasks if task.budget.updates})
    if updates:
        budget = " to ".join(f"{count:,}" for count in dict.fromkeys((updates[0], updates[-1])))
        said.append(
            f"All of it holds at this budget, {budget} updates: longer trainings can change it."
        )
    settings, seeds = told.study.baseline_settings, told.study.confirm.seeds
    said.append(
        f"The best of {settings} settings was selected on validation data for each cell and task, the same"
        f" settings for all cells, and trained again on {seeds} seeds that selection never saw; intervals"
        " do not carry the draw of settings."
    )
    return said


def _setting(setting: Setting | None) -> str:
    if setting is None:
        return "none trained"
    told = setting.recorded()
    return ", ".join(
        f"{row.label} {told[row.recorded]:g}"
        if isinstance(told[row.recorded], int | float)
        else f"{row.label} {told[row.recorded]}"
        for row in HYPERPARAMETERS
        if row.recorded in told
    )
