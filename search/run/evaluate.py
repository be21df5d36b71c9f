"""One trial in, one outcome out: the only thing that runs on a worker. Text and JSON, no objects."""

import errno
import hashlib
import resource
import sys
import time
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal, cast

from cells.cell import Cell
from cells.engine.measure.probe import probe
from cells.engine.native.build import NativeError
from cells.engine.training import determinism
from cells.engine.training.trainer import train
from cells.engine.training.width import WidthError
from cells.error import CellError
from cells.text.parser import parse
from results.record.outcome import Cost, Ending, Outcome
from results.record.trial import Trial
from search.error import SlotError
from search.run import handshake
from search.run.guards import limits
from tasks import registry
from tasks.task import Task, TaskError

_LINE: Final = 300
"""Characters of a detail; errors of others can be pages long."""
_NO_ROOM: Final = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE}
)
"""What the system says where the machine is at fault, and no program."""


def prepare_process(executor: str = "reference") -> dict[str, str]:
    """One thread, deterministic algorithms, denormals to zero; returns the machine class.

    `evaluate` does this itself; a program calls it to record the class. With the native executor
    torch is not loaded.
    """
    return determinism.prepare(executor)


def evaluate(text: str) -> str:
    """The outcome of a trial, both as JSON. A candidate's misfortune is an outcome.

    The trial is refused if the cell's text is not a cell, or no width meets the budget. A screen
    trial (`stop_at` is given) whose cell fails the probe is `rejected`. Errors of ours come back as
    `crashed`, with type, message and place. A memory budget counts what the trial adds to the process.

    The trial is kept within `limits.current()`.

    Raises:
        SlotError: this machine cannot run the trial, which another may: `slot.unfit` without the
            task's data, with other data, without the executor, or with a full disk; `slot.memory`
            where memory ends although the trial has no budget of it; `slot.guard` beyond the limits.
    """
    began, cpu = time.monotonic(), time.process_time()
    trial: Trial | None = None
    try:
        trial = Trial.from_json(text)
        outcome = _run(trial)
    except SlotError:
        raise
    except Exception as error:  # the net under everything: what arrives here is our bug
        key = _key_of(text) if trial is None else trial.key
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            raise SlotError(
                "slot.unfit", _place(error), "free some space, or restart it"
            ) from error
        if trial is not None and _is_out_of_memory(error):
            share = limits.current().bytes()
            if _binds(trial, share) and handshake.room_of_memory():
                what = f"more than {(share or 0) / 2**20:,.0f} MiB of memory, its slot's share of this machine"
                hint = "use machines with more memory, a higher --memory-share, or --no-guards"
                raise SlotError("slot.guard", what, hint) from error
            if trial.budget.bytes is None:
                hint = "use a machine with more memory, or give the trials of the study `bytes`"
                what = f"trial {trial.key} needs more memory than this machine has"
                raise SlotError("slot.memory", what, hint) from error
            # Without sizes and places: where exactly memory ends is not the same in every process.
            detail = "more memory than allowed, or than this machine has"
            outcome = Outcome(key, Ending.OUT_OF_MEMORY, detail=detail)
        else:
            outcome = Outcome(key, Ending.CRASHED, detail=_place(error))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    cost = Cost(time.monotonic() - began, time.process_time() - cpu, peak)
    return replace(outcome, cost=cost).to_json()


def _run(trial: Trial) -> Outcome:
    prepare_process(trial.executor)
    try:
        task = registry.load(trial.task, trial.scale)
        cell = parse(trial.cell)
    except TaskError as error:
        raise _unfit(error) from error
    except CellError as error:
        return Outcome(trial.key, Ending.REFUSED, detail=_line(str(error)))
    lack = handshake.data_lack(task.facts, trial.task_version, trial.task_digest)
    if lack is not None:
        raise SlotError("slot.unfit", lack.what, lack.remedy)
    share = limits.current().bytes()
    with _memory_limit(share if _binds(trial, share) else trial.budget.bytes):
        if trial.stop_at is not None:
            fault = probe(cell, trial.seed)
            if fault is not None:
                return Outcome(trial.key, Ending.REJECTED, detail=_line(fault))
        return _train(trial, cell, task)


def _train(trial: Trial, cell: Cell, task: Task) -> Outcome:
    try:
        run = train(
            cell,
            task,
            trial.setting,
            trial.schedule,
            trial.budget,
            trial.seed,
            stop_at=trial.stop_at,
            dtype=cast('Literal["float32", "float64"]', trial.dtype),
            executor=trial.executor,
            watch=limits.current().watch(),
        )
    except NativeError as error:
        raise _unfit(error) from error
    except (WidthError, TaskError) as error:
        if isinstance(error, TaskError) and error.code != "T005":  # more lanes than the data fill
            raise _unfit(error) from error
        return Outcome(trial.key, Ending.REFUSED, detail=_line(str(error)))
    detail = ""
    if run.ending == "timed_out":
        detail = f"over {trial.budget.seconds:g} s after {run.updates} updates"
    return Outcome(
        trial.key,
        Ending(run.ending),
        step=run.step,
        detail=detail,
        width=run.width,
        parameters=run.parameters,
        updates=run.updates,
        tokens=run.tokens,
        valid_loss=run.valid_loss,
        valid_accuracy=run.valid_accuracy,
        test_loss=run.test_loss,
        test_accuracy=run.test_accuracy,
        curve=run.curve,
    )


def _unfit(error: NativeError | TaskError) -> SlotError:
    """What this machine lacks, as the error of its slot."""
    return SlotError("slot.unfit", f"{error.code}: {error.message}", error.hint)


def _binds(trial: Trial, share: int | None) -> bool:
    """Whether the share of the machine's memory is less than the trial's own budget."""
    return share is not None and (trial.budget.bytes is None or share < trial.budget.bytes)


@contextmanager
def _memory_limit(allowed: int | None) -> Generator[None]:
    """Within it, allocations beyond `allowed` more bytes fail as MemoryError. Linux only."""
    status = Path("/proc/self/status")
    if allowed is None or not status.exists():
        yield
        return
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
    used = int(lines["VmData"].split()[0]) * 1024
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = used + allowed
    for bound in (soft, hard):
        if bound != resource.RLIM_INFINITY:
            limit = min(limit, bound)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _is_out_of_memory(error: Exception) -> bool:
    torch = sys.modules.get("torch")
    if isinstance(error, MemoryError) or (torch and isinstance(error, torch.OutOfMemoryError)):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    # torch's allocator on the CPU has no type of its own for this.
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


def _key_of(text: str) -> str:
    """The key that a broken trial stands for: the hash that `Trial.key` takes, of whatever came."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]


def _place(error: Exception) -> str:
    """Type, message, file and line of an error, on one line."""
    frames = traceback.extract_tb(error.__traceback__)
    where = ""
    if frames:
        path = Path(frames[-1].filename)
        where = f" ({path.parent.name}/{path.name}:{frames[-1].lineno})"
    return _line(f"{type(error).__name__}: {error}")[: _LINE - len(where)] + where


def _line(text: str) -> str:
    """`text` on one line, bounded."""
    return " ".join(text.split())[:_LINE]
