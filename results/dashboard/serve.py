"""The server: one port on loopback, until it is stopped."""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Final

import uvicorn

from cells.error import SingleCodeError
from results.dashboard.app import Desk, create
from results.dashboard.guard import Proxy
from results.dashboard.record import Importances

ADDRESS: Final = "127.0.0.1"
CONNECTIONS: Final = 4096
"""Open connections for which room is made, where the system allows it."""


class PortError(SingleCodeError):
    """The port that was asked for cannot be had."""

    CODE = "port"


def serve(
    path: Path,
    port: int,
    ready: Callable[[int], None],
    importances: Importances | None = None,
    proxy: Proxy | None = None,
) -> None:
    """Serves the dashboard of the store at `path` until SIGINT or SIGTERM.

    It can be called while an event loop runs, as in a notebook; there, too, it returns when it is
    interrupted.

    Args:
        path: a store's file, or a published folder.
        port: on loopback; 0 takes a free one.
        ready: told the port as soon as pages are answered.
        importances: computes those of hyperparameters; the page says so where there is none.
        proxy: names and path under which a proxy shows it; it listens on loopback all the same.

    Raises:
        PortError: the port is taken.
        StoreError: as `results.publishing.publication.open_record`.
    """
    with contextlib.suppress(ImportError, ValueError, OSError):
        _make_room()
    with contextlib.ExitStack() as stack:
        desk = Desk(path, importances)
        stack.callback(desk.close)
        desk.open()
        listener = stack.enter_context(_listen(port))
        server = _Server(
            desk,
            uvicorn.Config(
                create(desk, proxy),
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                ws="none",
                timeout_graceful_shutdown=1,
            ),
        )
        ready(listener.getsockname()[1])
        # To be stopped is how a server ends.
        with contextlib.suppress(KeyboardInterrupt):
            _run(server, listener)


class _Server(uvicorn.Server):
    """Ends the streams first when it is stopped: they would be waited for, then cut off."""

    def __init__(self, desk: Desk, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._desk = desk
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Notes the event loop, so that another thread can end it."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    def end(self) -> None:
        """Begins the end from another thread than that of the server."""
        if self._loop is None:
            self.should_exit = True
            return
        # A loop that is closed has ended already.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self.handle_exit, signal.SIGTERM, None)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begins the end on a signal."""
        self._desk.end()
        # Whoever is cut off from now on was slow; that is no error to print.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        super().handle_exit(sig, frame)


def _run(server: _Server, listener: socket.socket) -> None:
    """Runs it to its end: in this thread, or beside the event loop that runs here already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        server.run(sockets=[listener])
        return
    with ThreadPoolExecutor(1, "dashboard") as thread:
        running = thread.submit(server.run, [listener])
        try:
            running.result()
        finally:
            server.end()


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((ADDRESS, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise PortError(
            f"port {port} on {ADDRESS}: {error.strerror}",
            "give another --port, or 0 for a free one",
        ) from error
    return listener


def _make_room() -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS if hard == resource.RLIM_INFINITY else min(CONNECTIONS, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
