"""All codes of errors, whoever raises them: what each means, the exit code, whether a search can go on.

Exit code 1 is for what failed, 2 for what was wrongly asked for, 130 for an interrupt. The rows of cells
are in `cells.fault`; each of the others is the kind that the message of an error is an example of.
"""

from typing import Final

from cells.fault import FAULTS, Fault


def _asked(code: str, message: str, *examples: str) -> Fault:
    """Something was wrongly asked for; the same command would fail again."""
    return Fault(code, message, examples=examples, how="command", exit_code=2)


def _failed(code: str, message: str, *examples: str, resumable: bool = True) -> Fault:
    """Something failed; a search goes on once the cause is gone."""
    return Fault(code, message, examples=examples, how="command", exit_code=1, resumable=resumable)


def _for_good(code: str, message: str, *examples: str) -> Fault:
    """Something failed and would fail again, whatever is done about this machine."""
    return _failed(code, message, *examples, resumable=False)


_ENGINE: Final = (
    _failed("no-compiler", "no C compiler is on this machine"),
    _failed("compile-failed", "the C compiler could not make the native runtime"),
    _failed("load-failed", "the native runtime cannot be loaded"),
    _failed("no-bfloat16", "compiler or CPU has no products in bfloat16"),
    _failed("not-portable", "this machine has not the instructions of the portable executor"),
    _asked(
        "width",
        "no width meets the budget of parameters",
        "train gru memorization --scale smoke --parameters 10",
    ),
    _for_good("metric", "no metric has this name, or another one has it"),
    _for_good("model.file", "the file holds no model that can be used"),
)

_TASKS: Final = (
    _asked("T001", "no task has this name", "train gru memorizaton", "tasks show memory"),
    _asked("T002", "no scale has this name", "train gru memorization --scale big"),
    _asked("T003", "the task has no numbers at this scale"),
    _for_good("T004", "the numbers of a task at a scale do not fit"),
    _for_good("T005", "the data is too short to be cut into lanes"),
    _asked("T101", "no corpus has this name", "data fetch nothing"),
    _failed(
        "T102",
        "the corpus is not on this machine",
        "train gru ptb --scale smoke",
        "train gru jsb --scale smoke",
    ),
    _failed("T103", "a file of the corpus cannot be read"),
    _failed("T104", "a file is not the one that results are recorded for"),
    _failed("T105", "no mirror gave the file"),
    _failed("T106", "a file of the corpus cannot be written"),
    _failed("T107", "a mirror gave another file"),
    _failed("T108", "a mirror does not answer"),
    _failed("T109", "Python was installed without the texts of its help"),
    _asked("T110", "the music cannot be written as sound, or lasts too long"),
)

_RECORD: Final = (
    _asked(
        "missing",
        "there is no such file, study or trial in the record",
        "leaderboard gone.sqlite",
        "cells show nothing --store gone.sqlite",
    ),
    _asked("not-a-store", "the file is something else"),
    _asked("taken", "a file of that name is there already"),
    _for_good("differs", "what is published in the folder is of another store"),
    _for_good("newer", "a newer Gatewright wrote the file"),
    _failed("lost", "the file was deleted, moved or replaced while it was written"),
    _for_good("overwritten", "another program wrote into the file while it was written"),
    _for_good("foreign-log", "the log beside the file is of another store"),
    _for_good("incomplete", "the file was copied without its log and lock"),
    _failed("busy", "another driver holds the store"),
    _failed("superseded", "a later driver has taken over"),
    _failed("read-only", "file or folder may not be written"),
    _failed("disk-full", "no room left, or a size limit was met"),
    _failed("input-output", "the disk or file system failed"),
    _for_good("damaged", "the file is not whole"),
    _for_good("order", "a write or a question that does not continue the history"),
    _for_good("not-finite", "a number is NaN or infinite"),
    _for_good("too-large", "a number or a table is larger than can be kept or read"),
    _failed("mixed-sources", "the four packages come from different folders"),
    _failed("sqlite", "SQLite is too old or refused for another reason"),
    _for_good("claims", "a file of claims is missing or does not read"),
    _asked("absent", "what the URL names is not in the store"),
    _asked("filter", "an invalid filter in the URL"),
    _asked("port", "the port of the dashboard cannot be had"),
    _asked("proxy", "a proxy of the dashboard has no such name or path"),
)

_SEARCH: Final = (
    _asked("usage", "the command line asks for something that cannot be", "search quick --store ."),
    Fault("interrupted", "the user stopped a long command", exit_code=130, resumable=True),
    _asked("study.unknown", "no study has this name", "search quik"),
    _asked("study.file", "the file of the study cannot be read", "search gone.toml"),
    _asked("study.syntax", "the file of the study is not TOML"),
    _asked(
        "study.key", "a key of the study is unknown or missing", "search smoke --set proposal=3"
    ),
    _asked("study.value", "a value of the study does not fit", "search smoke --set proposals=x"),
    _asked("study.override", "an override is not key=value", "search smoke --set proposals"),
    _asked(
        "findings.unknown",
        "no findings or no scale of findings has this name",
        "reproduce gate",
        "reproduce gates --scale big",
    ),
    _for_good("baseline", "no setting of a baseline trained, so nothing can be compared with it"),
    _for_good("facts", "a strategy was not told of a task that its study needs"),
    _for_good("resume.differs", "the code or the study changed since the search began"),
    _for_good("resume.engine", "another engine recorded the study: it can be read and not resumed"),
    _for_good("estimate", "a study without bounds on a task that is not here has no price"),
    _failed("pool.cpus", "the cluster has no CPU"),
    _failed("pool.room", "no slot has room for another job"),
    _failed("pool.start", "workers or Ray do not start"),
    _failed("pool.ray", "Ray is too old"),
    _failed("pool.busy", "this process uses Ray already"),
    _failed("pool.join", "no cluster answers at the address", "search smoke --address 127.0.0.1:1"),
    _failed("pool.loopback", "Ray would listen beyond this machine"),
    _failed("pool.sources", "a worker runs other sources than the driver"),
    _failed("pool.unfit", "no machine of the cluster can run the trials of the study"),
    _failed("pool.lost", "the cluster has died under the search"),
    _failed("slot.unfit", "this machine lacks what the trials of the study need"),
    _failed("slot.guard", "a trial took more time or memory than the guards of the driver allow"),
    _failed("trial.poison", "a trial took down every worker that it was tried in"),
    _failed("slot.memory", "a trial needs more memory than the machine has"),
    _for_good("ancestor.diverged", "the training of an ancestor diverged"),
    _for_good("model.output", "a model's output is not finite"),
    _failed("bench.native", "the executor that is to be measured cannot run here"),
    _failed("onnx.missing", "the package onnx is not installed"),
    _failed("parquet.missing", "the package pyarrow is not installed"),
    _failed("importance.missing", "the package scikit-learn is not installed"),
)

ERRORS: Final[dict[str, Fault]] = FAULTS | {
    row.code: row for row in (*_ENGINE, *_TASKS, *_RECORD, *_SEARCH)
}
"""The table by code."""
