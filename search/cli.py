"""The command `gatewright`. Heavy imports stay inside the commands, so that `--help` is instant."""

import json
import sys
from typing import Any

import typer

from search.commands import bench, cells, data, record, study, tasks
from search.commands.doctor import doctor
from search.commands.train import train
from search.commands.tune import tune
from search.console import DONE, INTERRUPTED, USAGE, WRONG, StoppedError, UsageError, note

WRONG_ARGUMENTS = frozenset(
    {
        *("T001", "T002", "T003", "T101"),  # unknown task, scale or corpus
        *(
            "study.unknown",
            "study.file",
            "study.syntax",
            "study.key",
            "study.value",
            "study.override",
        ),
    }
)
"""Codes of errors that a better command line would avoid."""

app = typer.Typer(
    help="Architecture search over gated recurrent cells: propose, screen, train, compare.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(doctor)
app.add_typer(cells.app, name="cells")
app.add_typer(tasks.app, name="tasks")
app.add_typer(data.app, name="data")
app.command()(train)
app.command()(tune)
app.command()(study.search)
app.command()(record.leaderboard)
app.command()(record.report)
app.command()(record.export)
app.add_typer(bench.app, name="bench")


def main() -> None:
    """Runs the command line and exits with its code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """The exit code of one command line. Every expected misfortune becomes one clear message."""
    try:
        code = app(arguments, prog_name="gatewright", standalone_mode=False)
    except StoppedError as stop:
        note(str(stop))
        return INTERRUPTED
    except (KeyboardInterrupt, typer.Abort):
        note("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return DONE
    except Exception as error:
        code, message = _explain(error)
        if "--json" in arguments:
            document: dict[str, Any] = {"error": {"kind": type(error).__name__, "message": message}}
            print(json.dumps(document, indent=2))
        note(message)
        return code
    return code if isinstance(code, int) else DONE


def _explain(error: Exception) -> tuple[int, str]:
    """Exit code and message of an expected error; anything else is ours and is raised again."""
    from typer.exceptions import TyperException

    from cells.error import CellError
    from results.error import StoreError
    from search.error import SearchError
    from tasks.task import TaskError

    if isinstance(error, TyperException | UsageError):
        message = getattr(error, "format_message", error.__str__)()
        return (
            USAGE,
            f"{message}\n  hint: gatewright --help lists the commands, gatewright COMMAND --help the options",
        )
    if isinstance(error, CellError):
        return USAGE, str(error)
    if isinstance(error, TaskError | StoreError | SearchError):
        return USAGE if error.code in WRONG_ARGUMENTS else WRONG, str(error)
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return WRONG, f"{place}{error.strerror or error}"
    raise error
