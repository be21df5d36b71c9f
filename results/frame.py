"""The record as pandas frames: one row a trial, a point of a curve, a rejection, a cell."""

import json
from typing import cast

import pandas as pd

from results.label import label
from results.record import words
from results.record.setting_columns import SETTING_COLUMNS
from results.record.store import Store
from results.spreadsheet import inert

_TRIALS = f"""
SELECT ask.number, ask.role, trial.cell_id AS cell, ask.parent_id AS parent, trial.task, trial.scale,
    {SETTING_COLUMNS}, trial.seed,
    outcome.ending, outcome.step, outcome.detail, outcome.width, outcome.parameters,
    outcome.updates, outcome.tokens, outcome.valid_loss, outcome.valid_accuracy,
    outcome.test_loss, outcome.test_accuracy,
    outcome.seconds, outcome.cpu_seconds, outcome.peak_bytes, trial.key
FROM ask JOIN trial ON trial.key = ask.trial_key LEFT JOIN outcome ON outcome.trial_key = trial.key
WHERE ask.study_id = ? ORDER BY ask.number
"""  # noqa: S608 - the columns are those of the table of hyperparameters

_CURVES = """
SELECT ask.number, ask.role, trial.cell_id AS cell, trial.task, point.place AS epoch, point.updates,
    point.rate, point.train_loss, point.valid_loss, point.valid_accuracy, point.norm, point.clipped,
    trial.key
FROM ask JOIN trial ON trial.key = ask.trial_key JOIN point ON point.trial_key = trial.key
WHERE ask.study_id = ? ORDER BY ask.number, point.place
"""

_REJECTIONS = """
SELECT number, cause, cell_id AS cell, parent_id AS parent, operators, detail
FROM rejection WHERE study_id = ? ORDER BY number, place
"""

_CELLS = """
SELECT trial.cell_id AS cell, min(ask.number) AS number, ask.parent_id AS parent, ask.operators,
    cell.text
FROM ask JOIN trial ON trial.key = ask.trial_key JOIN cell ON cell.id = trial.cell_id
WHERE ask.study_id = ? GROUP BY trial.cell_id ORDER BY 2
"""


def trials(store: Store, study_id: str) -> pd.DataFrame:
    """One row a trial that was asked for, in order; outcome columns are missing until it is done.

    Columns: number, role, cell (id), label, parent, task, scale, the setting's, seed (text,
    as it has 63 bits), ending, step, detail, width, parameters, updates, tokens, four losses and
    accuracies, cost, key.
    """
    frame = _labelled(store, _TRIALS, study_id)
    frame["seed"] = frame["seed"].astype(str)
    return frame


def curves(store: Store, study_id: str) -> pd.DataFrame:
    """One row a point of a learning curve, by trial and epoch, with cell and label."""
    return _labelled(store, _CURVES, study_id)


def rejections(store: Store, study_id: str) -> pd.DataFrame:
    """One row a cell turned away, in order.

    Columns: number, cause, cell, label, parent, operators, detail (a line for people), facts (the
    numbers and codes in it as JSON; empty in the first edition of studies).
    """
    frame = _labelled(store, _REJECTIONS, study_id)
    reasons = [words.parted(detail) for detail in cast("list[str]", frame["detail"].tolist())]
    frame["detail"] = pd.Series([line for _, line in reasons], dtype=str)
    frame["facts"] = pd.Series([facts for facts, _ in reasons], dtype=str)
    return frame


def cells(store: Store, study_id: str) -> pd.DataFrame:
    """One row a cell that was trained: id, label, first ask, parent, operators, text, admitted."""
    frame = _labelled(store, _CELLS, study_id)
    admitted = store.select("SELECT DISTINCT cell_id FROM admission WHERE study_id = ?", study_id)
    frame["admitted"] = frame["cell"].isin([row["cell_id"] for row in admitted])
    return frame


def for_spreadsheets(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with an apostrophe before each text that a spreadsheet would run as a formula.

    Texts of a record may come from anybody. Numbers stay numbers, and so do their signs.
    """
    guarded = frame.copy(deep=False)
    for name in frame.columns:
        if not pd.api.types.is_numeric_dtype(frame[name]):
            guarded[name] = frame[name].map(inert)
    return guarded


def _labelled(store: Store, query: str, study_id: str) -> pd.DataFrame:
    columns, rows = store.table(query, study_id)
    frame = pd.DataFrame(rows, columns=columns)
    if "operators" in columns:
        at = columns.index("operators")
        frame["operators"] = [", ".join(json.loads(row[at])) for row in rows]
    at = columns.index("cell")
    # Strings, not categories: seaborn may exchange the groups of a categorical hue.
    frame.insert(at + 1, "label", pd.Series([label(row[at]) for row in rows], dtype=str))
    return frame
