"""`gatewright dashboard`: the live page over a store."""

import json as json_text
import socket
import webbrowser
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from cells.user import user_name
from search.commands.record.leaderboard import StoreArgument
from search.console import DONE, Json, note

if TYPE_CHECKING:
    from results.statistics.sensitivity import Importance, Selection


def dashboard(
    store: StoreArgument,
    port: Annotated[
        int,
        typer.Option(help="Port on the loopback address; 0 takes a free one.", min=0, max=65535),
    ] = 8642,
    root_path: Annotated[
        str,
        typer.Option(
            help="Path that a proxy leaves before ours, such as /user/ada/proxy/absolute/8642.",
            metavar="PREFIX",
        ),
    ] = "",
    host_name: Annotated[
        list[str] | None,
        typer.Option(
            help="Host name of a proxy, such as hub.example.org; can be repeated.", metavar="NAME"
        ),
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Also open it in a browser.")] = False,
    json: Json = False,
) -> int:
    """Show a search live in a browser, read-only, on this machine only. Stop it with Ctrl-C."""
    from results.dashboard.guard import Proxy
    from results.dashboard.serve import serve

    proxy = Proxy.of(root_path, host_name or ())

    def ready(taken: int) -> None:
        url = f"http://localhost:{taken}/"
        tunnel = f"ssh -L {taken}:localhost:{taken} {user_name()}@{socket.gethostname()}"
        if json:
            print(json_text.dumps({"url": url, "ssh": tunnel}, indent=2), flush=True)
        else:
            print(f"{store} is at {url}", flush=True)
            note(f"from another machine: {tunnel}, then open the same address there")
            for name in proxy.names:
                note(f"also answers to {name}, which a proxy on this machine hands on")
            note("read-only; stop it with Ctrl-C")
        if open_:
            webbrowser.open(url)

    serve(store, port, ready, _importances, proxy)
    return DONE


def _importances(selections: "Sequence[Selection]") -> "Sequence[Importance]":
    """Those of Optuna, which takes a second and memory to import and so waits until it is asked for."""
    from search.settings.importance import importances

    return importances(selections)
