"""The driver: asks a strategy, feeds a pool, writes the record. One thread, the only writer.

Before `ask(n)` the strategy has been told exactly the outcomes of 0..n - lag, in order. Outcomes are
recorded as they come and told when their turn is, so neither the number of slots, nor their speed,
nor faults and restarts shape the history. A resume is the same loop over a store that is not empty:
asks are repeated and compared with the recorded ones, answered trials are not run again.

What one step of the loop writes is one transaction: outcomes that came, asks, attempts, events. So a
kill loses at most the step that was not yet committed. Within it an outcome is written before the
strategy is told of it, and slots may have begun trials whose asks are lost with it: a resume asks the
same again, and their outcomes have the same keys and facts.
"""

import gc
from collections import Counter, deque
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Final

from results.leaderboard.board import SELECTION
from results.record import history
from results.record.ask import Ask, Role
from results.record.decode import checksum
from results.record.history import History
from results.record.outcome import Ending, Outcome
from results.record.reading import RecordedAsk
from results.record.row import ask_json, clean_ask
from results.record.store import Store
from results.record.strike import Blame, Kind
from results.record.study import Study
from results.record.trial import Trial
from search.error import SearchError
from search.progress import SHOWN, Best, Observer, Progress, estimate
from search.run.clock import Clock
from search.run.guards.guard import Guard
from search.run.guards.strikes import STRIKES, Strikes
from search.run.interrupt import Interrupt, Interrupted
from search.run.pool import Arrival, Fault, Job, Pool
from search.run.reuse import Reuse
from search.settings.sampler import capacity
from search.strategies.strategy import Strategy
from tasks.task import Facts

ATTEMPTS: Final = 3
"""Times a trial may find too little memory in one start of the driver."""
_SLICE = 0.5
"""Seconds between two looks at deadlines."""
_EVENTS: Final = {
    Kind.DIED: "worker_lost",
    Kind.LEFT: "worker_lost",
    Kind.OVERDUE: "overdue",
    Kind.GUARDED: "guarded",
    Kind.EXHAUSTED: "memory",
}
"""What the events of a record call the kinds of strikes."""


@dataclass(frozen=True, slots=True)
class Summary:
    """How a run of the driver ended.

    Attributes:
        study_id, epoch: which study, and the number of this start.
        interrupted: stopped by a signal; the same command goes on from here.
        asks: in the record, idle ones included.
        ran: outcomes that this run computed.
        recorded: trials answered from the record.
        endings: of all outcomes of the study.
        faults: attempts of this run that ended without an outcome.
        best: of selection, by task.
        digest: of the history so far, see `results.record.history.digest`.
        seconds: of this run.
    """

    study_id: str
    epoch: int
    interrupted: bool
    asks: int
    ran: int
    recorded: int
    endings: Mapping[Ending, int]
    faults: int
    best: Mapping[str, Best]
    digest: str
    seconds: float


def run(
    study: Study,
    store: Store,
    pool: Pool,
    strategy: Strategy,
    observer: Observer,
    clock: Clock,
    facts: Iterable[Facts],
    provenance: Mapping[str, str],
    reuse: Reuse | None = None,
    guard: Guard | None = None,
) -> Summary:
    """Runs or resumes a study to its end, or until SIGINT or SIGTERM.

    Args:
        study: what to run.
        store: open for writing.
        pool: closed here only when interrupted.
        strategy: fresh: `ask` not yet called.
        observer: told of progress.
        clock: of elapsed time.
        facts: of all tasks of the study, for the record and for what is better.
        provenance: recorded with this start.
        reuse: outcomes of another record, taken over before a trial is sent.
        guard: how long trials may take, and how much memory; None for no guards but their budgets.

    Raises:
        SearchError: `resume.differs` if the strategy asks otherwise than recorded; `trial.poison` if a
            trial is struck out and the study stops there; from the pool.
        StoreError: from the store, which stays consistent.
    """
    guard = guard or Guard(None)
    driver = _Driver(study, store, pool, strategy, observer, clock, tuple(facts), reuse, guard)
    run_number = driver.begin(provenance)
    interrupted = False
    arrivals: list[Arrival] = []
    with _frozen(), Interrupt() as interrupt:
        try:
            while not driver.finished:
                # One commit for all that came while the last one was written.
                with store.together():
                    driver.take(arrivals)
                    driver.ask()
                    driver.send()
                try:
                    with interrupt.breakable(inside=pool.breakable):
                        arrivals = [] if driver.finished else pool.wait(_SLICE)
                finally:  # also of what ends the run
                    for notice in pool.notices():
                        driver.event(notice.kind, notice.detail)
        except Interrupted:
            interrupted = True
            pool.close()
            driver.event("interrupted", f"{driver.asked} asked, {driver.done} done")
        finally:
            if reuse is not None and reuse.counts:
                driver.event("reused", str(reuse))
    return driver.summary(run_number, interrupted)


@contextmanager
def _frozen() -> Generator[None]:
    """What is loaded by now stays, and is not looked through for garbage again and again."""
    if gc.get_freeze_count():  # by whoever started this process
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


class _Driver:
    """The state of one run; everything in it can be rebuilt from the store."""

    def __init__(
        self,
        study: Study,
        store: Store,
        pool: Pool,
        strategy: Strategy,
        observer: Observer,
        clock: Clock,
        facts: tuple[Facts, ...],
        reuse: Reuse | None,
        guard: Guard,
    ) -> None:
        self.study = study
        self.store = store
        self.pool = pool
        self.strategy = strategy
        self.observer = observer
        self.clock = clock
        self.facts = facts
        self.reuse = reuse
        self.guard = guard
        self.strikes = Strikes(0)
        self.started = clock.now()
        self.asked = 0
        self.done = 0
        self.faults = 0
        self._open: dict[int, Ask] = {}
        """Asks without an outcome, by index."""
        self._untold: dict[int, tuple[str, Outcome | None, str]] = {}
        """Of asks not told yet, idle or with an outcome: text, outcome and, if at hand, its facts."""
        self._texts: dict[int, str] = {}
        """What the history's digest covers of the asks in `_open`."""
        self._history = History(study.edition)
        self._told = 0
        self._over = False
        self._recorded: Iterator[RecordedAsk] = iter(())
        self._left = 0
        """RecordedAsk asks that were not repeated yet."""
        self._repeating = 0.0
        """Seconds in which recorded asks were repeated, those of the strategy included."""
        self._proposing = 0.0
        """Of these, seconds of the strategy."""
        self._answered = 0
        self._ran = 0
        self._unsent: deque[int] = deque()
        self._askers: dict[str, list[int]] = {}
        """Indices that wait for the outcome of a key; the first of them is sent."""
        self._attempts: Counter[int] = Counter()
        self._again: dict[int, int] = {}
        """Trials with strikes that wait to be sent again, with how many outcomes had come before."""
        self._came = 0
        self._sent = 0
        """Trials in slots."""
        self._exhausted: Counter[int] = Counter()
        self._roles: Counter[Role] = Counter()
        self._proposed: set[int] = set()
        self._endings: Counter[Ending] = Counter()
        self._best: dict[str, Best] = {}
        self._metrics = {task.name: task.metric for task in facts}
        self._certain = _certain(study)

    @property
    def finished(self) -> bool:
        """Whether the strategy is done and all its asks are answered."""
        return self._over and not self._askers

    def begin(self, provenance: Mapping[str, str]) -> int:
        """Starts an epoch and reads what earlier ones left."""
        study_id = self.study.id
        run_number = self.store.begin(self.study, provenance)
        self.strikes = Strikes(run_number, self.store.strikes(study_id))
        for task in self.facts:
            self.store.add_task(
                name=task.name,
                scale=task.scale,
                version=task.version,
                digest=task.digest,
                family=task.family,
                metric=task.metric.name,
                unit=task.unit,
                floors=[asdict(floor) for floor in task.floors],
                baselines=[asdict(baseline) for baseline in task.baselines],
            )
        row = next(row for row in self.store.studies() if row.id == study_id)
        self._left = row.asked
        if row.asked:
            self._recorded = self.store.replay(study_id)
            for index, attempt in self.store.select(
                "SELECT attempt.number, max(attempt) FROM attempt JOIN ask USING (study_id, number)"
                " LEFT JOIN outcome USING (trial_key)"
                " WHERE attempt.study_id = ? AND ending IS NULL GROUP BY attempt.number",
                study_id,
            ):
                self._attempts[int(index)] = int(attempt)
            unanswered = row.asked - row.answered
            self.event("resumed", f"{row.asked} asks recorded, {unanswered} without outcome")
        return run_number

    def ask(self) -> None:
        """Asks as far as the lag and the pool allow."""
        start, repeats = self.clock.now(), self._left > 0
        while not self._over and len(self._unsent) < max(1, self.pool.room):
            index = self.asked
            if not self._tell(index - self.study.lag):
                break
            asked = self.clock.now()
            ask = self.strategy.ask(index)
            self._proposing += self.clock.now() - asked
            if ask is None:
                self._end(index)
            else:
                self._enter(ask)
            if repeats and not self._left:
                repeats = False
                self._repeating += self.clock.now() - start
                self._say_repeated()
        if repeats:
            self._repeating += self.clock.now() - start

    def _tell(self, last: int) -> bool:
        """Tells the strategy of all up to `last`; False if one of them is still to come."""
        while self._told <= last:
            if self._told not in self._untold:
                return False
            text, outcome, facts = self._untold.pop(self._told)
            self._history.add(text, outcome, facts)
            told = self.clock.now()
            self.strategy.tell(self._told, outcome)
            self._proposing += self.clock.now() - told
            self._told += 1
        return True

    def _say_repeated(self) -> None:
        """Says how long the record took, and how long the strategy; nothing of it is recorded."""
        read = self._repeating - self._proposing
        detail = (
            f"{self.asked:,} asks: read and compared in {read:.1f} s,"
            f" proposed again by the strategy in {self._proposing:.1f} s"
        )
        self.observer.on_event("repeated", detail, self._progress())

    def send(self) -> None:
        """Hands trials to the pool as far as it has room; those with strikes first, each to its place."""
        for index in sorted(self._again, key=self._again.__getitem__):
            # Others come first, until one comes through: that tells a bad machine from a bad cell.
            if self._came == self._again[index] and (self._unsent or self._sent):
                continue
            seat = self.strikes.seat(index, self.pool.seats())
            if seat is not None:
                del self._again[index]
                self._submit(index, seat.slot)
        while self._unsent and self.pool.room > 0:
            self._submit(self._unsent.popleft())

    def take(self, arrivals: Sequence[Arrival]) -> None:
        """Records what came in one step: outcomes, and strikes of what must be sent again."""
        faults: list[Arrival] = []
        for arrival in arrivals:
            index = arrival.job.index
            self._sent -= 1
            self.strikes.back(index)
            if arrival.outcome is not None:
                self._came += 1
                self._ran += 1
                self.strikes.came(index, arrival.node)
                self._answer(index, Outcome.from_json(arrival.outcome))
            elif arrival.fault not in (Fault.DISPLACED, Fault.UNFIT):
                faults.append(arrival)
            elif self.strikes.knows(index):
                self._again[index] = -1
            else:
                self._unsent.appendleft(index)
        if faults:
            self._strike(faults)

    def _submit(self, index: int, slot: int | None = None) -> None:
        ask = self._open[index]
        trial = ask.trial
        assert trial is not None  # noqa: S101  idle asks are never queued
        self._attempts[index] += 1
        job = Job(
            index,
            self._attempts[index],
            trial.to_json(),
            self.guard.wall(trial),
            self.guard.limits(trial),
        )
        slot = self.pool.submit(job, slot)
        self._sent += 1
        self.store.add_attempt(self.study.id, index, job.attempt, str(slot))
        self.observer.on_sent(ask, self._progress())

    def _strike(self, faults: Sequence[Arrival]) -> None:
        """Records whose fault it was, and sends the trials again or ends with them."""
        strikes = self.strikes.judge(faults)
        for strike in strikes:
            self.store.add_strike(self.study.id, strike)
            if strike.kind is Kind.LEFT and strike.blame is Blame.MACHINE:
                continue  # said by the pool
            self.faults += 1
            where = f"slot {strike.slot} of {strike.node}" if strike.node else f"slot {strike.slot}"
            detail = f"attempt {strike.attempt} in {where}: {strike.detail}"
            self.event(_EVENTS[strike.kind], detail, strike.index)
        for strike in self.strikes.sick():
            self.store.add_strike(self.study.id, strike)
            self.pool.set_aside(strike.node, strike.detail)
        seats = self.pool.seats()
        for strike in strikes:
            index = strike.index
            if strike.kind is Kind.EXHAUSTED:
                self._exhausted[index] += 1
                if self._exhausted[index] >= ATTEMPTS:
                    raise SearchError(
                        "slot.memory",
                        f"{strike.detail}, in {ATTEMPTS} attempts",
                        "use machines with more memory, or give the trials of the study `bytes`",
                    )
            elif strike.blame is Blame.CELL and self.strikes.struck_out(index, seats):
                self._strike_out(index, strike.kind, strike.detail)
                continue
            self._again[index] = self._came

    def _strike_out(self, index: int, kind: Kind, detail: str) -> None:
        """Makes an outcome of a trial that has had its strikes, or ends the run."""
        trial = self._open[index].trial
        assert trial is not None  # noqa: S101
        if not self.done:
            raise SearchError(
                "pool.unfit",
                f"no trial of the study has come to an outcome yet: {self.strikes.told(index)}",
                "run `gatewright doctor`; where a guard ended it, give a higher --deadline-factor,"
                " or --no-guards",
            )
        if self.study.on_poison == "stop":
            where = f"ask {index} (cell {trial.cell_id}, {trial.task} at {trial.scale})"
            raise SearchError(
                "trial.poison",
                f"{where} never came to an outcome: {self.strikes.told(index)}",
                "a resume tries it once more; where a guard ended it, a higher --deadline-factor or"
                " --memory-share allows more, and --no-guards anything; a study with"
                ' on_poison = "record" leaves such a cell out and goes on',
            )
        ending = Ending.CRASHED
        if kind is Kind.GUARDED or (kind is Kind.OVERDUE and trial.budget.seconds is None):
            ending = Ending.GUARDED
        elif kind is Kind.OVERDUE:
            ending = Ending.TIMED_OUT
        count = max(STRIKES, len(self.strikes.own(index)))
        said = f"{count} attempts without an outcome; the last: {detail}"
        self._ran += 1
        self._answer(index, Outcome(trial.key, ending, detail=said))

    def event(self, kind: str, detail: str, index: int | None = None) -> None:
        """Records and shows something that happened to the run."""
        self.store.add_event(self.study.id, kind, detail, index)
        self.observer.on_event(kind, detail, self._progress())

    def summary(self, run_number: int, interrupted: bool) -> Summary:
        """How the run ended."""
        return Summary(
            study_id=self.study.id,
            epoch=run_number,
            interrupted=interrupted,
            asks=self.asked,
            ran=self._ran,
            recorded=self._answered,
            endings=dict(self._endings),
            faults=self.faults,
            best=dict(self._best),
            digest=self._digest(),
            seconds=self.clock.now() - self.started,
        )

    def _enter(self, ask: Ask) -> None:
        """Records a new ask, or compares it with the recorded one, and queues its trial."""
        index, ask = self.asked, clean_ask(ask)
        recorded = next(self._recorded, None)
        if recorded is None:
            self.store.add_ask(self.study.id, ask)
            text = ask_json(ask)
        else:
            ask, text = self._repeated(ask, recorded)
            self._left -= 1
        self.asked += 1
        self._roles[ask.role] += 1
        if ask.role is Role.SCREEN and ask.trial is not None:
            self._proposed.add(hash(ask.trial.cell_id))
        if recorded is None:
            self.observer.on_ask(ask, self._progress())
        if ask.trial is None:
            self._untold[index] = text, None, ""
            return
        self._open[index] = ask
        self._texts[index] = text
        key = ask.trial.key
        outcome = recorded and recorded.outcome
        # Another study of the store may know it.
        outcome = outcome or self.store.outcome(key) or self._reused(index, ask.trial)
        if outcome is not None:
            self._answered += 1
            self._settle(index, outcome, recorded.facts if recorded else "")
        elif key in self._askers:
            self._askers[key].append(index)
        else:
            self._askers[key] = [index]
            if self.strikes.knows(index):
                self._again[index] = -1
            else:
                self._unsent.append(index)

    def _repeated(self, ask: Ask, recorded: RecordedAsk) -> tuple[Ask, str]:
        """The ask with the key by which the record knows its trial, and its text for the history.

        Raises SearchError if another one is recorded.
        """
        trial = ask.trial
        if (
            trial is not None
            and recorded.key is not None
            and not trial.is_known_by(recorded.description, recorded.name)
            and trial.key != recorded.key
        ):
            # An earlier version may have described the same trial in other words.
            known = Trial.from_json(recorded.description)
            ask = replace(ask, trial=known) if known == trial else ask
        text = ask_json(ask)
        if checksum(text) == recorded.digest:
            return ask, text
        ((known_ask, _),) = self.store.part(self.study.id, [ask.index])
        if ask != known_ask:
            raise self._differs(ask.index)
        return known_ask, ask_json(known_ask)

    def _reused(self, index: int, trial: Trial) -> Outcome | None:
        """The outcome that another record has, now in this one too."""
        outcome = (
            self.reuse.outcome(trial) if self.reuse and trial.key not in self._askers else None
        )
        if outcome is None:
            return None
        return self.store.add_outcome(self.study.id, index, outcome)

    def _end(self, index: int) -> None:
        """The strategy has nothing more to ask."""
        if self._left:
            raise self._differs(index)
        self._over = True

    def _answer(self, index: int, outcome: Outcome) -> None:
        """Records an outcome and settles everything that waits for it."""
        # The strategy is told what a resume would tell it: the recorded form.
        recorded = self.store.add_outcome(self.study.id, index, outcome)
        for asker in self._askers.pop(outcome.key, ()):
            self._settle(asker, recorded)

    def _settle(self, index: int, outcome: Outcome, facts: str = "") -> None:
        ask = self._open.pop(index)
        self._untold[index] = self._texts.pop(index), outcome, facts
        self._attempts.pop(index, None)
        self._exhausted.pop(index, None)
        self.strikes.settled(index)
        if ask.trial is not None:
            self.guard.learn(ask.trial, outcome)
        self.done += 1
        self._endings[outcome.ending] += 1
        self._compare(ask, outcome)
        self.observer.on_outcome(ask, outcome, self._progress())

    def _compare(self, ask: Ask, outcome: Outcome) -> None:
        # Fresh seeds of the few that are confirmed are no match for the best of many settings.
        if ask.trial is None or ask.role not in SELECTION or outcome.ending is not Ending.OK:
            return
        task = ask.trial.task
        metric = self._metrics[task]
        value = metric.of(outcome, "valid")
        best = self._best.get(task)
        if value is None:
            return
        # Equal values go to the smaller id: outcomes arrive in any order.
        candidate = Best(ask.trial.cell_id, value)
        rank = (-metric.oriented(value), candidate.cell_id)
        if best is None or rank < (-metric.oriented(best.value), best.cell_id):
            self._best[task] = candidate

    def _progress(self) -> Progress:
        return Progress(
            done=self.done,
            total=estimate(
                self._roles,
                len(self._proposed),
                self.study.proposals,
                self._over,
                self._certain,
            ),
            proposed=len(self._proposed),
            recorded=self._answered,
            faults=self.faults,
            running=tuple(self._open[askers[0]] for askers in islice(self._askers.values(), SHOWN)),
            under_way=len(self._askers),
            best=self._best,
            seconds=self.clock.now() - self.started,
        )

    def _digest(self) -> str:
        """The digest of all asks of the record, told or not."""
        if self._left:  # the run ended before it had repeated them
            return history.digest(self.store, self.study.id)
        following = [
            self._untold[index][:2] if index in self._untold else (self._texts[index], None)
            for index in range(self._told, self.asked)
        ]
        return self._history.digest(following)

    def _differs(self, index: int) -> SearchError:
        return SearchError(
            "resume.differs",
            f"study {self.study.id}: ask {index} differs from the recorded one",
            "the code or the study changed since; go back to it, or use a new --store",
        )


def _certain(study: Study) -> int:
    """Trainings of the baselines: selection, then confirmation."""
    settings = min(study.baseline_settings, capacity(study.sampler, study.space))
    return round(len(study.baselines) * len(study.tasks) * (settings + study.confirm.seeds))
