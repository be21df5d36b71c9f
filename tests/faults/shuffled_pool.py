"""A pool whose jobs come back in any order and sometimes not at all, as a seed decides."""

import random

from search.error import SearchError
from search.run.pool import Arrival, Evaluate, Fault, Job, Notice, Seat

NODE = "alpha"


class ShuffledPool:
    """`slots` slots of two jobs each; one job or fault a `wait`.

    Args:
        evaluate: runs a job.
        slots: how many.
        seed: of the order and the faults.
        losses: chance that a job comes back as `fault`; its neighbour is then displaced.
    """

    def __init__(
        self,
        evaluate: Evaluate,
        slots: int,
        seed: int,
        losses: float = 0.0,
        fault: Fault = Fault.DIED,
    ) -> None:
        self.evaluate = evaluate
        self.slots = slots
        self.random = random.Random(seed)  # noqa: S311
        self.losses = losses
        self.fault = fault
        self.held: list[list[Job]] = [[] for _ in range(slots)]
        self.lost: list[tuple[int, int]] = []
        self.most = 0
        self.closed = False
        self.breakable = True

    @property
    def room(self) -> int:
        return sum(2 - len(jobs) for jobs in self.held)

    def seats(self) -> list[Seat]:
        return [Seat(slot, NODE, 2 - len(jobs)) for slot, jobs in enumerate(self.held)]

    def set_aside(self, node: str, why: str) -> None:
        raise SearchError("pool.unfit", f"{node}: {why}")

    def submit(self, job: Job, slot: int | None = None) -> int:
        if slot is None:
            slot = min(range(self.slots), key=lambda slot: len(self.held[slot]))
        assert len(self.held[slot]) < 2
        self.held[slot].append(job)
        self.most = max(self.most, sum(map(len, self.held)))
        return slot

    def wait(self, timeout: float) -> list[Arrival]:
        busy = [slot for slot in range(self.slots) if self.held[slot]]
        if not busy or self.random.random() < 0.2:
            return []
        slot = self.random.choice(busy)
        job = self.held[slot].pop(0)
        if self.random.random() < self.losses:
            self.lost.append((job.index, job.attempt))
            rest, self.held[slot] = self.held[slot], []
            return [Arrival(job, slot, NODE, fault=self.fault, detail="lost")] + [
                Arrival(other, slot, NODE, fault=Fault.DISPLACED) for other in rest
            ]
        return [Arrival(job, slot, NODE, outcome=self.evaluate(job.trial))]

    def notices(self) -> list[Notice]:
        return []

    def close(self) -> None:
        self.closed = True
