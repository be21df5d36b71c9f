"""The command `gatewright`. Heavy imports stay inside the commands, so that `--help` is instant."""

import json
import sys
from typing import Any

import typer

from search.commands import cells
from search.console import DONE, INTERRUPTED, USAGE, WRONG, Interrupted, UsageError, note

app = typer.Typer(
    help="Architecture search over gated recurrent cells: propose, screen, train, compare.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(cells.app, name="cells")


def main() -> None:
    """Runs the command line and exits with its code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """The exit code of one command line. Every expected misfortune becomes one clear message."""
    try:
        code = app(arguments, prog_name="gatewright", standalone_mode=False)
    except Interrupted as stop:
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
        return USAGE, f"{message}\n  hint: gatewright --help lists the commands, gatewright COMMAND --help the options"
    if isinstance(error, CellError):
        return USAGE, str(error)
    if isinstance(error, TaskError | StoreError | SearchError):
        return WRONG, str(error)
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return WRONG, f"{place}{error.strerror or error}"
    raise error
