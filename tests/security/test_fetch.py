"""What a hostile or broken server can do to `fetch`: nothing but make it say no.

Servers are local sockets. `Network.connect` leads to them in place of the open internet; everything
above the socket (addresses, redirects, lengths, deadlines, digests) is the real thing.
"""

import gzip
import hashlib
import ipaddress
import resource
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tasks.corpora import fetch
from tasks.corpora.corpus import Corpus, File
from tasks.corpora.fetch import Network, Progress
from tasks.task import TaskError

BODY = bytes(range(256)) * 40
HOST = "files.example"
URL = f"https://{HOST}/data.bin"
PUBLIC = "93.184.216.34"
FILE = File("set/data.bin", len(BODY), hashlib.sha256(BODY).hexdigest(), (URL,))
Handler = Callable[[socket.socket], object]


@dataclass
class Server:
    """Answers its n-th connection with its n-th handler, the last one for ever."""

    handlers: list[Handler]
    asked: list[bytes] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    port: int = 0

    def network(self, **changes: object) -> Network:
        def connect(host: str, address: str, port: int, seconds: float) -> socket.socket:
            self.addresses.append(address)
            return socket.create_connection(("127.0.0.1", self.port), timeout=seconds)

        settings: dict[str, object] = {
            "hosts": frozenset({HOST, "other.example"}),
            "resolve": lambda host, port: [PUBLIC],
            "connect": connect,
            "seconds": 5.0,
        }
        return Network(**{**settings, **changes})  # pyright: ignore[reportArgumentType]


@contextmanager
def serving(*handlers: Handler) -> Generator[Server]:
    server = Server(list(handlers))
    listener = socket.create_server(("127.0.0.1", 0))
    server.port = listener.getsockname()[1]
    threads: list[threading.Thread] = []

    def answer(connection: socket.socket, handler: Handler) -> None:
        # The client is expected to hang up on most of these.
        with connection, suppress(OSError):
            request = b""
            while b"\r\n\r\n" not in request:
                request += connection.recv(4096) or b"\r\n\r\n"
            server.asked.append(request.split(b"\r\n", 1)[0])
            handler(connection)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                handler = server.handlers[min(len(threads), len(server.handlers) - 1)]
                threads.append(threading.Thread(target=answer, args=(connection, handler)))
                threads[-1].start()

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield server
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in (acceptor, *threads):
            thread.join(10)
            assert not thread.is_alive(), "a server still holds a connection"


def answering(body: bytes = BODY, status: str = "200 OK", **headers: str) -> Handler:
    lines = [f"HTTP/1.1 {status}", *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items())]
    head = ("\r\n".join(lines) + "\r\nConnection: close\r\n\r\n").encode("latin-1")
    return lambda connection: connection.sendall(head + body)


def moved(target: str) -> Handler:
    return answering(b"", "302 Found", Location=target, Content_Length="0")


def dribble(first: bytes) -> Handler:
    """A byte now and then, for ever, so that no pause is long."""

    def handler(connection: socket.socket) -> None:
        connection.sendall(first)
        pause = threading.Event()
        while True:
            pause.wait(0.02)
            connection.sendall(b"x")

    return handler


def corpus_of(file: File = FILE) -> Corpus:
    return Corpus("set", "a set", (), "nowhere", "none", (file,))


def refused(network: Network, folder: Path, file: File = FILE) -> str:
    """The message of the error that fetching raises; nothing may be left behind."""
    with pytest.raises(TaskError) as caught:
        fetch.bring(corpus_of(file), folder, network)
    assert caught.value.code == "T105"
    assert [path for path in folder.rglob("*") if not path.is_dir()] == []
    return caught.value.message


def test_an_honest_server_is_believed(tmp_path: Path) -> None:
    notes: list[Progress] = []
    with serving(answering(Content_Length=str(len(BODY)))) as server:
        fetch.bring(corpus_of(), tmp_path, server.network(), notes.append)
    assert (tmp_path / FILE.path).read_bytes() == BODY
    assert [path.name for path in (tmp_path / "set").iterdir()] == ["data.bin"]
    assert server.asked == [b"GET /data.bin HTTP/1.1"]
    assert server.addresses == [PUBLIC]
    assert notes[-1] == Progress(FILE.path, len(BODY), len(BODY), "written")


def test_a_file_that_is_there_is_not_asked_for_again(tmp_path: Path) -> None:
    with serving(answering()) as server:
        fetch.bring(corpus_of(), tmp_path, server.network())
        fetch.bring(corpus_of(), tmp_path, server.network())
        assert len(server.asked) == 1
        (tmp_path / FILE.path).write_bytes(b"spoilt")
        fetch.bring(corpus_of(), tmp_path, server.network())
        assert len(server.asked) == 2
    assert (tmp_path / FILE.path).read_bytes() == BODY


def test_a_redirect_to_a_listed_host_is_followed() -> None:
    with serving(moved("https://other.example/a?b=c"), moved("/d"), answering()) as server:
        assert fetch.download(URL, len(BODY), server.network()) == BODY
    assert [line.split()[1] for line in server.asked] == [b"/data.bin", b"/a?b=c", b"/d"]


@pytest.mark.parametrize(
    "target",
    [
        "https://127.0.0.1/data.bin",
        "https://[::1]/data.bin",
        "https://localhost/data.bin",
        "https://169.254.169.254/latest/meta-data/",
        "http://files.example/data.bin",
        "file:///etc/passwd",
        "ftp://files.example/data.bin",
        "gopher:x",
        "https://files.example:8443/data.bin",
        "https://user:secret@files.example/data.bin",
        "https://files.example@127.0.0.1/data.bin",
        "https://files.example.evil.example/data.bin",
        "https://files.example./data.bin",
        "https://files.example:port/",
        "https://[files.example/",
        "//127.0.0.1/data.bin",
        "/with space",
        "/with\xe9accent",
        "",
    ],
)
def test_a_redirect_elsewhere_is_refused_before_anyone_is_asked(
    target: str, tmp_path: Path
) -> None:
    with serving(moved(target), answering()) as server:
        message = refused(server.network(), tmp_path)
    assert len(server.addresses) == 1
    assert URL in message


def test_redirects_end(tmp_path: Path) -> None:
    with serving(moved(URL)) as server:
        assert "more than 3 redirects" in refused(server.network(), tmp_path)
    assert len(server.asked) == 4


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "2002:7f00:1::",
        "64:ff9b::7f00:1",
        "2001:0:7f00:1::1",
    ],
)
def test_a_host_with_an_address_that_is_not_public_is_refused(address: str, tmp_path: Path) -> None:
    assert not fetch.is_public(ipaddress.ip_address(address))
    with serving(answering()) as server:
        for found in ([address], [PUBLIC, address]):
            network = server.network(resolve=lambda host, port, found=found: found)
            assert "not a public address" in refused(network, tmp_path)
    assert server.addresses == []


@pytest.mark.parametrize("address", [PUBLIC, "2606:2800:220:1::1", "::ffff:8.8.8.8"])
def test_public_addresses_are_public(address: str) -> None:
    assert fetch.is_public(ipaddress.ip_address(address))


def test_a_listed_name_that_resolves_to_this_machine_is_refused(tmp_path: Path) -> None:
    file = File(FILE.path, FILE.size, FILE.sha256, ("https://localhost/data.bin",))
    with serving(answering()) as server:
        network = server.network(hosts=frozenset({"localhost"}), resolve=fetch.resolve)
        assert "not a public address" in refused(network, tmp_path, file)
    assert server.addresses == []


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (answering(Content_Length=str(10**12)), "states 1000000000000 bytes"),
        (answering(Content_Length="5"), "states 5 bytes"),
        (answering(Content_Length="-1"), "states -1 bytes"),
        (answering(BODY + b"x"), "more than the expected"),
        (answering(BODY * 100), "more than the expected"),
        (answering(BODY[:-1]), "1 more expected"),
        (answering(BODY[:-1], Content_Length=str(len(BODY))), "1 more expected"),
        (answering(b""), "more expected"),
        (answering(BODY[::-1]), "SHA-256"),
        (answering(BODY[::-1], Content_Length=str(len(BODY))), "SHA-256"),
        (answering(gzip.compress(BODY), Content_Encoding="gzip"), "expected"),
        (answering(b"zz\r\nnot a chunk", Transfer_Encoding="chunked"), "broke off"),
        (answering(b"ffffffff\r\n" + BODY * 9, Transfer_Encoding="chunked"), "more than the"),
        (answering(status="404 Not Found"), "status 404"),
        (answering(status="206 Partial Content"), "status 206"),
        (answering(status="200 OK\r\nX: " + "y" * 70_000), "broke off"),
        (answering(status="200 OK" + "\r\nX: y" * 1000), "broke off"),
        (
            lambda connection: connection.sendall(b"\x16\x03\x01\x02\x00 no HTTP\r\n\r\n"),
            "broke off",
        ),
        (lambda connection: None, "broke off"),
    ],
)
def test_a_wrong_answer_leaves_nothing(handler: Handler, expected: str, tmp_path: Path) -> None:
    with serving(handler) as server:
        assert expected in refused(server.network(), tmp_path)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nX: ",
        b"HTTP/1.1 200 OK\r\n\r\n",
        f"HTTP/1.1 200 OK\r\nContent-Length: {len(BODY)}\r\n\r\n".encode(),
    ],
)
def test_a_server_that_dribbles_is_cut_off_at_the_deadline(first: bytes, tmp_path: Path) -> None:
    with serving(dribble(first)) as server:
        message = refused(server.network(seconds=0.3), tmp_path)
    assert "more than 0.3 s" in message


def test_a_server_that_says_nothing_is_cut_off_at_the_deadline(tmp_path: Path) -> None:
    over = threading.Event()
    with serving(lambda connection: over.wait(10)) as server:
        assert "more than 0.3 s" in refused(server.network(seconds=0.3), tmp_path)
        over.set()


def test_a_resolver_that_hangs_is_given_up(tmp_path: Path) -> None:
    over = threading.Event()

    def hang(host: str, port: int) -> list[str]:
        over.wait(10)
        return [PUBLIC]

    with serving(answering()) as server:
        message = refused(server.network(resolve=hang, seconds=0.2), tmp_path)
        over.set()
    assert "cannot resolve" in message
    assert server.addresses == []


def test_the_next_mirror_is_tried_and_every_failure_is_named(tmp_path: Path) -> None:
    urls = (URL, "https://other.example/data.bin", "https://unlisted.example/data.bin")
    file = File(FILE.path, FILE.size, FILE.sha256, urls)
    with serving(answering(status="500 Oops"), answering(BODY[::-1])) as server:
        message = refused(server.network(), tmp_path, file)
    assert all(url in message for url in urls)
    assert "status 500" in message
    with serving(answering(status="500 Oops"), answering()) as server:
        fetch.bring(corpus_of(file), tmp_path, server.network())
    assert (tmp_path / FILE.path).read_bytes() == BODY


def test_a_machine_without_network_gets_told_what_to_do(tmp_path: Path) -> None:
    def offline(host: str, port: int) -> list[str]:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    with pytest.raises(TaskError) as caught:
        fetch.bring(corpus_of(), tmp_path, Network(hosts=frozenset({HOST}), resolve=offline))
    assert caught.value.code == "T105"
    assert "offline" in caught.value.hint
    assert "GATEWRIGHT_DATA" in caught.value.hint
    assert FILE.sha256 in caught.value.hint
    assert "pydocs" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "set").write_bytes(b"a file where a folder should be")
    with serving(answering()) as server, pytest.raises(TaskError) as caught:
        fetch.bring(corpus_of(), tmp_path, server.network())
    assert caught.value.code == "T106"
    assert str(tmp_path / FILE.path) in caught.value.message


def test_a_write_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with serving(answering()) as server:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(BODY) // 2, hard))
        try:
            with pytest.raises(TaskError) as caught:
                fetch.bring(corpus_of(), tmp_path, server.network())
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.code == "T106"
    assert [path for path in tmp_path.rglob("*") if not path.is_dir()] == []


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl command to make a certificate with")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    names = ["-subj", f"/CN={HOST}", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command, *names], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    seen: list[BaseException | None] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        try:
            with connection, context.wrap_socket(connection, server_side=True):
                seen.append(None)
        except OSError as error:
            seen.append(error)

    thread = threading.Thread(target=serve)
    thread.start()
    with listener, pytest.raises(ssl.SSLCertVerificationError):
        fetch.connect(HOST, "127.0.0.1", listener.getsockname()[1], 5.0)
    thread.join(10)
    assert isinstance(seen[0], ssl.SSLError)
