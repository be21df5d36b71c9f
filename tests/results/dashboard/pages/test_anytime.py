"""Curves of the best so far, against a loop over the trials."""

import math

import numpy as np

from results.dashboard.history import PENDING, ROLES, History
from results.dashboard.pages.anytime import best_metric, best_score
from results.dashboard.pages.standing import standing
from results.leaderboard.board import SELECTION
from results.record.store import Store
from results.record.study import Study


def test_the_best_score_so_far_is_that_of_a_loop_over_the_trials(
    written: tuple[Store, Study],
) -> None:
    store, study = written
    history = History(store, study.id)
    history.refresh(store)
    found = standing(history)
    for baselines in (False, True):
        curve = best_score(history, found.tasks, baselines=baselines)
        best, spent, points = math.nan, 0.0, []
        ratios: dict[int, dict[int, float]] = {}
        for row in sorted(history.rows, key=lambda row: int(row["order"])):
            if row["ending"] == PENDING or not row["first"]:
                continue
            spent += float(row["cpu_seconds"])
            task, cell = int(row["task"]), int(row["cell"])
            known = cell in history.baselines
            if task < 3 and ROLES[row["role"]] in SELECTION and (baselines or not known):
                ratio = found.tasks[task].ratio(float(row["valid"]), found.tasks[task].reference)
                if ratio is not None and not math.isnan(ratio):
                    ours = ratios.setdefault(cell, {})
                    ours[task] = max(ours.get(task, 0.0), ratio)
                    if len(ours) == 3:
                        best = float(np.fmax(best, min(ours.values())))
            points.append((spent, best))
        wanted = [point for point in points if not math.isnan(point[1])]
        np.testing.assert_allclose(curve.seconds, [point[0] for point in wanted], rtol=1e-12)
        assert curve.values.tolist() == [point[1] for point in wanted]
        assert len(wanted) > 10


def test_the_best_of_a_task_falls_for_losses_and_ends_at_the_best_of_the_cells(
    written: tuple[Store, Study],
) -> None:
    store, study = written
    history = History(store, study.id)
    history.refresh(store)
    found = standing(history)
    cells = np.ones(len(history.cells), np.bool_)
    curve = best_metric(history, 2, cells)
    assert (np.diff(curve.values) <= 0).all()
    assert curve.values[-1] == np.nanmin(found.best[:, 2])
    thinned = curve.document()
    assert thinned["values"][-1] == curve.values[-1]
    assert thinned["seconds"] == sorted(thinned["seconds"])
