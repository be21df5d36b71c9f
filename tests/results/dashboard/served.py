"""The dashboard for tests: in this process without a network, and in one of its own as a person starts it."""

import contextlib
import json
import socket
import subprocess
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from results.dashboard import record
from results.dashboard.app import Desk, create
from results.dashboard.guard import Proxy
from tests.search.command import start

PATIENCE = 60.0
"""Seconds that a busy machine may take for anything here."""


@contextlib.contextmanager
def over(place: Path, *, raising: bool = True, proxy: Proxy | None = None) -> Generator[TestClient]:
    """A client of the dashboard of a store; what the dashboard raises comes through, or is answered.

    Pages wait until all is read, however slow the machine is.
    """
    desk = Desk(place)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record, "PATIENCE", PATIENCE)
        try:
            yield TestClient(
                create(desk, proxy), "http://localhost", raise_server_exceptions=raising
            )
        finally:
            desk.close()


@dataclass(frozen=True, slots=True)
class Server:
    """A dashboard that answers: its process, the address that it printed, and its port."""

    process: subprocess.Popen[str]
    url: str
    port: int

    def ask(self, request: str | bytes) -> tuple[int, dict[str, str], bytes]:
        """Status, headers (names in lower case) and body of the answer to these very bytes.

        A request in text is a request line, to which a right Host is added.
        """
        if isinstance(request, str):
            request = f"{request} HTTP/1.1\r\nHost: localhost:{self.port}\r\n\r\n".encode()
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as connection:
            connection.sendall(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            with connection.makefile("rb") as answer:
                head, _, body = answer.read().partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(": ") for line in lines)
        return int(first.split()[1]), {name.lower(): value for name, _, value in pairs}, body


@contextlib.contextmanager
def serving(place: Path, *options: str) -> Generator[Server]:
    """The dashboard of a store, which is stopped at the end if it still runs."""
    process = start(place.parent, "dashboard", str(place), "--port", "0", "--json", *options)
    try:
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or lines[-1].rstrip() != "}":
            line = process.stdout.readline()
            assert line, process.communicate()[1]
            lines.append(line)
        url = json.loads("".join(lines))["url"]
        yield Server(process, url, int(url.rstrip("/").rpartition(":")[2]))
    finally:
        process.kill()
        process.communicate()
