"""A reverse proxy as notebooks and editors have it: everything of ours is below a path of its own."""

import contextlib
import socket
import threading
from collections.abc import Generator
from socketserver import StreamRequestHandler, ThreadingTCPServer

PREFIX = "/user/a%20b/proxy/8642"


class _Server(ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


@contextlib.contextmanager
def proxying(port: int, *, stripping: bool) -> Generator[int]:
    """The port of a proxy before a dashboard's port, which answers below `PREFIX` and nowhere else.

    It hands on the Host that it was asked for, and the path without `PREFIX` if it is `stripping`.
    """

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            method, path, version = self.rfile.readline().decode("ascii").split()
            headers = [line for line in iter(self.rfile.readline, b"\r\n") if line]
            if path != PREFIX and not path.startswith(f"{PREFIX}/"):
                self.wfile.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                return
            if stripping:
                path = path.removeprefix(PREFIX) or "/"
            kept = [line for line in headers if not line.lower().startswith(b"connection:")]
            with socket.create_connection(("127.0.0.1", port)) as behind:
                first = f"{method} {path} {version}\r\n".encode("ascii")
                behind.sendall(b"".join([first, *kept, b"Connection: close\r\n\r\n"]))
                # Whoever asked, or the dashboard, may leave in the middle of a stream.
                with contextlib.suppress(ConnectionError):
                    while piece := behind.recv(2**16):
                        self.wfile.write(piece)

    with _Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()
