"""Slots as long-lived Ray actors, on a cluster of our own on loopback or on one that is joined.

Actors and not Ray tasks, because an actor on a lost node fails promptly where a task can hang.
Ray's own retries are off: an error does not mean "not done" and a retry can mean "done twice", so
every sending is counted by the driver. Ray is imported by `RayPool`, not by this module.
"""

import logging
import os
import secrets
import socket
import time
from collections import deque
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final, cast

from results.record.provenance import source_digest
from search.error import SearchError
from search.run import staging
from search.run.clock import Clock, Monotonic
from search.run.pool import Arrival, Evaluate, Fault, Job
from tasks.corpora import corpus

OLDEST: Final = (2, 60)
"""Ray before this is refused: earlier ones lack fixes of published vulnerabilities."""
_DEPTH = 2
"""Jobs a slot holds, so that a short one is followed by the next without a round trip."""
_STORE_BYTES = 80 * 1024 * 1024
_FAILURES = 6
"""Slots in a row that fail to start before the pool gives up."""
_THREADS: Final[dict[str, str]] = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"
)


class SlotActor:
    """What runs in a worker process."""

    def __init__(self, evaluate: Evaluate, digest: str) -> None:
        self._evaluate = evaluate
        self._expected = digest
        self._digest = source_digest()

    def hello(self) -> str:
        """The digest of the sources that this process imported."""
        return self._digest

    def evaluate(self, trial: str) -> str:
        """The outcome as JSON. Raises SearchError if the sources are not the driver's."""
        if self._digest != self._expected:
            raise _other_sources(self._digest, self._expected)
        return self._evaluate(trial)


def _other_sources(actual: str, expected: str) -> SearchError:
    return SearchError(
        "pool.sources",
        f"a worker imported sources with digest {actual[:12]}, the driver's are {expected[:12]}",
        "look for a stray tasks.py, search.py, cells or results on the workers' PYTHONPATH",
    )


@cache
def _token() -> Path:
    """A fresh token for our own cluster. Ray's default file is readable by every local user."""
    path = staging.scratch() / "token"
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_hex(32))
    return path


def environment(local: bool) -> dict[str, str]:
    """What Ray must find in the environment when it starts or joins a cluster.

    Args:
        local: a cluster of our own is started; else one is joined, with the user's token.
    """
    variables = {
        # A driver under `uv run` would start each worker through `uv run` again.
        "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    }
    if local:
        # Without this Ray replaces 127.0.0.1 by the machine's address and listens on all of them.
        variables["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        variables["RAY_AUTH_MODE"] = "token"
        if "RAY_AUTH_TOKEN" not in os.environ:
            variables["RAY_AUTH_TOKEN_PATH"] = str(_token())
    return variables


@contextmanager
def _variables_of_ray(local: bool) -> Generator[None]:
    """Sets `environment` and undoes it: the next pool of the process may be of the other kind."""
    wanted = environment(local)
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _read_variables() -> None:
    """Lets Ray read the environment again.

    Ray keeps what it read there first, at its import or at its first use: the way it
    authenticates, the token, whether it stays on loopback. Without this a pool in a process that
    had imported Ray, or had joined a cluster, would speak to its own cluster without the token.
    """
    raylet: Any = import_module("ray._raylet")
    constants: Any = import_module("ray._private.ray_constants")
    # In this order: threads of Ray that still run may load the token again.
    raylet.Config.initialize("")
    raylet.AuthenticationTokenLoader.instance().reset_cache()
    for name, variable, usual in (
        (
            "ENABLE_RAY_CLUSTER",
            constants.ENABLE_RAY_CLUSTERS_ENV_VAR,
            not constants.IS_WINDOWS_OR_OSX,
        ),
        ("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "RAY_ENABLE_UV_RUN_RUNTIME_ENV", True),
    ):
        setattr(constants, name, constants.env_bool(variable, usual))


@dataclass(slots=True)
class _Slot:
    """One actor and what it holds; `jobs[0]` runs, the rest waits in it."""

    number: int
    actor: Any
    hello: Any
    since: float
    ready: bool = False
    jobs: deque[tuple[Any, Job]] = field(default_factory=deque[tuple[Any, Job]])


class RayPool:
    """Long-lived actors, one CPU and one thread each, that import exactly the driver's sources.

    Args:
        workers: slots; on a joined cluster None for one slot a CPU.
        address: of a running cluster; None starts one on loopback and stops it in `close`.
        evaluate: what a slot runs; importable by name in the workers.
        clock: of the deadlines.
        patience: seconds that a slot may take to start (importing torch takes a few).

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
    ) -> None:
        self._clock = clock or Monotonic()
        self._patience = patience
        self._failures = 0
        self._not_before = self._clock.now()
        self._live: dict[int, _Slot] = {}
        self._lost: list[Arrival] = []
        self._closed = False
        self._digest = source_digest()
        with ExitStack() as variables:
            variables.enter_context(_variables_of_ray(local=address is None))
            _start(workers, address)
            self._variables = variables.pop_all()
        import ray

        count = int(ray.cluster_resources().get("CPU", 0)) if workers is None else workers
        if count < 1:
            self.close()
            raise SearchError("pool.cpus", f"no CPU in the cluster at {address}")
        self._slots = count
        self._create: Callable[[], Any] = lambda: (
            ray.remote(SlotActor)
            .options(num_cpus=1, max_restarts=0, max_task_retries=0)
            .remote(evaluate, self._digest)
        )
        self._fill()

    @property
    def slots(self) -> int:
        """How many trials can run at once when all slots are up."""
        return self._slots

    @property
    def room(self) -> int:
        """Free places in slots that are up."""
        return sum(_DEPTH - len(slot.jobs) for slot in self._live.values() if slot.ready)

    @property
    def breakable(self) -> bool:
        """False: Ray's compiled code turns the exception into a SystemError."""
        return False

    def submit(self, job: Job) -> int:
        """Sends a job to the slot that holds fewest."""
        ready = [slot for slot in self._live.values() if slot.ready and len(slot.jobs) < _DEPTH]
        if not ready:
            raise SearchError("pool.room", "no slot has room for another job")
        slot = min(ready, key=lambda slot: (len(slot.jobs), slot.number))
        if not slot.jobs:
            slot.since = self._clock.now()
        slot.jobs.append((slot.actor.evaluate.remote(job.trial), job))
        return slot.number

    def wait(self, timeout: float) -> list[Arrival]:
        """Arrivals since the last call; also starts, checks and replaces slots."""
        import ray

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
        else:  # all slots are lost and none may be tried yet
            time.sleep(min(timeout, max(0.0, self._not_before - self._clock.now())))
        arrivals, self._lost = self._lost, []
        for slot in list(self._live.values()):
            arrivals += self._collect(slot, done)
        return arrivals

    def close(self) -> None:
        """Kills the slots; stops Ray if this pool started it, else leaves the cluster running."""
        import ray

        if self._closed:
            return
        self._closed = True
        for slot in self._live.values():
            with suppress(Exception):
                ray.kill(slot.actor)
        self._live.clear()
        ray.shutdown()
        self._variables.close()
        _read_variables()

    def _fill(self) -> None:
        now = self._clock.now()
        for number in range(self._slots):
            if number in self._live or now < self._not_before:
                continue
            actor = self._create()
            self._live[number] = _Slot(number, actor, actor.hello.remote(), now)

    def _collect(self, slot: _Slot, done: set[Any]) -> list[Arrival]:
        """Arrivals of one slot; drops it if it died, is overdue, or holds other sources."""
        import ray

        now = self._clock.now()
        if not slot.ready:
            if slot.hello not in done:
                if now - slot.since > self._patience:
                    self._failed(slot, f"not up after {self._patience:.0f} s")
                return []
            try:
                digest: Any = ray.get(slot.hello)
            except Exception as error:  # whatever kept it from starting, another may start
                self._failed(slot, _line(error))
                return []
            if digest != self._digest:
                raise _other_sources(digest, self._digest)
            slot.ready, slot.since, self._failures = True, now, 0
            return []
        arrivals: list[Arrival] = []
        while slot.jobs and slot.jobs[0][0] in done:
            ref, job = slot.jobs.popleft()
            try:
                outcome: Any = ray.get(ref)
                arrivals.append(Arrival(job, slot.number, outcome=outcome))
            except Exception as error:  # `evaluate` is total, so this is the slot's death
                arrivals.append(Arrival(job, slot.number, fault=Fault.DIED, detail=_line(error)))
                return arrivals + self._drop(slot)
            slot.since = now
        if slot.jobs:
            job = slot.jobs[0][1]
            if job.seconds is not None and now - slot.since > job.seconds:
                detail = f"no outcome after {job.seconds:g} s"
                slot.jobs.popleft()
                arrivals.append(Arrival(job, slot.number, fault=Fault.OVERDUE, detail=detail))
                return arrivals + self._drop(slot)
        return arrivals

    def _failed(self, slot: _Slot, detail: str) -> None:
        """A slot did not start: others are tried later and later, and at last none."""
        self._drop(slot)
        self._failures += 1
        if self._failures >= _FAILURES and not any(live.ready for live in self._live.values()):
            raise SearchError(
                "pool.start",
                f"{self._failures} workers in a row did not start; the last: {detail}",
                "free memory, or run in process with --workers 0",
            )
        self._not_before = self._clock.now() + min(30.0, 0.25 * 2**self._failures)

    def _drop(self, slot: _Slot) -> list[Arrival]:
        """Forgets and kills a slot; the jobs that waited in it come back as displaced."""
        import ray

        del self._live[slot.number]
        with suppress(Exception):
            ray.kill(slot.actor)
        return [Arrival(job, slot.number, fault=Fault.DISPLACED) for _, job in slot.jobs]


def _line(error: BaseException) -> str:
    """The first telling line of an error; Ray's run over pages."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:300]


def _variables(address: str | None) -> dict[str, str]:
    """Variables of the workers. Those of our own cluster look for corpora where the driver does.

    Their sources are a staged copy, which has no `data/` beside it.
    """
    if address is not None:
        return _THREADS
    return _THREADS | {"GATEWRIGHT_DATA": os.pathsep.join(map(str, corpus.folders()))}


def _start(workers: int | None, address: str | None) -> None:
    """Starts or joins a cluster, with our staged sources as the workers' only import path."""
    import ray

    if tuple(int(part) for part in ray.__version__.split(".")[:2]) < OLDEST:
        raise SearchError(
            "pool.ray",
            f"ray {ray.__version__} found, at least {OLDEST[0]}.{OLDEST[1]} expected",
            "pip install -U 'ray>=2.60,<3'",
        )
    if ray.is_initialized():
        raise SearchError("pool.busy", "this process uses Ray already", "close the other pool")
    _read_variables()
    _quiet()
    shared: dict[str, Any] = {
        "log_to_driver": False,
        "logging_level": logging.ERROR,
        "runtime_env": {"working_dir": str(staging.make()), "env_vars": _variables(address)},
    }
    if address is not None:
        _reach(address)
        try:
            ray.init(address=address, **shared)
        except Exception as error:
            raise SearchError(
                "pool.join",
                f"no cluster joined at {address}: {_line(error)}",
                "check the address, Ray's and Python's versions, and RAY_AUTH_TOKEN_PATH",
            ) from error
        return
    try:
        ray.init(
            address="local",
            num_cpus=workers,
            num_gpus=0,
            object_store_memory=_STORE_BYTES,
            include_dashboard=False,
            _node_ip_address="127.0.0.1",
            # Ray opens its own folder to everybody (0777); ours around it stays closed.
            _temp_dir=str(staging.scratch() / "ray"),
            **shared,
        )
    except Exception as error:
        raise SearchError(
            "pool.start",
            f"Ray did not start: {_line(error)}",
            "see `gatewright doctor`, or run in process with --workers 0",
        ) from error
    if ray.util.get_node_ip_address() != "127.0.0.1":
        ray.shutdown()
        raise SearchError(
            "pool.loopback",
            "Ray would listen beyond this machine",
            "run in process with --workers 0",
        )


def _reach(address: str) -> None:
    """Raises SearchError unless something listens there: Ray alone would try for minutes."""
    import ray

    host, _, port = address.rpartition(":")
    if not port.isdigit() or "/" in host:
        return
    # Ray itself reads loopback as this machine's address, on which the head may listen alone.
    hosts = [host]
    if host in ("127.0.0.1", "localhost"):
        hosts.append(str(cast("Any", ray.util).get_node_ip_address()))
    for name in hosts:
        try:
            socket.create_connection((name, int(port)), timeout=5.0).close()
            return
        except (OSError, OverflowError) as error:
            if name == hosts[-1]:
                raise SearchError(
                    "pool.join",
                    f"nothing answers at {address}: {getattr(error, 'strerror', None) or error}",
                    "start a head with `ray start --head`, or leave out --address",
                ) from error


def _quiet() -> None:
    """Sends what Ray prints of dead workers to the log: standard output is for results.

    Such deaths are events in the record; `log_to_driver=False` does not cover these lines.
    """
    from ray._private import worker

    def log(data: dict[str, Any], *_: object, **__: object) -> None:
        logging.getLogger(__name__).debug("%s", data.get("lines"))

    if hasattr(worker, "print_to_stdstream"):
        worker.print_to_stdstream = log
