"""Whose fault it is that an attempt ended without an outcome, and when a trial is struck out.

A worker that dies, hangs or goes beyond its limits may have met a poisonous cell, or stand on a bad
machine. What is known at once decides: workers of several slots of a machine that die in one step of
the loop, and a machine that leaves, are the machine's doing. All else counts against the trial, which
goes where it has not failed yet: to another machine if there are several, else to another slot. Three
such strikes in different places strike it out. And where one trial after another ends without an outcome
and none comes through, the machine is set aside, and its strikes count no more.

Strikes are in the record, so a driver that is started again goes on counting.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from results.record.strike import Blame, Kind, Strike
from search.run.pool import Arrival, Fault, Seat

STRIKES: Final = 3
"""Of its own that strike a trial out, if they are in different places."""
MOST: Final = 2 * STRIKES
"""Of its own that strike a trial out wherever they are."""
LOSSES: Final = 3
"""Machines that must have left under a trial before it can be blamed for that."""
SICK: Final = 4
"""Trials that end on a machine without an outcome, one after another, before it is set aside. The lag of
a study is at least 4, so that many can be under way."""

_BROKE: Final = frozenset({Kind.DIED, Kind.OVERDUE})
"""What ends a worker."""

Place = tuple[int, str]
"""A machine within a start of the driver."""


class Strikes:
    """The strikes of all trials without an outcome, those of earlier starts too.

    Args:
        epoch: number of this start.
        known: what the record holds.
    """

    def __init__(self, epoch: int, known: Iterable[Strike] = ()) -> None:
        self._epoch = epoch
        self._of: dict[int, list[Strike]] = defaultdict(list)
        self._aside: set[Place] = set()
        self._lost: dict[Place, set[int]] = defaultdict(set)
        """Trials that ran on each machine that left."""
        self._streak: dict[str, dict[int, Strike]] = defaultdict(dict)
        """By machine the last strike of each trial that ended there since the last outcome."""
        self._suspects: dict[int, str] = {}
        """Where trials are that may break a worker."""
        self._condemned: set[int] = set()
        for strike in known:
            self._keep(strike)

    def judge(self, faults: Sequence[Arrival]) -> list[Strike]:
        """The strikes of what came in one step of the loop, in its order; they are counted here."""
        broken: dict[str, set[int]] = defaultdict(set)
        for arrival in faults:
            if arrival.fault in (Fault.DIED, Fault.OVERDUE):
                broken[arrival.node].add(arrival.slot)
        for arrival in faults:
            if arrival.fault is Fault.LEFT:
                self._lost[self._epoch, arrival.node].add(arrival.job.index)
        strikes: list[Strike] = []
        for arrival in faults:
            index, kind = arrival.job.index, Kind(arrival.fault or Fault.DIED)
            blame = Blame.CELL
            if kind is Kind.LEFT:
                blame = Blame.CELL if self._takes_machines_down(index) else Blame.MACHINE
            elif kind is Kind.EXHAUSTED or (kind in _BROKE and len(broken[arrival.node]) > 1):
                blame = Blame.MACHINE
            detail = " ".join(arrival.detail.split())
            where = arrival.node, str(arrival.slot)
            strike = Strike(index, arrival.job.attempt, kind, blame, *where, detail, self._epoch)
            self._keep(strike)
            if kind in _BROKE or kind is Kind.GUARDED:
                self._streak[arrival.node][index] = strike
            if kind is Kind.LEFT and blame is Blame.CELL:
                self._condemned.add(index)
            strikes.append(strike)
        return strikes

    def came(self, index: int, node: str) -> None:
        """An outcome came from a machine: nothing is wrong with it."""
        self._streak.pop(node, None)
        self.settled(index)

    def settled(self, index: int) -> None:
        """A trial has its outcome."""
        self._of.pop(index, None)
        self._suspects.pop(index, None)

    def back(self, index: int) -> None:
        """A trial came back from its slot."""
        self._suspects.pop(index, None)

    def sick(self) -> list[Strike]:
        """For each machine that is to be set aside now a strike that says so."""
        found: list[Strike] = []
        for node, streak in list(self._streak.items()):
            if len(streak) < SICK:
                continue
            last = list(streak.values())[-1]
            detail = f"{len(streak)} trials ended there without an outcome, and none came through; the last: "
            about = last.index, last.attempt, Kind.SET_ASIDE, Blame.MACHINE, node, last.slot
            found.append(Strike(*about, detail + last.detail, self._epoch))
            self._keep(found[-1])
            del self._streak[node]
        return found

    def struck_out(self, index: int, seats: Sequence[Seat]) -> bool:
        """Whether a trial has had its strikes, given the slots that it could go to."""
        own = self.own(index)
        if index in self._condemned or len(own) >= MOST:
            return True
        if len(own) < STRIKES:
            return False
        machines = {strike.node for strike in own}
        slots = {(strike.node, strike.slot) for strike in own}
        there = {seat.node for seat in seats}
        return len(machines) >= min(STRIKES, len(there)) and (
            len(slots) >= min(STRIKES, len(seats)) or len(there) > 1
        )

    def own(self, index: int) -> list[Strike]:
        """The strikes that count against a trial."""
        return [
            strike
            for strike in self._of.get(index, ())
            if strike.blame is Blame.CELL and (strike.epoch, strike.node) not in self._aside
        ]

    def knows(self, index: int) -> bool:
        """Whether a trial has strikes, whoever is to blame."""
        return index in self._of

    def seat(self, index: int, seats: Sequence[Seat]) -> Seat | None:
        """Where a trial with strikes goes next; None if it waits for a better place than is free.

        Where it has failed least; and no two that may break their worker to one machine, so that each
        can be told from a bad machine.
        """
        machines = Counter(strike.node for strike in self._of.get(index, ()))
        slots = Counter((strike.node, strike.slot) for strike in self._of.get(index, ()))

        def failed(seat: Seat) -> tuple[int, int]:
            return machines[seat.node], slots[seat.node, str(seat.slot)]

        least = min(map(failed, seats), default=None)
        suspect = bool(self.own(index)) or machines.total() > 1
        taken = set(self._suspects.values()) if suspect else set[str]()
        free = [
            seat
            for seat in seats
            if failed(seat) == least and seat.room > 0 and seat.node not in taken
        ]
        chosen = max(free, key=lambda seat: (seat.room, -seat.slot), default=None)
        if chosen is not None and suspect:
            self._suspects[index] = chosen.node
        return chosen

    def told(self, index: int) -> str:
        """The strikes against a trial, for people."""
        return "; ".join(
            f"attempt {strike.attempt}, slot {strike.slot}{_on(strike.node)}: {strike.kind},"
            f" {strike.detail}"
            for strike in self.own(index) or self._of.get(index, ())
        )

    def _keep(self, strike: Strike) -> None:
        place = strike.epoch, strike.node
        if strike.kind is Kind.SET_ASIDE:
            self._aside.add(place)
            return
        if strike.kind is Kind.LEFT:
            self._lost[place].add(strike.index)
        self._of[strike.index].append(strike)

    def _takes_machines_down(self, index: int) -> bool:
        """Whether machines leave because of a trial: it alone was on several of them, and not many
        others left without it, as where machines come and go.
        """
        under = [trials for trials in self._lost.values() if index in trials]
        if len(under) < LOSSES or len(self._lost) - len(under) >= len(under):
            return False
        return set[int].intersection(*under) == {index}


def _on(node: str) -> str:
    return f" on {node}" if node else ""
