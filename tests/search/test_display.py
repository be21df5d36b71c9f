"""What a running search and a training show."""

import io
import sys

import pytest
from rich.console import Console

from cells import identifier, to_text, zoo
from cells.engine.training.run import Point
from cells.training.budget import Budget
from cells.training.schedule import Schedule
from cells.training.setting import Setting
from results.record.ask import Ask, Cause, Rejection, Role
from results.record.outcome import Ending, Outcome
from results.record.study import Confirm, Screen, Study, TaskPlan
from results.record.trial import Trial
from search.display import SearchDisplay, TrainDisplay
from search.progress import SHOWN, Best, Progress
from tasks import registry

FACTS = registry.load("arithmetic", "smoke").facts
IDS = {name: identifier(zoo.load(name)) for name in ("gru", "lstm", "mut1")}
STUDY = Study(
    name="toy",
    strategy="paper",
    seed=1,
    lag=64,
    slots=16,
    proposals=1000,
    tasks=(TaskPlan("arithmetic", "smoke", 1, Budget(), Schedule()),),
    screen=Screen(),
    baseline_settings=1,
    confirm=Confirm(0, 0),
)


def ask(index: int, role: Role, name: str, *rejections: Rejection) -> Ask:
    trial = Trial(
        cell_id=IDS[name],
        cell=to_text(zoo.load(name)),
        task="arithmetic",
        scale="smoke",
        task_version=1,
        task_digest="0" * 64,
        setting=Setting(),
        schedule=Schedule(),
        budget=Budget(),
        seed=index,
    )
    made = role is Role.STAGE
    operators = ("remove", "combine") if made else ()
    return Ask(index, role, trial, IDS["gru"] if made else "", operators, rejections)


def progress(done: int, running: tuple[Ask, ...], recorded: int = 0, **best: float) -> Progress:
    found = {
        task: Best(IDS[name], best[name]) for task, name in zip(("arithmetic",), best, strict=False)
    }
    return Progress(done, 2000, 12, recorded, 0, running[:SHOWN], len(running), found, 100.0)


def seen(display: SearchDisplay | TrainDisplay, width: int = 80) -> list[str]:
    console = Console(width=width, file=io.StringIO())
    with console.capture() as captured:
        console.print(display.panel())
    return [line.rstrip() for line in captured.get().splitlines()]


def test_a_panel_shows_what_runs_the_best_beside_the_yardstick_and_the_time_left() -> None:
    display = SearchDisplay(STUDY, [FACTS], 2, {"screen": 3}, quiet=True)
    assert seen(display) == ["toy: starting"]
    gru, mut1 = ask(0, Role.BASELINE, "gru"), ask(1, Role.STAGE, "mut1")
    turned = Rejection(Cause.PROBE, "0" * 12, "", (), "")
    display.on_ask(ask(2, Role.SCREEN, "lstm", turned), progress(0, ()))
    key = gru.trial.key if gru.trial else ""
    done = Outcome(key, Ending.OK, valid_loss=1.0, valid_accuracy=0.5)
    display.on_outcome(gru, done, progress(1, (mut1,), gru=0.5))
    display.on_outcome(mut1, Outcome("k", Ending.DIVERGED), progress(50, (mut1,), mut1=0.75))
    text = "\n".join(seen(display))
    assert "50 of ~2,000 trials  1:40 gone, ~1:05:00 left" in text
    assert "cells   12 of 1,000 proposed" in text
    assert "4 turned away: 3 screen, 1 probe" in text
    assert "now     stage      arithmetic    mut1  gru + remove, combine" in text
    assert "best    arithmetic    accuracy 0.7500  mut1  gru 0.5000" in text
    assert "not ok  1 diverged" in text
    assert all(len(line) <= 60 for line in seen(display, 60))


def test_a_panel_counts_what_it_has_no_room_to_list() -> None:
    display = SearchDisplay(STUDY, [FACTS], 16, {}, quiet=True)
    running = tuple(ask(index, Role.SCREEN, "mut1") for index in range(30))
    display.on_sent(running[0], progress(0, running))
    text = "\n".join(seen(display))
    assert text.count("screen     arithmetic") == 8
    assert "and 8 more" in text
    assert "left" not in text


def test_what_came_from_the_record_does_not_count_for_the_pace() -> None:
    display = SearchDisplay(STUDY, [FACTS], 2, {}, quiet=True)
    display.on_sent(ask(0, Role.SCREEN, "mut1"), progress(1000, (), recorded=900))
    assert "1:40 gone, ~16:40 left  900 from the record" in "\n".join(seen(display))


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> pytest.CaptureFixture[str]:
    assert not sys.stderr.isatty()
    return capsys


def test_elsewhere_than_on_a_terminal_there_are_lines(
    lines: pytest.CaptureFixture[str],
) -> None:
    one = ask(0, Role.BASELINE, "gru")
    with SearchDisplay(STUDY, [FACTS], 2, {}, quiet=False, seconds=0.0) as display:
        display.on_sent(one, progress(50, (one,), gru=0.5))
        display.on_event("worker_lost", "attempt 1", progress(50, ()))
    first, second, *_ = lines.readouterr().err.splitlines()
    assert first == (
        "50 of ~2,000 trials  12 of 1,000 cells  1:40 gone, ~1:05:00 left"
        "  now: baseline arithmetic  best: arithmetic 0.5000 gru"
    )
    assert second == "worker lost: attempt 1"


def test_lines_come_as_seldom_as_asked_and_once_more_at_the_end(
    lines: pytest.CaptureFixture[str],
) -> None:
    with SearchDisplay(STUDY, [FACTS], 2, {}, quiet=False, seconds=1e9) as display:
        for done in range(100):
            display.on_sent(ask(done, Role.SCREEN, "gru"), progress(done, ()))
    first, last = lines.readouterr().err.splitlines()
    assert (first[:5], last[:5]) == ("0 of ", "99 of")


def test_quiet_is_quiet(lines: pytest.CaptureFixture[str]) -> None:
    with SearchDisplay(STUDY, [FACTS], 2, {}, quiet=True, seconds=0.0) as display:
        display.on_sent(ask(0, Role.SCREEN, "gru"), progress(0, ()))
        display.on_event("resumed", "3 asks", progress(0, ()))
    with TrainDisplay("gru", FACTS, 10, quiet=True) as training:
        training.update(Point(5, 0.5, 1.0, 1.0, 0.5, 1.0, 0.0), 5)
    assert lines.readouterr() == ("", "")


def test_a_training_shows_its_last_and_its_best_epoch(
    lines: pytest.CaptureFixture[str],
) -> None:
    with TrainDisplay("gru on arithmetic", FACTS, 100, quiet=False) as display:
        display.update(Point(20, 0.5, 1.5, 1.0, 0.5, 1.0, 0.0), 20)
        display.update(Point(40, 0.5, 1.2, 1.1, 0.4, 1.0, 0.0), 40)
    text = "\n".join(seen(display))
    assert "40 of 100 updates at most" in text
    assert "now     epoch 3, training" in text
    assert "last    epoch 2  rate 0.5  train 1.2000  valid 1.1000  accuracy 0.4000" in text
    assert "best    epoch 1  rate 0.5  train 1.5000  valid 1.0000  accuracy 0.5000" in text
    assert "epoch 1  rate 0.5" in lines.readouterr().err


def test_a_watched_task_gives_the_same_windows_and_counts_those_of_training() -> None:
    source = registry.load("arithmetic", "smoke")
    display = TrainDisplay("gru on arithmetic", FACTS, 100, quiet=True)
    watched = display.watch(source)
    assert watched.facts is source.facts
    assert watched.sample("train", 2) == source.sample("train", 2)
    for split in ("train", "valid"):
        given = list(watched.batches(split, 1))
        expected = list(source.batches(split, 1))
        assert len(given) == len(expected)
        for ours, theirs in zip(given, expected, strict=True):
            assert (ours.inputs == theirs.inputs).all()
    assert f"{FACTS.updates} of 100 updates" in "\n".join(seen(display))
    assert "epoch 1, validating" in "\n".join(seen(display))
