"""The command `gatewright`. Heavy imports stay inside the commands, so that `--help` is instant."""

import json
import os
import shlex
import sys
from typing import Annotated, Any

import typer

from cells.error import CellError, GatewrightError
from search.commands import ancestors, bench, cells, data, tasks
from search.commands.doctor import doctor
from search.commands.export import export
from search.commands.record import publication
from search.commands.record.dashboard import dashboard
from search.commands.record.export import export as export_record
from search.commands.record.leaderboard import leaderboard, report
from search.commands.sample import sample
from search.commands.study.compare import compare
from search.commands.study.reproduce import reproduce
from search.commands.study.search import search
from search.commands.train import train
from search.commands.tune import tune
from search.console import (
    DONE,
    INTERRUPTED,
    USAGE,
    WRONG,
    escape_what_cannot_be_shown,
    note,
    typed,
    version,
)
from search.error import StoppedError

app = typer.Typer(
    help="Architecture search over gated recurrent cells: propose, screen, train, compare.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        print(version())
        raise typer.Exit


@app.callback()
def program(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", callback=_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Architecture search over gated recurrent cells: propose, screen, train, compare."""


app.command()(doctor)
cells.app.command()(export)
app.add_typer(cells.app, name="cells")
app.add_typer(tasks.app, name="tasks")
app.add_typer(data.app, name="data")
app.command()(train)
app.command()(sample)
app.command()(tune)
app.add_typer(ancestors.app, name="ancestors")
app.command()(compare)
app.command()(search)
app.command()(reproduce)
app.command()(leaderboard)
app.command()(report)
app.command()(dashboard)
app.command("export")(export_record)
app.command()(publication.publish)
app.command()(publication.restore)
app.command()(publication.verify)
app.add_typer(bench.app, name="bench")


def main() -> None:
    """Runs the command line and exits with its code."""
    # Our figures are files. A notebook hands its backend on, which cannot be loaded elsewhere.
    os.environ["MPLBACKEND"] = "Agg"
    escape_what_cannot_be_shown()
    code = run(sys.argv[1:])
    nodes = sys.modules.get("search.run.cluster.nodes")  # only where Ray was used
    if nodes is not None and nodes.abandoned:
        nodes.end_process(code)
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """The exit code of one command line. Every expected misfortune becomes one clear message."""
    try:
        code = app(arguments, prog_name="gatewright", standalone_mode=False)
        if code == INTERRUPTED:  # what Typer makes of a KeyboardInterrupt
            raise KeyboardInterrupt
        sys.stdout.flush()
    except (KeyboardInterrupt, typer.Abort):
        return _fail(INTERRUPTED, StoppedError("to run it again:"), arguments)
    except (BrokenPipeError, SystemExit) as error:
        if not isinstance(error.__context__ or error, BrokenPipeError):
            raise
        # Whoever read has read enough, as `head` does (Typer makes a SystemExit of it). The rest
        # goes nowhere, also at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:
        return _fail(_code(error), error, arguments)
    return code if isinstance(code, int) else DONE


def _code(error: Exception) -> int:
    """The exit code of an expected error; anything else is a fault of ours and raised again."""
    from typer.exceptions import TyperException

    if isinstance(error, GatewrightError):
        return error.exit_code
    if isinstance(error, TyperException):
        return USAGE
    if isinstance(error, OSError):
        return WRONG
    error.add_note("This is a fault of Gatewright: please report it with the command you ran.")
    raise error


def _fail(code: int, error: Exception, arguments: list[str]) -> int:
    """Prints an error for people, and with `--json` as the document too."""
    if isinstance(error, StoppedError):
        error.again = error.again or typed(shlex.join(["gatewright", *arguments]))
    parts = _parts(error)
    if "--json" in arguments:
        print(json.dumps({"error": parts}, indent=2))
    note(_words(error, parts))
    return code


def _parts(error: Exception) -> dict[str, Any]:
    """What is said about an error: `kind`, `message`, and where there is one a stable `code`, ..."""
    from typer.exceptions import TyperException

    parts: dict[str, Any] = {"kind": type(error).__name__}
    if isinstance(error, GatewrightError):
        parts |= {"code": error.code, "message": error.message, "expected": error.expected}
        parts |= {"hint": error.hint}
        if isinstance(error, CellError):
            parts |= {"line": error.line, "column": error.column, "file": "".join(_notes(error))}
        else:
            parts |= {"again": getattr(error, "again", "".join(_notes(error)))}
    elif isinstance(error, TyperException):
        said = error.format_message()
        if "\n" in said:  # the whole help, for a command that was given no words
            return parts | {"message": said}
        context = getattr(error, "ctx", None)
        path = context.command_path if context else "gatewright"
        said = (said[:1].lower() + said[1:]).removesuffix(".").replace("(Possible", "(possible")
        parts |= {"code": "usage", "message": said, "hint": f"see `{path} --help`"}
    elif isinstance(error, OSError):
        prefix = f"{error.filename}: " if error.filename else ""
        parts |= {"code": "system", "message": f"{prefix}{error.strerror or error}"}
    return {key: value for key, value in parts.items() if value}


def _words(error: Exception, parts: dict[str, Any]) -> str:
    """The same on a few lines, all but the first indented."""
    if isinstance(error, CellError):
        file = "".join(f"{path}: " for path in _notes(error) if error.line)
        return "\n  ".join(f"{file}{error}".splitlines())
    if isinstance(error, StoppedError):
        return f"interrupted: {error.message}\n  {error.again}"
    lines = [": ".join(parts[key] for key in ("code", "message") if key in parts)]
    lines += [f"  hint: {parts['hint']}"] if "hint" in parts else []
    lines += [f"  then go on with:\n    {parts['again']}"] if "again" in parts else []
    return "\n".join(lines)


def _notes(error: Exception) -> list[str]:
    """What was added on the way: the file of a cell, the command that goes on with a search."""
    return getattr(error, "__notes__", [])
