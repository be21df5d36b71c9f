"""Stopping, resuming and watching `gatewright search` and `train`, as processes of their own."""

import gc
import os
import re
import shlex
import signal
import subprocess
import time
from pathlib import Path

import pytest

from search.cli import run
from tests.search.command import document, start, tiny

LONGER = ("--set", "proposals=16")
SEARCH = ("search", "tiny.toml", "--workers", "0", *LONGER, "--store")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a study in it."""
    monkeypatch.chdir(tmp_path)
    tiny(tmp_path)
    return tmp_path


def interrupted(child: subprocess.Popen[str], sign: str) -> list[str]:
    """Sends SIGINT when a line with `sign` is printed; returns the lines that follow."""
    assert child.stderr is not None
    for line in child.stderr:
        if sign in line:
            break
    child.send_signal(signal.SIGINT)
    lines = child.stderr.read().splitlines()
    child.communicate()
    assert child.returncode == 130
    return lines


def test_a_search_that_is_stopped_goes_on_with_the_printed_command_to_the_same_digest(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = interrupted(start(place, *SEARCH, "my store.sqlite"), " trials  ")
    assert lines[-2].startswith("interrupted: ")
    again = shlex.split(lines[-1])
    assert again == ["gatewright", *SEARCH[:4], "--store", "my store.sqlite", *LONGER, "--resume"]
    stopped = document(capsys, "leaderboard", "my store.sqlite")
    assert run(again[1:]) == 0
    shown = capsys.readouterr()
    assert "resumed: " in shown.err
    whole = document(capsys, *SEARCH, "whole.sqlite")
    assert stopped["asked"] < whole["asks"]
    assert f"digest  {whole['digest']}\n" in shown.out
    more = document(capsys, *SEARCH, "my store.sqlite", "--resume")
    assert (more["digest"], more["ran"]) == (whole["digest"], 0)


def test_stopping_with_json_is_a_document_with_the_command(place: Path) -> None:
    child = start(place, *SEARCH, "s.sqlite", "--json")
    while not (place / "s.sqlite-wal").exists():
        assert child.poll() is None
        time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate()
    assert child.returncode == 130
    assert '"again": "gatewright search' in out
    assert "Traceback" not in err


def test_a_training_that_is_stopped_says_what_it_had_reached(place: Path) -> None:
    words = ("train", "gru", "memorization", "--scale", "quick", "--parameters", "100000")
    child = start(place, *words)
    lines = interrupted(child, "epoch 1  rate")
    assert re.match(r"interrupted: after [\d,]+ updates, best validation loss \d", lines[-2])
    assert shlex.split(lines[-1]) == ["gatewright", *words]


def test_any_command_that_is_stopped_says_how_to_run_it_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    # Hypothesis, where it is loaded, times collections: an exception raised in its callback is lost.
    gc.disable()
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    try:
        assert run(["bench", "cells", "--seconds", "20"]) == 130
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        gc.enable()
    shown = capsys.readouterr()
    assert shown.err == "interrupted: to run it again:\n  gatewright bench cells --seconds 20\n"
    assert shown.out == ""


def on_a_terminal(folder: Path, *arguments: str, **environment: str) -> str:
    """Everything that a command shows on a terminal of 80 columns."""
    ours, theirs = os.openpty()
    child = start(
        folder, *arguments, terminal=theirs, TERM="xterm-256color", COLUMNS="80", **environment
    )
    os.close(theirs)
    shown = b""
    # When the last writer has gone, Linux answers with an error and others with nothing.
    try:
        while piece := os.read(ours, 65536):
            shown += piece
    except OSError:
        pass
    os.close(ours)
    assert child.wait() == 0
    return shown.decode()


COLOUR = re.compile(r"\x1b\[[0-9;]*[34][0-8][0-9;]*m")


def test_a_terminal_shows_what_runs_and_then_the_summary(place: Path) -> None:
    shown = on_a_terminal(place, *SEARCH, "s.sqlite")
    assert COLOUR.search(shown)
    for words in (" of ~", " trials", "cells ", " of 16 proposed", "now ", "best ", " gone"):
        assert words in shown
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    assert re.search(r"\btiny: \d+ trials run in \d+ s", plain)
    assert plain.rstrip().endswith("gatewright report s.sqlite")


def test_a_terminal_that_wants_no_colour_gets_none(place: Path) -> None:
    shown = on_a_terminal(place, *SEARCH, "s.sqlite", NO_COLOR="1")
    assert " of ~" in shown
    assert not COLOUR.search(shown)


def test_a_training_on_a_terminal_shows_its_epochs(place: Path) -> None:
    words = ("memorization", "--scale", "quick", "--updates", "400", "--parameters", "2000")
    shown = on_a_terminal(place, "train", "gru", *words)
    for part in (" of 400 updates at most", "last ", "best "):
        assert part in shown
    assert re.search(r"epoch \d, (training|validating|testing)", shown)
    assert "trained to the end" in shown
