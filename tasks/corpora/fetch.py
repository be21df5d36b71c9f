"""Bringing a corpus onto this machine: fixed hosts over https, capped, and hashed before it counts.

The rules, each tested in `tests/security/test_fetch.py`: only what `digest.toml` lists is asked for;
only https; a redirect must lead to a listed host; a host must resolve to public addresses, and the
connection goes to the address that was checked; a transfer is cut off at the expected size and at a
deadline; bytes count only once their SHA-256 is right, and then appear under their name at once.
"""

import contextlib
import http.client
import ipaddress
import os
import secrets
import socket
import ssl
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from tasks.corpora import corpus, derive
from tasks.corpora.corpus import Corpus, File
from tasks.task import TaskError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_BLOCK = 2**16


def refused(reason: str) -> TaskError:
    """The error about a mirror that did something it must not."""
    return TaskError("T107", reason)


def unreachable(reason: str) -> TaskError:
    """The error about a mirror that gave nothing, or not all."""
    return TaskError("T108", reason)


@dataclass(frozen=True, slots=True)
class Progress:
    """What `fetch` is doing.

    Attributes:
        file: path below the data folder.
        done: bytes that have come.
        total: bytes expected.
        note: `present`, `fetching`, `written`, or why a mirror was given up.
    """

    file: str
    done: int
    total: int
    note: str


def resolve(host: str, port: int) -> list[str]:
    """All addresses of `host`, as text. Raises OSError."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in answers))


def is_public(address: Address) -> bool:
    """Whether an address is one of the open internet: no loopback, private, link-local, shared,
    multicast or reserved one, and no IPv6 form that carries such an IPv4 address.
    """
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is not None or address.teredo is not None:
            return inner is not None and address.teredo is None and is_public(inner)
        if address in ipaddress.ip_network("64:ff9b::/96"):  # NAT64
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return address.is_global and not address.is_multicast and not address.is_reserved


def connect(host: str, address: str, port: int, seconds: float) -> socket.socket:
    """A TLS connection to `address` whose certificate must be that of `host`. Raises OSError."""
    plain = socket.create_connection((address, port), timeout=seconds)
    try:
        return ssl.create_default_context().wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise


def _listed_hosts() -> frozenset[str]:
    return frozenset(
        urlsplit(url).hostname or ""
        for known in corpus.table().values()
        for file in known.files
        for url in file.urls
    )


@dataclass(frozen=True, slots=True)
class Network:
    """How the outside is reached, and its limits.

    Attributes:
        hosts: the only hosts that are ever asked.
        resolve: from a host and a port to its addresses.
        connect: from host, address, port and timeout in seconds to a connection that is
            authenticated as the host's.
        seconds: time for one mirror, from name resolution to the last byte.
        redirects: how many are followed.
    """

    hosts: frozenset[str] = field(default_factory=_listed_hosts)
    resolve: Callable[[str, int], list[str]] = resolve
    connect: Callable[[str, str, int, float], socket.socket] = connect
    seconds: float = 120.0
    redirects: int = 3


class _Connection(http.client.HTTPConnection):
    """HTTP over a socket that is already there, and over no other."""

    auto_open = 0

    def __init__(self, host: str, port: int, ready: socket.socket) -> None:
        super().__init__(host, port)
        self.sock = ready


def download(
    url: str,
    size: int,
    network: Network,
    report: Callable[[int], None] = lambda done: None,
) -> bytes:
    """The body at `url`, at most `size` bytes of it.

    Args:
        url: https, its host among `network.hosts`.
        size: bytes expected; the transfer stops with an error at the first byte beyond.
        network: limits and means.
        report: called with the number of bytes so far.

    Raises:
        TaskError: T107, if a rule of this module is broken or the answer is not the expected one;
            T108, if there is no connection, or it breaks or takes too long.
    """
    deadline = time.monotonic() + network.seconds
    for _ in range(network.redirects + 1):
        answer = _ask(url, size, network, deadline, report)
        if isinstance(answer, bytes):
            return answer
        try:
            url = urljoin(url, answer)
        except ValueError as cause:
            raise refused(f"redirect to no address: {answer[:200]!r}") from cause
    raise refused(f"more than {network.redirects} redirects")


def _ask(
    url: str, size: int, network: Network, deadline: float, report: Callable[[int], None]
) -> bytes | str:
    """The body, or where a redirect leads."""
    host, port, target = _checked(url, network)
    ready = _connected(host, port, network, deadline)
    # A socket's own timeout starts anew with every byte that dribbles in; this one does not.
    alarm = threading.Timer(max(0.01, deadline - time.monotonic()), _cut, [ready])
    alarm.daemon = True
    alarm.start()
    connection = _Connection(host, port, ready)
    try:
        headers = {"Accept-Encoding": "identity", "User-Agent": "gatewright"}
        connection.request("GET", target, headers=headers)
        response = connection.getresponse()
        if response.status in (301, 302, 303, 307, 308):
            return response.headers.get("Location") or "missing:"
        if response.status != 200:
            raise refused(f"status {response.status} {response.reason}"[:100])
        return _body(response, size, report)
    except (OSError, http.client.HTTPException) as cause:
        late = time.monotonic() >= deadline
        why = f"more than {network.seconds:g} s" if late else str(cause) or type(cause).__name__
        raise unreachable(f"connection to {host} broke off: {why}") from cause
    finally:
        alarm.cancel()
        connection.close()
        ready.close()


def _cut(ready: socket.socket) -> None:
    with contextlib.suppress(OSError):
        # Past the TLS layer, whose own shutdown would wait for the other side.
        socket.socket.shutdown(ready, socket.SHUT_RDWR)


def _checked(url: str, network: Network) -> tuple[str, int, str]:
    try:
        parts = urlsplit(url)
        port = parts.port or 443
    except ValueError as cause:
        raise refused(f"not an address: {url[:200]!r}") from cause
    if parts.scheme != "https":
        raise refused(f"not https: {url[:200]!r}")
    if parts.username is not None or parts.password is not None or port != 443:
        raise refused(f"credentials or a port in the address: {url[:200]!r}")
    if parts.hostname not in network.hosts:
        raise refused(f"host {parts.hostname!r} is not listed")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not target.isascii() or not target.isprintable() or " " in target:
        raise refused(f"characters that do not belong in an address: {url[:200]!r}")
    return parts.hostname, port, target


def _connected(host: str, port: int, network: Network, deadline: float) -> socket.socket:
    why = "no address"
    for address in _addresses(host, port, network, deadline):
        try:
            return network.connect(host, address, port, max(0.01, deadline - time.monotonic()))
        except OSError as cause:
            why = str(cause)
    raise unreachable(f"no connection to {host}: {why}")


def _addresses(host: str, port: int, network: Network, deadline: float) -> list[str]:
    addresses: list[str] = []
    faults: list[Exception] = []

    def look_up() -> None:
        try:
            addresses.extend(network.resolve(host, port))
        except (OSError, UnicodeError) as cause:
            faults.append(cause)

    # Name resolution has no timeout of its own.
    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(max(0.01, deadline - time.monotonic()))
    if faults or thread.is_alive() or not addresses:
        raise unreachable(f"cannot resolve {host}: {faults[0] if faults else 'no answer'}")
    for text in addresses:
        if not is_public(ipaddress.ip_address(text)):
            raise refused(f"{host} resolves to {text}, which is not a public address")
    return addresses


def _body(response: http.client.HTTPResponse, size: int, report: Callable[[int], None]) -> bytes:
    stated = response.headers.get("Content-Length")
    if stated is not None and stated != str(size):
        raise refused(f"the server states {stated[:20]} bytes, expected {size}")
    data = bytearray()
    while block := response.read1(_BLOCK):
        data += block
        report(len(data))
        if len(data) > size:
            raise refused(f"more than the expected {size} bytes")
    if len(data) < size:
        raise http.client.IncompleteRead(bytes(data), size - len(data))
    return bytes(data)


def fetch(
    name: str,
    folder: Path | None = None,
    *,
    report: Callable[[Progress], None] = lambda progress: None,
    network: Network | None = None,
) -> None:
    """Brings all files of corpus `name` into `folder`, those that are there and right excepted.

    Args:
        name: a corpus, or a task that reads one.
        folder: the data folder; `corpus.destination()` by default.
        report: called with every step.
        network: means and limits of the transfer; by default the real ones.

    Raises:
        TaskError: T101 unknown name, and as `bring`.
    """
    directory = folder if folder is not None else corpus.destination()
    bring(corpus.named(name), directory, network if network is not None else Network(), report)


def bring(
    known: Corpus,
    folder: Path,
    network: Network,
    report: Callable[[Progress], None] = lambda progress: None,
) -> None:
    """As `fetch`, for a corpus that need not be in the table.

    Raises:
        TaskError: T105 no mirror gave the file (each is named with the reason); T106 the folder
            cannot be written; T104 a derived file came out wrong.
    """
    for file in known.files:
        if _is_here(folder, file):
            report(Progress(file.path, file.size, file.size, "present"))
            continue
        data = _derived(known, folder, file) if file.rule else _mirrored(file, network, report)
        _write(folder / file.path, data)
        report(Progress(file.path, file.size, file.size, "written"))


def _is_here(folder: Path, file: File) -> bool:
    if not (folder / file.path).is_file():
        return False
    try:
        corpus.read(folder, file)
    except TaskError:
        return False
    return True


def _derived(known: Corpus, folder: Path, file: File) -> bytes:
    origin = next(other for other in known.files if other.path == file.origin)
    data = derive.RULES[file.rule or ""](corpus.read(folder, origin))
    fault = file.fault(data)
    if fault is not None:
        raise TaskError("T104", f"{file.path} derived from {origin.path} came out wrong: {fault}")
    return data


def _mirrored(file: File, network: Network, report: Callable[[Progress], None]) -> bytes:
    reasons: list[str] = []
    offline = True
    for url in file.urls:
        report(Progress(file.path, 0, file.size, "fetching"))
        try:
            data = download(
                url,
                file.size,
                network,
                lambda done: report(Progress(file.path, done, file.size, "fetching")),
            )
            fault = file.fault(data)
            if fault is not None:
                raise refused(fault)
        except TaskError as reason:
            offline = offline and reason.code == "T108"
            reasons.append(f"{url}: {reason.message}")
            report(Progress(file.path, 0, file.size, reason.message))
        else:
            return data
    raise TaskError(
        "T105",
        f"no mirror gave {file.path}\n  " + "\n  ".join(reasons),
        ("this machine seems to be offline: " if offline else "")
        + f"download {file.path} elsewhere ({file.size} bytes, SHA-256 {file.sha256}), put it below "
        "a folder, set GATEWRIGHT_DATA to that folder and fetch again: what is there is kept; "
        f"without download: {', '.join(corpus.WITHOUT_DOWNLOAD)}",
    )


def _write(path: Path, data: bytes) -> None:
    """Writes `data` so that `path` is either absent or whole, through a power cut too."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _removed_on_failure(partial), partial.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
            partial.replace(path)
        descriptor = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as cause:
        raise TaskError(
            "T106",
            f"cannot write {path}: {cause.strerror or cause}",
            "free some space, or set GATEWRIGHT_DATA to a folder that can be written",
        ) from cause


@contextlib.contextmanager
def _removed_on_failure(path: Path) -> Generator[None]:
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise
