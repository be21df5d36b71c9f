"""Machines of a cluster: each a `ray start` with processes, folders and environment of its own.

They are what a person starts on each machine of a cluster, so what holds of them holds there; only
processor and memory are shared. As root they can also be given a network of their own.
"""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from search.run import staging
from tests.faults.listening import descendants

RAY: Final = str(Path(sys.executable).parent / "ray")
STORE_BYTES: Final = 80 * 1024 * 1024
STARTED: Final = "Ray runtime started"
HEALTH: Final = {
    "RAY_health_check_period_ms": "2000",
    "RAY_health_check_timeout_ms": "3000",
    "RAY_health_check_failure_threshold": "3",
}
"""The environment of a head that gives a silent machine up after some 15 s, as docs/cluster.md says."""
PATIENCE: Final = 120.0
"""Seconds that a machine may take to start."""


class Machine:
    """One machine of a cluster; the first, without `address`, is its head.

    Args:
        folder: that the machine has for itself; its log is in `ray.log`.
        address: of the head, HOST:PORT.
        ip: of this machine.
        cpus: slots that it offers.
        before: words of a program that starts it, such as `ip netns exec NAME`.
        variables: of its environment, in addition to ours.
    """

    def __init__(
        self,
        folder: Path,
        address: str | None = None,
        *,
        ip: str = "127.0.0.1",
        cpus: int = 1,
        before: Sequence[str] = (),
        variables: Mapping[str, str] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / "ray.log"
        # The paths of Ray's sockets below it may have 107 bytes, so it is no folder of a test.
        self._scratch = staging.scratch() / secrets.token_hex(3)
        self._scratch.mkdir()
        words = [*before, RAY, "start", "--block", "--disable-usage-stats"]
        words += ["--node-ip-address", ip, "--num-cpus", str(cpus), "--num-gpus", "0"]
        words += ["--temp-dir", str(self._scratch), "--object-store-memory", str(STORE_BYTES)]
        if address is None:
            self.address = f"{ip}:{free_port(ip)}"
            words += ["--head", "--include-dashboard", "false"]
            words += ["--port", self.address.rpartition(":")[2]]
        else:
            self.address = address
            words += ["--address", address]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                words,
                env={**os.environ, **(variables or {})},
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=folder,
            )

    def wait(self) -> "Machine":
        """Itself, once Ray runs there. Raises RuntimeError with the log if it does not start."""
        until = time.monotonic() + PATIENCE
        while STARTED not in self.log():
            if self.process.poll() is not None or time.monotonic() > until:
                self.kill()
                raise RuntimeError(f"the machine did not start:\n{self.log()}")
            time.sleep(0.1)
        return self

    def log(self) -> str:
        """What `ray start` said."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def part(self, program: str) -> int:
        """The process that runs this program of Ray, such as `raylet` or `gcs_server`."""
        for pid in descendants(self.process.pid):
            with suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                if Path(words[0].decode()).name == program:
                    return pid
        raise AssertionError(f"no {program} on this machine:\n{self.log()}")

    def leave(self) -> None:
        """Tells the machine to leave, as an autoscaler does: it drains, then ends."""
        self.process.terminate()

    def signal(self, number: signal.Signals) -> set[int]:
        """Sends a signal to all processes of the machine, and returns them."""
        pids = descendants(self.process.pid)
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        return pids

    def kill(self) -> None:
        """Ends all processes of the machine at once, as a lost machine does."""
        self.signal(signal.SIGKILL)
        self.process.wait()


@contextmanager
def cluster() -> Generator[list[Machine]]:
    """A list for machines, all of which are killed at the end."""
    machines: list[Machine] = []
    try:
        yield machines
    finally:
        for machine in reversed(machines):
            machine.kill()


def token(folder: Path) -> dict[str, str]:
    """The environment of a cluster that asks for a token, which is kept in `folder`."""
    path = folder / "token"
    path.touch(0o600)
    path.write_text(secrets.token_hex(32), encoding="ascii")
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(path)}


def free_port(ip: str) -> int:
    """A port that nothing listens on at this address."""
    # An address of another network cannot be bound here; there every port is free.
    host = ip if ip.startswith("127.") else "127.0.0.1"
    with socket.create_server((host, 0)) as server:
        return int(server.getsockname()[1])


def cut(name: str) -> None:
    """Takes the link of a network namespace of `network` down."""
    _ip("-n", name, "link", "set", "gate", "down")


def has_namespaces() -> bool:
    """Whether this process may make networks of its own."""
    try:
        with network():
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


@contextmanager
def network() -> Generator[tuple[list[str], list[str]]]:
    """Names and addresses of two network namespaces that are joined by one link, `gate`."""
    tag = secrets.token_hex(3)
    names = [f"gw-{tag}-{number}" for number in (1, 2)]
    addresses = ["10.91.7.1", "10.91.7.2"]
    made: list[str] = []
    try:
        for name in names:
            _ip("netns", "add", name)
            made.append(name)
        _ip(
            "-n", names[0], "link", "add", "gate", "type", "veth", "peer", "gate", "netns", names[1]
        )
        for name, address, other in zip(names, addresses, reversed(addresses), strict=True):
            _ip("-n", name, "address", "add", f"{address}/24", "dev", "gate")
            _ip("-n", name, "link", "set", "lo", "up")
            _ip("-n", name, "link", "set", "gate", "up")
            # Ray asks which of its addresses a machine would use to reach the world.
            _ip("-n", name, "route", "add", "default", "via", other)
        yield names, addresses
    finally:
        for name in made:
            _ip("netns", "delete", name)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
