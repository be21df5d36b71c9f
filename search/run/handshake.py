"""The handshake of a slot: what a study needs of a machine, and what a machine lacks.

A fault of a machine (no corpus, other data, no compiler, another machine class, no room) says nothing
about a cell. So it is looked for before the first trial, and never becomes an outcome.
"""

import json
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

from cells.engine import executor as executors
from cells.engine.native.build import NativeError
from cells.error import GatewrightError
from results.record import provenance
from search.error import SlotError
from tasks import registry
from tasks.task import Facts, TaskError

DISK: Final = 64 * 2**20
"""Bytes that must be free in the temporary folder: a native runtime is compiled there."""
MEMORY: Final = 256 * 2**20
"""Bytes of memory that must be free: a worker with a corpus and a small model."""


@dataclass(frozen=True, slots=True)
class Data:
    """The data of a task: version and digest that a trial names."""

    task: str
    scale: str
    version: int
    digest: str


@dataclass(frozen=True, slots=True)
class Needs:
    """What every slot of a study must have.

    Attributes:
        executor: of its trials; empty where trials name none that can be looked for.
        machine: the facts that must agree for bits to repeat, as the driver's machine has them.
        data: of its tasks.
        disk, memory: bytes that must be free.
    """

    executor: str = ""
    machine: Mapping[str, str] | None = None
    data: tuple[Data, ...] = ()
    disk: int = DISK
    memory: int = MEMORY

    def to_json(self) -> str:
        """As text, for a worker."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `to_json` wrote."""
        fields = json.loads(text)
        fields["data"] = tuple(Data(**data) for data in fields["data"])
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class Lack:
    """One thing that a machine has not, and what to do about it."""

    what: str
    remedy: str

    def __str__(self) -> str:
        """Both on one line."""
        return f"{self.what}; {self.remedy}" if self.remedy else self.what


def needs(executor: str, facts: Iterable[Facts]) -> Needs:
    """What a study needs that runs its trials by `executor` on these tasks.

    Raises:
        NativeError: this machine cannot make the executor.
    """
    here = _facts(executor)
    return Needs(
        executor,
        {name: here[name] for name in executors.machine_class(executor, here)},
        tuple(Data(task.name, task.scale, task.version, task.digest) for task in facts),
    )


def lacks(wanted: Needs) -> list[Lack]:
    """What this machine has not of what a study needs; empty where all is well."""
    folder = Path(tempfile.gettempdir())
    missing = room(folder, wanted.disk, wanted.memory)
    if wanted.executor:
        missing += _executor(wanted.executor, wanted.machine or {})
    for data in wanted.data:
        missing += _data(data)
    return missing


def require(wanted: Needs) -> None:
    """Raises SlotError `slot.unfit` if this machine lacks something."""
    missing = lacks(wanted)
    if missing:
        what = ", ".join(lack.what for lack in missing)
        remedies = dict.fromkeys(lack.remedy for lack in missing if lack.remedy)
        raise SlotError(
            "slot.unfit", f"this machine cannot run the study: {what}", "; ".join(remedies)
        )


def room(folder: Path, disk: int, memory: int) -> list[Lack]:
    """Whether `folder` has so many bytes left, and the machine so many of memory."""
    missing: list[Lack] = []
    free = shutil.disk_usage(folder).free
    if free < disk:
        missing.append(
            Lack(
                f"{free / 2**20:,.0f} MiB free in {folder}, at least {disk / 2**20:,.0f} expected",
                "free some space there, or set TMPDIR",
            )
        )
    available = _available()
    if available is not None and available < memory:
        missing.append(
            Lack(
                f"{available / 2**20:,.0f} MiB of memory free, at least {memory / 2**20:,.0f} expected",
                "end other programs, or start fewer slots there",
            )
        )
    return missing


def room_of_memory() -> bool:
    """Whether this machine has as much memory left as a slot needs."""
    available = _available()
    return available is None or available >= MEMORY


def data_lack(facts: Facts, version: int, digest: str) -> Lack | None:
    """How the data of a task differs here from the one that is asked for, or None."""
    for what, here, asked in (
        ("version", str(facts.version), str(version)),
        ("data digest", facts.digest, digest),
    ):
        if here != asked:
            return Lack(
                f"{facts.name} at {facts.scale}: {what} {here[:16]} here, {asked[:16]} expected",
                "bring the files and the version of NumPy that the study began with",
            )
    return None


def _data(data: Data) -> list[Lack]:
    try:
        facts = registry.load(data.task, data.scale).facts
    except TaskError as error:
        return [Lack(f"{error.code}: {error.message}", error.hint)]
    except OSError as error:
        return [Lack(f"{data.task} at {data.scale} cannot be read: {error}", "check the disk")]
    lack = data_lack(facts, data.version, data.digest)
    return [lack] if lack else []


def _executor(executor: str, machine: Mapping[str, str]) -> list[Lack]:
    try:
        here = _facts(executor)
    except NativeError as error:
        return [Lack(error.message, error.hint)]
    except GatewrightError as error:
        return [Lack(f"{error.code}: {error.message}", error.hint)]
    unlike = [
        f"{name.removeprefix('executor ')} {here.get(name, 'unknown')!r} here, {value!r} there"
        for name, value in machine.items()
        if here.get(name) != value
    ]
    if not unlike:
        return []
    return [
        Lack(
            f"not the machine class of the driver: {', '.join(unlike)}",
            "use machines of one class, or begin the study with --executor portable",
        )
    ]


def _facts(executor: str) -> dict[str, str]:
    return provenance.collect() | executors.describe(executor)


def _available() -> int | None:
    """Bytes of memory that a process can still have, of the machine and of its control group."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    table = dict(line.split(":", 1) for line in lines if ":" in line)
    if "MemAvailable" not in table:
        return None
    free = int(table["MemAvailable"].split()[0]) * 1024
    group = Path("/sys/fs/cgroup")
    try:
        limit = int((group / "memory.max").read_text(encoding="ascii"))
        # Cached files count as used and are given back when they are in the way.
        used = int((group / "memory.current").read_text(encoding="ascii"))
        stat = dict(
            line.split()
            for line in (group / "memory.stat").read_text(encoding="ascii").splitlines()
        )
        used -= int(stat.get("inactive_file", 0))
    except (OSError, ValueError):  # no limit, or another system
        return free
    return min(free, max(0, limit - used))
