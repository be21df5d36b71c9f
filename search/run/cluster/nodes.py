"""The nodes of a cluster as Ray tells them, and whether the cluster still lives."""

import atexit
import os
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, NoReturn, cast

from search.run.clock import Clock

_EVERY: Final = 2.0
"""Seconds between two questions to the head."""
_REACHED: Final = 1.0
"""Seconds that a node may take to accept a connection."""

abandoned = False
"""Whether this process has lost a cluster, of which threads of Ray may still wait for an answer."""


@dataclass(frozen=True, slots=True)
class Node:
    """A machine, or what stands for one, of a cluster."""

    id: str
    host: str
    address: str
    cpus: int
    port: int = 0
    """On which its raylet listens; 0 where that is unknown."""

    def __str__(self) -> str:
        """As people are told of it."""
        return f"{self.host} ({self.address}, {self.id[:8]})"


def alive() -> tuple[Node, ...]:
    """The nodes with a CPU that are alive, as the head of the joined cluster knows them."""
    import ray

    rows: list[dict[str, Any]] = cast("Any", ray).nodes()
    nodes = [
        Node(
            str(row["NodeID"]),
            str(row.get("NodeManagerHostname") or row["NodeManagerAddress"]),
            str(row["NodeManagerAddress"]),
            int(row.get("Resources", {}).get("CPU", 0)),
            int(row.get("NodeManagerPort") or 0),
        )
        for row in rows
        if row["Alive"]
    ]
    return tuple(sorted((node for node in nodes if node.cpus), key=lambda node: node.id))


def answers(node: Node) -> bool:
    """Whether its raylet can be reached. The head notices a lost node only many seconds later."""
    if not node.port:
        return True
    try:
        socket.create_connection((node.address, node.port), timeout=_REACHED).close()
    except OSError:
        return False
    return True


class Watch:
    """Asks for the nodes again and again, in a thread of its own: a dead head never answers.

    Args:
        ask: gives the nodes.
        clock: of the silence.
    """

    def __init__(self, ask: Callable[[], tuple[Node, ...]], clock: Clock) -> None:
        self.nodes = ask()
        self._ask = ask
        self._clock = clock
        self._asking = False
        self._answers = 0
        self._seen = 0
        self._silent = 0.0
        self._looked = clock.now()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def silence(self) -> float:
        """Seconds that the head has not answered, as far as they were seen.

        Of the time between two calls at most a second counts: a process that was stopped and goes
        on has not waited.
        """
        now = self._clock.now()
        passed, self._looked = min(1.0, now - self._looked), now
        if self._answers != self._seen or not self._asking:
            self._seen, self._silent = self._answers, 0.0
        else:
            self._silent += passed
        return self._silent

    def close(self) -> None:
        """Asks no more. Waits for the last answer, but not for long."""
        self._over.set()
        self._thread.join(1.0)

    def _watch(self) -> None:
        while not self._over.wait(_EVERY):
            self._asking = True
            # An error is no answer: after too many of them the cluster counts as lost.
            with suppress(Exception):
                self.nodes = self._ask()
                self._answers += 1
                self._asking = False


def abandon() -> None:
    """Kills what is left of our own cluster, and keeps Ray from waiting for it when Python ends."""
    from ray._private import worker

    global abandoned
    abandoned = True
    atexit.unregister(cast("Any", worker).shutdown)
    node: Any = worker._global_node
    if node is not None:
        with suppress(Exception):
            node.kill_all_processes(check_alive=False, allow_graceful=False)


def end_process(code: int) -> NoReturn:
    """Ends this process, after its exit functions, without an end of its threads.

    Threads of Ray that still wait for a lost cluster would make Python's own end a crash.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    atexit._run_exitfuncs()
    os._exit(code)


def dead_processes() -> list[str]:
    """Those processes of our own cluster that have ended, by the name that Ray gives them."""
    from ray._private import worker

    node: Any = worker._global_node
    return [] if node is None else [str(name) for name, _ in node.dead_processes()]
