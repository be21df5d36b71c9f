import os
import signal

import pytest

from search.run.interrupt import Interrupt, Interrupted


def test_a_signal_is_taken_at_the_next_breakable_stretch_and_not_before() -> None:
    done: list[str] = []
    with Interrupt() as interrupt:
        os.kill(os.getpid(), signal.SIGINT)
        done.append("written")
        with pytest.raises(Interrupted), interrupt.breakable():
            done.append("never")
    assert done == ["written"]


def killed(done: list[str]) -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    done.append("on")


def test_a_signal_breaks_a_breakable_stretch_at_once() -> None:
    done: list[str] = []
    with Interrupt() as interrupt, pytest.raises(Interrupted), interrupt.breakable():
        killed(done)
    assert done == []


def test_the_third_signal_is_taken_as_before_the_run() -> None:
    with Interrupt():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_where_no_exception_may_be_raised_a_signal_counts_at_the_next_stretch() -> None:
    done: list[str] = []
    with Interrupt() as interrupt:
        with interrupt.breakable(inside=False):
            killed(done)
        with pytest.raises(Interrupted), interrupt.breakable(inside=False):
            done.append("begun")
    assert done == ["on"]
