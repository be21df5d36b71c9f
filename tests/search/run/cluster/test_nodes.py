"""Whether the head of a cluster still answers."""

import socket
import threading
import time

import pytest

from search.run.cluster import nodes
from search.run.cluster.nodes import Node, Watch


class Stepping:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time


class Head:
    """Answers until it is told to be silent."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.answers.set()

    def __call__(self) -> tuple[Node, ...]:
        self.answers.wait()
        return (Node("0" * 56, "host", "127.0.0.1", 2),)


def test_silence_is_counted_while_the_head_owes_an_answer_and_not_while_we_were_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(nodes, "_EVERY", 0.01)
    head, clock = Head(), Stepping()
    watch = Watch(head, clock)
    try:
        assert [str(node) for node in watch.nodes] == ["host (127.0.0.1, 00000000)"]
        head.answers.clear()
        time.sleep(0.05)
        watch.silence()
        clock.time = 86_400.0
        assert watch.silence() <= 1.0, "a process that slept for a day has not waited for a day"
        for _ in range(9):
            clock.time += 0.5
            watch.silence()
        clock.time += 0.5
        assert 5.0 <= watch.silence() <= 6.0
        head.answers.set()
        until = time.monotonic() + 10
        while watch.silence() and time.monotonic() < until:
            time.sleep(0.01)
        assert watch.silence() <= 1.0
    finally:
        head.answers.set()
        watch.close()


def test_a_node_answers_as_long_as_something_listens_at_its_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        node = Node("0" * 56, "host", "127.0.0.1", 2, int(server.getsockname()[1]))
        assert nodes.answers(node)
    assert not nodes.answers(node)
    assert nodes.answers(Node("0" * 56, "host", "127.0.0.1", 2)), "nothing is known against it"
