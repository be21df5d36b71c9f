"""Progress for people: a live display on a terminal, plain lines elsewhere, silence with `--json`.

All of it goes to standard error, so that standard output holds results alone.
"""

import sys
import time
from collections import Counter
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.console import Group
    from rich.live import Live
    from rich.progress import Progress, TaskID

    from cells.engine.run import Point
    from results.ask import Ask
    from results.outcome import Outcome
    from results.study import Study
    from search.progress import Progress as SearchProgress
    from tasks.task import Facts


class TrainDisplay:
    """Progress of one training: updates, rate, losses, time left.

    Used as a context manager; `update` is called after each epoch.
    """

    def __init__(self, title: str, facts: "Facts", *, quiet: bool) -> None:
        self._title = title
        self._accurate = facts.metric == "accuracy"
        self._quiet = quiet
        self._live: Progress | None = None
        self._task: TaskID | None = None
        self._best = float("inf")
        self._start = time.monotonic()

    def __enter__(self) -> Self:
        if self._quiet:
            return self
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            self._live = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.completed:,.0f}/{task.total:,.0f} updates  {task.fields[state]}"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
            )
            self._live.start()
            self._task = self._live.add_task(self._title, total=None, state="first epoch")
        else:
            print(f"training {self._title}", file=sys.stderr, flush=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def update(self, point: "Point", done: int, total: int) -> None:
        """Shows the epoch that has just ended; `total` is the most updates there can be."""
        self._best = min(self._best, point.valid_loss)
        measured = (
            f"accuracy {point.valid_accuracy:.4f}" if self._accurate else f"best {self._best:.4f}"
        )
        state = f"rate {point.rate:.3g}  train {point.train_loss:.4f}  valid {point.valid_loss:.4f}  {measured}"
        if self._live is not None and self._task is not None:
            self._live.update(self._task, completed=done, total=total, state=state)
        elif not self._quiet:
            seconds = time.monotonic() - self._start
            print(
                f"{done:>8,}/{total:,} updates  {seconds:6.0f} s  {state}",
                file=sys.stderr,
                flush=True,
            )


class SearchDisplay:
    """An `Observer` of the driver: what runs now, done of total, best so far, time left.

    On a terminal one live panel; elsewhere one line at most every `seconds`, and one for each event.
    """

    def __init__(
        self,
        study: "Study",
        facts: Iterable["Facts"],
        slots: int,
        *,
        quiet: bool,
        seconds: float = 5.0,
    ) -> None:
        self._study = study
        self._slots = slots
        self._quiet = quiet
        self._every = seconds
        self._printed = float("-inf")
        self._lower = {one.name: one.metric == "loss" for one in facts}
        self._counts: Counter[str] = Counter()
        self._names = _zoo_names()
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if not self._quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.live import Live

            self._live = Live(console=Console(stderr=True), refresh_per_second=4, transient=True)
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def on_ask(self, ask: "Ask", progress: "SearchProgress") -> None:
        """Counts the rejections that came to light, and refreshes."""
        self._counts.update(str(one.cause) for one in ask.rejections)
        self._counts["admitted"] += len(ask.admissions)
        self._refresh(progress)

    def on_outcome(self, ask: "Ask", outcome: "Outcome", progress: "SearchProgress") -> None:
        """Refreshes."""
        self._counts[f"{ask.role} done"] += 1
        if outcome.ending == "diverged":
            self._counts["diverged"] += 1
        self._refresh(progress)

    def on_event(self, kind: str, detail: str, progress: "SearchProgress") -> None:
        """Says what happened."""
        if not self._quiet:
            self._say(f"{kind}: {detail}")

    def _refresh(self, progress: "SearchProgress") -> None:
        if self._quiet:
            return
        if self._live is not None:
            self._live.update(self._panel(progress))
            return
        now = time.monotonic()
        if now - self._printed >= self._every:
            self._printed = now
            self._say(self._line(progress))

    def _say(self, line: str) -> None:
        if self._live is not None:
            self._live.console.print(line, markup=False, highlight=False)
        else:
            print(line, file=sys.stderr, flush=True)

    def _line(self, progress: "SearchProgress") -> str:
        best = "  ".join(
            f"{task} {best.value:.4f} ({self._name(best.cell_id)})"
            for task, best in progress.best.items()
        )
        return (
            f"{progress.done}/~{progress.total} trials  {progress.proposed}/{self._study.proposals} cells proposed"
            f"  {_clock(progress.seconds)} gone, {_clock(_left(progress))} left  best: {best or '-'}"
        )

    def _name(self, cell_id: str) -> str:
        return self._names.get(cell_id, cell_id)

    def _panel(self, progress: "SearchProgress") -> "Group":
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        head = Table.grid(padding=(0, 2))
        head.add_row(
            Text(f"{self._study.name}", style="bold"),
            ProgressBar(total=max(progress.total, 1), completed=progress.done, width=30),
            f"{progress.done}/~{progress.total} trials",
            f"{progress.proposed}/{self._study.proposals} cells",
            f"{_clock(progress.seconds)} gone, {_clock(_left(progress))} left",
        )
        running = Table.grid(padding=(0, 2))
        for ask in progress.running[: self._slots]:
            if ask.trial is not None:
                made = ", ".join(ask.operators) or "baseline"
                running.add_row(
                    "now",
                    str(ask.role),
                    ask.trial.task,
                    self._name(ask.trial.cell_id),
                    Text(made, style="dim"),
                )
        best = Table.grid(padding=(0, 2))
        for task, one in progress.best.items():
            unit = "loss" if self._lower.get(task) else "accuracy"
            best.add_row("best", task, f"{unit} {one.value:.4f}", self._name(one.cell_id))
        turned = ", ".join(
            f"{name} {count}" for name, count in sorted(self._counts.items()) if count
        )
        return Group(head, running, best, Text(turned, style="dim"))


def _left(progress: "SearchProgress") -> float:
    """Seconds left, from the pace of this run; what came from the record took no time."""
    ran = progress.done - progress.recorded
    return progress.seconds / ran * (progress.total - progress.done) if ran > 0 else 0.0


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _zoo_names() -> dict[str, str]:
    from cells import identity, zoo

    return {identity(zoo.load(name)): name for name in zoo.names()}
