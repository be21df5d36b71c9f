"""`fetch` on the real corpora: the files are served by the data folder, derived files come out right."""

import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tasks.corpora import corpus, derive, fetch
from tasks.corpora.fetch import Network, Progress


@contextmanager
def mirror(data: Path, name: str) -> Generator[Network]:
    """The first mirror of every file of `name`, on this machine."""
    bodies = {
        urlsplit(file.urls[0]).path: (data / file.path).read_bytes()
        for file in corpus.named(name).files
        if file.urls
    }
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, connection.makefile("rb") as request:
                    body = bodies[request.readline().split()[1].decode()]
                    while request.readline().strip():
                        pass
                    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
                    connection.sendall(head.encode() + body)

    thread = threading.Thread(target=serve)
    thread.start()

    def connect(host: str, address: str, port: int, seconds: float) -> socket.socket:
        return socket.create_connection(listener.getsockname(), timeout=seconds)

    try:
        yield Network(resolve=lambda host, port: ["93.184.216.34"], connect=connect, seconds=20.0)
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)
        assert not thread.is_alive()


@pytest.mark.parametrize("name", ["ptb-char", "nottingham", "piano-midi", "jsb", "musedata"])
def test_a_corpus_is_fetched_and_what_is_derived_has_the_pinned_digest(
    name: str, data: Path, tmp_path: Path
) -> None:
    notes: list[Progress] = []
    with mirror(data, name) as network:
        fetch.fetch(name, tmp_path, report=notes.append, network=network)
    known = corpus.named(name)
    states = [state for state in corpus.verify(tmp_path) if state.corpus == known.name]
    assert states
    assert all(state.ok for state in states)
    assert [note.file for note in notes if note.note == "written"] == [
        file.path for file in known.files
    ]
    others = [state for state in corpus.status(tmp_path) if state.corpus != known.name]
    assert others
    assert not any(state.present for state in others)


def test_characters_follow_from_words() -> None:
    assert derive.characters(b" a <unk> \n N bc \n") == b"a _ < u n k > \n N _ b c \n "


def test_the_default_network_asks_only_the_hosts_of_the_table() -> None:
    hosts = Network().hosts
    assert hosts == {"raw.githubusercontent.com"}
