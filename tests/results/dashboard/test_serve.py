"""The server as a process of its own: what it listens on, serves, withstands, and how it ends."""

import os
import re
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from html import unescape
from pathlib import Path
from urllib.parse import urljoin

import pytest

from results.dashboard.views import STUDY_VIEWS
from results.record.store import Store
from search.cli import run
from tests.results import synthetic
from tests.results.dashboard.proxy import PREFIX, proxying
from tests.results.dashboard.served import PATIENCE, Server, serving
from tests.search.command import ROOT

CROWD = 1000
BESIDE = "what lies beside the store"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a study that asked for nothing yet, and a file beside it."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "secret.txt").write_text(BESIDE)
    with Store.create_or_open(folder / "run.gate") as store:
        store.begin(synthetic.study(), {})
    return folder / "run.gate"


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[Server]:
    with serving(place) as found:
        yield found


@pytest.mark.parametrize(
    "path",
    [
        "/static/../run.gate",
        "/static/../../../../../../etc/passwd",
        "/static/%2e%2e/secret.txt",
        "/static/%2e%2e%2fsecret.txt",
        "/static/..%5csecret.txt",
        "/static/....//secret.txt",
        "/static/%252e%252e%252fsecret.txt",
        "/static/..%c0%afsecret.txt",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/style.css%00",
        "/static/style.css%00.txt",
        "/static/style.css/../script.js",
        "/static/",
        "/static",
        "/secret.txt",
        "/run.gate",
        "//etc/passwd",
        "/etc/passwd",
        "/../etc/passwd",
        "/..",
        "/%2e%2e",
        "/%00",
        "/.git/config",
        "/studies/..%2f..%2fsecret.txt",
        "/studies/%00",
        "/api/../secret.txt",
        "/api/studies/..",
        "file:///etc/passwd",
        "http://evil.com/secret.txt",
        "/\\evil.com",
    ],
)
def test_a_path_that_leads_elsewhere_leads_nowhere(server: Server, path: str) -> None:
    status, headers, body = server.ask(f"GET {path}")
    assert status == 404
    assert "location" not in headers
    assert "default-src 'none'" in headers["content-security-policy"]
    for inside in (BESIDE, "root:", "SQLite format"):
        assert inside.encode() not in body


@pytest.mark.parametrize("path", ["//evil.com/", "/static/style.css/", "//evil.com/%2f.."])
def test_nobody_is_sent_to_another_host(server: Server, path: str) -> None:
    _, headers, _ = server.ask(f"GET {path}")
    assert re.match(r"$|studies/[^/]", headers.get("location", ""))


def test_a_request_without_a_host_or_with_two_is_refused(server: Server) -> None:
    assert server.ask(b"GET / HTTP/1.0\r\n\r\n")[0] == 421
    assert server.ask(b"GET / HTTP/1.1\r\n\r\n")[0] == 400
    assert server.ask(b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.com\r\n\r\n")[0] == 400


def test_what_is_forwarded_is_not_believed(server: Server) -> None:
    for header in ("Forwarded: host=evil.com", "X-Forwarded-Host: evil.com", "X-Host: evil.com"):
        request = f"GET / HTTP/1.1\r\nHost: localhost\r\n{header}\r\n\r\n".encode()
        status, headers, _ = server.ask(request)
        assert (status, headers["location"][:8]) == (307, "studies/")
        request = f"GET / HTTP/1.1\r\nHost: evil.com\r\n{header.replace('evil.com', 'localhost')}"
        assert server.ask(f"{request}\r\n\r\n".encode())[0] == 421


def test_only_loopback_is_listened_on(server: Server) -> None:
    tables = [Path("/proc/net/tcp"), Path("/proc/net/tcp6")]
    if not tables[0].exists():
        pytest.skip("no table of sockets in /proc on this system")
    listening = "0A"
    rows = [
        line.split() for table in tables if table.exists() for line in table.read_text().split("\n")
    ]
    ours = [
        row[1] for row in rows if row[3:4] == [listening] and row[1].endswith(f":{server.port:04X}")
    ]
    assert ours == [f"0100007F:{server.port:04X}"]


def test_a_thousand_connections_and_slow_ones_leave_it_answering(server: Server) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CROWD + 512
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"this system allows {hard} open files; {wanted} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    beginnings = (
        b"",
        b"G",
        b"GET /static/style.css HTTP/1.1\r\nHost: loc",
        b"GET /static/plotly.js HTTP/1.1\r\nHost: localhost\r\n\r\n",  # and never reads
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nx",
    )
    try:
        with ExitStack() as stack:
            for number in range(CROWD):
                one = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
                stack.enter_context(one)
                # Few of those that never read: what waits for them takes memory of ours too.
                one.sendall(beginnings[number % len(beginnings) if number < 50 else number % 3])
            assert server.ask("GET /static/style.css")[0] == 200
            assert server.ask("GET /api/studies")[0] == 200
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert server.ask("GET /api/studies")[0] == 200
    assert server.process.poll() is None


def test_an_endless_request_is_refused(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
        with pytest.raises(ConnectionError):
            connection.sendall(b"x" * 2**26)
    assert server.ask("GET /api/studies")[0] == 200


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_when_told_to_though_somebody_follows_and_somebody_is_slow(
    place: Path, sent: signal.Signals
) -> None:
    with serving(place) as server, ExitStack() as stack:
        follower, slow = (
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), PATIENCE))
            for _ in range(2)
        )
        slow.sendall(b"GET /static/plotly.js HTTP/1.1\r\nHost: localhost\r\n\r\n")
        follower.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        heard = b""
        while b"event: change" not in heard:
            heard += follower.recv(4096)
        server.process.send_signal(sent)
        _, errors = server.process.communicate(timeout=PATIENCE)
        assert errors == ""
        assert server.process.returncode == (0 if sent == signal.SIGINT else -signal.SIGTERM)


def test_a_taken_port_is_told_of(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert run(["dashboard", str(place), "--port", port]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert port in said.err
    assert "give another --port" in said.err


def test_what_is_no_store_is_told_of_before_anything_is_served(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text").write_text("not a store " * 100)
    (tmp_path / "empty").touch()
    (tmp_path / "folder").mkdir()
    for name, words in (
        ("none", "no such file"),
        ("text", "not a database"),
        ("empty", "no search has written to it"),
        ("folder", "holds no record.json"),
    ):
        assert run(["dashboard", str(tmp_path / name), "--port", "0"]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert words in said.err
        assert "Traceback" not in said.err


KEEPING = ("--root-path", PREFIX, "--host-name", "hub.example.org")


@pytest.mark.parametrize(
    "options", [(), KEEPING], ids=["a prefix is taken away", "a prefix is kept"]
)
def test_it_is_walked_through_a_proxy(place: Path, options: tuple[str, ...]) -> None:
    host = options[-1] if options else "localhost"
    with serving(place, *options) as server, proxying(server.port, stripping=not options) as port:
        outside = replace(server, port=port)

        def ask(path: str) -> tuple[int, dict[str, str], bytes]:
            return outside.ask(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())

        status, headers, _ = ask(f"{PREFIX}/")
        assert status == 307
        seen: set[str] = set()
        left = [urljoin(f"{PREFIX}/", headers["location"])]
        while left:
            path = left.pop()
            status, headers, body = ask(path)
            # The example of a cell's JSON names none where no cell was trained.
            assert status == (404 if path.endswith("/cells/") else 200), path
            if headers["content-type"].startswith("text/html"):
                links = re.findall(r'(?:href|src|action)="([^"#]+)', body.decode())
                found = {urljoin(path, unescape(link)) for link in links if link != "data:,"}
                # A loop would end the walk as well as a dead end: all has to be below the prefix.
                assert all(one.startswith(f"{PREFIX}/") for one in found), found
                # Routes are in the page as text; the first page is a redirect.
                left += found - seen - {f"{PREFIX}/"}
                seen |= found
        names = {path.removeprefix(PREFIX) for path in seen}
        for view in STUDY_VIEWS:
            if not view.named:
                assert f"/studies/{synthetic.study().id}/{view.name}".rstrip("/") in names
        assert {
            "/static/style.css",
            "/static/script.js",
            "/claims",
            "/api",
            "/api/studies",
        } <= names


NOTEBOOK = """
import asyncio, signal, sys, threading, urllib.request
from pathlib import Path
from results.dashboard.serve import serve

async def cell():
    def ready(port):
        threading.Thread(target=visit, args=(port,)).start()
    def visit(port):
        with urllib.request.urlopen(f"http://localhost:{port}/api/studies") as answer:
            print(answer.status, flush=True)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    serve(Path(sys.argv[1]), 0, ready)
    await asyncio.sleep(0)
    print("back in the loop", [one.name for one in threading.enumerate() if "dashboard" in one.name])

# As a kernel does it: an interrupt is a KeyboardInterrupt wherever the cell is.
loop = asyncio.new_event_loop()
loop.run_until_complete(cell())
"""


def test_a_notebook_whose_event_loop_runs_can_show_it_until_it_is_interrupted(place: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-c", NOTEBOOK, str(place)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert (found.stdout, found.stderr) == ("200\nback in the loop []\n", "")
