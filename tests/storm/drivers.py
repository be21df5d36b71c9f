"""Deaths of drivers, order of arrival, and clocks that jump."""

import random
import time
from datetime import datetime, tzinfo
from pathlib import Path
from unittest import mock

from results.record.outcome import Ending
from results.record.store import Store
from search.run.pool import LocalPool
from tests.faults import driver_kills, toy_engine
from tests.faults.shuffled_pool import ShuffledPool
from tests.faults.worker_kills import drive
from tests.storm.fault import Body, Tally, Task

DAY = 86_400.0


def kills(workers: int) -> Body:
    """A body that kills drivers; each search is killed a few times and must then end as if it was not."""

    def body(task: Task) -> Tally:
        tally, left, again, number = Tally(), task.count, 0, 0
        while left:
            share = min(left, 6)
            folder = task.folder / str(number)
            folder.mkdir()
            undisturbed = driver_kills.start(folder / "q.db", 0, folder / "quiet", mean=0.0)
            expected = driver_kills.finish(undisturbed)
            began = time.monotonic()
            try:
                came = driver_kills.kill(folder, expected, (workers,) * (share + 1), task.draw)
                tally.lost += max(0, came.expected - came.outcomes)
                tally.duplicated += came.mismatches + max(0, came.outcomes - came.expected)
                again += came.executions - came.outcomes
                if not came.same:
                    tally.fail("another history than that of the undisturbed run")
                most = share * max(1, 2 * workers)
                if came.executions - came.outcomes > most:
                    tally.fail(f"{came.executions - came.outcomes} reruns after {share} kills")
            except AssertionError as error:
                tally.fail(error)
            tally.worst = max(tally.worst, (time.monotonic() - began) / share)
            tally.runs += share
            left -= share
            number += 1
            task.tick(tally.runs)
        tally.note = f"{again} trials in flight ran again"
        return tally

    return body


def orders(task: Task) -> Tally:
    """Any number of slots, any order of arrival and any lost slot give one history."""
    tally, lost = Tally(), 0
    expected = drive(task.folder / "expected.db", LocalPool(toy_engine.evaluate)).digest
    for number in range(task.count):
        with task.run(tally):
            slots, losses = (1, 2, 4)[number % 3], (0.0, 0.03)[number % 2]
            pool = ShuffledPool(toy_engine.evaluate, slots, task.draw.randrange(2**31), losses)
            summary = drive(task.folder / f"{number}.db", pool)
            lost += len(pool.lost)
            tally.duplicated += _mismatches(task.folder / f"{number}.db")
            assert summary.digest == expected, "another history"
    tally.note = f"1, 2 and 4 slots; {lost} jobs lost on the way"
    return tally


class Jumping:
    """A clock for deadlines that leaps forward, and a wall clock that leaps either way."""

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        self._now = 0.0
        self.jumps = 0

    def now(self) -> float:
        """Seconds that never fall, but leap."""
        self._now += self._draw.choice((0.01, 0.01, 1.0, DAY))
        return self._now

    def wall(self, zone: tzinfo) -> datetime:
        """A moment that leaps by up to a day either way."""
        self.jumps += 1
        return datetime.fromtimestamp(1.8e9 + self._draw.uniform(-DAY, DAY), zone)


def clocks(task: Task) -> Tally:
    """Clocks that jump by a day end no trial, make no time negative and change no history."""
    tally, jumps = Tally(), 0
    expected = drive(task.folder / "expected.db", LocalPool(toy_engine.evaluate)).digest
    for number in range(task.count):
        clock, path = Jumping(task.draw), task.folder / f"{number}.db"
        with task.run(tally):
            pool = ShuffledPool(toy_engine.evaluate, 2, number)
            with mock.patch("results.record.store.datetime", mock.Mock(now=clock.wall)):
                summary = drive(path, pool, clock=clock)
            assert clock.jumps, "the wall clock was never read"
            jumps += clock.jumps
            assert summary.digest == expected, "another history"
            assert Ending.TIMED_OUT not in summary.endings, "a trial was called late"
            assert summary.seconds >= 0, f"{summary.seconds} s"
            with Store.read(path) as store:
                negative = store.select("SELECT count(*) FROM outcome WHERE seconds < 0")
            assert negative[0][0] == 0, "a negative duration is in the record"
    tally.note = f"the wall clock was read {jumps} times"
    return tally


def _mismatches(path: Path) -> int:
    with Store.read(path) as store:
        return int(store.select("SELECT count(*) FROM event WHERE kind = 'mismatch'")[0][0])
