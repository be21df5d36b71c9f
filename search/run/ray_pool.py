"""Slots as long-lived Ray actors, on a cluster of our own on loopback or on one that is joined.

Actors and not Ray tasks, because an actor on a lost node fails promptly where a task can hang.
Ray's own retries are off: an error does not mean "not done" and a retry can mean "done twice", so
every sending is counted by the driver. Each slot is bound to a node, and shakes hands before its first
trial: a node that lacks something is set aside, and its slots are on other nodes. Ray is imported by
`RayPool`, not by this module.
"""

import os
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any, Final, cast

from results.record.provenance import source_digest
from search.error import SearchError
from search.run import staging
from search.run.clock import Clock, Monotonic
from search.run.cluster import nodes, start
from search.run.cluster.nodes import Node
from search.run.cluster.slot import SlotActor
from search.run.handshake import Needs
from search.run.pool import Arrival, Evaluate, Fault, Job, Notice, Seat, fault_of
from tasks.corpora import corpus

_DEPTH = 2
"""Jobs a slot holds, so that a short one is followed by the next without a round trip."""
_FAILURES = 6
"""Slots in a row that fail to start on a node before it is set aside."""
_SILENCE: Final = 12.0
"""Seconds without an answer of the head, or without any node, after which the cluster is lost."""
_DOUBT: Final = 3.0
"""Seconds without an answer of the head after which no slot is started: that could wait for it."""
_FIRST: Final = 300.0
"""Seconds that a joined cluster may take to have a node with a CPU."""
_TOGETHER: Final = 0.3
"""Seconds after a death in which others on the same machine are waited for: they have one cause."""
_FORWARDED: Final = ("CC",)
"""Variables that workers get from the driver beside our own, where their node does not set them."""


@dataclass(slots=True)
class _Slot:
    """One actor and what it holds; `jobs[0]` runs, the rest waits in it."""

    number: int
    node: Node
    actor: Any
    hello: Any
    since: float
    ready: bool = False
    jobs: deque[tuple[Any, Job]] = field(default_factory=deque[tuple[Any, Job]])


class RayPool:
    """Long-lived actors, one CPU and one thread each, that import exactly the driver's sources.

    Slots follow the nodes: one that joins gets slots, one that leaves loses them, and one that lacks
    something is set aside with a notice.

    Args:
        workers: slots; on a joined cluster None for one slot a CPU.
        address: of a running cluster; None starts one on loopback and stops it in `close`.
        evaluate: what a slot runs; importable by name in the workers.
        clock: of the deadlines.
        patience: seconds that a slot may take to start (importing torch takes a few).
        needs: what the study needs of every slot.
        note: shows a line while Ray starts.

    Raises:
        SearchError: Ray is too old, in use already, does not start, is not reached, does not stay
            on loopback, or has no CPU.
    """

    def __init__(
        self,
        workers: int | None,
        address: str | None,
        evaluate: Evaluate,
        clock: Clock | None = None,
        patience: float = 120.0,
        needs: Needs | None = None,
        note: start.Note = lambda _: None,
    ) -> None:
        needs = needs or Needs()
        self._clock = clock or Monotonic()
        self._patience = patience
        self._address = address
        self._workers = workers
        self._live: dict[int, _Slot] = {}
        self._lost: list[Arrival] = []
        self._closed = False
        self._failures: Counter[str] = Counter()
        self._not_before: dict[str, float] = {}
        self._aside: dict[str, str] = {}
        """Why a node is set aside, by its id."""
        self._notices: list[Notice] = []
        self._dead = False
        self._silent = 0.0
        digest = source_digest()
        folder = staging.make([] if address is None else [data.task for data in needs.data])
        with ExitStack() as variables:
            variables.enter_context(start.variables_of_ray(local=address is None))
            start.start(workers, address, folder, note)
            self._variables = variables.pop_all()
        import ray

        self._watch = nodes.Watch(nodes.alive, self._clock)
        if address is not None:
            with start.patience(note, f"waiting for a node with a CPU in the cluster at {address}"):
                self._await_nodes()
        self._known = {node.id: node for node in self._watch.nodes}
        self._alone = self._waited = self._clock.now()
        """Since when no node is there, and since when no slot is up and nothing was said of it."""
        if not self._watch.nodes:
            self.close()
            raise SearchError("pool.cpus", f"no CPU in the cluster at {address}")
        folders = [str(folder) for folder in corpus.folders()]
        forwarded = {
            name: value
            for name, value in os.environ.items()
            if name in _FORWARDED or (name.startswith("GATEWRIGHT_") and name != "GATEWRIGHT_DATA")
        }
        # Made once: each of these is sent to the head, and waits for it however long it is silent.
        remote = ray.remote(SlotActor)
        affinity = cast("Any", ray.util).scheduling_strategies.NodeAffinitySchedulingStrategy
        self._create: Callable[[Node], Any] = lambda node: remote.options(
            num_cpus=1,
            max_restarts=0,
            max_task_retries=0,
            scheduling_strategy=affinity(node_id=node.id, soft=False),
        ).remote(evaluate, digest, needs.to_json(), folders, forwarded)
        self._fill()

    @property
    def slots(self) -> int:
        """How many trials can run at once when all slots are up."""
        return sum(self._seats(node) for node in self._good())

    @property
    def room(self) -> int:
        """How many more jobs the slots take that are up."""
        return sum(_DEPTH - len(slot.jobs) for slot in self._live.values() if slot.ready)

    @property
    def breakable(self) -> bool:
        """False: Ray's compiled code turns the exception into a SystemError."""
        return False

    def seats(self) -> list[Seat]:
        """The slots that are up."""
        return [
            Seat(slot.number, str(slot.node), _DEPTH - len(slot.jobs))
            for slot in self._live.values()
            if slot.ready
        ]

    def submit(self, job: Job, slot: int | None = None) -> int:
        """Sends a job to the slot asked for, or to the one that holds fewest."""
        ready = [
            live
            for live in self._live.values()
            if live.ready and len(live.jobs) < _DEPTH and slot in (None, live.number)
        ]
        if not ready:
            raise SearchError("pool.room", "no slot has room for another job")
        chosen = min(ready, key=lambda live: (len(live.jobs), live.number))
        if not chosen.jobs:
            chosen.since = self._clock.now()
        bounds = job.limits.among(self._seats(chosen.node)).to_json()
        chosen.jobs.append((chosen.actor.evaluate.remote(job.trial, bounds), job))
        return chosen.number

    def set_aside(self, node: str, why: str) -> None:
        """Uses a node no more. If it was the last, the next `wait` says so."""
        for here in self._good():
            if str(here) == node:
                self._lost += self._set_aside(here, why)

    def wait(self, timeout: float) -> list[Arrival]:
        """Arrivals since the last call; also starts, checks and replaces slots.

        Raises:
            SearchError: `pool.lost` the cluster has died; `pool.unfit` every node is set aside.
        """
        import ray

        self._check_cluster()
        self._follow()
        self._fill()
        refs: list[Any] = [slot.hello for slot in self._live.values() if not slot.ready]
        refs += [ref for slot in self._live.values() for ref, _ in slot.jobs]
        if self._lost:
            timeout = 0.0
        done: set[Any] = set()
        if refs:
            wait = cast("Any", ray.wait)
            if wait(refs, num_returns=1, timeout=timeout)[0]:
                done = set(wait(refs, num_returns=len(refs), timeout=0)[0])
        else:  # no slot is there, and none may be tried yet
            time.sleep(timeout)
        arrivals, self._lost = self._lost, []
        for slot in list(self._live.values()):
            arrivals += self._collect(slot, done)
        if any(arrival.fault is Fault.DIED for arrival in arrivals):
            time.sleep(_TOGETHER)
            refs = [ref for slot in self._live.values() for ref, _ in slot.jobs]
            wait = cast("Any", ray.wait)
            done = set(wait(refs, num_returns=len(refs), timeout=0)[0]) if refs else set[Any]()
            for slot in [slot for slot in self._live.values() if slot.ready]:
                arrivals += self._collect(slot, done)
        return arrivals

    def notices(self) -> list[Notice]:
        """What happened to nodes and slots since the last call."""
        told, self._notices = self._notices, []
        return told

    def close(self) -> None:
        """Kills the slots; stops Ray if this pool started it, else leaves the cluster running."""
        if self._closed:
            return
        self._closed = True
        self._watch.close()
        if self._dead:
            nodes.abandon()
        # Where the cluster is dead, Ray may wait for an answer that never comes.
        stop = threading.Thread(target=self._stop, daemon=True)
        stop.start()
        stop.join(5.0 if self._dead else None)
        self._variables.close()
        start.read_variables()

    def _stop(self) -> None:
        import ray

        if not self._dead:
            for slot in self._live.values():
                with suppress(Exception):
                    ray.kill(slot.actor)
        self._live.clear()
        ray.shutdown()

    def _await_nodes(self) -> None:
        """Waits for a node: of a cluster that is being started, a head without CPUs may be all there is."""
        began = self._clock.now()
        while not self._watch.nodes and self._clock.now() - began < _FIRST:
            time.sleep(0.2)

    def _good(self) -> list[Node]:
        return [node for node in self._watch.nodes if node.id not in self._aside]

    def _seats(self, node: Node) -> int:
        return node.cpus if self._workers is None else min(self._workers, node.cpus)

    def _check_cluster(self) -> None:
        """Says what is awaited.

        Raises:
            SearchError: `pool.lost` the cluster is dead; `pool.unfit` every node is set aside.
        """
        now = self._clock.now()
        where = (
            "of our own cluster" if self._address is None else f"of the cluster at {self._address}"
        )
        fault = ""
        dead = nodes.dead_processes() if self._address is None else []
        self._silent = self._watch.silence()
        if self._watch.nodes:
            self._alone = now
        if dead:
            fault = f"{' and '.join(dead)} {where} ended"
        elif self._silent > _SILENCE:
            fault = f"the head {where} has not answered for {_SILENCE:.0f} s"
        elif now - self._alone > _SILENCE:
            fault = f"no node {where} is left"
        if fault:
            self._dead = True
            log = start.last_line() if self._address is None else ""
            hint = (
                "look at the machine's memory and Ray's logs"
                if self._address is None
                else ("see `ray status` and restart the cluster")
            )
            raise SearchError("pool.lost", fault + (f"; {log}" if log else ""), hint)
        if self._watch.nodes and not self._good():
            raise SearchError(
                "pool.unfit",
                "no node can run the trials of this study: " + "; ".join(self._aside.values()),
                "give the nodes what they lack",
            )
        if any(slot.ready for slot in self._live.values()):
            self._waited = now
        elif now - self._waited > start.WAITED:
            self._waited = now
            names = ", ".join(str(node) for node in self._good()[:4])
            log = start.last_line() if self._address is None else ""
            what = f"no worker has started in {start.WAITED:.0f} s on {names}"
            self._notices.append(Notice("waiting", what + (f"; {log}" if log else "")))

    def _follow(self) -> None:
        """Says which nodes have joined or left."""
        here = {node.id: node for node in self._watch.nodes}
        for id_, node in here.items():
            if id_ not in self._known:
                seats = self._seats(node)
                what = f"node {node} with {seats} slot{'' if seats == 1 else 's'}"
                self._notices.append(Notice("joined", what))
        for id_, node in self._known.items():
            if id_ not in here:
                self._notices.append(Notice("left", f"node {node}; its trials go elsewhere"))
        self._known = here

    def _fill(self) -> None:
        if self._silent > _DOUBT:
            return
        now = self._clock.now()
        held = Counter(slot.node.id for slot in self._live.values())
        for node in self._good():
            if now < self._not_before.get(node.id, now):
                continue
            for _ in range(self._seats(node) - held[node.id]):
                number = next(n for n in range(len(self._live) + 1) if n not in self._live)
                actor = self._create(node)
                self._live[number] = _Slot(number, node, actor, actor.hello.remote(), now)

    def _collect(self, slot: _Slot, done: set[Any]) -> list[Arrival]:
        """Arrivals of one slot; drops it if it died, is overdue, or its machine lacks something."""
        import ray

        if slot.number not in self._live:  # its node was set aside meanwhile
            return []
        now = self._clock.now()
        if not slot.ready:
            if slot.hello not in done:
                if now - slot.since > self._patience:
                    return self._failed(slot, f"not up after {self._patience:.0f} s")
                return []
            try:
                lacks: list[list[str]] = cast("Any", ray.get(slot.hello))
            except Exception as error:  # whatever kept it from starting, another may start
                return self._failed(slot, start.line(error))
            if lacks:
                why = "; ".join(f"{what} ({remedy})" if remedy else what for what, remedy in lacks)
                return self._set_aside(slot.node, why)
            slot.ready, slot.since = True, now
            self._failures.pop(slot.node.id, None)
            return []
        arrivals: list[Arrival] = []
        while slot.jobs and slot.jobs[0][0] in done:
            ref, job = slot.jobs.popleft()
            try:
                outcome, *lack = cast("Any", ray.get(ref))
            except Exception as error:  # `evaluate` is total, so this is the slot's death
                detail = start.line(error)
                # A trial is not to blame for a machine that left in the middle of it.
                left = self._address is not None and not nodes.answers(slot.node)
                fault = Fault.LEFT if left else Fault.DIED
                arrivals.append(self._fault(slot, job, fault, detail))
                return arrivals + self._drop(slot)
            if lack:
                code, what, remedy = lack
                fault = fault_of(code)
                arrivals.append(self._fault(slot, job, fault, what))
                if fault is Fault.EXHAUSTED:  # another process begins with more of it
                    return arrivals + self._drop(slot)
                if fault is Fault.UNFIT:
                    return arrivals + self._set_aside(slot.node, f"{what} ({remedy})")
                slot.since = now
                continue
            arrivals.append(Arrival(job, slot.number, str(slot.node), outcome=outcome))
            slot.since = now
        if slot.jobs:
            job = slot.jobs[0][1]
            if job.seconds is not None and now - slot.since > job.seconds:
                detail = f"no outcome after {job.seconds:g} s"
                slot.jobs.popleft()
                arrivals.append(self._fault(slot, job, Fault.OVERDUE, detail))
                return arrivals + self._drop(slot)
        return arrivals

    def _fault(self, slot: _Slot, job: Job, fault: Fault, detail: str) -> Arrival:
        return Arrival(job, slot.number, str(slot.node), fault=fault, detail=detail)

    def _failed(self, slot: _Slot, detail: str) -> list[Arrival]:
        """A slot did not start: its node is tried later and later, and at last no more."""
        self._drop(slot)
        node = slot.node
        self._failures[node.id] += 1
        up = any(live.ready for live in self._live.values() if live.node == node)
        if self._failures[node.id] >= _FAILURES and not up:
            what = f"{self._failures[node.id]} workers in a row did not start; the last: {detail}"
            return self._set_aside(node, f"{what} (free memory there, and look at Ray's logs)")
        pause = min(30.0, 0.25 * 2 ** self._failures[node.id])
        self._not_before[node.id] = self._clock.now() + pause
        return []

    def _set_aside(self, node: Node, why: str) -> list[Arrival]:
        """Uses a node no more; the jobs of its slots come back as displaced."""
        self._aside[node.id] = f"{node}: {' '.join(why.split())}"
        self._notices.append(Notice("set_aside", f"node {self._aside[node.id]}"))
        displaced: list[Arrival] = []
        for slot in [slot for slot in self._live.values() if slot.node == node]:
            displaced += self._drop(slot)
        return displaced

    def _drop(self, slot: _Slot) -> list[Arrival]:
        """Forgets and kills a slot; the jobs that waited in it come back as displaced."""
        import ray

        del self._live[slot.number]
        with suppress(Exception):
            ray.kill(slot.actor)
        return [self._fault(slot, job, Fault.DISPLACED, "") for _, job in slot.jobs]
