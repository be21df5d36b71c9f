"""What was trained of one cell: its curves, the settings that were tried, and every trial."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from cells.training.hyperparameter import Value
from cells.training.setting import HYPERPARAMETERS, Setting
from results.dashboard.chart import Axis, Chart, chart, level, line, parallel, strokes
from results.dashboard.view import Document
from results.leaderboard.board import SELECTION
from results.leaderboard.task_column import TaskColumn, metric_of
from results.record.ask import Ask, Role
from results.record.outcome import Ending, Outcome

Log = Sequence[tuple[Ask, Outcome | None]]

CURVES: Final = 30
"""Settings of a task whose curves are drawn, the best first."""
SEEDS: Final = 20
"""Fresh seeds of a task whose curves are drawn."""
POINTS: Final = 36
"""Points that are drawn of each curve."""
LINES: Final = 300
"""Settings of a task that are drawn as parallel coordinates."""

AXES: Final = {row.name: row.label for row in HYPERPARAMETERS}
"""Hyperparameters by the name for people."""

QUARTERS: Final = (
    ("best quarter", "blue"),
    ("second", "sky"),
    ("third", "orange"),
    ("last quarter", "vermillion"),
    ("did not train", "grey"),
)


def entry(
    ask: Ask, outcome: Outcome | None, tasks: Mapping[tuple[str, str], TaskColumn]
) -> Document:
    """One trial as the table has it."""
    trial = ask.trial
    assert trial is not None  # noqa: S101 - only asks with a trial are given
    metric = tasks[trial.task, trial.scale].metric
    return {
        "number": ask.index,
        "role": ask.role.value,
        "task": trial.task,
        "scale": trial.scale,
        "setting": setting(trial.setting),
        "seed": str(trial.seed),
        "ending": outcome and outcome.ending.value,
        "detail": outcome.detail if outcome else "",
        "metric": metric.name,
        "valid": metric_of(metric, outcome, "valid") if outcome else None,
        "test": metric_of(metric, outcome, "test") if outcome else None,
        "parameters": outcome and outcome.parameters,
        "core_seconds": outcome and outcome.cost.cpu_seconds,
        "key": trial.key,
    }


def setting(of: Setting) -> dict[str, Value]:
    """The hyperparameters by name, less those that the optimizer has not."""
    return {name: value for name in AXES if (value := getattr(of, name)) is not None}


def curves(log: Log, task: TaskColumn, best: str) -> Document | None:
    """Learning curves of a cell on a task by setting and by seed; None where it has none.

    Args:
        log: its trials.
        task: which.
        best: key of the selected setting.
    """
    settings: list[tuple[float, Document]] = []
    seeds: list[Document] = []
    known: set[str] = set()
    for ask, outcome in log:
        trial = ask.trial
        if trial is None or (trial.task, trial.scale) != (task.name, task.scale):
            continue
        if outcome is None or not outcome.curve or outcome.key in known:
            continue
        known.add(outcome.key)
        kind = "seed" if ask.role is Role.CONFIRM else "best" if outcome.key == best else "setting"
        drawn = outcome.curve[:: -(-len(outcome.curve) // POINTS)]
        if drawn[-1] is not outcome.curve[-1]:
            drawn = (*drawn, outcome.curve[-1])
        entry: Document = {
            "number": ask.index,
            "kind": kind,
            "seed": str(trial.seed),
            "setting": setting(trial.setting),
            "ending": outcome.ending.value,
            "updates": [point.update for point in drawn],
            "values": [task.metric.at(point) for point in drawn],
        }
        if kind == "seed":
            seeds.append(entry)
        else:
            value = metric_of(task.metric, outcome, "valid")
            rank = float("inf") if value is None else -task.metric.oriented(value)
            settings.append((rank, entry))
    if not settings and not seeds:
        return None
    settings.sort(key=lambda pair: pair[0])
    shown = [entry for _, entry in settings[:CURVES]]
    return {
        "task": task.name,
        "scale": task.scale,
        **task.judged(),
        "optimum": task.optimum,
        "lines": [*shown, *seeds[:SEEDS]],
        "settings": len(settings),
        "seeds": len(seeds),
        "left_out": len(settings) - len(shown) + max(0, len(seeds) - SEEDS),
    }


def curves_chart(document: Document) -> Chart:
    """Settings thin, the selected one and fresh seeds heavy, the optimum dotted."""
    by = {
        kind: [curve for curve in document["lines"] if curve["kind"] == kind]
        for kind in ("setting", "best", "seed")
    }
    traces: list[Chart] = []
    if by["setting"]:
        traces.append(
            strokes(
                "other settings",
                [(curve["updates"], curve["values"]) for curve in by["setting"]],
                "grey",
                texts=[
                    f"trial {curve['number']}: {words(curve['setting'])}" for curve in by["setting"]
                ],
                opacity=0.7,
            )
        )
    if by["seed"]:
        traces.append(
            strokes(
                f"fresh seeds ({len(by['seed'])})",
                [(curve["updates"], curve["values"]) for curve in by["seed"]],
                "blue",
                texts=[f"trial {curve['number']}, seed {curve['seed']}" for curve in by["seed"]],
                width=2.6,
            )
        )
    traces += [
        line("selected setting", curve["updates"], curve["values"], "orange", width=2.6)
        for curve in by["best"]
    ]
    reach = [0.0, max(max(curve["updates"]) for curve in document["lines"])]
    if document["optimum"] is not None:
        traces.append(level("best possible", document["optimum"], reach, "ink"))
    return chart(traces, "updates", f"validation {document['metric_label']}", hovermode="closest")


def tried(log: Log, task: TaskColumn) -> Document | None:
    """The settings of a cell on a task with what came of each; None where there were fewer than two."""
    settings: list[Document] = []
    known: set[str] = set()
    for ask, outcome in log:
        trial = ask.trial
        if trial is None or outcome is None or ask.role not in SELECTION:
            continue
        if (trial.task, trial.scale) != (task.name, task.scale) or outcome.key in known:
            continue
        known.add(outcome.key)
        value = metric_of(task.metric, outcome, "valid")
        ending = outcome.ending.value
        settings.append(
            {
                "number": ask.index,
                **setting(trial.setting),
                "value": value,
                # A training that ended well, but has no result, did not train either.
                "ending": ending if value is not None or ending != Ending.OK else "no result",
            }
        )
    if len(settings) < 2:
        return None
    varied = [name for name in AXES if len({entry.get(name) for entry in settings}) > 1]
    shown = columns(settings)
    return {
        "task": task.name,
        "scale": task.scale,
        **task.judged(),
        "settings": settings[:LINES],
        "count": len(settings),
        "varied": varied,
        "fixed": {AXES[name]: settings[0][name] for name in shown if name not in varied},
    }


def tried_chart(document: Document) -> Chart:
    """Parallel coordinates of the settings, coloured by the quarter that their result is in."""
    settings = document["settings"]
    sign = 1.0 if document["higher"] else -1.0
    order = sorted(
        (index for index, setting in enumerate(settings) if setting["value"] is not None),
        key=lambda index: -sign * settings[index]["value"],
    )
    member = [len(QUARTERS) - 1] * len(settings)
    for rank, index in enumerate(order):
        member[index] = rank * 4 // len(order)
    # Lines of a grid lie on each other: each is moved a little, by its rank.
    shift = [0.0] * len(settings)
    for rank, index in enumerate(order):
        shift[index] = 0.04 * (0.5 - rank / len(order))
    axes = [
        _axis(AXES[name], [setting.get(name) for setting in settings], shift)
        for name in document["varied"]
    ]
    axes.append(
        _results(
            f"validation {document['metric_label']}",
            [setting["value"] for setting in settings],
            sign,
        )
    )
    texts = [
        f"trial {setting['number']}: {words({name: setting[name] for name in AXES if name in setting})};"
        f" {setting['ending'] if setting['value'] is None else format(setting['value'], '.4g')}"
        for setting in settings
    ]
    return parallel(axes, QUARTERS, member, texts)


def _axis(name: str, values: Sequence[Value], shift: Sequence[float]) -> Axis:
    """A few values at equal distances, many in proportion, by logarithm where they span decades.

    What an optimizer has not comes first.
    """
    numbers = sorted({value for value in values if isinstance(value, int | float)})
    others = sorted({value for value in values if not isinstance(value, int | float)}, key=str)
    distinct: list[Value] = [*others, *numbers]
    few = len(distinct) <= 8 or bool(others)
    indices: dict[Value, float]
    if few:
        indices = {value: index / (len(distinct) - 1) for index, value in enumerate(distinct)}
    else:
        wide = numbers[0] > 0 and numbers[-1] / numbers[0] > 20
        scaled = {value: math.log(value) if wide else value for value in numbers}
        low, high = scaled[numbers[0]], scaled[numbers[-1]]
        indices = {value: (at - low) / (high - low) for value, at in scaled.items()}
    shown = distinct if few else [distinct[0], distinct[len(distinct) // 2], distinct[-1]]
    return Axis(
        name,
        [indices[value] + moved for value, moved in zip(values, shift, strict=True)],
        [(indices[value], text(value)) for value in shown],
    )


def _results(name: str, values: Sequence[float | None], sign: float) -> Axis:
    """Results with the better ones above; what did not train lies below all."""
    known = [value for value in values if value is not None]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)

    def height(value: float | None) -> float:
        if value is None:
            return -0.12
        share = (value - low) / (high - low) if high > low else 0.5
        return share if sign > 0 else 1.0 - share

    shown = sorted({low, (low + high) / 2, high}) if known else []
    return Axis(
        name,
        [height(value) for value in values],
        [(height(value), f"{value:.3g}") for value in shown],
    )


def words(setting: Mapping[str, Value]) -> str:
    """A setting in words, without the later hyperparameters that are at their default."""
    shown = columns([setting])
    return ", ".join(f"{AXES[name]} {text(setting[name])}" for name in shown if name in setting)


def columns(settings: Iterable[Mapping[str, Value]]) -> list[str]:
    """Hyperparameters of a table of these settings: all of the first, and later ones that are used."""
    settings = list(settings)
    return [
        row.name
        for row in HYPERPARAMETERS
        if row.since == 1
        or any(setting.get(row.name, row.default) != row.default for setting in settings)
    ]


def text(value: Value) -> str:
    """A value of a hyperparameter for people."""
    return value if isinstance(value, str) else "-" if value is None else f"{value:.4g}"
