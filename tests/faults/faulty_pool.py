"""A pool of simulated machines, on which a rule decides what becomes of each job."""

from collections.abc import Callable, Mapping

from search.error import SearchError
from search.run.pool import Arrival, Evaluate, Fault, Job, Notice, Seat

Rule = Callable[[Job, str], Fault | None]
"""What becomes of a job on a machine: a fault, or None for its outcome."""


class FaultyPool:
    """All slots work at the same speed: each `wait` ends one job a slot, in the order of the slots.

    Args:
        evaluate: runs a job that comes to its outcome.
        machines: by name how many slots they have.
        rule: what becomes of a job.
    """

    def __init__(self, evaluate: Evaluate, machines: Mapping[str, int], rule: Rule) -> None:
        self.evaluate = evaluate
        self.rule = rule
        self.node = [name for name, count in machines.items() for _ in range(count)]
        self.held: dict[int, Job | None] = dict.fromkeys(range(len(self.node)))
        self.aside: dict[str, str] = {}
        self.breakable = True
        self.runs: list[tuple[int, str, int, Fault | None]] = []
        """Index, machine, slot and fault of every attempt that ended."""
        self.jobs: list[Job] = []

    @property
    def slots(self) -> int:
        return len(self.held)

    @property
    def room(self) -> int:
        return sum(seat.room for seat in self.seats())

    def seats(self) -> list[Seat]:
        return [Seat(slot, self.node[slot], job is None) for slot, job in self.held.items()]

    def submit(self, job: Job, slot: int | None = None) -> int:
        if slot is None:
            slot = next(number for number, held in self.held.items() if held is None)
        assert self.held[slot] is None
        self.held[slot] = job
        self.jobs.append(job)
        return slot

    def set_aside(self, node: str, why: str) -> None:
        self.aside[node] = why
        for slot in [slot for slot in self.held if self.node[slot] == node]:
            assert self.held.pop(slot) is None, "all slots end their job in one step"

    def wait(self, timeout: float) -> list[Arrival]:
        if not self.held:
            raise SearchError("pool.unfit", "; ".join(self.aside.values()))
        arrivals: list[Arrival] = []
        for slot, job in list(self.held.items()):
            if job is None:
                continue
            node = self.node[slot]
            self.held[slot] = None
            fault = self.rule(job, node)
            self.runs.append((job.index, node, slot, fault))
            if fault is None:
                arrivals.append(Arrival(job, slot, node, outcome=self.evaluate(job.trial)))
            else:
                arrivals.append(Arrival(job, slot, node, fault=fault, detail="lost"))
        for node in {a.node for a in arrivals if a.fault is Fault.LEFT}:
            for slot in [slot for slot in self.held if self.node[slot] == node]:
                del self.held[slot]
                self.node.append(f"{node}'")  # another one in its stead
                self.held[len(self.node) - 1] = None
        return arrivals

    def notices(self) -> list[Notice]:
        return []

    def close(self) -> None:
        self.held = dict.fromkeys(self.held)
