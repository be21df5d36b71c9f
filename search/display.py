"""Progress for people: a live display on a terminal, plain lines elsewhere, silence with `--json`.

All of it goes to standard error, so that standard output holds results alone.
"""

import sys
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from cells.training.metric import LOSS
from results.label import baseline_id, label
from results.leaderboard.board import SELECTION
from results.record.outcome import Ending
from search.console import measure
from search.progress import SHOWN

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

    from cells.engine.batch import Batch
    from cells.training.point import Point
    from results.record.ask import Ask
    from results.record.outcome import Outcome
    from results.record.study import Study
    from search.progress import Progress
    from tasks.task import Facts, Split, Task

WIDTH = 100
"""Columns of the panel at most; on a wide terminal a longer bar says nothing more."""


class Display(ABC):
    """A panel that is drawn again and again on a terminal, or lines elsewhere, or nothing.

    Used as a context manager. The panel disappears at the end: what counts is printed afterwards.
    """

    def __init__(self, *, quiet: bool, seconds: float) -> None:
        self._quiet = quiet
        self._every = seconds
        self._printed = float("-inf")
        self._waiting = False
        self._start = time.monotonic()
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if not self._quiet and sys.stderr.isatty():
            from rich.live import Live

            self._live = Live(
                console=_console(),
                get_renderable=self._bounded,
                refresh_per_second=4,
                transient=True,
                redirect_stdout=False,
            )
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
        elif self._waiting and error is None:
            # The last line may have been too soon after the one before.
            self.say(self.line())

    @abstractmethod
    def panel(self) -> "RenderableType":
        """What is to be seen at this moment."""

    @abstractmethod
    def line(self) -> str:
        """The same on one line."""

    def say(self, words: str) -> None:
        """Prints a line that stays."""
        if self._live is not None:
            self._live.console.print(words, markup=False, highlight=False, soft_wrap=True)
        elif not self._quiet:
            print(words, file=sys.stderr, flush=True)

    def refresh(self, sooner: float = 1.0) -> None:
        """Prints the line if the last is long enough ago, `sooner` times that. Panels tick themselves."""
        if self._quiet or self._live is not None:
            return
        now = time.monotonic()
        self._waiting = now - self._printed < self._every * sooner
        if not self._waiting:
            self._printed = now
            self.say(self.line())

    def _bounded(self) -> "RenderableType":
        from rich.constrain import Constrain

        # Room for the ^C that a terminal echoes: a line that it wraps would not be erased.
        room = self._live.console.width - 4 if self._live is not None else WIDTH
        return Constrain(self.panel(), max(20, min(WIDTH, room)))


class TrainDisplay(Display):
    """Progress of one training: updates, time left, rate, losses, the best epoch."""

    def __init__(self, title: str, facts: "Facts", total: int, *, quiet: bool) -> None:
        super().__init__(quiet=quiet, seconds=5.0)
        self._printed = self._start
        self._title = title
        self._metric = facts.metric
        self._total = total
        self._done = 0
        self._phase = "training"
        self._points: list[Point] = []

    def __enter__(self) -> Self:
        self.say(f"training {self._title}")
        return super().__enter__()

    def watch(self, source: "Task") -> "Task":
        """The same task, which tells this display of every window that is drawn from it."""
        return _Watched(source, self)

    def draw(self, split: "Split") -> None:
        """Counts a window of `split`."""
        self._phase = {"train": "training", "valid": "validating", "test": "testing"}[split]
        self._done += split == "train"
        self.refresh()

    def update(self, point: "Point", done: int) -> None:
        """Shows the epoch that has just ended."""
        self._done = done
        self._points.append(point)
        self.refresh(0.2 if len(self._points) > 1 else 0.0)  # an epoch is worth a line sooner

    def panel(self) -> "RenderableType":
        """Title, bar and time; the last epoch; the best one."""
        from rich.console import Group
        from rich.text import Text

        seconds = time.monotonic() - self._start
        end = f"{self._done:,} of {self._total:,} updates at most  {_times(seconds, self._done, self._total)}"
        rows = [("now", f"epoch {len(self._points) + 1}, {self._phase}")]
        if self._points:
            rows += [("last", self._words(len(self._points))), ("best", self._words(self._best()))]
        return Group(_head(self._title, self._done, self._total), Text(end), _rows(rows))

    def line(self) -> str:
        """Updates, time, and the last epoch."""
        seconds = time.monotonic() - self._start
        last = self._words(len(self._points)) if self._points else f"epoch 1, {self._phase}"
        return f"{self._done:,}/{self._total:,} updates  {_times(seconds, self._done, self._total)}  {last}"

    def _best(self) -> int:
        """The epoch with the lowest validation loss, whose weights are kept."""
        losses = [point.valid_loss for point in self._points]
        return losses.index(min(losses)) + 1

    def _words(self, epoch: int) -> str:
        point = self._points[epoch - 1]
        # The loss is shown in any case: it is what the best epoch is chosen by.
        judged = "" if self._metric == LOSS else f"  {self._metric.said(self._metric.at(point))}"
        return (
            f"epoch {epoch}  rate {point.rate:.3g}  train {measure(point.train_loss)}"
            f"  valid {measure(point.valid_loss)}{judged}"
        )


class UpdateDisplay(Display):
    """Progress of a training that knows no epochs: updates, time left, the loss of the last one."""

    def __init__(self, title: str, total: int, *, quiet: bool) -> None:
        super().__init__(quiet=quiet, seconds=5.0)
        self._printed = self._start
        self._title = title
        self._total = total
        self._done = 0
        self._loss: float | None = None

    def update(self, done: int, loss: float | None) -> None:
        """Shows that `done` updates are done, and the loss before the last one if it is known."""
        self._done, self._loss = done, loss
        self.refresh()

    def panel(self) -> "RenderableType":
        """Title, bar, and the line."""
        from rich.console import Group
        from rich.text import Text

        return Group(_head(self._title, self._done, self._total), Text(self.line()))

    def line(self) -> str:
        """Updates, time, and the last loss."""
        seconds = time.monotonic() - self._start
        loss = "" if self._loss is None else f"  loss {measure(self._loss)}"
        times = _times(seconds, self._done, self._total)
        return f"{self._done:,}/{self._total:,} updates  {times}{loss}"


class _Watched:
    """A task that tells a display of every window."""

    def __init__(self, source: "Task", display: TrainDisplay) -> None:
        self._source = source
        self._display = display

    @property
    def facts(self) -> "Facts":
        return self._source.facts

    def batches(
        self, split: "Split", epoch: int = 0, lanes: int | None = None
    ) -> "Iterator[Batch]":
        for batch in self._source.batches(split, epoch, lanes):
            yield batch
            self._display.draw(split)

    def sample(self, split: "Split", count: int) -> list[str]:
        return self._source.sample(split, count)


class SearchDisplay(Display):
    """An `Observer` of the driver: what runs now, done of total, best so far, time left.

    Args:
        study: what is run.
        facts: of its tasks.
        slots: trials that can run at once.
        turned: cells turned away in earlier runs, by cause.
        quiet: show nothing.
        seconds: between two lines where there is no terminal.
    """

    def __init__(
        self,
        study: "Study",
        facts: Iterable["Facts"],
        slots: int,
        turned: Mapping[str, int],
        *,
        quiet: bool,
        seconds: float = 5.0,
    ) -> None:
        super().__init__(quiet=quiet, seconds=seconds)
        self._study = study
        self._slots = slots
        self._metrics = {task.name: task.metric for task in facts}
        self._turned = Counter(turned)
        self._mishaps: Counter[str] = Counter()
        self._yardstick = baseline_id(study.baselines[-1])
        self._measured: dict[str, float] = {}
        self._progress: Progress | None = None
        self._at = time.monotonic()

    def on_ask(self, ask: "Ask", progress: "Progress") -> None:
        """Counts the rejections that came to light."""
        self._turned.update(str(rejection.cause) for rejection in ask.rejections)
        self._take(progress)

    def on_sent(self, ask: "Ask", progress: "Progress") -> None:
        """Shows it among what runs."""
        self._take(progress)

    def on_outcome(self, ask: "Ask", outcome: "Outcome", progress: "Progress") -> None:
        """Counts what went wrong, and keeps the best of the yardstick."""
        if outcome.ending is not Ending.OK:
            self._mishaps[str(outcome.ending)] += 1
        trial = ask.trial
        if trial and ask.role in SELECTION and trial.cell_id == self._yardstick:
            metric = self._metrics[trial.task]
            value = metric.of(outcome, "valid")
            if outcome.ending is Ending.OK and value is not None:
                best = self._measured.get(trial.task, value)
                self._measured[trial.task] = metric.best((best, value))
        self._take(progress)

    def on_event(self, kind: str, detail: str, progress: "Progress") -> None:
        """Says what happened; of the stop the command itself tells more."""
        if kind != "interrupted":
            self.say(f"{kind.replace('_', ' ')}: {detail}")
        self._take(progress)

    def panel(self) -> "RenderableType":
        """Bar and time; cells; trials that run; the best of each task; what went wrong."""
        from rich.console import Group
        from rich.text import Text

        progress = self._progress
        if progress is None:
            return Text(f"{self._study.name}: starting")
        seconds = progress.seconds + time.monotonic() - self._at
        ran, left = progress.done - progress.recorded, progress.total - progress.recorded
        past = f"  {progress.recorded:,} from the record" if progress.recorded else ""
        end = f"{progress.done:,} of ~{progress.total:,} trials  {_times(seconds, ran, left)}{past}"
        rows = self._cells(progress) if self._study.proposals else []
        running = progress.running[: min(self._slots, SHOWN)]
        idle = "waiting for workers" if progress.done < progress.total else "finished"
        words = [_running(ask) for ask in running] or [idle]
        if progress.under_way > SHOWN < self._slots:
            words.append(f"and {min(self._slots, progress.under_way) - SHOWN:,} more")
        rows += [("now" if not number else "", text) for number, text in enumerate(words)]
        best = [self._best(task) for task in progress.best]
        rows += [("best" if not number else "", text) for number, text in enumerate(best)]
        if trouble := self._trouble(progress):
            rows.append(("not ok", trouble))
        return Group(_head(self._study.name, progress.done, progress.total), Text(end), _rows(rows))

    def line(self) -> str:
        """Trials, cells, time, what runs, and the best of each task."""
        progress = self._progress
        if progress is None:
            return f"{self._study.name}: starting"
        ran, left = progress.done - progress.recorded, progress.total - progress.recorded
        best = ", ".join(
            f"{task} {measure(best.value)} {label(best.cell_id)}"
            for task, best in progress.best.items()
        )
        asks = progress.running[:1]
        parts = [f"{progress.done:,} of ~{progress.total:,} trials"]
        if self._study.proposals:
            parts.append(f"{progress.proposed:,} of {self._study.proposals:,} cells")
        parts.append(_times(progress.seconds, ran, left))
        parts += [f"now: {ask.role} {ask.trial.task}" for ask in asks if ask.trial]
        parts += [f"best: {best}"] if best else []
        return "  ".join(parts)

    def _take(self, progress: "Progress") -> None:
        self._progress, self._at = progress, time.monotonic()
        self.refresh()

    def _cells(self, progress: "Progress") -> list[tuple[str, str]]:
        turned = self._turned.total()
        causes = ", ".join(f"{count:,} {cause}" for cause, count in self._turned.most_common())
        rows = [("cells", f"{progress.proposed:,} of {self._study.proposals:,} proposed")]
        return [*rows, ("", f"{turned:,} turned away: {causes}")] if turned else rows

    def _best(self, task: str) -> str:
        progress, metric = self._progress, self._metrics[task]
        assert progress is not None  # noqa: S101  there is a best only after the first outcome
        best = progress.best[task]
        measured = self._measured.get(task)
        beside = ""
        if measured is not None and best.cell_id != self._yardstick:
            beside = f"  {label(self._yardstick)} {measure(measured)}"
        return f"{task:<13} {metric.label:<8} {measure(best.value)}  {label(best.cell_id)}{beside}"

    def _trouble(self, progress: "Progress") -> str:
        mishaps = [f"{count:,} {ending}" for ending, count in self._mishaps.most_common()]
        if progress.faults:
            mishaps.append(f"{progress.faults:,} attempts lost and repeated")
        return ", ".join(mishaps)


def _running(ask: "Ask") -> str:
    if ask.trial is None:
        return str(ask.role)
    origin = f"  {label(ask.parent_id)} + {', '.join(ask.operators)}" if ask.operators else ""
    return f"{ask.role:<10} {ask.trial.task:<13} {label(ask.trial.cell_id)}{origin}"


def _console() -> "Console":
    from rich.console import Console

    return Console(stderr=True)


def _head(name: str, done: int, total: int) -> "RenderableType":
    """A name and a bar that fills the line."""
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    head = Table.grid(padding=(0, 2), expand=True)
    head.add_column(no_wrap=True)
    head.add_column(ratio=1)
    head.add_row(Text(name, style="bold"), ProgressBar(total=max(total, 1), completed=done))
    return head


def _rows(rows: Iterable[tuple[str, str]]) -> "RenderableType":
    """Lines with a word in front, cut off at the edge."""
    from rich.table import Table
    from rich.text import Text

    grid: Any = Table.grid(padding=(0, 2))
    grid.add_column(width=6)
    grid.add_column()
    for word, text in rows:
        grid.add_row(Text(word, style="dim"), Text(text, no_wrap=True, overflow="ellipsis"))
    return grid


def _times(seconds: float, done: int, total: int) -> str:
    """Time gone, and time left at this pace where something is done that shows it."""
    if done <= 0:
        return f"{_clock(seconds)} gone"
    return f"{_clock(seconds)} gone, ~{_clock(seconds / done * max(total - done, 0))} left"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
