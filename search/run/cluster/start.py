"""Starting Ray on loopback, or joining a cluster: environment, token, staged sources, patience.

Ray is imported by the functions, not by this module.
"""

import logging
import os
import secrets
import shlex
import socket
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final, cast

from search.error import SearchError
from search.run import staging

OLDEST: Final = (2, 60)
"""Ray before this is refused: earlier ones lack fixes of published vulnerabilities."""
_STORE_BYTES = 80 * 1024 * 1024
_TRIES = 2
"""Starts of our own cluster: on a busy machine Ray may miss its own limit of 30 s."""
WAITED: Final = 20.0
"""Seconds of silence after which it is said what is awaited."""
_THREADS: Final[dict[str, str]] = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"
)

Note = Callable[[str], None]
"""Shows a line to a person."""


def last_line() -> str:
    """The last line that our own raylet wrote, errors before what it logs; before there is a raylet,
    that of Ray's head. Empty if there is none.
    """
    folder = staging.scratch() / "ray" / "session_latest" / "logs"
    for name in ("raylet.err", "raylet.out", "gcs_server.err", "gcs_server.out"):
        with suppress(OSError):
            text = (folder / name).read_bytes()[-4096:].decode("utf-8", "replace")
            lines = [line.strip() for line in text.splitlines() if line.strip()]
            # Ray writes tables of its counters there, which say nothing to a person.
            telling = [line for line in lines if "[state-dump]" not in line]
            if telling:
                return f"{name}: {telling[-1][:200]}"
    return ""


@contextmanager
def patience(note: Note, what: str) -> Generator[None]:
    """Says every `WAITED` seconds what is awaited, with the last line of Ray's log."""
    over = threading.Event()

    def speak() -> None:
        seconds = WAITED
        while not over.wait(WAITED):
            line = last_line()
            note(f"{what} for {seconds:.0f} s" + (f"; {line}" if line else ""))
            seconds += WAITED

    speaker = threading.Thread(target=speak, daemon=True)
    speaker.start()
    try:
        yield
    finally:
        over.set()
        speaker.join(1.0)


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
    elif "RAY_AUTH_MODE" not in os.environ and _has_token():
        # As `ray start --head` does. Ray itself would join without the token that is there.
        variables["RAY_AUTH_MODE"] = "token"
    return variables


def _has_token() -> bool:
    """Whether the user has a token for clusters, where Ray looks for it."""
    if os.environ.get("RAY_AUTH_TOKEN") or os.environ.get("RAY_AUTH_TOKEN_PATH"):
        return True
    with suppress(RuntimeError):  # a user without a home
        return (Path.home() / ".ray" / "auth_token").is_file()
    return False


@contextmanager
def variables_of_ray(local: bool) -> Generator[None]:
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


def read_variables() -> None:
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


def line(error: BaseException) -> str:
    """The first telling line of an error; Ray's run over pages."""
    lines = [text.strip() for text in str(error).splitlines() if text.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:300]


def start(workers: int | None, address: str | None, folder: Path, note: Note) -> None:
    """Starts or joins a cluster, with a staged folder as the workers' only import path.

    Raises:
        SearchError: `pool.ray`, `pool.busy`, `pool.join`, `pool.start`, `pool.loopback`.
    """
    import ray

    if tuple(int(part) for part in ray.__version__.split(".")[:2]) < OLDEST:
        raise SearchError(
            "pool.ray",
            f"ray {ray.__version__} found, at least {OLDEST[0]}.{OLDEST[1]} expected",
            "pip install -U 'ray>=2.60,<3'",
        )
    if ray.is_initialized():
        raise SearchError("pool.busy", "this process uses Ray already", "close the other pool")
    read_variables()
    _quiet()
    shared: dict[str, Any] = {
        "log_to_driver": False,
        "logging_level": logging.ERROR,
        "runtime_env": {"working_dir": str(folder), "env_vars": _THREADS},
    }
    if address is None:
        # Ray hands this path to a shell as it stands. On a cluster each node has a Python of its own.
        shared["runtime_env"]["py_executable"] = shlex.quote(sys.executable)
    if address is not None:
        _reach(address)
        try:
            with patience(note, f"waiting for the cluster at {address}"):
                ray.init(address=address, **shared)
        except Exception as error:
            raise SearchError(
                "pool.join",
                f"no cluster joined at {address}: {line(error)}",
                "check that Python, Ray and the token in ~/.ray/auth_token are those of the head"
                " (see docs/cluster.md); run `gatewright` on a machine of the cluster",
            ) from error
        return
    _require_loopback()
    for left in reversed(range(_TRIES)):
        try:
            with patience(note, "waiting for Ray to start"):
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
            break
        except Exception as error:
            ray.shutdown()
            if left:
                note(f"Ray did not start, trying again: {line(error)}")
                continue
            log = last_line()
            raise SearchError(
                "pool.start",
                f"Ray did not start: {line(error)}" + (f"; {log}" if log else ""),
                "see `gatewright doctor`, or run in process with --workers 0",
            ) from error
    if ray.util.get_node_ip_address() != "127.0.0.1":
        ray.shutdown()
        raise SearchError(
            "pool.loopback",
            "Ray would listen beyond this machine",
            "run in process with --workers 0",
        )


def _require_loopback() -> None:
    """Raises SearchError unless 127.0.0.1 answers: Ray alone would try for minutes."""
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            socket.create_connection(server.getsockname(), timeout=5.0).close()
    except OSError as error:
        raise SearchError(
            "pool.loopback",
            f"this machine does not reach itself at 127.0.0.1: {error.strerror or error}",
            "bring loopback up with `ip link set lo up`, or run in process with --workers 0",
        ) from error


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
