"""What the dashboard refuses before anything else sees it, and what it tells browsers to refuse."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cells.error import SingleCodeError

NAMES: Final = ("localhost", "127.0.0.1", "[::1]")
"""Names by which a browser may ask for us, beside those under `localhost`, which nobody can own. Any
other is a foreign page that had its own name point here (DNS rebinding), unless it is that of a
proxy which the user has named. The port is left open: an SSH tunnel has its own."""

_NAME: Final = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,62})\.){0,30}[a-z0-9_][a-z0-9_-]{0,62}")
_SEGMENTS: Final = re.compile(r"(?:/[^/?#\\\x00-\x20\x7f]+)*")

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:;"
    " connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""Our own scripts from files only; styles also inline, which drawings and charts need."""

_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class ProxyError(SingleCodeError):
    """A name or a path of a proxy that cannot be of any."""

    CODE = "proxy"


@dataclass(frozen=True, slots=True)
class Proxy:
    """What is between the browser and us.

    Attributes:
        root_path: what it leaves before our own paths, such as "/user/ada/proxy/absolute/8642";
            "" where it takes its prefix away.
        names: hosts that it hands on, in lower case and without a port.
    """

    root_path: str = ""
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, root_path: str, names: Sequence[str]) -> "Proxy":
        """The proxy with that path and those names, as a person writes them.

        Raises:
            ProxyError: no path, or a host with more to it than its name.
        """
        path = "/" + root_path.strip("/") if root_path.strip("/") else ""
        if not _SEGMENTS.fullmatch(path) or {"..", "."} & set(unquote(path).split("/")):
            raise ProxyError(
                f"root path {root_path!r}: expected a path such as /user/ada/proxy/absolute/8642",
                "give --root-path what stands between the host and the page, or leave it out",
            )
        hosts = tuple(name.lower().removesuffix(".") for name in names)
        for name, host in zip(names, hosts, strict=True):
            if not _NAME.fullmatch(host):
                raise ProxyError(
                    f"host name {name!r}: expected a name such as hub.example.org",
                    "give --host-name without https://, port, path or wildcard; repeat it for another",
                )
        return cls(unquote(path), hosts)


class Guard:
    """Lets through GET and HEAD that name this machine or its proxy, without the proxy's path, and
    adds headers to every answer.
    """

    def __init__(self, app: ASGIApp, proxy: Proxy) -> None:
        self._app = app
        self._proxy = proxy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers or passes on one request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        answer: ASGIApp = self._refusal(scope) or self._app
        root = self._proxy.root_path
        if answer is self._app and root:
            if scope["path"] == root:
                # Links count from the slash at the end.
                last = scope["raw_path"].rpartition(b"/")[2].decode("ascii", "replace")
                answer = RedirectResponse(f"./{last}/")
            elif scope["path"].startswith(root + "/"):
                rest = scope["raw_path"].split(b"/", root.count("/") + 1)[-1]
                path = scope["path"].removeprefix(root)
                scope = {**scope, "path": path, "raw_path": b"/" + rest}
        await answer(scope, receive, sent)

    def _refusal(self, scope: Scope) -> Response | None:
        if scope["method"] not in ("GET", "HEAD"):
            return PlainTextResponse("only GET and HEAD\n", 405, {"Allow": "GET, HEAD"})
        host = _host(Headers(scope=scope).get("host", ""))
        name = host.removesuffix(".")
        if host in NAMES or (
            _NAME.fullmatch(name)
            and (name in ("localhost", *self._proxy.names) or name.endswith(".localhost"))
        ):
            return None
        expected = ", ".join((*NAMES, *self._proxy.names))
        named = name if _NAME.fullmatch(name) else "NAME"
        return PlainTextResponse(
            f"expected a Host of {expected}. If this came through a proxy of yours, start"
            f" `gatewright dashboard` with --host-name {named}\n",
            421,
        )


def _host(header: str) -> str:
    """The name in a Host header, without its port."""
    name, colon, port = header.rpartition(":")
    return (name if colon and port.isascii() and port.isdigit() else header).lower()
